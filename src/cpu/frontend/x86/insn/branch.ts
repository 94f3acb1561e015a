import type { Value } from '../../../ir/value.ts';
import { Exit } from '../../../memory/layout.ts';
import type { Int, Size } from '../flags.ts';
import { refuseVector } from '../helpers/system.ts';
import { RCX } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { CONDITIONS, opcode } from './move.ts';

type I32 = Value<'i32'>;

const target = (t: Translator): number => t.next + t.d.imm;

/** Size of code addresses: in 64-bit mode 66 does not change it. */
const branchSize = (t: Translator): Size => (t.is64 ? 8 : t.d.operand16 ? 2 : 4);

/** A near branch through a register or memory. */
const indirect = (t: Translator): Int => {
  const size = branchSize(t);
  return t.convert(t.rm(size), size, t.word, false);
};

/** CALL: the return address goes onto the stack. `call next; pop` reads the pc and is no call. */
const call = (t: Translator): void => {
  const to = t.target(target(t));
  t.push(t.k(t.next, branchSize(t)), branchSize(t));
  if (to === t.next || t.isFar(target(t))) t.jump(target(t));
  else t.end({ kind: 'call', target: to, ret: t.next });
};
/** A target that is known, and where memory may be. */
const isNear = (to: Int): boolean => to.isConst && ((to as Value).type === 'i32' || to.hi === 0);
const callIndirect = (t: Translator): void => {
  const to = indirect(t);
  t.push(t.k(t.next, branchSize(t)), branchSize(t));
  if (isNear(to)) t.end({ kind: 'call', target: to.imm >>> 0, ret: t.next });
  else t.end({ kind: 'callIndirect', target: to, ret: t.next });
};
const jumpIndirect = (t: Translator): void => {
  const to = indirect(t);
  if (isNear(to)) t.end({ kind: 'jump', target: to.imm >>> 0 });
  else t.end({ kind: 'jumpIndirect', target: to, isReturn: false });
};
/** RET, which may take arguments off the stack. */
const ret = (t: Translator, bytes: number): void => {
  const size = branchSize(t);
  const to = t.convert(t.peek(size), size, t.word, false);
  t.drop(size + bytes);
  t.end({ kind: 'jumpIndirect', target: to, isReturn: !t.restoresFlags });
};

/** Width of the counter of LOOP and JCXZ: that of addresses. */
const counter = (t: Translator): Size => t.d.addressSize;
/** LOOP, LOOPE, LOOPNE: count down without flags. */
const loop = (t: Translator, zf: number): void => {
  const size = counter(t);
  const condition: I32 | null = zf < 0 ? null : t.cond(zf === 1 ? 4 : 5);
  const n = t.ns(size).sub(t.reg(RCX, size), t.k(1, size));
  t.setReg(RCX, n, size);
  const more = t.ns(size).ne(t.zx(n, size), t.k(0, size));
  t.branch(condition ? t.b.i32.and(more, condition) : more, target(t));
};
const jumpIfZero = (t: Translator): void => {
  const size = counter(t);
  t.branch(t.ns(size).eqz(t.zx(t.reg(RCX, size), size)), target(t));
};

/** SYSCALL keeps the next pc in RCX and RFLAGS in R11 (SDM vol. 2), where nobody looks for flags of a caller's. */
const syscall = (t: Translator): void => {
  const { i32 } = t.b;
  const flags = i32.or(
    i32.or(t.keptEflags(), i32.shl(t.directionFlag(), t.imm(10))),
    i32.or(t.moreFlags(), t.imm(0x202)),
  );
  t.setReg(RCX, t.constWord(t.next), 8);
  t.setReg(11, flags as Value as Int, 4);
  t.end({ kind: 'syscall', next: t.next });
};
/** INT n: 80 is a system call, i386's in 64-bit programs too; but for 3 and 4 the others are not for programs. */
const interrupt = (t: Translator): void => {
  const vector = t.d.imm & 0xff;
  if (vector === 3) t.exit(Exit.BREAKPOINT, t.next);
  else if (vector === 4) t.exit(Exit.OVERFLOW, t.next);
  else if (vector === 0x80) t.end({ kind: 'syscall', next: t.next });
  else {
    t.helper(refuseVector, vector);
    t.exit(Exit.PROTECTION);
  }
};

/** SDM vol. 1, 5.1.7: control transfer */
// biome-ignore format: one instruction per line
export const branchRows: readonly X86Row[] = [
  ...CONDITIONS.flatMap((name, n) => [
    insn(`${opcode(0x70, n)} cb`, `j${name} rel8`, (t) => t.branch(t.cond(n), target(t))),
    insn(`0F ${opcode(0x80, n)} cz`, `j${name} rel32`, (t) => t.branch(t.cond(n), target(t))),
  ]),
  insn('EB cb', 'jmp rel8', (t) => t.jump(target(t))),
  insn('E9 cz', 'jmp rel32', (t) => t.jump(target(t))),
  insn('FF /4', 'jmp r/m', jumpIndirect),
  insn('E8 cz', 'call rel32', call),
  insn('FF /2', 'call r/m', callIndirect),
  insn('C3', 'ret', (t) => ret(t, 0)),
  insn('C2 iw', 'ret imm16', (t) => ret(t, t.d.imm & 0xffff)),
  insn('E0 cb', 'loopne rel8', (t) => loop(t, 0)),
  insn('E1 cb', 'loope rel8', (t) => loop(t, 1)),
  insn('E2 cb', 'loop rel8', (t) => loop(t, -1)),
  insn('E3 cb', 'jrcxz rel8', jumpIfZero),
  insn('0F 05', 'syscall', syscall, 64),
  insn('CC', 'int3', (t) => t.exit(Exit.BREAKPOINT, t.next)),
  insn('CD ib', 'int imm8', interrupt),
  insn('0F 0B', 'ud2', (t) => t.undefined()),
  insn('0F B9 /r', 'ud1 r, r/m', (t) => t.undefined()),
  insn('0F FF /r', 'ud0 r, r/m', (t) => t.undefined()),
];
