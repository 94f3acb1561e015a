import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import { reverse, reverse16 } from '../endian.ts';
import { PC, Sys } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { setQ } from './multiply.ts';
import { a32, type F, t16, t32 } from './row.ts';
import { shifted } from './shift.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;

// ── extension, reversal, bit fields ──

type Extend = 'b' | 'h' | 'b16';

const extended = (t: Translator, v: I32, what: Extend, signed: boolean): I32 => {
  const { i32 } = t.b;
  if (what === 'b') return signed ? i32.extend8_s(v) : i32.and(v, t.imm(0xff));
  if (what === 'h') return signed ? i32.extend16_s(v) : i32.and(v, t.imm(0xffff));
  if (!signed) return i32.and(v, t.imm(0x00ff00ff));
  const low = i32.and(i32.extend8_s(v), t.imm(0xffff));
  return i32.or(low, i32.shl(i32.extend8_s(i32.shr_u(v, t.imm(16))), t.imm(16)));
};

/** SXTAB16 … UXTH: rotate, extend, add (rn = 15: no addend). */
const extend = (t: Translator, f: F, what: Extend, signed: boolean): void => {
  const { i32 } = t.b;
  const m = t.r(f.rm as number);
  const v = extended(t, f.rotate === 0 ? m : i32.rotr(m, t.imm((f.rotate as number) * 8)), what, signed);
  if (f.rn === PC) return t.setR(f.rd as number, v);
  const n = t.r(f.rn as number);
  if (what !== 'b16') return t.setR(f.rd as number, i32.add(n, v));
  const low = i32.and(i32.add(n, v), t.imm(0xffff));
  const high = i32.add(i32.and(n, t.imm(0xffff0000 | 0)), i32.and(v, t.imm(0xffff0000 | 0)));
  t.setR(f.rd as number, i32.or(high, low));
};

const reverseBits = (t: Translator, v: I32): I32 => {
  const { i32 } = t.b;
  let r = reverse(t.b, v);
  for (const [n, mask] of [
    [4, 0x0f0f0f0f],
    [2, 0x33333333],
    [1, 0x55555555],
  ] as const) {
    r = i32.or(i32.and(i32.shr_u(r, t.imm(n)), t.imm(mask)), i32.shl(i32.and(r, t.imm(mask)), t.imm(n)));
  }
  return r;
};

const insertField = (t: Translator, f: F): void => {
  const { lsb, msb, rn, rd } = f as { lsb: number; msb: number; rn: number; rd: number };
  if (msb < lsb) return t.undefined();
  const mask = (2 ** (msb - lsb + 1) - 1) * 2 ** lsb;
  const kept = t.b.i32.and(t.r(rd), t.imm(~mask));
  if (rn === PC) return t.setR(rd, kept);
  t.setR(rd, t.b.i32.or(kept, t.b.i32.and(t.b.i32.shl(t.r(rn), t.imm(lsb)), t.imm(mask))));
};
const extractField = (t: Translator, f: F, signed: boolean): void => {
  const { lsb, widthm1, rn, rd } = f as { lsb: number; widthm1: number; rn: number; rd: number };
  if (lsb + widthm1 > 31) return t.undefined();
  const { i32 } = t.b;
  if (!signed && widthm1 < 31) {
    return t.setR(rd, i32.and(i32.shr_u(t.r(rn), t.imm(lsb)), t.imm(2 ** (widthm1 + 1) - 1)));
  }
  const up = i32.shl(t.r(rn), t.imm(31 - lsb - widthm1));
  t.setR(rd, signed ? i32.shr_s(up, t.imm(31 - widthm1)) : i32.shr_u(up, t.imm(31 - widthm1)));
};

/** PKHBT, PKHTB; ASR #0 is #32. */
const pack = (t: Translator, f: F): void => {
  const { i32 } = t.b;
  const m = shifted(t, t.r(f.rm as number), f.tb === 1 ? 2 : 0, f.imm5 as number);
  const n = t.r(f.rn as number);
  const [high, low] = f.tb === 1 ? [n, m] : [m, n];
  t.setR(f.rd as number, i32.or(i32.and(high, t.imm(0xffff0000 | 0)), i32.and(low, t.imm(0xffff))));
};

// ── saturation ──

/** v kept within [low, high], and whether that changed it. */
const clamp = (t: Translator, v: I32, low: number, high: number): { r: I32; q: I32 } => {
  const { i32 } = t.b;
  const above = i32.gt_s(v, t.imm(high));
  const below = i32.lt_s(v, t.imm(low));
  return { r: i32.select(t.imm(high), i32.select(t.imm(low), v, below), above), q: i32.or(above, below) };
};

