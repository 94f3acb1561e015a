import type { Terminal } from '../../ir/block.ts';
import type { Builder } from '../../ir/builder.ts';
import { type Native, PURE_NATIVE } from '../../ir/native.ts';
import type { OpName, ResultOf } from '../../ir/opcodes.ts';
import type { Type } from '../../ir/types.ts';
import type { Value } from '../../ir/value.ts';
import { Exit, State } from '../../memory/layout.ts';
import { CARRY_ASKED, FLAGS_ASKED, OTHERS_ASKED } from '../frontend.ts';
import type { Decoder } from './decoder.ts';
import { ARITHMETIC, FlagReader, type FlagState, Flags, type Int, kindOf, loadFlags, type Parts, type Size, storeFlags, storeOver, storeOverWhen } from './flags.ts'; // biome-ignore format: one line
import { stepped } from './helpers/system.ts';
import { leave } from './helpers.ts';
import { eflagsOf, FLAGS_OPERAND } from './natives/flags.ts';
import { nativeNumber } from './natives.ts';
import { RSP, rOffset, Seg, Single, Sys, selectorOffset, xmmOffset, ymmHighOffset } from './registers.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;
type V128 = Value<'v128'>;

const LOADS = { 1: 'i32.load8_u', 2: 'i32.load16_u', 4: 'i32.load', 8: 'i64.load' } as const;
const STORES = { 1: 'i32.store8', 2: 'i32.store16', 4: 'i32.store', 8: 'i64.store' } as const;
const ATOMIC = { 1: 'i32.atomic.rmw8', 2: 'i32.atomic.rmw16', 4: 'i32.atomic.rmw', 8: 'i64.atomic.rmw' } as const;
type Rmw = 'add' | 'and' | 'or' | 'xor' | 'xchg' | 'cmpxchg';

const RIP = 16;

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
export class Translator {
  readonly b: Builder;
  readonly d: Decoder;
  readonly is64: boolean;
  /** Address of the instruction being translated, and of the next one. */
  pc = 0;
  next = 0;
  /** Number of the processor that is to be, see identification.ts. */
  processor = 0;
  /** The instruction's memory operand lies in two atomic units: it is accessed without atomics, as other threads see such. */
  split = false;
  /** Exact floating point: every operation by the soft-float library. */
  exact = false;
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
  private address: Value | null = null;

  constructor(b: Builder, d: Decoder) {
    this.b = b;
    this.d = d;
    this.is64 = d.is64;
  }

  begin(flagsIn: number): void {
    this.flagsIn = flagsIn;
    this.flags = null;
    this.atEntry = true;
    this.readsFlags = false;
    this.setsFlags = false;
    this.restoresFlags = false;
    this.askedFlags = 0;
    this.keptFlags = FLAGS_ASKED;
    this.terminal = null;
  }

  /** The decoder has the next instruction. */
  beginInstruction(pc: number): void {
    this.pc = pc;
    this.next = pc + this.d.length;
    this.b.pc = pc;
    this.address = null;
  }

  // ── integers ──

