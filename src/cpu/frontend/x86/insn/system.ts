import type { Value } from '../../../ir/value.ts';
import { Exit } from '../../../memory/layout.ts';
import { SETTABLE, TF } from '../eflags.ts';
import type { Int, Size } from '../flags.ts';
import { beginSteps, compareExchange16, cpuid, random, seed, timestamp, xgetbv } from '../helpers/system.ts';
import { RAX, RBX, RCX, RDX, Sys } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { exchangeAccumulator } from './move.ts';

type I32 = Value<'i32'>;

const nothing = (): void => {};
/** As a load of the byte it may fault. */
const flush = (t: Translator): void => void t.loadInt(1);
/** A hint that names an address does not touch it. */
const hint = nothing;
const fence = (t: Translator): void => void t.b.emit('atomic.fence');

/** What user mode may not do (#GP). */
export const privileged = (t: Translator): void => t.exit(Exit.PROTECTION);

const pushFlags = (t: Translator): void => {
  const { i32 } = t.b;
  const size = t.stackSize;
  const bits = i32.or(i32.or(t.eflags(), i32.shl(t.directionFlag(), t.imm(10))), i32.or(t.moreFlags(), t.imm(0x202)));
  t.push(t.convert(bits as Value as Int, 4, size, false), size);
};
/** Set EFLAGS, or of 2 bytes its lower half. */
export const setFlagsRegister = (t: Translator, bits: I32, size: Size): void => {
  const { i32 } = t.b;
  t.setEflags(bits);
  t.b.set(Sys.DF, i32.and(i32.shr_u(bits, t.imm(10)), t.imm(1)));
  const kept = size > 2 ? 0 : SETTABLE & ~TF;
  const more = i32.or(i32.and(t.moreFlags(), t.imm(kept)), i32.and(bits, t.imm(SETTABLE & ~kept)));
  t.b.set(Sys.MORE_FLAGS, more);
};
const popFlags = (t: Translator): void => {
  const { i32 } = t.b;
  const size = t.stackSize;
  const bits = t.narrow(t.peek(size), size);
  t.drop(size);
  setFlagsRegister(t, bits, size);
  t.restoresFlags = true;
  t.b.beginWhen(i32.and(bits, t.imm(TF)));
  t.helper(beginSteps, t.d.length);
  t.b.endWhen();
};
/** LAHF, SAHF: the low byte of EFLAGS but for OF. */
const loadFlags = (t: Translator): void => {
  const { i32 } = t.b;
  const byte = i32.or(i32.and(t.eflags(), t.imm(0xd5)), t.imm(2));
  const kept = i32.and(t.reg(RAX, 2) as Value as I32, t.imm(0xff));
  t.setReg(RAX, i32.or(kept, i32.shl(byte, t.imm(8))) as Value as Int, 2);
};
const storeFlags = (t: Translator): void => {
  const { i32 } = t.b;
  const byte = i32.and(i32.shr_u(t.reg(RAX, 4) as Value as I32, t.imm(8)), t.imm(0xd5));
  t.setEflags(i32.or(byte, i32.shl(t.cond(0), t.imm(11))));
};
const setDirection = (t: Translator, n: number): void => t.b.set(Sys.DF, t.imm(n));

/** CMPXCHG8B, CMPXCHG16B. */
const compareExchangePair = (t: Translator): void => {
  const { b } = t;
  const { i32, i64 } = b;
  t.prepareFlags();
  if (t.d.w === 1) {
    b.set(Sys.OPERAND, t.ea());
    t.materialize();
    t.helper(compareExchange16);
    return t.flagsFromState();
  }
  const word = (n: number): Value<'i64'> => t.wide(t.reg(n, 4) as Value as I32);
  const join = (high: number, low: number): Value<'i64'> => i64.or(i64.shl(word(high), b.const64(32)), word(low));
  const [expected, y] = [join(RDX, RAX), join(RCX, RBX)];
  const old = t.locked ? t.atomic('i64.atomic.rmw.cmpxchg', expected, y) : t.load('i64.load', t.ea());
  const same = i64.eq(old, expected);
  if (!t.locked) t.store('i64.store', t.ea(), i64.select(y, old, same));
  // registers that are not written keep their upper halves
  const set = (n: number, v: Value<'i64'>): void => {
    if (t.is64) t.setReg(n, i64.select(t.reg(n, 8), i64.and(v, b.const64(0xffff_ffff)), same), 8);
    else t.setReg(n, i32.wrap_i64(v) as Value as Int, 4);
  };
  set(RAX, old);
  set(RDX, i64.shr_u(old, b.const64(32)));
  t.changeParts({ zf: same });
};

/** RDRAND, RDSEED: CF tells that there was a number. */
const randomNumber = (t: Translator, helper: number): void => {
  const { size } = t;
  t.helper(helper);
  const v = t.b.get('i64', Sys.OPERAND);
  t.setReg(t.d.rm, t.convert(v, 8, size, false), size);
  t.setParts({ cf: t.imm(1) });
};

