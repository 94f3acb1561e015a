/** Addition, multiplication, division, square root and fused multiply-add (FPAdd … FPMulAdd of the Arm ARM J1.3). */
import { FP_DZC, type FpEnv, Round } from './env.ts';
import {
  bitLength,
  type Format,
  infinity,
  invalid,
  isNaNClass,
  processNaN,
  processNaNs,
  roundPack,
  type Unpacked,
  unpack,
  zero,
} from './format.ts';

/** Flip the sign, of NaNs too (FPNeg). */
export const fpNeg = (format: Format, a: bigint): bigint => a ^ format.signBit;

/** Clear the sign, of NaNs too (FPAbs). */
export const fpAbs = (format: Format, a: bigint): bigint => a & ~format.signBit;

const signed = (u: Unpacked): bigint => (u.negative ? -u.mantissa : u.mantissa);

/** Exact sum of two finite (or zero) numbers, rounded; an exact zero takes its sign from both or from the mode. */
function sum(format: Format, a: Unpacked, b: Unpacked, env: FpEnv): bigint {
  if (a.class === 'zero' && b.class === 'zero') {
    return zero(format, a.negative === b.negative ? a.negative : env.rounding === Round.DOWN);
  }
  const low = Math.min(a.class === 'zero' ? b.exponent : a.exponent, b.class === 'zero' ? a.exponent : b.exponent);
  const align = (u: Unpacked): bigint => (u.class === 'zero' ? 0n : signed(u) << BigInt(u.exponent - low));
  const total = align(a) + align(b);
  if (total === 0n) return zero(format, env.rounding === Round.DOWN);
  return roundPack(format, total < 0n, total < 0n ? -total : total, low, env);
}

/** FADD (FPAdd). */
export function fpAdd(format: Format, a: bigint, b: bigint, env: FpEnv): bigint {
  const ua = unpack(format, a, env);
  const ub = unpack(format, b, env);
  const nan = processNaNs(format, [[ua, a], [ub, b]], env); // biome-ignore format: pairs
  if (nan !== null) return nan;
  if (ua.class === 'infinity') {
    return ub.class === 'infinity' && ua.negative !== ub.negative
      ? invalid(format, env)
      : infinity(format, ua.negative);
  }
  if (ub.class === 'infinity') return infinity(format, ub.negative);
  return sum(format, ua, ub, env);
}

/** FSUB (FPSub): a NaN operand keeps its sign, so this is not addition of the negated operand. */
export function fpSub(format: Format, a: bigint, b: bigint, env: FpEnv): bigint {
  const ua = unpack(format, a, env);
  const ub = unpack(format, b, env);
  const nan = processNaNs(format, [[ua, a], [ub, b]], env); // biome-ignore format: pairs
  if (nan !== null) return nan;
  if (ua.class === 'infinity') {
    return ub.class === 'infinity' && ua.negative === ub.negative
      ? invalid(format, env)
      : infinity(format, ua.negative);
  }
  if (ub.class === 'infinity') return infinity(format, !ub.negative);
  return sum(format, ua, { ...ub, negative: !ub.negative }, env);
}

function multiply(format: Format, a: bigint, b: bigint, env: FpEnv, extended: boolean): bigint {
  const ua = unpack(format, a, env);
  const ub = unpack(format, b, env);
  const nan = processNaNs(format, [[ua, a], [ub, b]], env); // biome-ignore format: pairs
  if (nan !== null) return nan;
  const negative = ua.negative !== ub.negative;
  const infinite = ua.class === 'infinity' || ub.class === 'infinity';
  if (ua.class === 'zero' || ub.class === 'zero') {
    if (!infinite) return zero(format, negative);
    return extended ? roundPack(format, negative, 1n, 1, env) : invalid(format, env);
  }
  if (infinite) return infinity(format, negative);
  return roundPack(format, negative, ua.mantissa * ub.mantissa, ua.exponent + ub.exponent, env);
}

/** FMUL (FPMul). */
export const fpMul = (format: Format, a: bigint, b: bigint, env: FpEnv): bigint => multiply(format, a, b, env, false);

