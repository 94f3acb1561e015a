import type { BlockImage, BlockUnit } from './block-image.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import { MAX_ARENAS } from './memory/code-layout.ts';
import { CODE_PAGES, GUEST_BASE, PAGE_SHIFT, PAGE_SIZE } from './memory/layout.ts';
import { type Mapping, type MapSource, PROT_WRITE } from './memory/types.ts';
import type { RecordArenas } from './record-arenas.ts';

/** Arena of blocks that are never kept. */
export const LOOSE = 1;

/** Code of one mapping of a file, and the arena of its blocks. */
export interface CodeUnit {
  readonly arena: number;
  readonly start: number;
  readonly end: number;
  /** Where `start` is in the file. */
  readonly offset: number;
  readonly source: MapSource | null;
  /** Guest addresses of the pages that have code. */
  readonly pages: Set<number>;
}

/**
 * Tells which arena the blocks of a page belong to. Those of a file's mapping have one of their own, a unit, so that they
 * can be kept as they are, in their places; units of an image are taken into use where memory holds their code.
 */
export class CodeUnits {
  image: BlockImage | null = null;
  /** Give mappings arenas of their own, to keep them. */
  recording = false;
  private readonly space: GuestAddressSpace;
  private readonly arenas: RecordArenas;
  private units: CodeUnit[] = [];
  private readonly refused = new Set<BlockUnit>();
  private readonly active = new Set<BlockUnit>();
  private next = LOOSE + 1;
  /** Arena by guest page; what the composer reads. */
  private readonly ids: Uint8Array;
  private readonly marked: number[] = [];
  /** Told of a page with code. */
  private readonly onPage: (address: number) => void;
  /** Told of a unit of the image that is taken into use; false: it is damaged. */
  private readonly onUse: (unit: BlockUnit) => boolean;

  constructor(
    space: GuestAddressSpace,
    arenas: RecordArenas,
    onPage: (address: number) => void,
    onUse: (unit: BlockUnit) => boolean,
  ) {
    this.space = space;
    this.arenas = arenas;
    this.onPage = onPage;
    this.onUse = onUse;
    this.ids = new Uint8Array(space.memory.buffer, CODE_PAGES, 1 << (32 - PAGE_SHIFT));
    arenas.reserved = () => this.awaited.flatMap(({ chunks }) => chunks);
  }

  /** Arena of the blocks at a pc, which is about to run. */
  arenaAt(pc: number): number {
    const page = pc >>> PAGE_SHIFT;
    const known = this.ids[page] as number;
    if (known !== 0) return known;
    if (!this.space.mayExecute(pc)) return LOOSE;
    const address = page * PAGE_SIZE;
    const mapping = this.space.findMapping(address);
    const unit = mapping && isKept(mapping) ? this.unitAt(address, mapping) : null;
    this.mark(address, unit);
    // a block may go on there
    const next = address + PAGE_SIZE;
    if (mapping && next < mapping.end && this.space.mayExecute(next)) this.mark(next, unit);
    return this.ids[page] as number;
  }

  /** The arena noted for a page; 0: not known yet. */
  known(pc: number): number {
    return this.ids[pc >>> PAGE_SHIFT] as number;
  }

  private mark(address: number, unit: CodeUnit | null): void {
    const page = address / PAGE_SIZE;
    if (this.ids[page] !== 0) return;
    this.ids[page] = unit?.arena ?? LOOSE;
    this.marked.push(page);
    unit?.pages.add(address);
    this.onPage(address);
  }

  private unitAt(address: number, { start, end, offset, source }: Mapping): CodeUnit | null {
    const known = this.units.find((unit) => address >= unit.start && address < unit.end);
    if (known) return known;
    const kept = this.candidate(address);
    if (kept === null && !this.recording) return null;
    if (this.next === MAX_ARENAS) return null;
    const arena = this.next++;
    const from = kept ?? { start, end, offset };
    const unit = { arena, start: from.start, end: from.end, offset: from.offset, source, pages: new Set<number>() };
    this.units.push(unit);
    if (kept) {
      this.active.add(kept);
      this.arenas.adopt(arena, kept.chunks, kept.count);
      for (const page of pagesOf(kept)) this.mark(page, unit);
    }
    return unit;
  }

  /** The image's unit with code for an address, if memory holds it. */
  private candidate(address: number): BlockUnit | null {
    for (const unit of this.image?.units ?? []) {
      if (address < unit.start || address >= unit.end || this.refused.has(unit) || this.active.has(unit)) continue;
      // units of another image may be in use where this one's records belong
      const free = unit.chunks.every((chunk) => this.arenas.isFree(chunk));
      if (free && this.holds(unit)) {
        this.arenas.touch(unit.chunks);
        if (this.onUse(unit)) return unit;
      }
      this.refused.add(unit);
    }
    return null;
  }

