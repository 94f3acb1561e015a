import { type Block, lastByte } from '../../ir/block.ts';
import { terminalValue } from '../../ir/finish.ts';
import { opTable } from '../../ir/opcodes.ts';
import { type Type, typeSize } from '../../ir/types.ts';
import type { Value } from '../../ir/value.ts';
import { CPU_STATE_SIZE, State } from '../../memory/layout.ts';
import { findHandler, handlerNumber, isCompare } from './handlers.ts';

/** Where the encoder puts records and constants; offsets are wasm offsets. */
export interface RecordSink {
  /** Append a record; returns its offset. */
  put(op: number, d: number, a: number, b: number, imm: number, pc: number): number;
  /** The jump in `record` goes to another record of the same block. */
  internal(record: number, target: number): void;
  /** The next record's immediate is to be the address of this 16- or 32-byte constant; returns it. */
  constant(bytes: readonly number[]): number;
  /** The jump in `record` goes to the block (pc, flags kind), now or when it is first taken. */
  link(record: number, pc: number, kind: number): void;
}

/** Handler of an operation, and its form with an immediate, by opcode; -1: none. */
const plain = opTable.map((o) => findHandler(o.name) ?? -1);
const immediate = opTable.map((o) => findHandler(`#${o.name}`) ?? -1);

/** Words from which on a list is done by one record. */
const SHORTEST_LIST = 3;
const fitsHalf = (n: number): boolean => n >= 0 && n <= 0xffff;

const TEMP_COUNT = (CPU_STATE_SIZE - State.TEMPS) / 16;
const NONE = -1;

/** Stack of free temporaries, as state offsets. */
class Temps {
  private readonly free: number[] = [];
  private next = 0;
  take(): number {
    const t = this.free.pop();
    if (t !== undefined) return t;
    if (this.next === TEMP_COUNT) throw new Error('cold tier: out of temporaries');
    return State.TEMPS + 16 * this.next++;
  }
  give(slot: number): void {
    if (slot >= State.TEMPS) this.free.push(slot);
  }
}

const mov = (type: Type): string => (typeSize[type] === 16 ? 'mov128' : typeSize[type] === 8 ? 'mov64' : 'mov32');
const isSet = (v: Value | undefined): v is Value => v?.info.kind === 'set';
const fitsImm = (v: Value): boolean => v.isConst && (v.type === 'i32' || (v.type === 'i64' && v.hi === v.imm >> 31));

/** Registers have 8 bytes each; what else there is of the state may have less. */
const hasRoom = (v: Value, offset: number): boolean =>
  v.type !== 'i32' || (offset >= State.REGS && offset < State.VREGS);
/** Where a value is set to by the operation behind it. */
const targetOf = (v: Value, next: Value | undefined): number =>
  isSet(next) && next.a === v && hasRoom(v, next.imm) ? next.imm : NONE;
/** The operation behind `v`, if that only puts zeros above its 32 bits. */
const widened = (v: Value, next: Value | undefined): Value | null =>
  next?.info.name === 'i64.extend_i32_u' && next.a === v && v.uses === 1 && writesClear(v) ? next : null;
/** Whether the handler of `v` writes zeros above a result of 32 bits. */
const writesClear = ({ info, type }: Value): boolean =>
  type === 'i32' && (info.kind === 'load' || (info.kind === 'pure' && !info.name.includes('_lane')));

/** Turns one IR block into cold-tier records. */
class BlockEncoder {
  private readonly out: RecordSink;
  private readonly temps = new Temps();
  /** Values that live in a guest register's slot, by that slot's offset. */
  private readonly homed = new Map<number, Value[]>();
  private pc = 0;
  /** The record put last. */
  private last = 0;
  /** The jump over the conditional part at hand, what the part writes, and constants first needed inside. */
  private part: { readonly skip: number; readonly writes: readonly number[]; readonly constants: Value[] } | null =
    null;
  /** Temporaries whose last reader is the operation being emitted: free once its record is written. */
  private readonly dying: number[] = [];

  constructor(out: RecordSink) {
    this.out = out;
  }

