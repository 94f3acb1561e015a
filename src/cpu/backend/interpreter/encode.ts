import { type Block, lastByte } from '../../ir/block.ts';
import { terminalValue } from '../../ir/finish.ts';
import { isPure } from '../../ir/native.ts';
import { opTable } from '../../ir/opcodes.ts';
import type { Value } from '../../ir/value.ts';
import { State } from '../../memory/layout.ts';
import { CC_FIELDS, FusingEncoder } from './fuse.ts';
import { findHandler, handlerNumber, isCompare } from './handlers.ts';
import { fitsImm, mov, NONE, type RecordSink, targetOf } from './slots.ts';

/** Handler of an operation's form with an immediate, by opcode; -1: none. */
const immediate = opTable.map((o) => findHandler(`#${o.name}`) ?? -1);

/** The operation behind `v`, if that only puts zeros above its 32 bits. */
const widened = (v: Value, next: Value | undefined): Value | null =>
  next?.info.name === 'i64.extend_i32_u' && next.a === v && v.uses === 1 && writesClear(v) ? next : null;
/** Whether the handler of `v` writes zeros above a result of 32 bits. */
const writesClear = ({ info, type }: Value): boolean =>
  type === 'i32' && (info.kind === 'load' || (info.kind === 'pure' && !info.name.includes('_lane')));

/** Turns one IR block into cold-tier records. */
class BlockEncoder extends FusingEncoder {
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
        this.put(handlerNumber(isPure(v) ? 'native' : 'helper'), 0, v.hi & 0xffff, v.hi >>> 16, v.imm, this.pc);
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
        this.emitOp(v, d, a, v.hi, v.imm);
        v.clear = v.type === 'i32';
        if (unused) this.temps.give(d);
        return target !== NONE;
      }
      case 'store': {
        const a = this.slot(v.a as Value);
        const b = this.slot(v.b as Value);
        this.emitOp(v, v.hi, a, b, v.imm);
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
        const record = this.emit(t.kind, 0, t.kind === 'call' ? 0 : this.slot(t.target as Value));
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

const laneBytes: Readonly<Record<string, number>> = { i8x16: 1, i16x8: 2, i32x4: 4, i64x2: 8, f32x4: 4, f64x2: 8 };
const isZeroVector = (v: Value): boolean => v.isConst && (v.lanes ?? []).every((b) => b === 0);

/** Masks for two swizzles whose results are or-ed: 255 selects nothing. */
const swizzleMasks = (lanes: readonly number[]): number[] => [
  ...lanes.map((l) => (l < 16 ? l : 255)),
  ...lanes.map((l) => (l >= 16 ? l - 16 : 255)),
];

/** Append the block's records to the sink. */
export const encodeBlock = (block: Block, out: RecordSink): void => new BlockEncoder(out).encode(block);
