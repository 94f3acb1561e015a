/**
 * The x87's double extended-precision numbers (Intel SDM vol. 1, 4.2.2 and 8.2): sign and exponent in 16 bits, 64 bits of
 * significand with its integer bit. Mantissas are two int32, so that common operations allocate nothing.
 */

/** A number that operations overwrite. */
export class Ext {
  /** Sign (bit 15) and biased exponent. */
  se = 0;
  /** Significand: upper and lower half, int32. */
  hi = 0;
  lo = 0;

  set(se: number, hi: number, lo: number): this {
    this.se = se;
    this.hi = hi | 0;
    this.lo = lo | 0;
    return this;
  }

  copy(a: Ext): this {
    this.se = a.se;
    this.hi = a.hi;
    this.lo = a.lo;
    return this;
  }
}

export const BIAS = 0x3fff;
export const MAX_EXPONENT = 0x7fff;
const INTEGER_BIT = -0x8000_0000;
const QUIET_BIT = 0x4000_0000;

/** What a bit pattern is. Unsupported: pseudo-infinity, pseudo-NaN, unnormal, which raise the invalid exception. */
export const Kind: {
  readonly ZERO: 0;
  readonly NORMAL: 1;
  readonly DENORMAL: 2;
  readonly INFINITY: 3;
  readonly QNAN: 4;
  readonly SNAN: 5;
  readonly UNSUPPORTED: 6;
} = { ZERO: 0, NORMAL: 1, DENORMAL: 2, INFINITY: 3, QNAN: 4, SNAN: 5, UNSUPPORTED: 6 };

export function kindOf(a: Ext): number {
  const exponent = a.se & MAX_EXPONENT;
  if (exponent === 0) return (a.hi | a.lo) === 0 ? Kind.ZERO : Kind.DENORMAL;
  if (a.hi >= 0) return Kind.UNSUPPORTED;
  if (exponent !== MAX_EXPONENT) return Kind.NORMAL;
  if (a.hi === INTEGER_BIT && a.lo === 0) return Kind.INFINITY;
  return a.hi & QUIET_BIT ? Kind.QNAN : Kind.SNAN;
}

/** Bits of the status word. C1 is here too: whether the last rounding went away from zero. */
export const Flag: {
  readonly IE: 1;
  readonly DE: 2;
  readonly ZE: 4;
  readonly OE: 8;
  readonly UE: 16;
  readonly PE: 32;
  readonly C1: 0x200;
} = { IE: 1, DE: 2, ZE: 4, OE: 8, UE: 16, PE: 32, C1: 0x200 };

/** Rounding control, as in the control word. */
export const Rc: { readonly NEAREST: 0; readonly DOWN: 1; readonly UP: 2; readonly ZERO: 3 } = {
  NEAREST: 0,
  DOWN: 1,
  UP: 2,
  ZERO: 3,
};

/** What operations depend on and what they leave behind. */
export class X87Env {
  rounding: number = Rc.NEAREST;
  /** Significand bits of results: 24, 53 or 64. */
  precision = 64;
  /** Exceptions that are masked: bits of {@link Flag}. */
  masked = 0x3f;
  /** Exceptions of the operation, and C1. */
  flags = 0;

  /** Start an operation under a control word. */
  begin(cw: number): this {
    this.rounding = (cw >>> 10) & 3;
    // 01 is reserved; processors take it as 64 bits
    this.precision = [24, 64, 53, 64][(cw >>> 8) & 3] as number;
    this.masked = cw & 0x3f;
    this.flags = 0;
    return this;
  }
}

export const setZero = (r: Ext, sign: number): Ext => r.set(sign, 0, 0);
export const setInfinity = (r: Ext, sign: number): Ext => r.set(sign | MAX_EXPONENT, INTEGER_BIT, 0);

/** The real indefinite, with the invalid exception. */
export function invalid(r: Ext, env: X87Env): Ext {
  env.flags |= Flag.IE;
  return r.set(0xffff, INTEGER_BIT | QUIET_BIT, 0);
}

/** One NaN operand: made quiet. */
export function nanOf(r: Ext, a: Ext, kind: number, env: X87Env): Ext {
  if (kind === Kind.UNSUPPORTED) return invalid(r, env);
  if (kind === Kind.SNAN) env.flags |= Flag.IE;
  return r.set(a.se, a.hi | QUIET_BIT, a.lo);
}

/**
 * The NaN of two operands of which at least one is a NaN or unsupported (SDM vol. 1, table 4-7): of a signalling and a
 * quiet one the quiet, else that with the larger significand, else the positive one.
 */
export function nanOfTwo(r: Ext, a: Ext, b: Ext, env: X87Env): Ext {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka === Kind.UNSUPPORTED || kb === Kind.UNSUPPORTED) return invalid(r, env);
  if (ka === Kind.SNAN || kb === Kind.SNAN) env.flags |= Flag.IE;
  let first = true;
  if (ka < Kind.QNAN) first = false;
  else if (kb >= Kind.QNAN) {
    if (ka !== kb) first = ka === Kind.QNAN;
    else {
      const way = a.hi === b.hi ? (a.lo >>> 0) - (b.lo >>> 0) : (a.hi >>> 0) - (b.hi >>> 0);
      first = way === 0 ? a.se <= b.se : way > 0;
    }
  }
  const from = first ? a : b;
  return r.set(from.se, from.hi | QUIET_BIT, from.lo);
}

/** Exponent of a finite nonzero number after {@link normalise} would have shifted it; denormals raise DE. */
export function normalExponent(a: Ext, kind: number, env: X87Env): number {
  if (kind !== Kind.DENORMAL) return a.se & MAX_EXPONENT;
  env.flags |= Flag.DE;
  return 1 - leadingZeros(a.hi, a.lo);
}

export const leadingZeros = (hi: number, lo: number): number => (hi !== 0 ? Math.clz32(hi) : 32 + Math.clz32(lo));

/** Upper half of hi:lo shifted left by n < 64. */
export const shiftedHi = (hi: number, lo: number, n: number): number =>
  n === 0 ? hi : n < 32 ? (hi << n) | (lo >>> (32 - n)) : lo << (n - 32);
export const shiftedLo = (lo: number, n: number): number => (n < 32 ? lo << n : 0);

/** The significand. */
export const mantissaOf = (a: Ext): bigint => (BigInt(a.hi >>> 0) << 32n) | BigInt(a.lo >>> 0);
