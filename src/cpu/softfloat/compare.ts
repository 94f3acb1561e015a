/** Comparison, minimum and maximum (FPCompare*, FPMax*, FPMin* of the Arm ARM J1.3). */
import { FP_IOC, type FpEnv } from './env.ts';
import { type Format, infinity, isNaNClass, processNaNs, roundPack, type Unpacked, unpack, zero } from './format.ts';

/** Sign of a − b for two numbers that are no NaNs. */
function order(a: Unpacked, b: Unpacked): number {
  const rank = (u: Unpacked): number => (u.class === 'zero' ? 0 : u.negative ? -1 : 1);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (rank(a) === 0) return 0;
  const sign = rank(a);
  if (a.class === 'infinity' || b.class === 'infinity') {
    return a.class === b.class ? 0 : a.class === 'infinity' ? sign : -sign;
  }
  const low = Math.min(a.exponent, b.exponent);
  const ma = a.mantissa << BigInt(a.exponent - low);
  const mb = b.mantissa << BigInt(b.exponent - low);
  return ma === mb ? 0 : ma > mb ? sign : -sign;
}

/** FCMP and FCMPE (FPCompare): NZCV in bits 3–0. `signalQuiet` makes quiet NaNs invalid too. */
export function fpCompare(format: Format, a: bigint, b: bigint, signalQuiet: boolean, env: FpEnv): number {
  const ua = unpack(format, a, env);
  const ub = unpack(format, b, env);
  if (isNaNClass(ua) || isNaNClass(ub)) {
    if (signalQuiet || ua.class === 'snan' || ub.class === 'snan') env.flags |= FP_IOC;
    return 0b0011;
  }
  const way = order(ua, ub);
  return way === 0 ? 0b0110 : way < 0 ? 0b1000 : 0b0010;
}

/** FCMEQ (FPCompareEQ). */
export const fpEqual = (format: Format, a: bigint, b: bigint, env: FpEnv): boolean =>
  fpCompare(format, a, b, false, env) === 0b0110;

/** FCMGE (FPCompareGE). */
export function fpGreaterEqual(format: Format, a: bigint, b: bigint, env: FpEnv): boolean {
  const flags = fpCompare(format, a, b, true, env);
  return flags === 0b0110 || flags === 0b0010;
}

/** FCMGT (FPCompareGT). */
export const fpGreater = (format: Format, a: bigint, b: bigint, env: FpEnv): boolean =>
  fpCompare(format, a, b, true, env) === 0b0010;

function extreme(format: Format, a: bigint, b: bigint, env: FpEnv, max: boolean): bigint {
  const ua = unpack(format, a, env);
  const ub = unpack(format, b, env);
  const nan = processNaNs(format, [[ua, a], [ub, b]], env); // biome-ignore format: pairs
  if (nan !== null) return nan;
  const way = order(ua, ub);
  const u = (max ? way > 0 : way < 0) ? ua : ub;
  if (u.class === 'infinity') return infinity(format, u.negative);
  if (u.class === 'zero') {
    const both = max ? ua.negative && ub.negative : ua.negative || ub.negative;
    return zero(format, way === 0 ? both : u.negative);
  }
  return roundPack(format, u.negative, u.mantissa, u.exponent, env);
}

/** FMAX (FPMax). */
export const fpMax = (format: Format, a: bigint, b: bigint, env: FpEnv): bigint => extreme(format, a, b, env, true);

/** FMIN (FPMin). */
export const fpMin = (format: Format, a: bigint, b: bigint, env: FpEnv): bigint => extreme(format, a, b, env, false);

function numberExtreme(format: Format, a: bigint, b: bigint, env: FpEnv, max: boolean): bigint {
  // A lone quiet NaN yields to the number: it is replaced by the infinity that always loses.
  const quiet = (n: bigint): boolean => (n & format.defaultNaN) === format.defaultNaN;
  const loses = infinity(format, max);
  if (quiet(a) && !quiet(b)) return extreme(format, loses, b, env, max);
  if (quiet(b) && !quiet(a)) return extreme(format, a, loses, env, max);
  return extreme(format, a, b, env, max);
}

/** FMAXNM (FPMaxNum). */
export const fpMaxNum = (format: Format, a: bigint, b: bigint, env: FpEnv): bigint =>
  numberExtreme(format, a, b, env, true);

/** FMINNM (FPMinNum). */
export const fpMinNum = (format: Format, a: bigint, b: bigint, env: FpEnv): bigint =>
  numberExtreme(format, a, b, env, false);
