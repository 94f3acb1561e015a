/**
 * IEEE 754 binary formats on integers: taking numbers apart, NaNs, rounding back. A number is its bit pattern as an
 * unsigned BigInt; every operation takes the format, the operands and the environment. Written for exactness, not speed:
 * translated code comes here only in its exact mode.
 */
import { FP_IDC, FP_IOC, FP_IXC, FP_OFC, FP_UFC, type FpEnv, Round, type RoundingMode } from './env.ts';

/** One of binary16, binary32, binary64. */
export interface Format {
  readonly bits: 16 | 32 | 64;
  /** Stored bits of the significand. */
  readonly fraction: number;
  readonly bias: number;
  /** All ones in the exponent field, as a number. */
  readonly maxExponent: number;
  readonly signBit: bigint;
  readonly fractionMask: bigint;
  readonly quietBit: bigint;
  readonly infinity: bigint;
  readonly defaultNaN: bigint;
  readonly maxNormal: bigint;
}

function makeFormat(bits: 16 | 32 | 64, fraction: number): Format {
  const exponentBits = bits - 1 - fraction;
  const maxExponent = 2 ** exponentBits - 1;
  const infinity = BigInt(maxExponent) << BigInt(fraction);
  const quietBit = 1n << BigInt(fraction - 1);
  return {
    bits,
    fraction,
    bias: 2 ** (exponentBits - 1) - 1,
    maxExponent,
    signBit: 1n << BigInt(bits - 1),
    fractionMask: (1n << BigInt(fraction)) - 1n,
    quietBit,
    infinity,
    defaultNaN: infinity | quietBit,
    maxNormal: infinity - 1n,
  };
}

export const F16: Format = makeFormat(16, 10);
export const F32: Format = makeFormat(32, 23);
export const F64: Format = makeFormat(64, 52);

export type FpClass = 'zero' | 'finite' | 'infinity' | 'qnan' | 'snan';

/** A number taken apart; when `finite`, its magnitude is mantissa × 2^exponent with mantissa > 0. */
export interface Unpacked {
  readonly class: FpClass;
  readonly negative: boolean;
  readonly mantissa: bigint;
  readonly exponent: number;
}

export const isNaNClass = (u: Unpacked): boolean => u.class === 'qnan' || u.class === 'snan';

/** Where the flags say that inputs are flushed (FPUnpackBase of the Arm ARM); conversions leave half precision alone. */
export function unpack(format: Format, bits: bigint, env: FpEnv, conversion = false): Unpacked {
  const negative = (bits & format.signBit) !== 0n;
  const fraction = bits & format.fractionMask;
  const field = Number((bits & format.infinity) >> BigInt(format.fraction));
  if (field === 0) {
    if (fraction === 0n) return { class: 'zero', negative, mantissa: 0n, exponent: 0 };
    if (format.bits === 16) {
      if (env.fz16 && !conversion) return { class: 'zero', negative, mantissa: 0n, exponent: 0 };
    } else if (env.fz) {
      env.flags |= FP_IDC;
      return { class: 'zero', negative, mantissa: 0n, exponent: 0 };
    }
    return { class: 'finite', negative, mantissa: fraction, exponent: 1 - format.bias - format.fraction };
  }
  // Alternative half precision: the top exponent is one more binade of numbers, in conversions only.
  if (field === format.maxExponent && !(conversion && format.bits === 16 && env.ahp)) {
    if (fraction === 0n) return { class: 'infinity', negative, mantissa: 0n, exponent: 0 };
    return { class: (fraction & format.quietBit) !== 0n ? 'qnan' : 'snan', negative, mantissa: fraction, exponent: 0 };
  }
  return {
    class: 'finite',
    negative,
    mantissa: fraction | (format.fractionMask + 1n),
    exponent: field - format.bias - format.fraction,
  };
}

export const zero = (format: Format, negative: boolean): bigint => (negative ? format.signBit : 0n);
export const infinity = (format: Format, negative: boolean): bigint =>
  negative ? format.signBit | format.infinity : format.infinity;

/** An invalid operation: raises IOC and gives the default NaN. */
export function invalid(format: Format, env: FpEnv): bigint {
  env.flags |= FP_IOC;
  return format.defaultNaN;
}

/** A NaN operand becomes the result: quietened, or the default NaN under FPCR.DN (FPProcessNaN). */
export function processNaN(format: Format, u: Unpacked, bits: bigint, env: FpEnv): bigint {
  if (u.class === 'snan') env.flags |= FP_IOC;
  return env.dn ? format.defaultNaN : bits | format.quietBit;
}

