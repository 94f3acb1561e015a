import { checksum, checksumOf } from './checksum.ts';
import { bytesOf, type ImageBytes, inMemory } from './image-bytes.ts';
import type { UsedChunk } from './record-arenas.ts';

/**
 * Cold-tier translations as they are kept on disk, as 32-bit words: a head, then bodies.
 *
 *     magic, version, words, words of the head, checksum of what of the head follows, number of units, units
 *
 * A unit has the blocks of one mapping of a file as they were in the process's memory: linked with each other, to be put
 * at the same place again, with their entries of the table of blocks. It is used only where memory holds the code that it
 * was made from: an unchanged mapping of a file that is as it was then (its stamp), or, where that cannot be told, pages
 * with the same bytes. So an image can be old, foreign or from another program without doing harm.
 *
 * The unit: start and end of the mapping, offset in the file (low and high word), whether flags cross, number of blocks,
 * word of the body, checksums of its code and of its pages, lengths of the parts, the parts of the head. The body: entries
 * and records, pages. A body is read when the unit is wanted, its records to where they belong.
 */
const MAGIC = 0x69717378;
const HEAD = 6;
const CHECKED_FROM = 5;
/** Parts of a unit, in their order: of the head, and of the body. */
const PARTS = ['runs', 'pieces', 'stamp', 'entries', 'area', 'pages'] as const;
const HEAD_PARTS = 3;
const UNIT_HEAD = 9 + PARTS.length;
/** Words of a chunk in `pieces`: wasm offset, bytes in use, size in bytes. */
const PIECE = 3;
/** Words of all units' records: there must be room for what is translated besides. */
const MAX_RECORDS = 8 << 20;
const HIGH = 2 ** 32;

/** What a unit is of. */
interface UnitCode {
  readonly start: number;
  readonly end: number;
  /** Where `start` is in the file. */
  readonly offset: number;
  /** Tells the file as it was (see MapSource.stamp); empty: the bytes of the pages do. */
  readonly stamp: ArrayLike<number>;
  /** A block reads flags behind a call or at a function's entry. */
  readonly crosses: boolean;
  /** Number of blocks. */
  readonly count: number;
  /** (address, bytes) of guest pages with code. */
  readonly runs: ArrayLike<number>;
  /** Where the records belong. */
  readonly chunks: readonly UsedChunk[];
}

/** Where the body of a unit is, in words, and what it has. */
interface Body {
  readonly at: number;
  readonly entries: number;
  readonly area: number;
  readonly pages: number;
  readonly codeSum: number;
  readonly pagesSum: number;
}

/** Guest code of one file mapping, translated. */
export class BlockUnit implements UnitCode {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly stamp: Uint32Array;
  readonly crosses: boolean;
  readonly count: number;
  readonly runs: Uint32Array;
  readonly chunks: readonly UsedChunk[];
  readonly body: Body;
  private readonly bytes: ImageBytes;

  constructor(
    code: UnitCode & { readonly stamp: Uint32Array; readonly runs: Uint32Array },
    body: Body,
    bytes: ImageBytes,
  ) {
    this.start = code.start;
    this.end = code.end;
    this.offset = code.offset;
    this.stamp = code.stamp;
    this.crosses = code.crosses;
    this.count = code.count;
    this.runs = code.runs;
    this.chunks = code.chunks;
    this.body = body;
    this.bytes = bytes;
  }

  /** Words of the entries of the table of blocks (see ENTRY). */
  get entries(): number {
    return this.body.entries;
  }

  private read(at: number, into: readonly Uint8Array[]): boolean {
    return this.bytes.read(4 * (this.body.at + at), into);
  }

  /** Whether a guest's bytes, from wasm offset `base` on, are those that the unit was made from; `stamp` tells if there is one. */
  matches(memory: ArrayBufferLike, base: number): boolean {
    const { runs, body } = this;
    const pages = new Uint8Array(4 * body.pages);
    if (pages.length === 0 || !this.read(body.entries + body.area, [pages])) return false;
    let at = 0;
    for (let i = 0; i < runs.length; i += 2) {
      const length = runs[i + 1] as number;
      const now = Buffer.from(memory as ArrayBuffer, base + (runs[i] as number), length);
      if (now.compare(pages, at, at + length) !== 0) return false;
      at += length;
    }
    return true;
  }

  /** Put the records where they belong, and the entries there; false: the image is damaged, and what is there now is of no use. */
  load(memory: ArrayBufferLike, entries: Uint32Array): boolean {
    const records = this.chunks.map(({ start, used }) => new Uint8Array(memory, start, used));
    const parts = [bytesOf(entries), ...records];
    return this.read(0, parts) && checksumOf(parts) === this.body.codeSum;
  }

  /** Put the whole body into words of another image, if it is as it was written. */
  copyTo(words: Uint32Array): boolean {
    const { entries, area, codeSum, pagesSum } = this.body;
    if (!this.read(0, [bytesOf(words)])) return false;
    const [code, rest] = [words.subarray(0, entries + area), words.subarray(entries + area)];
    return checksumOf([bytesOf(code)]) === codeSum && checksumOf([bytesOf(rest)]) === pagesSum;
  }

  get isWhole(): boolean {
    const { entries, area, pages } = this.body;
    return this.copyTo(new Uint32Array(entries + area + pages));
  }
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

  /** An image that was made a moment ago, of its pieces (see writeImage); null: of another version. */
  static of(pieces: readonly Uint32Array[], version: number): BlockImage | null {
    return BlockImage.read(inMemory(pieces), version);
  }

