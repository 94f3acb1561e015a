import type { Value } from '../../../ir/value.ts';
import type { Translator } from '../translator.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;

/** An operand and the carry that making it gave; null: C stays. */
export interface Shifted {
  readonly v: I32;
  readonly carry: I32 | null;
}

export const LSL = 0;
export const LSR = 1;
export const ASR = 2;
export const ROR = 3;

const bit = (t: Translator, v: I32, n: number): I32 =>
  n === 31 ? t.b.i32.shr_u(v, t.imm(31)) : t.b.i32.and(t.b.i32.shr_u(v, t.imm(n)), t.imm(1));

/** Shift_C by an immediate as DecodeImmShift reads it (Arm ARM F1.4): LSR and ASR #0 are #32, ROR #0 is RRX. */
export const shiftImmediate = (t: Translator, x: I32, type: number, amount: number): Shifted => {
  const { i32 } = t.b;
  switch (type) {
    case LSL:
      return amount === 0 ? { v: x, carry: null } : { v: i32.shl(x, t.imm(amount)), carry: bit(t, x, 32 - amount) };
    case LSR:
      return amount === 0
        ? { v: t.imm(0), carry: bit(t, x, 31) }
        : { v: i32.shr_u(x, t.imm(amount)), carry: bit(t, x, amount - 1) };
    case ASR:
      return amount === 0
        ? { v: i32.shr_s(x, t.imm(31)), carry: bit(t, x, 31) }
        : { v: i32.shr_s(x, t.imm(amount)), carry: bit(t, x, amount - 1) };
    default: {
      if (amount !== 0) return { v: i32.rotr(x, t.imm(amount)), carry: bit(t, x, amount - 1) };
      return { v: i32.or(i32.shr_u(x, t.imm(1)), i32.shl(t.carry(), t.imm(31))), carry: bit(t, x, 0) };
    }
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
  const low = (v: I64): I32 => i32.and(i32.wrap_i64(v), t.imm(1));
  if (type === LSL) {
    const wide = i64.shl(i64.extend_i32_u(x), count);
    return { v: i32.wrap_i64(wide), carry: keep(low(i64.shr_u(wide, t.b.const64(32)))) };
  }
  const source = type === LSR ? i64.extend_i32_u(x) : i64.extend_i32_s(x);
  const wide = type === LSR ? i64.shr_u(i64.shl(source, one), count) : i64.shr_s(i64.shl(source, one), count);
  const v = i32.wrap_i64(type === LSR ? i64.shr_u(wide, one) : i64.shr_s(wide, one));
  return { v, carry: keep(low(wide)) };
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
