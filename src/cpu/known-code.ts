import type { BlockSource } from './backend/wasm/region/discover.ts';
import type { BlockTable } from './block-table.ts';
import { targetsOf } from './call-targets.ts';
import type { FrontEnd } from './frontend/frontend.ts';
import type { Block } from './ir/block.ts';
import { leavingFrames } from './ir/frames.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import { Mark } from './memory/code-layout.ts';
import { GUEST_TOP, PAGE_SHIFT, PAGE_SIZE } from './memory/layout.ts';
import type { RegionEntries } from './region-entries.ts';
import type { StaleBlocks } from './stale-blocks.ts';
import { Translations } from './translations.ts';

/** A block that begins so near to a page's end may go on behind it, in bytes. */
export const LONGEST = 264;

/** Blocks by what the code cache keeps of them. */
export interface KnownBlocks {
  readonly table: BlockTable;
  readonly stale: StaleBlocks;
  readonly entries: RegionEntries;
}

/** Guest code as regions see it: its blocks lifted, what their executions have shown, and where translated code lies. */
export class KnownCode implements BlockSource {
  private readonly space: GuestAddressSpace;
  private readonly frontEnd: FrontEnd;
  private readonly words: Uint32Array;
  private readonly blocks: KnownBlocks;
  private notes = new Translations(null);

  constructor(space: GuestAddressSpace, frontEnd: FrontEnd, blocks: KnownBlocks) {
    this.space = space;
    this.frontEnd = frontEnd;
    this.words = new Uint32Array(space.memory.buffer);
    this.blocks = blocks;
  }

  lift(pc: number, kind: number, context = 0): Block | null {
    if (!this.space.executable(pc))
      return pc < GUEST_TOP ? null : (this.frontEnd.vectors?.lift(pc, kind, context) ?? null);
    const limit = this.codeLimit(pc);
    const block = this.frontEnd.liftBlock(this.space.view, pc, kind, limit, context);
    // its first instruction may reach into what cannot be fetched
    return block.end > limit ? null : leavingFrames(block, this.frontEnd.sp);
  }

  /** Where code that can be fetched ends, as far as a block at pc might care. */
  codeLimit(pc: number): number {
    let limit = pc - (pc % PAGE_SIZE) + PAGE_SIZE;
    while (limit - pc < LONGEST && this.space.executable(limit)) limit += PAGE_SIZE;
    return limit;
  }

  hasRun(pc: number): boolean {
    return this.blocks.table.recordsAt(pc).some((record) => !this.blocks.stale.has(record));
  }

  isUsual(pc: number): boolean {
    return this.blocks.entries.isUsual(pc);
  }

  isFunction(pc: number): boolean {
    return this.blocks.table.has(pc, Mark.FUNCTION);
  }

  /**
   * A call returned to the block at pc that was to return elsewhere (longjmp, an exception caught): whether that was often
   * enough for a region.
   */
  arrive(pc: number, record: number): boolean {
    const isHot = this.blocks.entries.countDown(record);
    if (isHot) this.notes.arrivals.add(pc);
    return isHot;
  }

  isArrival(pc: number): boolean {
    return this.notes.isArrival(pc);
  }

  /** An indirect jump at `site` went to `pc` for the first time (as far as the jump cache tells). */
  noteTarget(site: number, pc: number): void {
    this.notes.addTarget(site, pc);
  }

  jumpTargets(block: Block): readonly number[] {
    return targetsOf(block, this.notes, this.words);
  }

  wentTo(site: number, pc: number): boolean {
    return this.notes.wentTo(site, pc);
  }

  noteCode(start: number, end: number): void {
    for (let page = start >>> PAGE_SHIFT; page <= (end - 1) >>> PAGE_SHIFT; page++) {
      this.notes.pages.add(page);
      if (!this.frontEnd.coherentCode) continue;
      const first = page * PAGE_SIZE;
      this.notes.noteBytes(page, Math.max(start - first, 0), Math.min(end - first, PAGE_SIZE));
      this.space.watchCode(page);
    }
  }

  /** Whether translated code lies in the pages of the range. */
  holds(start: number, end: number): boolean {
    return this.notes.holdsPage(Math.floor(start / PAGE_SIZE), Math.ceil(end / PAGE_SIZE));
  }

  /** Whether some bytes of a page, from `start` up to `end`, were translated (see Facts.coherentCode). */
  holdsBytes(start: number, end: number): boolean {
    const first = start - (start % PAGE_SIZE);
    return this.notes.holdsBytes(first / PAGE_SIZE, start - first, end - first);
  }

  /** The code of the pages that lie in [start, end) is no longer translated. */
  drop(start: number, end: number): void {
    this.notes = this.notes.without(Math.ceil(start / PAGE_SIZE), Math.floor(end / PAGE_SIZE));
  }

  /** Go on as the copy of another process. */
  inherit(from: KnownCode): void {
    this.notes = new Translations(from.notes);
  }

  clear(): void {
    // anew: children may use the old ones
    this.notes = new Translations(null);
  }
}
