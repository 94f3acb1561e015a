/** Loads, stores and moves of VFP and Advanced SIMD registers (Arm ARM F4.1.8, F4.1.10). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import { PC } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { a32, type F, t32 } from './row.ts';

type I32 = Value<'i32'>;
type V128 = Value<'v128'>;

const double = (f: F): number => ((f.d as number) << 4) | (f.vd as number);
const single = (f: F): number => ((f.vd as number) << 1) | (f.d as number);

const base = (t: Translator, rn: number): I32 => (rn === PC ? t.imm(t.alignedPc) : t.r(rn));

/**
 * Bits that are 0 in the addresses of all of these (Arm ARM E2.2.1), doubles too; the kernel mends no such access, but
 * sends SIGBUS (Documentation/arch/arm/mem_alignment).
 */
const WORDS = 3;

/** VLDR, VSTR. */
const one = (t: Translator, f: F, isLoad: boolean): void => {
  const offset = (f.u === 1 ? 4 : -4) * (f.imm8 as number);
  const at = base(t, f.rn as number);
  if (f.sz === 1) {
    const d = double(f);
    if (isLoad) t.setD(d, t.load('f64.load', at, offset, WORDS) as Value<'f64'>);
    else t.store('f64.store', at, t.d(d), offset, WORDS);
    return;
  }
  const s = single(f);
  if (isLoad) t.setS(s, t.load('f32.load', at, offset, WORDS) as Value<'f32'>);
  else t.store('f32.store', at, t.s(s), offset, WORDS);
};

/** VLDR.16, VSTR.16: a half, zeros above it. */
const oneHalf = (t: Translator, f: F, isLoad: boolean): void => {
  const offset = (f.u === 1 ? 2 : -2) * (f.imm8 as number);
  const at = base(t, f.rn as number);
  if (isLoad) t.setSBits(single(f), t.load('i32.load16_u', at, offset, 1) as I32);
  else t.store('i32.store16', at, t.sBits(single(f)), offset, 1);
};
const coreHalf = (t: Translator, f: F): void => {
  const n = ((f.vn as number) << 1) | (f.n as number);
  if (f.rt === PC) return t.undefined();
  const v = t.b.i32.and(f.op === 1 ? t.sBits(n) : t.r(f.rt as number), t.imm(0xffff));
  if (f.op === 1) t.setR(f.rt as number, v);
  else t.setSBits(n, v);
};

/** VLDM, VSTM */
const multiple = (t: Translator, f: F, isLoad: boolean, up: boolean, wback: boolean): void => {
  const wide = f.sz === 1;
  const words = f.imm8 as number;
  const count = wide ? words >> 1 : words;
  const first = wide ? double(f) : single(f);
  const { rn } = f as { rn: number };
  if (count === 0 || first + count > 32 || (wide && count > 16) || (rn === PC && (wback || t.thumb)))
    return t.undefined();
  const at = base(t, rn);
  const start = up ? 0 : -4 * words;
  const values: [number, Value][] = [];
  const width = wide ? 8 : 4;
  // an odd count of words is FLDMX's, which transfers the doubles alone
  for (let i = 0; i < count; i++) {
    const n = first + i;
    const offset = start + width * i;
    // the others are aligned where the first one is
    const mask = i === 0 ? WORDS : 0;
    if (isLoad) values.push([n, t.load(wide ? 'f64.load' : 'f32.load', at, offset, mask)]);
    else t.store(wide ? 'f64.store' : 'f32.store', at, wide ? t.d(n) : t.s(n), offset, mask);
  }
  if (wback) t.setR(rn, t.b.i32.add(at, t.imm(up ? 4 * words : -4 * words)));
  for (const [n, v] of values) {
    if (wide) t.setD(n, v as Value<'f64'>);
    else t.setS(n, v as Value<'f32'>);
  }
};

/** Lane size (log2 of bytes) and lane of opc1:opc2; null: reserved. */
const laneOf = (opc: number): { size: number; lane: number } | null => {
  if ((opc & 8) !== 0) return { size: 0, lane: opc & 7 };
  if ((opc & 1) !== 0) return { size: 1, lane: (opc >> 1) & 3 };
  return (opc & 2) === 0 ? { size: 2, lane: (opc >> 2) & 1 } : null;
};
const SHAPES = ['i8x16', 'i16x8', 'i32x4'] as const;

const toLane = (t: Translator, f: F): void => {
  const l = laneOf(((f.opc1 as number) << 2) | (f.opc2 as number));
  if (!l) return t.undefined();
  const d = double(f);
  const lane = l.lane + (d & 1) * (8 >> l.size);
  t.setQ(d >> 1, t.b.replace(`${SHAPES[l.size]}.replace_lane` as OpName, t.q(d >> 1), lane, t.r(f.rt as number)));
};
const fromLane = (t: Translator, f: F): void => {
  const opc = ((f.opc1 as number) << 2) | (f.opc2 as number);
  const l = laneOf(opc);
  if (!l || (f.u === 1 && l.size === 2)) return t.undefined();
  const d = double(f);
  const lane = l.lane + (d & 1) * (8 >> l.size);
  const sign = l.size === 2 ? '' : f.u === 1 ? '_u' : '_s';
  t.setR(f.rt as number, t.b.extract(`${SHAPES[l.size]}.extract_lane${sign}` as OpName, t.q(d >> 1), lane) as I32);
};
const duplicate = (t: Translator, f: F): void => {
  const be = ((f.b as number) << 1) | (f.e as number);
  if (be === 3) return t.undefined();
  const v = t.b.emit(
    `${be === 2 ? 'i8x16' : be === 1 ? 'i16x8' : 'i32x4'}.splat` as OpName,
    t.r(f.rt as number),
  ) as V128;
  const d = double(f);
  if (f.q === 0) return t.setDBits(d, t.b.extract('i64x2.extract_lane', v, 0));
  if ((d & 1) === 1) return t.undefined();
  t.setQ(d >> 1, v);
};

