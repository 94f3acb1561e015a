/** Reciprocal and reciprocal square root: estimates and Newton steps (FPRecipEstimate … of the Arm ARM J1.3). */

import { fpNeg } from './arithmetic.ts';
import { FP_DZC, FP_IXC, FP_OFC, FP_UFC, type FpEnv, Round } from './env.ts';
import {
  bitLength,
  type Format,
  infinity,
  invalid,
  isNaNClass,
  processNaN,
  processNaNs,
  roundPack,
  unpack,
  zero,
} from './format.ts';

/** RecipEstimate: 256 ≤ a < 512 stands for 0.5 … 1.0; the result for 1.0 … 2.0 in the same units. */
function recipEstimate(a: number): number {
  const middle = a * 2 + 1;
  const b = Math.floor(2 ** 19 / middle);
  return (b + 1) >> 1;
}

/** RecipSqrtEstimate: 128 ≤ a < 512 stands for 0.25 … 1.0. */
function recipSqrtEstimate(a: number): number {
  const middle = a < 256 ? a * 2 + 1 : (((a >> 1) << 1) + 1) * 2;
  let b = 512;
  while (middle * (b + 1) * (b + 1) < 2 ** 28) b += 1;
  return (b + 1) >> 1;
}

/** FRECPE (FPRecipEstimate). */
export function fpRecipEstimate(format: Format, a: bigint, env: FpEnv): bigint {
  const u = unpack(format, a, env);
  if (isNaNClass(u)) return processNaN(format, u, a, env);
  if (u.class === 'infinity') return zero(format, u.negative);
  if (u.class === 'zero') {
    env.flags |= FP_DZC;
    return infinity(format, u.negative);
  }
  const leading = u.exponent + bitLength(u.mantissa) - 1;
  // |a| < 2^-(bias+1): the reciprocal is out of range.
  if (leading < -(format.bias + 1)) {
    env.flags |= FP_OFC | FP_IXC;
    const mode = env.rounding;
    const toInfinity =
      mode === Round.NEAREST || (mode === Round.UP && !u.negative) || (mode === Round.DOWN && u.negative);
    return zero(format, u.negative) | (toInfinity ? format.infinity : format.maxNormal);
  }
  const flush = format.bits === 16 ? env.fz16 : env.fz;
  if (flush && leading >= format.bias - 1) {
    env.flags |= FP_UFC;
    return zero(format, u.negative);
  }
  // Nine significant bits of a, leading one included, then a result of nine bits below it.
  const length = bitLength(u.mantissa);
  const scaled = Number(length > 9 ? u.mantissa >> BigInt(length - 9) : u.mantissa << BigInt(9 - length));
  const estimate = BigInt(recipEstimate(scaled));
  // 1/a lies in [2^-(leading+1), 2^-leading]; estimate / 256 in [1, 2) scales it. It has too few bits to be rounded,
  // except that a subnormal result loses its last ones by truncation.
  const exponent = -leading - 1;
  const fraction = (estimate & 0xffn) << BigInt(format.fraction - 8);
  const field = exponent + format.bias;
  const sign = zero(format, u.negative);
  if (field > 0) return sign | (BigInt(field) << BigInt(format.fraction)) | fraction;
  return sign | ((fraction | (format.fractionMask + 1n)) >> BigInt(1 - field));
}

/** FRSQRTE (FPRSqrtEstimate). */
export function fpRSqrtEstimate(format: Format, a: bigint, env: FpEnv): bigint {
  const u = unpack(format, a, env);
  if (isNaNClass(u)) return processNaN(format, u, a, env);
  if (u.class === 'zero') {
    env.flags |= FP_DZC;
    return infinity(format, u.negative);
  }
  if (u.negative) return invalid(format, env);
  if (u.class === 'infinity') return zero(format, false);
  const length = bitLength(u.mantissa);
  const leading = u.exponent + length - 1;
  const top = Number(length > 9 ? u.mantissa >> BigInt(length - 9) : u.mantissa << BigInt(9 - length));
  // Value in [0.25, 1.0) with an even exponent: an even `leading` needs one more bit below the point.
  const even = (leading & 1) === 0;
  const estimate = BigInt(recipSqrtEstimate(even ? top >> 1 : top));
  const exponent = -((even ? leading + 2 : leading + 1) / 2);
  return (
    (BigInt(exponent + format.bias) << BigInt(format.fraction)) | ((estimate & 0xffn) << BigInt(format.fraction - 8))
  );
}

/** FRECPX (FPRecpX): a power of two near the reciprocal, from the exponent field alone. */
export function fpRecpX(format: Format, a: bigint, env: FpEnv): bigint {
  const u = unpack(format, a, env);
  if (isNaNClass(u)) return processNaN(format, u, a, env);
  const field = (a & format.infinity) >> BigInt(format.fraction);
  const sign = zero(format, u.negative);
  // The field as it is stored counts, whatever flushing made of the number.
  if (field === 0n) return sign | (BigInt(format.maxExponent - 1) << BigInt(format.fraction));
  return sign | (~a & format.infinity);
}

function step(format: Format, a: bigint, b: bigint, env: FpEnv, constant: bigint, halve: number): bigint {
  const negated = fpNeg(format, a);
  const ua = unpack(format, negated, env);
  const ub = unpack(format, b, env);
  const nan = processNaNs(format, [[ua, negated], [ub, b]], env); // biome-ignore format: pairs
  if (nan !== null) return nan;
  const infinite = ua.class === 'infinity' || ub.class === 'infinity';
  const none = ua.class === 'zero' || ub.class === 'zero';
  if (infinite && !none) return infinity(format, ua.negative !== ub.negative);
  if (infinite || none) return roundPack(format, false, constant, -halve, env);
  const exponent = ua.exponent + ub.exponent;
  const low = Math.min(exponent, 0);
  const product = (ua.mantissa * ub.mantissa) << BigInt(exponent - low);
  const total = (constant << BigInt(-low)) + (ua.negative !== ub.negative ? -product : product);
  if (total === 0n) return zero(format, env.rounding === Round.DOWN);
  return roundPack(format, total < 0n, total < 0n ? -total : total, low - halve, env);
}

/** FRECPS (FPRecipStepFused): 2 − a × b. */
export const fpRecipStep = (format: Format, a: bigint, b: bigint, env: FpEnv): bigint => step(format, a, b, env, 2n, 0);

/** FRSQRTS (FPRSqrtStepFused): (3 − a × b) / 2. */
export const fpRSqrtStep = (format: Format, a: bigint, b: bigint, env: FpEnv): bigint => step(format, a, b, env, 3n, 1);

/** URECPE (UnsignedRecipEstimate) of a 32-bit fixed-point number. */
export function unsignedRecipEstimate(a: number): number {
  return a >>> 31 === 0 ? 0xffff_ffff : (recipEstimate((a >>> 23) & 0x1ff) << 23) >>> 0;
}

/** URSQRTE (UnsignedRSqrtEstimate) of a 32-bit fixed-point number. */
export function unsignedRSqrtEstimate(a: number): number {
  return a >>> 30 === 0 ? 0xffff_ffff : (recipSqrtEstimate((a >>> 23) & 0x1ff) << 23) >>> 0;
}
