/** Sum, product, quotient and square root of x87 numbers. */
import type { Expr, Local, NativeBuilder } from '../../../ir/native.ts';
import { BIAS, type FpuNative, INTEGER_BIT, type Parts } from './fpu.ts';

type I64 = Expr<'i64'>;

/** A result, its significand going on in `ext`, whose last bit also stands for whatever lies below it. */
export interface Result extends Parts {
  readonly ext: Local<'i64'>;
}

const zeroResult = (n: NativeBuilder): Result => ({
  s: n.let(n.value('i32', 0)),
  e: n.let(n.value('i32', 0)),
  m: n.let(n.value('i64', 0)),
  ext: n.let(n.value('i64', 0)),
});
const set = (n: NativeBuilder, r: Result, { s, e, m }: Parts): void => {
  n.set(r.s, s);
  n.set(r.e, e);
  n.set(r.m, m);
};
const swap = <T extends 'i32' | 'i64'>(n: NativeBuilder, a: Local<T>, b: Local<T>): void => {
  const t = n.let(a as Expr<T>);
  n.set(a, b as never);
  n.set(b, t as never);
};
/** 1 where the value has any bit set. */
const sticky = ({ i64 }: NativeBuilder, v: I64): I64 => i64.extend_i32_u(i64.ne(v, 0));

/** m.ext shifted right by d > 0 bits. */
const shiftRight = (n: NativeBuilder, m: Local<'i64'>, ext: Local<'i64'>, d: Local<'i64'>): void => {
  const { i64 } = n;
  n.if(
    i64.lt_u(d, 64),
    () => {
      n.set(ext, i64.shl(m, i64.sub(64, d)));
      n.set(m, i64.shr_u(m, d));
    },
    () => {
      n.set(d, i64.sub(d, 64));
      n.if(
        i64.lt_u(d, 64),
        // nothing is cut off where d is 0: the shift by 64 would be one by 0
        () => n.set(ext, i64.or(i64.shr_u(m, d), i64.select(sticky(n, i64.shl(m, i64.sub(64, d))), 0, i64.ne(d, 0)))),
        () => n.set(ext, 1),
      );
      n.set(m, 0);
    },
  );
};

/** a + b. */
export const sum = (f: FpuNative, a: Parts, b: Parts): Result => {
  const { n } = f;
  const { i32, i64 } = n;
  const r = zeroResult(n);
  const both = (): void => {
    n.if(i32.or(i32.lt_u(a.e, b.e), i32.and(i32.eq(a.e, b.e), i64.lt_u(a.m, b.m))), () => {
      swap(n, a.s, b.s);
      swap(n, a.e, b.e);
      swap(n, a.m, b.m);
    });
    set(n, r, a);
    const d = n.let(i64.extend_i32_u(i32.sub(a.e, b.e)));
    n.if(i64.ne(d, 0), () => shiftRight(n, b.m, r.ext, d));
    n.if(
      i32.eq(a.s, b.s),
      () => {
        n.set(r.m, i64.add(a.m, b.m));
        n.if(i64.lt_u(r.m, a.m), () => {
          n.set(r.ext, i64.or(i64.or(i64.shl(r.m, 63), i64.shr_u(r.ext, 1)), i64.and(r.ext, 1)));
          n.set(r.m, i64.or(i64.shr_u(r.m, 1), INTEGER_BIT));
          n.set(r.e, i32.add(r.e, 1));
        });
      },
      () => {
        n.set(r.m, i64.sub(i64.sub(a.m, b.m), sticky(n, r.ext)));
        n.set(r.ext, i64.sub(0, r.ext));
        n.if(i64.ge_s(r.m, 0), () => normalise());
      },
    );
  };
  const normalise = (): void => {
    n.if(i64.eqz(r.m), () => {
      n.set(r.m, r.ext);
      n.set(r.ext, 0);
      n.set(r.e, i32.sub(r.e, 64));
    });
    n.if(
      i64.eqz(r.m),
      () => {
        n.set(r.s, zeroSign(f));
        n.set(r.e, 0);
      },
      () => {
        const zeros = n.let(i64.clz(r.m));
        n.if(i64.ne(zeros, 0), () => {
          n.set(r.m, i64.or(i64.shl(r.m, zeros), i64.shr_u(r.ext, i64.sub(64, zeros))));
          n.set(r.ext, i64.shl(r.ext, zeros));
          n.set(r.e, i32.sub(r.e, i32.wrap_i64(zeros)));
        });
      },
    );
  };
  const withZero = (): void => {
    f.slowUnlessFinite(a);
    f.slowUnlessFinite(b);
    n.if(
      f.isZero(a),
      () => {
        set(n, r, b);
        n.if(f.isZero(b), () => n.set(r.s, i32.select(a.s, zeroSign(f), i32.eq(a.s, b.s))));
      },
      () => set(n, r, a),
    );
  };
  n.if(i32.and(f.isNormal(a), f.isNormal(b)), both, withZero);
  return r;
};
/** The sign of a zero that two unlike numbers sum up to: rounding down it is negative. */
const zeroSign = ({ n, roundingControl }: FpuNative): Expr<'i32'> => n.i32.shl(n.i32.eq(roundingControl, 1), 15);