/** The NaN that wins among operands, signalling before quiet and then in order, or null (FPProcessNaNs, FPProcessNaNs3). */
export function processNaNs(
  format: Format,
  operands: readonly (readonly [u: Unpacked, bits: bigint])[],
  env: FpEnv,
): bigint | null {
  for (const kind of ['snan', 'qnan'] as const) {
    for (const [u, bits] of operands) if (u.class === kind) return processNaN(format, u, bits, env);
  }
  return null;
}

/** Number of significant bits of a positive BigInt. */
export function bitLength(n: bigint): number {
  const hex = n.toString(16);
  return hex.length * 4 - Math.clz32(Number.parseInt(hex[0] as string, 16)) + 28;
}

/**
 * Whether a magnitude cut after its last kept bit is to be rounded up: `half` is the first bit cut off, `sticky` whether
 * any later one is set, `odd` the last bit kept.
 */
export function roundsUp(mode: RoundingMode, negative: boolean, odd: boolean, half: boolean, sticky: boolean): boolean {
  switch (mode) {
    case Round.NEAREST:
      return half && (sticky || odd);
    case Round.AWAY:
      return half;
    case Round.UP:
      return !negative && (half || sticky);
    case Round.DOWN:
      return negative && (half || sticky);
    case Round.ZERO:
      return false;
    case Round.ODD:
      return !odd && (half || sticky);
  }
}

/** mantissa × 2^-shift rounded to an integer; shift may be negative (exact). */
export function roundShift(
  mantissa: bigint,
  shift: number,
  negative: boolean,
  mode: RoundingMode,
): { value: bigint; inexact: boolean } {
  if (shift <= 0) return { value: mantissa << BigInt(-shift), inexact: false };
  const kept = mantissa >> BigInt(shift);
  const cut = mantissa & ((1n << BigInt(shift)) - 1n);
  const halfBit = 1n << BigInt(shift - 1);
  const up = roundsUp(mode, negative, (kept & 1n) !== 0n, (cut & halfBit) !== 0n, (cut & (halfBit - 1n)) !== 0n);
  return { value: up ? kept + 1n : kept, inexact: cut !== 0n };
}

/**
 * Round mantissa × 2^exponent (mantissa > 0; a set lowest bit may stand for lost bits if there are bits to spare)
 * into a format, with flushing, overflow, underflow before rounding and their flags (FPRoundBase of the Arm ARM).
 */
export function roundPack(
  format: Format,
  negative: boolean,
  mantissa: bigint,
  exponent: number,
  env: FpEnv,
  mode: RoundingMode = env.rounding,
  conversion = false,
): bigint {
  const sign = zero(format, negative);
  const length = bitLength(mantissa);
  // Exponent of the leading bit, and what the smallest normal number has.
  const leading = exponent + length - 1;
  const minimum = 1 - format.bias;
  let tiny = leading < minimum;
  if (tiny && env.tinyAfterRounding && leading === minimum - 1) {
    // rounded as if the exponent had no bound: a carry makes it the smallest normal number
    const { value } = roundShift(mantissa, leading - format.fraction - exponent, negative, mode);
    tiny = bitLength(value) === format.fraction + 1;
  }
  const denormal = leading < minimum;
  if (tiny && env.flushTiny) {
    env.flags |= FP_UFC | FP_IXC;
    return sign;
  }
  if (tiny && (format.bits === 16 ? env.fz16 && !conversion : env.fz)) {
    env.flags |= FP_UFC;
    return sign;
  }
  // Exponent of the last place kept.
  const unit = (denormal ? minimum : leading) - format.fraction;
  const { value, inexact } = roundShift(mantissa, unit - exponent, negative, mode);
  if (tiny && env.trapsTiny) {
    // whether it is inexact is told of the result that had no bounds
    env.flags |= FP_UFC;
    if (roundShift(mantissa, leading - format.fraction - exponent, negative, mode).inexact) env.flags |= FP_IXC;
    return sign;
  }
  if (tiny && inexact) env.flags |= FP_UFC;
  // Adding the significand with its leading bit to the exponent field less one carries where rounding did.
  const field = denormal ? 0 : leading + format.bias - 1;
  const packed = (BigInt(field) << BigInt(format.fraction)) + value;
  if (conversion && format.bits === 16 && env.ahp) {
    if (packed > 0x7fffn) {
      env.flags |= FP_IOC;
      return sign | 0x7fffn;
    }
  } else if (packed >= format.infinity) {
    env.flags |= env.trapsHuge && !inexact ? FP_OFC : FP_OFC | FP_IXC;
    const toInfinity =
      mode === Round.NEAREST ||
      mode === Round.AWAY ||
      (mode === Round.UP && !negative) ||
      (mode === Round.DOWN && negative);
    return sign | (toInfinity ? format.infinity : format.maxNormal);
  }
  if (inexact) env.flags |= FP_IXC;
  return sign | packed;
}