const saturate = (t: Translator, f: F, signed: boolean): void => {
  const bits = (f.sat as number) + (signed ? 1 : 0);
  const v = shifted(t, t.r(f.rn as number), f.sh === 1 ? 2 : 0, f.imm5 as number);
  const high = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const { r, q } = clamp(t, v, signed ? -(2 ** (bits - 1)) : 0, high);
  setQ(t, q);
  t.setR(f.rd as number, r);
};
const saturate16 = (t: Translator, f: F, signed: boolean): void => {
  const { i32 } = t.b;
  const bits = (f.sat as number) + (signed ? 1 : 0);
  const [low, high] = [signed ? -(2 ** (bits - 1)) : 0, signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1];
  const n = t.r(f.rn as number);
  const a = clamp(t, i32.extend16_s(n), low, high);
  const b = clamp(t, i32.shr_s(n, t.imm(16)), low, high);
  setQ(t, i32.or(a.q, b.q));
  t.setR(f.rd as number, i32.or(i32.and(a.r, t.imm(0xffff)), i32.shl(b.r, t.imm(16))));
};

/** A 64-bit sum as a saturated word, and whether it did not fit. */
const saturated = (t: Translator, v: I64): { r: I32; q: I32 } => {
  const { i32, i64 } = t.b;
  const r = i32.wrap_i64(v);
  const q = i64.ne(v, i64.extend_i32_s(r));
  const limit = i32.xor(i32.wrap_i64(i64.shr_s(v, t.b.const64(63))), t.imm(0x7fffffff));
  return { r: i32.select(limit, r, q), q };
};
/** QADD, QSUB, QDADD, QDSUB. */
const saturatingAdd = (t: Translator, f: F, sub: boolean, double: boolean): void => {
  const { i64 } = t.b;
  const wide = (v: I32): I64 => i64.extend_i32_s(v);
  let n = wide(t.r(f.rn as number));
  let doubled: I32 | null = null;
  if (double) {
    const d = saturated(t, i64.add(n, n));
    doubled = d.q;
    n = wide(d.r);
  }
  const m = wide(t.r(f.rm as number));
  const { r, q } = saturated(t, sub ? i64.sub(m, n) : i64.add(m, n));
  setQ(t, doubled ? t.b.i32.or(q, doubled) : q);
  t.setR(f.rd as number, r);
};

// ── parallel addition and subtraction ──

type Parallel = 's' | 'q' | 'sh' | 'u' | 'uq' | 'uh';

/** One lane of `bits`: the operands are lanes already extended; gives the lane (upper bits are not cleared) and GE. */
const lane = (
  t: Translator,
  kind: Parallel,
  sub: boolean,
  n: I32,
  m: I32,
  bits: number,
): { v: I32; ge: I32 | null } => {
  const { i32 } = t.b;
  const r = sub ? i32.sub(n, m) : i32.add(n, m);
  switch (kind) {
    case 's':
      return { v: r, ge: i32.ge_s(r, t.imm(0)) };
    case 'u':
      return { v: r, ge: sub ? i32.ge_s(r, t.imm(0)) : i32.ge_s(r, t.imm(2 ** bits)) };
    case 'sh':
    case 'uh':
      return { v: i32.shr_s(r, t.imm(1)), ge: null };
    case 'q':
      return { v: clamp(t, r, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).r, ge: null };
    case 'uq':
      return { v: clamp(t, r, 0, 2 ** bits - 1).r, ge: null };
  }
};

/** SADD16 … UHSUB8: `exchange` crosses the halves of m and does not do the same in both (ASX, SAX). */
const parallel = (t: Translator, f: F, kind: Parallel, op: string): void => {
  const { i32 } = t.b;
  const [n, m] = [t.r(f.rn as number), t.r(f.rm as number)];
  const signed = kind === 's' || kind === 'q' || kind === 'sh';
  const bits = op.endsWith('8') ? 8 : 16;
  const exchange = op === 'asx' || op === 'sax';
  const take = (v: I32, at: number): I32 => {
    const low = at === 0 ? v : i32.shr_u(v, t.imm(at));
    if (!signed) return i32.and(low, t.imm(2 ** bits - 1));
    return bits === 8 ? i32.extend8_s(low) : i32.extend16_s(low);
  };
  let out: I32 | null = null;
  let ge: I32 | null = null;
  const join = (all: I32 | null, part: I32): I32 => (all ? i32.or(all, part) : part);
  for (let at = 0; at < 32; at += bits) {
    const sub = op === 'asx' ? at === 0 : op === 'sax' ? at !== 0 : op.startsWith('sub');
    const one = lane(t, kind, sub, take(n, at), take(m, exchange ? 16 - at : at), bits);
    const masked = i32.and(one.v, t.imm(2 ** bits - 1));
    out = join(out, at === 0 ? masked : i32.shl(masked, t.imm(at)));
    if (one.ge) ge = join(ge, i32.and(i32.sub(t.imm(0), one.ge), t.imm((2 ** bits - 1) * 2 ** at)));
  }
  if (ge) t.set(Sys.GE, ge);
  t.setR(f.rd as number, out as I32);
};

