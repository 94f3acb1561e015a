import type { Terminal } from './block.ts';
import { fold } from './fold.ts';
import { PURE_NATIVE } from './native.ts';
import { type Args, type ArgType, type OpInfo, type OpName, opInfo, opTable, type ResultOf } from './opcodes.ts';
import type { Type } from './types.ts';
import { Value } from './value.ts';

type Arg<A> = A extends Type ? Value<A> : Value<'i64'> | Value<'i32'>;
type ArgValues<A extends readonly ArgType[]> = { [K in keyof A]: Arg<A[K]> };
type Ret<R> = R extends Type ? Value<R> : undefined;

/** Operations whose only operands are values: callable as `b.i64.add(x, y)`. */
type Namespace<P extends string> = {
  readonly [O in OpName as O extends `${P}.${infer M}` ? M : never]: (...args: ArgValues<Args<O>>) => Ret<ResultOf<O>>;
};

/** Displacements below this are taken out of 32-bit address arithmetic. */
const NEAR = 0x8000;

const SUM32 = opInfo['i32.add'];
const SUM64 = opInfo['i64.add'];

const imms: Readonly<Record<string, true>> = { const: true, get: true, set: true, peek: true, poke: true };

/**
 * Builds one block. `b.i64.add(x, y)` appends an operation after folding and copy propagation; register
 * reads see the block's own writes. Memory and register operations have methods of their own because
 * they carry an immediate.
 */
export class Builder {
  ops: Value[] = [];
  /** See Block. */
  reads: number[] = [];
  terminal: Terminal | null = null;
  /** Guest pc put into the operations appended. */
  pc = 0;
  /** Whether sums of the same values are one value: what is known of one pointer is known of the other. */
  shares = false;
  /** State offset → value last read or written. */
  private readonly regs = new Map<number, Value>();

  readonly i32: Namespace<'i32'>;
  readonly i64: Namespace<'i64'>;
  readonly f32: Namespace<'f32'>;
  readonly f64: Namespace<'f64'>;
  readonly v128: Namespace<'v128'>;
  readonly i8x16: Namespace<'i8x16'>;
  readonly i16x8: Namespace<'i16x8'>;
  readonly i32x4: Namespace<'i32x4'>;
  readonly i64x2: Namespace<'i64x2'>;
  readonly f32x4: Namespace<'f32x4'>;
  readonly f64x2: Namespace<'f64x2'>;

  constructor() {
    const spaces: Record<string, Record<string, unknown>> = {};
    for (const info of opTable) {
      const dot = info.name.indexOf('.');
      const prefix = info.name.slice(0, dot);
      const method = info.name.slice(dot + 1);
      spaces[prefix] ??= {};
      if (imms[method]) continue;
      spaces[prefix][method] = (a: Value | null = null, b: Value | null = null, c: Value | null = null) =>
        this.append(info, a, b, c, 0, 0, null);
    }
    const take = <P extends string>(p: P) => spaces[p] as Namespace<P>;
    this.i32 = take('i32');
    this.i64 = take('i64');
    this.f32 = take('f32');
    this.f64 = take('f64');
    this.v128 = take('v128');
    this.i8x16 = take('i8x16');
    this.i16x8 = take('i16x8');
    this.i32x4 = take('i32x4');
    this.i64x2 = take('i64x2');
    this.f32x4 = take('f32x4');
    this.f64x2 = take('f64x2');
  }

  /** Forget everything and begin a new block; `shares`: sums of the same values are one value. */
  reset(shares = false): void {
    this.shares = shares;
    this.ops = [];
    this.reads = [];
    this.terminal = null;
    this.regs.clear();
  }

  /** Append any operation by name (after folding). */
  emit(
    name: OpName,
    a: Value | null = null,
    b: Value | null = null,
    c: Value | null = null,
    imm = 0,
    hi = 0,
    lanes: readonly number[] | null = null,
  ): Value {
    return this.append(opInfo[name], a, b, c, imm, hi, lanes);
  }

  private append(
    info: OpInfo,
    a: Value | null,
    b: Value | null,
    c: Value | null,
    imm: number,
    hi: number,
    lanes: readonly number[] | null,
  ): Value {
    const folded = fold(this, info, a, b, c, imm);
    if (folded) return folded;
    const isSum = this.shares && (info === SUM32 || info === SUM64) && a !== null && b !== null && !b.isConst;
    if (isSum && a.sum?.b === b && a.sum.info === info) return a.sum;
    const value = new Value(info, a, b, c, imm, hi, lanes, this.pc);
    if (isSum) a.sum = value;
    this.ops.push(value);
    return value;
  }

  const32(n: number): Value<'i32'> {
    return this.emit('i32.const', null, null, null, n | 0) as Value<'i32'>;
  }

  /** Accepts int64 and uint64 values, as number (|n| ≤ 2^53) or bigint. */
  const64(n: number | bigint): Value<'i64'> {
    if (typeof n === 'bigint') {
      return this.const64Parts(Number(BigInt.asIntN(32, n)), Number(BigInt.asIntN(32, n >> 32n)));
    }
    return this.const64Parts(n | 0, Math.floor(n / 0x1_0000_0000) | 0);
  }

  const64Parts(lo: number, hi: number): Value<'i64'> {
    return this.emit('i64.const', null, null, null, lo, hi) as Value<'i64'>;
  }

  constF32(n: number): Value<'f32'> {
    return this.emit('f32.const', null, null, null, Math.fround(n)) as Value<'f32'>;
  }

  constF64(n: number): Value<'f64'> {
    return this.emit('f64.const', null, null, null, n) as Value<'f64'>;
  }

  /** A vector constant from its 16 bytes, lowest first. */
  constV128(bytes: readonly number[]): Value<'v128'> {
    return this.emit('v128.const', null, null, null, 0, 0, bytes) as Value<'v128'>;
  }

