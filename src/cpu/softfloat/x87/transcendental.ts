/**
 * F2XM1, FYL2X, FYL2XP1, FSIN, FCOS, FPTAN, FPATAN (Intel SDM vol. 1, 8.3.7–8.3.10; vol. 2), rounded correctly but for
 * the error of some 2^-30 units in the last place that truncated series have. Processors are up to one unit off.
 */
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
  setInfinity,
  setZero,
  type X87Env,
} from './ext.ts';
import { roundBig } from './round.ts';
import { atan, atanh, exp2m1, ln, ln2, pi, reciprocalLn2, sinCos } from './series.ts';

const SIGN = 0x8000;
/** Fraction bits for arguments near one; smaller ones get more. */
const BITS = 112;
/** Exponent below which the functions are linear, as far as 64 bits show. */
const LINEAR = -100;
/** π as processors have it, 66 significant bits of it (SDM vol. 1, 8.3.8): × 2^-66. */
const PI_66 = 0xc90fdaa22168c234cn;
/** From here on FSIN and its like leave the operand alone. */
const TOO_LARGE = BIAS + 63;

/** A finite nonzero number: sign, mantissa × 2^exponent; denormals raise DE. */
interface Finite {
  readonly sign: number;
  readonly mantissa: bigint;
  readonly exponent: number;
}

const finiteOf = (a: Ext): Finite => ({
  sign: a.se & SIGN,
  mantissa: mantissaOf(a),
  exponent: (a.se & MAX_EXPONENT || 1) - BIAS - 63,
});

/** Exponent of the leading bit. */
const magnitude = (a: Ext): number => (a.se & MAX_EXPONENT || 1) - BIAS - leadingZeros(a.hi, a.lo);

/** Fraction bits that hold a number with so small an exponent. */
const bitsFor = (exponent: number): number => BITS + Math.max(0, -exponent);

const fixed = ({ mantissa, exponent }: Finite, p: number): bigint =>
  exponent + p >= 0 ? mantissa << BigInt(exponent + p) : mantissa >> BigInt(-exponent - p);

/** These functions round to 64 bits whatever the precision control says. */
const whole = (env: X87Env): X87Env => {
  env.precision = 64;
  return env;
};

/** A fixed-point result, never exact. */
function put(r: Ext, value: bigint, p: number, env: X87Env): Ext {
  if (value === 0n) return setZero(r, 0);
  return roundBig(r, value < 0n ? SIGN : 0, value < 0n ? -value : value, -p, true, whole(env));
}

const noteDenormal = (kind: number, env: X87Env): void => {
  if (kind === Kind.DENORMAL) env.flags |= Flag.DE;
};

/** F2XM1: r = 2^a − 1 for −1 ≤ a ≤ 1. What lies outside is undefined: it is left as it is. */
export function f2xm1(r: Ext, a: Ext, env: X87Env): Ext {
  const kind = kindOf(a);
  if (kind >= Kind.QNAN) return nanOf(r, a, kind, env);
  if (kind === Kind.ZERO) return r.copy(a);
  if (kind === Kind.INFINITY) return a.se & SIGN ? r.set(SIGN | BIAS, -0x8000_0000, 0) : r.copy(a);
  noteDenormal(kind, env);
  const e = magnitude(a);
  if (e >= 0) {
    env.flags |= Flag.PE;
    if (e > 0 || (a.hi & 0x7fff_ffff) !== 0 || a.lo !== 0) return r.copy(a);
    return a.se & SIGN ? r.set(SIGN | (BIAS - 1), -0x8000_0000, 0) : r.copy(a);
  }
  const f = finiteOf(a);
  if (e < LINEAR) return roundBig(r, f.sign, f.mantissa * ln2(BITS), f.exponent - BITS, true, whole(env));
  const p = bitsFor(e);
  const x = fixed(f, p);
  return put(r, exp2m1(f.sign ? -x : x, p), p, env);
}

/** log2 of a number. */
function log2(f: Finite, p: number): bigint {
  const length = f.mantissa.toString(2).length;
  const rest = f.mantissa - (1n << BigInt(length - 1));
  let e = f.exponent + length - 1;
  if (rest === 0n) return BigInt(e) << BigInt(p);
  // between √½ and √2, nearly
  let m = f.mantissa << BigInt(p - length + 1);
  const one = 1n << BigInt(p);
  if (m > one + (one >> 1n)) {
    m >>= 1n;
    e += 1;
  }
  return (BigInt(e) << BigInt(p)) + ((ln(m, p) * reciprocalLn2(p)) >> BigInt(p));
}
/** Fraction bits for log2 of a number: what is near one has a small logarithm. */
const bitsForLog2 = (a: Ext): number => {
  const e = (a.se & MAX_EXPONENT) - BIAS;
  if (e !== 0 && e !== -1) return BITS;
  // leading bits that are those of one, or of what is just below it
  const [hi, lo] = e === 0 ? [a.hi & 0x7fff_ffff, a.lo] : [~a.hi, ~a.lo];
  return BITS + leadingZeros(hi, lo);
};