  /** Read access to bytes, whose bodies are looked at when they are wanted. Null: no image of this version. */
  static read(bytes: ImageBytes, version: number): BlockImage | null {
    const start = new Uint32Array(HEAD);
    if (!bytes.read(0, [bytesOf(start)]) || start[0] !== MAGIC || start[1] !== version >>> 0) return null;
    const length = start[3] as number;
    if (4 * (start[2] as number) !== bytes.size || 4 * length > bytes.size || length < HEAD) return null;
    const head = new Uint32Array(length);
    if (!bytes.read(0, [bytesOf(head)]) || start[4] !== checksum(head, CHECKED_FROM)) return null;
    const units: BlockUnit[] = [];
    for (let at = HEAD; units.length < (start[5] as number); ) {
      const [first, end, low, high, crosses, count, body, codeSum, pagesSum, ...lengths] = head.subarray(
        at,
        at + UNIT_HEAD,
      ) as unknown as [number, number, number, number, number, number, number, number, number];
      at += UNIT_HEAD;
      const parts = lengths.slice(0, HEAD_PARTS).map((size) => head.subarray(at, (at += size)));
      const [runs, pieces, stamp] = parts as [Uint32Array, Uint32Array, Uint32Array];
      const [entries, area, pages] = lengths.slice(HEAD_PARTS) as unknown as [number, number, number];
      const offset = low + high * HIGH;
      const code = { start: first, end, offset, stamp, crosses: crosses !== 0, count, runs, chunks: chunksOf(pieces) };
      units.push(new BlockUnit(code, { at: body, entries, area, pages, codeSum, pagesSum }, bytes));
    }
    return new BlockImage(units);
  }
}

/** A unit to be kept, as it is in a process. */
export interface LiveUnit extends UnitCode {
  /** Entries of the table of blocks. */
  readonly entries: Uint32Array;
  /** The chunks' records, as they are to be kept. */
  readonly area: readonly Uint32Array[];
  /** Words of the pages in `runs`; empty where the stamp tells them. */
  readonly pages: Uint32Array;
}

const areaOf = ({ chunks }: UnitCode): number => chunks.reduce((sum, { used }) => sum + used / 4, 0);

/** Lengths of the parts of a unit's body. */
const lengthsOf = (unit: LiveUnit | BlockUnit): [entries: number, area: number, pages: number] =>
  unit instanceof BlockUnit
    ? [unit.body.entries, unit.body.area, unit.body.pages]
    : [unit.entries.length, areaOf(unit), unit.pages.length];

/** The pieces of a unit's body, and the checksums of its code and of its pages; null: it cannot be read. */
const bodyOf = (unit: LiveUnit | BlockUnit): { pieces: readonly Uint32Array[]; sums: [number, number] } | null => {
  if (unit instanceof BlockUnit) {
    const { entries, area, pages, codeSum, pagesSum } = unit.body;
    const words = new Uint32Array(entries + area + pages);
    return unit.copyTo(words) ? { pieces: [words], sums: [codeSum, pagesSum] } : null;
  }
  const code = [unit.entries, ...unit.area];
  return { pieces: [...code, unit.pages], sums: [checksumOf(code.map(bytesOf)), checksumOf([bytesOf(unit.pages)])] };
};

/** The pieces of an image of these units, and of those of the old one that get along with them; null: too large. */
export const writeImage = (
  live: readonly LiveUnit[],
  old: readonly BlockUnit[],
  version: number,
): Uint32Array[] | null => {
  const taken: UsedChunk[] = live.flatMap(({ chunks }) => chunks);
  const collides = (a: UsedChunk): boolean =>
    taken.some((b) => a.start < b.start + b.size && b.start < a.start + a.size);
  const kept: (BlockUnit | LiveUnit)[] = [...live];
  for (const unit of old) {
    if (live.some(({ start, end }) => start < unit.end && unit.start < end) || unit.chunks.some(collides)) continue;
    kept.push(unit);
    taken.push(...unit.chunks);
  }
  if (kept.reduce((sum, unit) => sum + areaOf(unit), 0) > MAX_RECORDS) return null;
  const parts = kept.map((unit) => {
    const pieces = unit.chunks.flatMap((chunk) => [chunk.start, chunk.used, chunk.size]);
    return { unit, lists: [unit.runs, pieces, unit.stamp], lengths: lengthsOf(unit) };
  });
  const headLength = parts.reduce((sum, { lists }) => lists.reduce((n, l) => n + l.length, sum + UNIT_HEAD), HEAD);
  const length = parts.reduce((sum, { lengths: [entries, area, pages] }) => sum + entries + area + pages, headLength);
  const words = new Uint32Array(headLength);
  const image: Uint32Array[] = [words];
  let at = HEAD;
  let body = headLength;
  for (const { unit, lists, lengths } of parts) {
    const { start, end, offset, crosses, count } = unit;
    const [entries, area, pages] = lengths;
    const written = bodyOf(unit);
    if (written === null) return null;
    image.push(...written.pieces);
    const sizes = [...lists.map((list) => list.length), ...lengths];
    const numbers = [crosses ? 1 : 0, count, body, ...written.sums, ...sizes];
    words.set([start, end, offset, Math.floor(offset / HIGH), ...numbers], at);
    at += UNIT_HEAD;
    for (const list of lists) {
      words.set(list, at);
      at += list.length;
    }
    body += entries + area + pages;
  }
  words.set([MAGIC, version, length, headLength, 0, kept.length]);
  words[4] = checksum(words, CHECKED_FROM);
  return image;
};
