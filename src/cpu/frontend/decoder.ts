import { fixedBits } from './pattern.ts';
import type { Row } from './row.ts';

const bitCount = (n: number): number => {
  let v = n;
  let count = 0;
  while (v !== 0) {
    v &= v - 1;
    count++;
  }
  return count;
};

/** Rows are found by bits 31:21, where fixed-length ISAs keep their major opcode, and where those leave many by bits 15:10. */
const MANY = 4;
const MINOR = 0xfc00;

/** Numbers of rows that words alike in some bits may match; with `minor` the list of each value of bits 15:10. */
interface Bucket {
  readonly list: Int32Array;
  readonly minor: (Int32Array | undefined)[] | null;
}

/**
 * Finds the row of a 32-bit instruction word: the one with the most fixed bits that matches, so that the more specific
 * pattern wins; any other overlap is an error that a test reports (see `overlaps`). Buckets are filled when a word of
 * theirs first comes: most programs use few.
 */
export class Decoder<T> {
  readonly rows: readonly Row<T>[];
  /** Rows by falling number of fixed bits, and their patterns. */
  private order: readonly Row<T>[] = [];
  private masks: Int32Array = new Int32Array(0);
  private values: Int32Array = new Int32Array(0);
  private readonly buckets: (Bucket | undefined)[] = new Array(2048).fill(undefined);

  constructor(rows: readonly Row<T>[]) {
    this.rows = rows;
  }

  /** Done with the first word: a program whose translations were all kept decodes none. */
  private sort(): void {
    const sorted = this.rows.map((row) => {
      const fixed = fixedBits(row.text);
      return { row, fixed, bits: bitCount(fixed.mask) };
    });
    sorted.sort((a, b) => b.bits - a.bits);
    this.order = sorted.map(({ row }) => row);
    this.masks = Int32Array.from(sorted, ({ fixed }) => fixed.mask);
    this.values = Int32Array.from(sorted, ({ fixed }) => fixed.value);
  }

  decode(word: number): Row<T> | null {
    // the first call puts the rows in order
    const number = this.number(word);
    return this.order[number] ?? null;
  }

  /** The row with a number that `number` gave. */
  row(number: number): Row<T> {
    return this.order[number] as Row<T>;
  }

  /** Fixed bits of the rows, by number. */
  get fixed(): { mask: number; value: number }[] {
    if (this.order.length === 0) this.sort();
    return this.order.map((_, n) => ({ mask: this.masks[n] as number, value: this.values[n] as number }));
  }

  /** Number of a word's row, always the same for a table; -1: none. */
  number(word: number): number {
    const bucket = this.buckets[word >>> 21] ?? this.fill(word);
    const { minor } = bucket;
    const list = minor ? (minor[(word >>> 10) & 63] ?? this.fillMinor(bucket, minor, word)) : bucket.list;
    for (let i = 0; i < list.length; i++) {
      const n = list[i] as number;
      if ((word & (this.masks[n] as number)) === this.values[n]) return n;
    }
    return -1;
  }

  private agrees(n: number, word: number, bits: number): boolean {
    return ((word ^ (this.values[n] as number)) & (this.masks[n] as number) & bits) === 0;
  }

  private fill(word: number): Bucket {
    if (this.order.length === 0) this.sort();
    const found: number[] = [];
    for (let n = 0; n < this.masks.length; n++) if (this.agrees(n, word, 0xffe0_0000)) found.push(n);
    const bucket: Bucket = { list: Int32Array.from(found), minor: found.length > MANY ? new Array(64) : null };
    this.buckets[word >>> 21] = bucket;
    return bucket;
  }

  private fillMinor(bucket: Bucket, minor: (Int32Array | undefined)[], word: number): Int32Array {
    const list = bucket.list.filter((n) => this.agrees(n, word, MINOR));
    minor[(word >>> 10) & 63] = list;
    return list;
  }

  private has(mask: number, value: number): boolean {
    return this.masks.some((m, i) => m === mask && this.values[i] === value);
  }

  /** Pairs of rows that some word matches although neither pattern is more specific, and no row is for those words. */
  overlaps(): [Row<T>, Row<T>][] {
    if (this.order.length === 0) this.sort();
    const found: [Row<T>, Row<T>][] = [];
    for (const [i, a] of this.order.entries()) {
      for (const [n, b] of this.order.entries()) {
        if (n <= i) continue;
        const [p, q] = [this.masks[i] as number, this.masks[n] as number];
        if (((this.values[i] as number) ^ (this.values[n] as number)) & p & q) continue;
        const nested = (p & q) === p || (p & q) === q;
        if ((!nested || p === q) && !this.has(p | q, (this.values[i] as number) | (this.values[n] as number))) {
          found.push([a, b]);
        }
      }
    }
    return found;
  }
}
