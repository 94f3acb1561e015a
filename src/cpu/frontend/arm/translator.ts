import type { Terminal } from '../../ir/block.ts';
import type { Builder } from '../../ir/builder.ts';
import { PURE_NATIVE } from '../../ir/native.ts';
import type { OpName, ResultOf } from '../../ir/opcodes.ts';
import { opInfo } from '../../ir/opcodes.ts';
import type { Type } from '../../ir/types.ts';
import type { Value } from '../../ir/value.ts';
import { Exit, State } from '../../memory/layout.ts';
import { FloatMode } from '../float-mode.ts';
import { advanced } from '../form.ts';
import { elementOf, turned, unsignedOf } from './endian.ts';
import {
  carryOf,
  condition,
  type FlagState,
  Flags,
  fromBits,
  kindOf,
  loadFlags,
  nzcvOf,
  Parts,
  storeFlags,
  type Words,
  wordsOf,
} from './flags.ts';
import { goToTarget, leaveBehind, raiseBreakpoint, raiseUndefined } from './helpers.ts';
import { FLAGS_OPERAND, NZCV_OF_ANY, SETTLE_FLAGS } from './natives.ts';
import { LR, PC, qOffset, rOffset, SP, Sys } from './registers.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;
type F32 = Value<'f32'>;
type F64 = Value<'f64'>;
type V128 = Value<'v128'>;

const UNKNOWN: FlagState = {
  base: Flags.UNKNOWN,
  a: null,
  b: null,
  r: null,
  fa: null,
  fb: null,
  nz: null,
  c: null,
  choice: null,
  words: null,
};

/**
 * What an instruction row sees: register access, flags, memory and control flow of AArch32, over the IR builder `t.b`.
 * One row serves A32 and T32, and conditional execution too, which rows know nothing of: what a conditional instruction
 * writes to registers is chosen by select; its first access to memory (or helper) begins a conditional part of the
 * block, which lasts to its end.
 *
 * Rules for rows: read all sources and do all memory accesses before the first register is written (a fault must find
 * the registers as they were; but what a load of several wrote is UNKNOWN behind one, other than its base: Arm ARM
 * F2.7); end with a terminal method last.
 */
export class Translator extends FloatMode {
  readonly b: Builder;
  /** Address of the instruction being translated; bit 0 is set in T32 code. */
  pc = 0;
  /** Address of the next instruction, with the same bit 0. */
  next = 0;
  thumb = false;
  terminal: Terminal | null = null;
  /** Parts of the flags that are read as they were at the block's entry, and those that are set. */
  reads = 0;
  sets = 0;
  /** ITSTATE of the instruction being translated (Arm ARM F1.2, E1.2); 0 outside IT blocks. */
  it = 0;
  /** Whether the CPU state's ITSTATE may be other than 0. */
  itStored = false;
  /** BIG_ENDIAN with CPSR.E set: data in memory are big-endian; else 0. Such blocks lead nowhere but to the dispatcher. */
  big = 0;
  /** For the cold tier alone. */
  isCold = false;
  /** What is known of the flags; of an unknown base newer results may be known. */
  private flags: FlagState = UNKNOWN;
  /** What the CPU state has of them: they are written before something looks or control may leave. */
  private stored: FlagState = UNKNOWN;
  private flagsIn = -1;
  /** Whether `flags` has all that is known of those at the block's entry. */
  private asked = false;
  /** Parts of `flags` that are those of the entry. */
  private entry: number = Parts.ALL;
  /** The instruction's condition, while what it writes is to be chosen by it. */
  private predicate: I32 | null = null;
  /** Its number. */
  private predicateCond = 14;
  /** The condition that was asked for last, of which flags: the instructions of an IT block have the same one or its opposite. */
  private tested: { readonly flags: FlagState; readonly cond: number; readonly holds: I32 } | null = null;
  /** The condition, from its conditional part's beginning on. */
  private part: I32 | null = null;
  private flagsBeforePart: FlagState = UNKNOWN;
  private entryBeforePart: number = Parts.ALL;

  constructor(b: Builder) {
    super();
    this.b = b;
  }

  /** `itStored`: whether the CPU state's ITSTATE may be other than 0. */
  begin(flagsIn: number, thumb: boolean, it: number, itStored: boolean = it !== 0): void {
    this.flagsIn = flagsIn;
    this.asksMode = false;
    this.asked = false;
    this.flags = UNKNOWN;
    this.stored = UNKNOWN;
    this.entry = Parts.ALL;
    this.reads = 0;
    this.sets = 0;
    this.terminal = null;
    this.thumb = thumb;
    this.it = it;
    this.big = 0;
    this.itStored = itStored;
    this.predicate = null;
    this.tested = null;
    this.part = null;
    this.isCold = false;
  }