/** a × b. */
export const product = (f: FpuNative, a: Parts, b: Parts): Result => {
  const { n } = f;
  const { i32, i64 } = n;
  const r = zeroResult(n);
  n.set(r.s, i32.xor(a.s, b.s));
  n.if(
    i32.and(f.isNormal(a), f.isNormal(b)),
    () => {
      n.set(r.e, i32.sub(i32.add(a.e, b.e), BIAS));
      n.set(r.m, i64.mulh_u(a.m, b.m));
      n.set(r.ext, i64.mul(a.m, b.m));
      n.if(
        i64.lt_s(r.m, 0),
        () => n.set(r.e, i32.add(r.e, 1)),
        () => {
          n.set(r.m, i64.or(i64.shl(r.m, 1), i64.shr_u(r.ext, 63)));
          n.set(r.ext, i64.shl(r.ext, 1));
        },
      );
    },
    () => {
      f.slowUnlessFinite(a);
      f.slowUnlessFinite(b);
    },
  );
  return r;
};

/** Digit of 32 bits of u ÷ d (both below 2^64, d normalised) with the next 32 bits; u becomes the rest. Knuth, 4.3.1, D. */
const digit = (n: NativeBuilder, u: Local<'i64'>, next: I64, d: Local<'i64'>): Local<'i64'> => {
  const { i64 } = n;
  const dh = n.let(i64.shr_u(d, 32));
  const dl = n.let(i64.and(d, 0xffff_ffff));
  const q = n.let(i64.div_u(u, dh));
  const rest = n.let(i64.sub(u, i64.mul(q, dh)));
  const low = n.let(next);
  // the estimate is at most two too large
  const tooLarge = n.i32.or(i64.ge_u(q, 0x1_0000_0000), i64.gt_u(i64.mul(q, dl), i64.or(i64.shl(rest, 32), low)));
  n.while(n.i32.and(i64.lt_u(rest, 0x1_0000_0000), tooLarge), () => {
    n.set(q, i64.sub(q, 1));
    n.set(rest, i64.add(rest, dh));
  });
  n.set(u, i64.sub(i64.or(i64.shl(u, 32), low), i64.mul(q, d)));
  return q;
};

