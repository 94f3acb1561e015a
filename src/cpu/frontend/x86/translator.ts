import type { Terminal } from '../../ir/block.ts';
import { type Native, PURE_NATIVE } from '../../ir/native.ts';
import type { Value } from '../../ir/value.ts';
import { Exit, State } from '../../memory/layout.ts';
import { CARRY_ASKED, FLAGS_ASKED, OTHERS_ASKED } from '../frontend.ts';
import { ARITHMETIC, FlagReader, type FlagState, Flags, type Int, kindOf, loadFlags, type Parts, type Size, storeFlags, storeOver, storeOverWhen } from './flags.ts'; // biome-ignore format: one line
import { goOn, stepped } from './helpers/system.ts';
import { eflagsOf, FLAGS_OPERAND } from './natives/flags.ts';
import { nativeNumber } from './natives.ts';
import { type I32, Operands } from './operands.ts';
import { Single, Sys } from './registers.ts';

/** Bit numbers of the arithmetic flags in EFLAGS. */
const PLACES: Readonly<Record<keyof Parts, number>> = { cf: 0, pf: 2, af: 4, zf: 6, sf: 7, of: 11 };

/**
 * What an instruction row sees: operands, flags, memory and control flow, over the IR builder `t.b`; the decoded
 * instruction is `t.d`, its operand size `t.size`.
 *
 * Integers: `rm(size)`, `r(size)`, `reg(n, size)` read an operand of 1, 2, 4 or 8 bytes, `setRm`, `setR`, `setReg` write
 * it. A value of 8 bytes is an i64, any other an i32 whose bits above the size mean nothing (`zx`, `sx` clear or extend
 * them); `ns(size)` are the operations of that type, `k(n, size)` its constants. The type of such values is called Int.
 *
 * Vectors: `xmm(n)` and `setXmm(n, v)` are whole registers, `xmmRm()` and `setXmmRm(v)` the ModRM operand of 16 bytes.
 * Scalars: `load('f64.load', t.ea())`, `store(…)` for memory; `scalarRm('f64')` reads a register's lowest lane or as many
 * bytes of memory. `d.mod === 3` tells that the operand is a register; `d.reg` and `d.rm` are register numbers.
 *
 * Rules for rows: read all sources and do all memory accesses before the first register is written (a fault must find
 * the registers as they were); flags after them; end with a terminal method last.
 */
export class Translator extends Operands {
  /** Number of the processor that is to be, see identification.ts. */
  processor = 0;
  terminal: Terminal | null = null;
  readsFlags = false;
  setsFlags = false;
  /** Whether the block has put flags back: it may return into the middle of any code. */
  restoresFlags = false;
  /** What the flags of the block's entry are asked for, and what of them may still be there: CARRY_ASKED, OTHERS_ASKED. */
  askedFlags = 0;
  keptFlags: number = FLAGS_ASKED;
  /** What is known of the flags in the CPU state; null: nothing. */
  private flags: FlagState | null = null;
  /** Whether the flags are still those of the block's entry. */
  private atEntry = true;
  private flagsIn = -1;

  begin(flagsIn: number): void {
    this.flagsIn = flagsIn;
    this.asksMode = false;
    this.flags = null;
    this.atEntry = true;
    this.readsFlags = false;
    this.setsFlags = false;
    this.restoresFlags = false;
    this.askedFlags = 0;
    this.keptFlags = FLAGS_ASKED;
    this.terminal = null;
  }

  // ── flags ──