  // ── conditional execution ──

  /** Translate one instruction under a condition (14 = always). */
  conditionally(cond: number, lift: () => void): void {
    // a condition that comes last is tested by the branch itself
    this.flush();
    const c = this.predicateOf(cond);
    if (c.isConst) {
      if (c.imm !== 0) lift();
      return;
    }
    this.predicate = c;
    this.predicateCond = cond;
    lift();
    this.predicate = null;
    if (!this.part) return;
    this.flush();
    this.b.endWhen();
    this.part = null;
    // flags written in the part are known at run time only
    if (this.flags !== this.flagsBeforePart) {
      this.flags = UNKNOWN;
      this.stored = UNKNOWN;
      this.asked = true;
      this.sets = Parts.ALL;
      this.entry = this.entryBeforePart;
    }
    if (this.pendingTarget) {
      this.terminal = { ...this.terminal, target: this.b.get('i32', Sys.TARGET) } as Terminal;
      this.pendingTarget = false;
    }
  }

  private predicateOf(cond: number): I32 {
    if (cond >= 14) return this.imm(1);
    const flags = this.whole(cond);
    const { tested } = this;
    if (tested?.flags === flags && tested.cond === cond) return tested.holds;
    if (tested?.flags === flags && tested.cond === (cond ^ 1)) return this.b.i32.eqz(tested.holds);
    const holds = condition(this.b, flags, cond);
    this.tested = { flags, cond, holds };
    return holds;
  }

  /** Before an access to memory or a helper: what follows is done under the condition only. */
  open(): void {
    this.flush();
    this.storeIt();
    if (!this.predicate) return;
    this.part = this.predicate;
    this.predicate = null;
    this.flagsBeforePart = this.flags;
    this.entryBeforePart = this.entry;
    this.b.beginWhen(this.part);
  }

  /** Before what may leave the block at this instruction: its place in an IT block. */
  private storeIt(): void {
    if (this.it === 0) return;
    this.setContext(this.it);
    this.itStored = true;
  }

  /** What decides besides the pc how an instruction is done: ITSTATE, and CPSR.E. */
  private setContext(it: number): void {
    this.b.set(Sys.IT, this.b.const32(it | this.big));
  }

  /** Write a register of the CPU state. */
  set<T extends Type>(offset: number, v: Value<T>): void {
    if (!this.predicate) return this.b.set(offset, v);
    const old = this.b.get(v.type, offset);
    this.b.set(offset, this.b.emit(`${v.type}.select` as OpName, v, old, this.predicate));
  }

  // ── general registers ──

  /** r0–r15; the pc reads as the instruction's address plus 8, or 4 in T32. */
  r(n: number): I32 {
    return n === PC ? this.b.const32(this.pcValue) : this.b.get('i32', rOffset(n));
  }
  /** r0–r14; r15 is what the row makes of it (`branchTo`). */
  setR(n: number, v: I32): void {
    this.set(rOffset(n), v);
  }
  get pcValue(): number {
    return this.thumb ? (this.pc & ~1) + 4 : this.pc + 8;
  }
  /** The pc as literal loads and ADR see it. */
  get alignedPc(): number {
    return this.pcValue & ~3;
  }
  /** Write a result that may be the pc: ALUWritePC (E1.2.3): A32 interworks, T32 does not. */
  setResult(n: number, v: I32): void {
    if (n !== PC) return this.setR(n, v);
    this.branchTo(this.thumb ? this.b.i32.or(v, this.b.const32(1)) : v, false);
  }
  imm(n: number): I32 {
    return this.b.const32(n);
  }

  // ── vector registers ──

  q(n: number): V128 {
    // operations on them may leave a region where a result is a NaN
    this.flush();
    if (!this.isCold && !this.exact) this.storeIt();
    return this.b.get('v128', qOffset(n));
  }
  setQ(n: number, v: V128): void {
    this.set(qOffset(n), v);
  }
  /** d0–d31 and s0–s31 as integers and floats. */
  dBits(n: number): I64 {
    return this.b.extract('i64x2.extract_lane', this.q(n >> 1), n & 1);
  }
  setDBits(n: number, v: I64): void {
    this.setQ(n >> 1, this.b.replace('i64x2.replace_lane', this.q(n >> 1), n & 1, v));
  }
  d(n: number): F64 {
    return this.b.extract('f64x2.extract_lane', this.q(n >> 1), n & 1);
  }
  setD(n: number, v: F64): void {
    this.setQ(n >> 1, this.b.replace('f64x2.replace_lane', this.q(n >> 1), n & 1, v));
  }
  sBits(n: number): I32 {
    return this.b.extract('i32x4.extract_lane', this.q(n >> 2), n & 3);
  }
  setSBits(n: number, v: I32): void {
    this.setQ(n >> 2, this.b.replace('i32x4.replace_lane', this.q(n >> 2), n & 3, v));
  }
  s(n: number): F32 {
    return this.b.extract('f32x4.extract_lane', this.q(n >> 2), n & 3);
  }
  setS(n: number, v: F32): void {
    this.setQ(n >> 2, this.b.replace('f32x4.replace_lane', this.q(n >> 2), n & 3, v));
  }

