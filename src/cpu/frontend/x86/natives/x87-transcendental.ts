/**
 * F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN and its like for normal numbers that are not extreme: a table brings the argument near
 * zero, a series does the rest, with some 115 bits. Where those do not tell which way the result is rounded, and for all other
 * operands, the helper does it, which has more of them. Results are the same.
 */
import type { Expr, Local, Native } from '../../../ir/native.ts';
import { BIAS, FpuNative, INTEGER_BIT, type Parts, SIGN } from './fpu.ts';
import * as w from './wide.ts';
import * as tables from './x87-tables.ts';

type I32 = Expr<'i32'>;
type I64 = Expr<'i64'>;

/** Smallest exponent of arguments, where there is one. */
const SMALLEST = -60;

const mask = ({ n }: FpuNative, condition: I32): Local<'i64'> => n.let(n.i64.extend_i32_s(n.i32.sub(0, condition)));
/** Sign, exponent and 128-bit significand as a result, rounded; returns the flags. */
const round = (f: FpuNative, s: I32, e: I32, value: w.Wide, exact?: I32): { r: Parts; flags: Local<'i32'> } => {
  const { n } = f;
  const r = { s: n.let(s), e: n.let(e), m: value.hi };
  return { r, flags: f.roundInexact(r, value.lo, exact) };
};
const put = (f: FpuNative, register: I32, { s, e, m }: Parts): void => f.put(f.at(register), f.n.i32.or(s, e), m);

/** F2XM1. */
export const f2xm1: Native = (n) => {
  const { i32, i64 } = n;
  const f = new FpuNative(n);
  f.beginInexact(f.bit(f.top));
  const x = f.read(f.top);
  const power = n.let(i32.sub(x.e, BIAS));
  f.slowWhen(i32.or(i32.gt_u(i32.sub(-1, power), -1 - SMALLEST), i64.ge_s(x.m, 0)));
  // x = k/32 + t, t = ±m × 2^-(64 + places)
  const k = n.let(n.value('i32', 0));
  const m = n.let(x.m as I64);
  const places = n.let(i64.extend_i32_u(i32.sub(-1, power)));
  const sign = n.let(i32.ne(x.s, 0));
  n.if(i32.ge_s(power, -6), () => {
    n.set(k, i32.shr_u(i32.add(i32.wrap_i64(i64.shr_u(m, i64.add(places, 58))), 1), 1));
    n.set(m, i64.shl(m, i64.sub(5, places)));
    n.if(i64.lt_s(m, 0), () => {
      n.set(m, i64.sub(0, m));
      n.set(sign, i32.xor(sign, 1));
    });
    n.set(places, 5);
  });
  const minus = mask(f, sign);
  const sum = w.seriesOfWord(n, tables.POWER, m, places, minus);
  w.timesWord(n, sum, m);
  const e = n.let(n.value('i32', BIAS + 1));
  n.if(
    k,
    () => {
      w.shiftRight(n, sum, places);
      const step = w.entry(n, tables.POWERS, i32.add(i32.select(i32.sub(0, k), k, x.s), tables.STEPS));
      w.times(n, sum, step);
      w.flip(n, sum, minus);
      w.add(n, sum, i64.sub(step.hi, 1n << 62n), step.lo);
      n.if(x.s, () => w.negate(n, sum));
    },
    () => n.set(e, i32.sub(BIAS - 1, i32.wrap_i64(places))),
  );
  n.set(e, i32.sub(e, w.normalise(n, sum)));
  const { r, flags } = round(f, x.s, e, sum);
  put(f, f.top, r);
  f.end(flags);
};

/** Both operands of an instruction that leaves its result in st(1) and pops; slow unless they are normal. */
const binary = (f: FpuNative): { a: Parts; b: Parts; second: Local<'i32'> } => {
  const { n } = f;
  const second = n.let(n.i32.and(n.i32.add(f.top, 1), 7));
  f.beginInexact(n.i32.or(f.bit(f.top), f.bit(second)));
  const [a, b] = [f.read(f.top), f.read(second)];
  f.slowWhen(n.i32.eqz(n.i32.and(f.isNormal(a), f.isNormal(b))));
  return { a, b, second };
};

/** Round sign and `log` × 2^(e − BIAS) × b into st(1). */
const scaled = (f: FpuNative, s: I32, e: I32, log: w.Wide, b: Parts, second: I32, exact?: I32): void => {
  const { n } = f;
  const { i32 } = n;
  w.timesWord(n, log, b.m);
  const zeros = w.normalise(n, log);
  const { r, flags } = round(f, i32.xor(s, b.s), i32.sub(i32.add(e, i32.sub(b.e, BIAS - 1)), zeros), log, exact);
  put(f, second, r);
  f.end(flags, true);
};

