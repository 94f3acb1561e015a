import type { Terminal } from '../../ir/block.ts';
import type { Builder } from '../../ir/builder.ts';
import type { OpName } from '../../ir/opcodes.ts';
import type { Value } from '../../ir/value.ts';
import { Exit } from '../../memory/layout.ts';
import { FloatMode } from '../float-mode.ts';
import { condition, type FlagState, Flags, loadFlagState, nzcv, storeFlagState } from './flags.ts';
import { materializeFlags } from './helpers.ts';
import { identify } from './identification.ts';
import { SP, vOffset, xOffset } from './registers.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;
type F32 = Value<'f32'>;
type F64 = Value<'f64'>;
type V128 = Value<'v128'>;

/** An integer value of an instruction's operand size. */
export type Int = I32 | I64;

/**
 * What an instruction row sees: register access, flags, memory and control flow of AArch64, over the IR
 * builder `t.b`. Semantics read like the manual's pseudocode: `t.setX(rd, t.b.i64.add(t.x(rn), …))`.
 *
 * Rules for rows: read all sources and do all memory accesses before the first register is written (a
 * fault must find the registers as they were); end with a terminal method only in branches.
 */
export class Translator extends FloatMode {
  readonly b: Builder;
  /** Address of the instruction being translated. */
  pc = 0;
  private flags: FlagState | null = null;
  /** Kind known at block entry, or -1. */
  flagsIn = -1;
  readsFlags = false;
  setsFlags = false;
  /** Flags were put back as a whole, for whoever is returned to. */
  restoresFlags = false;
  terminal: Terminal | null = null;
  /** Identification registers of the processor that this one is said to be, by their encoding. */
  identification: ReadonlyMap<number, bigint> = identify();
  readonly w32: Width;
  readonly w64: Width;

  constructor(b: Builder) {
    super();
    this.b = b;
    this.w32 = new Width32(this);
    this.w64 = new Width64(this);
  }

  begin(flagsIn: number): void {
    this.flags = null;
    this.flagsIn = flagsIn;
    this.asksMode = false;
    this.readsFlags = false;
    this.setsFlags = false;
    this.restoresFlags = false;
    this.terminal = null;
  }

  // ── general registers; number 31 is the zero register, or SP in the *sp forms ──

  x(n: number): I64 {
    return n === 31 ? this.b.const64(0) : this.b.get('i64', xOffset(n));
  }
  xsp(n: number): I64 {
    return this.b.get('i64', xOffset(n));
  }
  w(n: number): I32 {
    return n === 31 ? this.b.const32(0) : this.b.i32.wrap_i64(this.x(n));
  }
  setX(n: number, v: I64): void {
    if (n !== 31) this.b.set(xOffset(n), v);
  }
  setXsp(n: number, v: I64): void {
    this.b.set(xOffset(n), v);
  }
  /** Writes zero-extend into the X register. */
  setW(n: number, v: I32): void {
    if (n !== 31) this.b.set(xOffset(n), this.b.i64.extend_i32_u(v));
  }
  setWsp(n: number, v: I32): void {
    this.b.set(xOffset(n), this.b.i64.extend_i32_u(v));
  }
  /** Operations of the operand size: sf = 1 → 64 bits, 0 → 32 bits. */
  width(sf: number): Width {
    return sf === 1 ? this.w64 : this.w32;
  }

  // ── vector registers ──

  v(n: number): V128 {
    return this.b.get('v128', vOffset(n));
  }
  setV(n: number, v: V128): void {
    this.b.set(vOffset(n), v);
  }
  /** Low double / single; writes clear the rest of the register. */
  d(n: number): F64 {
    return this.b.extract('f64x2.extract_lane', this.v(n), 0);
  }
  s(n: number): F32 {
    return this.b.extract('f32x4.extract_lane', this.v(n), 0);
  }
  setD(n: number, v: F64): void {
    this.setV(n, this.b.replace('f64x2.replace_lane', this.zero(), 0, v));
  }
  setS(n: number, v: F32): void {
    this.setV(n, this.b.replace('f32x4.replace_lane', this.zero(), 0, v));
  }
  /** Low 64 / 32 bits as integers. */
  dBits(n: number): I64 {
    return this.b.extract('i64x2.extract_lane', this.v(n), 0);
  }
  sBits(n: number): I32 {
    return this.b.extract('i32x4.extract_lane', this.v(n), 0);
  }
  setDBits(n: number, v: I64): void {
    this.setV(n, this.b.replace('i64x2.replace_lane', this.zero(), 0, v));
  }
  setSBits(n: number, v: I32): void {
    this.setV(n, this.b.replace('i32x4.replace_lane', this.zero(), 0, v));
  }
  /** Write a vector of Q ? 128 : 64 bits; the upper half is cleared when Q = 0. */
  setVq(n: number, q: number, v: V128): void {
    this.setV(n, q === 1 ? v : this.low64(v));
  }
  /** v with its upper 64 bits cleared. */
  low64(v: V128): V128 {
    return this.b.replace('i64x2.replace_lane', v, 1, this.b.const64(0));
  }
  zero(): V128 {
    return this.b.constV128(zeros);
  }

  // ── flags ──