  /** Operand size of instructions that take 2, 4 or 8 bytes (SDM vol. 1, 3.6). */
  get size(): Size {
    if (this.d.w === 1) return 8;
    return this.d.operand16 ? 2 : 4;
  }
  /** Operand size of stack accesses and of branches through memory, for which 8 is the usual one in 64-bit mode. */
  get stackSize(): Size {
    if (this.d.operand16 && this.d.w === 0) return 2;
    return this.is64 ? 8 : 4;
  }
  /** Width of registers and addresses. */
  get word(): Size {
    return this.is64 ? 8 : 4;
  }
  ns(size: Size): Builder['i64'] {
    return (size === 8 ? this.b.i64 : this.b.i32) as Builder['i64'];
  }
  k(n: number, size: Size): Int {
    return (size === 8 ? this.b.const64(n) : this.b.const32(n)) as Int;
  }
  imm(n: number): I32 {
    return this.b.const32(n);
  }
  /** Bits above the operand cleared. */
  zx(v: Int, size: Size): Int {
    return size >= 4 ? v : this.ns(4).and(v, this.k(size === 1 ? 0xff : 0xffff, 4));
  }
  /** Bits above the operand made copies of its sign. */
  sx(v: Int, size: Size): Int {
    const { i32 } = this.b;
    if (size >= 4) return v;
    return (size === 1 ? i32.extend8_s(v as Value as I32) : i32.extend16_s(v as Value as I32)) as Value as Int;
  }
  /** An integer of another size, zero- or sign-extended. */
  convert(v: Int, from: Size, to: Size, signed: boolean): Int {
    const { b } = this;
    if (from === 8) return to === 8 ? v : (b.i32.wrap_i64(v) as Value as Int);
    const whole = (from < to ? (signed ? this.sx(v, from) : this.zx(v, from)) : v) as Value as I32;
    if (to < 8) return whole as Value as Int;
    return signed ? b.i64.extend_i32_s(whole) : b.i64.extend_i32_u(whole);
  }

  /** The whole register, of the width that registers have. */
  private whole(n: number): Int {
    return this.is64 ? this.b.get('i64', rOffset(n)) : (this.b.get('i32', rOffset(n)) as Value as Int);
  }
  /** Whether a register of a byte is AH, CH, DH or BH. */
  isHighByte(n: number, size: Size): boolean {
    return size === 1 && n >= 4 && n < 8 && this.d.rex === 0;
  }
  reg(n: number, size: Size): Int {
    if (this.isHighByte(n, size)) return this.ns(4).shr_u(this.reg(n - 4, 4), this.k(8, 4));
    const v = this.whole(n);
    return size === 8 || !this.is64 ? v : (this.b.i32.wrap_i64(v) as Value as Int);
  }
  setReg(n: number, v: Int, size: Size): void {
    const { b, word } = this;
    if (size >= 4) return b.set(rOffset(n), this.convert(v, size, word, false));
    const high = this.isHighByte(n, size);
    const at = high ? n - 4 : n;
    const w = this.ns(word);
    const clean = this.convert(this.zx(v, size), 4, word, false);
    const placed = high ? w.shl(clean, this.k(8, word)) : clean;
    const kept = w.and(this.whole(at), this.k(high ? -0xff01 : size === 1 ? -0x100 : -0x10000, word));
    b.set(rOffset(at), w.or(kept, placed));
  }
  r(size: Size): Int {
    return this.reg(this.d.reg, size);
  }
  setR(v: Int, size: Size): void {
    this.setReg(this.d.reg, v, size);
  }
  rm(size: Size): Int {
    return this.d.mod === 3 ? this.reg(this.d.rm, size) : this.loadInt(size);
  }
  setRm(v: Int, size: Size): void {
    if (this.d.mod === 3) this.setReg(this.d.rm, v, size);
    else this.storeInt(v, size);
  }
  /** An immediate of at most 4 bytes, sign-extended. */
  immediate(size: Size): Int {
    return this.k(this.d.imm, size);
  }
  // ── memory ──

