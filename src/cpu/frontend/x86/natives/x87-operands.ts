/** Numbers of other formats as parts of an x87 number, and back. */
import type { Expr, Local } from '../../../ir/native.ts';
import { Sys } from '../registers.ts';
import { BIAS, F32_BIAS, F64_BIAS, type FpuNative, INTEGER_BIT, type Parts, SIGN, SPECIAL } from './fpu.ts';

type I32 = Expr<'i32'>;
type I64 = Expr<'i64'>;

/** The integer as parts. */
const fromInteger = ({ n }: FpuNative, value: Local<'i64'>): Parts => {
  const { i32, i64 } = n;
  const negative = n.let(i64.lt_s(value, 0));
  n.if(negative, () => n.set(value, i64.sub(0, value)));
  const zeros = n.let(i64.clz(value));
  const e = i32.select(0, i32.sub(BIAS + 63, i32.wrap_i64(zeros)), i64.eqz(value));
  return { s: n.let(i32.shl(negative, 15)), e: n.let(e), m: n.let(i64.shl(value, zeros)) };
};

/** A float of so many exponent and fraction bits in the upper bits of an i64; denormals and signalling NaNs to the helper. */
const fromFloat = (f: FpuNative, bits: Local<'i64'>, exponentBits: number, bias: number): Parts => {
  const { n } = f;
  const { i32, i64 } = n;
  const special = (1 << exponentBits) - 1;
  const e = n.let(i32.and(i32.wrap_i64(i64.shr_u(bits, 63 - exponentBits)), special));
  const isNumber = n.let(i32.lt_u(i32.sub(e, 1), special - 1));
  n.if(i32.and(i32.eqz(isNumber), i64.ne(i64.shl(bits, 1), 0)), () => {
    f.slowWhen(i32.or(i32.eqz(e), i64.gt_s(i64.shl(bits, exponentBits + 1), 0)));
    n.set(e, SPECIAL - bias);
    n.set(isNumber, 1);
  });
  const s = n.let(i32.and(i32.wrap_i64(i64.shr_u(bits, 48)), SIGN));
  n.set(e, i32.select(i32.add(e, bias), 0, isNumber));
  const m = i64.select(i64.or(i64.shl(bits, exponentBits), INTEGER_BIT), 0, isNumber);
  return { s, e, m: n.let(m) };
};

/** What the instruction took from memory, by its format. */
export const FORMATS: Readonly<Record<'f32' | 'f64' | 'i16' | 'i32' | 'i64', (f: FpuNative) => Parts>> = {
  f32: (f) => {
    const { n } = f;
    return fromFloat(f, n.let(n.i64.shl(n.load('i64.load32_u', n.state, Sys.NUMBER), 32)), 8, F32_BIAS);
  },
  f64: (f) => fromFloat(f, f.n.let(f.n.load('i64.load', f.n.state, Sys.NUMBER)), 11, F64_BIAS),
  i16: (f) => fromInteger(f, f.n.let(f.n.load('i64.load16_s', f.n.state, Sys.NUMBER))),
  i32: (f) => fromInteger(f, f.n.let(f.n.load('i64.load32_s', f.n.state, Sys.NUMBER))),
  i64: (f) => fromInteger(f, f.n.let(f.n.load('i64.load', f.n.state, Sys.NUMBER))),
};

/** Leave a value for memory, and end. */
const leave = (f: FpuNative, value: I64, ext: I64, grew: I32): void => {
  const { n } = f;
  n.store('i64.store', n.state, Sys.NUMBER, value);
  f.end(n.i32.select(f.inexact(grew), 0, n.i64.ne(ext, 0)));
};

