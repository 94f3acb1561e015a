/** x87 instructions as natives; their second argument is that of their helpers (see packX87). */
import type { Expr, Local, Native } from '../../../ir/native.ts';
import { CF, PF, ZF } from '../flags.ts';
import { Sys } from '../registers.ts';
import { CONSTANTS } from '../x87-constants.ts';
import { BIAS, FpuNative, type Parts, SIGN, SPECIAL } from './fpu.ts';
import { product, quotient, type Result, root, sum } from './x87-arithmetic.ts';
import { circular } from './x87-circular.ts';
import { FORMATS, roundToInteger, STORES } from './x87-operands.ts';
import { ldcw, prem, wait, xtract } from './x87-parts.ts';
import { f2xm1, fpatan, fyl2x, fyl2xp1 } from './x87-transcendental.ts';

/** Where an operand comes from, or goes: st(i), or memory in a format. */
export type Format = keyof typeof FORMATS;
type Source = 'st' | Format;
const SOURCES: readonly Source[] = ['st', 'f32', 'f64', 'i16', 'i32', 'i64'];

const forAll = <K extends string>(keys: readonly K[], make: (key: K) => Native): Record<K, Native> =>
  Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<K, Native>;

/** Both operands, st(0) first; neither is empty. */
const operands = (f: FpuNative, source: Source, inexact: boolean): { i: Local<'i32'> | null; a: Parts; b: Parts } => {
  const { i32 } = f.n;
  const i = source === 'st' ? f.sti() : null;
  const registers = i ? i32.or(f.bit(f.top), f.bit(i)) : f.bit(f.top);
  if (inexact) f.beginInexact(registers);
  else f.begin(registers);
  const b = source === 'st' ? f.read(i as Local<'i32'>) : FORMATS[source](f);
  return { i, a: f.read(f.top), b };
};

/** An operation; `prepare` makes of the encoding's variants one, by bits 5:3 of the second argument. */
const arithmetic =
  (
    source: Source,
    prepare: (f: FpuNative, op: Expr<'i32'>, a: Parts, b: Parts) => void,
    operate: (f: FpuNative, a: Parts, b: Parts) => Result,
  ): Native =>
  (n) => {
    const { i32 } = n;
    const f = new FpuNative(n);
    const { i, a, b } = operands(f, source, true);
    f.slowIfSingle();
    prepare(f, i32.and(i32.shr_u(n.aux, 3), 7), a, b);
    const r = operate(f, a, b);
    const to = i ? i32.select(i, f.top, i32.and(n.aux, 0x800)) : f.top;
    f.finish(f.at(to), r, r.ext, i !== null);
  };

/** FADD, FSUB (4), FSUBR (5). */
export const add: Record<Source, Native> = forAll(SOURCES, (source) =>
  arithmetic(
    source,
    ({ n }, op, a, b) => {
      const { i32 } = n;
      n.set(a.s, i32.xor(a.s, i32.shl(i32.eq(op, 5), 15)));
      n.set(b.s, i32.xor(b.s, i32.shl(i32.eq(op, 4), 15)));
    },
    sum,
  ),
);
/** FMUL. */
export const mul: Record<Source, Native> = forAll(SOURCES, (source) => arithmetic(source, () => {}, product));
/** FDIV. */
export const div: Record<Source, Native> = forAll(SOURCES, (source) => arithmetic(source, () => {}, quotient));
/** FDIVR. */
export const divr: Record<Source, Native> = forAll(SOURCES, (source) =>
  arithmetic(
    source,
    () => {},
    (f, a, b) => quotient(f, b, a),
  ),
);

export const sqrt: Native = (n) => {
  const f = new FpuNative(n);
  f.beginInexact(f.bit(f.top));
  f.slowIfSingle();
  const r = root(f, f.read(f.top));
  f.finish(f.at(f.top), r, r.ext, false);
};

interface Order {
  readonly less: Local<'i32'>;
  readonly equal: Local<'i32'>;
  readonly unordered: Local<'i32'>;
}

