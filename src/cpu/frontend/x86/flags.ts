import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/value.ts';
import { State } from '../../memory/layout.ts';

type I32 = Value<'i32'>;
/** An integer of an operand's size: i64 for 8 bytes, else i32, of which the bits above the size mean nothing. */
export type Int = Value<'i64'>;
/** Bytes of an operand. */
export type Size = 1 | 2 | 4 | 8;

/**
 * Lazy EFLAGS: what the flags were computed from. CC_OP holds the kind, CC_A and CC_B its operands in a register's width
 * (whose bits above the operand's size mean nothing unless a kind says so). Kinds but EFLAGS come in four sizes: add log2 of the bytes. Each may
 * have newer CF and OF over it: see OVER.
 */
export const Flags = {
  /** CC_A has the arithmetic flags in their places. */
  EFLAGS: 0,
  /** Of CC_A + CC_B. */
  ADD: 1,
  /** Of CC_A - CC_B, whose bits above the operand's size are zeros. */
  SUB: 5,
  /** Of the result in CC_A, the same; CF and OF are 0 (and AF, which is undefined). */
  LOGIC: 9,
  /** ZF, SF and PF of the result in CC_A; CF, AF and OF in their places in CC_B. */
  RESULT: 13,
  /** Of the signed product of CC_A and CC_B: CF and OF tell that it does not fit; AF, undefined, is 0. */
  MUL: 17,
  /** Of CC_A shifted by CC_B, which is not 0, to the left, to the right, and with the sign; AF is 0. */
  SHL: 21,
  SHR: 25,
  SAR: 29,
  /** Of CC_A + CC_B + CC_D and CC_A - CC_B - CC_D, where CC_D is the carry before: 0 or 1. */
  ADC: 33,
  SBB: 37,
} as const;
/** Added to a kind: CF and OF are in their places in CC_C. Rotations change these two and need not know the others. */
export const OVER = 64;
type Base = (typeof Flags)[keyof typeof Flags];

/** Bits of EFLAGS (SDM vol. 1, 3.4.3). */
export const CF = 1;
export const PF = 4;
export const AF = 0x10;
export const ZF = 0x40;
export const SF = 0x80;
export const DF = 0x400;
export const OF = 0x800;
/** Those that arithmetic sets. */
export const ARITHMETIC: number = CF | PF | AF | ZF | SF | OF;

/** Flags that are values of this block already, as 0 or 1. */
export interface Parts {
  readonly cf?: I32;
  readonly pf?: I32;
  readonly af?: I32;
  readonly zf?: I32;
  readonly sf?: I32;
  readonly of?: I32;
}

/** Flags as IR values: a and b have the type of the operands' size. */
export interface FlagState {
  readonly base: Base;
  readonly size: Size;
  readonly a: Int;
  readonly b: Int | null;
  /** Of ADC and SBB: the carry that came in. */
  readonly carry?: I32;
  /** The result, where it is a value of this block already. */
  readonly result?: Int;
  readonly parts: Parts | null;
  /** CF and OF are among the parts and newer than a and b. */
  readonly over?: boolean;
}

const log2 = (size: Size): number => (size === 1 ? 0 : size === 2 ? 1 : size === 4 ? 2 : 3);

export const kindOf = ({ base, size, over = false }: FlagState): number =>
  (base === Flags.EFLAGS ? 0 : base + log2(size)) | (over ? OVER : 0);
const baseOf = (kind: number): Base => ((kind & ~OVER) === 0 ? 0 : (((kind & ~OVER) - 1) & ~3) + 1) as Base;
const sizeOf = (kind: number): Size => ((kind & ~OVER) === 0 ? 4 : 1 << (((kind & ~OVER) - 1) & 3)) as Size;

/** Kinds whose flags depend on a carry too. */
const takesCarry = (base: Base): boolean => base === Flags.ADC || base === Flags.SBB;

