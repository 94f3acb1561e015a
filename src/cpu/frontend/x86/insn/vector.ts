/**
 * Rows of vector instructions that exist as SSE's (two operands, the first is the destination), as AVX's (a destination of
 * its own, which clears what is above it) and some as MMX's (SDM vol. 1, chapters 9 to 14).
 */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import { x87Offset } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { enterMmx } from './mmx-state.ts';

export type I32 = Value<'i32'>;
export type I64 = Value<'i64'>;
export type V128 = Value<'v128'>;
export type Lift = (t: Translator) => void;
/** What an instruction makes of two vectors of 16 bytes, and of one. */
export type Binary = (t: Translator, a: V128, b: V128) => V128;
export type Unary = (t: Translator, a: V128) => V128;

export const zero = (t: Translator): V128 => t.b.constV64(0n, 0n);
export const emit =
  (name: OpName): Binary =>
  (t, a, b) =>
    t.b.emit(name, a, b) as V128;
export const emit1 =
  (name: OpName): Unary =>
  (t, a) =>
    t.b.emit(name, a) as V128;

/** A VEX instruction that writes a register of 16 bytes. */
export const setVex128 = (t: Translator, n: number, v: V128): void => {
  t.setXmm(n, v);
  t.setYmmHigh(n, zero(t));
};
export const setYmm = (t: Translator, n: number, low: V128, high: V128): void => {
  t.setXmm(n, low);
  t.setYmmHigh(n, high);
};
/** The upper half of the ModRM operand of 32 bytes. */
export const ymmHighRm = (t: Translator): V128 => (t.d.mod === 3 ? t.ymmHigh(t.d.rm) : t.load('v128.load', t.ea(), 16));

/** VEX.vvvv of an instruction that has no such operand must be 1111 (#UD). */
export const noVvvv =
  (lift: Lift): Lift =>
  (t) =>
    t.d.vvvv === 0 ? lift(t) : t.undefined();

/** `66 0F 38` as VEX has it, and an opcode. */
const vexOf = (encoding: string, length: '128' | '256' | 'LIG', w = 'WIG'): string => {
  const tokens = encoding.split(' ');
  const prefix = tokens.shift() as string;
  let map = tokens.shift() as string;
  if (tokens[0] === '38' || tokens[0] === '3A') map += tokens.shift();
  return [`VEX.${length}.${prefix}.${map}.${w}`, ...tokens].join(' ');
};

/** An immediate byte belongs to the syntax. */
export const tail = (encoding: string): string => (encoding.includes(' ib') ? ', imm8' : '');

/** dst = op(dst, src); with VEX dst = op(vvvv, src), in both halves of 32 bytes. */
export const binary = (encoding: string, name: string, op: Binary, high: Binary = op): X86Row[] => [
  insn(encoding, `${name} xmm, xmm/m128${tail(encoding)}`, (t) => t.setXmm(t.d.reg, op(t, t.xmm(t.d.reg), t.xmmRm()))),
  ...vexBinary(encoding, name, op, 'WIG', high),
];
export const vexBinary = (encoding: string, name: string, op: Binary, w = 'WIG', high: Binary = op): X86Row[] => [
  insn(vexOf(encoding, '128', w), `v${name} xmm, xmm, xmm/m128${tail(encoding)}`, (t) =>
    setVex128(t, t.d.reg, op(t, t.xmm(t.d.vvvv), t.xmmRm())),
  ),
  insn(vexOf(encoding, '256', w), `v${name} ymm, ymm, ymm/m256${tail(encoding)}`, (t) => {
    const low = op(t, t.xmm(t.d.vvvv), t.xmmRm());
    setYmm(t, t.d.reg, low, high(t, t.ymmHigh(t.d.vvvv), ymmHighRm(t)));
  }),
];
/** dst = op(src). */
export const unary = (encoding: string, name: string, op: Unary): X86Row[] => [
  insn(encoding, `${name} xmm, xmm/m128${tail(encoding)}`, (t) => t.setXmm(t.d.reg, op(t, t.xmmRm()))),
  ...vexUnary(encoding, name, op),
];
export const vexUnary = (encoding: string, name: string, op: Unary, w = 'WIG'): X86Row[] => [
  insn(
    vexOf(encoding, '128', w),
    `v${name} xmm, xmm/m128${tail(encoding)}`,
    noVvvv((t) => setVex128(t, t.d.reg, op(t, t.xmmRm()))),
  ),
  insn(
    vexOf(encoding, '256', w),
    `v${name} ymm, ymm/m256${tail(encoding)}`,
    noVvvv((t) => {
      const low = op(t, t.xmmRm());
      setYmm(t, t.d.reg, low, op(t, ymmHighRm(t)));
    }),
  ),
];

/** The same on MMX registers: eight bytes, the upper half of the vector being zero. */
export const mm = (t: Translator, n: number): V128 =>
  t.b.replace('i64x2.replace_lane', zero(t), 0, t.b.peek('i64', x87Offset(n & 7)));
export const mmRm = (t: Translator): V128 =>
  t.d.mod === 3 ? mm(t, t.d.rm) : t.b.replace('i64x2.replace_lane', zero(t), 0, t.load('i64.load', t.ea()));
export const low64 = (t: Translator, v: V128): I64 => t.b.extract('i64x2.extract_lane', v, 0);
export const setMm = (t: Translator, n: number, v: I64): void => {
  enterMmx(t);
  t.b.poke(x87Offset(n & 7), v);
  // the exponent of what is no number
  t.b.poke(x87Offset(n & 7) + 8, t.imm(0xffff));
};
export const mmx = (opcode: string, name: string, op: Binary): X86Row[] => [
  insn(`NP 0F ${opcode} /r`, `${name} mm, mm/m64`, (t) => setMm(t, t.d.reg, low64(t, op(t, mm(t, t.d.reg), mmRm(t))))),
];
/** An integer instruction of MMX, SSE2 and AVX. */
export const integer = (opcode: string, name: string, op: Binary): X86Row[] => [
  ...mmx(opcode, name, op),
  ...binary(`66 0F ${opcode} /r`, name, op),
];
/** Of SSSE3, which has MMX forms too. */
export const integer38 = (opcode: string, name: string, op: Binary): X86Row[] => [
  ...mmx(`38 ${opcode}`, name, op),
  ...binary(`66 0F 38 ${opcode} /r`, name, op),
];

/** An encoding with VEX, from SSE's. */
export const vex = (
  encoding: string,
  length: '128' | '256' | 'LIG',
  syntax: string,
  lift: Lift,
  w: 'W0' | 'W1' | 'WIG' = 'WIG',
): X86Row => insn(vexOf(encoding, length, w), syntax, lift);
