import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import { LR, PC } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { a32, a32x, t16, t32 } from './row.ts';

type I32 = Value<'i32'>;

const jump = (t: Translator, target: number): void => t.end({ kind: 'jump', target: target >>> 0 });

/** A branch within the instruction set: the offset is from the pc as it reads. */
const branch = (t: Translator, offset: number): void => jump(t, (t.pcValue + offset) | (t.thumb ? 1 : 0));

/** BLX (register). */
const callRegister = (t: Translator, rm: number): void => {
  const target = t.r(rm);
  t.setR(LR, t.imm(t.next));
  if (target.isConst) return t.end({ kind: 'call', target: target.imm >>> 0, ret: t.next });
  t.end({ kind: 'callIndirect', target, ret: t.next });
};

const exchange = (t: Translator, rm: number): void => t.branchTo(t.r(rm), rm === LR);

const compareBranch = (t: Translator, rn: number, offset: number, nonzero: boolean): void => {
  t.flush();
  const v = t.r(rn);
  const cond = nonzero ? t.b.i32.ne(v, t.imm(0)) : t.b.i32.eqz(v);
  t.end({ kind: 'branch', cond, taken: ((t.pcValue + offset) | 1) >>> 0, next: t.next });
};

/** TBB, TBH: twice the table's entry ahead of the pc. */
const tableBranch = (t: Translator, rn: number, rm: number, halves: boolean): void => {
  const { i32 } = t.b;
  const index = halves ? i32.shl(t.r(rm), t.imm(1)) : t.r(rm);
  // the table follows the instruction: the pc is no aligned one here
  const entry = t.load(halves ? 'i32.load16_u' : 'i32.load8_u', i32.add(t.r(rn), index)) as I32;
  t.branchTo(i32.add(i32.shl(entry, t.imm(1)), t.imm(t.pcValue | 1)), false);
};

/** A32: the number of the old ABI in the instruction is no system call of ours. */
const svcA32 = (t: Translator, imm: number): void => (imm === 0 ? t.syscall() : t.undefined());
const breakpoint = (t: Translator): void => t.breakpoint();
/** One of each length is what debuggers put into programs (arch/arm/kernel/ptrace.c, break_trap). */
const undefinedBut = (t: Translator, imm: number, trap: number): void =>
  imm === trap ? t.breakpoint() : t.undefined();

/** Sign and magnitude of BL, B.W (T4): the offset's bits 23 and 22 are mixed with its sign. */
const far = ({ s, j1, j2, high, low }: { s: number; j1: number; j2: number; high: number; low: number }): number => {
  const i1 = (j1 ^ s ^ 1) & 1;
  const i2 = (j2 ^ s ^ 1) & 1;
  return (((s << 24) | (i1 << 23) | (i2 << 22) | (high << 12) | (low << 1)) << 7) >> 7;
};

/** F4.1.6: branches; F4.1.3: miscellaneous */
// biome-ignore format: one instruction per line
export const a32Branches: readonly Row<Translator>[] = [
  a32('b<c> <label>', '1010 imm24:s24', (t, f) => branch(t, f.imm24 * 4)),
  a32('bl<c> <label>', '1011 imm24:s24', (t, f) => t.call(t.pcValue + f.imm24 * 4)),
  a32('bx<c> <Rm>', '0001 0010 1111 1111 1111 0001 rm:4', (t, f) => exchange(t, f.rm)),
  a32('bxj<c> <Rm>', '0001 0010 1111 1111 1111 0010 rm:4', (t, f) => exchange(t, f.rm)),
  a32('blx<c> <Rm>', '0001 0010 1111 1111 1111 0011 rm:4', (t, f) => (f.rm === PC ? t.undefined() : callRegister(t, f.rm))),
  a32('svc<c> #<imm24>', '1111 imm24:24', (t, f) => svcA32(t, f.imm24)),
  a32('bkpt #<imm16>', '0001 0010 imm16:12 0111 imm16:4', breakpoint),
  a32('udf<c> #<imm16>', '0111 1111 imm16:12 1111 imm16:4', (t, f) => undefinedBut(t, f.imm16, 0x10)),
];

export const a32xBranches: readonly Row<Translator>[] = [
  a32x('blx <label>', '101 h:1 imm24:s24', (t, f) => t.call((t.pcValue + f.imm24 * 4 + f.h * 2) | 1)),
];

/** F3.1.2 and F3.1.4: branches */
// biome-ignore format: one instruction per line
export const t32Branches: readonly Row<Translator>[] = [
  t16('bx<c> <Rm>', '010001 11 0 rm:4 000', (t, f) => exchange(t, f.rm)),
  t16('blx<c> <Rm>', '010001 11 1 rm:4 000', (t, f) => (f.rm === PC ? t.undefined() : callRegister(t, f.rm))),
  t16('cbz <Rd>, <label>', '1011 0 0 imm6:1 1 imm6:5 rd:3', (t, f) => compareBranch(t, f.rd, f.imm6 * 2, false)),
  t16('cbnz <Rd>, <label>', '1011 1 0 imm6:1 1 imm6:5 rd:3', (t, f) => compareBranch(t, f.rd, f.imm6 * 2, true)),
  t16('bkpt #<imm8>', '1011 1110 imm8:8', breakpoint),
  t16('b<cond> <label>', '1101 cc:4 imm8:s8', (t, f) => t.conditionally(f.cc, () => branch(t, f.imm8 * 2))),
  t16('udf #<imm8>', '1101 1110 imm8:8', (t, f) => undefinedBut(t, f.imm8, 1)),
  t16('svc<c> #<imm8>', '1101 1111 imm8:8', (t) => t.syscall()),
  t16('b<c> <label>', '11100 imm11:s11', (t, f) => branch(t, f.imm11 * 2)),
  t32('b<cond>.w <label>', '11110 s:1 cc:4 high:6 10 j1:1 0 j2:1 low:11', (t, { s, cc, high, j1, j2, low }) => t.conditionally(cc, () => branch(t, (((s << 20) | (j2 << 19) | (j1 << 18) | (high << 12) | (low << 1)) << 11) >> 11))),
  t32('b<c>.w <label>', '11110 s:1 high:10 10 j1:1 1 j2:1 low:11', (t, f) => branch(t, far(f))),
  t32('bl<c> <label>', '11110 s:1 high:10 11 j1:1 1 j2:1 low:11', (t, f) => t.call((t.pcValue + far(f)) | 1)),
  t32('blx<c> <label>', '11110 s:1 high:10 11 j1:1 0 j2:1 low:10 0', (t, f) => t.call((t.alignedPc + far({ ...f, low: f.low * 2 })) & ~3)),
  t32('bxj<c> <Rm>', '11110 0 111100 rm:4 1000 1111 00000000', (t, f) => exchange(t, f.rm)),
  t32('tbb<c> [<Rn>, <Rm>]', '1110100 01101 rn:4 1111 0000 0000 rm:4', (t, f) => tableBranch(t, f.rn, f.rm, false)),
  t32('tbh<c> [<Rn>, <Rm>, lsl #1]', '1110100 01101 rn:4 1111 0000 0001 rm:4', (t, f) => tableBranch(t, f.rn, f.rm, true)),
  t32('udf.w #<imm16>', '11110 1111111 imm16:4 1010 imm16:12', (t, f) => undefinedBut(t, f.imm16, 0)),
];