  /** What the flags come from; asks at run time where that is not known. */
  flagState(): FlagState {
    if (this.flags) return this.flags;
    this.readsFlags = true;
    let kind = this.flagsIn;
    if (kind < 0) {
      this.b.helper(materializeFlags);
      kind = Flags.NZCV;
    }
    this.flags = loadFlagState(this.b, kind);
    return this.flags;
  }
  setFlagState(s: FlagState): void {
    storeFlagState(this.b, s);
    this.flags = s;
    this.setsFlags = true;
  }
  /** i32: 1 when the condition holds. */
  cond(cond: number): I32 {
    return cond >= 14 ? this.b.const32(1) : condition(this.b, this.flagState(), cond);
  }
  nzcv(): I32 {
    return nzcv(this.b, this.flagState());
  }
  /** NZCV from 4 bits in an i32. */
  setNzcv(bits: I32): void {
    this.setFlagState({ kind: Flags.NZCV, a: this.b.i64.extend_i32_u(bits), b: this.b.const64(0), c: null });
  }
  /** Flags of a floating-point comparison (FCMP): NaNs compare unordered. */
  setFcmp(a: F32 | F64, b: F32 | F64): void {
    this.setFlagState({ kind: a.type === 'f64' ? Flags.FCMP64 : Flags.FCMP32, a, b, c: null });
  }
  get flagsOut(): number {
    return this.flags ? this.flags.kind : this.flagsIn;
  }

  // ── memory ──

  load<O extends OpName>(name: O, addr: I64, disp = 0): ReturnType<typeof this.b.load<O>> {
    return this.b.load(name, addr, disp);
  }
  store(name: OpName, addr: I64, value: Value, disp = 0): void {
    this.b.store(name, addr, value, disp);
  }

  // ── control flow ──

  end(terminal: Terminal): void {
    this.terminal = terminal;
  }
  /** UNDEFINED: the encoding is unallocated or not there on this CPU (SIGILL). */
  undefined(): void {
    this.end({ kind: 'exit', reason: Exit.UNDEFINED, pc: this.pc });
  }
  /** Call helper `id` (see helpers.ts); afterwards every register is read anew. */
  helper(id: number, aux = 0): void {
    this.b.helper(id, aux);
    // the helper may look at flags in the state but only materializeFlags and setters change them
  }
  /** After a helper that wrote CC_*: flags are NZCV in CC_A. */
  flagsFromState(): void {
    this.flags = loadFlagState(this.b, Flags.NZCV);
    this.setsFlags = true;
  }
}

const zeros: readonly number[] = new Array(16).fill(0);

/** Integer operations of one operand size, so that a row serves its W and its X form. */
export interface Width {
  readonly bits: 32 | 64;
  readonly add: number;
  readonly sub: number;
  readonly logic: number;
  get(n: number): Int;
  getSp(n: number): Int;
  set(n: number, v: Int): void;
  setSp(n: number, v: Int): void;
  const(n: number | bigint): Int;
  op(name: WidthOp, a: Int, b?: Int): Int;
  /** Comparisons: the result is i32. */
  test(name: WidthTest, a: Int, b?: Int): I32;
  select(ifTrue: Int, ifFalse: Int, cond: I32): Int;
  fromI32(v: I32): Int;
  /** Zero-extended to 64 bits. */
  wide(v: Int): I64;
}

type WidthOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr_u'
  | 'shr_s'
  | 'rotr'
  | 'clz'
  | 'ctz'
  | 'div_s'
  | 'div_u';
type WidthTest = 'eqz' | 'eq' | 'ne' | 'lt_u' | 'lt_s' | 'ge_u' | 'ge_s' | 'gt_u' | 'gt_s' | 'le_u' | 'le_s';

class Width64 implements Width {
  private readonly t: Translator;
  readonly bits = 64;
  readonly add = Flags.ADD64;
  readonly sub = Flags.SUB64;
  readonly logic = Flags.LOGIC64;
  constructor(t: Translator) {
    this.t = t;
  }
  get(n: number): Int {
    return this.t.x(n);
  }
  getSp(n: number): Int {
    return this.t.xsp(n);
  }
  set(n: number, v: Int): void {
    this.t.setX(n, v as I64);
  }
  setSp(n: number, v: Int): void {
    this.t.setXsp(n, v as I64);
  }
  const(n: number | bigint): Int {
    return this.t.b.const64(n);
  }
  op(name: WidthOp, a: Int, b: Int | null = null): Int {
    return this.t.b.emit(`i64.${name}`, a, b) as Int;
  }
  test(name: WidthTest, a: Int, b: Int | null = null): I32 {
    return this.t.b.emit(`i64.${name}`, a, b) as I32;
  }
  select(x: Int, y: Int, cond: I32): Int {
    return this.t.b.i64.select(x as I64, y as I64, cond);
  }
  fromI32(v: I32): Int {
    return this.t.b.i64.extend_i32_u(v);
  }
  wide(v: Int): I64 {
    return v as I64;
  }
}

class Width32 implements Width {
  private readonly t: Translator;
  readonly bits = 32;
  readonly add = Flags.ADD32;
  readonly sub = Flags.SUB32;
  readonly logic = Flags.LOGIC32;
  constructor(t: Translator) {
    this.t = t;
  }
  get(n: number): Int {
    return this.t.w(n);
  }
  getSp(n: number): Int {
    return this.t.b.i32.wrap_i64(this.t.xsp(n));
  }
  set(n: number, v: Int): void {
    this.t.setW(n, v as I32);
  }
  setSp(n: number, v: Int): void {
    this.t.setWsp(n, v as I32);
  }
  const(n: number | bigint): Int {
    return this.t.b.const32(Number(BigInt.asIntN(32, BigInt(n))));
  }
  op(name: WidthOp, a: Int, b: Int | null = null): Int {
    return this.t.b.emit(`i32.${name}`, a, b) as Int;
  }
  test(name: WidthTest, a: Int, b: Int | null = null): I32 {
    return this.t.b.emit(`i32.${name}`, a, b) as I32;
  }
  select(x: Int, y: Int, cond: I32): Int {
    return this.t.b.i32.select(x as I32, y as I32, cond);
  }
  fromI32(v: I32): Int {
    return v;
  }
  wide(v: Int): I64 {
    return this.t.b.i64.extend_i32_u(v as I32);
  }
}

export { SP };
