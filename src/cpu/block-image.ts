import { checksum } from './checksum.ts';
import type { UsedChunk } from './record-arenas.ts';

/**
 * Cold-tier translations as they are kept on disk, as 32-bit words: a head, then units.
 *
 *     magic, version, words, checksum, number of units
 *
 * A unit has the blocks of one mapping of a file as they were in the process's memory: linked with each other, to be put
 * at the same place again, with their entries of the table of blocks. It carries the pages of guest code that it was
 * made from, and is used only where memory holds the same bytes, so an image can be old, foreign or from another program
 * without doing harm.
 *
 * The unit: start and end of the mapping, whether flags cross, number of blocks, lengths of the parts, the parts.
 */
const MAGIC = 0x69717377;
const HEAD = 5;
const CHECKED_FROM = 4;
/** Parts of a unit, in their order. */
const PARTS = ['runs', 'pages', 'entries', 'pieces', 'area'] as const;
const UNIT_HEAD = 4 + PARTS.length;
/** Words of a chunk in `pieces`: wasm offset, bytes in use, size in bytes. */
const PIECE = 3;
/** Words of all units' records: there must be room for what is translated besides. */
const MAX_RECORDS = 6 << 20;

/** Guest code of one file mapping, translated. */
export interface BlockUnit {
  readonly start: number;
  readonly end: number;
  /** A block reads flags behind a call or at a function's entry. */
  readonly crosses: boolean;
  /** (address, bytes) of guest pages … */
  readonly runs: Uint32Array;
  /** … and what is in them. */
  readonly pages: Uint32Array;
  /** Entries of the table of blocks (see ENTRY). */
  readonly entries: Uint32Array;
  /** Where the records belong … */
  readonly chunks: readonly UsedChunk[];
  /** … and the records, chunk by chunk. */
  readonly area: Uint32Array;
  /** Number of blocks. */
  readonly count: number;
}

/** Chunks by their words. */
const chunksOf = (pieces: Uint32Array): UsedChunk[] => {
  const chunks: UsedChunk[] = [];
  for (let i = 0; i < pieces.length; i += PIECE) {
    const [start, used, size] = pieces.subarray(i, i + PIECE) as unknown as [number, number, number];
    chunks.push({ start, used, size });
  }
  return chunks;
};

/** Read access to an image. */
export class BlockImage {
  readonly units: readonly BlockUnit[];
  /** Blocks in all units. */
  readonly count: number;

  private constructor(units: readonly BlockUnit[]) {
    this.units = units;
    this.count = units.reduce((sum, unit) => sum + unit.count, 0);
  }

  /** Null when the words are not a whole image of this version. */
  static open(words: Uint32Array, version: number): BlockImage | null {
    if (words.length < HEAD || words[0] !== MAGIC || words[1] !== version >>> 0) return null;
    if (words[2] !== words.length || words[3] !== checksum(words, CHECKED_FROM)) return null;
    const units: BlockUnit[] = [];
    for (let at = HEAD; units.length < (words[4] as number); ) {
      const [start, end, crosses, count, ...lengths] = words.subarray(at, at + UNIT_HEAD);
      at += UNIT_HEAD;
      const parts: Record<string, Uint32Array> = {};
      for (const [i, name] of PARTS.entries()) {
        const from = at;
        at += lengths[i] as number;
        parts[name] = words.subarray(from, at);
      }
      const chunks = chunksOf(parts.pieces as Uint32Array);
      units.push({ start, end, crosses: crosses !== 0, count, chunks, ...parts } as unknown as BlockUnit);
    }
    return new BlockImage(units);
  }
}

/** A unit to be kept, as it is in a process. */
export interface LiveUnit {
  readonly start: number;
  readonly end: number;
  readonly crosses: boolean;
  readonly runs: readonly number[];
  /** Bytes of the pages in `runs`. */
  readonly pages: Uint8Array;
  /** Entries of the table of blocks. */
  readonly entries: readonly number[];
  readonly chunks: readonly UsedChunk[];
  /** The chunks' records, to be kept. */
  readonly area: Uint32Array;
  /** Number of blocks. */
  readonly count: number;
}

/** An image of these units, and of those of the old one that get along with them; null: too large. */
export const writeImage = (
  live: readonly LiveUnit[],
  old: readonly BlockUnit[],
  version: number,
): Uint32Array<ArrayBuffer> | null => {
  const taken: UsedChunk[] = live.flatMap(({ chunks }) => chunks);
  const collides = (a: UsedChunk): boolean =>
    taken.some((b) => a.start < b.start + b.size && b.start < a.start + a.size);
  const kept: (BlockUnit | LiveUnit)[] = [...live];
  for (const unit of old) {
    if (live.some(({ start, end }) => start < unit.end && unit.start < end) || unit.chunks.some(collides)) continue;
    kept.push(unit);
    taken.push(...unit.chunks);
  }
  if (kept.reduce((sum, { area }) => sum + area.length, 0) > MAX_RECORDS) return null;
  const parts: ArrayLike<number>[] = [];
  for (const { start, end, crosses, count, runs, pages, entries, chunks, area } of kept) {
    const pieces = chunks.flatMap((chunk) => [chunk.start, chunk.used, chunk.size]);
    const bytes =
      pages instanceof Uint8Array ? new Uint32Array(pages.buffer, pages.byteOffset, pages.length / 4) : pages;
    const lists = [runs, bytes, entries, pieces, area];
    parts.push([start, end, crosses ? 1 : 0, count, ...lists.map((list) => list.length)], ...lists);
  }
  const words = new Uint32Array(parts.reduce((sum, part) => sum + part.length, HEAD));
  words.set([MAGIC, version, words.length, 0, kept.length]);
  let at = HEAD;
  for (const part of parts) {
    words.set(part, at);
    at += part.length;
  }
  words[3] = checksum(words, CHECKED_FROM);
  return words;
};
