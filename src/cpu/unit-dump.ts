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

/** Puts down one unit. */
class Dump {
  readonly unit: CodeUnit;
  private readonly chunks: readonly UsedChunk[];
  private readonly entries: number[] = [];
  private count = 0;

  constructor(unit: CodeUnit, chunks: readonly UsedChunk[]) {
    this.unit = unit;
    this.chunks = chunks;
  }

  /** Word of a record in the unit's area, or -1: it is none of the unit's. */
  private wordOf(record: number): number {
    let end = this.chunks.reduce((sum, { used }) => sum + used / 4, 0);
    // the last chunks are the largest
    for (let i = this.chunks.length - 1; i >= 0; i--) {
      const { start, used } = this.chunks[i] as UsedChunk;
      end -= used / 4;
      if (record >= start && record < start + used) return end + (record - start) / 4;
    }
    return -1;
  }

  entry(pc: number, value: number): void {
    const record = (value & RECORD_MASK) << 4;
    if (record === 0 && value >>> WHAT_SHIFT === Mark.REGION) return;
    if (record !== 0 && this.chunks.every(({ start, used }) => record < start || record >= start + used)) return;
    this.entries.push(pc, value);
    if (record !== 0) this.count++;
  }

  /** The records as they were made. */
  private writeArea(into: Uint32Array, memory: Uint32Array, { entered, crossings, hotAfter }: Changes): void {
    let at = 0;
    for (const { start, used } of this.chunks) {
      into.set(memory.subarray(start / 4, (start + used) / 4), at);
      at += used / 4;
    }
    for (let i = 1; i < this.entries.length; i += 2) {
      const record = ((this.entries[i] as number) & RECORD_MASK) << 4;
      if (record !== 0) into[this.wordOf(record) + Header.COUNT / 4] = hotAfter;
    }
    for (const [record, op] of entered) {
      const word = this.wordOf(record);
      if (word < 0) continue;
      into[word + Header.SLOT / 4] = 0;
      into[word] = (((into[word] as number) & 0xffff_0000) | op) >>> 0;
    }
    for (const [record, stub] of crossings) {
      const word = this.wordOf(record);
      if (word >= 0) into[word + 2] = stub;
    }
  }

  finish(units: CodeUnits, memory: Uint32Array, changes: Changes): LiveUnit {
    const { unit, chunks, entries, count } = this;
    const addresses = [...unit.pages].sort((a, b) => a - b);
    const runs: number[] = [];
    for (const address of addresses) {
      const last = runs.length - 2;
      if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === address) {
        runs[last + 1] = (runs[last + 1] as number) + PAGE_SIZE;
      } else runs.push(address, PAGE_SIZE);
    }
    const stamp = units.stampOf(unit);
    const pages = new Uint8Array(stamp.length > 0 ? 0 : PAGE_SIZE * addresses.length);
    if (pages.length > 0) {
      for (const [i, address] of addresses.entries()) {
        pages.set(new Uint8Array(memory.buffer, GUEST_BASE + address, PAGE_SIZE), PAGE_SIZE * i);
      }
    }
    const { start, end, offset } = unit;
    const { crosses } = changes;
    const writeArea = (into: Uint32Array): void => this.writeArea(into, memory, changes);
    return { start, end, offset, stamp, crosses, count, runs, chunks, entries, pages, writeArea };
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
  for (const unit of chosen) dumps[unit.arena] = new Dump(unit, [...arenas.of(unit.arena)]);
  table.forEach((pc, value) => void dumps[units.known(pc)]?.entry(pc, value));
  return chosen.map(({ arena }) => (dumps[arena] as Dump).finish(units, words, changes));
};
