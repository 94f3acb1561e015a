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
  /** Nobody runs the records any more: they may be changed where they are, and used there. */
  readonly inPlace: boolean;
}

/** Puts down one unit. */
class Dump {
  readonly unit: CodeUnit;
  private readonly chunks: readonly UsedChunk[];
  private readonly entries: Uint32Array;
  private readonly count: number;

  constructor(unit: CodeUnit, chunks: readonly UsedChunk[], table: BlockTable, { hotAfter, inPlace }: Changes) {
    this.unit = unit;
    this.chunks = chunks;
    const { entries, count } = table.entriesOf(unit.arena, chunks, inPlace ? hotAfter : 0);
    this.entries = entries;
    this.count = count;
  }

  /** Index of a record's word in the unit's pieces, and in which; null: it is none of the unit's. */
  private wordOf(record: number): { readonly piece: number; readonly at: number } | null {
    // the last chunks are the largest
    for (let piece = this.chunks.length - 1; piece >= 0; piece--) {
      const { start, used } = this.chunks[piece] as UsedChunk;
      if (record >= start && record < start + used) return { piece, at: (record - start) / 4 };
    }
    return null;
  }

  /** The records as they were made. */
  private area(memory: Uint32Array, { entered, crossings, hotAfter, inPlace }: Changes): Uint32Array[] {
    const area = this.chunks.map(({ start, used }) => {
      const words = memory.subarray(start / 4, (start + used) / 4);
      return inPlace ? words : words.slice();
    });
    const change = (record: number, word: number, to: (now: number) => number): void => {
      const place = this.wordOf(record);
      if (place === null) return;
      const words = area[place.piece] as Uint32Array;
      words[place.at + word] = to(words[place.at + word] as number);
    };
    const { entries } = this;
    for (let i = 1; !inPlace && i < entries.length; i += 2) {
      const entry = entries[i] as number;
      const record = (entry & RECORD_MASK) << 4;
      if (record === 0 || entry >>> WHAT_SHIFT === Mark.SLOW) continue;
      const { piece, at } = this.wordOf(record) as { piece: number; at: number };
      (area[piece] as Uint32Array)[at + Header.COUNT / 4] = hotAfter;
    }
    for (const [record, op] of entered) {
      change(record, Header.SLOT / 4, () => 0);
      change(record, 0, (now) => ((now & 0xffff_0000) | op) >>> 0);
    }
    for (const [record, stub] of crossings) change(record, 2, () => stub);
    return area;
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
    const pageWords = PAGE_SIZE / 4;
    const pages = new Uint32Array(stamp.length > 0 ? 0 : pageWords * addresses.length);
    if (pages.length > 0) {
      for (const [i, address] of addresses.entries()) {
        pages.set(new Uint32Array(memory.buffer, GUEST_BASE + address, pageWords), pageWords * i);
      }
    }
    const { start, end, offset } = unit;
    const { crosses } = changes;
    const area = this.area(memory, changes);
    return { start, end, offset, stamp, crosses, count, runs, chunks, entries, area, pages };
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
  const dumps = chosen.map((unit) => new Dump(unit, [...arenas.of(unit.arena)], table, changes));
  return dumps.map((dump) => dump.finish(units, words, changes));
};
