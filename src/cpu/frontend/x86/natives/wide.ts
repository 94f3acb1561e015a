/** Unsigned integers of 128 bits in natives, most of them fixed-point fractions: value × 2^-128. */
import type { Expr, Local, NativeBuilder, NativeTable, Operand } from '../../../ir/native.ts';

type I32 = Expr<'i32'>;
type I64 = Expr<'i64'>;

export interface Wide {
  readonly hi: Local<'i64'>;
  readonly lo: Local<'i64'>;
}

export const wide = (n: NativeBuilder, hi: Operand<'i64'>, lo: Operand<'i64'>): Wide => ({
  hi: n.let(n.value('i64', hi)),
  lo: n.let(n.value('i64', lo)),
});
export const copyOf = (n: NativeBuilder, a: Wide): Wide => wide(n, a.hi, a.lo);
export const assign = (n: NativeBuilder, a: Wide, b: Wide): void => {
  n.set(a.hi, b.hi);
  n.set(a.lo, b.lo);
};
/** Entry `index` of a table of such numbers, the lower half in front. */
export const entry = (n: NativeBuilder, table: NativeTable, index: I32, stride = 1, offset = 0): Wide => {
  const at = n.let(n.i32.mul(index, 16 * stride));
  const base = n.table(table) + 16 * offset;
  return { hi: n.let(n.load('i64.load', at, base + 8)), lo: n.let(n.load('i64.load', at, base)) };
};

/** a += hi:lo, the result's carry being lost. */
export const add = (n: NativeBuilder, a: Wide, hi: Operand<'i64'>, lo: I64): void => {
  const { i64 } = n;
  n.set(a.lo, i64.add(a.lo, lo));
  n.set(a.hi, i64.add(i64.add(a.hi, hi), i64.extend_i32_u(i64.lt_u(a.lo, lo))));
};
/** a −= b. */
export const subtract = (n: NativeBuilder, a: Wide, b: Wide): void => {
  const { i64 } = n;
  n.set(a.hi, i64.sub(i64.sub(a.hi, b.hi), i64.extend_i32_u(i64.lt_u(a.lo, b.lo))));
  n.set(a.lo, i64.sub(a.lo, b.lo));
};
export const negate = (n: NativeBuilder, a: Wide): void => {
  const { i64 } = n;
  n.set(a.lo, i64.sub(0, a.lo));
  n.set(a.hi, i64.sub(i64.extend_i32_u(i64.eqz(a.lo)), i64.add(a.hi, 1)));
};
/** Where the mask is all ones: −a but for one unit. */
export const flip = (n: NativeBuilder, a: Wide, mask: Operand<'i64'>): void => {
  n.set(a.hi, n.i64.xor(a.hi, mask));
  n.set(a.lo, n.i64.xor(a.lo, mask));
};
export const isZero = (n: NativeBuilder, a: Wide): I32 => n.i64.eqz(n.i64.or(a.hi, a.lo));

export const isLess = (n: NativeBuilder, a: Wide, b: Wide): I32 => {
  const { i32, i64 } = n;
  return i32.or(i64.lt_u(a.hi, b.hi), i32.and(i64.eq(a.hi, b.hi), i64.lt_u(a.lo, b.lo)));
};

/** Shift right by `by` < 64. */
export const shiftRight = (n: NativeBuilder, a: Wide, by: Operand<'i64'>): void => {
  const { i64 } = n;
  // two steps on the way up: a shift by 64 would be none
  n.set(a.lo, i64.or(i64.shr_u(a.lo, by), i64.shl(i64.shl(a.hi, 1), i64.xor(by, 63))));
  n.set(a.hi, i64.shr_u(a.hi, by));
};
/** The same for `by` < 128. */
export const shiftFar = (n: NativeBuilder, a: Wide, by: I64): void => {
  const { i64 } = n;
  n.if(i64.ge_u(by, 64), () => {
    n.set(a.lo, a.hi);
    n.set(a.hi, 0);
  });
  shiftRight(n, a, i64.and(by, 63));
};
/** Shift left by `by` < 64. */
export const shiftLeft = (n: NativeBuilder, a: Wide, by: Operand<'i64'>): void => {
  const { i64 } = n;
  n.set(a.hi, i64.or(i64.shl(a.hi, by), i64.shr_u(i64.shr_u(a.lo, 1), i64.xor(by, 63))));
  n.set(a.lo, i64.shl(a.lo, by));
};
/** Shift a number that is not zero left until its top bit is set; returns by how much. */
export const normalise = (n: NativeBuilder, a: Wide): Local<'i32'> => {
  const { i32, i64 } = n;
  const zeros = n.let(n.value('i32', 0));
  n.if(i64.eqz(a.hi), () => {
    n.set(a.hi, a.lo);
    n.set(a.lo, 0);
    n.set(zeros, 64);
  });
  const more = n.let(i64.clz(a.hi));
  shiftLeft(n, a, more);
  n.set(zeros, i32.add(zeros, i32.wrap_i64(more)));
  return zeros;
};