/** FMULX (FPMulX): zero times infinity is ±2. */
export const fpMulX = (format: Format, a: bigint, b: bigint, env: FpEnv): bigint => multiply(format, a, b, env, true);

/** FDIV (FPDiv). */
export function fpDiv(format: Format, a: bigint, b: bigint, env: FpEnv): bigint {
  const ua = unpack(format, a, env);
  const ub = unpack(format, b, env);
  const nan = processNaNs(format, [[ua, a], [ub, b]], env); // biome-ignore format: pairs
  if (nan !== null) return nan;
  const negative = ua.negative !== ub.negative;
  if (ua.class === ub.class && (ua.class === 'zero' || ua.class === 'infinity')) return invalid(format, env);
  if (ua.class === 'infinity') return infinity(format, negative);
  if (ub.class === 'zero') {
    env.flags |= FP_DZC;
    return infinity(format, negative);
  }
  if (ua.class === 'zero' || ub.class === 'infinity') return zero(format, negative);
  // Enough quotient bits for the format and two to spare; the remainder becomes the sticky last bit.
  const shift = Math.max(0, format.fraction + 4 + bitLength(ub.mantissa) - bitLength(ua.mantissa));
  const dividend = ua.mantissa << BigInt(shift);
  const quotient = dividend / ub.mantissa;
  const sticky = quotient * ub.mantissa === dividend ? 0n : 1n;
  return roundPack(format, negative, (quotient << 1n) | sticky, ua.exponent - ub.exponent - shift - 1, env);
}

/** Floor of the square root, by Newton's iteration from above. */
function integerSqrt(n: bigint): bigint {
  let root = 1n << BigInt((bitLength(n) + 1) >> 1);
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** FSQRT (FPSqrt). */
export function fpSqrt(format: Format, a: bigint, env: FpEnv): bigint {
  const u = unpack(format, a, env);
  if (isNaNClass(u)) return processNaN(format, u, a, env);
  if (u.class === 'zero') return zero(format, u.negative);
  if (u.negative) return invalid(format, env);
  if (u.class === 'infinity') return infinity(format, false);
  let shift = Math.max(0, 2 * (format.fraction + 4) - bitLength(u.mantissa));
  if (((u.exponent - shift) & 1) !== 0) shift += 1;
  const radicand = u.mantissa << BigInt(shift);
  const root = integerSqrt(radicand);
  const sticky = root * root === radicand ? 0n : 1n;
  return roundPack(format, false, (root << 1n) | sticky, (u.exponent - shift) / 2 - 1, env);
}

/** addend + a × b with one rounding (FPMulAdd). Negated forms flip operand signs before they come here. */
export function fpMulAdd(format: Format, addend: bigint, a: bigint, b: bigint, env: FpEnv): bigint {
  const uc = unpack(format, addend, env);
  const ua = unpack(format, a, env);
  const ub = unpack(format, b, env);
  const zeroTimesInfinity =
    (ua.class === 'infinity' && ub.class === 'zero') || (ua.class === 'zero' && ub.class === 'infinity');
  // The one case where an invalid product wins over a quiet NaN.
  if (uc.class === 'qnan' && zeroTimesInfinity) return invalid(format, env);
  const nan = processNaNs(format, [[uc, addend], [ua, a], [ub, b]], env); // biome-ignore format: triples
  if (nan !== null) return nan;
  const negative = ua.negative !== ub.negative;
  if (zeroTimesInfinity) return invalid(format, env);
  if (ua.class === 'infinity' || ub.class === 'infinity') {
    if (uc.class === 'infinity' && uc.negative !== negative) return invalid(format, env);
    return infinity(format, negative);
  }
  if (uc.class === 'infinity') return infinity(format, uc.negative);
  const none = ua.class === 'zero' || ub.class === 'zero';
  const product: Unpacked = {
    class: none ? 'zero' : 'finite',
    negative,
    mantissa: ua.mantissa * ub.mantissa,
    exponent: ua.exponent + ub.exponent,
  };
  return sum(format, uc, product, env);
}