  private known(): FlagState {
    if (this.flags) return this.flags;
    if (this.atEntry) this.readsFlags = true;
    if (this.atEntry && this.flagsIn >= 0) this.flags = loadFlags(this.b, this.flagsIn, this.is64);
    else this.flags = this.madeEflags();
    this.atEntry = false;
    return this.flags;
  }
  /** Flags of which nothing is known become those of kind EFLAGS. */
  private madeEflags(): FlagState {
    const { b } = this;
    b.pokeOperand(FLAGS_OPERAND.KIND, b.get('i32', State.CC_OP));
    b.pokeOperand(FLAGS_OPERAND.C, b.get('i32', State.CC_C));
    b.pokeOperand(FLAGS_OPERAND.D, b.get('i32', State.CC_D));
    if (this.is64) {
      b.pokeOperand(FLAGS_OPERAND.A, b.get('i64', State.CC_A));
      b.pokeOperand(FLAGS_OPERAND.B, b.get('i64', State.CC_B));
    } else {
      b.pokeOperand(FLAGS_OPERAND.A, b.get('i32', State.CC_A));
      b.pokeOperand(FLAGS_OPERAND.B, b.get('i32', State.CC_B));
    }
    this.native(eflagsOf, PURE_NATIVE);
    const bits = b.peek('i32', FLAGS_OPERAND.RESULT);
    b.set(State.CC_OP, this.imm(Flags.EFLAGS));
    if (this.is64) b.set(State.CC_A, this.wide(bits));
    else b.set(State.CC_A, bits);
    return { base: Flags.EFLAGS, size: 4, a: bits as Value as Int, b: null, parts: null };
  }
  private get reader(): FlagReader {
    return new FlagReader(this.b, this.known());
  }
  /** Have the flags at hand that an instruction keeps some of: to ask for them may take a helper, before anything is written. */
  prepareFlags(): void {
    this.known();
  }
  /** 1 when the condition (SDM vol. 1, appendix B) holds, else 0. */
  cond(cond: number): I32 {
    const half = cond >> 1;
    this.askedFlags |= this.keptFlags & (half === 1 ? CARRY_ASKED : half === 3 ? FLAGS_ASKED : OTHERS_ASKED);
    return this.reader.condition(cond);
  }
  /** CF as 0 or 1. */
  carry(): I32 {
    this.askedFlags |= this.keptFlags & CARRY_ASKED;
    return this.reader.cf();
  }
  /** CF of an instruction that changes all others. */
  keptCarry(): I32 {
    return this.reader.cf();
  }
  /** The arithmetic flags in their places in EFLAGS. */
  eflags(): I32 {
    this.askedFlags |= this.keptFlags;
    return this.reader.eflags();
  }
  /** The same where they are kept and not asked for. */
  keptEflags(): I32 {
    return this.reader.eflags();
  }
  /** EFLAGS.DF as 0 or 1. */
  directionFlag(): I32 {
    return this.b.get('i32', Sys.DF);
  }
  /** AC and ID in their places. */
  moreFlags(): I32 {
    return this.b.get('i32', Sys.MORE_FLAGS);
  }
  private setFlags(s: FlagState, kept = 0): void {
    this.keptFlags &= kept;
    storeFlags(this.b, s, this.flags, this.is64);
    this.flags = s;
    this.atEntry = false;
    this.setsFlags = true;
  }
  flagsOfAdd(a: Int, b: Int, size: Size): void {
    this.setFlags({ base: Flags.ADD, size, a, b, parts: null });
  }
  flagsOfSub(a: Int, b: Int, size: Size): void {
    this.setFlags({ base: Flags.SUB, size, a: this.zx(a, size), b: this.zx(b, size), parts: null });
  }
  /** Of a sum or difference with a carry (0 or 1) in it. */
  flagsWithCarry(base: 'ADC' | 'SBB', a: Int, b: Int, carry: I32, result: Int, size: Size): void {
    this.setFlags({ base: Flags[base], size, a, b, carry, result, parts: null });
  }
  flagsOfLogic(result: Int, size: Size): void {
    this.setFlags({ base: Flags.LOGIC, size, a: this.zx(result, size), b: null, parts: null });
  }
  /** ZF, SF and PF of a result; CF, OF (and AF, else 0) as given. */
  flagsOfResult(result: Int, size: Size, parts: { cf: I32; of: I32; af?: I32 }, kept = 0): void {
    this.setFlags(this.resultState(result, size, parts), kept);
  }
  private resultState(a: Int, size: Size, parts: { cf: I32; of: I32; af?: I32 }): FlagState {
    const { i32 } = this.b;
    const { cf, of, af } = parts;
    let bits = i32.or(cf, i32.shl(of, this.imm(11)));
    if (af) bits = i32.or(bits, i32.shl(af, this.imm(4)));
    return { base: Flags.RESULT, size, a, b: bits as Value as Int, parts };
  }
  /** The same where `when` is not 0, else the flags stay. */
  flagsOfResultWhen(when: I32, result: Int, size: Size, parts: { cf: I32; of: I32; af?: I32 }): void {
    this.setFlagsWhen(when, this.resultState(result, size, parts));
  }
  /** Of the signed product of two. */
  flagsOfMul(a: Int, b: Int, size: Size): void {
    this.setFlags({ base: Flags.MUL, size, a, b, parts: null });
  }
  /** Of a shift by a count that may be 0, for which the flags stay. */
  flagsOfShift(base: 'SHL' | 'SHR' | 'SAR', v: Int, count: I32, size: Size): void {
    const b = size === 8 ? this.b.i64.extend_i32_u(count) : count;
    const s: FlagState = { base: Flags[base], size, a: v, b: b as Value as Int, parts: null };
    if (count.isConst) this.setFlags(s);
    else this.setFlagsWhen(count, s);
  }
  private setFlagsWhen(when: I32, s: FlagState): void {
    const { b, is64 } = this;
    const from = s.size === 8 ? 8 : 4;
    const word = (offset: number): Int => (is64 ? b.get('i64', offset) : (b.get('i32', offset) as Value as Int));
    const choose = (offset: number, v: Int, from: Size): void => {
      const wide = this.convert(v, from, this.word, false);
      b.set(offset, b.emit(is64 ? 'i64.select' : 'i32.select', wide, word(offset), when) as Int);
    };
    b.set(State.CC_OP, b.i32.select(this.imm(kindOf(s)), b.get('i32', State.CC_OP), when));
    choose(State.CC_A, s.a, from);
    choose(State.CC_B, s.b as Int, (s.b as Value).type === 'i64' ? 8 : 4);
    this.flags = null;
    this.atEntry = false;
    this.setsFlags = true;
  }
  /** All arithmetic flags, in their places in EFLAGS (other bits are ignored). */
  setEflags(bits: I32, kept = 0): void {
    const a = this.b.i32.and(bits, this.imm(ARITHMETIC)) as Value as Int;
    this.setFlags({ base: Flags.EFLAGS, size: 4, a, b: null, parts: null }, kept);
  }
  /** Flags given one by one (0 or 1); those not named are 0. */
  setParts(given: Parts): void {
    const { i32 } = this.b;
    const parts = { cf: this.imm(0), pf: this.imm(0), af: this.imm(0), zf: this.imm(0), sf: this.imm(0), of: this.imm(0), ...given }; // biome-ignore format: one line
    const at = (v: I32, shift: number): I32 => i32.shl(v, this.imm(shift));
    const low = i32.or(parts.cf, i32.or(at(parts.pf, 2), at(parts.af, 4)));
    const bits = i32.or(low, i32.or(at(parts.zf, 6), i32.or(at(parts.sf, 7), at(parts.of, 11))));
    this.setFlags({ base: Flags.EFLAGS, size: 4, a: bits as Value as Int, b: null, parts });
  }
  /** CF and OF given, the others as they are; only where `when` is not 0, if there is one. */
  changeCarryOverflow(cf: I32, of: I32, when: I32 | null): void {
    if (!this.flags && !(this.atEntry && this.flagsIn >= 0)) {
      if (this.atEntry) this.readsFlags = true;
      if (when) storeOverWhen(this.b, when, { cf, of });
      else storeOver(this.b, { cf, of });
      this.atEntry = false;
      this.setsFlags = true;
      return;
    }
    const s = this.known();
    const { i32 } = this.b;
    const parts = when
      ? { cf: i32.select(cf, this.keptCarry(), when), of: i32.select(of, this.reader.condition(0), when) }
      : { cf, of };
    this.setFlags({ ...s, parts: { ...s.parts, ...parts }, over: true }, FLAGS_ASKED);
  }
  /** Some flags given, the others as they are. */
  changeParts(given: Parts): void {
    const { i32 } = this.b;
    const s = this.known();
    const r = this.reader;
    const kept = given.cf ? OTHERS_ASKED : FLAGS_ASKED;
    if (s.base !== Flags.EFLAGS && !given.zf && !given.sf && !given.pf) {
      // the result stays, from which those follow that are not given
      const { cf = r.cf(), of = r.of(), af = r.af() } = given;
      return this.setFlags(this.resultState(r.value(), s.size, { cf, of, af }), kept);
    }
    let bits = r.eflags();
    for (const [name, v] of Object.entries(given)) {
      const bit = PLACES[name as keyof Parts];
      bits = i32.or(i32.and(bits, this.imm(~(1 << bit))), i32.shl(v, this.imm(bit)));
    }
    this.setFlags({ base: Flags.EFLAGS, size: 4, a: bits as Value as Int, b: null, parts: given }, kept);
  }
  /** Make the flags in the CPU state those of kind EFLAGS. */
  materialize(): void {
    if (this.known().base !== Flags.EFLAGS) this.setEflags(this.keptEflags(), FLAGS_ASKED);
  }
  /** The same behind a helper that has written them unless `when` is not 0. */
  setEflagsWhen(when: I32, bits: I32): void {
    const { b, word } = this;
    const written = word === 8 ? b.get('i64', State.CC_A) : (b.get('i32', State.CC_A) as Value as Int);
    const ours = this.convert(bits as Value as Int, 4, word, false);
    b.set(State.CC_OP, this.imm(Flags.EFLAGS));
    b.set(State.CC_A, b.emit(word === 8 ? 'i64.select' : 'i32.select', ours, written, when) as Int);
    this.flagsFromState();
  }
  /** After a helper that wrote the flags: they are of kind EFLAGS. */
  flagsFromState(): void {
    this.flags = loadFlags(this.b, Flags.EFLAGS, this.is64);
    this.atEntry = false;
    this.setsFlags = true;
  }
  get flagsOut(): number {
    if (this.flags) return kindOf(this.flags);
    return this.atEntry ? this.flagsIn : -1;
  }

