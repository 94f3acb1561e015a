/** Conversions of the x87 (Intel SDM vol. 2, FLD, FST, FILD, FIST, FBLD, FBSTP, FRNDINT). */
import {
  BIAS,
  Ext,
  Flag,
  Kind,
  kindOf,
  leadingZeros,
  MAX_EXPONENT,
  mantissaOf,
  nanOf,
  normalExponent,
  Rc,
  setZero,
  shiftedHi,
  shiftedLo,
  type X87Env,
} from './ext.ts';
import { roundsUp } from './round.ts';

const SIGN = 0x8000;

/**
 * FLD m32fp: the bits as int32. With `raw` a signalling NaN stays one: the operand of another operation, which will see
 * to it.
 */
export function fromF32(r: Ext, bits: number, env: X87Env, raw = false): Ext {
  const sign = (bits >>> 16) & SIGN;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7f_ffff;
  return widen(r, sign, exponent, 0xff, 0x7f, fraction << 8, 0, env, raw);
}

/** FLD m64fp. */
export function fromF64(r: Ext, hi: number, lo: number, env: X87Env, raw = false): Ext {
  const sign = (hi >>> 16) & SIGN;
  const exponent = (hi >>> 20) & 0x7ff;
  return widen(r, sign, exponent, 0x7ff, 0x3ff, ((hi & 0xf_ffff) << 11) | (lo >>> 21), lo << 11, env, raw);
}

/** A smaller format's number, its fraction below bit 63. */
function widen(
  r: Ext,
  sign: number,
  exponent: number,
  top: number,
  bias: number,
  hi: number,
  lo: number,
  env: X87Env,
  raw: boolean,
): Ext {
  if (exponent === top) {
    const nan = (hi | lo) !== 0;
    if (nan && !raw && (hi & 0x4000_0000) === 0) env.flags |= Flag.IE;
    return r.set(sign | MAX_EXPONENT, hi | (nan && !raw ? -0x4000_0000 : -0x8000_0000), lo);
  }
  if (exponent !== 0) return r.set(sign | (exponent - bias + BIAS), hi | -0x8000_0000, lo);
  if ((hi | lo) === 0) return setZero(r, sign);
  env.flags |= Flag.DE;
  const n = leadingZeros(hi, lo);
  return r.set(sign | (1 - bias + BIAS - n), shiftedHi(hi, lo, n), shiftedLo(lo, n));
}

/** FILD: a signed 64-bit integer. */
export function fromInt(r: Ext, hi: number, lo: number): Ext {
  if ((hi | lo) === 0) return setZero(r, 0);
  const sign = hi < 0 ? SIGN : 0;
  let h = hi;
  let l = lo;
  if (sign) {
    l = -l | 0;
    h = l === 0 ? -h | 0 : ~h;
  }
  const n = leadingZeros(h, l);
  return r.set(sign | (BIAS + 63 - n), shiftedHi(h, l, n), shiftedLo(l, n));
}

/** Where a conversion to 32 or 64 bits puts its result. */
export const stored: { hi: number; lo: number } = { hi: 0, lo: 0 };

/** FST m32fp: bits into `stored.lo`. */
export function toF32(a: Ext, env: X87Env): void {
  narrow(a, 24, 0x7f, 0xff, env);
}

/** FST m64fp: bits into `stored`. */
export function toF64(a: Ext, env: X87Env): void {
  narrow(a, 53, 0x3ff, 0x7ff, env);
}

const quieted = new Ext();

function put(bits: number, sign: number, exponent: number, fraction: bigint): void {
  if (bits === 24) {
    stored.hi = 0;
    stored.lo = (sign << 16) | (exponent << 23) | Number(fraction);
    return;
  }
  stored.hi = (sign << 16) | (exponent << 20) | Number(fraction >> 32n);
  stored.lo = Number(fraction & 0xffff_ffffn) | 0;
}

function narrow(a: Ext, bits: number, bias: number, top: number, env: X87Env): void {
  const kind = kindOf(a);
  const sign = a.se & SIGN;
  const shift = BigInt(64 - bits);
  const fractionMask = (1n << BigInt(bits - 1)) - 1n;
  if (kind >= Kind.QNAN) {
    const r = nanOf(quieted, a, kind, env);
    return put(bits, r.se & SIGN, top, (mantissaOf(r) >> shift) & fractionMask);
  }
  if (kind === Kind.ZERO) return put(bits, sign, 0, 0n);
  if (kind === Kind.INFINITY) return put(bits, sign, top, 0n);
  // storing raises no denormal exception
  const n = leadingZeros(a.hi, a.lo);
  const exponent = (kind === Kind.DENORMAL ? 1 : a.se & MAX_EXPONENT) - n - BIAS + bias;
  const mantissa = mantissaOf(a) << BigInt(n);
  const normal = roundAt(mantissa, shift, sign, env.rounding);
  const carried = normal.value >> BigInt(bits) !== 0n;
  if (exponent + (carried ? 1 : 0) >= top) {
    env.flags |= Flag.OE | Flag.PE;
    const toInfinity = env.rounding === Rc.NEAREST || env.rounding === (sign ? Rc.DOWN : Rc.UP);
    if (toInfinity) env.flags |= Flag.C1;
    return toInfinity ? put(bits, sign, top, 0n) : put(bits, sign, top - 1, fractionMask);
  }
  if (exponent > 0) {
    note(normal, env);
    return put(bits, sign, exponent + (carried ? 1 : 0), normal.value & fractionMask);
  }
  const tiny = exponent < 0 || !carried;
  const denormal = roundAt(mantissa, shift + BigInt(1 - exponent), sign, env.rounding);
  note(denormal, env);
  if (tiny && (denormal.inexact || (env.masked & Flag.UE) === 0)) env.flags |= Flag.UE;
  // a carry into the place of the integer bit makes the exponent 1
  const smallest = denormal.value >> BigInt(bits - 1) !== 0n;
  return put(bits, sign, smallest ? 1 : 0, denormal.value & fractionMask);
}