  /** A vector constant from two 64-bit lanes. */
  constV64(lo: bigint, hi: bigint): Value<'v128'> {
    const bytes: number[] = [];
    for (const half of [lo, hi]) {
      for (let i = 0n; i < 64n; i += 8n) bytes.push(Number((half >> i) & 0xffn));
    }
    return this.constV128(bytes);
  }

  /** Read the guest register at a state offset. One register is always read with one type. */
  get<T extends Type>(type: T, offset: number): Value<T> {
    const known = this.regs.get(offset);
    if (known && known.type === type) {
      this.reads.push(this.pc, offset);
      return known as Value<T>;
    }
    const value = this.emit(`${type}.get`, null, null, null, offset);
    this.regs.set(offset, value);
    return value as Value<T>;
  }

  set<T extends Type>(offset: number, value: Value<T>): void {
    this.emit(`${value.type}.set` as OpName, value, null, null, offset);
    this.regs.set(offset, value);
  }

  /**
   * Guest load; `addr` + `disp` is the address, wrapping in the guest's address width. Bits of the address that are in
   * `mask` have to be 0.
   */
  load<O extends OpName>(name: O, addr: Value, disp = 0, mask = 0): Ret<ResultOf<O>> {
    const [base, imm] = this.address(addr, disp);
    return this.emit(name, base, null, null, imm, mask) as Ret<ResultOf<O>>;
  }

  store(name: OpName, addr: Value, value: Value, disp = 0, mask = 0): void {
    const [base, imm] = this.address(addr, disp);
    this.emit(name, base, value, null, imm, mask);
  }

  /** Atomic access (no displacement); result is the old value. */
  atomic<O extends OpName>(name: O, addr: Value, b: Value | null = null, c: Value | null = null): Ret<ResultOf<O>> {
    return this.emit(name, addr, b, c) as Ret<ResultOf<O>>;
  }

  /** i8x16.shuffle with constant lanes: 0–15 from x, 16–31 from y. */
  shuffle(x: Value<'v128'>, y: Value<'v128'>, lanes: readonly number[]): Value<'v128'> {
    return this.emit('i8x16.shuffle', x, y, null, 0, 0, lanes) as Value<'v128'>;
  }

  /** extract_lane / replace_lane by full name. */
  extract<O extends OpName>(name: O, v: Value<'v128'>, lane: number): Ret<ResultOf<O>> {
    return this.emit(name, v, null, null, lane) as Ret<ResultOf<O>>;
  }

  replace(name: OpName, v: Value<'v128'>, lane: number, x: Value): Value<'v128'> {
    return this.emit(name, v, x, null, lane) as Value<'v128'>;
  }

  /** Lazy condition codes (see the front end's table of kinds). */
  setFlags(kind: number, a: Value<'i64'>, b: Value<'i64'>, c: Value<'i32'> | null = null): void {
    this.emit(c ? 'cc.set3' : 'cc.set', a, b, c, kind);
    this.forgetFlags();
  }

  /** Call helper `id` with `aux`; every register may change. */
  helper(id: number, aux = 0): void {
    this.emit('helper.call', null, null, null, id, aux);
    this.regs.clear();
  }

  /** Call native `n`, which does what a helper would: every register may change. */
  nativeHelper(n: number): void {
    this.helper(PURE_NATIVE | (n << 16));
  }

  /** Have native `n` do it, or helper `id` (see `native.call`). */
  native(n: number, id: number, aux = 0): void {
    this.emit('native.call', null, null, null, id | (n << 16), aux);
  }
  /** What natives work on. */
  peek<T extends 'i32' | 'i64' | 'v128'>(type: T, offset: number): Value<T> {
    return this.emit(`${type}.peek`, null, null, null, offset) as Value<T>;
  }
  poke<T extends 'i32' | 'i64' | 'v128'>(offset: number, value: Value<T>): void {
    this.emit(`${value.type}.poke`, value, null, null, offset);
  }
  /** An operand of the pure native that comes next, of no use without it. */
  pokeOperand(offset: number, value: Value<'i32'> | Value<'i64'>): void {
    this.emit(`${value.type}.poke`, value, null, null, offset, 1);
  }

  private partFrom = 0;

  /**
   * What is appended from here to {@link endWhen} is done only when `cond` holds. Its values must not be used behind it,
   * and registers are read anew there.
   */
  beginWhen(cond: Value<'i32'>): void {
    this.partFrom = this.ops.length;
    this.emit('when.begin', cond);
  }

  endWhen(): void {
    this.emit('when.end');
    for (let i = this.partFrom; i < this.ops.length; i++) {
      const { info, imm, a } = this.ops[i] as Value;
      if (a) a.sum = null;
      if (info.kind === 'get' || info.kind === 'set') this.regs.delete(imm);
      else if (info.kind === 'cc') this.forgetFlags();
    }
  }

  private forgetFlags(): void {
    for (const offset of this.regs.keys()) if (offset >= 0x80 && offset < 0xa0) this.regs.delete(offset);
  }

  /** Fold constant additions of an address into the displacement (kept below 2^31). */
  private address(addr: Value, disp: number): [Value, number] {
    if (addr.info.name === 'i64.add' && addr.b?.isConst && addr.b.hi === addr.b.imm >> 31) {
      const sum = disp + addr.b.imm;
      if (sum === (sum | 0) && addr.a) return [addr.a, sum];
    }
    // the sum of 32 bits may wrap: only what looks like a field of a structure
    if (addr.info.name === 'i32.add' && addr.b?.isConst && Math.abs(addr.b.imm) < NEAR && addr.a) {
      return [addr.a, disp + addr.b.imm];
    }
    return [addr, disp];
  }
}
