/** Advanced SIMD copy, permute, extract, table lookup, modified immediate (Arm ARM C4.1.96.1–3, 8, 16, 20). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { expandImmediate } from './fp-data.ts';
import { insn } from './row.ts';
import { broadcast, family, LANES, lanes, permute, splat, unzip, type V128 } from './simd-row.ts';

/** imm5 = xxxx1 bytes, xxx10 halfwords, xx100 words, x1000 doublewords; above the marker the index. -1: reserved. */
const sizeOf = (imm5: number): number => ((imm5 & 15) === 0 ? -1 : Math.clz32(imm5 & -imm5) ^ 31);
const indexOf = (imm5: number): number => imm5 >> (sizeOf(imm5) + 1);

interface Copy {
  readonly q: number;
  readonly imm5: number;
  readonly rn: number;
  readonly rd: number;
}

/** Lane as i32 (zero-extended) or, for doublewords, i64. */
const getLane = (t: Translator, size: number, v: V128, index: number, signed = false): Value =>
  t.b.emit(`${LANES[size]}.extract_lane${size < 2 ? (signed ? '_s' : '_u') : ''}` as OpName, v, null, null, index);

const general = (t: Translator, size: number, n: number): Value => (size === 3 ? t.x(n) : t.w(n));

function dupElement(t: Translator, { q, imm5, rn, rd }: Copy): void {
  const size = sizeOf(imm5);
  if (size < 0 || (size === 3 && q === 0)) return t.undefined();
  t.setVq(rd, q, broadcast(t, size, t.v(rn), indexOf(imm5)));
}

function dupGeneral(t: Translator, { q, imm5, rn, rd }: Copy): void {
  const size = sizeOf(imm5);
  if (size < 0 || (size === 3 && q === 0)) return t.undefined();
  t.setVq(rd, q, t.b.emit(`${LANES[size]}.splat` as OpName, general(t, size, rn)) as V128);
}

function dupScalar(t: Translator, { imm5, rn, rd }: Omit<Copy, 'q'>): void {
  const size = sizeOf(imm5);
  if (size < 0) return t.undefined();
  const lane = getLane(t, size, t.v(rn), indexOf(imm5));
  if (size === 3) t.setDBits(rd, lane as Value<'i64'>);
  else t.setSBits(rd, lane as Value<'i32'>);
}

function insGeneral(t: Translator, { imm5, rn, rd }: Omit<Copy, 'q'>): void {
  const size = sizeOf(imm5);
  if (size < 0) return t.undefined();
  t.setV(rd, t.b.replace(`${LANES[size]}.replace_lane` as OpName, t.v(rd), indexOf(imm5), general(t, size, rn)));
}

function insElement(t: Translator, { imm5, imm4, rn, rd }: Omit<Copy, 'q'> & { readonly imm4: number }): void {
  const size = sizeOf(imm5);
  if (size < 0) return t.undefined();
  const order = Array.from({ length: 16 >> size }, (_, i) => i);
  order[indexOf(imm5)] = (16 >> size) + (imm4 >> size);
  t.setV(rd, permute(t, size, t.v(rd), t.v(rn), order));
}

function umov(t: Translator, { q, imm5, rn, rd }: Copy): void {
  const size = sizeOf(imm5);
  if (size < 0 || q !== (size === 3 ? 1 : 0)) return t.undefined();
  const lane = getLane(t, size, t.v(rn), indexOf(imm5));
  if (size === 3) t.setX(rd, lane as Value<'i64'>);
  else t.setW(rd, lane as Value<'i32'>);
}

function smov(t: Translator, { q, imm5, rn, rd }: Copy): void {
  const size = sizeOf(imm5);
  if (size < 0 || size > 1 + q) return t.undefined();
  const lane = getLane(t, size, t.v(rn), indexOf(imm5), true) as Value<'i32'>;
  if (q) t.setX(rd, t.b.i64.extend_i32_s(lane));
  else t.setW(rd, lane);
}

interface Three {
  readonly q: number;
  readonly size: number;
  readonly rm: number;
  readonly rn: number;
  readonly rd: number;
}

/** ZIP and TRN: which lane of n (or, from `all` on, of m) goes where. */
function order(q: number, size: number, pick: (i: number, count: number, all: number) => number): number[] {
  const all = 16 >> size;
  const count = q ? all : all >> 1;
  return Array.from({ length: all }, (_, i) => pick(i % count, count, all));
}

function permuteRow(name: string, opcode: string, f: (t: Translator, o: Three) => V128): Row<Translator> {
  const pattern = `0 q:1 001110 size:2 0 rm:5 0 ${opcode} 10 rn:5 rd:5`;
  return family<keyof Three>(`${name} <Vd>.<T>, <Vn>.<T>, <Vm>.<T>`, pattern, (t, o) =>
    o.size === 3 && o.q === 0 ? t.undefined() : t.setVq(o.rd, o.q, f(t, o)),
  );
}

