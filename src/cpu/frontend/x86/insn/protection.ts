import type { Value } from '../../../ir/value.ts';
import { Exit } from '../../../memory/layout.ts';
import { TF } from '../eflags.ts';
import type { Int, Size } from '../flags.ts';
import { describeSelector, verifySelector } from '../helpers/descriptor.ts';
import { refuseSelector } from '../helpers/system.ts';
import { RSP, Seg, Sys, selectorOffset } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import { DATA_SELECTOR } from '../segments.ts';
import type { Translator } from '../translator.ts';
import { privileged, setFlagsRegister } from './system.ts';

type I32 = Value<'i32'>;

/** Have a helper look at the selector in ModRM.rm. */
const ask = (t: Translator, helper: number, aux: number): void => {
  const selector = t.zx(t.rm(2), 2);
  t.prepareFlags();
  t.b.set(Sys.OPERAND, t.convert(selector, 4, 8, false));
  t.helper(helper, aux);
};
/** What programs see of it. */
const described = (t: Translator): { rights: I32; limit: I32 } => {
  ask(t, describeSelector, 0);
  // one register of 64 bits, as it was set: the hot tier keeps each in a local of one type
  const both = t.b.get('i64', Sys.OPERAND);
  return { rights: t.b.i32.wrap_i64(both), limit: t.b.i32.wrap_i64(t.b.i64.shr_u(both, t.b.const64(32))) };
};
/** LAR, LSL: the register stays where there is no such segment. */
const look = (t: Translator, of: 'rights' | 'limit'): void => {
  // all of the register stays
  const size = t.size === 2 ? 2 : t.word;
  const found = described(t);
  const there = t.b.i32.ne(found.rights, t.imm(0));
  const v = t.convert(found[of] as Value as Int, 4, size, false);
  t.setR(t.b.emit(size === 8 ? 'i64.select' : 'i32.select', v, t.r(size), there) as Int, size);
  t.changeParts({ zf: there });
};
/** VERR, VERW. */
const verify = (t: Translator, write: 0 | 1): void => {
  ask(t, verifySelector, write);
  t.changeParts({ zf: t.b.i32.wrap_i64(t.b.get('i64', Sys.OPERAND)) });
};
/** ARPL: the selector gets at least the privilege level of another. */
const adjustLevel = (t: Translator): void => {
  const { i32 } = t.b;
  const selector = t.zx(t.rm(2), 2) as Value as I32;
  const level = i32.and(t.r(2) as Value as I32, t.imm(3));
  const less = i32.lt_u(i32.and(selector, t.imm(3)), level);
  t.setRm(i32.select(i32.or(i32.and(selector, t.imm(~3)), level), selector, less) as Value as Int, 2);
  t.changeParts({ zf: less });
};

/** No other selector is loaded here than this one (#GP). */
const mustBe = (t: Translator, selector: Int, only: I32): void => {
  const given = t.zx(selector, 2);
  t.b.beginWhen(t.b.i32.ne(given as Value as I32, only));
  t.b.set(Sys.OPERAND, t.convert(given, 4, 8, false));
  t.helper(refuseSelector);
  t.b.endWhen();
};
/** Far transfers stay in the code segment: to leave it would be another mode. */
const staysIn = (t: Translator, selector: Int): void => mustBe(t, selector, t.b.get('i32', selectorOffset(Seg.CS)));
const go = (t: Translator, target: Int, size: Size, isReturn: boolean): void =>
  t.end({ kind: 'jumpIndirect', target: t.convert(t.zx(target, size), size < 4 ? 4 : size, t.word, false), isReturn });