/** SEL: bytes by GE. */
const select = (t: Translator, f: F): void => {
  const { i32 } = t.b;
  const ge = t.b.get('i32', Sys.GE);
  const [n, m] = [t.r(f.rn as number), t.r(f.rm as number)];
  t.setR(f.rd as number, i32.xor(m, i32.and(i32.xor(n, m), ge)));
};

const KINDS: readonly (readonly [kind: Parallel, a32: string, t32: string])[] = [['s', '001', '000'], ['q', '010', '001'], ['sh', '011', '010'], ['u', '101', '100'], ['uq', '110', '101'], ['uh', '111', '110']]; // biome-ignore format: a table
const OPS: readonly (readonly [op: string, a32: string, t32: string])[] = [['add16', '000', '001'], ['asx', '001', '010'], ['sax', '010', '110'], ['sub16', '011', '101'], ['add8', '100', '000'], ['sub8', '111', '100']]; // biome-ignore format: a table

const parallelRows = (isA32: boolean): Row<Translator>[] =>
  KINDS.flatMap(([kind, k32, kt]) =>
    OPS.map(([op, o32, ot]) => {
      const syntax = `${kind}${op}<c> <Rd>, <Rn>, <Rm>`;
      const lift = (t: Translator, f: F): void => parallel(t, f, kind, op);
      return isA32
        ? a32(syntax, `0110 0 ${k32} rn:4 rd:4 1111 ${o32} 1 rm:4` as string, lift)
        : t32(syntax, `11111010 1 ${ot} rn:4 1111 rd:4 0 ${kt} rm:4` as string, lift);
    }),
  );

const EXTENDS: readonly (readonly [name: string, what: Extend, signed: boolean, a32: string, t32: string])[] = [
  ['sxtab16', 'b16', true, '0 00', '010'],
  ['sxtab', 'b', true, '0 10', '100'],
  ['sxtah', 'h', true, '0 11', '000'],
  ['uxtab16', 'b16', false, '1 00', '011'],
  ['uxtab', 'b', false, '1 10', '101'],
  ['uxtah', 'h', false, '1 11', '001'],
];
const extendRows = (isA32: boolean): Row<Translator>[] =>
  EXTENDS.flatMap(([name, what, signed, a, b]) =>
    ['rn:4', '1111'].map((rn) => {
      const plain = rn === '1111';
      const syntax = plain ? `${name.replace('a', '')}<c>${isA32 ? '' : '.w'} <Rd>, <Rm>{, <rotation>}` : `${name}<c> <Rd>, <Rn>, <Rm>{, <rotation>}`;
      const lift = (t: Translator, f: F): void => extend(t, plain ? { ...f, rn: PC } : f, what, signed);
      return isA32
        ? a32(syntax, `01101 ${a} ${rn} rd:4 rotate:2 00 0111 rm:4` as string, lift)
        : t32(syntax, `11111010 0 ${b} ${rn} 1111 rd:4 1 0 rotate:2 rm:4` as string, lift);
    }),
  ); // biome-ignore format: one instruction per line

const clz = (t: Translator, f: F): void => t.setR(f.rd as number, t.b.i32.clz(t.r(f.rm as number)));
const rev = (t: Translator, f: F): void => t.setR(f.rd as number, reverse(t.b, t.r(f.rm as number)));
const rev16 = (t: Translator, f: F): void => t.setR(f.rd as number, reverse16(t.b, t.r(f.rm as number)));
const revsh = (t: Translator, f: F): void =>
  t.setR(f.rd as number, t.b.i32.extend16_s(reverse16(t.b, t.r(f.rm as number))));
const rbit = (t: Translator, f: F): void => t.setR(f.rd as number, reverseBits(t, t.r(f.rm as number)));