const uzp = (odd: number) => (t: Translator, o: Three) => unzip(t, o.size, o.q, t.v(o.rn), t.v(o.rm), odd);
const trn = (odd: number) => (t: Translator, o: Three) =>
  permute(
    t,
    o.size,
    t.v(o.rn),
    t.v(o.rm),
    order(o.q, o.size, (i, _count, all) => (i & ~1) + odd + (i & 1 ? all : 0)),
  );
const zip = (high: number) => (t: Translator, o: Three) =>
  permute(
    t,
    o.size,
    t.v(o.rn),
    t.v(o.rm),
    order(o.q, o.size, (i, count, all) => (i >> 1) + (high ? count >> 1 : 0) + (i & 1 ? all : 0)),
  );

function extract(t: Translator, q: number, rm: number, imm4: number, rn: number, rd: number): void {
  if (q === 0 && imm4 > 7) return t.undefined();
  const width = q ? 16 : 8;
  const source = (i: number): number => (i < width ? i : i - width + 16);
  t.setVq(
    rd,
    q,
    t.b.shuffle(
      t.v(rn),
      t.v(rm),
      Array.from({ length: 16 }, (_, i) => source((i % width) + imm4)),
    ),
  );
}

/** wasm's swizzle gives 0 beyond 15, so each register of the table sees the index less what is before it. */
function lookup(t: Translator, f: { q: number; rm: number; len: number; rn: number; rd: number }, keep: boolean): void {
  const index = t.v(f.rm);
  let result: V128 | null = null;
  for (let i = 0; i <= f.len; i++) {
    const at = i === 0 ? index : lanes(t, 0, 'sub', index, splat(t, 0, BigInt(16 * i)));
    const part = t.b.i8x16.swizzle(t.v((f.rn + i) & 31), at);
    result = result ? t.b.v128.or(result, part) : part;
  }
  const found = result as V128;
  if (!keep) return t.setVq(f.rd, f.q, found);
  const inside = t.b.i8x16.lt_u(index, splat(t, 0, BigInt(16 * (f.len + 1))));
  t.setVq(f.rd, f.q, t.b.v128.bitselect(found, t.v(f.rd), inside));
}

/** AdvSIMDExpandImm (Arm ARM J1.3), 64 bits. */
export function expandVectorImmediate(op: number, cmode: number, imm8: number): bigint {
  const v = BigInt(imm8);
  const repeat = (word: bigint, bits: bigint): bigint => {
    let out = 0n;
    for (let at = 0n; at < 64n; at += bits) out |= word << at;
    return out;
  };
  if (cmode < 8) return repeat(v << BigInt(8 * (cmode >> 1)), 32n);
  if (cmode < 12) return repeat(v << BigInt(8 * ((cmode >> 1) & 1)), 16n);
  if (cmode === 12) return repeat((v << 8n) | 0xffn, 32n);
  if (cmode === 13) return repeat((v << 16n) | 0xffffn, 32n);
  if (cmode === 14 && op === 0) return repeat(v, 8n);
  if (cmode === 14) {
    let out = 0n;
    for (let bit = 0; bit < 8; bit++) if ((imm8 >> bit) & 1) out |= 0xffn << BigInt(8 * bit);
    return out;
  }
  return op ? expandImmediate(imm8, 3) : repeat(expandImmediate(imm8, 2), 32n);
}

interface Modified {
  readonly q: number;
  readonly imm8: number;
  readonly rd: number;
}

/** MOVI, MVNI, FMOV, and for odd cmode below 12 ORR, BIC. */
function modified(t: Translator, op: number, cmode: number, { q, imm8, rd }: Modified): void {
  if (cmode === 15 && op === 1 && q === 0) return t.undefined();
  const imm = expandVectorImmediate(op, cmode, imm8);
  const constant = t.b.constV64(imm, imm);
  if (cmode < 12 && (cmode & 1) === 1) {
    return t.setVq(rd, q, op ? t.b.v128.andnot(t.v(rd), constant) : t.b.v128.or(t.v(rd), constant));
  }
  const value = op && cmode < 14 ? BigInt.asUintN(64, ~imm) : imm;
  t.setV(rd, t.b.constV64(value, q ? value : 0n));
}

