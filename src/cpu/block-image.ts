import { checksum } from './checksum.ts';

/**
 * Cold-tier translations as they are kept on disk, as 32-bit words: a head, then units.
 *
 *     magic, version, words, checksum, number of units
 *
 * A unit has the blocks of one mapping of a file, ready to run: records linked with each other, relative to
 * where they are put. It carries the pages of guest code that it was made from, and is used only where memory
 * holds the same bytes, so an image can be old, foreign or from another program without doing harm.
 *
 * The unit: start and end of the mapping, lengths of the parts, the parts (see BlockUnit).
 */
const MAGIC = 0x69717376;
const HEAD = 5;
const CHECKED_FROM = 4;
/** Parts of a unit, in their order. */
const PARTS = ['blocks', 'relocations', 'constantUses', 'functions', 'returnSites', 'stubs', 'runs'] as const;
const DATA = ['pages', 'constants', 'area'] as const;
const UNIT_HEAD = 3 + PARTS.length + DATA.length;
const CROSSES = 1;

/** Words of a block in `blocks`: pc, flags kind, record offset | READS_FLAGS, end. */
const BLOCK = 4;
const READS_FLAGS = 1;

/** Guest code of one file mapping, translated and linked. Offsets in `area` are bytes from its beginning. */
export interface BlockUnit {
  readonly start: number;
  readonly end: number;
  /** A block reads flags behind a call or at a function's entry. */
  readonly crosses: boolean;
  /** By pc, then by kind. */
  readonly blocks: Uint32Array;
  /** Words of `area` that hold an offset in it. */
  readonly relocations: Uint32Array;
  /** Words of `area` that hold an offset in `constants`. */
  readonly constantUses: Uint32Array;
  readonly functions: Uint32Array;
  readonly returnSites: Uint32Array;
  /** Offsets of the headers of links that lead to no block yet. */
  readonly stubs: Uint32Array;
  /** (address, bytes) of guest pages … */
  readonly runs: Uint32Array;
  /** … and what is in them. */
  readonly pages: Uint32Array;
  readonly constants: Uint32Array;
  readonly area: Uint32Array;
}

/** A block translated in this run. Records are named by their index in it. */
export interface FreshBlock {
  readonly pc: number;
  /** Flags kind it was translated for; -1 = none, or not known. */
  readonly kind: number;
  readonly end: number;
  readonly readsFlags: boolean;
  /** Function it calls, or 0. */
  readonly callTarget: number;
  /** Where the call at its end returns to, or 0. */
  readonly returnsTo: number;
  readonly records: Uint32Array;
  /** (record, pc, flags kind) of jumps to other blocks. */
  readonly links: readonly number[];
  /** (record, record) of jumps within. */
  readonly internals: readonly number[];
  readonly constants: readonly { readonly record: number; readonly bytes: readonly number[] }[];
}

/** A mapping of a file with the blocks that were translated from it. */
export interface FreshUnit {
  readonly start: number;
  readonly end: number;
  readonly blocks: readonly FreshBlock[];
  /** Pages of code by guest address. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

/** Index of the first element ≥ value, of every `step`th. */
const lowerBound = (sorted: Uint32Array, step: number, value: number): number => {
  let low = 0;
  let high = sorted.length / step;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if ((sorted[mid * step] as number) < value) low = mid + 1;
    else high = mid;
  }
  return low;
};

/** Whether a sorted list has a value. */
export const contains = (sorted: Uint32Array, value: number): boolean => sorted[lowerBound(sorted, 1, value)] === value;

/** Offset of the record of a block for a flags kind (-1: not known), or -1. */
export const findBlock = ({ blocks }: BlockUnit, pc: number, kind: number): number => {
  for (let i = lowerBound(blocks, BLOCK, pc) * BLOCK; blocks[i] === pc; i += BLOCK) {
    const of = (blocks[i + 1] as number) | 0;
    const record = blocks[i + 2] as number;
    if (of === -1 ? kind < 0 || (record & READS_FLAGS) === 0 : of === kind) return record & ~READS_FLAGS;
  }
  return -1;
};

/** Whether the block at pc that serves unknown flags reads them. */
export const readsFlags = ({ blocks }: BlockUnit, pc: number): boolean => {
  for (let i = lowerBound(blocks, BLOCK, pc) * BLOCK; blocks[i] === pc; i += BLOCK) {
    if (blocks[i + 1] === 0xffff_ffff) return ((blocks[i + 2] as number) & READS_FLAGS) !== 0;
  }
  return false;
};

/** Offsets of the records at a pc, for all flags kinds; at every block for none. */
export const recordsOf = ({ blocks }: BlockUnit, pc?: number): number[] => {
  const records: number[] = [];
  const first = pc === undefined ? 0 : lowerBound(blocks, BLOCK, pc) * BLOCK;
  for (let i = first; i < blocks.length && (pc === undefined || blocks[i] === pc); i += BLOCK) {
    records.push((blocks[i + 2] as number) & ~READS_FLAGS);
  }
  return records;
};