  encode(block: Block): void {
    const { ops, terminal } = block;
    for (const v of ops) {
      v.slot = NONE;
      v.left = v.uses;
      v.clear = false;
    }
    const cond = terminalValue(terminal);
    const fused = terminal.kind === 'branch' && cond && cond === ops.at(-1) && cond.uses === 1 && isCompare(cond.info);
    const count = fused ? ops.length - 1 : ops.length;
    for (let i = 0; i < count; i++) {
      const v = ops[i] as Value;
      this.pc = v.pc;
      if (v.info.name === 'when.begin') this.beginPart(v, ops.slice(i + 1));
      else {
        this.list(ops, i);
        i += this.pair(ops, i) ?? this.conditionCodes(ops, i) ?? this.single(ops, i);
      }
      while (this.dying.length > 0) this.temps.give(this.dying.pop() as number);
    }
    this.terminal(block, fused ? cond : null);
  }

  /** Emits the operation at `i`; returns how many of those behind it are done with it. */
  private single(ops: readonly Value[], i: number): number {
    const v = ops[i] as Value;
    // results of 32 bits are written with an upper half of zeros
    const result = widened(v, ops[i + 1]) ?? v;
    const more = result === v ? 0 : 1;
    // a result whose next step is to be a register is computed right there
    const target = targetOf(result, ops[i + more + 1]);
    return more + (this.operation(v, result, target) ? 1 : 0);
  }

  /** Two words of 8 bytes beside each other are loaded or stored by one record: see `single`; null: there are not two. */
  private pair(ops: readonly Value[], i: number): number | null {
    const [v, w, next, last] = ops.slice(i, i + 4) as [Value, ...(Value | undefined)[]];
    const { name } = v.info;
    if (w?.info.name !== name || v.a !== w.a || w.imm !== v.imm + 8) return null;
    const address = v.a as Value;
    if (name === 'i64.store') {
      const [a, d, b] = [address, v.b as Value, w.b as Value].map((x) => this.slot(x)) as [number, number, number];
      this.emit('storePair', d, a, b, v.imm);
      for (const x of [address, address, v.b, w.b]) this.used(x);
      return 1;
    }
    if (name !== 'i64.load') return null;
    const a = this.slot(address);
    this.used(address);
    this.used(address);
    const [first, second] = [targetOf(v, next), targetOf(w, last)];
    const direct = first !== NONE && second !== NONE && first !== second;
    const d = this.destination(v, direct ? first : NONE);
    const b = this.destination(w, direct ? second : NONE);
    this.emit('loadPair', d, a, b, v.imm);
    for (const x of [v, w]) if (x.uses === 0) this.temps.give(x.slot);
    return direct ? 3 : 1;
  }

  /** Last operation of the list that was begun. */
  private listEnd = -1;

  /**
   * Words beside each other that are loaded into registers or stored from them, by rising numbers: one record for all,
   * and those of each behind it, for when that one finds no plain memory.
   */
  private list(ops: readonly Value[], from: number): void {
    const first = ops[from] as Value;
    const { name } = first.info;
    const loads = name === 'i32.load';
    if (from < this.listEnd || (!loads && name !== 'i32.store')) return;
    let mask = 0;
    let count = 0;
    for (let i = from; i < ops.length; i += loads ? 2 : 1, count++) {
      const v = ops[i] as Value;
      if (v.info.name !== name || v.a !== first.a || v.imm !== first.imm + 4 * count) break;
      const offset = loads ? targetOf(v, ops[i + 1]) : (v.b as Value).slot;
      const n = (offset - State.REGS) / 8;
      if (!Number.isInteger(n) || n < 0 || n > 15 || mask >>> n !== 0 || (loads && v.uses !== 1)) break;
      mask |= 1 << n;
    }
    if (count < SHORTEST_LIST) return;
    const a = this.slot(first.a as Value);
    if (loads) {
      for (let n = 0; n < 16; n++) if ((mask & (1 << n)) !== 0) this.evict(State.REGS + 8 * n);
      // the address was in one of them
      if ((first.a as Value).slot !== a) return;
    }
    this.listEnd = from + (loads ? 2 : 1) * count;
    this.emit(loads ? 'loadList' : 'storeList', mask, a, count, first.imm);
  }