/** Fields of the CPU state that a kind has beside CC_OP. */
export const flagFields = (kind: number): readonly number[] => {
  const base = baseOf(kind);
  const fields = [State.CC_A];
  if (base !== Flags.EFLAGS && base !== Flags.LOGIC) fields.push(State.CC_B);
  if (takesCarry(base)) fields.push(State.CC_D);
  if ((kind & OVER) !== 0) fields.push(State.CC_C);
  return fields;
};

/** The flags in the CPU state, which are of this kind. */
export const loadFlags = (b: Builder, kind: number, wide: boolean): FlagState => {
  const [base, size] = [baseOf(kind), sizeOf(kind)];
  const word = (offset: number, i64: boolean): Int => {
    if (!wide) return b.get('i32', offset) as Value as Int;
    const v = b.get('i64', offset);
    return i64 ? v : (b.i32.wrap_i64(v) as Value as Int);
  };
  const two = base !== Flags.EFLAGS && base !== Flags.LOGIC && base !== Flags.RESULT;
  const second = two ? word(State.CC_B, size === 8) : base === Flags.RESULT ? word(State.CC_B, false) : null;
  const carry = takesCarry(base) ? { carry: b.get('i32', State.CC_D) } : {};
  const state = { base, size, a: word(State.CC_A, size === 8), b: second, ...carry };
  if ((kind & OVER) === 0) return { ...state, parts: null };
  const newer = b.get('i32', State.CC_C);
  const bit = (mask: number): I32 => b.i32.and(b.i32.shr_u(newer, b.const32(31 - Math.clz32(mask))), b.const32(1));
  return { ...state, parts: { cf: bit(CF), of: bit(OF) }, over: true };
};

/** Write what differs from `before` (the flags in the CPU state). */
export const storeFlags = (b: Builder, s: FlagState, before: FlagState | null, wide: boolean): void => {
  const whole = (value: Int | null): Int | null => {
    if (value === null || !wide || value.type === 'i64') return value;
    const narrow = value as Value as I32;
    return narrow.info.name === 'i32.wrap_i64' ? (narrow.a as Int) : b.i64.extend_i32_u(narrow);
  };
  const kind = kindOf(s);
  // the writes come one behind the other: the cold tier does them at once
  const [first, second] = [s.a !== before?.a ? whole(s.a) : null, s.b !== before?.b ? whole(s.b) : null];
  if (before === null || kindOf(before) !== kind) b.set(State.CC_OP, b.const32(kind));
  if (first) b.set(State.CC_A, first);
  if (second) b.set(State.CC_B, second);
  if (s.carry && s.carry !== before?.carry) b.set(State.CC_D, s.carry);
  if (s.over) b.set(State.CC_C, carryOverflow(b, s.parts as Parts));
};

const carryOverflow = (b: Builder, { cf, of }: Parts): I32 =>
  b.i32.or(cf as I32, b.i32.shl(of as I32, b.const32(31 - Math.clz32(OF))));

/** Put CF and OF over flags of which nothing is known here. */
export const storeOver = (b: Builder, parts: Parts): void => {
  b.set(State.CC_OP, b.i32.or(b.get('i32', State.CC_OP), b.const32(OVER)));
  b.set(State.CC_C, carryOverflow(b, parts));
};
/** The same where `when` is not 0. */
export const storeOverWhen = (b: Builder, when: I32, parts: Parts): void => {
  const kind = b.get('i32', State.CC_OP);
  b.set(State.CC_OP, b.i32.select(b.i32.or(kind, b.const32(OVER)), kind, when));
  b.set(State.CC_C, b.i32.select(carryOverflow(b, parts), b.get('i32', State.CC_C), when));
};

/** Conditions by their encoding (SDM vol. 1, appendix B); odd ones are the negations of those before. */
export const Cond = { O: 0, B: 2, E: 4, BE: 6, S: 8, P: 10, L: 12, LE: 14 } as const;

/** Computes flags from what they depend on. */
export class FlagReader {
  private readonly b: Builder;
  private readonly s: FlagState;
  private readonly ns: Builder['i64'];

  constructor(b: Builder, s: FlagState) {
    this.b = b;
    this.s = s;
    this.ns = (s.size === 8 ? b.i64 : b.i32) as Builder['i64'];
  }

