import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/value.ts';
import { State } from '../../memory/layout.ts';

type I32 = Value<'i32'>;
type F64 = Value<'f64'>;

/**
 * Lazy NZCV: what the flags were computed from. CC_OP holds the kind: a base in bits 3:0, of which CC_A, CC_B, CC_R or
 * CC_FA, CC_FB are the operands, and over it newer N and Z (of the result in CC_C) or C (in CC_D), for the many
 * instructions that leave V, or C and V, as they were.
 */
export const Flags: {
  /** CC_A bits 3:0 = N Z C V. */
  readonly NZCV: 0;
  /** Of CC_A + CC_B. */
  readonly ADD: 1;
  readonly SUB: 2;
  /** Of CC_A + CC_B + carry, whose result is CC_R; SBC adds the complement. */
  readonly ADC: 3;
  /** Of the comparison of CC_FA and CC_FB. */
  readonly FCMP: 4;
  /** Known at run time only. */
  readonly UNKNOWN: 13;
  readonly NZ: 16;
  readonly C: 32;
} = { NZCV: 0, ADD: 1, SUB: 2, ADC: 3, FCMP: 4, UNKNOWN: 13, NZ: 16, C: 32 };

/** Flags as IR values; those that the kind has no use for are null. N and Z are those of `nz`, C is in bit 0 of `c`. */
export interface FlagState {
  readonly base: number;
  readonly a: I32 | null;
  readonly b: I32 | null;
  readonly r: I32 | null;
  readonly fa: F64 | null;
  readonly fb: F64 | null;
  readonly nz: I32 | null;
  readonly c: I32 | null;
  /** Where an instruction under a condition set them: all above are chosen by it, but the usual next condition needs none. */
  readonly choice: FlagChoice | null;
  /** Where a subtraction with carry ended that of numbers of two words, these: its C, N and V are their comparison's. */
  readonly words: Words | null;
}

/** Two numbers of 64 bits. */
export interface Words {
  readonly x: Value<'i64'>;
  readonly y: Value<'i64'>;
}

/** Flags that are `now` where condition number `cond`, which is `holds`, held of the old ones. */
export interface FlagChoice {
  readonly now: FlagState;
  readonly old: FlagState;
  readonly cond: number;
  readonly holds: I32;
}

const none = { a: null, b: null, r: null, fa: null, fb: null, nz: null, c: null, choice: null, words: null };

export const added = (a: I32, b: I32): FlagState => ({ ...none, base: Flags.ADD, a, b });
export const subtracted = (a: I32, b: I32): FlagState => ({ ...none, base: Flags.SUB, a, b });
export const addedWithCarry = (a: I32, b: I32, r: I32, words: Words | null = null): FlagState => ({ ...none, base: Flags.ADC, a, b, r, words }); // biome-ignore format: one line

/** What `x` − `y` − (1 − C) compares, if C comes from the subtraction of words below them. */
export const wordsOf = (b: Builder, below: FlagState, x: I32, y: I32): Words | null => {
  if (below.base !== Flags.SUB || below.c) return null;
  const { i64 } = b;
  const join = (high: I32, low: I32): Value<'i64'> =>
    high.isConst && low.isConst
      ? b.const64Parts(low.imm, high.imm)
      : i64.or(i64.shl(i64.extend_i32_u(high), b.const64(32)), i64.extend_i32_u(low));
  return { x: join(x, known(below.a)), y: join(y, known(below.b)) };
};
export const compared = (fa: F64, fb: F64): FlagState => ({ ...none, base: Flags.FCMP, fa, fb });
export const fromBits = (a: I32): FlagState => ({ ...none, base: Flags.NZCV, a });

/** Parts of the flags, as bits: N and Z; C; all that a base tells. */
export const Parts = { NZ: 1, C: 2, BASE: 4, ALL: 7 } as const;

export const kindOf = (s: FlagState): number => s.base | (s.nz ? Flags.NZ : 0) | (s.c ? Flags.C : 0);

const FIELDS = {
  [Flags.NZCV]: [State.CC_A],
  [Flags.ADD]: [State.CC_A, State.CC_B],
  [Flags.SUB]: [State.CC_A, State.CC_B],
  [Flags.ADC]: [State.CC_A, State.CC_B, State.CC_R],
  [Flags.FCMP]: [State.CC_FA, State.CC_FB],
} as const;
const ALL_FIELDS = [State.CC_A, State.CC_B, State.CC_R, State.CC_FA, State.CC_FB];

