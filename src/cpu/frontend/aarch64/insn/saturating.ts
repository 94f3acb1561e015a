/**
 * Saturating arithmetic and half precision in vector form, for the fast mode: nobody has asked for FPSR yet, so QC and the
 * exception flags are not kept (Arm ARM C7.2 SQADD, SQDMULH, SQSHL …, FCVTL, FCVTN).
 */
import type { Translator } from '../translator.ts';
import { extend, extendMultiply, lanes, packLow, permute, shiftBy, splat, type V128 } from './simd-row.ts';

const width = (size: number): number => 8 << size;
const lowest = (size: number): bigint => 1n << BigInt(width(size) - 1);

/** All ones in the lanes whose sign bit is set. */
const signs = (t: Translator, size: number, v: V128): V128 => lanes(t, size, 'gt_s', t.zero(), v);

/** Where the exact result of a sum or difference has the sign of n: that end of the range. */
const endBySign = (t: Translator, size: number, n: V128): V128 =>
  t.b.v128.xor(signs(t, size, n), splat(t, size, lowest(size) - 1n));

/** n < m, unsigned; wasm compares 64-bit lanes as signed ones only. */
function below(t: Translator, size: number, n: V128, m: V128): V128 {
  if (size < 3) return lanes(t, size, 'lt_u', n, m);
  const flip = (v: V128): V128 => t.b.v128.xor(v, splat(t, 3, 1n << 63n));
  return t.b.i64x2.lt_s(flip(n), flip(m));
}

/** SQADD, UQADD, SQSUB, UQSUB of any lanes. */
export function saturatingSum(t: Translator, size: number, op: 'add' | 'sub', u: number, n: V128, m: V128): V128 {
  if (size < 2) return lanes(t, size, `${op}_sat_${u ? 'u' : 's'}`, n, m);
  const { v128 } = t.b;
  const r = lanes(t, size, op, n, m);
  if (u) return op === 'add' ? v128.or(r, below(t, size, r, n)) : v128.andnot(r, below(t, size, n, m));
  // overflow: the result's sign differs from n's although the signs of what was added agree
  const differs = op === 'add' ? v128.xor(r, m) : v128.xor(n, m);
  return v128.bitselect(endBySign(t, size, n), r, signs(t, size, v128.and(v128.xor(r, n), differs)));
}

/** The lowest number has no positive counterpart: all its bits turn over instead. */
export function saturatingNegate(t: Translator, size: number, op: 'abs' | 'neg', n: V128): V128 {
  const isLowest = lanes(t, size, 'eq', n, splat(t, size, lowest(size)));
  return t.b.v128.xor(lanes(t, size, op, n), isLowest);
}

/** SQDMULH, SQRDMULH of halfwords and words: only lowest × lowest overflows. */
export function doublingHigh(t: Translator, size: number, round: boolean, n: V128, m: V128): V128 {
  const half = (high: number): V128 => {
    const product = extendMultiply(t, size, n, m, 0, high);
    const bits = width(size);
    const rounded = round ? lanes(t, size + 1, 'add', product, splat(t, size + 1, 1n << BigInt(bits - 2))) : product;
    return shiftBy(t, size + 1, 'shr_s', rounded, bits - 1);
  };
  if (size === 1) return t.b.i16x8.narrow_i32x4_s(half(0), half(1));
  const words = permute(t, 2, half(0), half(1), [0, 2, 4, 6]);
  const isLowest = (v: V128): V128 => t.b.i32x4.eq(v, splat(t, 2, lowest(2)));
  return t.b.v128.xor(words, t.b.v128.and(isLowest(n), isLowest(m)));
}

/** SQDMULL: lanes of 2^size bytes give products of twice the width. */
export function doublingLong(t: Translator, size: number, n: V128, m: V128, high: number): V128 {
  const product = extendMultiply(t, size, n, m, 0, high);
  const overflow = lanes(t, size + 1, 'eq', product, splat(t, size + 1, 1n << BigInt(2 * width(size) - 2)));
  return t.b.v128.xor(lanes(t, size + 1, 'add', product, product), overflow);
}