  /** The writes of a kind of flags and what they are of; see `single`; null: it is something else. */
  private conditionCodes(ops: readonly Value[], i: number): number | null {
    const [v, w, x, y, z, last] = ops.slice(i, i + 6) as [Value, ...(Value | undefined)[]];
    const sets = (set: Value | undefined, offset: number): set is Value => isSet(set) && set.imm === offset;
    if (v.isConst && sets(w, State.CC_OP) && w.a === v && v.uses === 1) {
      if (!sets(x, State.CC_A)) return null;
      if (!sets(y, State.CC_B)) {
        this.setFlags(v.imm, x.a as Value, null, null);
        return 2;
      }
      // the record would read the second behind writing the first
      if ((y.a as Value).slot === State.CC_A) return null;
      this.setFlags(v.imm, x.a as Value, y.a as Value, null);
      return 3;
    }
    if (v.info.kind !== 'get' || v.imm !== State.CC_OP || v.uses !== 1 || x?.info.name !== 'i32.or') return null;
    if (x.a !== v || x.b !== w || !w?.isConst || !sets(y, State.CC_OP) || y.a !== x || x.uses !== 1) return null;
    if (!sets(z, State.CC_C) || !fitsHalf(w.imm)) return null;
    const [nz, carry] = [z.a as Value, sets(last, State.CC_D) ? (last.a as Value) : null];
    const [a, b] = [this.slot(nz), carry ? this.slot(carry) : 0];
    this.used(nz);
    this.used(carry);
    for (const offset of [State.CC_OP, State.CC_C, State.CC_D]) this.evict(offset);
    const moved = (of: Value, before: number): number => (of.left > 0 ? of.slot : before);
    this.emit(carry ? 'ccOver2' : 'ccOver', w.imm, moved(nz, a), carry ? moved(carry, b) : 0);
    return carry ? 5 : 4;
  }

  private put(op: number, d: number, a: number, b: number, imm: number, pc: number): number {
    this.last = this.out.put(op, d, a, b, imm, pc);
    return this.last;
  }

  private emit(key: string, d: number, a = 0, b = 0, imm = 0): number {
    return this.put(handlerNumber(key), d, a, b, imm, this.pc);
  }

  private emitOp(v: Value, d: number, a: number, b: number, imm: number): void {
    this.put(plain[v.info.code] as number, d, a, b, imm, this.pc);
  }

  /** Slot of an operand; materialises constants. */
  private slot(v: Value): number {
    if (v.slot === NONE) {
      v.slot = this.temps.take();
      this.constantInto(v, v.slot);
      this.part?.constants.push(v);
    }
    return v.slot;
  }

  /** Registers that the conditional part writes must hold nothing else that is needed, whether it is done or not. */
  private beginPart(v: Value, rest: readonly Value[]): void {
    const part = rest.slice(
      0,
      rest.findIndex((x) => x.info.name === 'when.end'),
    );
    const writes = part.some((x) => x.info.kind === 'helper')
      ? [...this.homed.keys()]
      : part.flatMap((x) => (x.info.kind === 'set' ? [x.imm] : x.info.kind === 'cc' ? CC_FIELDS : []));
    for (const offset of writes) this.evict(offset);
    const skip = this.emit('branchUnless', 0, this.slot(v.a as Value));
    this.used(v.a);
    while (this.dying.length > 0) this.temps.give(this.dying.pop() as number);
    this.part = { skip, writes, constants: [] };
  }

  private endPart(): void {
    if (!this.part) throw new Error('cold tier: a conditional part without a beginning');
    const { skip, writes, constants } = this.part;
    this.part = null;
    for (const offset of writes) this.homed.delete(offset);
    for (const v of constants) {
      if (v.left > 0 && v.slot >= State.TEMPS) this.temps.give(v.slot);
      v.slot = NONE;
    }
    this.out.internal(skip, this.last + 16);
  }

  private constantInto(v: Value, d: number): void {
    if (v.type === 'i32') this.emit('const32', d, 0, 0, v.imm);
    else if (v.type === 'i64') this.put(handlerNumber('const64'), d, 0, 0, v.imm, v.hi >>> 0);
    else if (v.type === 'v128') this.emit('constV128', d, 0, 0, this.out.constant(v.lanes ?? []));
    else if (v.type === 'f32') this.emit('const32', d, 0, 0, floatBits(v.imm));
    else {
      const [lo, hi] = doubleBits(v.imm);
      this.put(handlerNumber('const64'), d, 0, 0, lo, hi >>> 0);
    }
  }

