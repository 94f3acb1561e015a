/** SHA-1 and SHA-256 in line (Arm ARM C7.2 SHA1*, SHA256*; FIPS 180-4): programs that find them here use nothing else. */
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { family, lanes, permute, shiftBy, type V128 } from './simd-row.ts';

type I32 = Value<'i32'>;
type Fields = 'rm' | 'rn' | 'rd';
type F = Readonly<Record<Fields, number>>;

const words = (t: Translator, v: V128): [I32, I32, I32, I32] => {
  const lane = (i: number): I32 => t.b.extract('i32x4.extract_lane', v, i);
  return [lane(0), lane(1), lane(2), lane(3)];
};

function vector(t: Translator, a: I32, b: I32, c: I32, d: I32): V128 {
  let v = t.b.i32x4.splat(a);
  for (const [i, x] of [b, c, d].entries()) v = t.b.replace('i32x4.replace_lane', v, i + 1, x);
  return v;
}

const add = (t: Translator, ...xs: I32[]): I32 => xs.reduce((x, y) => t.b.i32.add(x, y));
const xor = (t: Translator, ...xs: I32[]): I32 => xs.reduce((x, y) => t.b.i32.xor(x, y));
const rotr = (t: Translator, x: I32, n: number): I32 => t.b.i32.rotr(x, t.b.const32(n));

type Mix = (t: Translator, x: I32, y: I32, z: I32) => I32;
const choose: Mix = (t, x, y, z) => t.b.i32.xor(t.b.i32.and(t.b.i32.xor(y, z), x), z);
const parity: Mix = (t, x, y, z) => xor(t, x, y, z);
const majority: Mix = (t, x, y, z) => t.b.i32.or(t.b.i32.and(x, y), t.b.i32.and(t.b.i32.or(x, y), z));

/** SHA256H (part 1: abcd) and SHA256H2 (part 2: efgh): four rounds, of which one half is the result. */
function sha256Rounds(t: Translator, abcd: V128, efgh: V128, schedule: V128, part: 1 | 2): V128 {
  let [a, b, c, d] = words(t, abcd);
  let [e, f, g, h] = words(t, efgh);
  for (const w of words(t, schedule)) {
    const t1 = add(t, h, xor(t, rotr(t, e, 6), rotr(t, e, 11), rotr(t, e, 25)), choose(t, e, f, g), w);
    const t2 = add(t, xor(t, rotr(t, a, 2), rotr(t, a, 13), rotr(t, a, 22)), majority(t, a, b, c));
    [h, g, f, e] = [g, f, e, add(t, d, t1)];
    [d, c, b, a] = [c, b, a, add(t, t1, t2)];
  }
  return part === 1 ? vector(t, a, b, c, d) : vector(t, e, f, g, h);
}

/** Lane-wise x >>> r1 ^ x >>> r2 (rotations) ^ x >> s. */
function sigma(t: Translator, x: V128, r1: number, r2: number, s: number): V128 {
  const rotate = (n: number): V128 => t.b.v128.or(shiftBy(t, 2, 'shr_u', x, n), shiftBy(t, 2, 'shl', x, 32 - n));
  return t.b.v128.xor(t.b.v128.xor(rotate(r1), rotate(r2)), shiftBy(t, 2, 'shr_u', x, s));
}

function sha256su0(t: Translator, { rn, rd }: F): void {
  const d = t.v(rd);
  t.setV(rd, lanes(t, 2, 'add', d, sigma(t, permute(t, 2, d, t.v(rn), [1, 2, 3, 4]), 7, 18, 3)));
}

/** The upper two words depend on the lower two of the result. */
function sha256su1(t: Translator, { rm, rn, rd }: F): void {
  const [m, zero] = [t.v(rm), t.zero()];
  const base = lanes(t, 2, 'add', t.v(rd), permute(t, 2, t.v(rn), m, [1, 2, 3, 4]));
  const low = lanes(t, 2, 'add', base, sigma(t, permute(t, 2, m, zero, [2, 3, 4, 4]), 17, 19, 10));
  t.setV(rd, lanes(t, 2, 'add', low, sigma(t, permute(t, 2, low, zero, [4, 4, 0, 1]), 17, 19, 10)));
}

