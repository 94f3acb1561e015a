/** Lane functions of SSE's floating point for the exact mode. */
import * as arithmetic from '../../../softfloat/arithmetic.ts';
import { fpCompare } from '../../../softfloat/compare.ts';
import { fpRoundInt } from '../../../softfloat/convert.ts';
import type { FpEnv } from '../../../softfloat/env.ts';
import type { Format } from '../../../softfloat/format.ts';
import { DE, defineExact, type ExactContext, type ExactLane, IE, roundingOf } from './exact.ts';

const magnitude = (f: Format, a: bigint): bigint => a & ~f.signBit;
export const isNaN_ = (f: Format, a: bigint): boolean => magnitude(f, a) > f.infinity;
export const isSignalling = (f: Format, a: bigint): boolean => isNaN_(f, a) && (a & f.quietBit) === 0n;
export const isDenormal = (f: Format, a: bigint): boolean => (a & f.infinity) === 0n && (a & f.fractionMask) !== 0n;

/** An operand as DAZ has it; a denormal one raises DE otherwise. */
export const operand = (a: bigint, c: ExactContext): bigint => {
  if (!isDenormal(c.format, a)) return a;
  if (c.daz) return a & c.format.signBit;
  c.raise(DE);
  return a;
};

/** The first NaN made quiet, or null; a signalling one anywhere is invalid. */
export const nanOf = (c: ExactContext, ...operands: bigint[]): bigint | null => {
  const { format } = c;
  if (operands.some((a) => isSignalling(format, a))) c.raise(IE);
  const first = operands.find((a) => isNaN_(format, a));
  return first === undefined ? null : first | format.quietBit;
};

/** What the library makes invalid is the real indefinite, which is negative. */
const settled = (c: ExactContext, r: bigint): bigint => (isNaN_(c.format, r) ? c.indefinite : r);

type Two = (format: Format, a: bigint, b: bigint, env: FpEnv) => bigint;
const two =
  (f: Two): ExactLane =>
  (a, b, c) =>
    nanOf(c, a, b) ?? settled(c, f(c.format, operand(a, c), operand(b, c), c.env));

/** A division by zero goes before the denormal exception. */
const quotient: ExactLane = (a, b, c) => {
  const nan = nanOf(c, a, b);
  if (nan !== null) return nan;
  const { format } = c;
  const divisor = c.daz && isDenormal(format, b) ? b & format.signBit : b;
  const byZero =
    magnitude(format, divisor) === 0n && magnitude(format, a) !== 0n && magnitude(format, a) < format.infinity;
  const dividend = byZero && !c.daz ? a : operand(a, c);
  return settled(c, arithmetic.fpDiv(format, dividend, operand(b, c), c.env));
};

const root: ExactLane = (_a, b, c) => {
  const nan = nanOf(c, b);
  if (nan !== null) return nan;
  // a negative operand is invalid before it is denormal
  const { format } = c;
  const negative = (b & format.signBit) !== 0n && magnitude(format, b) !== 0n;
  return settled(c, arithmetic.fpSqrt(format, negative && !c.daz ? b : operand(b, c), c.env));
};

/** MIN, MAX: the second operand unless the first one is smaller (larger). */
const extreme =
  (less: boolean): ExactLane =>
  (a, b, c) => {
    const { format } = c;
    if (isNaN_(format, a) || isNaN_(format, b)) {
      c.raise(IE);
      return c.daz && isDenormal(format, b) ? b & format.signBit : b;
    }
    const [x, y] = [operand(a, c), operand(b, c)];
    return fpCompare(format, x, y, false, c.env) === (less ? 0b1000 : 0b0010) ? x : y;
  };

/** Whether predicates raise invalid for quiet NaNs, and for which orders they hold: less 1, equal 2, greater 4, unordered 8 (SDM vol. 2, CMPPD, table 3-1). */
const PREDICATES: readonly number[] = [2, 1, 3, 8, 13, 14, 12, 7, 10, 9, 11, 0, 5, 6, 4, 15];
const SIGNALS = 0x9999_6666;

/** -1 … : which order two numbers have, as a bit of {@link PREDICATES}. */
export const orderOf = (a: bigint, b: bigint, c: ExactContext, signals: boolean): number => {
  const { format } = c;
  if (isNaN_(format, a) || isNaN_(format, b)) {
    if (signals || isSignalling(format, a) || isSignalling(format, b)) c.raise(IE);
    return 8;
  }
  const flags = fpCompare(format, operand(a, c), operand(b, c), false, c.env);
  return flags === 0b1000 ? 1 : flags === 0b0110 ? 2 : 4;
};

const compare: ExactLane = (a, b, c) => {
  const predicate = c.imm & 31;
  const order = orderOf(a, b, c, ((SIGNALS >>> predicate) & 1) === 1);
  return ((PREDICATES[predicate & 15] as number) & order) !== 0 ? (1n << BigInt(c.format.bits)) - 1n : 0n;
};

export const exactAdd: number = defineExact(two(arithmetic.fpAdd));
export const exactSub: number = defineExact(two(arithmetic.fpSub));
export const exactMul: number = defineExact(two(arithmetic.fpMul));
export const exactDiv: number = defineExact(quotient);
export const exactSqrt: number = defineExact(root);
export const exactMin: number = defineExact(extreme(true));
export const exactMax: number = defineExact(extreme(false));
export const exactCmp: number = defineExact(compare);

/** ROUNDPS …: bits 1–0 of the immediate are the rounding, bit 2 takes MXCSR's, bit 3 suppresses the inexact flag. */
export const exactRound: number = defineExact((_a, b, c) => {
  const nan = nanOf(c, b);
  if (nan !== null) return nan;
  const { format, env } = c;
  const x = c.daz && isDenormal(format, b) ? b & format.signBit : b;
  return fpRoundInt(format, x, c.imm & 4 ? env.rounding : roundingOf(c.imm), (c.imm & 8) === 0, env);
});

/** ADDSUB, HADD, HSUB are made of these: see exact-convert.ts for what has lanes of two sizes. */
export const subtractLane: ExactLane = two(arithmetic.fpSub);
export const addLane: ExactLane = two(arithmetic.fpAdd);

/** RCPPS, RSQRTPS: no exceptions, denormals are zeros; to nearest whatever MXCSR says. */
const estimate =
  (f: (x: number) => number): ExactLane =>
  (_a, b, c) => {
    const { format } = c;
    if (isNaN_(format, b)) return b | format.quietBit;
    const x = isDenormal(format, b) ? b & format.signBit : b;
    bits.setUint32(0, Number(x));
    const r = f(bits.getFloat32(0));
    if (Number.isNaN(r)) return c.indefinite;
    bits.setFloat32(0, r);
    return BigInt(bits.getUint32(0));
  };
const bits = new DataView(new ArrayBuffer(8));
export const exactRcp: number = defineExact(estimate((x) => 1 / x));
export const exactRsqrt: number = defineExact(estimate((x) => 1 / Math.fround(Math.sqrt(x))));
export const multiplyLane: ExactLane = two(arithmetic.fpMul);