/** power + log ± sum, minus where it is `below`, which is not near zero: sign and exponent, the significand in `log`. */
const total = (
  { n }: FpuNative,
  r: { readonly s: Local<'i32'>; readonly e: Local<'i32'> },
  power: Local<'i32'>,
  log: w.Wide,
  sum: w.Wide,
  below: I32,
): void => {
  const { i32, i64 } = n;
  n.if(
    below,
    () => {
      n.set(power, i32.sub(power, w.isLess(n, log, sum)));
      w.subtract(n, log, sum);
    },
    () => {
      w.add(n, log, sum.hi, sum.lo);
      n.set(power, i32.add(power, w.isLess(n, log, sum)));
    },
  );
  n.set(r.s, 0);
  n.if(i32.lt_s(power, 0), () => {
    n.set(r.s, SIGN);
    n.set(power, i32.sub(i32.sub(0, power), i32.eqz(w.isZero(n, log))));
    w.negate(n, log);
  });
  n.if(
    power,
    () => {
      const zeros = n.let(i64.clz(i64.extend_i32_u(power)));
      w.shiftRight(n, log, i64.sub(64, zeros));
      n.set(log.hi, i64.or(log.hi, i64.shl(i64.extend_i32_u(power), zeros)));
      n.set(r.e, i32.sub(BIAS + 63, i32.wrap_i64(zeros)));
    },
    () => n.set(r.e, i32.sub(BIAS - 1, w.normalise(n, log))),
  );
};

/** FYL2X. */
export const fyl2x: Native = (n) => {
  const { i32, i64 } = n;
  const f = new FpuNative(n);
  const { a, b, second } = binary(f);
  f.slowWhen(a.s);
  // the significand × factor = 1 ± m × 2^-70
  const interval = n.let(i32.and(i32.wrap_i64(i64.shr_u(a.m, 57)), tables.INTERVALS - 1));
  const power = n.let(i32.add(i32.sub(a.e, BIAS), i32.eq(interval, tables.INTERVALS - 1)));
  const factor = n.let(n.load('i64.load8_u', interval, n.table(tables.FACTORS)));
  const low = i64.mul(i64.and(a.m, 0xffff_ffff), factor);
  const carried = i64.add(i64.mul(i64.shr_u(a.m, 32), factor), i64.shr_u(low, 32));
  const below = n.let(i64.lt_u(i64.shr_u(carried, 32), 64));
  const m = n.let(i64.mul(a.m, factor));
  n.if(below, () => n.set(m, i64.sub(0, m)));
  const sum = w.seriesOfWord(n, tables.LOGARITHM, m, 6, mask(f, i32.eqz(below)));
  const log = w.entry(n, tables.LOGARITHMS, interval);
  const e = n.let(n.value('i32', BIAS - 6));
  const s = n.let(i32.shl(below, 15));
  const exact = n.let(n.value('i32', 0));
  const tabular = n.let(i32.eqz(w.isZero(n, log)));
  n.if(
    i32.or(power, tabular),
    () => {
      w.timesWord(n, sum, m);
      w.shiftRight(n, sum, 5);
      n.set(exact, i32.eqz(i32.or(tabular, i64.ne(m, 0))));
      total(f, { s, e }, power, log, sum, below);
    },
    () => {
      // near one: what m has is all that there is
      f.slowWhen(i64.eqz(m));
      const zeros = n.let(i64.clz(m));
      n.set(m, i64.shl(m, zeros));
      w.timesWord(n, sum, m);
      w.assign(n, log, sum);
      n.set(e, i32.sub(i32.sub(e, i32.wrap_i64(zeros)), w.normalise(n, log)));
    },
  );
  scaled(f, s, e, log, b, second, exact);
};

/** FYL2XP1 below 1/2. */
export const fyl2xp1: Native = (n) => {
  const { i32, i64 } = n;
  const f = new FpuNative(n);
  const { a, b, second } = binary(f);
  // a = ±m × 2^-(64 + places)
  const places = n.let(i32.sub(BIAS - 1, a.e));
  f.slowWhen(i32.gt_u(i32.sub(places, 1), -SMALLEST - 2));
  const s = n.let(a.s as I32);
  const e = n.let(n.value('i32', 0));
  const log = w.wide(n, 0, 0);
  n.if(
    i32.ge_s(places, 6),
    () => {
      const sum = w.seriesOfWord(n, tables.LOGARITHM, a.m, i64.extend_i32_u(places), mask(f, i32.eqz(a.s)));
      w.timesWord(n, sum, a.m);
      n.set(e, i32.sub(i32.sub(BIAS, places), w.normalise(n, sum)));
      w.assign(n, log, sum);
    },
    () => {
      // (1 + a) × 2^127, exactly
      const t = w.wide(n, a.m, 0);
      w.shiftRight(n, t, n.let(i64.extend_i32_u(i32.add(places, 1))));
      n.if(a.s, () => w.negate(n, t));
      n.set(t.hi, i64.add(t.hi, INTEGER_BIT));
      // the significand × factor = 1 ± t
      const belowOne = n.let(i64.extend_i32_u(i64.ge_s(t.hi, 0)));
      const interval = n.let(i32.and(i32.wrap_i64(i64.shr_u(i64.shl(t.hi, belowOne), 57)), tables.INTERVALS - 1));
      const factor = n.let(n.load('i64.load8_u', interval, n.table(tables.FACTORS)));
      w.shiftRight(n, t, n.let(i64.sub(8, belowOne)));
      n.set(t.hi, i64.add(i64.mul(t.hi, factor), i64.mulh_u(t.lo, factor)));
      n.set(t.lo, i64.mul(t.lo, factor));
      n.set(t.hi, i64.sub(t.hi, 1n << 62n));
      const below = n.let(i64.lt_s(t.hi, 0));
      n.if(below, () => w.negate(n, t));
      w.shiftLeft(n, t, 2);
      const sum = w.seriesOf(n, tables.LOGARITHM, t, mask(f, i32.eqz(below)));
      w.times(n, sum, t);
      w.shiftLeft(n, sum, 1);
      w.assign(n, log, w.entry(n, tables.LOGARITHMS, interval));
      total(f, { s, e }, n.let(i32.sub(0, i32.wrap_i64(belowOne))), log, sum, below);
    },
  );
  scaled(f, s, e, log, b, second);
};