/** F4.1.4: media instructions; saturating addition, CLZ */
// biome-ignore format: one instruction per line
export const a32Media: readonly Row<Translator>[] = [
  ...parallelRows(true),
  ...extendRows(true),
  a32('qadd<c> <Rd>, <Rm>, <Rn>', '0001 0000 rn:4 rd:4 0000 0101 rm:4', (t, f) => saturatingAdd(t, f, false, false)),
  a32('qsub<c> <Rd>, <Rm>, <Rn>', '0001 0010 rn:4 rd:4 0000 0101 rm:4', (t, f) => saturatingAdd(t, f, true, false)),
  a32('qdadd<c> <Rd>, <Rm>, <Rn>', '0001 0100 rn:4 rd:4 0000 0101 rm:4', (t, f) => saturatingAdd(t, f, false, true)),
  a32('qdsub<c> <Rd>, <Rm>, <Rn>', '0001 0110 rn:4 rd:4 0000 0101 rm:4', (t, f) => saturatingAdd(t, f, true, true)),
  a32('clz<c> <Rd>, <Rm>', '0001 0110 1111 rd:4 1111 0001 rm:4', clz),
  a32('pkh<tb><c> <Rd>, <Rn>, <Rm>{, <shift>}', '0110 1000 rn:4 rd:4 imm5:5 tb:1 01 rm:4', pack),
  a32('sel<c> <Rd>, <Rn>, <Rm>', '0110 1000 rn:4 rd:4 1111 1011 rm:4', select),
  a32('ssat16<c> <Rd>, #<sat>, <Rn>', '0110 1010 sat:4 rd:4 1111 0011 rn:4', (t, f) => saturate16(t, f, true)),
  a32('usat16<c> <Rd>, #<sat>, <Rn>', '0110 1110 sat:4 rd:4 1111 0011 rn:4', (t, f) => saturate16(t, f, false)),
  a32('ssat<c> <Rd>, #<sat>, <Rn>{, <shift>}', '0110 101 sat:5 rd:4 imm5:5 sh:1 01 rn:4', (t, f) => saturate(t, f, true)),
  a32('usat<c> <Rd>, #<sat>, <Rn>{, <shift>}', '0110 111 sat:5 rd:4 imm5:5 sh:1 01 rn:4', (t, f) => saturate(t, f, false)),
  a32('rev<c> <Rd>, <Rm>', '0110 1011 1111 rd:4 1111 0011 rm:4', rev),
  a32('rev16<c> <Rd>, <Rm>', '0110 1011 1111 rd:4 1111 1011 rm:4', rev16),
  a32('rbit<c> <Rd>, <Rm>', '0110 1111 1111 rd:4 1111 0011 rm:4', rbit),
  a32('revsh<c> <Rd>, <Rm>', '0110 1111 1111 rd:4 1111 1011 rm:4', revsh),
  a32('bfi<c> <Rd>, <Rn>, #<lsb>, #<width>', '0111 110 msb:5 rd:4 lsb:5 001 rn:4', insertField),
  a32('bfc<c> <Rd>, #<lsb>, #<width>', '0111 110 msb:5 rd:4 lsb:5 001 1111', (t, f) => insertField(t, { ...f, rn: PC })),
  a32('sbfx<c> <Rd>, <Rn>, #<lsb>, #<width>', '0111 101 widthm1:5 rd:4 lsb:5 101 rn:4', (t, f) => extractField(t, f, true)),
  a32('ubfx<c> <Rd>, <Rn>, #<lsb>, #<width>', '0111 111 widthm1:5 rd:4 lsb:5 101 rn:4', (t, f) => extractField(t, f, false)),
];

