import type { Value } from '../../../ir/value.ts';
import type { Translator } from '../translator.ts';

type I32 = Value<'i32'>;

/** An operand and the carry that making it gave, in bit 0; null: C stays. */
export interface Shifted {
  readonly v: I32;
  readonly carry: I32 | null;
}

export const LSL = 0;
export const LSR = 1;
export const ASR = 2;
export const ROR = 3;

/** A bit of a value in bit 0, others of it above. */
const bit = (t: Translator, v: I32, n: number): I32 => t.b.i32.shr_u(v, t.imm(n));

/** Shift_C by an immediate as DecodeImmShift reads it (Arm ARM F1.4): LSR and ASR #0 are #32, ROR #0 is RRX. */
export const shiftImmediate = (t: Translator, x: I32, type: number, amount: number): Shifted => {
  const { i32 } = t.b;
  // the carry first: the value may take the place of its operand
  const carried = (n: number, v: () => I32): Shifted => {
    const carry = bit(t, x, n);
    return { v: v(), carry };
  };
  switch (type) {
    case LSL:
      return amount === 0 ? { v: x, carry: null } : carried(32 - amount, () => i32.shl(x, t.imm(amount)));
    case LSR:
      return amount === 0 ? carried(31, () => t.imm(0)) : carried(amount - 1, () => i32.shr_u(x, t.imm(amount)));
    case ASR:
      return amount === 0
        ? carried(31, () => i32.shr_s(x, t.imm(31)))
        : carried(amount - 1, () => i32.shr_s(x, t.imm(amount)));
    default:
      return amount === 0
        ? carried(0, () => i32.or(i32.shr_u(x, t.imm(1)), i32.shl(t.carry(), t.imm(31))))
        : carried(amount - 1, () => i32.rotr(x, t.imm(amount)));
  }
};

/** The value alone: what address arithmetic and flagless instructions take. */
export const shifted = (t: Translator, x: I32, type: number, amount: number): I32 =>
  shiftImmediate(t, x, type, amount).v;

/** Shift by the low byte of a register, without the carry. */
export const shiftRegister = (t: Translator, x: I32, type: number, by: I32): I32 => {
  const { i32 } = t.b;
  const n = i32.and(by, t.imm(255));
  if (type === ROR) return i32.rotr(x, n);
  const small = i32.lt_u(n, t.imm(32));
  if (type === LSL) return i32.select(i32.shl(x, n), t.imm(0), small);
  if (type === LSR) return i32.select(i32.shr_u(x, n), t.imm(0), small);
  return i32.shr_s(x, i32.select(n, t.imm(31), small));
};

/** Shift_C by the low byte of a register: value and carry, C staying where the byte is 0. */
export const shiftRegisterC = (t: Translator, x: I32, type: number, by: I32, carryIn: I32): Shifted => {
  const { i32, i64 } = t.b;
  const n = i32.and(by, t.imm(255));
  const none = i32.eqz(n);
  const keep = (carry: I32): I32 => i32.select(carryIn, carry, none);
  if (type === ROR) {
    const v = i32.rotr(x, n);
    return { v, carry: keep(i32.shr_u(v, t.imm(31))) };
  }
  const limit = type === ASR ? 32 : 33;
  const count = i64.extend_i32_u(i32.select(n, t.imm(limit), i32.lt_u(n, t.imm(limit))));
  const one = t.b.const64(1);
  if (type === LSL) {
    const wide = i64.shl(i64.extend_i32_u(x), count);
    return { v: i32.wrap_i64(wide), carry: keep(i32.wrap_i64(i64.shr_u(wide, t.b.const64(32)))) };
  }
  const source = type === LSR ? i64.extend_i32_u(x) : i64.extend_i32_s(x);
  const wide = type === LSR ? i64.shr_u(i64.shl(source, one), count) : i64.shr_s(i64.shl(source, one), count);
  const v = i32.wrap_i64(type === LSR ? i64.shr_u(wide, one) : i64.shr_s(wide, one));
  return { v, carry: keep(i32.wrap_i64(wide)) };
};

/** A32ExpandImm_C (F2.6.1): eight bits rotated right by twice the upper four. */
export const expandA32 = (imm12: number): { value: number; carry: number | null } => {
  const by = (imm12 >>> 8) * 2;
  const low = imm12 & 255;
  if (by === 0) return { value: low, carry: null };
  const value = (low >>> by) | (low << (32 - by));
  return { value, carry: value >>> 31 };
};

/** T32ExpandImm_C (F2.6.2). */
export const expandT32 = (imm12: number): { value: number; carry: number | null } => {
  const low = imm12 & 255;
  if (imm12 >>> 10 === 0) {
    const patterns = [low, low * 0x0001_0001, low * 0x0100_0100, low * 0x0101_0101];
    return { value: (patterns[imm12 >>> 8] as number) | 0, carry: null };
  }
  const by = imm12 >>> 7;
  const byte = 0x80 | (imm12 & 0x7f);
  const value = (byte >>> by) | (byte << (32 - by));
  return { value, carry: value >>> 31 };
};
