import { opTable } from '../../ir/opcodes.ts';
import { type Type, typeSize } from '../../ir/types.ts';
import type { Value } from '../../ir/value.ts';
import { CPU_STATE_SIZE, State } from '../../memory/layout.ts';
import { findHandler, handlerNumber } from './handlers.ts';

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

/** Handler of an operation, by opcode; -1: none. */
const plain = opTable.map((o) => findHandler(o.name) ?? -1);
/** Handler of a load or store that asks for alignment. */
const aligned = opTable.map((o, i) => findHandler(`aligned ${o.name}`) ?? (plain[i] as number));

const TEMP_COUNT = (CPU_STATE_SIZE - State.TEMPS) / 16;
/** A value is nowhere yet, an operation's result has no place that it must go to. */
export const NONE = -1;

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

export const mov = (type: Type): string =>
  typeSize[type] === 16 ? 'mov128' : typeSize[type] === 8 ? 'mov64' : 'mov32';
export const isSet = (v: Value | undefined): v is Value => v?.info.kind === 'set';
export const fitsImm = (v: Value): boolean =>
  v.isConst && (v.type === 'i32' || (v.type === 'i64' && v.hi === v.imm >> 31));

/** Registers have 8 bytes each; what else there is of the state may have less. */
const hasRoom = (v: Value, offset: number): boolean =>
  v.type !== 'i32' || (offset >= State.REGS && offset < State.VREGS);
/** Where a value is set to by the operation behind it. */
export const targetOf = (v: Value, next: Value | undefined): number =>
  isSet(next) && next.a === v && hasRoom(v, next.imm) ? next.imm : NONE;

/** Where the values of a block are: in temporaries, in registers' slots, or in none yet; and what puts records. */
export abstract class SlotEncoder {
  protected readonly out: RecordSink;
  protected readonly temps = new Temps();
  /** Values that live in a guest register's slot, by that slot's offset. */
  protected readonly homed = new Map<number, Value[]>();
  protected pc = 0;
  /** The record put last. */
  protected last = 0;
  /** The jump over the conditional part at hand, what the part writes, and constants first needed inside. */
  protected part: { readonly skip: number; readonly writes: readonly number[]; readonly constants: Value[] } | null =
    null;
  /** Temporaries whose last reader is the operation being emitted: free once its record is written. */
  protected readonly dying: number[] = [];

  constructor(out: RecordSink) {
    this.out = out;
  }

  protected put(op: number, d: number, a: number, b: number, imm: number, pc: number): number {
    this.last = this.out.put(op, d, a, b, imm, pc);
    return this.last;
  }

  protected emit(key: string, d: number, a = 0, b = 0, imm = 0): number {
    return this.put(handlerNumber(key), d, a, b, imm, this.pc);
  }

  protected emitOp(v: Value, d: number, a: number, b: number, imm: number): void {
    const { kind, code } = v.info;
    const numbers = v.hi !== 0 && (kind === 'load' || kind === 'store') ? aligned : plain;
    this.put(numbers[code] as number, d, a, b, imm, this.pc);
  }

  /** Slot of an operand; materialises constants. */
  protected slot(v: Value): number {
    if (v.slot === NONE) {
      v.slot = this.temps.take();
      this.constantInto(v, v.slot);
      this.part?.constants.push(v);
    }
    return v.slot;
  }

  protected constantInto(v: Value, d: number): void {
    if (v.type === 'i32') this.emit('const32', d, 0, 0, v.imm);
    else if (v.type === 'i64') this.put(handlerNumber('const64'), d, 0, 0, v.imm, v.hi >>> 0);
    else if (v.type === 'v128') this.emit('constV128', d, 0, 0, this.out.constant(v.lanes ?? []));
    else if (v.type === 'f32') this.emit('const32', d, 0, 0, floatBits(v.imm));
    else {
      const [lo, hi] = doubleBits(v.imm);
      this.put(handlerNumber('const64'), d, 0, 0, lo, hi >>> 0);
    }
  }

  protected used(v: Value | null): void {
    if (!v) return;
    v.left--;
    if (v.left === 0 && v.slot >= State.TEMPS) this.dying.push(v.slot);
  }

  /** A register slot is about to be overwritten: values living there move out. */
  protected evict(offset: number): void {
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

  protected home(offset: number, v: Value): void {
    v.slot = offset;
    const list = this.homed.get(offset);
    if (list) list.push(v);
    else this.homed.set(offset, [v]);
  }

  /** Where a result goes: the register it is set to next, or a temporary. Call after `used` of operands. */
  protected destination(v: Value, target: number): number {
    if (target === NONE) {
      v.slot = this.temps.take();
      return v.slot;
    }
    this.evict(target);
    this.home(target, v);
    v.left--; // the set
    return target;
  }
}

const scratch = new DataView(new ArrayBuffer(8));
const floatBits = (n: number): number => {
  scratch.setFloat32(0, n);
  return scratch.getInt32(0);
};
const doubleBits = (n: number): [number, number] => {
  scratch.setFloat64(0, n);
  return [scratch.getInt32(4), scratch.getInt32(0)];
};