  private k(n: number): Int {
    return (this.s.size === 8 ? this.b.const64(n) : this.b.const32(n)) as Int;
  }

  /** The value with its sign in the highest bit of the type, and zeros below it. */
  private top(v: Int): Int {
    const { size } = this.s;
    return size >= 4 ? v : (this.b.i32.shl(v as Value as I32, this.b.const32(32 - 8 * size)) as Value as Int);
  }

  private get x(): Int {
    return this.top(this.s.a);
  }
  private get y(): Int {
    return this.top(this.s.b as Int);
  }

  /** A bit of the flags that are there as such. */
  private bit(v: Int | null, mask: number): I32 {
    const { i32 } = this.b;
    const shift = 31 - Math.clz32(mask);
    return i32.and(i32.shr_u(v as Value as I32, this.b.const32(shift)), this.b.const32(1));
  }

  /** What ZF, SF and PF are of; bits above the size mean nothing. Not of kind EFLAGS, which has none. */
  value(): Int {
    const { ns, s } = this;
    const b = s.b as Int;
    if (s.result) return s.result;
    switch (s.base) {
      case Flags.ADC:
        return ns.add(ns.add(s.a, b), this.carryIn());
      case Flags.SBB:
        return ns.sub(ns.sub(s.a, b), this.carryIn());
      case Flags.ADD:
        return ns.add(s.a, b);
      case Flags.SUB:
        return ns.sub(s.a, b);
      case Flags.MUL:
        return ns.mul(s.a, b);
      case Flags.SHL:
        return ns.shl(s.a, b);
      case Flags.SHR:
        return ns.shr_u(this.whole(false), b);
      case Flags.SAR:
        return ns.shr_s(this.whole(true), b);
      default:
        return s.a;
    }
  }

  /** The carry before, as wide as the operands. */
  private carryIn(): Int {
    const carry = this.s.carry as I32;
    return this.s.size === 8 ? this.b.i64.extend_i32_u(carry) : (carry as Value as Int);
  }

  /** What a carry that came in makes of a comparison: true where both are equal, too. */
  private orEqual(less: I32, x: Int, y: Int): I32 {
    const { i32 } = this.b;
    return i32.or(less, i32.and(this.s.carry as I32, this.ns.eq(x, y)));
  }

  /** The first operand, or another value, with its sign or zeros above its size. */
  private whole(signed: boolean, v: Int = this.s.a): Int {
    const { size } = this.s;
    if (size >= 4) return v;
    const up = this.b.const32(32 - 8 * size) as Value as Int;
    return signed ? this.ns.shr_s(this.top(v), up) : this.ns.shr_u(this.top(v), up);
  }

  /** Whether a signed product is too long for its operands' size. */
  private tooLong(): I32 {
    const { s, b } = this;
    const { i64 } = b;
    const y = s.b as Int;
    if (s.size === 8) return i64.ne(i64.mulh_s(s.a, y), i64.shr_s(i64.mul(s.a, y), b.const64(63)));
    const wide = (v: Int): Value<'i64'> => i64.extend_i32_s(this.whole(true, v) as Value as I32);
    const product = i64.mul(wide(s.a), wide(y));
    return i64.ne(product, wide(b.i32.wrap_i64(product) as Value as Int));
  }

  private lowest(v: Int): I32 {
    return this.b.i32.and(this.narrow(v), this.b.const32(1));
  }

  /** The bit that a shift moved out last. */
  private movedOut(): I32 {
    const { ns, s } = this;
    const count = s.b as Int;
    if (s.base !== Flags.SHL) {
      const less = ns.sub(count, this.k(1));
      return this.lowest(s.base === Flags.SAR ? ns.shr_s(this.whole(true), less) : ns.shr_u(this.whole(false), less));
    }
    const bits = this.k(8 * s.size);
    return this.lowest(
      s.size >= 4 ? ns.shr_u(s.a, ns.sub(bits, count)) : ns.shr_u(ns.shl(this.whole(false), count), bits),
    );
  }