/** Fields of the CPU state that a kind has beside CC_OP. */
export const flagFields = (kind: number): readonly number[] => [
  ...(FIELDS[(kind & 15) as keyof typeof FIELDS] ?? ALL_FIELDS),
  ...((kind & Flags.NZ) === 0 ? [] : [State.CC_C]),
  ...((kind & Flags.C) === 0 ? [] : [State.CC_D]),
];

/** The flags in the CPU state, which are of this kind. */
export const loadFlags = (b: Builder, kind: number): FlagState => {
  const base = kind & 15;
  const word = (offset: number): I32 => b.get('i32', offset);
  const float = (offset: number): F64 | null => (base === Flags.FCMP ? b.get('f64', offset) : null);
  const pair = base >= Flags.ADD && base <= Flags.ADC;
  return {
    base,
    a: pair || base === Flags.NZCV ? word(State.CC_A) : null,
    b: pair ? word(State.CC_B) : null,
    r: base === Flags.ADC ? word(State.CC_R) : null,
    fa: float(State.CC_FA),
    fb: float(State.CC_FB),
    nz: (kind & Flags.NZ) !== 0 ? word(State.CC_C) : null,
    c: (kind & Flags.C) !== 0 ? word(State.CC_D) : null,
    choice: null,
    words: null,
  };
};

/** Write what differs from `before` (the flags in the CPU state). */
export const storeFlags = (b: Builder, s: FlagState, before: FlagState | null): void => {
  const kind = kindOf(s);
  if (s.base === Flags.UNKNOWN) {
    const over = kind & (Flags.NZ | Flags.C);
    if (before === null || (kindOf(before) & over) !== over) {
      b.set(State.CC_OP, b.i32.or(b.get('i32', State.CC_OP), b.const32(over)));
    }
  } else if (before === null || kindOf(before) !== kind) b.set(State.CC_OP, b.const32(kind));
  const put = (offset: number, value: Value | null, old: Value | null | undefined): void => {
    if (value && value !== old) b.set(offset, value);
  };
  put(State.CC_A, s.a, before?.a);
  put(State.CC_B, s.b, before?.b);
  put(State.CC_R, s.r, before?.r);
  put(State.CC_FA, s.fa, before?.fa);
  put(State.CC_FB, s.fb, before?.fb);
  put(State.CC_C, s.nz, before?.nz);
  put(State.CC_D, s.c, before?.c);
};

// Arm ARM F1.3.1 (condition codes): the even ones; odd ones are their negations
const EQ = 0;
const CS = 2;
const MI = 4;
const VS = 6;
const HI = 8;
const GE = 10;
const GT = 12;

const known = (v: I32 | null): I32 => {
  if (!v) throw new Error('flags without operands');
  return v;
};

const bit = (b: Builder, v: I32, n: number): I32 => b.i32.and(b.i32.shr_u(v, b.const32(n)), b.const32(1));

/** Not 0 when Z is set. */
const zero = (b: Builder, s: FlagState): I32 => {
  if (s.nz) return b.i32.eqz(s.nz);
  switch (s.base) {
    case Flags.ADD:
      return b.i32.eqz(b.i32.add(known(s.a), known(s.b)));
    case Flags.SUB:
      return b.i32.eq(known(s.a), known(s.b));
    case Flags.ADC:
      return b.i32.eqz(known(s.r));
    case Flags.FCMP:
      return b.f64.eq(s.fa as F64, s.fb as F64);
    default:
      return bit(b, known(s.a), 2);
  }
};

/** A value whose sign is N; null where N is no sign. */
const signed = (b: Builder, s: FlagState): I32 | null => {
  if (s.nz) return s.nz;
  if (s.base === Flags.ADD) return b.i32.add(known(s.a), known(s.b));
  if (s.base === Flags.SUB) return b.i32.sub(known(s.a), known(s.b));
  return s.base === Flags.ADC ? s.r : null;
};

const negative = (b: Builder, s: FlagState): I32 => {
  const v = signed(b, s);
  if (v) return b.i32.lt_s(v, b.const32(0));
  if (s.base === Flags.FCMP) return b.f64.lt(s.fa as F64, s.fb as F64);
  return bit(b, known(s.a), 3);
};