/** F3.1.10 and the bit fields of F3.1.4. REV and its kin name their source twice; where the two differ (UNPREDICTABLE) Rm it is. */
// biome-ignore format: one instruction per line
export const t32Media: readonly Row<Translator>[] = [
  ...parallelRows(false),
  ...extendRows(false),
  t32('qadd<c> <Rd>, <Rm>, <Rn>', '11111010 1000 rn:4 1111 rd:4 1000 rm:4', (t, f) => saturatingAdd(t, f, false, false)),
  t32('qdadd<c> <Rd>, <Rm>, <Rn>', '11111010 1000 rn:4 1111 rd:4 1001 rm:4', (t, f) => saturatingAdd(t, f, false, true)),
  t32('qsub<c> <Rd>, <Rm>, <Rn>', '11111010 1000 rn:4 1111 rd:4 1010 rm:4', (t, f) => saturatingAdd(t, f, true, false)),
  t32('qdsub<c> <Rd>, <Rm>, <Rn>', '11111010 1000 rn:4 1111 rd:4 1011 rm:4', (t, f) => saturatingAdd(t, f, true, true)),
  t32('rev<c>.w <Rd>, <Rm>', '11111010 1001 rn:4 1111 rd:4 1000 rm:4', rev),
  t32('rev16<c>.w <Rd>, <Rm>', '11111010 1001 rn:4 1111 rd:4 1001 rm:4', rev16),
  t32('rbit<c> <Rd>, <Rm>', '11111010 1001 rn:4 1111 rd:4 1010 rm:4', rbit),
  t32('revsh<c>.w <Rd>, <Rm>', '11111010 1001 rn:4 1111 rd:4 1011 rm:4', revsh),
  t32('sel<c> <Rd>, <Rn>, <Rm>', '11111010 1010 rn:4 1111 rd:4 1000 rm:4', select),
  t32('clz<c> <Rd>, <Rm>', '11111010 1011 rn:4 1111 rd:4 1000 rm:4', clz),
  t32('pkh<tb><c> <Rd>, <Rn>, <Rm>{, <shift>}', '11101010 1100 rn:4 0 imm5:3 rd:4 imm5:2 tb:1 0 rm:4', pack),
  t32('ssat<c> <Rd>, #<sat>, <Rn>{, <shift>}', '11110 0 1100 sh:1 0 rn:4 0 imm5:3 rd:4 imm5:2 0 sat:5', (t, f) => saturate(t, f, true)),
  t32('ssat16<c> <Rd>, #<sat>, <Rn>', '11110 0 110010 rn:4 0 000 rd:4 00 00 sat:4', (t, f) => saturate16(t, f, true)),
  t32('sbfx<c> <Rd>, <Rn>, #<lsb>, #<width>', '11110 0 110100 rn:4 0 lsb:3 rd:4 lsb:2 0 widthm1:5', (t, f) => extractField(t, f, true)),
  t32('bfi<c> <Rd>, <Rn>, #<lsb>, #<width>', '11110 0 110110 rn:4 0 lsb:3 rd:4 lsb:2 0 msb:5', insertField),
  t32('bfc<c> <Rd>, #<lsb>, #<width>', '11110 0 110110 1111 0 lsb:3 rd:4 lsb:2 0 msb:5', (t, f) => insertField(t, { ...f, rn: PC })),
  t32('usat<c> <Rd>, #<sat>, <Rn>{, <shift>}', '11110 0 1110 sh:1 0 rn:4 0 imm5:3 rd:4 imm5:2 0 sat:5', (t, f) => saturate(t, f, false)),
  t32('usat16<c> <Rd>, #<sat>, <Rn>', '11110 0 111010 rn:4 0 000 rd:4 00 00 sat:4', (t, f) => saturate16(t, f, false)),
  t32('ubfx<c> <Rd>, <Rn>, #<lsb>, #<width>', '11110 0 111100 rn:4 0 lsb:3 rd:4 lsb:2 0 widthm1:5', (t, f) => extractField(t, f, false)),
];

/** F3.1.2: 16-bit extension and reversal */
// biome-ignore format: one instruction per line
export const t16Media: readonly Row<Translator>[] = [
  t16('sxth<c> <Rd>, <Rm>', '1011 0010 00 rm:3 rd:3', (t, f) => t.setR(f.rd, extended(t, t.r(f.rm), 'h', true))),
  t16('sxtb<c> <Rd>, <Rm>', '1011 0010 01 rm:3 rd:3', (t, f) => t.setR(f.rd, extended(t, t.r(f.rm), 'b', true))),
  t16('uxth<c> <Rd>, <Rm>', '1011 0010 10 rm:3 rd:3', (t, f) => t.setR(f.rd, extended(t, t.r(f.rm), 'h', false))),
  t16('uxtb<c> <Rd>, <Rm>', '1011 0010 11 rm:3 rd:3', (t, f) => t.setR(f.rd, extended(t, t.r(f.rm), 'b', false))),
  t16('rev<c> <Rd>, <Rm>', '1011 1010 00 rm:3 rd:3', rev),
  t16('rev16<c> <Rd>, <Rm>', '1011 1010 01 rm:3 rd:3', rev16),
  t16('revsh<c> <Rd>, <Rm>', '1011 1010 11 rm:3 rd:3', revsh),
];