  /** The result, its sign in the highest bit. */
  private result(): Int {
    return this.top(this.value());
  }

  /** 0 or 1. */
  cf(): I32 {
    const { ns, s, b } = this;
    if (s.parts?.cf) return s.parts.cf;
    switch (s.base) {
      case Flags.ADD:
        return ns.lt_u(this.result(), this.x);
      case Flags.SUB:
        return ns.lt_u(s.a, s.b as Int);
      case Flags.ADC: {
        const [r, x] = [this.result(), this.x];
        return this.orEqual(ns.lt_u(r, x), r, x);
      }
      case Flags.SBB:
        return this.orEqual(ns.lt_u(this.x, this.y), this.x, this.y);
      case Flags.LOGIC:
        return b.const32(0);
      case Flags.RESULT:
        return this.bit(s.b, CF);
      case Flags.MUL:
        return this.tooLong();
      case Flags.SHL:
      case Flags.SHR:
      case Flags.SAR:
        return this.movedOut();
      default:
        return this.bit(s.a, CF);
    }
  }

  zf(): I32 {
    const { ns, s } = this;
    if (s.parts?.zf) return s.parts.zf;
    if (s.base === Flags.EFLAGS) return this.bit(s.a, ZF);
    if (s.base === Flags.SUB) return ns.eq(s.a, s.b as Int);
    return ns.eqz(s.base === Flags.LOGIC ? s.a : this.result());
  }

  sf(): I32 {
    const { ns, s } = this;
    if (s.parts?.sf) return s.parts.sf;
    return s.base === Flags.EFLAGS ? this.bit(s.a, SF) : ns.lt_s(this.result(), this.k(0));
  }

  of(): I32 {
    const { ns, s, b } = this;
    if (s.parts?.of) return s.parts.of;
    switch (s.base) {
      case Flags.ADC:
      case Flags.ADD: {
        const r = this.result();
        return ns.lt_s(ns.and(ns.xor(this.x, r), ns.xor(this.y, r)), this.k(0));
      }
      case Flags.SBB:
      case Flags.SUB: {
        const { x, y } = this;
        return ns.lt_s(ns.and(ns.xor(x, y), ns.xor(x, this.result())), this.k(0));
      }
      case Flags.LOGIC:
        return b.const32(0);
      case Flags.RESULT:
        return this.bit(s.b, OF);
      case Flags.MUL:
        return this.tooLong();
      case Flags.SHL:
        return b.i32.xor(this.movedOut(), ns.lt_s(this.result(), this.k(0)));
      case Flags.SHR:
        return ns.lt_s(this.x, this.k(0));
      case Flags.SAR:
        return b.const32(0);
      default:
        return this.bit(s.a, OF);
    }
  }

  private narrow(v: Int): I32 {
    return this.s.size === 8 ? this.b.i32.wrap_i64(v) : (v as Value as I32);
  }

  /** The low byte of the result, with anything above. */
  private low(): I32 {
    return this.narrow(this.value());
  }

  pf(): I32 {
    const { s, b } = this;
    if (s.parts?.pf) return s.parts.pf;
    if (s.base === Flags.EFLAGS) return this.bit(s.a, PF);
    const ones = b.i32.popcnt(b.i32.and(this.low(), b.const32(0xff)));
    return b.i32.xor(b.i32.and(ones, b.const32(1)), b.const32(1));
  }

  af(): I32 {
    const { s, b } = this;
    if (s.parts?.af) return s.parts.af;
    if (s.base === Flags.RESULT) return this.bit(s.b, AF);
    if (s.base === Flags.EFLAGS) return this.bit(s.a, AF);
    if (s.base !== Flags.ADD && s.base !== Flags.SUB && !takesCarry(s.base)) return b.const32(0);
    const carries = b.i32.xor(b.i32.xor(this.narrow(s.a), this.narrow(s.b as Int)), this.low());
    return this.bit(carries as Value as Int, AF);
  }