/** FYL2X: r = b × log2(a). */
export function fyl2x(r: Ext, a: Ext, b: Ext, env: X87Env): Ext {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka >= Kind.QNAN || kb >= Kind.QNAN) return nanOfTwo(r, a, b, env);
  const sb = b.se & SIGN;
  if (ka === Kind.ZERO) {
    if (kb === Kind.ZERO) return invalid(r, env);
    if (kb !== Kind.INFINITY) env.flags |= Flag.ZE;
    return setInfinity(r, sb ^ SIGN);
  }
  if (a.se & SIGN) return invalid(r, env);
  if (ka === Kind.INFINITY) {
    if (kb === Kind.ZERO) return invalid(r, env);
    noteDenormal(kb, env);
    return setInfinity(r, sb);
  }
  const isOne = a.se === BIAS && a.hi === -0x8000_0000 && a.lo === 0;
  const below = (a.se & MAX_EXPONENT) < BIAS ? SIGN : 0;
  if (kb === Kind.INFINITY) {
    if (isOne) return invalid(r, env);
    noteDenormal(ka, env);
    return setInfinity(r, sb ^ below);
  }
  noteDenormal(ka, env);
  noteDenormal(kb, env);
  if (isOne || kb === Kind.ZERO) return setZero(r, sb ^ below);
  const p = bitsForLog2(a);
  return scaled(r, log2(finiteOf(a), p), p, finiteOf(b), env);
}

/** value × b; processors say that it is inexact even where it is not. */
function scaled(r: Ext, value: bigint, p: number, b: Finite, env: X87Env): Ext {
  if (value === 0n) return setZero(r, b.sign);
  const sign = b.sign ^ (value < 0n ? SIGN : 0);
  return roundBig(r, sign, (value < 0n ? -value : value) * b.mantissa, b.exponent - p, true, whole(env));
}

/** FYL2XP1: r = b × log2(a + 1), for |a| < 1 − √½; outside this is undefined. */
export function fyl2xp1(r: Ext, a: Ext, b: Ext, env: X87Env): Ext {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka >= Kind.QNAN || kb >= Kind.QNAN) return nanOfTwo(r, a, b, env);
  const sa = a.se & SIGN;
  const sb = b.se & SIGN;
  if (ka === Kind.INFINITY) {
    if (sa || kb === Kind.ZERO) return invalid(r, env);
    noteDenormal(kb, env);
    return setInfinity(r, sb);
  }
  if (kb === Kind.INFINITY) {
    if (ka === Kind.ZERO) return invalid(r, env);
    noteDenormal(ka, env);
    return setInfinity(r, sa ^ sb);
  }
  noteDenormal(ka, env);
  noteDenormal(kb, env);
  if (ka === Kind.ZERO || kb === Kind.ZERO) return setZero(r, sa ^ sb);
  const e = magnitude(a);
  if (e >= 0) return sa ? invalid(r, env) : fyl2x(r, addOne(r, a, env), b, env);
  const f = finiteOf(a);
  if (e < LINEAR) {
    const ln = (f.mantissa << BigInt(2 * BITS)) / ln2(BITS);
    return scaled(r, f.sign ? -ln : ln, BITS - f.exponent, finiteOf(b), env);
  }
  if (e >= -2) {
    // the series of small ones would not end near −1
    const mantissa = (1n << BigInt(-f.exponent)) + (f.sign ? -f.mantissa : f.mantissa);
    return scaled(r, log2({ sign: 0, mantissa, exponent: f.exponent }, BITS + 64), BITS + 64, finiteOf(b), env);
  }
  const p = bitsFor(e) + 64;
  const one = 1n << BigInt(p);
  const x = f.sign ? -fixed(f, p) : fixed(f, p);
  const log = 2n * atanh((x << BigInt(p)) / (2n * one + x), p, false);
  return scaled(r, (log << BigInt(p)) / ln2(p), p, finiteOf(b), env);
}

const addOne = (r: Ext, a: Ext, env: X87Env): Ext => {
  const f = finiteOf(a);
  const m = f.exponent >= 0 ? f.mantissa << BigInt(f.exponent) : f.mantissa;
  const unit = Math.min(f.exponent, 0);
  return roundBig(r, 0, m + (1n << BigInt(-unit)), unit, false, whole(env));
};

/** Sine and cosine in fixed point. */
interface Reduced {
  readonly sin: bigint;
  readonly cos: bigint;
  readonly p: number;
}

/** sin and cos of a finite nonzero number below 2^63. */
function circle(a: Ext): Reduced {
  const f = finiteOf(a);
  const e = magnitude(a);
  const p = bitsFor(e) + 64;
  let x = fixed(f, p);
  let quadrant = 0;
  if (e >= -1) {
    const half = PI_66 << BigInt(p - 67);
    const n = (x + (half >> 1n)) / half;
    x -= n * half;
    quadrant = Number(n & 3n);
  }
  if (f.sign) {
    x = -x;
    quadrant = -quadrant & 3;
  }
  const { sin, cos } = sinCos(x, p);
  if (quadrant === 0) return { sin, cos, p };
  if (quadrant === 1) return { sin: cos, cos: -sin, p };
  if (quadrant === 2) return { sin: -sin, cos: -cos, p };
  return { sin: -cos, cos: sin, p };
}