  /** Without a segment's base (LEA); in the width of addresses. */
  effective(): Int {
    const { d, is64 } = this;
    const size = d.addressSize === 8 ? 8 : 4;
    const ns = this.ns(size);
    if (d.base === RIP) return this.k(size === 4 ? (this.next + d.disp) >>> 0 : this.next + d.disp, 8);
    let sum = d.base >= 0 ? this.reg(d.base, size) : null;
    if (d.index >= 0) {
      const index = ns.shl(this.reg(d.index, size), this.k(d.scale, size));
      sum = sum === null ? index : ns.add(sum, index);
    }
    if (sum === null) sum = this.k(d.disp, size);
    else if (d.disp !== 0) sum = ns.add(sum, this.k(d.disp, size));
    if (d.addressSize === 2) sum = this.zx(sum, 2);
    return size === 4 && is64 ? this.convert(sum, 4, 8, false) : sum;
  }
  /** A register as an offset, of the width that the instruction's addresses have. */
  pointer(n: number): Int {
    const size = this.d.addressSize;
    const v = this.reg(n, size);
    return size === 8 ? v : this.convert(this.zx(v, size), 4, this.word, false);
  }
  /** An offset in the segment of the instruction, or in DS. */
  linear(offset: Int): Int {
    const { segment } = this.d;
    if (segment < 0) return offset;
    const at = segment === Seg.FS ? Sys.FS_BASE : Sys.GS_BASE;
    // a null selector; GS has 32-bit programs' thread-local storage, of which each access would pay for the question
    const { i32 } = this.b;
    if (segment === Seg.FS && !this.is64) this.exitWhen(i32.lt_u(this.b.get('i32', selectorOffset(Seg.FS)), this.imm(4)), Exit.PROTECTION); // biome-ignore format: one line
    const base = (this.is64 ? this.b.get('i64', at) : this.b.get('i32', at)) as Int;
    return this.ns(this.word).add(base, offset);
  }
  /** Address of the memory operand. */
  ea(): Int {
    this.address ??= this.linear(this.effective());
    return this.address as Int;
  }
  /** Move the memory operand by so many bytes, within what addresses of its size reach. */
  displace(bytes: Int): void {
    const { d, word } = this;
    const sum = this.ns(word).add(this.effective(), bytes);
    this.address = this.linear(d.addressSize < word ? this.convert(this.zx(this.narrow(sum, word) as Value as Int, d.addressSize), 4, word, false) : sum); // biome-ignore format: one line
  }
  load<O extends OpName>(name: O, addr: Value, disp = 0, mask = 0): ReturnType<typeof this.b.load<O>> {
    return this.b.load(name, addr, disp, mask);
  }
  /** #GP for a store to the memory operand that its segment does not let be; rows have changed no register yet. */
  private allow(addr: Value): void {
    if (this.d.readOnly && addr === this.address) this.b.helper(leave, Exit.PROTECTION);
  }
  store(name: OpName, addr: Value, value: Value, disp = 0, mask = 0): void {
    this.allow(addr);
    this.b.store(name, addr, value, disp, mask);
  }
  loadInt(size: Size, addr: Value = this.ea(), disp = 0): Int {
    return this.b.load(LOADS[size], addr, disp) as Value as Int;
  }
  storeInt(v: Int, size: Size, addr: Value = this.ea(), disp = 0): void {
    this.store(STORES[size], addr, v, disp);
  }
  /** Atomic read-modify-write of the memory operand: the old value. */
  rmw(op: Rmw, size: Size, x: Int, y: Int | null = null): Int {
    const name = `${ATOMIC[size]}.${op}${size < 4 ? '_u' : ''}` as OpName;
    this.allow(this.ea());
    return this.b.emit(name, this.ea(), this.zx(x, size), y && this.zx(y, size)) as Value as Int;
  }
  /** Whether the instruction's read-modify-write of memory is to be atomic. */
  get locked(): boolean {
    return this.d.lock && this.d.mod !== 3 && !this.split;
  }
  push(v: Int, size: Size): void {
    const sp = this.whole(RSP);
    this.storeInt(v, size, sp, -size);
    this.setReg(RSP, this.ns(this.word).sub(sp, this.k(size, this.word)), this.word);
  }
  /** What is on the stack, `disp` bytes above its top; the pointer stays. */
  peek(size: Size, disp = 0): Int {
    return this.loadInt(size, this.whole(RSP), disp);
  }
  /** Take bytes off the stack. */
  drop(bytes: number): void {
    const { word } = this;
    this.setReg(RSP, this.ns(word).add(this.whole(RSP), this.k(bytes, word)), word);
  }
  // ── vectors ──

