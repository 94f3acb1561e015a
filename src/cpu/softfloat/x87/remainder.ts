/** Partial remainders, FSCALE and FXTRACT (Intel SDM vol. 2). */

import { fromInt } from './convert.ts';
import {
  BIAS,
  type Ext,
  Flag,
  invalid,
  Kind,
  kindOf,
  leadingZeros,
  MAX_EXPONENT,
  mantissaOf,
  nanOf,
  nanOfTwo,
  normalExponent,
  setInfinity,
  setZero,
  shiftedHi,
  shiftedLo,
  type X87Env,
} from './ext.ts';
import { roundBig, roundPack } from './round.ts';

const SIGN = 0x8000;
const C0 = 0x100;
const C1 = 0x200;
const C2 = 0x400;
const C3 = 0x4000;

/**
 * FPREM, FPREM1 with `nearest` (the quotient rounded to nearest even): r = a rem b, or a step towards it where the
 * exponents are 64 or more apart. Returns the condition codes: C2 = not done, C0 C3 C1 = bits 2, 1, 0 of the quotient; null
 * where operands are invalid or NaNs, which leaves C0 and C3 as they were.
 */
export function remainder(r: Ext, a: Ext, b: Ext, nearest: boolean, env: X87Env): number | null {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka >= Kind.QNAN || kb >= Kind.QNAN) {
    nanOfTwo(r, a, b, env);
    return null;
  }
  if (ka === Kind.INFINITY || kb === Kind.ZERO) {
    invalid(r, env);
    return null;
  }
  if (ka === Kind.DENORMAL || kb === Kind.DENORMAL) env.flags |= Flag.DE;
  if (ka === Kind.ZERO || kb === Kind.INFINITY) {
    if (ka === Kind.DENORMAL) finishTiny(r, a, env);
    else r.copy(a);
    return 0;
  }
  const ea = exponentOf(a);
  const eb = exponentOf(b);
  const sign = a.se & SIGN;
  const d = ea - eb;
  let x = mantissaOf(a) << BigInt(leadingZeros(a.hi, a.lo));
  let y = mantissaOf(b) << BigInt(leadingZeros(b.hi, b.lo));
  if (d >= 64) {
    // as many bits of the quotient as one step gives: 32 to 63 of them
    const n = 32 + (d % 32);
    const step = x << BigInt(n);
    const rest = step % y;
    if (rest === 0n) setZero(r, sign);
    else roundBig(r, sign, rest, eb - BIAS - 63 + d - n, false, exact(env));
    return C2;
  }
  if (d < -1 || (d < 0 && !nearest)) {
    if (ka === Kind.DENORMAL) finishTiny(r, a, env);
    else r.copy(a);
    return 0;
  }
  // both in units of the smaller exponent
  if (d >= 0) x <<= BigInt(d);
  else y <<= 1n;
  const unit = Math.min(ea, eb) - BIAS - 63;
  let q = x / y;
  let rest = x - q * y;
  let s = sign;
  if (nearest && (rest * 2n > y || (rest * 2n === y && (q & 1n) === 1n))) {
    q += 1n;
    rest = y - rest;
    s ^= SIGN;
  }
  if (rest === 0n) setZero(r, sign);
  else roundBig(r, s, rest, unit, false, exact(env));
  const low = Number(q & 7n);
  return (low & 4 ? C0 : 0) | (low & 2 ? C3 : 0) | (low & 1 ? C1 : 0);
}

const exponentOf = (a: Ext): number => (a.se & MAX_EXPONENT || 1) - leadingZeros(a.hi, a.lo);

/** Remainders are exact whatever the precision control says. */
const exact = (env: X87Env): X87Env => {
  env.precision = 64;
  return env;
};

/** A denormal as a result: unmasked underflow would see it. */
function finishTiny(r: Ext, a: Ext, env: X87Env): void {
  const n = leadingZeros(a.hi, a.lo);
  roundPack(r, a.se & SIGN, exponentOf(a), shiftedHi(a.hi, a.lo, n), shiftedLo(a.lo, n), 0, exact(env));
}

/** FSCALE: r = a × 2^trunc(b). */
export function scale(r: Ext, a: Ext, b: Ext, env: X87Env): Ext {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka >= Kind.QNAN || kb >= Kind.QNAN) return nanOfTwo(r, a, b, env);
  const sign = a.se & SIGN;
  if (kb === Kind.INFINITY) {
    const down = (b.se & SIGN) !== 0;
    if (down ? ka === Kind.INFINITY : ka === Kind.ZERO) return invalid(r, env);
    if (ka === Kind.DENORMAL) env.flags |= Flag.DE;
    return down ? setZero(r, sign) : setInfinity(r, sign);
  }
  if (ka === Kind.DENORMAL || kb === Kind.DENORMAL) env.flags |= Flag.DE;
  if (ka === Kind.ZERO || ka === Kind.INFINITY) return r.copy(a);
  const eb = (b.se & MAX_EXPONENT) - BIAS;
  let by = 0;
  if (kb !== Kind.ZERO && eb >= 0) by = eb > 16 ? 0x1_0000 : b.hi >>> (31 - eb);
  if (b.se & SIGN) by = -by;
  const n = leadingZeros(a.hi, a.lo);
  const exponent = exponentOf(a) + by;
  return roundPack(r, sign, exponent, shiftedHi(a.hi, a.lo, n), shiftedLo(a.lo, n), 0, exact(env));
}

/** FXTRACT: the exponent into `exponent`, the significand with exponent 0 into `significand`. */
export function extract(exponent: Ext, significand: Ext, a: Ext, env: X87Env): void {
  const kind = kindOf(a);
  const sign = a.se & SIGN;
  if (kind >= Kind.QNAN) {
    nanOf(exponent, a, kind, env);
    significand.copy(exponent);
  } else if (kind === Kind.INFINITY) {
    setInfinity(significand, sign);
    setInfinity(exponent, 0);
  } else if (kind === Kind.ZERO) {
    env.flags |= Flag.ZE;
    setZero(significand, sign);
    setInfinity(exponent, SIGN);
  } else {
    const e = normalExponent(a, kind, env) - BIAS;
    const n = leadingZeros(a.hi, a.lo);
    significand.set(sign | BIAS, shiftedHi(a.hi, a.lo, n), shiftedLo(a.lo, n));
    fromInt(exponent, e < 0 ? -1 : 0, e);
  }
}