/** SQSHL, UQSHL, SQSHLU by a constant: what does not come back when shifted back has overflowed. */
export function saturatingShift(t: Translator, size: number, kind: 's' | 'u' | 'su', n: V128, by: number): V128 {
  const { v128 } = t.b;
  const v = shiftBy(t, size, 'shl', n, by);
  const back = shiftBy(t, size, kind === 's' ? 'shr_s' : 'shr_u', v, by);
  const fits = lanes(t, size, 'eq', back, n);
  if (kind === 's') return v128.bitselect(v, endBySign(t, size, n), fits);
  const saturated = v128.or(v, v128.not(fits));
  return kind === 'u' ? saturated : v128.andnot(saturated, signs(t, size, n));
}

/** Doublewords to words, in the low half: SQXTN, UQXTN, SQXTUN. */
export function narrowWords(t: Translator, kind: 's' | 'u' | 'su', n: V128): V128 {
  const { v128, i64x2 } = t.b;
  if (kind === 'u') {
    const fits = i64x2.eq(shiftBy(t, 3, 'shr_u', n, 32), t.zero());
    return packLow(t, 2, v128.or(n, v128.not(fits)));
  }
  const most = splat(t, 3, kind === 's' ? 0x7fff_ffffn : 0xffff_ffffn);
  const least = splat(t, 3, kind === 's' ? -0x8000_0000n : 0n);
  const atMost = v128.bitselect(most, n, i64x2.gt_s(n, most));
  return packLow(t, 2, v128.bitselect(least, atMost, i64x2.lt_s(atMost, least)));
}

/** Four half-precision numbers (of the upper half if asked) to single precision; NaNs become quiet. */
export function halfToSingle(t: Translator, n: V128, high: number): V128 {
  const { v128, i32x4, f32x4 } = t.b;
  const wide = extend(t, 1, n, 1, high);
  const magnitude = v128.and(wide, splat(t, 2, 0x7fffn));
  const moved = shiftBy(t, 2, 'shl', magnitude, 13);
  // as a single it is 2^112 too small, subnormal or not
  const scaled = f32x4.mul(moved, splat(t, 2, 0x7780_0000n));
  const quiet = v128.and(i32x4.gt_s(magnitude, splat(t, 2, 0x7c00n)), splat(t, 2, 0x40_0000n));
  const special = v128.or(v128.or(moved, splat(t, 2, 0x7f80_0000n)), quiet);
  const v = v128.bitselect(special, scaled, i32x4.gt_s(magnitude, splat(t, 2, 0x7bffn)));
  return v128.or(v, shiftBy(t, 2, 'shl', v128.and(wide, splat(t, 2, 0x8000n)), 16));
}

/** Four single-precision numbers to half precision in the low 64 bits, rounded to nearest even; NaNs become quiet. */
export function singleToHalf(t: Translator, n: V128): V128 {
  const { v128, i32x4, f32x4 } = t.b;
  const magnitude = v128.and(n, splat(t, 2, 0x7fff_ffffn));
  // normal: the exponent moved by 112, half a unit less or the last bit added, cut
  const last = v128.and(shiftBy(t, 2, 'shr_u', magnitude, 13), splat(t, 2, 1n));
  const biased = i32x4.add(i32x4.add(magnitude, splat(t, 2, 0xc800_0fffn)), last);
  const normal = shiftBy(t, 2, 'shr_u', biased, 13);
  // subnormal: adding one half leaves a multiple of 2^-24, rounded by the addition
  const half = splat(t, 2, 0x3f00_0000n);
  const subnormal = i32x4.sub(f32x4.add(magnitude, half), half);
  const small = i32x4.lt_s(magnitude, splat(t, 2, 0x3880_0000n));
  const finite = v128.bitselect(subnormal, normal, small);
  const payload = v128.and(shiftBy(t, 2, 'shr_u', magnitude, 13), splat(t, 2, 0x3ffn));
  const nan = i32x4.gt_s(magnitude, splat(t, 2, 0x7f80_0000n));
  const special = v128.or(splat(t, 2, 0x7c00n), v128.and(nan, v128.or(payload, splat(t, 2, 0x200n))));
  const v = v128.bitselect(special, finite, i32x4.gt_s(magnitude, splat(t, 2, 0x477f_ffffn)));
  return packLow(t, 1, v128.or(v, shiftBy(t, 2, 'shr_u', v128.and(n, splat(t, 2, 0x8000_0000n)), 16)));
}
