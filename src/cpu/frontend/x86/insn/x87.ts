import type { Native } from '../../../ir/native.ts';
import type { Value } from '../../../ir/value.ts';
import type { Int } from '../flags.ts';
import { fwait } from '../helpers/fpu.ts';
import * as fpu from '../helpers/x87.ts';
import {
  environmentSize,
  fldcw,
  fnclex,
  fninit,
  loadEnvironment,
  packEnvironment,
  storeEnvironment,
} from '../helpers/x87-state.ts';
import * as native from '../natives/x87.ts';
import { circular } from '../natives/x87-circular.ts';
import { ldcw, prem, wait, xtract } from '../natives/x87-parts.ts';
import { f2xm1, fpatan, fyl2x, fyl2xp1 } from '../natives/x87-transcendental.ts';
import { RAX, Sys } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import type { I32 } from './vector.ts';

type Lift = (t: Translator) => void;
const { From, packX87 } = fpu;

/** st(i) of the encoding. */
const sti = (t: Translator): number => t.d.rm & 7;

/** Bring the memory operand to Sys.NUMBER. */
const fetch = (t: Translator, from: number): void => {
  const { b } = t;
  if (from === From.F64 || from === From.I64) return b.poke(Sys.NUMBER, t.load('i64.load', t.ea()));
  if (from === From.F80 || from === From.BCD) {
    const [low, high] = [t.load('i64.load', t.ea()), t.load('i32.load16_u', t.ea(), 8)];
    b.poke(Sys.NUMBER, low);
    return b.poke(Sys.NUMBER + 8, high);
  }
  b.poke(Sys.NUMBER, from === From.I16 ? t.load('i32.load16_u', t.ea()) : t.load('i32.load', t.ea()));
};
/** Formats by From that natives know. */
const FORMATS: readonly (native.Format | 'st' | null)[] = ['st', 'f32', 'f64', 'i32', 'i16', 'i64', null, null];
/** The native of a family for a source. */
const of = (family: { readonly [format: string]: Native }, from: number): Native | null =>
  family[FORMATS[from] ?? ''] ?? null;
/** The native, if there is one, or the helper. */
const call = (t: Translator, fast: Native | null, helper: number, aux: number): void => {
  if (fast) t.native(fast, helper, aux);
  else t.helper(helper, aux);
};

/** An instruction on st(0) and st(i). */
const withStack =
  (helper: number, fields: { op?: number; toI?: boolean; pops?: number } = {}, fast: Native | null = null): Lift =>
  (t) =>
    call(t, fast, helper, packX87({ ...fields, i: sti(t) }));
/** On st(0) and memory. */
const withMemory =
  (helper: number, from: number, fields: { op?: number; pops?: number } = {}, fast: Native | null = null): Lift =>
  (t) => {
    fetch(t, from);
    call(t, fast, helper, packX87({ ...fields, from }));
  };
const alone =
  (helper: number, op = 0, fast: Native | null = null): Lift =>
  (t) =>
    call(t, fast, helper, packX87({ op }));
/** On st(0) and st(1), which becomes the result; the native pops as its argument says. */
const popping =
  (helper: number, fast: Native): Lift =>
  (t) =>
    t.native(fast, helper, packX87({ pops: 1 }));

/** Take st(0) off, when its value is in memory. */
const pop = (t: Translator): void => {
  const { b } = t;
  const { i32 } = b;
  const sw = b.peek('i32', Sys.FSW);
  const top = i32.and(i32.shr_u(sw, t.imm(11)), t.imm(7));
  b.poke(Sys.FTW, i32.and(b.peek('i32', Sys.FTW), i32.xor(i32.shl(t.imm(1), top), t.imm(-1))));
  const next = i32.and(i32.add(sw, t.imm(0x800)), t.imm(0x3800));
  b.poke(Sys.FSW, i32.or(i32.and(sw, t.imm(~0x3800)), next));
};
/** FST, FIST and those that pop; `op` 1 truncates. */
const store =
  (format: number, pops: boolean, op = 0): Lift =>
  (t) => {
    const fast = format === From.F80 ? native.store80 : of(native.store, format);
    call(t, fast, fpu.x87Store, packX87({ from: format, op, length: t.d.length }));
    const { b } = t;
    const quad = (): Value<'i64'> => b.peek('i64', Sys.NUMBER);
    const word = (offset = 0): I32 => b.peek('i32', Sys.NUMBER + offset);
    if (format === From.F64 || format === From.I64) t.store('i64.store', t.ea(), quad());
    else if (format === From.F80 || format === From.BCD) {
      t.store('i64.store', t.ea(), quad());
      t.store('i32.store16', t.ea(), word(8), 8);
    } else t.store(format === From.I16 ? 'i32.store16' : 'i32.store', t.ea(), word());
    if (pops) pop(t);
  };