/** A word of the stack, counted in operands. */
const word = (t: Translator, n: number): Int => t.peek(t.size, n * t.size);
const selector = (t: Translator, n: number): Int => t.convert(word(t, n), t.size, 4, false);
const farReturn = (t: Translator, bytes: number): void => {
  const { size } = t;
  const to = word(t, 0);
  staysIn(t, selector(t, 1));
  t.drop(2 * size + bytes);
  go(t, to, size, true);
};
/** IRET: also the flags; in 64-bit mode the stack pointer and its segment too. It does not set TF. */
const interruptReturn = (t: Translator): void => {
  const { i32 } = t.b;
  const { size } = t;
  const to = word(t, 0);
  const flags = t.narrow(word(t, 2), size);
  staysIn(t, selector(t, 1));
  t.exitWhen(i32.and(flags, t.imm(TF)), Exit.UNDEFINED);
  if (t.is64) {
    const sp = t.convert(t.zx(word(t, 3), size), size, 8, false);
    mustBe(t, selector(t, 4), t.imm(DATA_SELECTOR));
    t.setReg(RSP, sp, 8);
  } else t.drop(3 * size);
  setFlagsRegister(t, flags, size);
  go(t, to, size, true);
};
const pushReturn = (t: Translator): void => {
  const { size } = t;
  t.push(t.convert(t.b.get('i32', selectorOffset(Seg.CS)) as Value as Int, 4, size, false), size);
  t.push(t.k(t.next, size), size);
};
/** CALL, JMP through a far pointer in memory: the offset, and behind it the selector. */
const farIndirect = (t: Translator, isCall: boolean): void => {
  const { size } = t;
  const to = t.loadInt(size);
  staysIn(t, t.loadInt(2, t.ea(), size));
  if (isCall) pushReturn(t);
  go(t, to, size, false);
};
const far = (t: Translator, isCall: boolean): void => {
  staysIn(t, t.k(t.d.imm2 & 0xffff, 4));
  if (isCall) pushReturn(t);
  t.jump(t.d.imm);
};

/** Control registers that there are; of debug registers eight. */
const CONTROL_REGISTERS = [0, 2, 3, 4, 8];
const controlRegister = (t: Translator): void => (CONTROL_REGISTERS.includes(t.d.reg) ? privileged(t) : t.undefined());
const debugRegister = (t: Translator): void => (t.d.reg < 8 ? privileged(t) : t.undefined());

/** SDM vol. 1, 5.20 and 5.1.7: what asks of segments or goes through them, and what user mode may not do. */
// biome-ignore format: one instruction per line
export const protectionRows: readonly X86Row[] = [
  insn('0F 02 /r', 'lar r, r/m16', (t) => look(t, 'rights')),
  insn('0F 03 /r', 'lsl r, r/m16', (t) => look(t, 'limit')),
  insn('0F 00 /4', 'verr r/m16', (t) => verify(t, 0)),
  insn('0F 00 /5', 'verw r/m16', (t) => verify(t, 1)),
  insn('63 /r', 'arpl r/m16, r16', adjustLevel, 32),
  insn('CB', 'retf', (t) => farReturn(t, 0)),
  insn('CA iw', 'retf imm16', (t) => farReturn(t, t.d.imm & 0xffff)),
  insn('CF', 'iret', interruptReturn),
  insn('FF /5 mem', 'jmp m16:32', (t) => farIndirect(t, false)),
  insn('FF /3 mem', 'call m16:32', (t) => farIndirect(t, true)),
  insn('EA iz iw', 'jmp ptr16:32', (t) => far(t, false), 32),
  insn('9A iz iw', 'call ptr16:32', (t) => far(t, true), 32),
  insn('0F 00 /2', 'lldt r/m16', privileged),
  insn('0F 00 /3', 'ltr r/m16', privileged),
  insn('0F 01 /2 mem', 'lgdt m', privileged),
  insn('0F 01 /3 mem', 'lidt m', privileged),
  insn('0F 01 /6', 'lmsw r/m16', privileged),
  insn('0F 01 /7 mem', 'invlpg m8', privileged),
  insn('NP 0F 01 D1', 'xsetbv', privileged),
  insn('0F 01 F8', 'swapgs', privileged, 64),
  insn('0F 07', 'sysret', privileged),
  insn('0F 20 /r', 'mov r, cr', controlRegister),
  insn('0F 21 /r', 'mov r, dr', debugRegister),
  insn('0F 22 /r', 'mov cr, r', controlRegister),
  insn('0F 23 /r', 'mov dr, r', debugRegister),
];