  // ── control flow ──

  end(terminal: Terminal): void {
    this.terminal = terminal;
  }
  /** Go to a target of a near branch. */
  jump(target: number): void {
    if (this.isFar(target)) this.end({ kind: 'jumpIndirect', target: this.constWord(target), isReturn: false });
    else this.end({ kind: 'jump', target: this.target(target) });
  }
  /** Whether a target lies where nothing is: the fault tells its whole address. */
  isFar(target: number): boolean {
    return this.is64 && (target < 0 || target > 0xffff_ffff);
  }
  /** A branch's target as an address: of 16 bits with that operand size, in 32-bit mode. */
  target(target: number): number {
    return this.d.operand16 && !this.is64 ? target & 0xffff : target >>> 0;
  }
  branch(cond: I32, target: number): void {
    if (cond.isConst) return this.jump(cond.imm !== 0 ? target : this.next);
    if (this.isFar(target)) {
      const to = this.b.i64.select(this.b.const64(target), this.b.const64(this.next), cond);
      this.end({ kind: 'jumpIndirect', target: to, isReturn: false });
    } else this.end({ kind: 'branch', cond, taken: this.target(target), next: this.next });
  }
  /** Make the instruction's end a single-step trap, unless it is one of its own; a system call is followed by none. */
  step(next: number): void {
    const { b, terminal } = this;
    if (terminal === null) return this.stepTo(this.constWord(next));
    switch (terminal.kind) {
      case 'exit':
        return;
      case 'syscall':
        return b.set(Sys.SINGLE, this.imm(Single.STEP | (this.segmented ? Single.SEGMENTED : 0)));
      default:
        return this.stepTo(this.goalOf(terminal));
    }
  }
  /** Where a terminal goes. */
  private goalOf(terminal: Terminal): Int {
    const to = (target: Value | number): Int => (typeof target === 'number' ? this.constWord(target) : (target as Int));
    if (terminal.kind !== 'branch') return to((terminal as { target: number | Value }).target);
    return this.ns(this.word).select(to(terminal.taken), to(terminal.next), terminal.cond);
  }
  /** The end of a block for segments that are not flat, for the terminal it would have: others are not linked with it. */
  leaveSegments(terminal: Terminal): Terminal {
    if (terminal.kind === 'exit' || terminal.kind === 'syscall') return terminal;
    this.b.set(Sys.OPERAND, this.convert(this.goalOf(terminal), this.word, 8, false));
    this.helper(goOn);
    return { kind: 'exit', reason: Exit.INVALIDATED, pc: this.pc };
  }
  private stepTo(target: Int): void {
    this.b.set(Sys.OPERAND, this.convert(target, this.word, 8, false));
    this.helper(stepped);
    this.terminal = { kind: 'exit', reason: Exit.UNDEFINED, pc: this.pc };
  }
  /** Do the instruction once more when the condition is not 0. */
  retryWhen(cond: I32): void {
    this.end({ kind: 'branch', cond, taken: this.pc, next: this.next });
  }
  /** The exit `reason` at this instruction. */
  exit(reason: number, pc: number = this.pc): void {
    this.end({ kind: 'exit', reason, pc });
  }
  /** #UD: the encoding is not there on this CPU (SIGILL). */
  undefined(): void {
    this.exit(Exit.UNDEFINED);
  }
  /** Call helper `id`; afterwards every register is read anew. */
  helper(id: number, aux = 0): void {
    this.b.helper(id, aux);
  }
  /** Have a native do it, or the helper where that is not for the native. */
  native(native: Native, id: number, aux = 0): void {
    this.b.native(nativeNumber(native), id, aux);
  }
}