/** FCOMI and its like. */
const compareFlags =
  (op: number, pops: number): Lift =>
  (t) => {
    t.native(native.comi, fpu.x87CompareFlags, packX87({ op, i: sti(t), pops }));
    t.setEflags(t.b.peek('i32', Sys.NUMBER));
  };
/** FCMOVcc, by the condition's encoding. */
const move =
  (cond: number): Lift =>
  (t) => {
    t.b.poke(Sys.NUMBER, t.cond(cond));
    t.native(native.cmov, fpu.fcmov, packX87({ i: sti(t) }));
  };

const environment =
  (helper: number, whole: boolean): Lift =>
  (t) => {
    const aux = packEnvironment(t.d.operand16, whole);
    t.allow(t.ea(), environmentSize(aux), helper === storeEnvironment);
    t.b.poke(Sys.NUMBER, t.convert(t.ea(), t.word, 8, false) as Value as Value<'i64'>);
    t.helper(helper, aux);
  };
const loadControl: Lift = (t) => {
  fetch(t, From.I16);
  t.native(ldcw, fldcw, 0);
};
const storeWord =
  (offset: number): Lift =>
  (t) =>
    t.store('i32.store16', t.ea(), t.b.peek('i32', offset));
const statusToAx: Lift = (t) => t.setReg(RAX, t.b.peek('i32', Sys.FSW) as Value as Int, 2);

const OPERATIONS = ['fadd', 'fmul', 'fcom', 'fcomp', 'fsub', 'fsubr', 'fdiv', 'fdivr'];
type Family = { readonly [format: string]: Native };
/** Natives of the operations. */
const FAMILIES: readonly (Family | null)[] = [
  native.add,
  native.mul,
  null,
  null,
  native.add,
  native.add,
  native.div,
  native.divr,
];
const hex = (n: number): string => n.toString(16).toUpperCase();

/** The eight operations of an opcode with a memory operand, and with registers. */
const memoryForms = (code: string, type: string, from: number): X86Row[] =>
  OPERATIONS.map((name, op) => {
    const text = from === From.I32 || from === From.I16 ? name.replace('f', 'fi') : name;
    const lift = op === 2 || op === 3 ? withMemory(fpu.x87Compare, from, { pops: op - 2 }, of(native.com, from)) : withMemory(fpu.x87Arithmetic, from, { op }, of(FAMILIES[op] as Family, from)); // biome-ignore format: one line
    return insn(`${code} /${op} mem`, `${text} ${type}`, lift);
  });
const registerForms = (code: string, toI: boolean, pops: number): X86Row[] =>
  OPERATIONS.flatMap((name, op) => {
    if (op === 2 || op === 3) return [];
    // the reversed ones are named by what is subtracted from st(i)
    const text = toI && op >= 4 ? (OPERATIONS[op ^ 1] as string) : name;
    const operands = toI ? 'st(i), st' : 'st, st(i)';
    return [insn(`${code} ${hex(0xc0 + 8 * op)}+i`, `${text}${pops ? 'p' : ''} ${operands}`, withStack(fpu.x87Arithmetic, { op, toI, pops }, of(FAMILIES[op] as Family, From.STACK)))]; // biome-ignore format: one line
  });