/** Read access to an image. */
export class BlockImage {
  readonly units: readonly BlockUnit[];
  /** Blocks in all units. */
  readonly count: number;

  private constructor(units: readonly BlockUnit[]) {
    this.units = units;
    this.count = units.reduce((sum, unit) => sum + unit.blocks.length / BLOCK, 0);
  }

  /** Null when the words are not a whole image of this version. */
  static open(words: Uint32Array, version: number): BlockImage | null {
    if (words.length < HEAD || words[0] !== MAGIC || words[1] !== version >>> 0) return null;
    if (words[2] !== words.length || words[3] !== checksum(words, CHECKED_FROM)) return null;
    const units: BlockUnit[] = [];
    for (let at = HEAD; units.length < (words[4] as number); ) {
      const [start, end, flags, ...lengths] = words.subarray(at, at + UNIT_HEAD);
      at += UNIT_HEAD;
      const parts: Record<string, Uint32Array> = {};
      for (const [i, name] of [...PARTS, ...DATA].entries()) {
        const from = at;
        at += lengths[i] as number;
        parts[name] = words.subarray(from, at);
      }
      const crosses = ((flags as number) & CROSSES) !== 0;
      units.push({ start, end, crosses, ...parts } as unknown as BlockUnit);
    }
    return new BlockImage(units);
  }
}

/** An image of the units of `old`, those in `used` with the fresh blocks of their mapping added, others replaced by them. */
export const writeImage = (
  fresh: readonly FreshUnit[],
  old: BlockImage | null,
  used: (unit: BlockUnit) => boolean,
  format: RecordFormat,
  version: number,
): Uint32Array => {
  const units: BlockUnit[] = [];
  const overlaps = (unit: BlockUnit): FreshUnit | undefined =>
    fresh.find((f) => f.start < unit.end && unit.start < f.end);
  for (const unit of old?.units ?? []) if (!overlaps(unit)) units.push(unit);
  for (const f of fresh) {
    const before = old?.units.find((u) => u.start === f.start && u.end === f.end && used(u));
    units.push(linkUnit(before ?? null, f, format));
  }
  const parts = units.flatMap((unit) => {
    const lists = [...PARTS, ...DATA].map((name) => unit[name]);
    const head = [unit.start, unit.end, unit.crosses ? CROSSES : 0, ...lists.map((list) => list.length)];
    return [head, ...lists];
  });
  const words = new Uint32Array(parts.reduce((sum, part) => sum + part.length, HEAD));
  words.set([MAGIC, version, words.length, 0, units.length]);
  let at = HEAD;
  for (const part of parts) {
    words.set(part, at);
    at += part.length;
  }
  words[3] = checksum(words, CHECKED_FROM);
  return words;
};

/** A growing list of words. */
class Words {
  buf: Uint32Array;
  length: number;

  constructor(start: Uint32Array | undefined) {
    this.length = start?.length ?? 0;
    this.buf = new Uint32Array(Math.max(1024, this.length * 2));
    if (start) this.buf.set(start);
  }

  append(list: ArrayLike<number>): void {
    if (this.length + list.length > this.buf.length) {
      const bigger = new Uint32Array(2 * (this.length + list.length));
      bigger.set(this.buf.subarray(0, this.length));
      this.buf = bigger;
    }
    this.buf.set(list, this.length);
    this.length += list.length;
  }

  get view(): Uint32Array {
    return this.buf.subarray(0, this.length);
  }
}

const blockKey = (pc: number, kind: number): number => (kind + 1) * 0x1_0000_0000 + pc;

/** Numbers of the record format that linking needs. */
export interface RecordFormat {
  /** Header word of what is not counted. */
  readonly never: number;
  /** Op word of the record that a link without a target leads to. */
  readonly unlinked: number;
}