  /** Whether memory holds what a unit was made from. */
  private holds(unit: BlockUnit): boolean {
    const { runs, start, offset, stamp } = unit;
    const ofFile = (from: number, end: number): boolean =>
      this.space.holdsFile(from, end, offset + from - start, stamp);
    if (stamp.length > 0) return everyRun(runs, ofFile);
    return (
      everyRun(runs, (from, end) => this.inMemory(from, end)) && unit.matches(this.space.memory.buffer, GUEST_BASE)
    );
  }

  /** Bring [start, end) into memory; whether it can be executed. */
  private inMemory(start: number, end: number): boolean {
    for (let page = start; page < end; page += PAGE_SIZE) if (!this.space.executable(page)) return false;
    return true;
  }

  /** What tells the code that a unit has: the file as it is, or nothing and its bytes will have to; those are in memory then. */
  stampOf({ start, offset, source, pages }: CodeUnit): readonly number[] {
    const stamp = source?.stamp ?? [];
    const ofFile = (page: number): boolean =>
      this.space.holdsFile(page, page + PAGE_SIZE, offset + page - start, stamp);
    if (stamp.length > 0 && source?.isUnchanged?.() === true && [...pages].every(ofFile)) return stamp;
    for (const page of pages) this.space.executable(page);
    return [];
  }

  /**
   * Code of [start, end) changes, or the mapping does: units that it may be of are not kept any more, and where they lie is
   * asked anew. Returns (start, end) of each.
   */
  forget(start: number, end: number): number[] {
    this.ids.fill(0, Math.ceil(start / PAGE_SIZE), Math.floor(end / PAGE_SIZE));
    const gone = this.units.filter((unit) => unit.start < end && start < unit.end);
    if (gone.length === 0) return [];
    this.units = this.units.filter((unit) => !gone.includes(unit));
    for (const { pages } of gone) for (const address of pages) this.ids[address / PAGE_SIZE] = 0;
    return gone.flatMap((unit) => [unit.start, unit.end]);
  }

  /** The image's units that may still come into use. */
  get awaited(): readonly BlockUnit[] {
    const units = this.image?.units ?? [];
    return units.filter((unit) => !this.refused.has(unit) && !this.active.has(unit));
  }

  /** Blocks that the image's unit of the same mapping has, if that is of the same code. */
  private keptBlocks({ start, end }: CodeUnit): number {
    const kept = this.image?.units.find((unit) => unit.start === start && unit.end === end);
    if (kept === undefined || this.refused.has(kept)) return 0;
    return this.active.has(kept) || this.holds(kept) ? kept.count : 0;
  }

  /** The units that have more blocks than the image's. */
  get grown(): CodeUnit[] {
    return this.units.filter((unit) => this.arenas.blocks(unit.arena) > this.keptBlocks(unit));
  }

  /** How many blocks they have more. */
  get freshCount(): number {
    return this.grown.reduce((sum, unit) => sum + this.arenas.blocks(unit.arena) - this.keptBlocks(unit), 0);
  }

  /** Go on with the units of another process, whose memory was copied. */
  inherit(from: CodeUnits): void {
    this.units = from.units.map((unit) => ({ ...unit, pages: new Set(unit.pages) }));
    this.next = from.next;
    for (const unit of from.active) this.active.add(unit);
    for (const unit of from.refused) this.refused.add(unit);
    this.arenas.inherit(from.arenas);
    for (const { arena, pages } of this.units) {
      for (const address of pages) {
        this.ids[address / PAGE_SIZE] = arena;
        this.marked.push(address / PAGE_SIZE);
      }
    }
  }

  /** Nothing is in use, and what was refused may be tried again. */
  clear(): void {
    for (const page of this.marked) this.ids[page] = 0;
    this.marked.length = 0;
    this.units = [];
    this.next = LOOSE + 1;
    this.active.clear();
    this.refused.clear();
    this.arenas.clear();
  }
}

/** Whether blocks of a mapping's code are kept: of a file's, and of the kernel's own page. */
const isKept = ({ source, name, shared, prot }: Mapping): boolean =>
  (source !== null || name === '[vdso]') && !shared && (prot & PROT_WRITE) === 0;

/** Whether something holds for each run (start, end) of a unit's pages. */
const everyRun = (runs: Uint32Array, holds: (start: number, end: number) => boolean): boolean => {
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i] as number;
    if (!holds(start, start + (runs[i + 1] as number))) return false;
  }
  return true;
};

/** Addresses of the pages of a unit. */
function* pagesOf({ runs }: BlockUnit): Generator<number> {
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i] as number;
    for (let page = start; page < start + (runs[i + 1] as number); page += PAGE_SIZE) yield page;
  }
}