/** SDM vol. 1, chapter 8: the x87 */
// biome-ignore format: one instruction per line
export const x87Rows: readonly X86Row[] = [
  ...memoryForms('D8', 'm32', From.F32), ...registerForms('D8', false, 0),
  ...memoryForms('DA', 'm32int', From.I32),
  ...memoryForms('DC', 'm64', From.F64), ...registerForms('DC', true, 0),
  ...memoryForms('DE', 'm16int', From.I16), ...registerForms('DE', true, 1),
  insn('D8 D0+i', 'fcom st(i)', withStack(fpu.x87Compare, {}, native.com.st)),
  insn('D8 D8+i', 'fcomp st(i)', withStack(fpu.x87Compare, { pops: 1 }, native.com.st)),
  insn('DC D0+i', 'fcom2 st(i)', withStack(fpu.x87Compare, {}, native.com.st)),
  insn('DC D8+i', 'fcomp3 st(i)', withStack(fpu.x87Compare, { pops: 1 }, native.com.st)),
  insn('DE D0+i', 'fcomp5 st(i)', withStack(fpu.x87Compare, { pops: 1 }, native.com.st)),
  insn('DE D9', 'fcompp', withStack(fpu.x87Compare, { pops: 2 }, native.com.st)),
  insn('DA E9', 'fucompp', withStack(fpu.x87Compare, { op: 1, pops: 2 }, native.com.st)),
  insn('DD E0+i', 'fucom st(i)', withStack(fpu.x87Compare, { op: 1 }, native.com.st)),
  insn('DD E8+i', 'fucomp st(i)', withStack(fpu.x87Compare, { op: 1, pops: 1 }, native.com.st)),
  insn('DB F0+i', 'fcomi st, st(i)', compareFlags(0, 0)),
  insn('DB E8+i', 'fucomi st, st(i)', compareFlags(1, 0)),
  insn('DF F0+i', 'fcomip st, st(i)', compareFlags(0, 1)),
  insn('DF E8+i', 'fucomip st, st(i)', compareFlags(1, 1)),
  insn('D9 E4', 'ftst', alone(fpu.ftst, 0, native.tst)),
  insn('D9 E5', 'fxam', alone(fpu.fxam, 0, native.xam)),
  // loads and stores
  insn('D9 /0 mem', 'fld m32', withMemory(fpu.x87Load, From.F32, {}, of(native.load, From.F32))),
  insn('DD /0 mem', 'fld m64', withMemory(fpu.x87Load, From.F64, {}, of(native.load, From.F64))),
  insn('DB /5 mem', 'fld m80', withMemory(fpu.x87Load, From.F80, {}, native.load80)),
  insn('D9 C0+i', 'fld st(i)', withStack(fpu.x87Load, {}, native.dup)),
  insn('DF /0 mem', 'fild m16', withMemory(fpu.x87Load, From.I16, {}, of(native.load, From.I16))),
  insn('DB /0 mem', 'fild m32', withMemory(fpu.x87Load, From.I32, {}, of(native.load, From.I32))),
  insn('DF /5 mem', 'fild m64', withMemory(fpu.x87Load, From.I64, {}, of(native.load, From.I64))),
  insn('DF /4 mem', 'fbld m80', withMemory(fpu.x87Load, From.BCD)),
  ...['fld1', 'fldl2t', 'fldl2e', 'fldpi', 'fldlg2', 'fldln2', 'fldz'].map((name, n) => insn(`D9 ${hex(0xe8 + n)}`, name, (t) => t.native(native.constants[n] as Native, fpu.x87Constant, n))),
  insn('D9 /2 mem', 'fst m32', store(From.F32, false)),
  insn('D9 /3 mem', 'fstp m32', store(From.F32, true)),
  insn('DD /2 mem', 'fst m64', store(From.F64, false)),
  insn('DD /3 mem', 'fstp m64', store(From.F64, true)),
  insn('DB /7 mem', 'fstp m80', store(From.F80, true)),
  insn('DD D0+i', 'fst st(i)', withStack(fpu.x87Copy, {}, native.copy)),
  insn('DD D8+i', 'fstp st(i)', withStack(fpu.x87Copy, { pops: 1 }, native.copy)),
  insn('D9 D8+i', 'fstp1 st(i)', withStack(fpu.fstp1, { pops: 1 }, native.copy)),
  insn('DF D0+i', 'fstp8 st(i)', withStack(fpu.x87Copy, { pops: 1 }, native.copy)),
  insn('DF D8+i', 'fstp9 st(i)', withStack(fpu.x87Copy, { pops: 1 }, native.copy)),
  insn('DF /2 mem', 'fist m16', store(From.I16, false)),
  insn('DB /2 mem', 'fist m32', store(From.I32, false)),
  insn('DF /3 mem', 'fistp m16', store(From.I16, true)),
  insn('DB /3 mem', 'fistp m32', store(From.I32, true)),
  insn('DF /7 mem', 'fistp m64', store(From.I64, true)),
  insn('DF /1 mem', 'fisttp m16', store(From.I16, true, 1)),
  insn('DB /1 mem', 'fisttp m32', store(From.I32, true, 1)),
  insn('DD /1 mem', 'fisttp m64', store(From.I64, true, 1)),
  insn('DF /6 mem', 'fbstp m80', store(From.BCD, true)),
  insn('D9 C8+i', 'fxch st(i)', withStack(fpu.fxch, {}, native.xch)),
  insn('DD C8+i', 'fxch4 st(i)', withStack(fpu.fxch, {}, native.xch)),
  insn('DF C8+i', 'fxch7 st(i)', withStack(fpu.fxch, {}, native.xch)),
  ...['b', 'e', 'be', 'u'].flatMap((name, n) => [
    insn(`DA ${hex(0xc0 + 8 * n)}+i`, `fcmov${name} st, st(i)`, move([2, 4, 6, 10][n] as number)),
    insn(`DB ${hex(0xc0 + 8 * n)}+i`, `fcmovn${name} st, st(i)`, move([3, 5, 7, 11][n] as number)),
  ]),
  // one operand and two
  insn('D9 E0', 'fchs', alone(fpu.x87Sign, 0, native.chs)),
  insn('D9 E1', 'fabs', alone(fpu.x87Sign, 1, native.abs)),
  insn('D9 FA', 'fsqrt', alone(fpu.fsqrt, 0, native.sqrt)),
  insn('D9 FC', 'frndint', alone(fpu.frndint, 0, native.rndint)),
  insn('D9 FD', 'fscale', alone(fpu.fscale, 0, native.scale)),
  insn('D9 F4', 'fxtract', alone(fpu.fxtract, 0, xtract)),
  insn('D9 F8', 'fprem', alone(fpu.fprem, 0, prem)),
  insn('D9 F5', 'fprem1', alone(fpu.fprem, 1, prem)),
  insn('D9 F0', 'f2xm1', alone(fpu.f2xm1, 0, f2xm1)),
  insn('D9 F1', 'fyl2x', popping(fpu.fyl2x, fyl2x)),
  insn('D9 F9', 'fyl2xp1', popping(fpu.fyl2xp1, fyl2xp1)),
  insn('D9 F3', 'fpatan', popping(fpu.fpatan, fpatan)),
  insn('D9 FE', 'fsin', alone(fpu.circular, 0, circular)),
  insn('D9 FF', 'fcos', alone(fpu.circular, 1, circular)),
  insn('D9 FB', 'fsincos', alone(fpu.circular, 2, circular)),
  insn('D9 F2', 'fptan', alone(fpu.circular, 3, circular)),
  // control
  insn('9B', 'fwait', (t) => t.native(wait, fwait, 0)),
  insn('DB E3', 'fninit', (t) => t.helper(fninit)),
  insn('DB E2', 'fnclex', (t) => t.helper(fnclex)),
  ...['E0', 'E1', 'E4'].map((code, n) => insn(`DB ${code}`, ['fneni', 'fndisi', 'fnsetpm'][n] as string, () => {})),
  insn('D9 D0', 'fnop', (t) => t.native(wait, fwait, 0)),
  insn('D9 F7', 'fincstp', alone(fpu.turnStack)),
  insn('D9 F6', 'fdecstp', alone(fpu.turnStack, 1)),
  insn('DD C0+i', 'ffree st(i)', withStack(fpu.ffree)),
  insn('DF C0+i', 'ffreep st(i)', withStack(fpu.ffree, { pops: 1 })),
  insn('D9 /5 mem', 'fldcw m16', loadControl),
  insn('D9 /7 mem', 'fnstcw m16', storeWord(Sys.FCW)),
  insn('DD /7 mem', 'fnstsw m16', storeWord(Sys.FSW)),
  insn('DF E0', 'fnstsw ax', statusToAx),
  insn('D9 /6 mem', 'fnstenv m', environment(storeEnvironment, false)),
  insn('D9 /4 mem', 'fldenv m', environment(loadEnvironment, false)),
  insn('DD /6 mem', 'fnsave m', environment(storeEnvironment, true)),
  insn('DD /4 mem', 'frstor m', environment(loadEnvironment, true)),
];