/** FPATAN: the angle of the smaller to the larger coordinate, and what makes of it the one that is due. */
export const fpatan: Native = (n) => {
  const { f64, i32, i64 } = n;
  const f = new FpuNative(n);
  const { a: x, b: y, second } = binary(f);
  const left = n.let(i32.ne(x.s, 0));
  const steep = n.let(i32.or(i32.lt_u(x.e, y.e), i32.and(i32.eq(x.e, y.e), i64.lt_u(x.m, y.m))));
  const small = n.let(i64.select(x.m, y.m, steep));
  const large = n.let(i64.select(y.m, x.m, steep));
  const places = n.let(i32.select(i32.sub(y.e, x.e), i32.sub(x.e, y.e), steep));
  f.slowWhen(i32.gt_u(places, -SMALLEST));
  // q = small/large, t = ±(q − k/32)/(1 + q × k/32)
  const t = w.wide(n, small, 0);
  const divisor = w.wide(n, large, 0);
  const k = n.let(n.value('i32', 0));
  const below = n.let(n.value('i32', 0));
  n.if(i32.le_u(places, 6), () => {
    const q = f64.div(f64.convert_i64_u(small), f64.convert_i64_u(large));
    const steps = f64.mul(q, f64.convert_i32_u(i32.shl(1, i32.sub(6, places))));
    n.set(k, i32.shr_u(i32.add(i32.wrap_i64(i64.trunc_sat_f64_u(steps)), 1), 1));
  });
  n.if(k, () => {
    // both in units of 2^-11 of the larger significand's
    const up = n.let(i64.extend_i32_u(i32.sub(6, places)));
    const factor = n.let(i64.extend_i32_u(k));
    const product = (of: Local<'i64'>, by: Local<'i64'> | number, shift: Local<'i64'> | number): w.Wide => {
      const r = w.wide(n, i64.mulh_u(of, by), i64.mul(of, by));
      w.shiftLeft(n, r, shift);
      return r;
    };
    w.assign(n, t, product(small, tables.STEPS, up));
    w.subtract(n, t, product(large, factor, 6));
    w.assign(n, divisor, product(large, tables.STEPS, 6));
    const more = product(small, factor, up);
    w.add(n, divisor, more.hi, more.lo);
    n.set(below, i64.lt_s(t.hi, 0));
    n.if(below, () => w.negate(n, t));
    n.set(places, 0);
  });
  // t becomes t × 2^-places, its top bit set
  n.if(i32.eqz(w.isZero(n, t)), () => {
    n.set(places, i32.add(places, w.normalise(n, t)));
    n.set(places, i32.sub(places, w.normalise(n, divisor)));
    w.assign(n, t, w.quotientOf(n, t, divisor));
    n.set(places, i32.add(i32.sub(places, 2), w.normalise(n, t)));
  });
  const fixed = w.copyOf(n, t);
  w.shiftFar(n, fixed, n.let(i64.extend_i32_u(places)));
  const square = w.copyOf(n, fixed);
  w.times(n, square, fixed);
  const angle = w.seriesOf(n, tables.ANGLE, square, -1);
  n.if(k, () => w.assign(n, t, fixed));
  w.times(n, angle, t);
  // a quarter of the angle, but for a small one that is the result
  const e = n.let(n.value('i32', BIAS + 1));
  n.if(
    k,
    () => {
      w.shiftRight(n, angle, 1);
      w.flip(n, angle, mask(f, below));
      const step = w.entry(n, tables.ANGLES, k);
      w.add(n, angle, step.hi, step.lo);
    },
    () =>
      n.if(
        i32.or(left, steep),
        () => w.shiftFar(n, angle, n.let(i64.extend_i32_u(i32.add(places, 1)))),
        () => n.set(e, i32.sub(BIAS, places)),
      ),
  );
  n.if(i32.or(left, steep), () => {
    n.if(i32.eqz(i32.and(left, steep)), () => w.negate(n, angle));
    const right = w.entry(n, tables.RIGHT_ANGLES, i32.eqz(steep));
    w.add(n, angle, right.hi, right.lo);
  });
  n.set(e, i32.sub(e, w.normalise(n, angle)));
  const { r, flags } = round(f, y.s, e, angle);
  put(f, second, r);
  f.end(flags, true);
};
