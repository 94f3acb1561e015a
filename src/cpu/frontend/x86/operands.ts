import type { Builder } from '../../ir/builder.ts';
import { type OpName, opInfo, type ResultOf } from '../../ir/opcodes.ts';
import type { Type } from '../../ir/types.ts';
import type { Value } from '../../ir/value.ts';
import { Exit } from '../../memory/layout.ts';
import { FloatMode } from '../float-mode.ts';
import type { Decoder } from './decoder.ts';
import type { Int, Size } from './flags.ts';
import { checkSegment, packAccess } from './helpers/system.ts';
import { leave } from './helpers.ts';
import { RBP, RSP, rOffset, Seg, SegmentField, Sys, segmentOffset, selectorOffset, xmmOffset, ymmHighOffset } from './registers.ts'; // biome-ignore format: one line

export type I32 = Value<'i32'>;
export type I64 = Value<'i64'>;
type V128 = Value<'v128'>;

const LOADS = { 1: 'i32.load8_u', 2: 'i32.load16_u', 4: 'i32.load', 8: 'i64.load' } as const;
const STORES = { 1: 'i32.store8', 2: 'i32.store16', 4: 'i32.store', 8: 'i64.store' } as const;
const ATOMIC = { 1: 'i32.atomic.rmw8', 2: 'i32.atomic.rmw16', 4: 'i32.atomic.rmw', 8: 'i64.atomic.rmw' } as const;
type Rmw = 'add' | 'and' | 'or' | 'xor' | 'xchg' | 'cmpxchg';

const RIP = 16;

/** Registers and memory as an instruction's operands: see Translator, which adds flags and control flow. */
export abstract class Operands extends FloatMode {
  readonly b: Builder;
  readonly d: Decoder;
  readonly is64: boolean;
  /** Address of the instruction being translated, and of the next one. */
  pc = 0;
  next = 0;
  /** The instruction's memory operand lies in two atomic units: it is accessed without atomics, as other threads see such. */
  split = false;
  /** The block ends behind the instruction, whatever that is. */
  alone = false;
  /** Some segment of a 32-bit program is not flat: accesses are looked at, and all bases added. */
  segmented = false;
  private address: Value | null = null;
  /** What zx made of bytes and halves: results go into a register and into flags. */
  private readonly cleared: readonly Map<Int, Int>[] = [new Map(), new Map()];
  /** Where the instruction's addresses lie in their segments, if these are not flat. */
  private readonly places = new Map<Value, { readonly segment: number; readonly offset: I32 }>();

  constructor(b: Builder, d: Decoder) {
    super();
    this.b = b;
    this.d = d;
    this.is64 = d.is64;
  }