/** 1 when C is set, else 0. */
export const carryOf = (b: Builder, s: FlagState): I32 => {
  if (s.c) return b.i32.and(s.c, b.const32(1));
  switch (s.base) {
    case Flags.ADD:
      return b.i32.lt_u(b.i32.add(known(s.a), known(s.b)), known(s.a));
    case Flags.SUB:
      return b.i32.ge_u(known(s.a), known(s.b));
    case Flags.ADC: {
      if (s.words) return b.i64.ge_u(s.words.x, s.words.y);
      const [x, y, r] = [known(s.a), known(s.b), known(s.r)];
      const out = b.i32.or(b.i32.and(x, y), b.i32.and(b.i32.or(x, y), b.i32.xor(r, b.const32(-1))));
      return b.i32.shr_u(out, b.const32(31));
    }
    case Flags.FCMP:
      return b.i32.eqz(b.f64.lt(s.fa as F64, s.fb as F64));
    default:
      return bit(b, known(s.a), 1);
  }
};

const overflow = (b: Builder, s: FlagState): I32 => {
  const sign = (v: I32): I32 => b.i32.lt_s(v, b.const32(0));
  if (s.base === Flags.FCMP) {
    const [x, y] = [s.fa as F64, s.fb as F64];
    return b.i32.or(b.f64.ne(x, x), b.f64.ne(y, y));
  }
  if (s.base === Flags.NZCV) return b.i32.and(known(s.a), b.const32(1));
  const [x, y] = [known(s.a), known(s.b)];
  if (s.base === Flags.SUB) return sign(b.i32.and(b.i32.xor(x, y), b.i32.xor(x, b.i32.sub(x, y))));
  const r = s.base === Flags.ADC ? known(s.r) : b.i32.add(x, y);
  return sign(b.i32.and(b.i32.xor(x, r), b.i32.xor(y, r)));
};

/** The conditions of a subtraction are comparisons. */
const compare = (b: Builder, x: I32, y: I32, cond: number): I32 | null => {
  switch (cond) {
    case EQ:
      return b.i32.eq(x, y);
    case EQ + 1:
      return b.i32.ne(x, y);
    case CS:
      return b.i32.ge_u(x, y);
    case CS + 1:
      return b.i32.lt_u(x, y);
    case HI:
      return b.i32.gt_u(x, y);
    case HI + 1:
      return b.i32.le_u(x, y);
    case GE:
      return b.i32.ge_s(x, y);
    case GE + 1:
      return b.i32.lt_s(x, y);
    case GT:
      return b.i32.gt_s(x, y);
    case GT + 1:
      return b.i32.le_s(x, y);
    default:
      return null;
  }
};

/** Conditions of C, or of N and V, behind the subtraction of numbers of two words. */
const compareWords = ({ i64 }: Builder, { x, y }: Words, cond: number): I32 | null => {
  switch (cond) {
    case CS:
      return i64.ge_u(x, y);
    case CS + 1:
      return i64.lt_u(x, y);
    case GE:
      return i64.ge_s(x, y);
    case GE + 1:
      return i64.lt_s(x, y);
    default:
      return null;
  }
};

/** VCMP: less 1000, equal 0110, greater 0010, unordered 0011. */
const compareFloats = (b: Builder, x: F64, y: F64, cond: number): I32 | null => {
  const { f64, i32 } = b;
  switch (cond) {
    case EQ + 1:
      return f64.ne(x, y);
    case CS + 1:
      return f64.lt(x, y);
    case HI:
      return i32.eqz(f64.le(x, y));
    case HI + 1:
      return f64.le(x, y);
    case GE:
      return f64.ge(x, y);
    case GE + 1:
      return i32.eqz(f64.ge(x, y));
    case GT:
      return f64.gt(x, y);
    case GT + 1:
      return i32.eqz(f64.gt(x, y));
    default:
      return null;
  }
};

