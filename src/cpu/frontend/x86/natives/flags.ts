import type { Expr, Local, Native } from '../../../ir/native.ts';
import { AF, CF, Flags, OF, OVER, SF, ZF } from '../flags.ts';
import { NATIVE_OPERAND } from '../registers.ts';

/** Where rows put the fields of lazy flags, and find what {@link eflagsOf} makes of them. */
export const FLAGS_OPERAND = {
  KIND: NATIVE_OPERAND,
  C: NATIVE_OPERAND + 4,
  D: NATIVE_OPERAND + 28,
  A: NATIVE_OPERAND + 8,
  B: NATIVE_OPERAND + 16,
  RESULT: NATIVE_OPERAND + 24,
} as const;

/** The arithmetic flags of whatever kind; operands stand at the upper end of 64 bits. */
export const eflagsOf: Native = (n) => {
  const { i32, i64 } = n;
  type I64 = Expr<'i64'>;
  const kind = n.let(n.load('i32.load', n.state, FLAGS_OPERAND.KIND));
  const bare = n.let(i32.sub(i32.and(kind, OVER - 1), 1));
  const [a, b] = [n.let(n.load('i64.load', n.state, FLAGS_OPERAND.A)), n.let(n.load('i64.load', n.state, FLAGS_OPERAND.B))]; // biome-ignore format: one line
  const flags = n.let(i32.wrap_i64(a));
  const base = n.let(i32.shr_s(bare, 2));
  const is = (which: number): Expr<'i32'> => i32.eq(base, (which - 1) >> 2);
  const when = (yes: Expr<'i32'>, bits: number): Expr<'i32'> => i32.mul(yes, bits);

  const made = (): void => {
    const up = n.let(i64.sub(64, i64.shl(8, i64.extend_i32_u(i32.and(bare, 3)))));
    const x = n.let(i64.shl(a, up));
    const y = n.let(i64.shl(b, up));
    const count = n.let(i64.and(b, 63));
    const r = n.let(x as I64);
    /** CF, AF and OF. */
    const others = n.let(n.value('i32', 0));
    const down = (v: I64): I64 => i64.shr_u(v, up);
    const carries = (): Expr<'i32'> => i32.and(i32.wrap_i64(i64.xor(i64.xor(a, b), down(r))), AF);
    /** The carry that came in, of ADC and SBB; then a carry comes out where all is equal, too. */
    const carry = (which: number): Local<'i32'> =>
      n.let(i32.and(n.load('i32.load', n.state, FLAGS_OPERAND.D), is(which)));
    const orEqual = (less: Expr<'i32'>, carried: Expr<'i32'>, p: I64, q: I64): Expr<'i32'> =>
      i32.or(less, i32.and(carried, i64.eq(p, q)));
    const placed = (carried: Expr<'i32'>): I64 => i64.shl(i64.extend_i32_u(carried), up);
    const sum = (): void => {
      const carried = carry(Flags.ADC);
      n.set(r, i64.add(i64.add(x, y), placed(carried)));
      const overflow = i64.lt_s(i64.and(i64.xor(x, r), i64.xor(y, r)), 0);
      const out = orEqual(i64.lt_u(r, x), carried, r, x);
      n.set(others, i32.or(carries(), i32.or(when(out, CF), when(overflow, OF))));
    };
    const difference = (): void => {
      const borrowed = carry(Flags.SBB);
      n.set(r, i64.sub(i64.sub(x, y), placed(borrowed)));
      const overflow = i64.lt_s(i64.and(i64.xor(x, y), i64.xor(x, r)), 0);
      const out = orEqual(i64.lt_u(x, y), borrowed, x, y);
      n.set(others, i32.or(carries(), i32.or(when(out, CF), when(overflow, OF))));
    };
    const product = (): void => {
      const [p, q] = [n.let(i64.shr_s(x, up)), n.let(i64.shr_s(y, up))];
      n.set(r, i64.shl(i64.mul(p, q), up));
      const whole = i64.ne(i64.mulh_s(p, q), i64.shr_s(r, 63));
      const part = i64.ne(i64.mul(p, q), i64.shr_s(r, up));
      n.set(others, when(i32.or(whole, part), CF | OF));
    };
    const shifted = (): void => {
      const out = n.let(i64.and(i64.shr_u(x, i64.sub(64, count)), 1));
      const overflow = n.let(n.value('i32', 0));
      n.if(
        is(Flags.SHL),
        () => {
          n.set(r, i64.shl(x, count));
          n.set(overflow, i32.xor(i32.wrap_i64(out), i64.lt_s(r, 0)));
        },
        () => {
          const signed = n.let(is(Flags.SAR));
          const whole = n.let(i64.select(i64.shr_s(x, up), down(x), signed));
          n.set(out, i64.and(i64.shr_s(whole, i64.sub(count, 1)), 1));
          n.set(overflow, i32.and(i64.lt_s(x, 0), i32.eqz(signed)));
          const unsigned = i64.shr_u(whole, count);
          n.set(r, i64.shl(i64.select(i64.shr_s(whole, count), unsigned, signed), up));
        },
      );
      n.set(others, i32.or(when(i32.wrap_i64(out), CF), when(overflow, OF)));
    };
    const otherwise: readonly (readonly [number, () => void])[] = [
      [Flags.SUB, difference],
      [Flags.ADD, sum],
      [Flags.LOGIC, () => {}],
      [Flags.RESULT, () => n.set(others, i32.and(i32.wrap_i64(b), CF | AF | OF))],
      [Flags.MUL, product],
      [Flags.ADC, sum],
      [Flags.SBB, difference],
    ];
    const choose = (i: number): void => {
      const [which, compute] = otherwise[i] ?? [0, null];
      if (compute) n.if(is(which), compute, () => choose(i + 1));
      else shifted();
    };
    choose(0);
    const parity = i32.xor(i32.and(i32.popcnt(i32.and(i32.wrap_i64(down(r)), 0xff)), 1), 1);
    const result = i32.or(when(i64.eqz(r), ZF), i32.or(when(i64.lt_s(r, 0), SF), i32.shl(parity, 2)));
    n.set(flags, i32.or(others, result));
  };
  n.if(i32.ge_s(bare, 0), made);
  n.if(i32.and(kind, OVER), () => {
    const newer: Local<'i32'> = n.let(n.load('i32.load', n.state, FLAGS_OPERAND.C));
    n.set(flags, i32.or(i32.and(flags, ~(CF | OF)), i32.and(newer, CF | OF)));
  });
  n.store('i32.store', n.state, FLAGS_OPERAND.RESULT, flags);
};
