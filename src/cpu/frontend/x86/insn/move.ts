import type { Value } from '../../../ir/value.ts';
import type { Int, Size } from '../flags.ts';
import { RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';

/** Names of the conditions, in the order of their encoding (SDM vol. 1, appendix B). */
export const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'] as const; // biome-ignore format: one line
/** A byte of an opcode, `n` behind `base`. */
export const opcode = (base: number, n = 0): string => (base + n).toString(16).toUpperCase().padStart(2, '0');

const select = (t: Translator, x: Int, y: Int, when: Value<'i32'>, size: Size): Int =>
  t.b.emit(size === 8 ? 'i64.select' : 'i32.select', x, y, when) as Int;

const moveImmediate = (t: Translator): void => {
  const { size } = t;
  const v = size === 8 ? (t.b.const64Parts(t.d.imm, t.d.imm2) as Int) : t.immediate(size);
  t.setReg(t.d.rm, v, size);
};

/** MOV between the accumulator and memory at an address in the instruction. */
const offset = (t: Translator): Int => {
  const { imm, imm2, addressSize } = t.d;
  const at = addressSize === 8 ? t.b.const64Parts(imm, imm2) : t.is64 ? t.b.const64(imm >>> 0) : t.b.const32(imm);
  return t.linear(at as Int);
};

const extend = (t: Translator, from: Size, signed: boolean): void => {
  const { size } = t;
  t.setR(t.convert(t.rm(from), from, size, signed), size);
};

const exchange = (t: Translator, size: Size): void => {
  const [x, y] = [t.r(size), t.d.mod === 3 ? t.rm(size) : null];
  if (y !== null) {
    t.setR(y, size);
    return t.setRm(x, size);
  }
  if (!t.split) return t.setR(t.rmw('xchg', size, x), size);
  const old = t.rm(size);
  t.setRm(x, size);
  t.setR(old, size);
};
/** 90 is NOP: the upper half stays. */
export const exchangeAccumulator = (t: Translator): void => {
  const { rm } = t.d;
  if (rm === RAX) return;
  const [x, y] = [t.reg(RAX, t.size), t.reg(rm, t.size)];
  t.setReg(RAX, y, t.size);
  t.setReg(rm, x, t.size);
};

const conditionalMove = (t: Translator, cond: number): void => {
  const { size } = t;
  // memory is read whatever the condition
  const v = t.rm(size);
  t.setR(select(t, v, t.r(size), t.cond(cond), size), size);
};

/** CBW, CWDE, CDQE: the accumulator from its lower half. */
const extendAccumulator = (t: Translator): void => {
  const { size } = t;
  const half = (size / 2) as Size;
  t.setReg(RAX, t.convert(t.reg(RAX, half), half, size, true), size);
};
/** CWD, CDQ, CQO: the sign of the accumulator fills RDX. */
const signOfAccumulator = (t: Translator): void => {
  const { size } = t;
  const v = t.sx(t.reg(RAX, size), size);
  const type = size === 8 ? 8 : 4;
  t.setReg(RDX, t.ns(size).shr_s(v, t.k(8 * type - 1, size)), size);
};

/** Bytes in reverse order; of 2 bytes too (MOVBE). */
const swapBytes = (t: Translator, v: Int, size: Size): Int => {
  const ns = t.ns(size);
  const k = (n: number | bigint): Int => (size === 8 ? t.b.const64(n) : t.b.const32(Number(n))) as Int;
  if (size === 2) {
    const low = ns.shl(v, k(8));
    return ns.or(low, ns.shr_u(t.zx(v, 2), k(8)));
  }
  const step = (x: Int, mask: number | bigint, by: number): Int =>
    ns.or(ns.shl(ns.and(x, k(mask)), k(by)), ns.and(ns.shr_u(x, k(by)), k(mask)));
  if (size === 4) return ns.rotr(step(v, 0x00ff00ff, 8), k(16));
  const pairs = step(v, 0x00ff00ff00ff00ffn, 8);
  return ns.rotr(step(pairs, 0x0000ffff0000ffffn, 16), k(32));
};
/** What BSWAP does with 16 bits is undefined: processors clear them. */
const byteSwap = (t: Translator): void => {
  const { size } = t;
  const { rm } = t.d;
  if (size === 2) t.setReg(rm, t.k(0, 2), 2);
  else t.setReg(rm, swapBytes(t, t.reg(rm, size), size), size);
};

// ── stack ──

const pushSize = (t: Translator, n: number): void => t.push(t.reg(n, t.stackSize), t.stackSize);
const pop = (t: Translator): void => {
  const size = t.stackSize;
  const v = t.peek(size);
  t.drop(size);
  t.setReg(t.d.rm, v, size);
};
/** An address that depends on RSP is that behind the increment. */
const popMemory = (t: Translator): void => {
  const size = t.stackSize;
  if (t.d.mod === 3) return pop(t);
  const v = t.peek(size);
  if (t.d.base === RSP) t.d.disp += size;
  t.storeInt(v, size);
  t.drop(size);
};
const ALL = [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI];
const pushAll = (t: Translator): void => {
  const size: Size = t.d.operand16 ? 2 : 4;
  const sp = t.onStack(t.reg(RSP, 4));
  for (const [i, n] of ALL.entries()) t.storeInt(t.reg(n, size), size, sp, -size * (i + 1));
  t.drop(-8 * size);
};
const popAll = (t: Translator): void => {
  const size: Size = t.d.operand16 ? 2 : 4;
  const order = ALL.toReversed();
  const values = order.map((_, i) => t.peek(size, size * i));
  t.drop(8 * size);
  for (const [i, n] of order.entries()) if (n !== RSP) t.setReg(n, values[i] as Int, size);
};
/** ENTER with nesting levels copies the frame pointers of enclosing procedures; the new top of the stack must be there to be written. */
const enter = (t: Translator): void => {
  const size = t.stackSize;
  const { word } = t;
  const ns = t.ns(word);
  const [sp, bp] = [t.reg(RSP, word), t.reg(RBP, word)];
  const level = t.d.imm2 & 31;
  const at = t.onStack(sp);
  const outer = level > 1 ? t.onStack(bp) : bp;
  t.storeInt(t.reg(RBP, size), size, at, -size);
  for (let i = 1; i < level; i++) t.storeInt(t.loadInt(size, outer, -size * i), size, at, -size * (i + 1));
  const frame = ns.sub(sp, t.constWord(size));
  if (level > 0) t.storeInt(t.convert(frame, word, size, false), size, at, -size * (level + 1));
  const below = size * (level + 1) + (t.d.imm & 0xffff);
  const top = ns.sub(sp, t.constWord(below));
  const lowest = t.onStack(top);
  t.storeInt(t.loadInt(1, lowest), 1, lowest);
  t.setReg(RBP, t.convert(frame, word, size, false), size);
  t.setReg(RSP, top, word);
};
const leaveFrame = (t: Translator): void => {
  const size = t.stackSize;
  const bp = t.reg(RBP, t.word);
  const v = t.loadInt(size, t.onStack(bp));
  t.setReg(RSP, t.ns(t.word).add(bp, t.constWord(size)), t.word);
  t.setReg(RBP, v, size);
};

/** XLAT: AL from a table of bytes at RBX. */
const translate = (t: Translator): void => {
  const size: Size = t.d.addressSize === 8 ? 8 : 4;
  const index = t.convert(t.zx(t.reg(RAX, 1), 1), 4, size, false);
  let at = t.ns(size).add(t.reg(RBX, size), index);
  if (t.d.addressSize === 2) at = t.zx(at, 2);
  if (size === 4 && t.is64) at = t.convert(at, 4, 8, false);
  t.setReg(RAX, t.loadInt(1, t.linear(at)), 1);
};

/** SDM vol. 1, 5.1.1: data transfer */
// biome-ignore format: one instruction per line
export const moveRows: readonly X86Row[] = [
  insn('88 /r', 'mov r/m8, r8', (t) => t.setRm(t.r(1), 1)),
  insn('89 /r', 'mov r/m, r', (t) => t.setRm(t.r(t.size), t.size)),
  insn('8A /r', 'mov r8, r/m8', (t) => t.setR(t.rm(1), 1)),
  insn('8B /r', 'mov r, r/m', (t) => t.setR(t.rm(t.size), t.size)),
  insn('A0 mo', 'mov al, moffs', (t) => t.setReg(RAX, t.loadInt(1, offset(t)), 1)),
  insn('A1 mo', 'mov rax, moffs', (t) => t.setReg(RAX, t.loadInt(t.size, offset(t)), t.size)),
  insn('A2 mo', 'mov moffs, al', (t) => t.storeInt(t.reg(RAX, 1), 1, offset(t))),
  insn('A3 mo', 'mov moffs, rax', (t) => t.storeInt(t.reg(RAX, t.size), t.size, offset(t))),
  insn('B0+r ib', 'mov r8, imm8', (t) => t.setReg(t.d.rm, t.immediate(1), 1)),
  insn('B8+r iv', 'mov r, imm', moveImmediate),
  insn('C6 /0 ib', 'mov r/m8, imm8', (t) => t.setRm(t.immediate(1), 1)),
  insn('C7 /0 iz', 'mov r/m, imm', (t) => t.setRm(t.immediate(t.size), t.size)),
  insn('0F B6 /r', 'movzx r, r/m8', (t) => extend(t, 1, false)),
  insn('0F B7 /r', 'movzx r, r/m16', (t) => extend(t, 2, false)),
  insn('0F BE /r', 'movsx r, r/m8', (t) => extend(t, 1, true)),
  insn('0F BF /r', 'movsx r, r/m16', (t) => extend(t, 2, true)),
  insn('63 /r', 'movsxd r, r/m32', (t) => extend(t, t.size === 2 ? 2 : 4, true), 64),
  insn('8D /r mem', 'lea r, m', (t) => t.setR(t.convert(t.effective(), t.word, t.size, false), t.size)),
  insn('86 /r', 'xchg r/m8, r8', (t) => exchange(t, 1)),
  insn('87 /r', 'xchg r/m, r', (t) => exchange(t, t.size)),
  insn('90+r', 'xchg r, rax', exchangeAccumulator),
  insn('98', 'cdqe', extendAccumulator),
  insn('99', 'cqo', signOfAccumulator),
  insn('0F C8+r', 'bswap r', byteSwap),
  insn('0F 38 F0 /r mem', 'movbe r, m', (t) => t.setR(swapBytes(t, t.loadInt(t.size), t.size), t.size)),
  insn('0F 38 F1 /r mem', 'movbe m, r', (t) => t.storeInt(swapBytes(t, t.r(t.size), t.size), t.size)),
  insn('NP 0F C3 /r mem', 'movnti m, r', (t) => t.storeInt(t.r(t.d.w === 1 ? 8 : 4), t.d.w === 1 ? 8 : 4)),
  insn('D7', 'xlat', translate),
  ...CONDITIONS.map((name, n) => insn(`0F ${opcode(0x40, n)} /r`, `cmov${name} r, r/m`, (t) => conditionalMove(t, n))),
  ...CONDITIONS.map((name, n) => insn(`0F ${opcode(0x90, n)} /r`, `set${name} r/m8`, (t) => t.setRm(t.cond(n) as Value as Int, 1))),
  insn('50+r', 'push r', (t) => pushSize(t, t.d.rm)),
  insn('58+r', 'pop r', pop),
  insn('FF /6', 'push r/m', (t) => t.push(t.rm(t.stackSize), t.stackSize)),
  insn('8F /0', 'pop r/m', popMemory),
  insn('68 iz', 'push imm', (t) => t.push(t.immediate(t.stackSize), t.stackSize)),
  insn('6A ib', 'push imm8', (t) => t.push(t.immediate(t.stackSize), t.stackSize)),
  insn('60', 'pusha', pushAll, 32),
  insn('61', 'popa', popAll, 32),
  insn('C8 iw ib', 'enter imm16, imm8', enter),
  insn('C9', 'leave', leaveFrame),
];