/** SHA1C, SHA1P, SHA1M: four rounds; e is the low word of n. */
function sha1Rounds(t: Translator, { rm, rn, rd }: F, mix: Mix): void {
  let [a, b, c, d] = words(t, t.v(rd));
  let e = t.sBits(rn);
  for (const w of words(t, t.v(rm))) {
    const next = add(t, e, rotr(t, a, 27), mix(t, b, c, d), w);
    [e, d, c, b, a] = [d, c, rotr(t, b, 2), a, next];
  }
  t.setV(rd, vector(t, a, b, c, d));
}

function sha1su0(t: Translator, { rm, rn, rd }: F): void {
  const d = t.v(rd);
  t.setV(rd, t.b.v128.xor(t.b.v128.xor(permute(t, 3, d, t.v(rn), [1, 2]), d), t.v(rm)));
}

/** The last word also takes the first word of the result, turned once more. */
function sha1su1(t: Translator, { rn, rd }: F): void {
  const x = t.b.v128.xor(t.v(rd), permute(t, 2, t.v(rn), t.zero(), [1, 2, 3, 4]));
  const turn = (v: V128): V128 => t.b.v128.or(shiftBy(t, 2, 'shl', v, 1), shiftBy(t, 2, 'shr_u', v, 31));
  const once = turn(x);
  t.setV(rd, t.b.v128.xor(once, turn(permute(t, 2, once, t.zero(), [4, 4, 4, 0]))));
}

// biome-ignore format: one instruction per line
export const cryptoHash: readonly Row<Translator>[] = [
  family<Fields>('sha1c <Qd>, <Sn>, <Vm>.4S', '01011110 00 0 rm:5 0 000 00 rn:5 rd:5', (t, f) => sha1Rounds(t, f, choose)),
  family<Fields>('sha1p <Qd>, <Sn>, <Vm>.4S', '01011110 00 0 rm:5 0 001 00 rn:5 rd:5', (t, f) => sha1Rounds(t, f, parity)),
  family<Fields>('sha1m <Qd>, <Sn>, <Vm>.4S', '01011110 00 0 rm:5 0 010 00 rn:5 rd:5', (t, f) => sha1Rounds(t, f, majority)),
  family<Fields>('sha1su0 <Vd>.4S, <Vn>.4S, <Vm>.4S', '01011110 00 0 rm:5 0 011 00 rn:5 rd:5', sha1su0),
  family<Fields>('sha1h <Sd>, <Sn>', '01011110 00 10100 00000 10 rn:5 rd:5', (t, { rn, rd }) => t.setSBits(rd, rotr(t, t.sBits(rn), 2))),
  family<Fields>('sha1su1 <Vd>.4S, <Vn>.4S', '01011110 00 10100 00001 10 rn:5 rd:5', sha1su1),
  family<Fields>('sha256h <Qd>, <Qn>, <Vm>.4S', '01011110 00 0 rm:5 0 100 00 rn:5 rd:5', (t, { rm, rn, rd }) => t.setV(rd, sha256Rounds(t, t.v(rd), t.v(rn), t.v(rm), 1))),
  family<Fields>('sha256h2 <Qd>, <Qn>, <Vm>.4S', '01011110 00 0 rm:5 0 101 00 rn:5 rd:5', (t, { rm, rn, rd }) => t.setV(rd, sha256Rounds(t, t.v(rn), t.v(rd), t.v(rm), 2))),
  family<Fields>('sha256su1 <Vd>.4S, <Vn>.4S, <Vm>.4S', '01011110 00 0 rm:5 0 110 00 rn:5 rd:5', sha256su1),
  family<Fields>('sha256su0 <Vd>.4S, <Vn>.4S', '01011110 00 10100 00010 10 rn:5 rd:5', sha256su0),
];