  // ── flags ──

  /** The flags as far as a condition (or all of them) needs; asks at run time where it is not known what they come from. */
  private whole(cond = -1): FlagState {
    /** Parts that are asked for, where they alone are there and tell it; 0: they do not. */
    const enough = ({ base, nz, c }: FlagState): number => {
      if ((cond & ~5) === 0 && nz) return Parts.NZ;
      if ((cond & ~1) === 2 && c) return Parts.C;
      return base === Flags.UNKNOWN ? 0 : Parts.ALL;
    };
    const own = enough(this.flags);
    if (own !== 0) {
      this.reads |= own & this.entry;
      return this.flags;
    }
    if (!this.asked && this.flagsIn >= 0) {
      const entry = loadFlags(this.b, this.flagsIn);
      const under = ({ nz, c }: FlagState): FlagState => ({ ...entry, nz: nz ?? entry.nz, c: c ?? entry.c });
      const flushed = this.flags === this.stored;
      this.stored = under(this.stored);
      this.flags = flushed ? this.stored : under(this.flags);
    }
    this.asked = true;
    const whole = enough(this.flags);
    this.reads |= (whole || Parts.ALL) & this.entry;
    if (whole !== 0) return this.flags;
    this.flush();
    this.settleFlags();
    this.flags = loadFlags(this.b, Flags.NZCV);
    this.stored = this.flags;
    return this.flags;
  }
  /** Flags of which nothing is known become those of kind NZCV. */
  private settleFlags(): void {
    const { b } = this;
    if (this.isCold) return b.nativeHelper(SETTLE_FLAGS);
    const word = (to: number, from: number): void => b.pokeOperand(to, b.get('i32', from));
    const float = (to: number, from: number): void => b.pokeOperand(to, b.i64.reinterpret_f64(b.get('f64', from)));
    word(FLAGS_OPERAND.KIND, State.CC_OP);
    word(FLAGS_OPERAND.A, State.CC_A);
    word(FLAGS_OPERAND.B, State.CC_B);
    word(FLAGS_OPERAND.R, State.CC_R);
    float(FLAGS_OPERAND.FA, State.CC_FA);
    float(FLAGS_OPERAND.FB, State.CC_FB);
    word(FLAGS_OPERAND.NZ, State.CC_C);
    word(FLAGS_OPERAND.C, State.CC_D);
    b.native(NZCV_OF_ANY, PURE_NATIVE);
    b.set(State.CC_OP, this.imm(Flags.NZCV));
    b.set(State.CC_A, b.peek('i32', FLAGS_OPERAND.RESULT));
  }
  get readsFlags(): boolean {
    return this.reads !== 0;
  }
  get setsFlags(): boolean {
    return this.sets !== 0;
  }

