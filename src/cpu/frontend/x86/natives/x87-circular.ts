/** FSIN, FCOS, FSINCOS and FPTAN: see x87-transcendental.ts. */
import type { Local, Native } from '../../../ir/native.ts';
import { BIAS, FpuNative, INTEGER_BIT } from './fpu.ts';
import * as w from './wide.ts';
import * as tables from './x87-tables.ts';

/** Largest exponent of arguments, and of the smallest ones the negative. */
const LARGEST = 30;
/** π as processors have it, × 2^66: see the helper's. */
const PI_HI = 0xc;
const PI_LO = 0x90fdaa22168c234cn;
/** 2/π × 2^-63. */
const QUADRANTS: number = 2 ** -62 / Math.PI;

/** FSIN, FCOS (op 1), FSINCOS (op 2), FPTAN (op 3). */
export const circular: Native = (n) => {
  const { f64, i32, i64 } = n;
  const f = new FpuNative(n);
  f.beginInexact(f.bit(f.top));
  const op = n.let(i32.and(i32.shr_u(n.aux, 3), 3));
  const above = n.let(i32.and(i32.sub(f.top, 1), 7));
  f.slowWhen(i32.and(i32.ge_u(op, 2), i32.ne(f.isUsed(above), 0)));
  const x = f.read(f.top);
  const power = n.let(i32.sub(x.e, BIAS));
  f.slowWhen(i32.or(i32.gt_u(i32.add(power, LARGEST), 2 * LARGEST), i64.ge_s(x.m, 0)));

  // |x| = quadrant × π/2 ± z, exactly
  const z = w.wide(n, 0, x.m);
  const quadrant = n.let(n.value('i32', 0));
  const minus = n.let(n.value('i32', 0));
  n.if(
    i32.ge_s(power, -1),
    () => {
      const scale = f64.reinterpret_i64(i64.shl(i64.extend_i32_u(i32.add(power, 1023)), 52));
      const angle = f64.mul(f64.mul(f64.convert_i64_u(x.m), scale), QUADRANTS);
      const turns = n.let(i64.trunc_sat_f64_u(f64.add(angle, 0.5)));
      w.shiftLeft(n, z, n.let(i64.extend_i32_u(i32.add(power, 4))));
      w.subtract(n, z, {
        hi: n.let(i64.add(i64.mulh_u(turns, PI_LO), i64.mul(turns, PI_HI))),
        lo: n.let(i64.mul(turns, PI_LO)),
      });
      n.set(minus, i64.lt_s(z.hi, 0));
      n.if(minus, () => w.negate(n, z));
      w.shiftLeft(n, z, 61);
      n.set(quadrant, i32.and(i32.wrap_i64(turns), 3));
    },
    () => {
      n.set(z.hi, z.lo);
      n.set(z.lo, 0);
      w.shiftRight(n, z, n.let(i64.extend_i32_u(i32.sub(-1, power))));
    },
  );

  // z = k/32 ± t
  const k = n.let(i32.shr_u(i32.add(i32.wrap_i64(i64.shr_u(z.hi, 58)), 1), 1));
  n.set(z.hi, i64.sub(z.hi, i64.shl(i64.extend_i32_u(k), 59)));
  const below = n.let(i64.shr_s(z.hi, 63));
  n.if(i64.ne(below, 0), () => w.negate(n, z));
  f.slowWhen(i32.and(i32.eqz(k), i64.eqz(z.hi)));
  const square = w.copyOf(n, z);
  w.times(n, square, z);
  // halves of both
  const sine = w.seriesOf(n, tables.SINE, square, -1);
  const cosine = w.seriesOf(n, tables.COSINE, square, -1);
  const sineE = n.let(n.value('i32', BIAS));
  const cosineE = n.let(n.value('i32', BIAS));
  n.if(
    k,
    () => {
      w.times(n, sine, z);
      const sum = w.entry(n, tables.CIRCLE, k, 2);
      const difference = w.entry(n, tables.CIRCLE, k, 2, 1);
      const [a, b] = [w.copyOf(n, sum), w.copyOf(n, difference)];
      w.times(n, sum, cosine);
      w.times(n, difference, cosine);
      w.times(n, b, sine);
      w.flip(n, b, below);
      w.add(n, sum, b.hi, b.lo);
      w.times(n, a, sine);
      w.flip(n, a, i64.xor(below, -1));
      w.add(n, difference, a.hi, a.lo);
      w.assign(n, sine, sum);
      w.assign(n, cosine, difference);
    },
    () => {
      n.set(sineE, i32.sub(sineE, w.normalise(n, z)));
      w.times(n, sine, z);
    },
  );
  n.set(sineE, i32.sub(sineE, w.normalise(n, sine)));
  n.set(cosineE, i32.sub(cosineE, w.normalise(n, cosine)));
  const half = n.let(i32.shr_u(quadrant, 1));
  const odd = n.let(i32.and(quadrant, 1));
  const sineS = n.let(i32.xor(half, i32.select(0, minus, odd)));
  const cosineS = n.let(i32.xor(half, i32.select(i32.xor(minus, 1), 0, odd)));
  n.set(sineS, i32.xor(i32.shl(sineS, 15), x.s));
  n.set(cosineS, i32.shl(cosineS, 15));
  n.if(odd, () => {
    const swap = <T extends 'i32' | 'i64'>(a: Local<T>, b: Local<T>): void => {
      const kept = n.let(a as never) as Local<T>;
      n.set(a, b as never);
      n.set(b, kept as never);
    };
    swap(sine.hi, cosine.hi);
    swap(sine.lo, cosine.lo);
    swap(sineE, cosineE);
  });

  // one of them, their quotient, or both
  const r = { s: sineS, e: sineE, m: sine.hi };
  n.if(i32.eq(op, 1), () => {
    n.set(sineS, cosineS);
    n.set(sineE, cosineE);
    w.assign(n, sine, cosine);
  });
  n.if(i32.eq(op, 3), () => {
    n.set(sineS, i32.xor(sineS, cosineS));
    w.assign(n, sine, w.quotientOf(n, sine, cosine));
    n.set(sineE, i32.sub(i32.add(BIAS + 1, i32.sub(sineE, cosineE)), w.normalise(n, sine)));
  });
  const flags = f.roundInexact(r, sine.lo);
  const pushed = { s: cosineS, e: cosineE, m: cosine.hi };
  n.if(i32.eq(op, 2), () => n.set(flags, i32.or(flags, f.roundInexact(pushed, cosine.lo))));
  n.if(i32.eq(op, 3), () => {
    n.set(cosineS, 0);
    n.set(cosineE, BIAS);
    n.set(cosine.hi, INTEGER_BIT);
  });
  f.put(f.at(f.top), i32.or(r.s, r.e), r.m);
  f.clearC2();
  n.if(i32.ge_u(op, 2), () => {
    f.put(f.at(above), i32.or(pushed.s, pushed.e), pushed.m);
    f.pushed(above);
  });
  f.end(flags);
};