  private used(v: Value | null): void {
    if (!v) return;
    v.left--;
    if (v.left === 0 && v.slot >= State.TEMPS) this.dying.push(v.slot);
  }

  /** A register slot is about to be overwritten: values living there move out. */
  private evict(offset: number): void {
    const values = this.homed.get(offset);
    if (!values) return;
    this.homed.delete(offset);
    for (const v of values) {
      if (v.left <= 0) continue;
      const temp = this.temps.take();
      this.emit(v.clear ? 'mov64' : mov(v.type), temp, offset);
      v.slot = temp;
    }
  }

  private home(offset: number, v: Value): void {
    v.slot = offset;
    const list = this.homed.get(offset);
    if (list) list.push(v);
    else this.homed.set(offset, [v]);
  }

  /** Where a result goes: the register it is set to next, or a temporary. Call after `used` of operands. */
  private destination(v: Value, target: number): number {
    if (target === NONE) {
      v.slot = this.temps.take();
      return v.slot;
    }
    this.evict(target);
    this.home(target, v);
    v.left--; // the set
    return target;
  }

  /**
   * Emits one operation, whose result is `result`'s (the value itself, or that with zeros above it); true when the
   * following register write was done with it.
   */
  private operation(v: Value, result: Value, target: number): boolean {
    const { info } = v;
    switch (info.kind) {
      case 'const':
        if (target === NONE) return false; // materialised at first use
        this.constantInto(v, this.destination(v, target));
        return true;
      case 'get':
        this.home(v.imm, v);
        return false;
      case 'set':
        this.set(v);
        return false;
      case 'cc':
        this.flags(v);
        return false;
      case 'fence':
        this.emit('fence', 0);
        return false;
      case 'when':
        this.endPart();
        return false;
      case 'helper':
        for (const offset of [...this.homed.keys()]) this.evict(offset);
        this.put(handlerNumber('helper'), 0, v.hi & 0xffff, v.hi >>> 16, v.imm, this.pc);
        return false;
      case 'native':
        this.put(handlerNumber('native'), 0, v.hi & 0xffff, v.hi >>> 16, v.imm, this.pc);
        return false;
      case 'peek': {
        const d = this.destination(v, target);
        this.emit(mov(v.type), d, v.imm);
        return target !== NONE;
      }
      case 'poke': {
        const value = v.a as Value;
        if (value.isConst && value.slot === NONE) {
          value.left--;
          this.constantInto(value, v.imm);
          return false;
        }
        this.emit(mov(value.type), v.imm, this.slot(value));
        this.used(value);
        return false;
      }
      case 'load': {
        const a = this.slot(v.a as Value);
        this.used(v.a);
        // a load that is never used must still fault
        const unused = v.uses === 0;
        const d = this.destination(result, target);
        this.emitOp(v, d, a, 0, v.imm);
        v.clear = v.type === 'i32';
        if (unused) this.temps.give(d);
        return target !== NONE;
      }
      case 'store': {
        const a = this.slot(v.a as Value);
        const b = this.slot(v.b as Value);
        this.emitOp(v, 0, a, b, v.imm);
        this.used(v.a);
        this.used(v.b);
        return false;
      }
      case 'atomic': {
        const a = this.slot(v.a as Value);
        const b = v.b ? this.slot(v.b) : 0;
        const c = v.c ? this.slot(v.c) : 0;
        // operands are read after the result's slot is chosen: keep them apart
        const d = info.result === 'void' ? 0 : this.temps.take();
        this.emitOp(v, d, a, b, c);
        this.used(v.a);
        this.used(v.b);
        this.used(v.c);
        if (info.result !== 'void') {
          v.slot = d;
          if (v.uses === 0) this.temps.give(d);
        }
        return false;
      }
      case 'guard':
      case 'pure':
        return this.pure(v, result, target);
    }
  }

  private set(v: Value): void {
    const value = v.a as Value;
    if (value.slot === v.imm) {
      this.used(value);
      return;
    }
    const from = value.isConst && value.slot === NONE ? NONE : value.slot;
    value.left--;
    // clearing the rest of a vector register around a scalar: one record
    this.evict(v.imm);
    if (from === NONE) this.constantInto(value, v.imm);
    else this.emit(mov(value.type), v.imm, value.slot);
    if (value.left > 0 && value.slot === NONE) {
      this.home(v.imm, value);
      this.part?.constants.push(value);
    }
    if (value.left === 0 && value.slot >= State.TEMPS) this.temps.give(value.slot);
  }