  xmm(n: number): V128 {
    return this.b.get('v128', xmmOffset(n));
  }
  /** As SSE does: the upper half of the ymm register stays. */
  setXmm(n: number, v: V128): void {
    this.b.set(xmmOffset(n), v);
  }
  ymmHigh(n: number): V128 {
    return this.b.get('v128', ymmHighOffset(n));
  }
  setYmmHigh(n: number, v: V128): void {
    this.b.set(ymmHighOffset(n), v);
  }
  /** Bits that have to be 0 in the address of 16 bytes: SSE's instructions want it aligned, AVX's do not (SDM vol. 1, 14.9). */
  get lowBits(): number {
    return this.d.vexL === -2 ? 15 : 0;
  }
  xmmRm(mask: number = this.lowBits): V128 {
    return this.d.mod === 3 ? this.xmm(this.d.rm) : this.load('v128.load', this.ea(), 0, mask);
  }
  setXmmRm(v: V128, mask: number): void {
    if (this.d.mod === 3) this.setXmm(this.d.rm, v);
    else this.store('v128.store', this.ea(), v, 0, mask);
  }
  /** The lowest lane of the ModRM register, or memory of that size. */
  scalarRm<T extends 'i32' | 'i64' | 'f32' | 'f64'>(type: T): Value<T> {
    const { d, b } = this;
    if (d.mod !== 3) return b.load(`${type}.load`, this.ea()) as unknown as Value<T>;
    const lanes = type.endsWith('32') ? 'x4' : 'x2';
    return b.extract(`${type}${lanes}.extract_lane` as OpName, this.xmm(d.rm), 0) as unknown as Value<T>;
  }
  atomic<O extends OpName>(name: O, x: Value | null = null, y: Value | null = null): Value<ResultOf<O> & Type> {
    this.allow(this.ea());
    return this.b.emit(name, this.ea(), x, y) as Value<ResultOf<O> & Type>;
  }

  mxcsr(): I32 {
    return this.b.get('i32', Sys.MXCSR);
  }
  setMxcsr(v: I32): void {
    this.b.set(Sys.MXCSR, v);
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
    this.setFlags({ base: Flags.SUB, size, a, b, parts: null });
  }
  /** Of a sum or difference with a carry (0 or 1) in it. */
  flagsWithCarry(base: 'ADC' | 'SBB', a: Int, b: Int, carry: I32, result: Int, size: Size): void {
    this.setFlags({ base: Flags[base], size, a, b, carry, result, parts: null });
  }
  flagsOfLogic(result: Int, size: Size): void {
    this.setFlags({ base: Flags.LOGIC, size, a: result, b: null, parts: null });
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
    const to = (target: Value | number): Int => (typeof target === 'number' ? this.constWord(target) : (target as Int));
    switch (terminal.kind) {
      case 'exit':
        return;
      case 'syscall':
        return b.set(Sys.SINGLE, this.imm(Single.STEP));
      case 'branch':
        return this.stepTo(this.ns(this.word).select(to(terminal.taken), to(terminal.next), terminal.cond));
      default:
        return this.stepTo(to(terminal.target as number | Value));
    }
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
  /** Leave with a reason when the condition is not 0. */
  exitWhen(cond: I32, reason: number): void {
    this.b.beginWhen(cond);
    this.b.helper(leave, reason);
    this.b.endWhen();
  }
  /** Call helper `id`; afterwards every register is read anew. */
  helper(id: number, aux = 0): void {
    this.b.helper(id, aux);
  }
  /** Have a native do it, or the helper where that is not for the native. */
  native(native: Native, id: number, aux = 0): void {
    this.b.native(nativeNumber(native), id, aux);
  }
  constWord(n: number): Int {
    return this.k(n, this.word);
  }
  narrow(v: Int, size: Size): I32 {
    return size === 8 ? this.b.i32.wrap_i64(v) : (v as Value as I32);
  }
  wide(v: I32): I64 {
    return this.b.i64.extend_i32_u(v);
  }
}
