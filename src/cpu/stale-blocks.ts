import { specialNumber } from './backend/interpreter/contract.ts';
import type { BlockTable } from './block-table.ts';
import { Header, LENGTH_SHIFT, Mark, READS_FLAGS, RECORD_MASK, WHAT_SHIFT } from './memory/code-layout.ts';
import type { SingleBlocks } from './single-blocks.ts';

const UNLINKED = specialNumber('unlinked');
const JUMP = specialNumber('jump');

/** Blocks of the cold tier, as whoever asks which are of some guest code must know them. */
export interface Blocks {
  readonly table: BlockTable;
  readonly singles: SingleBlocks;
  /** Linked with others, but not in the table: by pc. */
  readonly spanning: ReadonlyMap<number, number>;
  /** First records that enter regions, and their operations. */
  readonly entered: Map<number, number>;
  /** See Facts. */
  isCodeAddress(pc: number): boolean;
  /** Guest code of one of them, at most. */
  readonly mostBytes: number;
}

/**
 * Blocks whose guest code has changed. What leads to a block is not known: links of others, jump caches, the index of worker
 * threads. So its first record stays, and stands for the code at its pc: executed for the first time after a change it asks
 * for what is there now, and from then on it jumps to that.
 */
export class StaleBlocks {
  private readonly words: Uint32Array;
  private readonly halves: Uint16Array;
  private readonly blocks: Blocks;
  private readonly records = new Set<number>();

  constructor(words: Uint32Array, halves: Uint16Array, blocks: Blocks) {
    this.words = words;
    this.halves = halves;
    this.blocks = blocks;
  }

  /** Whether a block's code has changed, and nobody has asked yet for what is there now. */
  has(record: number): boolean {
    return this.records.has(record);
  }

  /** Whether a block was made of code in [start, end). */
  private isOf(record: number, start: number, end: number): boolean {
    const pc = this.words[(record + Header.PC) >>> 2] as number;
    const length = (this.words[(record + Header.KIND) >>> 2] as number) >>> LENGTH_SHIFT;
    // bit 0 of a pc may be no part of the address
    return pc - (pc % 2) < end && pc + length > start;
  }

  /** Pcs in [start, end) that are called or returned to, and whether blocks of it are in use: single ones are forgotten. */
  find(start: number, end: number): { readonly any: boolean; readonly called: readonly number[] } {
    const { table, singles, spanning, isCodeAddress, mostBytes } = this.blocks;
    const from = start - mostBytes;
    const called: number[] = [];
    let any = singles.forget(from, end, (record) => this.isOf(record, start, end));
    const look = (record: number): void => {
      any ||= this.isOf(record, start, end) && !this.records.has(record);
    };
    for (const record of spanning.values()) look(record);
    table.within(from, end, isCodeAddress, (pc, value) => {
      const record = (value & RECORD_MASK) << 4;
      if (record !== 0) look(record);
      else if (pc >= start && value >>> WHAT_SHIFT !== Mark.REGION) called.push(pc);
    });
    return { any, called };
  }

  /** Code in [start, end) has changed, and nobody runs. */
  add(start: number, end: number): void {
    const { table, singles, spanning, isCodeAddress, mostBytes } = this.blocks;
    const from = start - mostBytes;
    singles.forget(from, end, (record) => this.isOf(record, start, end));
    for (const record of spanning.values()) this.addBlock(record, start, end);
    table.within(from, end, isCodeAddress, (_, value) => this.addBlock((value & RECORD_MASK) << 4, start, end));
  }

  private addBlock(record: number, start: number, end: number): void {
    if (record === 0 || this.records.has(record) || !this.isOf(record, start, end)) return;
    const { entered } = this.blocks;
    this.records.add(record);
    // whatever it did with flags, who asks for the block at its pc is given this one: another would take its place in the table
    const kind = (record + Header.KIND) >>> 2;
    this.words[kind] = (this.words[kind] as number) & ~READS_FLAGS;
    if (entered.has(record)) entered.set(record, UNLINKED);
    else this.halves[record >>> 1] = UNLINKED;
  }

  /** A block leads to this new one from now on, which nothing else does. */
  replace(record: number, by: number): void {
    const { words, halves } = this;
    const { entered } = this.blocks;
    this.records.delete(record);
    const kind = (record + Header.KIND) >>> 2;
    // links are made for its kind of flags; how long it is and whether it reads them is the new one's
    words[kind] = (((words[(by + Header.KIND) >>> 2] as number) & ~0xff) | ((words[kind] as number) & 0xff)) >>> 0;
    // worker threads may be here: first where to, then that it is to be gone to
    Atomics.store(words, (record >>> 2) + 2, by);
    if (entered.has(record)) entered.set(record, JUMP);
    else Atomics.store(halves, record >>> 1, JUMP);
  }

  inherit(from: StaleBlocks): void {
    for (const record of from.records) this.records.add(record);
  }

  clear(): void {
    this.records.clear();
  }
}
