/** Words of a block in `blocks`: pc, flags kind, record offset | READS_FLAGS, end. */
export const BLOCK = 4;
export const READS_FLAGS = 1;

/** Guest code of one file mapping, translated and linked. Offsets of records are bytes from the beginning of `area`. */
export interface BlockUnit {
  readonly start: number;
  readonly end: number;
  /** Wasm offset of `area`: records are linked by address. */
  readonly base: number;
  /** A block reads flags behind a call or at a function's entry. */
  readonly crosses: boolean;
  /** By pc, then by kind. */
  readonly blocks: Uint32Array;
  /** Words of `area` that hold the wasm offset of a record. */
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
