import { specialNumber } from './backend/interpreter/contract.ts';
import type { BlockTable } from './block-table.ts';
import { Control, Header, Mark, NEVER } from './memory/code-layout.ts';
import { CODE_CONTROL } from './memory/layout.ts';

/** Executions of a block that enters a region that is at hand, compiled; others wait: their branch hints take node:v8, 10 ms. */
const STORED_AFTER = 100;
/** Executions for which a block is usual: few of those after which it is hot. */
const USUAL = 250;

/** How often blocks of the cold tier are executed yet until a region is wanted there, and which enter theirs. */
export class RegionEntries {
  private readonly words: Uint32Array;
  private readonly halves: Uint16Array;
  private readonly table: BlockTable;
  /** First records that `enter` has overwritten, and their operations. */
  readonly entered: Map<number, number> = new Map();
  /** Executions that blocks were told to wait for once more. */
  private readonly armed = new Map<number, number>();

  constructor(memory: WebAssembly.Memory, table: BlockTable) {
    this.words = new Uint32Array(memory.buffer);
    this.halves = new Uint16Array(memory.buffer);
    this.table = table;
    this.hotAfter = 2000;
  }

  /** Executions of a block that is called or jumped back to until it is offered to the region compiler. */
  get hotAfter(): number {
    return this.words[CODE_CONTROL / 4 + Control.HOT_AFTER] as number;
  }
  set hotAfter(count: number) {
    this.words[CODE_CONTROL / 4 + Control.HOT_AFTER] = count;
  }

  /** Wait another while before the block is offered to the region compiler again. */
  rearm(record: number, count: number): void {
    this.words[(record + Header.COUNT) >>> 2] = count;
    this.armed.set(record, count);
  }

  /** Executions after which the block with this first record is offered, from when it last was, or its first. */
  armedFor(record: number): number {
    return this.armed.get(record) ?? this.hotAfter;
  }

  /** The same for a block whose region is at hand, compiled. */
  rearmStored(record: number): void {
    this.words[(record + Header.COUNT) >>> 2] = Math.min(STORED_AFTER, this.hotAfter);
  }

  /** The same for all blocks at these pcs. */
  rearmReady(pcs: ArrayLike<number>): void {
    this.table.count(pcs, Math.min(STORED_AFTER, this.hotAfter));
  }

  /** One execution that the cold tier does not count itself: whether a region is wanted now. */
  countDown(record: number): boolean {
    const at = (record + Header.COUNT) >>> 2;
    const left = this.words[at] as number;
    if (left === NEVER) return false;
    this.words[at] = left - 1;
    return left <= 1;
  }

  /** Whether the block at pc is executed often beside others. */
  isUsual(pc: number): boolean {
    const { words, armed, hotAfter } = this;
    const enough = Math.min(USUAL, hotAfter);
    return this.table.recordsAt(pc).some((record) => {
      const left = words[(record + Header.COUNT) >>> 2] as number;
      // what waits to be compiled, here or in the process that this one is a copy of, or has a region, has been executed as often
      return left > hotAfter || armed.has(record) || hotAfter - left >= enough;
    });
  }

  /** The block at pc now begins with a jump into the region in table slot `slot`, in all its versions. */
  enter(pc: number, slot: number): void {
    this.table.mark(pc, Mark.REGION);
    for (const record of this.table.recordsAt(pc)) {
      const at = record >>> 1;
      if (!this.entered.has(record)) this.entered.set(record, this.halves[at] as number);
      // worker threads may run the block meanwhile: nothing they might read changes but the operation
      this.words[(record + Header.SLOT) >>> 2] = slot;
      Atomics.store(this.halves, at, ENTER);
      this.words[(record + Header.COUNT) >>> 2] = NEVER;
    }
  }

  /** No region is entered at pc any more. */
  leave(pc: number): void {
    for (const record of this.table.recordsAt(pc)) {
      const op = this.entered.get(record);
      if (op === undefined) continue;
      this.entered.delete(record);
      this.halves[record >>> 1] = op;
      this.rearm(record, this.hotAfter);
    }
  }

  /** Go on as the copy of another process, where no region is in use yet: they are at hand. */
  inherit(from: RegionEntries): void {
    for (const [record, op] of from.entered) {
      this.halves[record >>> 1] = op;
      this.rearmStored(record);
    }
  }

  clear(): void {
    this.entered.clear();
    this.armed.clear();
  }
}

const ENTER = specialNumber('enter');
