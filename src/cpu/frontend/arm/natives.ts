import type { Expr, Native, NativeBuilder } from '../../ir/native.ts';
import { State } from '../../memory/layout.ts';
import { Flags } from './flags.ts';

/** State offset of what natives work on, which rows peek and poke: nothing that rows get and set lies there. */
const OPERAND: number = State.SYSREGS + 0x220;

/** State offsets of the fields of lazy flags, and where what is made of them goes. */
type FlagPlaces = Readonly<Record<'KIND' | 'A' | 'B' | 'R' | 'FA' | 'FB' | 'NZ' | 'C' | 'RESULT', number>>;

/** Where rows put the fields of lazy flags, and find what {@link nzcvOfAny} makes of them. */
export const FLAGS_OPERAND: FlagPlaces = {
  KIND: OPERAND,
  A: OPERAND + 4,
  B: OPERAND + 8,
  R: OPERAND + 12,
  FA: OPERAND + 16,
  FB: OPERAND + 24,
  NZ: OPERAND + 32,
  C: OPERAND + 36,
  RESULT: OPERAND + 40,
} as const;

/** NZCV as 4 bits, of flags of whatever kind (see Flags) with their fields at `at`. */
const nzcvAt = (n: NativeBuilder, at: FlagPlaces): void => {
  const { i32, f64 } = n;
  const word = (offset: number): Expr<'i32'> => n.load('i32.load', n.state, offset);
  const sign = (v: Expr<'i32'>, shift: number): Expr<'i32'> => i32.shl(i32.shr_u(v, 31), shift);
  const negativeOrZero = (v: Expr<'i32'>): Expr<'i32'> => i32.or(sign(v, 3), i32.shl(i32.eqz(v), 2));
  const kind = n.let(word(at.KIND));
  const base = n.let(i32.and(kind, 15));
  const a = n.let(word(at.A));
  const bits = n.let(i32.and(a, 15));

  /** A difference is the sum with the complement and a carry. */
  const ofSum = (): void => {
    const sub = n.let(i32.eq(base, Flags.SUB));
    const second = n.let(i32.xor(word(at.B), i32.sub(0, sub)));
    const sum = i32.add(i32.add(a, second), sub);
    const r = n.let(i32.select(word(at.R), sum, i32.eq(base, Flags.ADC)));
    const carry = i32.or(i32.and(a, second), i32.and(i32.or(a, second), i32.xor(r, -1)));
    const overflow = i32.and(i32.xor(a, r), i32.xor(second, r));
    n.set(bits, i32.or(negativeOrZero(r), i32.or(sign(carry, 1), sign(overflow, 0))));
  };
  /** Less 1000, equal 0110, greater 0010, unordered 0011. */
  const ofComparison = (): void => {
    const x = n.let(n.load('f64.load', n.state, at.FA));
    const y = n.let(n.load('f64.load', n.state, at.FB));
    const greater = i32.select(2, 3, f64.gt(x, y));
    n.set(bits, i32.select(8, i32.select(6, greater, f64.eq(x, y)), f64.lt(x, y)));
  };
  n.if(i32.lt_u(i32.sub(base, Flags.ADD), Flags.ADC - Flags.ADD + 1), ofSum);
  n.if(i32.eq(base, Flags.FCMP), ofComparison);
  n.if(i32.and(kind, Flags.NZ), () => {
    n.set(bits, i32.or(i32.and(bits, 3), negativeOrZero(n.let(word(at.NZ)))));
  });
  n.if(i32.and(kind, Flags.C), () => {
    n.set(bits, i32.or(i32.and(bits, 13), i32.shl(i32.and(word(at.C), 1), 1)));
  });
  n.store('i32.store', n.state, at.RESULT, bits);
};

/** For regions, which have the fields in locals. */
const nzcvOfAny: Native = (n) => nzcvAt(n, FLAGS_OPERAND);

/** In place of a helper, for the cold tier, which has them in the CPU state: flags become those of kind NZCV. */
const settleFlags: Native = (n) => {
  const { CC_OP: KIND, CC_A: A, CC_B: B, CC_R: R, CC_FA: FA, CC_FB: FB, CC_C: NZ, CC_D: C } = State;
  nzcvAt(n, { KIND, A, B, R, FA, FB, NZ, C, RESULT: A });
  n.store('i32.store', n.state, KIND, n.value('i32', Flags.NZCV));
};

/** This guest's natives: see NativeBuilder. The number of one is its place. */
export const natives: readonly Native[] = [nzcvOfAny, settleFlags];
export const NZCV_OF_ANY: number = natives.indexOf(nzcvOfAny);
export const SETTLE_FLAGS: number = natives.indexOf(settleFlags);