/** The unit of these blocks, and of those that `old` has. */
const linkUnit = (old: BlockUnit | null, fresh: FreshUnit, format: RecordFormat): BlockUnit => {
  const area = new Words(old?.area);
  const constants = new Words(old?.constants);
  const relocations = [...(old?.relocations ?? [])];
  const constantUses = [...(old?.constantUses ?? [])];
  const functions = new Set(old?.functions);
  const returnSites = new Set(old?.returnSites);
  /** Record offset | READS_FLAGS by block. */
  const index = new Map<number, number>();
  const ends = new Map<number, number>();
  for (let i = 0; old && i < old.blocks.length; i += BLOCK) {
    const key = blockKey(old.blocks[i] as number, (old.blocks[i + 1] as number) | 0);
    index.set(key, old.blocks[i + 2] as number);
    ends.set(key, old.blocks[i + 3] as number);
  }
  const placed: { block: FreshBlock; at: number }[] = [];
  for (const block of fresh.blocks) {
    const key = blockKey(block.pc, block.kind);
    if (index.has(key)) continue;
    area.append([0, block.pc, block.kind >>> 0, 0]);
    const at = area.length;
    index.set(key, (4 * at) | (block.readsFlags ? READS_FLAGS : 0));
    ends.set(key, block.end);
    area.append(block.records);
    placed.push({ block, at });
    if (block.callTarget !== 0) functions.add(block.callTarget);
    if (block.returnsTo !== 0) returnSites.add(block.returnsTo);
    for (let i = 0; i < block.internals.length; i += 2) {
      const word = at + 4 * (block.internals[i] as number) + 2;
      area.buf[word] = 4 * at + 16 * (block.internals[i + 1] as number);
      relocations.push(word);
    }
    for (const { record, bytes } of block.constants) {
      const word = at + 4 * record + 2;
      area.buf[word] = 4 * constants.length;
      constantUses.push(word);
      constants.append(new Uint32Array(Uint8Array.from(bytes).buffer));
      while (constants.length % 4 !== 0) constants.append([0]);
    }
  }
  const target = (pc: number, kind: number): number => {
    const any = index.get(blockKey(pc, -1));
    if (any !== undefined && (kind < 0 || (any & READS_FLAGS) === 0)) return any & ~READS_FLAGS;
    const version = kind < 0 ? undefined : index.get(blockKey(pc, kind));
    return version === undefined ? -1 : version & ~READS_FLAGS;
  };
  const stubs: number[] = [];
  for (const stub of old?.stubs ?? []) {
    const header = stub >>> 2;
    const [, pc, kind, patch] = area.buf.subarray(header, header + 4) as unknown as [number, number, number, number];
    const to = target(pc, kind | 0);
    if (to < 0) stubs.push(stub);
    else area.buf[(patch >>> 2) + 2] = to;
  }
  for (const { block, at } of placed) {
    for (let i = 0; i < block.links.length; i += 3) {
      const record = at + 4 * (block.links[i] as number);
      const pc = block.links[i + 1] as number;
      const kind = block.links[i + 2] as number;
      relocations.push(record + 2);
      const to = target(pc, kind);
      if (to >= 0) {
        area.buf[record + 2] = to;
        continue;
      }
      stubs.push(4 * area.length);
      relocations.push(area.length + 3);
      area.append([format.never, pc, kind >>> 0, 4 * record]);
      area.buf[record + 2] = 4 * area.length;
      area.append([format.unlinked, 0, 0, pc]);
    }
  }
  const keys = [...index.keys()].map((key) => ({ pc: key % 0x1_0000_0000, kind: Math.floor(key / 0x1_0000_0000) - 1 }));
  keys.sort((a, b) => a.pc - b.pc || a.kind - b.kind);
  const blocks = new Uint32Array(keys.length * BLOCK);
  for (const [i, { pc, kind }] of keys.entries()) {
    const key = blockKey(pc, kind);
    blocks.set([pc, kind >>> 0, index.get(key) as number, ends.get(key) as number], BLOCK * i);
  }
  const crosses = [...functions, ...returnSites].some((pc) => ((index.get(blockKey(pc, -1)) ?? 0) & READS_FLAGS) !== 0);
  return {
    start: fresh.start,
    end: fresh.end,
    crosses,
    blocks,
    relocations: Uint32Array.from(relocations),
    constantUses: Uint32Array.from(constantUses),
    functions: Uint32Array.from(functions).sort(),
    returnSites: Uint32Array.from(returnSites).sort(),
    stubs: Uint32Array.from(stubs),
    ...pagesOf(old, fresh.pages),
    constants: constants.view,
    area: area.view,
  };
};

const PAGE = 4096;

/** Pages of code, neighbours joined. */
const pagesOf = (
  old: BlockUnit | null,
  fresh: ReadonlyMap<number, Uint8Array>,
): { runs: Uint32Array; pages: Uint32Array } => {
  const all = new Map(fresh);
  const before = old && new Uint8Array(old.pages.buffer, old.pages.byteOffset, old.pages.byteLength);
  let at = 0;
  for (let i = 0; old && before && i < old.runs.length; i += 2) {
    const address = old.runs[i] as number;
    for (let page = address; page < address + (old.runs[i + 1] as number); page += PAGE, at += PAGE) {
      all.set(page, before.subarray(at, at + PAGE));
    }
  }
  const addresses = [...all.keys()].sort((a, b) => a - b);
  const bytes = new Uint8Array(PAGE * addresses.length);
  const runs: number[] = [];
  for (const [i, address] of addresses.entries()) {
    bytes.set(all.get(address) as Uint8Array, PAGE * i);
    const last = runs.length - 2;
    if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === address) {
      runs[last + 1] = (runs[last + 1] as number) + PAGE;
    } else runs.push(address, PAGE);
  }
  return { runs: Uint32Array.from(runs), pages: new Uint32Array(bytes.buffer) };
};