/** The operand, and a little above (or below with −1). */
const nearLinear = (r: Ext, a: Ext, by: bigint, env: X87Env): Ext => {
  const { sign, mantissa, exponent } = finiteOf(a);
  return roundBig(r, sign, (mantissa << 64n) + by, exponent - 64, true, whole(env));
};

/** Whether FSIN, FCOS, FSINCOS and FPTAN set C2 and do nothing. */
export const tooLarge = (a: Ext): boolean => {
  const kind = kindOf(a);
  return kind === Kind.NORMAL && (a.se & MAX_EXPONENT) >= TOO_LARGE;
};

/** FSINCOS, FSIN, FCOS: sine and cosine, each where there is room for it. The operand is not {@link tooLarge}. */
export function sineCosine(sine: Ext | null, cosine: Ext | null, a: Ext, env: X87Env): void {
  const kind = kindOf(a);
  if (kind >= Kind.INFINITY) {
    const r = (sine ?? cosine) as Ext;
    if (kind === Kind.INFINITY) invalid(r, env);
    else nanOf(r, a, kind, env);
    if (sine && cosine) cosine.copy(r);
    return;
  }
  if (kind === Kind.ZERO) {
    const sign = a.se & SIGN;
    cosine?.set(BIAS, -0x8000_0000, 0);
    if (sine) setZero(sine, sign);
    return;
  }
  noteDenormal(kind, env);
  if (magnitude(a) < LINEAR) {
    // just below the operand, and just below one
    if (sine) nearLinear(sine, a, -1n, env);
    if (cosine) roundBig(cosine, 0, (1n << 100n) - 1n, -100, true, whole(env));
    return;
  }
  const { sin, cos, p } = circle(a);
  if (sine) put(sine, sin, p, env);
  if (cosine) put(cosine, cos, p, env);
}

/** FPTAN without the 1.0 that it pushes. */
export function tangent(r: Ext, a: Ext, env: X87Env): Ext {
  const kind = kindOf(a);
  if (kind >= Kind.QNAN) return nanOf(r, a, kind, env);
  if (kind === Kind.INFINITY) return invalid(r, env);
  if (kind === Kind.ZERO) return r.copy(a);
  noteDenormal(kind, env);
  if (magnitude(a) < LINEAR) return nearLinear(r, a, 0n, env);
  const { sin, cos, p } = circle(a);
  return put(r, (sin << BigInt(p)) / cos, p, env);
}

/** FPATAN: r = the angle of the point (a, b), b being the ordinate. */
export function fpatan(r: Ext, a: Ext, b: Ext, env: X87Env): Ext {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka >= Kind.QNAN || kb >= Kind.QNAN) return nanOfTwo(r, a, b, env);
  const left = (a.se & SIGN) !== 0;
  const sign = b.se & SIGN;
  noteDenormal(ka, env);
  noteDenormal(kb, env);
  const angle = (quarters: bigint): Ext => put(r, ((sign ? -quarters : quarters) * pi(BITS)) >> 2n, BITS, env);
  if (ka === Kind.INFINITY && kb === Kind.INFINITY) return angle(left ? 3n : 1n);
  if (kb === Kind.ZERO || ka === Kind.INFINITY) return left ? angle(4n) : setZero(r, sign);
  if (ka === Kind.ZERO || kb === Kind.INFINITY) return angle(2n);
  const x = finiteOf(a);
  const y = finiteOf(b);
  const gap = magnitude(b) - magnitude(a);
  const steep = gap > 0 || (gap === 0 && larger(y, x));
  const [small, large] = steep ? [x, y] : [y, x];
  if (gap < LINEAR && !left) {
    const quotient = (y.mantissa << 192n) / x.mantissa;
    return roundBig(r, sign, quotient, y.exponent - x.exponent - 192, true, whole(env));
  }
  if (Math.abs(gap) > BITS) return angle(steep ? 2n : 4n);
  const p = bitsFor(-Math.abs(gap));
  // small ÷ large
  const shift = small.exponent - large.exponent + p;
  const q =
    shift >= 0
      ? (small.mantissa << BigInt(shift)) / large.mantissa
      : small.mantissa / (large.mantissa << BigInt(-shift));
  let value = atan(q, p);
  if (steep) value = (pi(p) >> 1n) - value;
  if (left) value = pi(p) - value;
  return put(r, sign ? -value : value, p, env);
}

const larger = (y: Finite, x: Finite): boolean => {
  const d = y.exponent - x.exponent;
  return d >= 0 ? y.mantissa << BigInt(d) > x.mantissa : y.mantissa > x.mantissa << BigInt(-d);
};