  /** i32: 1 when the condition holds. */
  cond(cond: number): I32 {
    return cond >= 14 ? this.imm(1) : condition(this.b, this.whole(cond), cond);
  }
  /** C as 0 or 1. */
  carry(): I32 {
    return carryOf(this.b, this.whole(2));
  }
  /** See {@link wordsOf}. */
  words(x: I32, y: I32): Words | null {
    return wordsOf(this.b, this.whole(2), x, y);
  }
  nzcv(): I32 {
    return nzcvOf(this.b, this.whole());
  }
  setFlags(s: FlagState): void {
    this.putFlags(s, Parts.ALL);
  }
  private putFlags(s: FlagState, parts: number): void {
    this.flags = this.predicate ? this.choose(s, this.whole(), this.predicate) : s;
    this.sets |= parts;
    this.entry &= ~parts;
  }
  /** Write the flags to the CPU state. */
  flush(): void {
    const { flags: now, stored: before } = this;
    if (now === before) return;
    storeFlags(this.b, now, before.base === Flags.UNKNOWN && now.base !== Flags.UNKNOWN ? null : before);
    this.stored = now;
  }
  /** N and Z of a result; C and V stay. */
  setNZ(result: I32): void {
    this.setNZC(result, null);
  }
  /** N, Z and C (in bit 0); V stays. A null carry stays too. */
  setNZC(result: I32, carry: I32 | null): void {
    const before = this.predicate ? this.whole() : this.flags;
    this.putFlags(
      { ...before, nz: result, c: carry ?? before.c, choice: null, words: null },
      Parts.NZ | (carry ? Parts.C : 0),
    );
  }
  setNzcv(bits: I32): void {
    this.setFlags(fromBits(bits));
  }
  /** The new flags where the condition holds, else the old ones. */
  private choose(now: FlagState, old: FlagState, p: I32): FlagState {
    const { b } = this;
    const choice = { now, old, cond: this.predicateCond, holds: p };
    if (kindOf(now) !== kindOf(old)) {
      return { ...fromBits(b.i32.select(nzcvOf(b, now), nzcvOf(b, old), p)), choice };
    }
    const pick = <T extends Type>(x: Value<T> | null, y: Value<T> | null): Value<T> | null =>
      x && y ? (b.emit(`${x.type}.select` as OpName, x, y, p) as Value<T>) : null;
    return {
      base: now.base,
      a: pick(now.a, old.a),
      b: pick(now.b, old.b),
      r: pick(now.r, old.r),
      fa: pick(now.fa, old.fa),
      fb: pick(now.fb, old.fb),
      nz: pick(now.nz, old.nz),
      c: pick(now.c, old.c),
      choice,
      words: null,
    };
  }
  /** Whether the instruction leaves the flags alone that it would set outside an IT block. */
  get inIt(): boolean {
    return this.it !== 0;
  }
  get flagsOut(): number {
    const kind = kindOf(this.flags);
    if (kind !== Flags.UNKNOWN) return kind;
    return this.asked || this.setsFlags ? -1 : this.flagsIn;
  }

  // ── memory ──

  /**
   * `mask`: bits of the address that have to be 0 (E2.2: alignment faults); `element`: log2 of the bytes that have an order
   * (E2.3), without: all.
   */
  load<O extends OpName>(
    name: O,
    addr: I32,
    disp = 0,
    mask = 0,
    element: number = elementOf(opInfo[name].size),
  ): ReturnType<typeof this.b.load<O>> {
    this.open();
    const { b } = this;
    if (this.big === 0) return b.load(name, addr, disp, mask);
    const v = turned(b, b.load(unsignedOf(name), addr, disp, mask) as Value, opInfo[name].size, element);
    return (name === 'i32.load16_s' ? b.i32.extend16_s(v as I32) : v) as ReturnType<typeof b.load<O>>;
  }
  store(
    name: OpName,
    addr: I32,
    value: Value,
    disp = 0,
    mask = 0,
    element: number = elementOf(opInfo[name].size),
  ): void {
    this.open();
    const v = this.big === 0 ? value : turned(this.b, value, opInfo[name].size, element);
    this.b.store(name, addr, v, disp, mask);
  }
  atomic<O extends OpName>(
    name: O,
    addr: I32,
    x: Value | null = null,
    y: Value | null = null,
  ): Value<ResultOf<O> & Type> {
    this.open();
    const { size } = opInfo[name];
    // a pair is two words
    const turn = (v: Value | null): Value | null =>
      this.big === 0 || !v ? v : turned(this.b, v, size, elementOf(Math.min(size, 4)));
    const old = this.b.emit(name, addr, turn(x), turn(y));
    return (opInfo[name].result === 'void' ? old : turn(old as Value)) as Value<ResultOf<O> & Type>;
  }

  // ── control flow ──

  end(terminal: Terminal): void {
    const cond = this.part ?? this.predicate;
    if (terminal.kind === 'exit' && this.it !== 0) this.setContext(this.it);
    if (cond && terminal.kind === 'jump') {
      this.terminal = { kind: 'branch', cond, taken: terminal.target, next: this.next };
      return;
    }
    this.terminal = cond ? { ...terminal, guard: { cond, next: this.next } } : terminal;
  }
  /** Go to an address whose bit 0 tells the instruction set (BXWritePC). */
  branchTo(target: I32, isReturn: boolean): void {
    const { b } = this;
    if (target.isConst) return this.end({ kind: 'jump', target: target.imm >>> 0 });
    if (this.part) {
      // the value is of no use behind the part
      b.set(Sys.TARGET, target);
      this.pendingTarget = true;
    }
    // `mov lr, pc` before the jump makes it a call
    const lr = b.get('i32', rOffset(LR));
    if (!isReturn && lr.isConst && lr.imm >>> 0 === this.next) {
      return this.end({ kind: 'callIndirect', target, ret: this.next });
    }
    this.end({ kind: 'jumpIndirect', target, isReturn });
  }
  /** The terminal's target waits in Sys.TARGET until the conditional part is over. */
  pendingTarget = false;