const readBase = (t: Translator, at: number): void => {
  const size: Size = t.d.w === 1 ? 8 : 4;
  t.setReg(t.d.rm, t.convert(t.b.get('i64', at), 8, size, false), size);
};
const writeBase = (t: Translator, at: number): void => {
  const size: Size = t.d.w === 1 ? 8 : 4;
  t.b.set(at, t.convert(t.reg(t.d.rm, size), size, 8, false));
};

/** SDM vol. 1, 5.1.12 to 5.1.15 and 5.20: flags, miscellaneous, system */
// biome-ignore format: one instruction per line
export const systemRows: readonly X86Row[] = [
  insn('F3 90', 'pause', (t) => ((t.d.rex & 1) === 1 ? exchangeAccumulator(t) : undefined)),
  insn('0F 1F /0', 'nop r/m', nothing),
  ...['18', '19', '1A', '1B', '1C', '1D', '1E'].map((code) => insn(`0F ${code} /r`, 'nop r/m, r', hint)),
  insn('F3 0F 1E FA', 'endbr64', nothing),
  insn('F3 0F 1E FB', 'endbr32', nothing),
  insn('0F 0D /r mem', 'prefetchw m8', hint),
  insn('NP 0F AE E8', 'lfence', fence),
  insn('NP 0F AE F0', 'mfence', fence),
  insn('NP 0F AE F8', 'sfence', fence),
  insn('NP 0F AE /7 mem', 'clflush m8', flush),
  insn('66 0F AE /7 mem', 'clflushopt m8', flush),
  insn('9C', 'pushf', pushFlags),
  insn('9D', 'popf', popFlags),
  insn('9F', 'lahf', loadFlags),
  insn('9E', 'sahf', storeFlags),
  insn('F8', 'clc', (t) => t.changeParts({ cf: t.imm(0) })),
  insn('F9', 'stc', (t) => t.changeParts({ cf: t.imm(1) })),
  insn('D6', 'salc', (t) => t.setReg(RAX, t.ns(4).sub(t.k(0, 4), t.carry() as Value as Int), 1), 32),
  insn('F5', 'cmc', (t) => t.changeParts({ cf: t.b.i32.eqz(t.carry()) })),
  insn('FC', 'cld', (t) => setDirection(t, 0)),
  insn('FD', 'std', (t) => setDirection(t, 1)),
  insn('0F A2', 'cpuid', (t) => t.helper(cpuid, t.processor)),
  insn('0F 31', 'rdtsc', (t) => t.helper(timestamp, 0)),
  insn('0F 01 F9', 'rdtscp', (t) => t.helper(timestamp, 1)),
  insn('F3 0F C7 /7 reg', 'rdpid r', (t) => t.setReg(t.d.rm, t.constWord(0), t.word)),
  insn('NP 0F 01 D0', 'xgetbv', (t) => t.helper(xgetbv, (t.processor << 1) | (t.is64 ? 1 : 0))),
  insn('0F C7 /6 reg', 'rdrand r', (t) => randomNumber(t, random)),
  insn('0F C7 /7 reg', 'rdseed r', (t) => randomNumber(t, seed)),
  insn('0F C7 /1 mem', 'cmpxchg8b m64', compareExchangePair),
  insn('NP 0F C7 /3 mem', 'xrstors m', privileged),
  insn('NP 0F C7 /5 mem', 'xsaves m', privileged),
  insn('F3 0F AE /0 reg', 'rdfsbase r', (t) => readBase(t, Sys.FS_BASE), 64),
  insn('F3 0F AE /1 reg', 'rdgsbase r', (t) => readBase(t, Sys.GS_BASE), 64),
  insn('F3 0F AE /2 reg', 'wrfsbase r', (t) => writeBase(t, Sys.FS_BASE), 64),
  insn('F3 0F AE /3 reg', 'wrgsbase r', (t) => writeBase(t, Sys.GS_BASE), 64),
  ...['F4', 'FA', 'FB', '6C', '6D', '6E', '6F', 'EC', 'ED', 'EE', 'EF'].map((code, i) => insn(code, ['hlt', 'cli', 'sti', 'insb', 'ins', 'outsb', 'outs', 'in al, dx', 'in eax, dx', 'out dx, al', 'out dx, eax'][i] as string, privileged)),
  ...['E4', 'E5', 'E6', 'E7'].map((code, i) => insn(`${code} ib`, ['in al, imm8', 'in eax, imm8', 'out imm8, al', 'out imm8, eax'][i] as string, privileged)),
  ...['06', '08', '09', '30', '32', '33', '34', '35'].map((code, i) => insn(`0F ${code}`, ['clts', 'invd', 'wbinvd', 'wrmsr', 'rdmsr', 'rdpmc', 'sysenter', 'sysexit'][i] as string, privileged)),
];