  /** The decoder has the next instruction. */
  beginInstruction(pc: number): void {
    this.pc = pc;
    this.next = pc + this.d.length;
    this.b.pc = pc;
    this.address = null;
    if (this.segmented) this.places.clear();
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
    if (size >= 4) return v;
    const known = this.cleared[size === 1 ? 0 : 1] as Map<Int, Int>;
    let clear = known.get(v);
    if (clear === undefined) {
      clear = this.ns(4).and(v, this.k(size === 1 ? 0xff : 0xffff, 4));
      known.set(v, clear);
    }
    return clear;
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

  /** The effective address, without a segment's base (LEA); in the width of addresses. */
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
  /** The segment of the instruction: `usual`, unless it names another. */
  segmentOr(usual: number): number {
    return this.d.override < 0 ? usual : this.d.override;
  }
  /** An address in a segment that need not be flat. */
  inSegment(offset: Int, segment: number): Int {
    const at = segment === Seg.FS ? Sys.FS_BASE : segment === Seg.GS ? Sys.GS_BASE : segmentOffset(segment) + SegmentField.BASE; // biome-ignore format: one line
    const address = this.ns(4).add(this.b.get('i32', at) as Value as Int, offset);
    this.places.set(address, { segment, offset: offset as Value as I32 });
    return address;
  }
  /** An address on the stack. */
  onStack(offset: Int): Int {
    return this.segmented ? this.inSegment(offset, Seg.SS) : offset;
  }
  /** What a string instruction stores to: always in ES. */
  inExtra(offset: Int): Int {
    return this.segmented ? this.inSegment(offset, Seg.ES) : offset;
  }
  /** An offset in the segment of the instruction, or in DS, or the segment that is the usual one. */
  linear(offset: Int, usual: number = Seg.DS): Int {
    if (this.segmented) return this.inSegment(offset, this.segmentOr(usual));
    const { segment } = this.d;
    if (segment < 0) return offset;
    const at = segment === Seg.FS ? Sys.FS_BASE : Sys.GS_BASE;
    // null; GS, which has 32-bit programs' thread-local storage, is none where it was loaded: see Single.SEGMENTED
    if (segment === Seg.FS && !this.is64) {
      const selector = this.b.get('i32', selectorOffset(Seg.FS));
      this.exitWhen(this.b.i32.lt_u(selector, this.imm(4)), Exit.PROTECTION);
    }
    const base = (this.is64 ? this.b.get('i64', at) : this.b.get('i32', at)) as Int;
    return this.ns(this.word).add(base, offset);
  }
  /** Address of the memory operand. */
  ea(): Int {
    this.address ??= this.linear(this.effective(), this.usualSegment);
    return this.address as Int;
  }
  /** The segment of the memory operand. */
  get segment(): number {
    return this.segmentOr(this.usualSegment);
  }
  /** SDM vol. 1, 3.7.4: what ESP or EBP point to is on the stack. */
  private get usualSegment(): number {
    return this.d.base === RSP || this.d.base === RBP ? Seg.SS : Seg.DS;
  }
  /** Move the memory operand by so many bytes, within what addresses of its size reach. */
  displace(bytes: Int): void {
    const { d, word } = this;
    const sum = this.ns(word).add(this.effective(), bytes);
    const offset = d.addressSize < word ? this.convert(this.zx(this.narrow(sum, word) as Value as Int, d.addressSize), 4, word, false) : sum; // biome-ignore format: one line
    this.address = this.linear(offset, this.usualSegment);
  }
  load<O extends OpName>(name: O, addr: Value, disp = 0, mask = 0): ReturnType<typeof this.b.load<O>> {
    this.allow(addr, opInfo[name].size, false, disp);
    return this.b.load(name, addr, disp, mask);
  }
  /** Whether there is something to ask before the memory operand is accessed. */
  get isGuarded(): boolean {
    return this.segmented || this.d.readOnly;
  }
  /** #GP or #SS for an access that its segment does not let be; rows have changed no register yet. */
  allow(addr: Value, size: number, write: boolean, disp = 0): void {
    if (!this.isGuarded) return;
    const place = this.segmented ? this.places.get(addr) : undefined;
    if (place) {
      this.b.set(Sys.OFFSET, this.b.i32.add(place.offset, this.imm(disp)));
      this.b.helper(checkSegment, packAccess(place.segment, size, write));
    } else if (write && this.d.readOnly && addr === this.address) this.b.helper(leave, Exit.PROTECTION);
  }
  store(name: OpName, addr: Value, value: Value, disp = 0, mask = 0): void {
    this.allow(addr, opInfo[name].size, true, disp);
    this.b.store(name, addr, value, disp, mask);
  }
  loadInt(size: Size, addr: Value = this.ea(), disp = 0): Int {
    this.allow(addr, size, false, disp);
    return this.b.load(LOADS[size], addr, disp) as Value as Int;
  }
  storeInt(v: Int, size: Size, addr: Value = this.ea(), disp = 0): void {
    this.store(STORES[size], addr, v, disp);
  }
  /** Atomic read-modify-write of the memory operand: the old value. */
  rmw(op: Rmw, size: Size, x: Int, y: Int | null = null): Int {
    const name = `${ATOMIC[size]}.${op}${size < 4 ? '_u' : ''}` as OpName;
    this.allow(this.ea(), size, true);
    return this.b.emit(name, this.ea(), this.zx(x, size), y && this.zx(y, size)) as Value as Int;
  }
  /** Whether the instruction's read-modify-write of memory is to be atomic. */
  get locked(): boolean {
    return this.d.lock && this.d.mod !== 3 && !this.split;
  }
  push(v: Int, size: Size): void {
    const sp = this.whole(RSP);
    this.storeInt(v, size, this.onStack(sp), -size);
    this.setReg(RSP, this.ns(this.word).sub(sp, this.k(size, this.word)), this.word);
  }
  /** What is on the stack, `disp` bytes above its top; the pointer stays. */
  peek(size: Size, disp = 0): Int {
    return this.loadInt(size, this.onStack(this.whole(RSP)), disp);
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
    if (d.mod !== 3) return this.load(`${type}.load`, this.ea()) as unknown as Value<T>;
    const lanes = type.endsWith('32') ? 'x4' : 'x2';
    return b.extract(`${type}${lanes}.extract_lane` as OpName, this.xmm(d.rm), 0) as unknown as Value<T>;
  }
  atomic<O extends OpName>(name: O, x: Value | null = null, y: Value | null = null): Value<ResultOf<O> & Type> {
    this.allow(this.ea(), opInfo[name].size, true);
    return this.b.emit(name, this.ea(), x, y) as Value<ResultOf<O> & Type>;
  }

  mxcsr(): I32 {
    return this.b.get('i32', Sys.MXCSR);
  }
  setMxcsr(v: I32): void {
    this.b.set(Sys.MXCSR, v);
  }

  /** Leave with a reason when the condition is not 0. */
  exitWhen(cond: I32, reason: number): void {
    this.b.beginWhen(cond);
    this.b.helper(leave, reason);
    this.b.endWhen();
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
