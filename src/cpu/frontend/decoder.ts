import { patternOf, type Row } from './row.ts';

const bitCount = (n: number): number => {
  let v = n;
  let count = 0;
  while (v !== 0) {
    v &= v - 1;
    count++;
  }
  return count;
};

/**
 * Finds the row of a 32-bit instruction word. Rows are put into 256 buckets by bits 28:21, where fixed-
 * length ISAs keep their major opcode; within a bucket the row with more fixed bits comes first, so the
 * more specific pattern wins. Any other overlap is an error that a test reports (see `overlaps`).
 */
export class Decoder<T> {
  private readonly buckets: Row<T>[][] = Array.from({ length: 256 }, () => []);
  readonly rows: readonly Row<T>[];

  constructor(rows: readonly Row<T>[]) {
    this.rows = rows;
    const order = rows.map((row) => ({ row, bits: bitCount(patternOf(row).mask) })).sort((a, b) => b.bits - a.bits);
    for (const { row } of order) {
      const p = patternOf(row);
      const mask = (p.mask >>> 21) & 0xff;
      const value = (p.value >>> 21) & 0xff;
      // every index that agrees with the fixed bits: enumerate the subsets of the free ones
      const free = ~mask & 0xff;
      for (let sub = free; ; sub = (sub - 1) & free) {
        (this.buckets[value | sub] as Row<T>[]).push(row);
        if (sub === 0) break;
      }
    }
  }

  decode(word: number): Row<T> | null {
    for (const row of this.buckets[(word >>> 21) & 0xff] as Row<T>[]) {
      const p = row.pattern as NonNullable<Row<T>['pattern']>;
      if ((word & p.mask) >>> 0 === p.value) return row;
    }
    return null;
  }

  /** Pairs of rows that some word matches although neither pattern is more specific. */
  overlaps(): [Row<T>, Row<T>][] {
    const found: [Row<T>, Row<T>][] = [];
    for (const [i, a] of this.rows.entries()) {
      for (const b of this.rows.slice(i + 1)) {
        const p = patternOf(a);
        const q = patternOf(b);
        const common = p.mask & q.mask;
        if (((p.value ^ q.value) & common) !== 0) continue;
        const nested = common >>> 0 === p.mask || common >>> 0 === q.mask;
        if (!nested || p.mask === q.mask) found.push([a, b]);
      }
    }
    return found;
  }
}
