import type { StoredRegion } from './region-store.ts';

/** Regions of a file, each made when it is asked for: there are thousands, of which a start uses some hundred. */
export interface KeptRegions {
  readonly count: number;
  /** Guest pcs where they can be entered, in order, each once … */
  readonly pcs: Uint32Array;
  /** … and beside each the place of its region in the file: of several that have an entry there the last one's, or the one rooted there. */
  readonly places: Uint32Array;
  at(place: number): StoredRegion;
  /** See StoredModule.isReady. */
  isReady(place: number): boolean;
}

const NONE: KeptRegions = {
  count: 0,
  pcs: new Uint32Array(),
  places: new Uint32Array(),
  at: (place) => {
    throw new Error(`no region is kept at ${place}`);
  },
  isReady: () => false,
};

/** The regions of a store by where they are entered, and by their numbers. */
export class RegionsByPc {
  private readonly roots = new Map<number, StoredRegion>();
  /** By entries other than the root. */
  private readonly entries = new Map<number, StoredRegion>();
  private readonly byId: (StoredRegion | undefined)[] = [];
  /** Those of the file, until some are added or removed. */
  private kept = NONE;
  /** Those of them that were asked for, by their places. */
  private readonly made = new Map<number, StoredRegion>();
  /** Where regions can be entered, in order; null: to be made anew. */
  private sorted: Uint32Array | null = null;

  /** Have what was kept, and nothing else. */
  use(kept: KeptRegions): void {
    this.clear();
    this.kept = kept;
    this.sorted = kept.pcs;
  }

  /** The region to enter at pc. */
  get(pc: number): StoredRegion | undefined {
    return this.roots.get(pc) ?? this.entries.get(pc) ?? this.find(pc);
  }

  rootedAt(pc: number): StoredRegion | undefined {
    const region = this.roots.get(pc) ?? this.find(pc);
    return region?.pc === pc ? region : undefined;
  }

  /** One that was added, or found by its pc before. */
  byNumber(id: number): StoredRegion | undefined {
    return this.byId[id];
  }

  get count(): number {
    return this.kept.count || this.roots.size;
  }

  /** The region that is the one for its pc from now on. */
  add(region: StoredRegion): void {
    this.makeAll();
    const before = this.roots.get(region.pc);
    if (before) this.remove(before);
    this.put(region, region.entries);
    this.sorted = null;
  }

  remove(region: StoredRegion): void {
    this.makeAll();
    const { pc, entries } = region;
    if (this.roots.get(pc) === region) this.roots.delete(pc);
    for (const entry of entries) if (this.entries.get(entry) === region) this.entries.delete(entry);
    this.sorted = null;
  }

  /** None is to be entered any more; those in use are known by their numbers. */
  clear(): void {
    this.kept = NONE;
    this.made.clear();
    this.roots.clear();
    this.entries.clear();
    this.sorted = null;
  }

  all(): Iterable<StoredRegion> {
    this.makeAll();
    return this.roots.values();
  }

  /** Where in [start, end) regions can be entered. */
  within(start: number, end: number): Uint32Array {
    this.sorted ??= Uint32Array.from(new Set([...this.roots.keys(), ...this.entries.keys()])).sort();
    const { sorted } = this;
    return sorted.subarray(indexIn(sorted, start), indexIn(sorted, end));
  }

  /** Those of them whose regions V8 need not compile. */
  readyWithin(start: number, end: number): Uint32Array {
    const pcs = this.within(start, end);
    const { kept } = this;
    if (kept.count === 0) return pcs.filter((pc) => this.get(pc)?.module.isReady === true);
    const from = indexIn(kept.pcs, start);
    return pcs.filter((_, i) => kept.isReady(kept.places[from + i] as number));
  }

  private put(region: StoredRegion, entries: Iterable<number>): void {
    this.roots.set(region.pc, region);
    this.byId[region.id] = region;
    for (const entry of entries) this.entries.set(entry, region);
  }

  /** Place of the kept region that is entered at pc; -1: none. */
  private placeOf(pc: number): number {
    const { pcs, places } = this.kept;
    const i = indexIn(pcs, pc);
    return pcs[i] === pc ? (places[i] as number) : -1;
  }

  private find(pc: number): StoredRegion | undefined {
    const place = this.placeOf(pc);
    return place < 0 ? undefined : (this.made.get(place) ?? this.make(place));
  }

  private make(place: number): StoredRegion {
    const region = this.kept.at(place);
    this.made.set(place, region);
    this.put(
      region,
      region.entries.filter((entry) => this.placeOf(entry) === place),
    );
    return region;
  }

  private makeAll(): void {
    for (const place of this.kept.places) if (!this.made.has(place)) this.make(place);
    this.kept = NONE;
    this.made.clear();
  }
}

/** Index of the first that is not below `value`. */
const indexIn = (sorted: Uint32Array, value: number): number => {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
};
