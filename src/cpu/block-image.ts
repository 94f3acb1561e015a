import type { FreshUnit } from './block-recorder.ts';
import { BLOCK, type BlockUnit } from './block-unit.ts';
import { checksum } from './checksum.ts';
import { BYTECODE, BYTECODE_SIZE } from './memory/layout.ts';
import { linkUnit, moved, type RecordSource } from './unit-linker.ts';

/**
 * Cold-tier translations as they are kept on disk, as 32-bit words: a head, then units.
 *
 *     magic, version, words, checksum, number of units
 *
 * A unit has the blocks of one mapping of a file, ready to run: records linked with each other, relative to
 * where they are put. It carries the pages of guest code that it was made from, and is used only where memory
 * holds the same bytes, so an image can be old, foreign or from another program without doing harm.
 *
 * The unit: start and end of the mapping, place, flags, lengths of the parts, the parts (see BlockUnit).
 */
const MAGIC = 0x69717376;
const HEAD = 5;
const CHECKED_FROM = 4;
/** Parts of a unit, in their order. */
const PARTS = ['blocks', 'relocations', 'constantUses', 'functions', 'returnSites', 'stubs', 'runs'] as const;
const DATA = ['pages', 'constants', 'area'] as const;
const UNIT_HEAD = 4 + PARTS.length + DATA.length;
const CROSSES = 1;
/** Bytes of all units' records: there must be room for what is translated besides. */
const MAX_RECORDS = (BYTECODE_SIZE / 3) * 2;

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
      const [start, end, base, flags, ...lengths] = words.subarray(at, at + UNIT_HEAD);
      at += UNIT_HEAD;
      const parts: Record<string, Uint32Array> = {};
      for (const [i, name] of [...PARTS, ...DATA].entries()) {
        const from = at;
        at += lengths[i] as number;
        parts[name] = words.subarray(from, at);
      }
      const crosses = ((flags as number) & CROSSES) !== 0;
      units.push({ start, end, base, crosses, ...parts } as unknown as BlockUnit);
    }
    return new BlockImage(units);
  }
}

/** An image of the units of `old`, and of fresh blocks with what is `kept` of their mapping; null: too large. */
export const writeImage = (
  fresh: readonly FreshUnit[],
  old: BlockImage | null,
  kept: (fresh: FreshUnit) => BlockUnit | null,
  records: RecordSource,
  version: number,
): Uint32Array | null => {
  const units: BlockUnit[] = [];
  const overlaps = (unit: BlockUnit): FreshUnit | undefined =>
    fresh.find((f) => f.start < unit.end && unit.start < f.end);
  for (const unit of old?.units ?? []) if (!overlaps(unit)) units.push(unit);
  for (const f of fresh) units.push(linkUnit(kept(f), f, records));
  let end = BYTECODE + BYTECODE_SIZE;
  const placed = units.map((unit) => {
    end -= (unit.area.byteLength + 15) & ~15;
    return moved(unit, end);
  });
  if (BYTECODE + BYTECODE_SIZE - end > MAX_RECORDS) return null;
  const parts = placed.flatMap((unit) => {
    const lists = [...PARTS, ...DATA].map((name) => unit[name]);
    const head = [unit.start, unit.end, unit.base, unit.crosses ? CROSSES : 0, ...lists.map((list) => list.length)];
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
