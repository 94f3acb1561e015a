/** Conversions: between formats, to and from integers and fixed point, to integral values (Arm ARM J1.3). */
import { FP_IOC, FP_IXC, type FpEnv, type RoundingMode } from './env.ts';
import { F16, type Format, infinity, isNaNClass, processNaN, roundPack, roundShift, unpack, zero } from './format.ts';

/** FCVT, FCVTL, FCVTN (FPConvert); FCVTXN gives Round.ODD. */
export function fpConvert(from: Format, to: Format, a: bigint, env: FpEnv, mode: RoundingMode = env.rounding): bigint {
  const u = unpack(from, a, env, true);
  const alternative = to === F16 && env.ahp;
  if (isNaNClass(u)) {
    if (u.class === 'snan' || alternative) env.flags |= FP_IOC;
    if (alternative) return zero(to, u.negative);
    if (env.dn) return to.defaultNaN;
    // The payload keeps its top bits.
    const shift = BigInt(Math.abs(to.fraction - from.fraction));
    const payload = to.fraction > from.fraction ? u.mantissa << shift : u.mantissa >> shift;
    return infinity(to, u.negative) | payload | to.quietBit;
  }
  if (u.class === 'infinity') {
    if (!alternative) return infinity(to, u.negative);
    env.flags |= FP_IOC;
    return zero(to, u.negative) | 0x7fffn;
  }
  if (u.class === 'zero') return zero(to, u.negative);
  return roundPack(to, u.negative, u.mantissa, u.exponent, env, mode, true);
}

/**
 * FCVT[NPMZA][SU] (FPToFixed): to a signed or unsigned integer of `width` bits with `fractionBits` of them fraction.
 * Out of range saturates; the result is the bit pattern, 0 ≤ result < 2^width.
 */
export function fpToFixed(
  format: Format,
  a: bigint,
  fractionBits: number,
  width: number,
  unsigned: boolean,
  mode: RoundingMode,
  env: FpEnv,
): bigint {
  const u = unpack(format, a, env);
  if (isNaNClass(u)) {
    env.flags |= FP_IOC;
    return 0n;
  }
  if (u.class === 'zero') return 0n;
  const top = unsigned ? (1n << BigInt(width)) - 1n : (1n << BigInt(width - 1)) - 1n;
  const bottom = unsigned ? 0n : -top - 1n;
  const saturate = (): bigint => {
    env.flags |= FP_IOC;
    return BigInt.asUintN(width, u.negative ? bottom : top);
  };
  if (u.class === 'infinity') return saturate();
  const { value, inexact } = roundShift(u.mantissa, -(u.exponent + fractionBits), u.negative, mode);
  const result = u.negative ? -value : value;
  if (result > top || result < bottom) return saturate();
  if (inexact) env.flags |= FP_IXC;
  return BigInt.asUintN(width, result);
}

/** SCVTF, UCVTF (FixedToFP): the low `width` bits of `a`, `fractionBits` of them fraction. */
export function fixedToFp(
  format: Format,
  a: bigint,
  fractionBits: number,
  width: number,
  unsigned: boolean,
  env: FpEnv,
  mode: RoundingMode = env.rounding,
): bigint {
  const value = unsigned ? BigInt.asUintN(width, a) : BigInt.asIntN(width, a);
  if (value === 0n) return 0n;
  return roundPack(format, value < 0n, value < 0n ? -value : value, -fractionBits, env, mode);
}

/** FRINT* (FPRoundInt): to an integral value of the same format; only FRINTX (`exact`) raises inexact. */
export function fpRoundInt(format: Format, a: bigint, mode: RoundingMode, exact: boolean, env: FpEnv): bigint {
  const u = unpack(format, a, env);
  if (isNaNClass(u)) return processNaN(format, u, a, env);
  if (u.class === 'infinity') return infinity(format, u.negative);
  if (u.class === 'zero') return zero(format, u.negative);
  if (u.exponent >= 0) return a;
  const { value, inexact } = roundShift(u.mantissa, -u.exponent, u.negative, mode);
  if (inexact && exact) env.flags |= FP_IXC;
  if (value === 0n) return zero(format, u.negative);
  return roundPack(format, u.negative, value, 0, env);
}
