import type { LiveUnit } from './block-image.ts';
import type { BlockTable } from './block-table.ts';
import type { CodeUnit, CodeUnits } from './code-units.ts';
import { Header, Mark, RECORD_MASK, WHAT_SHIFT } from './memory/code-layout.ts';
import { GUEST_BASE, PAGE_SIZE } from './memory/layout.ts';
import type { RecordArenas, UsedChunk } from './record-arenas.ts';

/** What was changed in records that are to be kept as they were made. */
export interface Changes {
  /** First records that became `enter`, and their operations. */
  readonly entered: ReadonlyMap<number, number>;
  /** Jumps into other units, by the record, and the stubs that they had. */
  readonly crossings: ReadonlyMap<number, number>;
  readonly hotAfter: number;
  /** Code was seen at a function's entry or behind a call that reads flags from before. */
  readonly crosses: boolean;
}

/** Records of a unit, chunk by chunk. */
class Area {
  readonly words: Uint32Array;
  readonly chunks: readonly UsedChunk[];

  constructor(memory: Uint32Array, chunks: readonly UsedChunk[]) {
    this.chunks = chunks;
    this.words = new Uint32Array(chunks.reduce((sum, { used }) => sum + used / 4, 0));
    let at = 0;
    for (const { start, used } of chunks) {
      this.words.set(memory.subarray(start / 4, (start + used) / 4), at);
      at += used / 4;
    }
  }

  /** Word of a record, or -1: it is none of the unit's. */
  wordOf(record: number): number {
    let end = this.words.length;
    // the last chunks are the largest
    for (let i = this.chunks.length - 1; i >= 0; i--) {
      const { start, used } = this.chunks[i] as UsedChunk;
      end -= used / 4;
      if (record >= start && record < start + used) return end + (record - start) / 4;
    }
    return -1;
  }
}

/** Puts down one unit. */
class Dump {
  readonly unit: CodeUnit;
  private readonly area: Area;
  private readonly entries: number[] = [];
  private count = 0;

  constructor(unit: CodeUnit, area: Area) {
    this.unit = unit;
    this.area = area;
  }

  block(pc: number, value: number, { entered, hotAfter }: Changes): void {
    const record = (value & RECORD_MASK) << 4;
    const at = this.area.wordOf(record);
    if (at < 0) return;
    this.entries.push(pc, value);
    this.count++;
    const { words } = this.area;
    words[at + Header.COUNT / 4] = hotAfter;
    const op = entered.get(record);
    if (op === undefined) return;
    words[at + Header.SLOT / 4] = 0;
    words[at] = (((words[at] as number) & 0xffff_0000) | op) >>> 0;
  }

  mark(pc: number, value: number): void {
    this.entries.push(pc, value);
  }

  finish(memory: ArrayBufferLike, { crossings, crosses }: Changes): LiveUnit {
    const { unit, area, entries, count } = this;
    for (const [record, stub] of crossings) {
      const at = area.wordOf(record);
      if (at >= 0) area.words[at + 2] = stub;
    }
    const addresses = [...unit.pages].sort((a, b) => a - b);
    const pages = new Uint8Array(PAGE_SIZE * addresses.length);
    const runs: number[] = [];
    for (const [i, address] of addresses.entries()) {
      pages.set(new Uint8Array(memory, GUEST_BASE + address, PAGE_SIZE), PAGE_SIZE * i);
      const last = runs.length - 2;
      if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === address) {
        runs[last + 1] = (runs[last + 1] as number) + PAGE_SIZE;
      } else runs.push(address, PAGE_SIZE);
    }
    const { start, end } = unit;
    return { start, end, crosses, count, runs, pages, entries, chunks: area.chunks, area: area.words };
  }
}

/** These units as they can be kept: blocks enter no region, and lead to no block of another unit. */
export const dumpUnits = (
  chosen: readonly CodeUnit[],
  units: CodeUnits,
  arenas: RecordArenas,
  table: BlockTable,
  words: Uint32Array,
  changes: Changes,
): LiveUnit[] => {
  const dumps: Dump[] = [];
  for (const unit of chosen) dumps[unit.arena] = new Dump(unit, new Area(words, arenas.of(unit.arena)));
  table.forEach((pc, value) => {
    const dump = dumps[units.known(pc)];
    if (dump === undefined) return;
    if ((value & RECORD_MASK) !== 0) dump.block(pc, value, changes);
    else if (value >>> WHAT_SHIFT !== Mark.REGION) dump.mark(pc, value);
  });
  return chosen.map(({ arena }) => (dumps[arena] as Dump).finish(words.buffer, changes));
};