  private flags(v: Value): void {
    this.setFlags(v.imm, v.a as Value, v.b as Value, v.c);
  }

  private setFlags(kind: number, x: Value, y: Value | null, z: Value | null): void {
    const byImm = !z && y?.slot === NONE && fitsImm(y);
    const a = this.slot(x);
    const b = byImm || !y ? 0 : this.slot(y);
    const c = z ? this.slot(z) : 0;
    this.used(x);
    this.used(y);
    this.used(z);
    // operands that live in the CC slots themselves are read by the same record: only later uses move
    for (const offset of y ? CC_FIELDS : [State.CC_OP, State.CC_A]) this.evict(offset);
    const moved = (v: Value, before: number): number => (v.left > 0 ? v.slot : before);
    if (!y) this.emit('cc1', kind, moved(x, a));
    else if (byImm) this.emit('ccImm', kind, moved(x, a), 0, y.imm);
    else this.emit(z ? 'cc3' : 'cc', kind, moved(x, a), moved(y, b), z ? moved(z, c) : 0);
  }

  private pure(v: Value, result: Value, target: number): boolean {
    const { info } = v;
    if (info.name.includes('_lane')) return this.lane(v, target);
    const x = v.a as Value;
    if (target === NONE && result === v && this.alias(v, x)) return false;
    v.clear = info.result === 'i32';
    if (v.b && !v.c && fitsImm(v.b) && v.b.slot === NONE && (immediate[info.code] as number) >= 0) {
      const a = this.slot(x);
      this.used(x);
      v.b.left--;
      const op = immediate[info.code] as number;
      this.put(op, this.destination(result, target), a, 0, v.b.imm, this.pc);
      return target !== NONE;
    }
    const a = this.slot(x);
    const b = v.b ? this.slot(v.b) : 0;
    const c = v.c ? this.slot(v.c) : 0;
    this.used(v.a);
    this.used(v.b);
    this.used(v.c);
    const d = this.destination(result, target);
    const imm = info.name === 'i8x16.shuffle' ? this.out.constant(swizzleMasks(v.lanes ?? [])) : c;
    this.emitOp(v, d, a, b, imm);
    return target !== NONE;
  }

  /** The low half of a slot is the slot, and so is the whole of one whose upper half is zero. */
  private alias(v: Value, of: Value): boolean {
    const { name } = v.info;
    if (of.slot === NONE || (name !== 'i32.wrap_i64' && !(name === 'i64.extend_i32_u' && of.clear))) return false;
    if (of.slot < State.TEMPS) {
      this.home(of.slot, v);
      this.used(of);
      return true;
    }
    if (of.left !== 1) return false;
    v.slot = of.slot;
    of.left = 0;
    return true;
  }

  /** Lanes are bytes of a slot. */
  private lane(v: Value, target: number): boolean {
    const { name } = v.info;
    const bytes = laneBytes[name.slice(0, name.indexOf('.'))] as number;
    const at = bytes * v.imm;
    if (name.includes('extract')) {
      const a = this.slot(v.a as Value);
      this.used(v.a);
      const d = this.destination(v, target);
      const key = bytes === 8 ? 'mov64' : bytes === 4 ? 'mov32' : `slot${bytes * 8}${name.endsWith('_s') ? 's' : 'u'}`;
      this.emit(key, d, a + at);
      return target !== NONE;
    }
    const vector = v.a as Value;
    const scalar = this.slot(v.b as Value);
    if (at === 0 && bytes >= 4 && isZeroVector(vector) && vector.slot === NONE) {
      vector.left--;
      this.used(v.b);
      this.emit(bytes === 8 ? 'set64z' : 'set32z', this.destination(v, target), scalar);
      return target !== NONE;
    }
    const move = bytes === 8 ? 'mov64' : bytes === 4 ? 'mov32' : `putSlot${bytes * 8}`;
    if (target !== NONE && vector.slot === target && vector.left === 1) {
      // the other lanes are there
      this.used(vector);
      this.used(v.b);
      this.emit(move, this.destination(v, target) + at, scalar);
      return true;
    }
    // built in a temporary: the scalar may live where the result goes
    const from = vector.isConst && vector.slot === NONE ? NONE : vector.slot;
    const d = this.temps.take();
    if (from === NONE) this.constantInto(vector, d);
    else this.emit('mov128', d, from);
    this.emit(move, d + at, scalar);
    if (from === NONE) vector.left--;
    else this.used(vector);
    this.used(v.b);
    v.slot = d;
    return false;
  }