/** Whether a is less, and whether they are equal; -0 is 0. Quiet NaNs are unordered where that raises nothing (FUCOM: bit 3). */
const compare = (f: FpuNative, a: Parts, b: Parts): Order => {
  const { n } = f;
  const { i32, i64 } = n;
  const unordered = n.let(n.value('i32', 0));
  for (const x of [a, b]) {
    n.if(i32.eqz(i32.or(i32.or(f.isNormal(x), f.isZero(x)), f.isInfinity(x))), () => {
      f.slowWhen(i32.eqz(i32.and(f.isQuietNan(x), i32.and(i32.shr_u(n.aux, 3), 1))));
      n.set(unordered, 1);
    });
  }
  const zeros = i64.eqz(i64.or(a.m, b.m));
  const smaller = i32.or(i32.lt_u(a.e, b.e), i32.and(i32.eq(a.e, b.e), i64.lt_u(a.m, b.m)));
  const same = i32.and(i32.eq(a.s, b.s), i32.and(i32.eq(a.e, b.e), i64.eq(a.m, b.m)));
  const equal = n.let(i32.or(i32.or(same, zeros), unordered));
  const less = i32.select(i32.ne(a.s, 0), i32.xor(smaller, i32.ne(a.s, 0)), i32.ne(a.s, b.s));
  return { less: n.let(i32.or(i32.and(less, i32.eqz(equal)), unordered)), equal, unordered };
};

/** FCOM, FUCOM, FICOM. */
export const com: Record<Source, Native> = forAll(SOURCES, (source) => (n) => {
  const { i32 } = n;
  const f = new FpuNative(n);
  const { a, b } = operands(f, source, false);
  const { less, equal, unordered } = compare(f, a, b);
  f.end(null, true, i32.or(i32.or(i32.shl(less, 8), i32.shl(unordered, 10)), i32.shl(equal, 14)));
});
/** FTST. */
export const tst: Native = (n) => {
  const f = new FpuNative(n);
  f.begin(f.bit(f.top));
  const a = f.read(f.top);
  f.slowUnlessFinite(a);
  const equal = n.let(f.isZero(a));
  f.end(null, false, n.i32.or(n.i32.shl(n.i32.and(n.i32.ne(a.s, 0), n.i32.eqz(equal)), 8), n.i32.shl(equal, 14)));
};
/** FCOMI, FUCOMI: what goes to EFLAGS is left. */
export const comi: Native = (n) => {
  const f = new FpuNative(n);
  const { a, b } = operands(f, 'st', false);
  const { i32 } = n;
  const { less, equal, unordered } = compare(f, a, b);
  const flags = i32.or(i32.or(i32.mul(less, CF), i32.mul(unordered, PF)), i32.mul(equal, ZF));
  n.store('i32.store', n.state, Sys.NUMBER, flags);
  f.keepC1();
  f.end(null, true);
};

/** FLD, FILD. */
export const load: Record<Format, Native> = forAll(Object.keys(FORMATS) as Format[], (source) => (n) => {
  const f = new FpuNative(n);
  const to = f.beginPush(null);
  const { s, e, m } = FORMATS[source](f);
  f.put(f.at(to), n.i32.or(s, e), m);
  f.endPush(to);
});
/** FLD m80. */
export const load80: Native = (n) => {
  const f = new FpuNative(n);
  const to = f.beginPush(null);
  f.put(f.at(to), n.load('i32.load16_u', n.state, Sys.NUMBER + 8), n.load('i64.load', n.state, Sys.NUMBER));
  f.endPush(to);
};
/** FLD st(i). */
export const dup: Native = (n) => {
  const f = new FpuNative(n);
  const i = f.sti();
  const to = f.beginPush(f.bit(i));
  const from = f.at(i);
  f.put(f.at(to), f.signAndExponent(from), f.significand(from));
  f.endPush(to);
};
/** FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: see CONSTANTS. */
export const constants: readonly Native[] = CONSTANTS.map(([se, hi, lo, more]) => (n) => {
  const { i32, i64 } = n;
  const f = new FpuNative(n);
  const to = f.beginPush(null);
  const bits = n.value('i64', (BigInt(hi) << 32n) | BigInt(lo));
  const up =
    more === 2 || more === 3
      ? i32.or(i32.eqz(f.roundingControl), i32.eq(f.roundingControl, 2))
      : i32.eq(f.roundingControl, 2);
  f.put(f.at(to), n.value('i32', se), more === 0 ? bits : i64.add(bits, i64.extend_i32_u(up)));
  f.endPush(to);
});