const pairSingles = (t: Translator, f: F): void => {
  const m = ((f.vm as number) << 1) | (f.m as number);
  const { rt, rt2 } = f as { rt: number; rt2: number };
  if (m === 31 || rt === PC || rt2 === PC) return t.undefined();
  if (f.op === 1) {
    const [a, b] = [t.sBits(m), t.sBits(m + 1)];
    t.setR(rt, a);
    t.setR(rt2, b);
  } else {
    t.setSBits(m, t.r(rt));
    t.setSBits(m + 1, t.r(rt2));
  }
};
const pairDouble = (t: Translator, f: F): void => {
  const { i32, i64 } = t.b;
  const m = ((f.m as number) << 4) | (f.vm as number);
  const { rt, rt2 } = f as { rt: number; rt2: number };
  if (rt === PC || rt2 === PC) return t.undefined();
  if (f.op === 1) {
    const v = t.dBits(m);
    t.setR(rt, i32.wrap_i64(v));
    t.setR(rt2, i32.wrap_i64(i64.shr_u(v, t.b.const64(32))));
    return;
  }
  const high = i64.shl(i64.extend_i32_u(t.r(rt2)), t.b.const64(32));
  t.setDBits(m, i64.or(i64.extend_i32_u(t.r(rt)), high));
};
const core = (t: Translator, f: F): void => {
  const n = ((f.vn as number) << 1) | (f.n as number);
  if (f.rt === PC) return t.undefined();
  if (f.op === 1) t.setR(f.rt as number, t.sBits(n));
  else t.setSBits(n, t.r(f.rt as number));
};

type Line = readonly [syntax: string, pattern: string, lift: (t: Translator, f: F) => void];
// biome-ignore format: one instruction per line
const LINES: readonly Line[] = [
  ['vstr<c> <Fd>, <mem8v>', '1101 u:1 d:1 00 rn:4 vd:4 101 sz:1 imm8:8', (t, f) => (f.rn === PC && t.thumb ? t.undefined() : one(t, f, false))],
  ['vldr<c> <Fd>, <mem8v>', '1101 u:1 d:1 01 rn:4 vd:4 101 sz:1 imm8:8', (t, f) => one(t, f, true)],
  ['vstr<c>.16 <Sd>, <mem8v>', '1101 u:1 d:1 00 rn:4 vd:4 1001 imm8:8', (t, f) => (f.rn === PC && t.thumb ? t.undefined() : oneHalf(t, f, false))],
  ['vldr<c>.16 <Sd>, <mem8v>', '1101 u:1 d:1 01 rn:4 vd:4 1001 imm8:8', (t, f) => oneHalf(t, f, true)],
  ['vmov<c>.f16 <core>', '1110 000 op:1 vn:4 rt:4 1001 n:1 00 1 0000', coreHalf],
  ['vstmia<c> <Rn>{!}, <list>', '110 0 1 d:1 w:1 0 rn:4 vd:4 101 sz:1 imm8:8', (t, f) => multiple(t, f, false, true, f.w === 1)],
  ['vldmia<c> <Rn>{!}, <list>', '110 0 1 d:1 w:1 1 rn:4 vd:4 101 sz:1 imm8:8', (t, f) => multiple(t, f, true, true, f.w === 1)],
  ['vstmdb<c> <Rn>!, <list>', '110 1 0 d:1 1 0 rn:4 vd:4 101 sz:1 imm8:8', (t, f) => multiple(t, f, false, false, true)],
  ['vldmdb<c> <Rn>!, <list>', '110 1 0 d:1 1 1 rn:4 vd:4 101 sz:1 imm8:8', (t, f) => multiple(t, f, true, false, true)],
  ['vmov<c> <core>', '1110 000 op:1 vn:4 rt:4 1010 n:1 00 1 0000', core],
  ['vmov<c> <pairs>', '1100 010 op:1 rt2:4 rt:4 1010 00 m:1 1 vm:4', pairSingles],
  ['vmov<c> <paird>', '1100 010 op:1 rt2:4 rt:4 1011 00 m:1 1 vm:4', pairDouble],
  ['vmov<c>.<lane> <Dd[x]>, <Rt>', '1110 0 opc1:2 0 vd:4 rt:4 1011 d:1 opc2:2 1 0000', toLane],
  ['vmov<c>.<lane> <Rt>, <Dd[x]>', '1110 u:1 opc1:2 1 vd:4 rt:4 1011 d:1 opc2:2 1 0000', fromLane],
  ['vdup<c>.<be> <Vd>, <Rt>', '1110 1 b:1 q:1 0 vd:4 rt:4 1011 d:1 0 e:1 1 0000', duplicate],
];

export const a32VfpMemory: readonly Row<Translator>[] = LINES.map(([syntax, pattern, lift]) =>
  a32(syntax, pattern, lift),
);
export const t32VfpMemory: readonly Row<Translator>[] = LINES.map(([syntax, pattern, lift]) =>
  t32(syntax, `1110 ${pattern}`, lift),
);