  private goto(pc: number, kind: number, from: number): void {
    const back = pc <= from;
    const record = this.emit(back ? 'jumpBack' : 'jump', 0);
    this.out.link(record, pc, kind);
  }

  private terminal(block: Block, fused: Value | null): void {
    const t = block.terminal;
    const kind = block.flagsOut;
    const from = lastByte(block);
    this.pc = from;
    if (t.guard) this.out.link(this.emit('branchUnless', 0, this.slot(t.guard.cond)), t.guard.next, kind);
    switch (t.kind) {
      case 'jump':
        return this.goto(t.target, kind, from);
      case 'branch': {
        const branch = fused ? this.fusedBranch(fused) : this.emit('branchIf', 0, this.slot(t.cond));
        // the branch reads where this goes: see afterwards in module.ts
        const jump = this.emit('jump', 0);
        this.branchTo(branch, t.taken, kind, from);
        return this.branchTo(jump, t.next, kind, from);
      }
      case 'call':
      case 'callIndirect': {
        this.pc = t.ret;
        const record = this.emit(t.kind, 0, t.kind === 'call' ? 0 : this.slot(t.target));
        const jump = this.emit('jump', 0);
        // a callee may leave any flags
        if (t.kind === 'call') this.out.link(record, t.target, -1);
        return this.out.link(jump, t.ret, -1);
      }
      case 'jumpIndirect':
        this.emit(t.isReturn ? 'return' : 'jumpIndirect', 0, this.slot(t.target));
        return;
      case 'syscall':
        this.pc = t.next;
        this.emit('syscall', 0);
        this.pc = from;
        return this.goto(t.next, kind, from);
      case 'exit':
        this.pc = t.pc;
        this.emit('exit', 0, 0, 0, t.reason);
    }
  }

  /** Where `record` goes; backwards by a jump of its own, which counts. */
  private branchTo(record: number, target: number, kind: number, from: number): void {
    if (target > from) return this.out.link(record, target, kind);
    const back = this.emit('jumpBack', 0);
    this.out.internal(record, back);
    this.out.link(back, target, kind);
  }

  private fusedBranch(cond: Value): number {
    const b = cond.b;
    if (b && fitsImm(b) && b.slot === NONE) {
      const a = this.slot(cond.a as Value);
      return this.put(handlerNumber(`br# ${cond.info.name}`), 0, a, 0, 0, b.imm >>> 0);
    }
    const x = this.slot(cond.a as Value);
    return this.emit(`br ${cond.info.name}`, 0, x, b ? this.slot(b) : 0);
  }
}

const CC_FIELDS: readonly number[] = [State.CC_OP, State.CC_A, State.CC_B, State.CC_C];
const laneBytes: Readonly<Record<string, number>> = { i8x16: 1, i16x8: 2, i32x4: 4, i64x2: 8, f32x4: 4, f64x2: 8 };
const isZeroVector = (v: Value): boolean => v.isConst && (v.lanes ?? []).every((b) => b === 0);

/** Masks for two swizzles whose results are or-ed: 255 selects nothing. */
const swizzleMasks = (lanes: readonly number[]): number[] => [
  ...lanes.map((l) => (l < 16 ? l : 255)),
  ...lanes.map((l) => (l >= 16 ? l - 16 : 255)),
];

const scratch = new DataView(new ArrayBuffer(8));
const floatBits = (n: number): number => {
  scratch.setFloat32(0, n);
  return scratch.getInt32(0);
};
const doubleBits = (n: number): [number, number] => {
  scratch.setFloat64(0, n);
  return [scratch.getInt32(4), scratch.getInt32(0)];
};

/** Append the block's records to the sink. */
export const encodeBlock = (block: Block, out: RecordSink): void => new BlockEncoder(out).encode(block);