  /** The arithmetic flags in their places. */
  eflags(): I32 {
    const { s, b } = this;
    const { i32 } = b;
    if (s.base === Flags.EFLAGS && !s.over) return s.a as Value as I32;
    const at = (v: I32, mask: number): I32 => i32.shl(v, b.const32(31 - Math.clz32(mask)));
    let bits = i32.or(at(this.zf(), ZF), i32.or(at(this.sf(), SF), at(this.pf(), PF)));
    if (s.base === Flags.RESULT && !s.parts) bits = i32.or(bits, s.b as Value as I32);
    else bits = i32.or(bits, i32.or(this.cf(), i32.or(at(this.af(), AF), at(this.of(), OF))));
    return bits;
  }

  /** The conditions of a subtraction are comparisons. */
  private compare(cond: number): I32 | null {
    const { ns, s } = this;
    const [a, b] = [s.a, s.b as Int];
    switch (cond) {
      case Cond.B:
        return ns.lt_u(a, b);
      case Cond.B + 1:
        return ns.ge_u(a, b);
      case Cond.E:
        return ns.eq(a, b);
      case Cond.E + 1:
        return ns.ne(a, b);
      case Cond.BE:
        return ns.le_u(a, b);
      case Cond.BE + 1:
        return ns.gt_u(a, b);
      case Cond.L:
        return ns.lt_s(this.x, this.y);
      case Cond.L + 1:
        return ns.ge_s(this.x, this.y);
      case Cond.LE:
        return ns.le_s(this.x, this.y);
      case Cond.LE + 1:
        return ns.gt_s(this.x, this.y);
      default:
        return null;
    }
  }

  /** Conditions of a result without carry and overflow. */
  private sign(cond: number): I32 | null {
    const { ns, s } = this;
    const zero = this.k(0);
    switch (cond) {
      case Cond.E + 1:
      case Cond.BE + 1:
        return ns.ne(s.a, zero);
      case Cond.BE:
        return ns.eqz(s.a);
      case Cond.L:
        return ns.lt_s(this.x, zero);
      case Cond.S + 1:
      case Cond.L + 1:
        return ns.ge_s(this.x, zero);
      case Cond.LE:
        return ns.le_s(this.x, zero);
      case Cond.LE + 1:
        return ns.gt_s(this.x, zero);
      default:
        return null;
    }
  }

  /** 1 when the condition holds, else 0. */
  condition(cond: number): I32 {
    const { s, b, ns } = this;
    if (!s.parts) {
      const quick = s.base === Flags.SUB ? this.compare(cond) : s.base === Flags.LOGIC ? this.sign(cond) : null;
      if (quick) return quick;
      if (cond === Cond.E + 1 && s.base !== Flags.EFLAGS) return ns.ne(this.result(), this.k(0));
      if (cond === Cond.S + 1 && s.base !== Flags.EFLAGS) return ns.ge_s(this.result(), this.k(0));
    }
    if (cond & 1) return b.i32.eqz(this.condition(cond - 1));
    switch (cond) {
      case Cond.O:
        return this.of();
      case Cond.B:
        return this.cf();
      case Cond.E:
        return this.zf();
      case Cond.BE:
        return b.i32.or(this.cf(), this.zf());
      case Cond.S:
        return this.sf();
      case Cond.P:
        return this.pf();
      case Cond.L:
        // a difference with its true sign is less than 0
        if (s.base === Flags.SBB && !s.parts) return this.orEqual(ns.lt_s(this.x, this.y), this.x, this.y);
        return b.i32.ne(this.sf(), this.of());
      default:
        return b.i32.or(b.i32.ne(this.sf(), this.of()), this.zf());
    }
  }
}

/** The arithmetic flags from the CPU state, outside translated code; hot, so without big integers. */
export const readArithmetic = (view: DataView, state: number): number => {
  const kind = view.getUint32(state + State.CC_OP, true);
  const flags =
    (kind & ~OVER) === 0 ? view.getUint32(state + State.CC_A, true) & ARITHMETIC : flagsOf(view, state, kind);
  return (kind & OVER) === 0 ? flags : (flags & ~(CF | OF)) | (view.getUint32(state + State.CC_C, true) & (CF | OF));
};