interface Rounded {
  readonly value: bigint;
  readonly inexact: boolean;
  readonly up: boolean;
}

/** mantissa ÷ 2^shift, rounded. */
function roundAt(mantissa: bigint, shift: bigint, sign: number, rounding: number): Rounded {
  if (shift <= 0n) return { value: mantissa << -shift, inexact: false, up: false };
  const value = mantissa >> shift;
  const rest = mantissa - (value << shift);
  const middle = 1n << (shift - 1n);
  const up = roundsUp(rounding, sign, rest >= middle, rest !== middle && rest !== 0n, (value & 1n) === 1n);
  return { value: up ? value + 1n : value, inexact: rest !== 0n, up };
}

function note(rounded: Rounded, env: X87Env): void {
  if (rounded.inexact) env.flags |= Flag.PE;
  if (rounded.up) env.flags |= Flag.C1;
}

/** FIST: a signed integer of 16, 32 or 64 bits into `stored`; what does not fit is the integer indefinite. */
export function toInt(a: Ext, bits: number, rounding: number, env: X87Env): void {
  const kind = kindOf(a);
  if (kind === Kind.ZERO) {
    stored.hi = 0;
    stored.lo = 0;
    return;
  }
  const sign = a.se & SIGN;
  const exponent = (a.se & MAX_EXPONENT) - BIAS;
  if (kind < Kind.INFINITY && exponent < 64) {
    const rounded = roundAt(mantissaOf(a), BigInt(Math.min(63 - exponent, 130)), sign, rounding);
    const limit = 1n << BigInt(bits - 1);
    if (rounded.value < limit || (sign && rounded.value === limit)) {
      note(rounded, env);
      const value = sign ? -rounded.value : rounded.value;
      stored.lo = Number(BigInt.asIntN(32, value));
      stored.hi = Number(BigInt.asIntN(32, value >> 32n));
      return;
    }
  }
  env.flags |= Flag.IE;
  stored.lo = bits === 64 ? 0 : bits === 32 ? -0x8000_0000 : 0x8000;
  stored.hi = bits === 64 ? -0x8000_0000 : 0;
}

/** FBLD: 18 decimal digits in nine bytes, and the sign. */
export function fromBcd(r: Ext, bytes: Uint8Array): Ext {
  let value = 0n;
  for (let i = 8; i >= 0; i--)
    value = value * 100n + BigInt(((bytes[i] as number) >> 4) * 10 + ((bytes[i] as number) & 15));
  fromInt(r, Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));
  if ((bytes[9] as number) & 0x80) r.se |= SIGN;
  return r;
}

const BCD_LIMIT = 10n ** 18n;
const BCD_INDEFINITE: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff];

/** FBSTP: ten bytes. */
export function toBcd(a: Ext, env: X87Env): Uint8Array {
  const kind = kindOf(a);
  const sign = a.se & SIGN;
  const exponent = (a.se & MAX_EXPONENT) - BIAS;
  const bytes = new Uint8Array(10);
  if (kind !== Kind.ZERO) {
    if (kind >= Kind.INFINITY || exponent >= 64) {
      env.flags |= Flag.IE;
      return Uint8Array.from(BCD_INDEFINITE);
    }
    const rounded = roundAt(mantissaOf(a), BigInt(Math.min(63 - exponent, 130)), sign, env.rounding);
    if (rounded.value >= BCD_LIMIT) {
      env.flags |= Flag.IE;
      return Uint8Array.from(BCD_INDEFINITE);
    }
    note(rounded, env);
    const digits = rounded.value.toString().padStart(18, '0');
    for (let i = 0; i < 9; i++) bytes[i] = Number.parseInt(digits.slice(16 - 2 * i, 18 - 2 * i), 16);
  }
  bytes[9] = sign >> 8;
  return bytes;
}

/** FRNDINT. */
export function roundToInt(r: Ext, a: Ext, env: X87Env): Ext {
  const kind = kindOf(a);
  if (kind >= Kind.QNAN) return nanOf(r, a, kind, env);
  if (kind === Kind.INFINITY || kind === Kind.ZERO) return r.copy(a);
  const sign = a.se & SIGN;
  const exponent = normalExponent(a, kind, env) - BIAS;
  if (exponent >= 63) return r.copy(a);
  const shift = 63 - Math.max(exponent, -2);
  const mantissa = exponent < -2 ? 1n << 62n : mantissaOf(a);
  const rounded = roundAt(mantissa, BigInt(shift), sign, env.rounding);
  note(rounded, env);
  if (rounded.value === 0n) return setZero(r, sign);
  const h = Number(BigInt.asIntN(32, rounded.value >> 32n));
  const l = Number(BigInt.asIntN(32, rounded.value));
  const n = leadingZeros(h, l);
  return r.set(sign | (BIAS + 63 - n), shiftedHi(h, l, n), shiftedLo(l, n));
}