/** a = a × m ÷ 2^64. */
export const timesWord = (n: NativeBuilder, a: Wide, m: Local<'i64'>): void => {
  const { i64 } = n;
  const below = n.let(i64.mulh_u(a.lo, m));
  n.set(a.lo, i64.add(i64.mul(a.hi, m), below));
  n.set(a.hi, i64.add(i64.mulh_u(a.hi, m), i64.extend_i32_u(i64.lt_u(a.lo, below))));
};
/** a = a × b ÷ 2^128, up to two units less. */
export const times = (n: NativeBuilder, a: Wide, b: Wide): void => {
  const { i64 } = n;
  const x = n.let(i64.mulh_u(a.lo, b.hi));
  const y = n.let(i64.mulh_u(a.hi, b.lo));
  n.set(a.lo, i64.add(i64.mul(a.hi, b.hi), x));
  n.set(a.hi, i64.add(i64.mulh_u(a.hi, b.hi), i64.extend_i32_u(i64.lt_u(a.lo, x))));
  n.set(a.lo, i64.add(a.lo, y));
  n.set(a.hi, i64.add(a.hi, i64.extend_i32_u(i64.lt_u(a.lo, y))));
};

/** Coefficients of a power series, from the one of the constant on; behind `wide` of them 64 bits are enough. */
export interface Series {
  readonly table: NativeTable;
  readonly wide: number;
  readonly length: number;
}
/** Horner's scheme; the steps multiply the sum by the argument, with its sign. */
const evaluate = (
  n: NativeBuilder,
  { table, wide: whole, length }: Series,
  step: (a: Wide) => void,
  narrowStep: (a: Local<'i64'>) => void,
): Wide => {
  const { i32, i64 } = n;
  const base = n.table(table);
  const at = n.let(n.value('i32', 16 * (length - 1)));
  const sum = { hi: n.let(n.load('i64.load', at, base + 8)), lo: n.let(n.value('i64', 0)) };
  n.while(i32.gt_u(at, 16 * whole), () => {
    n.set(at, i32.sub(at, 16));
    narrowStep(sum.hi);
    n.set(sum.hi, i64.add(sum.hi, n.load('i64.load', at, base + 8)));
  });
  n.while(at, () => {
    n.set(at, i32.sub(at, 16));
    step(sum);
    add(n, sum, n.load('i64.load', at, base + 8), n.load('i64.load', at, base));
  });
  return sum;
};
/** The series at ±m × 2^-(64 + places): minus where the mask is all ones. */
export const seriesOfWord = (
  n: NativeBuilder,
  series: Series,
  m: Local<'i64'>,
  places: Operand<'i64'>,
  mask: Local<'i64'>,
): Wide => {
  const { i64 } = n;
  const step = (a: Wide): void => {
    timesWord(n, a, m);
    shiftRight(n, a, places);
    flip(n, a, mask);
  };
  return evaluate(n, series, step, (a) => n.set(a, i64.xor(i64.shr_u(i64.mulh_u(a, m), places), mask)));
};
/** The series at ±u: minus where the mask is all ones. */
export const seriesOf = (n: NativeBuilder, series: Series, u: Wide, mask: Operand<'i64'>): Wide => {
  const { i64 } = n;
  const step = (a: Wide): void => {
    times(n, a, u);
    flip(n, a, mask);
  };
  return evaluate(n, series, step, (a) => n.set(a, i64.xor(i64.mulh_u(a, u.hi), mask)));
};

/** Digits of a quotient that one step makes. */
const DIGITS = 42;
/** a ÷ b × 2^126 of two numbers whose top bits are set, off by at most some 2^-124 of it. */
export const quotientOf = (n: NativeBuilder, a: Wide, b: Wide): Wide => {
  const { f64, i64 } = n;
  // room for what a digit that is up to two too small leaves
  shiftRight(n, a, 3);
  shiftRight(n, b, 3);
  const inverse = n.let(f64.div(2 ** DIGITS, f64.convert_i64_u(b.hi)));
  const q = wide(n, 0, 0);
  const turns = n.let(n.value('i32', 3));
  const digit = n.let(n.value('i64', 0));
  n.while(turns, () => {
    n.set(turns, n.i32.sub(turns, 1));
    n.set(digit, i64.trunc_sat_f64_u(f64.sub(f64.mul(f64.convert_i64_u(a.hi), inverse), 1)));
    shiftLeft(n, q, DIGITS);
    add(n, q, 0, digit);
    const hi = n.let(i64.add(i64.mul(b.hi, digit), i64.mulh_u(b.lo, digit)));
    shiftLeft(n, a, DIGITS);
    subtract(n, a, { hi, lo: n.let(i64.mul(b.lo, digit)) });
  });
  return q;
};