// biome-ignore format: a table
const immediates: readonly (readonly [syntax: string, op: number, modes: readonly number[]])[] = [
  ['movi <Vd>.<T>, #<imm8>, LSL #<amount>', 0, [0, 2, 4, 6]], ['movi <Vd>.<T>, #<imm8>, LSL #<amount>', 0, [8, 10]],
  ['movi <Vd>.<T>, #<imm8>, MSL #<amount>', 0, [12, 13]], ['movi <Vd>.<T>, #<imm8>', 0, [14]],
  ['fmov <Vd>.<T>, #<imm>', 0, [15]],
  ['orr <Vd>.<T>, #<imm8>, LSL #<amount>', 0, [1, 3, 5, 7]], ['orr <Vd>.<T>, #<imm8>, LSL #<amount>', 0, [9, 11]],
  ['mvni <Vd>.<T>, #<imm8>, LSL #<amount>', 1, [0, 2, 4, 6]], ['mvni <Vd>.<T>, #<imm8>, LSL #<amount>', 1, [8, 10]],
  ['mvni <Vd>.<T>, #<imm8>, MSL #<amount>', 1, [12, 13]], ['movi <Vd>.2D, #<imm>', 1, [14]],
  ['fmov <Vd>.2D, #<imm>', 1, [15]],
  ['bic <Vd>.<T>, #<imm8>, LSL #<amount>', 1, [1, 3, 5, 7]], ['bic <Vd>.<T>, #<imm8>, LSL #<amount>', 1, [9, 11]],
];

const immediateRows = immediates.flatMap(([syntax, op, modes]) =>
  modes.map((cmode) => {
    const pattern = `0 q:1 ${op} 0111100000 imm8:3 ${cmode.toString(2).padStart(4, '0')} 01 imm8:5 rd:5`;
    return family<'q' | 'imm8' | 'rd'>(syntax, pattern, (t, f) => modified(t, op, cmode, f));
  }),
);

// biome-ignore format: one instruction per line
export const simdCopy: readonly Row<Translator>[] = [
  insn('dup <Vd>.<T>, <Vn>.<Ts>[<index>]', '0 q:1 0 01110000 imm5:5 0 0000 1 rn:5 rd:5', (t, f) => dupElement(t, f)),
  insn('dup <Vd>.<T>, <R>n', '0 q:1 0 01110000 imm5:5 0 0001 1 rn:5 rd:5', (t, f) => dupGeneral(t, f)),
  insn('dup <V>d, <Vn>.<Ts>[<index>]', '01 0 11110000 imm5:5 0 0000 1 rn:5 rd:5', (t, f) => dupScalar(t, f)),
  insn('smov <R>d, <Vn>.<Ts>[<index>]', '0 q:1 0 01110000 imm5:5 0 0101 1 rn:5 rd:5', (t, f) => smov(t, f)),
  insn('umov <R>d, <Vn>.<Ts>[<index>]', '0 q:1 0 01110000 imm5:5 0 0111 1 rn:5 rd:5', (t, f) => umov(t, f)),
  insn('ins <Vd>.<Ts>[<index>], <R>n', '0 1 0 01110000 imm5:5 0 0011 1 rn:5 rd:5', (t, f) => insGeneral(t, f)),
  insn('ins <Vd>.<Ts>[<index1>], <Vn>.<Ts>[<index2>]', '0 1 1 01110000 imm5:5 0 imm4:4 1 rn:5 rd:5', (t, f) => insElement(t, f)),
  permuteRow('uzp1', '001', uzp(0)), permuteRow('uzp2', '101', uzp(1)),
  permuteRow('trn1', '010', trn(0)), permuteRow('trn2', '110', trn(1)),
  permuteRow('zip1', '011', zip(0)), permuteRow('zip2', '111', zip(1)),
  insn('ext <Vd>.<T>, <Vn>.<T>, <Vm>.<T>, #<index>', '0 q:1 101110 000 rm:5 0 imm4:4 0 rn:5 rd:5', (t, { q, rm, imm4, rn, rd }) => extract(t, q, rm, imm4, rn, rd)),
  insn('tbl <Vd>.<Ta>, {<Vn>.16B, …}, <Vm>.<Ta>', '0 q:1 001110 000 rm:5 0 len:2 0 00 rn:5 rd:5', (t, f) => lookup(t, f, false)),
  insn('tbx <Vd>.<Ta>, {<Vn>.16B, …}, <Vm>.<Ta>', '0 q:1 001110 000 rm:5 0 len:2 1 00 rn:5 rd:5', (t, f) => lookup(t, f, true)),
  ...immediateRows,
  insn('fmov <Vd>.<T>, #<imm>', '0 q:1 0 0111100000 imm8:3 1111 11 imm8:5 rd:5', (t, { q, imm8, rd }) => t.setVq(rd, q, splat(t, 1, expandImmediate(imm8, 1)))),
];