/** a ÷ b; a division by zero is the helper's. */
export const quotient = (f: FpuNative, a: Parts, b: Parts): Result => {
  const { n } = f;
  const { i32, i64 } = n;
  const r = zeroResult(n);
  n.set(r.s, i32.xor(a.s, b.s));
  f.slowWhen(i32.eqz(f.isNormal(b)));
  n.if(
    f.isNormal(a),
    () => {
      n.set(r.e, i32.add(i32.sub(a.e, b.e), BIAS - 1));
      const low = n.let(n.value('i64', 0));
      // the quotient of the significands is to be in [1/2, 1)
      n.if(i64.ge_u(a.m, b.m), () => {
        n.set(low, i64.shl(a.m, 63));
        n.set(a.m, i64.shr_u(a.m, 1));
        n.set(r.e, i32.add(r.e, 1));
      });
      const high = digit(n, a.m, i64.shr_u(low, 32), b.m);
      n.set(r.m, i64.or(i64.shl(high, 32), digit(n, a.m, i64.and(low, 0xffff_ffff), b.m)));
      // the rest against half of the divisor
      const half = n.let(i64.sub(b.m, a.m));
      const above = i64.select(INTEGER_BIT, 0, i64.ge_u(a.m, half));
      n.set(r.ext, i64.or(above, i64.extend_i32_u(i32.and(i64.ne(a.m, half), i64.ne(a.m, 0)))));
    },
    () => f.slowWhen(i32.eqz(f.isZero(a))),
  );
  return r;
};

/** The root of a positive normal number or of a zero: half of its digits from a double's, the rest by a division. */
export const root = (f: FpuNative, a: Parts): Result => {
  const { n } = f;
  const { i32, i64, f64 } = n;
  const r = zeroResult(n);
  n.set(r.s, a.s);
  n.if(
    i32.and(f.isNormal(a), i32.eqz(a.s)),
    () => {
      // an even exponent, the significand in [2^62, 2^64)
      const odd = n.let(i32.and(i32.sub(a.e, BIAS), 1));
      n.set(r.e, i32.add(i32.shr_s(i32.sub(i32.sub(a.e, BIAS), odd), 1), BIAS));
      const low = n.let(i64.select(0, i64.shl(a.m, 63), odd));
      n.if(i32.eqz(odd), () => n.set(a.m, i64.shr_u(a.m, 1)));
      // Zimmermann, Karatsuba Square Root: s² + rest is the upper half
      const s = n.let(i64.trunc_sat_f64_u(f64.sqrt(f64.convert_i64_u(a.m))));
      n.if(i32.or(i64.gt_u(s, 0xffff_ffff), i64.gt_u(i64.mul(s, s), a.m)), () => n.set(s, i64.sub(s, 1)));
      const rest = n.let(i64.sub(a.m, i64.mul(s, s)));
      n.if(i64.gt_u(rest, i64.shl(s, 1)), () => {
        n.set(rest, i64.sub(rest, i64.add(i64.shl(s, 1), 1)));
        n.set(s, i64.add(s, 1));
      });
      const dividend = n.let(i64.or(i64.shl(rest, 31), i64.shr_u(low, 33)));
      const q = n.let(i64.div_u(dividend, s));
      f.slowWhen(i64.gt_u(q, 0xffff_ffff));
      const u = n.let(i64.or(i64.shl(i64.sub(dividend, i64.mul(q, s)), 1), i64.and(i64.shr_u(low, 32), 1)));
      n.set(r.m, i64.or(i64.shl(s, 32), q));
      // the rest of the whole, of 65 bits and a sign
      const square = n.let(i64.mul(q, q));
      const lower = n.let(i64.or(i64.shl(u, 32), i64.and(low, 0xffff_ffff)));
      const upper = n.let(i64.sub(i64.shr_u(u, 32), i64.extend_i32_u(i64.lt_u(lower, square))));
      n.set(lower, i64.sub(lower, square));
      n.if(i64.lt_s(upper, 0), () => {
        n.set(r.m, i64.sub(r.m, 1));
        // + 2 r.m + 1
        const more = n.let(i64.or(i64.shl(r.m, 1), 1));
        n.set(lower, i64.add(lower, more));
        n.set(upper, i64.add(i64.add(upper, i64.shr_u(r.m, 63)), i64.extend_i32_u(i64.lt_u(lower, more))));
      });
      const above = i32.or(i64.ne(upper, 0), i64.gt_u(lower, r.m));
      const exact = i64.eqz(i64.or(upper, lower));
      n.set(r.ext, i64.select(0, i64.or(i64.shl(i64.extend_i32_u(above), 63), 1), exact));
    },
    () => f.slowWhen(i32.eqz(f.isZero(a))),
  );
  return r;
};