  /** Call a function: LR gets the address of the next instruction. */
  call(target: number): void {
    this.setR(LR, this.imm(this.next));
    this.end({ kind: 'call', target: target >>> 0, ret: this.next });
  }
  /** SVC. Inside an IT block what follows needs ITSTATE, so control leaves to the dispatcher, which looks for it. */
  syscall(): void {
    const { b, predicate } = this;
    if ((this.it & 7) === 0 && this.big === 0) return this.end({ kind: 'syscall', next: this.next });
    this.flush();
    this.setContext(advanced(this.it));
    this.itStored = false;
    this.predicate = null;
    if (predicate) {
      b.beginWhen(b.i32.eqz(predicate));
      b.helper(leaveBehind, this.next - this.pc);
      b.endWhen();
    }
    this.terminal = { kind: 'syscall', next: this.next };
  }
  /** IT: the conditions of up to four instructions that follow (Arm ARM F5.1.56). */
  beginIt(itstate: number): void {
    if (this.it !== 0) return this.undefined();
    this.it = itstate;
  }
  /** ITAdvance: behind each instruction of an IT block. */
  advanceIt(): void {
    this.it = advanced(this.it);
    if (this.terminal && this.terminal.kind !== 'exit') this.it = 0;
    if (this.it !== 0 || !this.itStored || this.terminal?.kind === 'exit') return;
    this.itStored = false;
    this.setContext(0);
  }
  /** The block ends here because it is long, or at the end of what is executable. */
  cut(pc: number): Terminal {
    if (this.it === 0) return { kind: 'jump', target: pc };
    this.setContext(this.it);
    return { kind: 'exit', reason: Exit.UNTRANSLATED, pc };
  }
  /** SETEND, or an MSR that writes CPSR.E (`bit`, 0 or 1): the dispatcher looks for it. */
  setEndian(bit: I32): void {
    const { b, predicate } = this;
    const { i32 } = b;
    const it = advanced(this.it);
    const to = i32.or(i32.shl(bit, this.imm(8)), this.imm(it));
    b.set(Sys.IT, predicate ? i32.select(to, this.imm(it | this.big), predicate) : to);
    this.itStored = false;
    this.terminal = { kind: 'exit', reason: Exit.UNTRANSLATED, pc: this.next };
  }
  /**
   * The end of a block of big-endian data, for the terminal it would have: nothing is linked with it, as other blocks take
   * data for little-endian.
   */
  leaveBig(terminal: Terminal): Terminal {
    if (terminal.kind === 'exit' || terminal.kind === 'syscall') return terminal;
    const { b } = this;
    const { i32 } = b;
    const to = (target: number | Value): I32 => (typeof target === 'number' ? this.imm(target) : (target as I32));
    const goal =
      terminal.kind === 'branch'
        ? i32.select(to(terminal.taken), to(terminal.next), terminal.cond as I32)
        : to((terminal as { target: number | Value }).target);
    const { guard } = terminal;
    this.flush();
    b.set(Sys.TARGET, guard ? i32.select(goal, to(guard.next), guard.cond as I32) : goal);
    b.helper(goToTarget);
    return { kind: 'exit', reason: Exit.UNTRANSLATED, pc: this.pc };
  }
  /** UNDEFINED: the encoding is unallocated or not there on this CPU (SIGILL). */
  undefined(): void {
    // under a condition the block goes on
    if (this.predicate ?? this.part) return this.helper(raiseUndefined);
    this.end({ kind: 'exit', reason: Exit.UNDEFINED, pc: this.pc });
  }
  /** SIGTRAP. */
  breakpoint(): void {
    if (this.predicate ?? this.part) return this.helper(raiseBreakpoint);
    this.end({ kind: 'exit', reason: Exit.BREAKPOINT, pc: this.pc });
  }
  /** Call helper `id` (see helpers.ts); afterwards every register is read anew. */
  helper(id: number, aux = 0): void {
    this.open();
    this.b.helper(id, aux);
  }
  /** After a helper that wrote the flags: they are NZCV in CC_A. */
  flagsFromState(): void {
    this.flags = loadFlags(this.b, Flags.NZCV);
    this.stored = this.flags;
    this.asked = true;
    this.sets = Parts.ALL;
    this.entry = 0;
  }
}

export { SP };