/** Of products and shifts. */
const flagsOfLong = (view: DataView, state: number, base: Base, size: Size): number => {
  const bits = 8 * size;
  const [a, b] = [State.CC_A, State.CC_B].map((at) => BigInt.asIntN(bits, view.getBigInt64(state + at, true))) as [bigint, bigint]; // biome-ignore format: one line
  const count = base === Flags.MUL ? 1n : view.getBigUint64(state + State.CC_B, true) & 63n;
  const unsigned = BigInt.asUintN(bits, a);
  const long = base === Flags.MUL ? a * b : base === Flags.SHL ? unsigned << count : (base === Flags.SHR ? unsigned : a) >> count; // biome-ignore format: one line
  const r = BigInt.asIntN(bits, long);
  const flags = (r === 0n ? ZF : 0) | (r < 0n ? SF : 0) | parity(Number(r & 0xffn));
  if (base === Flags.MUL) return flags | (r === long ? 0 : CF | OF);
  const out = base === Flags.SHL ? long >> BigInt(bits) : (base === Flags.SHR ? unsigned : a) >> (count - 1n);
  const carry = (out & 1n) !== 0n;
  const overflow = base === Flags.SHL ? carry !== r < 0n : base === Flags.SHR && a < 0n;
  return flags | (carry ? CF : 0) | (overflow ? OF : 0);
};

const flagsOf = (view: DataView, state: number, kind: number): number => {
  const base = baseOf(kind);
  const size = sizeOf(kind);
  if (base >= Flags.MUL && !takesCarry(base)) return flagsOfLong(view, state, base, size);
  const [add, sub] = [base === Flags.ADD || base === Flags.ADC, base === Flags.SUB || base === Flags.SBB];
  const extra = takesCarry(base) ? view.getUint32(state + State.CC_D, true) & 1 : 0;
  const [low, other] = [view.getUint32(state + State.CC_A, true), view.getUint32(state + State.CC_B, true)];
  // the upper halves, or operands of up to 4 bytes moved to the upper end
  let [x, y, r] = [0, 0, 0];
  let [lowest, carry] = [low, 0];
  if (size === 8) {
    [x, y] = [view.getUint32(state + State.CC_A + 4, true), view.getUint32(state + State.CC_B + 4, true)];
    const whole = add ? low + other + extra : low - other - extra;
    if (add || sub) lowest = whole >>> 0;
    carry = whole !== lowest && (add || sub) ? 1 : 0;
  } else {
    const up = 32 - 8 * size;
    [x, y, carry] = [(low << up) >>> 0, (other << up) >>> 0, extra * 2 ** up];
    if (add || sub) lowest = (add ? low + other + extra : low - other - extra) >>> 0;
  }
  r = (add ? x + y + carry : sub ? x - y - carry : x) | 0;
  const zero = r === 0 && (size < 8 || lowest === 0);
  const flags = (zero ? ZF : 0) | (r < 0 ? SF : 0) | parity(lowest & 0xff);
  if (base === Flags.RESULT) return flags | (other & (CF | AF | OF));
  if (base === Flags.LOGIC) return flags;
  const carried = add ? x + y + carry > 0xffff_ffff : x - y - carry < 0;
  const overflow = add ? (x ^ r) & (y ^ r) : (x ^ y) & (x ^ r);
  return flags | ((low ^ other ^ lowest) & AF) | (carried ? CF : 0) | (overflow < 0 ? OF : 0);
};

/** PF of a byte. */
export const parity = (byte: number): number => {
  const half = byte ^ (byte >> 4);
  return (0x9669 >> (half & 15)) & 1 ? PF : 0;
};

/** Set the arithmetic flags in the CPU state, outside translated code. */
export const writeArithmetic = (view: DataView, state: number, flags: number): void => {
  view.setUint32(state + State.CC_OP, Flags.EFLAGS, true);
  view.setUint32(state + State.CC_A, flags & ARITHMETIC, true);
  view.setUint32(state + State.CC_A + 4, 0, true);
};
