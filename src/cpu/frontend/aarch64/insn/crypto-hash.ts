/** SHA-1 and SHA-256 in line (Arm ARM C7.2 SHA1*, SHA256*; FIPS 180-4): programs that find them here use nothing else. */
import type { Row } from '../../row.ts';
import { add, choose, type Mix, majority, parity, rotr, sigma0, sigma1, sum0, sum1, turned, vectorOf, words } from '../../sha.ts'; // biome-ignore format: one line
import type { Translator } from '../translator.ts';
import { family, lanes, permute, type V128 } from './simd-row.ts';

type Fields = 'rm' | 'rn' | 'rd';
type F = Readonly<Record<Fields, number>>;

/** SHA256H (part 1: abcd) and SHA256H2 (part 2: efgh): four rounds, of which one half is the result. */
function sha256Rounds(t: Translator, abcd: V128, efgh: V128, schedule: V128, part: 1 | 2): V128 {
  let [a, b, c, d] = words(t.b, abcd);
  let [e, f, g, h] = words(t.b, efgh);
  for (const w of words(t.b, schedule)) {
    const t1 = add(t.b, h, sum1(t.b, e), choose(t.b, e, f, g), w);
    const t2 = add(t.b, sum0(t.b, a), majority(t.b, a, b, c));
    [h, g, f, e] = [g, f, e, add(t.b, d, t1)];
    [d, c, b, a] = [c, b, a, add(t.b, t1, t2)];
  }
  return part === 1 ? vectorOf(t.b, a, b, c, d) : vectorOf(t.b, e, f, g, h);
}

function sha256su0(t: Translator, { rn, rd }: F): void {
  const d = t.v(rd);
  t.setV(rd, lanes(t, 2, 'add', d, sigma0(t.b, permute(t, 2, d, t.v(rn), [1, 2, 3, 4]))));
}

/** The upper two words depend on the lower two of the result. */
function sha256su1(t: Translator, { rm, rn, rd }: F): void {
  const [m, zero] = [t.v(rm), t.zero()];
  const base = lanes(t, 2, 'add', t.v(rd), permute(t, 2, t.v(rn), m, [1, 2, 3, 4]));
  const low = lanes(t, 2, 'add', base, sigma1(t.b, permute(t, 2, m, zero, [2, 3, 4, 4])));
  t.setV(rd, lanes(t, 2, 'add', low, sigma1(t.b, permute(t, 2, low, zero, [4, 4, 0, 1]))));
}

/** SHA1C, SHA1P, SHA1M: four rounds; e is the low word of n. */
function sha1Rounds(t: Translator, { rm, rn, rd }: F, mix: Mix): void {
  let [a, b, c, d] = words(t.b, t.v(rd));
  let e = t.sBits(rn);
  for (const w of words(t.b, t.v(rm))) {
    const next = add(t.b, e, rotr(t.b, a, 27), mix(t.b, b, c, d), w);
    [e, d, c, b, a] = [d, c, rotr(t.b, b, 2), a, next];
  }
  t.setV(rd, vectorOf(t.b, a, b, c, d));
}

function sha1su0(t: Translator, { rm, rn, rd }: F): void {
  const d = t.v(rd);
  t.setV(rd, t.b.v128.xor(t.b.v128.xor(permute(t, 3, d, t.v(rn), [1, 2]), d), t.v(rm)));
}

/** The last word also takes the first word of the result, turned once more. */
function sha1su1(t: Translator, { rn, rd }: F): void {
  const x = t.b.v128.xor(t.v(rd), permute(t, 2, t.v(rn), t.zero(), [1, 2, 3, 4]));
  const once = turned(t.b, x, 31);
  t.setV(rd, t.b.v128.xor(once, turned(t.b, permute(t, 2, once, t.zero(), [4, 4, 4, 0]), 31)));
}

// biome-ignore format: one instruction per line
export const cryptoHash: readonly Row<Translator>[] = [
  family<Fields>('sha1c <Qd>, <Sn>, <Vm>.4S', '01011110 00 0 rm:5 0 000 00 rn:5 rd:5', (t, f) => sha1Rounds(t, f, choose)),
  family<Fields>('sha1p <Qd>, <Sn>, <Vm>.4S', '01011110 00 0 rm:5 0 001 00 rn:5 rd:5', (t, f) => sha1Rounds(t, f, parity)),
  family<Fields>('sha1m <Qd>, <Sn>, <Vm>.4S', '01011110 00 0 rm:5 0 010 00 rn:5 rd:5', (t, f) => sha1Rounds(t, f, majority)),
  family<Fields>('sha1su0 <Vd>.4S, <Vn>.4S, <Vm>.4S', '01011110 00 0 rm:5 0 011 00 rn:5 rd:5', sha1su0),
  family<Fields>('sha1h <Sd>, <Sn>', '01011110 00 10100 00000 10 rn:5 rd:5', (t, { rn, rd }) => t.setSBits(rd, rotr(t.b, t.sBits(rn), 2))),
  family<Fields>('sha1su1 <Vd>.4S, <Vn>.4S', '01011110 00 10100 00001 10 rn:5 rd:5', sha1su1),
  family<Fields>('sha256h <Qd>, <Qn>, <Vm>.4S', '01011110 00 0 rm:5 0 100 00 rn:5 rd:5', (t, { rm, rn, rd }) => t.setV(rd, sha256Rounds(t, t.v(rd), t.v(rn), t.v(rm), 1))),
  family<Fields>('sha256h2 <Qd>, <Qn>, <Vm>.4S', '01011110 00 0 rm:5 0 101 00 rn:5 rd:5', (t, { rm, rn, rd }) => t.setV(rd, sha256Rounds(t, t.v(rn), t.v(rd), t.v(rm), 2))),
  family<Fields>('sha256su1 <Vd>.4S, <Vn>.4S, <Vm>.4S', '01011110 00 0 rm:5 0 110 00 rn:5 rd:5', sha256su1),
  family<Fields>('sha256su0 <Vd>.4S, <Vn>.4S', '01011110 00 10100 00010 10 rn:5 rd:5', sha256su0),
];