/** FST, FIST, FISTTP but for the pop: what goes to memory is left. */
export const store: Record<Format, Native> = forAll(Object.keys(STORES) as Format[], (format) => (n) => {
  const f = new FpuNative(n);
  f.beginInexact(f.bit(f.top));
  STORES[format](f, f.read(f.top));
});
/** FSTP m80 but for the pop. */
export const store80: Native = (n) => {
  const f = new FpuNative(n);
  f.begin(f.bit(f.top));
  const at = f.at(f.top);
  n.store('i64.store', n.state, Sys.NUMBER, f.significand(at));
  n.store('i32.store', n.state, Sys.NUMBER + 8, f.signAndExponent(at));
  f.end();
};
/** FST st(i), FSTP st(i). */
export const copy: Native = (n) => {
  const f = new FpuNative(n);
  f.begin(f.bit(f.top));
  const i = f.sti();
  const from = f.at(f.top);
  f.put(f.at(i), f.signAndExponent(from), f.significand(from));
  f.fill(i);
  f.end(null, true);
};
export const xch: Native = (n) => {
  const f = new FpuNative(n);
  const i = f.sti();
  f.begin(n.i32.or(f.bit(f.top), f.bit(i)));
  const [x, y] = [f.at(f.top), f.at(i)];
  const [e, m] = [n.let(f.signAndExponent(x)), n.let(f.significand(x))];
  f.put(x, f.signAndExponent(y), f.significand(y));
  f.put(y, e, m);
  f.end();
};
/** FCMOVcc: whether, is in Sys.NUMBER. */
export const cmov: Native = (n) => {
  const f = new FpuNative(n);
  const i = f.sti();
  f.begin(n.i32.or(f.bit(f.top), f.bit(i)));
  n.if(n.load('i32.load', n.state, Sys.NUMBER), () => {
    const from = f.at(i);
    f.put(f.at(f.top), f.signAndExponent(from), f.significand(from));
  });
  f.keepC1();
  f.end();
};
const sign =
  (change: (f: FpuNative, signAndExponent: Expr<'i32'>) => Expr<'i32'>): Native =>
  (n) => {
    const f = new FpuNative(n);
    f.begin(f.bit(f.top));
    const at = f.at(f.top);
    f.put(at, change(f, f.signAndExponent(at)), f.significand(at));
    f.end();
  };
export const chs: Native = sign(({ n }, se) => n.i32.xor(se, SIGN));
export const abs: Native = sign(({ n }, se) => n.i32.and(se, 0x7fff));

/** FRNDINT. */
export const rndint: Native = (n) => {
  const { i32, i64 } = n;
  const f = new FpuNative(n);
  f.beginInexact(f.bit(f.top));
  const x = f.read(f.top);
  f.slowUnlessFinite(x);
  const flags = n.let(n.value('i32', 0));
  n.if(i32.lt_s(x.e, BIAS + 63), () => {
    const { ext, grew } = roundToInteger(f, x);
    n.if(i64.ne(ext, 0), () => n.set(flags, f.inexact(grew)));
  });
  f.put(f.at(f.top), i32.or(x.s, x.e), x.m);
  f.end(flags);
};

/** FXAM. */
export const xam: Native = (n) => {
  const { i32 } = n;
  const f = new FpuNative(n);
  f.begin(f.bit(f.top));
  const x = f.read(f.top);
  const sign = i32.shr_u(x.s, 6);
  n.if(i32.eq(x.e, SPECIAL), () => {
    f.slowWhen(n.i64.ge_s(x.m, 0));
    f.end(sign, false, i32.select(0x500, 0x100, f.isInfinity(x)));
    n.return(0);
  });
  f.slowUnlessFinite(x);
  f.end(sign, false, i32.select(0x4000, 0x400, f.isZero(x)));
};

/** FSCALE. */
export const scale: Native = (n) => {
  const { i32, i64 } = n;
  const f = new FpuNative(n);
  const second = n.let(i32.and(i32.add(f.top, 1), 7));
  f.begin(i32.or(f.bit(f.top), f.bit(second)));
  const [a, b] = [f.read(f.top), f.read(second)];
  f.slowUnlessFinite(a);
  f.slowUnlessFinite(b);
  const power = n.let(i32.sub(b.e, BIAS));
  f.slowWhen(i32.gt_s(power, 16));
  const places = i64.sub(63, i64.extend_i32_u(power));
  const by = n.let(i32.select(i32.wrap_i64(i64.shr_u(b.m, places)), 0, i32.ge_s(power, 0)));
  const zero = n.let(f.isZero(a));
  n.set(a.e, i32.select(a.e, i32.add(a.e, i32.select(i32.sub(0, by), by, b.s)), zero));
  f.slowWhen(i32.and(i32.ge_u(i32.sub(a.e, 1), 0x7ffe), i32.eqz(zero)));
  f.put(f.at(f.top), i32.or(a.s, a.e), a.m);
  f.end();
};

export const x87Natives: readonly Native[] = [
  ...[add, mul, div, divr, com, load, store].flatMap((family: Record<string, Native>) => Object.values(family)),
  ...[...constants, sqrt, tst, xam, scale, comi, load80, dup, store80, copy, xch, cmov, chs, abs, rndint],
  ...[f2xm1, fyl2x, fyl2xp1, fpatan, circular, prem, xtract, ldcw, wait],
];