/** An i32 that is 1 when the condition holds, else 0. */
export const condition = (b: Builder, s: FlagState, cond: number): I32 => {
  if (cond >= 14) return b.const32(1);
  if (s.choice) {
    // compare, compare again if equal, go on if equal: both are
    const { now, old, cond: before, holds } = s.choice;
    if (cond === before) return b.i32.and(holds, condition(b, now, cond));
    if (cond === (before ^ 1)) return b.i32.or(condition(b, old, cond), condition(b, now, cond));
  }
  if (!s.nz && !s.c) {
    if (s.base === Flags.SUB) {
      const quick = compare(b, known(s.a), known(s.b), cond);
      if (quick) return quick;
    } else if (s.base === Flags.FCMP) {
      const quick = compareFloats(b, s.fa as F64, s.fb as F64, cond);
      if (quick) return quick;
    } else if (s.words) {
      const quick = compareWords(b, s.words, cond);
      if (quick) return quick;
    }
  }
  const { i32 } = b;
  switch (cond) {
    case EQ:
      return zero(b, s);
    case EQ + 1:
      return s.nz ? i32.ne(s.nz, b.const32(0)) : i32.eqz(zero(b, s));
    case MI:
      return negative(b, s);
    case MI + 1: {
      const v = signed(b, s);
      return v ? i32.ge_s(v, b.const32(0)) : i32.eqz(negative(b, s));
    }
    case CS:
      return carryOf(b, s);
    case CS + 1:
      return i32.eqz(carryOf(b, s));
    case VS:
      return overflow(b, s);
    case VS + 1:
      return i32.eqz(overflow(b, s));
    case HI:
      return i32.and(carryOf(b, s), i32.eqz(zero(b, s)));
    case HI + 1:
      return i32.or(i32.eqz(carryOf(b, s)), zero(b, s));
    case GE:
      return i32.eq(negative(b, s), overflow(b, s));
    case GE + 1:
      return i32.ne(negative(b, s), overflow(b, s));
    case GT:
      return i32.and(i32.eq(negative(b, s), overflow(b, s)), i32.eqz(zero(b, s)));
    default:
      return i32.or(i32.ne(negative(b, s), overflow(b, s)), zero(b, s));
  }
};

/** NZCV as 4 bits. */
export const nzcvOf = (b: Builder, s: FlagState): I32 => {
  if (s.base === Flags.NZCV && !s.nz && !s.c) return known(s.a);
  const at = (v: I32, shift: number): I32 => b.i32.shl(v, b.const32(shift));
  const upper = b.i32.or(at(negative(b, s), 3), at(zero(b, s), 2));
  return b.i32.or(upper, b.i32.or(at(carryOf(b, s), 1), overflow(b, s)));
};

/** NZCV of a floating-point comparison. */
export const compareBits = (x: number, y: number): number => (x < y ? 8 : x === y ? 6 : x > y ? 2 : 3);

/** NZCV (4 bits) from the CPU state, outside translated code. */
export const readNzcv = (view: DataView, state: number): number => {
  const kind = view.getUint32(state + State.CC_OP, true);
  const word = (offset: number): number => view.getInt32(state + offset, true);
  const [a, y] = [word(State.CC_A), word(State.CC_B)];
  let bits: number;
  switch (kind & 15) {
    case Flags.ADD:
    case Flags.SUB:
    case Flags.ADC: {
      const sub = (kind & 15) === Flags.SUB;
      const r = (kind & 15) === Flags.ADC ? word(State.CC_R) : (sub ? a - y : a + y) | 0;
      const second = sub ? ~y : y;
      const carry = sub ? a >>> 0 >= y >>> 0 : ((a & second) | ((a | second) & ~r)) < 0;
      bits = (r < 0 ? 8 : 0) | (r === 0 ? 4 : 0) | (carry ? 2 : 0) | (((a ^ r) & (second ^ r)) < 0 ? 1 : 0);
      break;
    }
    case Flags.FCMP:
      bits = compareBits(view.getFloat64(state + State.CC_FA, true), view.getFloat64(state + State.CC_FB, true));
      break;
    default:
      bits = a & 15;
  }
  if ((kind & Flags.NZ) !== 0) {
    const r = word(State.CC_C);
    bits = (bits & 3) | (r < 0 ? 8 : 0) | (r === 0 ? 4 : 0);
  }
  if ((kind & Flags.C) !== 0) bits = (bits & 13) | ((word(State.CC_D) & 1) << 1);
  return bits;
};

/** Set NZCV (4 bits) in the CPU state, outside translated code. */
export const writeNzcv = (view: DataView, state: number, bits: number): void => {
  view.setUint32(state + State.CC_OP, Flags.NZCV, true);
  view.setUint32(state + State.CC_A, bits, true);
};