/** st(0) as a float of so many exponent bits and, with the integer bit, significand bits. */
const toFloat = (f: FpuNative, x: Parts, exponentBits: number, digits: number, bias: number): void => {
  const { n } = f;
  const { i32, i64 } = n;
  const special = (1 << exponentBits) - 1;
  const signed = (magnitude: I64): I64 => i64.or(magnitude, i64.shl(i64.extend_i32_u(x.s), exponentBits + digits - 16));
  n.if(i32.eq(x.e, SPECIAL), () => {
    // not a signalling NaN, nor what is no number at all
    f.slowWhen(i32.or(i64.ge_s(x.m, 0), i64.gt_s(i64.shl(x.m, 1), 0)));
    const fraction = i64.shr_u(i64.shl(x.m, 1), 65 - digits);
    const exponent = n.value('i64', BigInt(special) << BigInt(digits - 1));
    n.store('i64.store', n.state, Sys.NUMBER, signed(i64.or(fraction, exponent)));
    f.end();
    n.return(0);
  });
  f.slowUnlessFinite(x);
  const zero = n.let(f.isZero(x));
  const e = n.let(i32.sub(x.e, bias));
  f.slowWhen(i32.and(i32.ge_u(i32.sub(e, 1), special - 1), i32.eqz(zero)));
  const ext = n.let(i64.shl(x.m, digits));
  const kept = n.let(i64.shr_u(x.m, 64 - digits));
  const odd = i32.and(i32.wrap_i64(kept), 1);
  const grew = n.let(i32.and(f.grows(f.roundingControl, x.s, ext, odd), i64.ne(ext, 0)));
  // the integer bit adds one to the exponent, and so does a carry out of the fraction
  const magnitude = i64.add(
    i64.shl(i64.extend_i32_u(i32.sub(e, 1)), digits - 1),
    i64.add(kept, i64.extend_i32_u(grew)),
  );
  const value = n.let(i64.select(0, magnitude, zero));
  f.slowWhen(i64.ge_u(i64.shr_u(value, digits - 1), special));
  leave(f, signed(value), ext, grew);
};

/** An integral magnitude and what is cut off of a number below 2^63. */
const split = (f: FpuNative, x: Parts): { whole: Local<'i64'>; ext: Local<'i64'> } => {
  const { n } = f;
  const { i32, i64 } = n;
  const power = n.let(i32.sub(x.e, BIAS));
  const below = n.let(i32.lt_s(power, 0));
  const places = n.let(i64.extend_i32_u(power));
  const part = i64.select(x.m, i64.extend_i32_u(i64.ne(x.m, 0)), i32.eq(power, -1));
  return {
    whole: n.let(i64.select(0, i64.shr_u(x.m, i64.sub(63, places)), below)),
    ext: n.let(i64.select(part, i64.shl(x.m, i64.add(places, 1)), below)),
  };
};

/** st(0) as an integer below `limit` in magnitude; bit 3 of the second argument: truncated, whatever the control word says. */
const toInteger = (f: FpuNative, x: Parts, limit: bigint): void => {
  const { n } = f;
  const { i32, i64 } = n;
  f.slowUnlessFinite(x);
  f.slowWhen(i32.gt_s(x.e, BIAS + 62));
  const { whole, ext } = split(f, x);
  const rounding = i32.select(3, f.roundingControl, i32.and(n.aux, 8));
  const odd = i32.and(i32.wrap_i64(whole), 1);
  const grew = n.let(i32.and(f.grows(rounding, x.s, ext, odd), i64.ne(ext, 0)));
  n.set(whole, i64.add(whole, i64.extend_i32_u(grew)));
  f.slowWhen(i64.ge_u(whole, limit));
  leave(f, i64.select(i64.sub(0, whole), whole, x.s), ext, grew);
};

/** What stores st(0), by its format. */
export const STORES: Readonly<Record<'f32' | 'f64' | 'i16' | 'i32' | 'i64', (f: FpuNative, x: Parts) => void>> = {
  f32: (f, x) => toFloat(f, x, 8, 24, F32_BIAS),
  f64: (f, x) => toFloat(f, x, 11, 53, F64_BIAS),
  i16: (f, x) => toInteger(f, x, 1n << 15n),
  i32: (f, x) => toInteger(f, x, 1n << 31n),
  i64: (f, x) => toInteger(f, x, 1n << 63n),
};

/** FRNDINT: the parts become those of an integer; returns what is cut off, and whether it grew. */
export const roundToInteger = (f: FpuNative, x: Parts): { ext: Local<'i64'>; grew: Local<'i32'> } => {
  const { n } = f;
  const { i32, i64 } = n;
  const { whole, ext } = split(f, x);
  const grew = n.let(i32.and(f.grows(f.roundingControl, x.s, ext, i32.and(i32.wrap_i64(whole), 1)), i64.ne(ext, 0)));
  n.set(whole, i64.add(whole, i64.extend_i32_u(grew)));
  const zeros = n.let(i64.clz(whole));
  n.set(x.e, i32.select(0, i32.sub(BIAS + 63, i32.wrap_i64(zeros)), i64.eqz(whole)));
  n.set(x.m, i64.shl(whole, zeros));
  return { ext, grew };
};
