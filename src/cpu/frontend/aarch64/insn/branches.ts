import type { Value } from '../../../ir/value.ts';
import { Exit } from '../../../memory/layout.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { insn } from './row.ts';

type F = Readonly<Record<string, number>>;
type I32 = Value<'i32'>;

const LR = 30;

const branchIf = (t: Translator, cond: I32, offset: number): void => {
  const taken = t.pc + offset * 4;
  const next = t.pc + 4;
  if (cond.isConst) return t.end({ kind: 'jump', target: cond.imm !== 0 ? taken : next });
  t.end({ kind: 'branch', cond, taken, next });
};

const compareBranch = (t: Translator, { sf, imm19, rt }: F, nonzero: boolean): void => {
  const w = t.width(sf as number);
  const v = w.get(rt as number);
  branchIf(t, nonzero ? w.test('ne', v, w.const(0)) : w.test('eqz', v), imm19 as number);
};

const testBranch = (t: Translator, { b5, b40, imm14, rt }: F, nonzero: boolean): void => {
  const bit = ((b5 as number) << 5) | (b40 as number);
  const masked = t.b.i64.and(t.x(rt as number), t.b.const64(1n << BigInt(bit)));
  const cond = nonzero ? t.b.i64.ne(masked, t.b.const64(0)) : t.b.i64.eqz(masked);
  branchIf(t, cond, imm14 as number);
};

const link = (t: Translator): void => t.setX(LR, t.b.const64(t.pc + 4));

/** Without pointer authentication keys RETAA & co. behave as RET (the hints are NOPs). */
const callRegister = (t: Translator, rn: number): void => {
  const target = t.x(rn);
  link(t);
  t.end({ kind: 'callIndirect', target, ret: t.pc + 4 });
};

/** C4.1.93 Branches, Exception Generating and System instructions: branches and exceptions */
// biome-ignore format: one instruction per line
export const branches: readonly Row<Translator>[] = [
  insn('b.<cond> <label>', '0101010 0 imm19:s19 0 cond:4', (t, { imm19, cond }) => branchIf(t, t.cond(cond), imm19)),
  insn('b <label>', '0 00101 imm26:s26', (t, { imm26 }) => t.end({ kind: 'jump', target: t.pc + imm26 * 4 })),
  insn('bl <label>', '1 00101 imm26:s26', (t, { imm26 }) => { link(t); t.end({ kind: 'call', target: t.pc + imm26 * 4, ret: t.pc + 4 }); }),
  insn('cbz <Rt>, <label>', 'sf:1 011010 0 imm19:s19 rt:5', (t, f) => compareBranch(t, f, false)),
  insn('cbnz <Rt>, <label>', 'sf:1 011010 1 imm19:s19 rt:5', (t, f) => compareBranch(t, f, true)),
  insn('tbz <Rt>, #<bit>, <label>', 'b5:1 011011 0 b40:5 imm14:s14 rt:5', (t, f) => testBranch(t, f, false)),
  insn('tbnz <Rt>, #<bit>, <label>', 'b5:1 011011 1 b40:5 imm14:s14 rt:5', (t, f) => testBranch(t, f, true)),
  insn('br <Xn>', '1101011 0000 11111 000000 rn:5 00000', (t, { rn }) => t.end({ kind: 'jumpIndirect', target: t.x(rn), isReturn: false })),
  insn('blr <Xn>', '1101011 0001 11111 000000 rn:5 00000', (t, { rn }) => callRegister(t, rn)),
  insn('ret {<Xn>}', '1101011 0010 11111 000000 rn:5 00000', (t, { rn }) => t.end({ kind: 'jumpIndirect', target: t.x(rn), isReturn: !t.restoresFlags })),
  // Exception generation
  insn('svc #<imm16>', '11010100 000 imm16:16 000 01', (t) => t.end({ kind: 'syscall', next: t.pc + 4 })),
  insn('brk #<imm16>', '11010100 001 imm16:16 000 00', (t) => t.end({ kind: 'exit', reason: Exit.BREAKPOINT, pc: t.pc })),
  insn('hlt #<imm16>', '11010100 010 imm16:16 000 00', (t) => t.undefined()),
  insn('udf #<imm16>', '0000000000000000 imm16:16', (t) => t.undefined()),
];
