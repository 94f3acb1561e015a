import type { ExitPoint } from './contract.ts';
import type { RegSet } from './registers.ts';

const FACTOR = 0x9e37_79b1;

/** Exits of a region, in the order in which they were first asked for: few are different, and nearly every operation asks. */
export class ExitPoints {
  readonly points: ExitPoint[] = [];
  /** Numbers of those with sets of one hash. */
  private readonly byHash = new Map<number, number[]>();
  /** What the last one asked for was looked for by. */
  private wanted: RegSet = new Uint32Array(0);

  /** Number of the exit of a kind where `dirty` is, as far as it is `needed` (null: all). Equal sets are one and the same. */
  find(kind: ExitPoint['kind'], dirty: RegSet, needed: RegSet | null): number {
    const { length } = dirty;
    if (this.wanted.length !== length) this.wanted = new Uint32Array(length);
    const { wanted, points } = this;
    let hash = 0;
    for (let w = 0; w < length; w++) {
      wanted[w] = needed === null ? (dirty[w] as number) : (dirty[w] as number) & (needed[w] as number);
      hash = Math.imul(hash ^ (wanted[w] as number), FACTOR);
    }
    let known = this.byHash.get(hash);
    if (!known) this.byHash.set(hash, (known = []));
    let set: RegSet | null = null;
    for (const n of known) {
      const point = points[n] as ExitPoint;
      if (point.dirty !== set && !isEqual(point.dirty, wanted)) continue;
      if (point.kind === kind) return n;
      set = point.dirty;
    }
    const n = points.push({ kind, dirty: set ?? wanted.slice() }) - 1;
    known.push(n);
    return n;
  }
}

const isEqual = (x: RegSet, y: RegSet): boolean => {
  if (x.length !== y.length) return false;
  for (let w = 0; w < x.length; w++) if (x[w] !== y[w]) return false;
  return true;
};
