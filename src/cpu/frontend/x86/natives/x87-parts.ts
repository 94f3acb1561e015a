/** FPREM, FPREM1, FXTRACT; FLDCW and FWAIT. */
import type { Native } from '../../../ir/native.ts';
import { Sys } from '../registers.ts';
import { BIAS, C1, ES, FpuNative, SIGN } from './fpu.ts';
import * as w from './wide.ts';

const C0 = 0x100;
const C2 = 0x400;
const C3 = 0x4000;
/** Bits of a quotient that doubles tell but for one unit. */
const DIGITS = 40;

/** FPREM, FPREM1 (op 1). */
export const prem: Native = (n) => {
  const { f64, i32, i64 } = n;
  const f = new FpuNative(n);
  const second = n.let(i32.and(i32.add(f.top, 1), 7));
  f.begin(i32.or(f.bit(f.top), f.bit(second)));
  const [a, b] = [f.read(f.top), f.read(second)];
  f.slowWhen(i32.eqz(i32.and(f.isNormal(a), f.isNormal(b))));
  const nearest = n.let(i32.and(n.aux, 8));
  const gap = n.let(i32.sub(a.e, b.e));
  f.slowWhen(i32.and(i32.eq(gap, -1), i32.ne(nearest, 0)));
  const codes = n.let(n.value('i32', 0));
  const flags = n.let(n.value('i32', 0));
  n.if(i32.ge_s(gap, 0), () => {
    // of operands that are far apart one step's bits
    const partial = n.let(i32.ge_s(gap, 64));
    const left = n.let(i32.select(i32.or(i32.and(gap, 31), 32), gap, partial));
    n.set(a.e, i32.sub(a.e, left));
    const divisor = n.let(f64.convert_i64_u(b.m));
    const q = n.let(n.value('i64', 0));
    const goesOn = n.let(n.value('i32', 1));
    n.while(goesOn, () => {
      const by = n.let(i32.select(left, DIGITS, i32.lt_u(left, DIGITS)));
      const scale = f64.reinterpret_i64(i64.shl(i64.extend_i32_u(i32.add(by, 1023)), 52));
      const digit = n.let(i64.trunc_sat_f64_u(f64.div(f64.mul(f64.convert_i64_u(a.m), scale), divisor)));
      const rest = w.wide(n, 0, a.m);
      w.shiftLeft(n, rest, n.let(i64.extend_i32_u(by)));
      w.subtract(n, rest, { hi: n.let(i64.mulh_u(digit, b.m)), lo: n.let(i64.mul(digit, b.m)) });
      n.if(
        i64.lt_s(rest.hi, 0),
        () => {
          n.set(rest.lo, i64.add(rest.lo, b.m));
          n.set(digit, i64.sub(digit, 1));
        },
        () =>
          n.if(i32.or(i64.ne(rest.hi, 0), i64.ge_u(rest.lo, b.m)), () => {
            n.set(rest.lo, i64.sub(rest.lo, b.m));
            n.set(digit, i64.add(digit, 1));
          }),
      );
      n.set(a.m, rest.lo);
      n.set(q, i64.add(i64.shl(q, i64.extend_i32_u(by)), digit));
      n.set(left, i32.sub(left, by));
      n.set(goesOn, left);
    });
    n.if(
      partial,
      () => n.set(codes, C2),
      () => {
        n.if(nearest, () => {
          const other = n.let(i64.sub(b.m, a.m));
          const odd = i32.wrap_i64(i64.and(q, 1));
          n.if(i32.or(i64.gt_u(a.m, other), i32.and(i64.eq(a.m, other), odd)), () => {
            n.set(q, i64.add(q, 1));
            n.set(a.m, other);
            n.set(a.s, i32.xor(a.s, SIGN));
          });
        });
        const low = n.let(i32.wrap_i64(q));
        n.set(codes, i32.or(i32.select(C0, 0, i32.and(low, 4)), i32.select(C3, 0, i32.and(low, 2))));
        n.set(flags, i32.select(C1, 0, i32.and(low, 1)));
      },
    );
    n.if(
      i64.eqz(a.m),
      () => n.set(a.e, 0),
      () => {
        const zeros = n.let(i64.clz(a.m));
        n.set(a.m, i64.shl(a.m, zeros));
        n.set(a.e, i32.sub(a.e, i32.wrap_i64(zeros)));
        f.slowWhen(i32.le_s(a.e, 0));
      },
    );
  });
  f.put(f.at(f.top), i32.or(a.s, a.e), a.m);
  f.end(flags, false, codes);
};

/** FXTRACT: the exponent in st(0)'s place, the significand on top of it. */
export const xtract: Native = (n) => {
  const { i32, i64 } = n;
  const f = new FpuNative(n);
  const to = f.beginPush(f.bit(f.top));
  const x = f.read(f.top);
  f.slowWhen(i32.eqz(f.isNormal(x)));
  f.put(f.at(to), i32.or(x.s, BIAS), x.m);
  const power = n.let(i64.extend_i32_s(i32.sub(x.e, BIAS)));
  const sign = n.let(i32.select(SIGN, 0, i64.lt_s(power, 0)));
  n.if(sign, () => n.set(power, i64.sub(0, power)));
  const zeros = n.let(i64.clz(power));
  const e = i32.select(0, i32.sub(BIAS + 63, i32.wrap_i64(zeros)), i64.eqz(power));
  f.put(f.at(f.top), i32.or(sign, e), i64.shl(power, zeros));
  f.endPush(to);
};

/** FLDCW: the word is in Sys.NUMBER; what makes an exception pending is the helper's. */
export const ldcw: Native = (n) => {
  const { i32 } = n;
  const sw = n.let(n.load('i32.load', n.state, Sys.FSW));
  const cw = n.let(i32.or(i32.and(n.load('i32.load', n.state, Sys.NUMBER), 0x1f7f), 0x40));
  n.if(i32.and(sw, i32.or(i32.and(i32.xor(cw, -1), 0x3f), ES)), () => n.return(1));
  n.store('i32.store', n.state, Sys.FCW, cw);
};

/** FWAIT: nothing where no exception is pending. */
export const wait: Native = (n) => {
  n.if(n.i32.and(n.load('i32.load', n.state, Sys.FSW), ES), () => n.return(1));
};
