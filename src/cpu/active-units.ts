import type { BlockImage } from './block-image.ts';
import { type BlockUnit, contains, findBlock, readsFlags, recordsOf } from './block-unit.ts';
import { GUEST_BASE, PAGE_SIZE } from './memory/layout.ts';
import type { AddressSpace } from './memory/types.ts';

/** A unit that lies in the records of the cold tier at wasm offset `base`. */
interface ActiveUnit {
  readonly unit: BlockUnit;
  readonly base: number;
}

/** The units of an image that one process uses: those whose guest code was found in its memory. */
export class ActiveUnits {
  image: BlockImage | null = null;
  private readonly space: AddressSpace;
  private readonly words: Uint32Array;
  private active: ActiveUnit[] = [];
  private readonly refused = new Set<BlockUnit>();

  constructor(space: AddressSpace, words: Uint32Array) {
    this.space = space;
    this.words = words;
  }

  /** Record of the block at pc for a flags kind (-1: not known), or 0. */
  find(pc: number, kind: number): number {
    for (const { unit, base } of this.active) {
      const offset = pc >= unit.start && pc < unit.end ? findBlock(unit, pc, kind) : -1;
      if (offset >= 0) return base + offset;
    }
    return 0;
  }

  /** Records at a pc, for all flags kinds. */
  recordsAt(pc: number): number[] {
    const records: number[] = [];
    for (const { unit, base } of this.active) {
      if (pc >= unit.start && pc < unit.end) for (const offset of recordsOf(unit, pc)) records.push(base + offset);
    }
    return records;
  }

  readsFlags(pc: number): boolean {
    return this.active.some(({ unit }) => pc >= unit.start && pc < unit.end && readsFlags(unit, pc));
  }

  isFunction(pc: number): boolean {
    return this.active.some(({ unit }) => contains(unit.functions, pc));
  }

  isReturnSite(pc: number): boolean {
    return this.active.some(({ unit }) => contains(unit.returnSites, pc));
  }

  isUsed(unit: BlockUnit): boolean {
    return this.active.some((a) => a.unit === unit);
  }

  /** Whether a unit is in use, or could be: memory holds its code. */
  fits(unit: BlockUnit): boolean {
    return this.isUsed(unit) || this.holds(unit);
  }

  /** The units of another process, whose memory was copied, are in use here too. */
  inherit(from: ActiveUnits): void {
    this.active = [...from.active];
    for (const unit of from.refused) this.refused.add(unit);
  }

  /** The unit with code for pc that is not in use yet, if memory holds its code. */
  candidate(pc: number): BlockUnit | null {
    for (const unit of this.image?.units ?? []) {
      if (pc < unit.start || pc >= unit.end || this.refused.has(unit) || this.isUsed(unit)) continue;
      if (this.holds(unit)) return unit;
      this.refused.add(unit);
    }
    return null;
  }

  private holds({ runs, pages }: BlockUnit): boolean {
    const { buffer } = this.words;
    let at = pages.byteOffset;
    for (let i = 0; i < runs.length; i += 2) {
      const address = runs[i] as number;
      const length = runs[i + 1] as number;
      for (let page = address; page < address + length; page += PAGE_SIZE) {
        if (!this.space.executable(page)) return false;
      }
      const now = Buffer.from(buffer as ArrayBuffer, GUEST_BASE + address, length);
      if (now.compare(Buffer.from(pages.buffer as ArrayBuffer, at, length)) !== 0) return false;
      at += length;
    }
    return true;
  }

  /** Put a unit's records at `base` and its constants at `constantsAt`, both wasm offsets. Returns its blocks' records. */
  place(unit: BlockUnit, base: number, constantsAt: number): number[] {
    const { words } = this;
    const { area, relocations, constantUses, constants } = unit;
    const first = base >>> 2;
    words.set(area, first);
    words.set(constants, constantsAt >>> 2);
    for (let i = 0; i < relocations.length; i++) {
      const word = first + (relocations[i] as number);
      words[word] = (words[word] as number) + base;
    }
    for (let i = 0; i < constantUses.length; i++) {
      const word = first + (constantUses[i] as number);
      words[word] = (words[word] as number) + constantsAt;
    }
    this.active.push({ unit, base });
    return recordsOf(unit).map((offset) => base + offset);
  }

  /** Nothing is in use, and what was refused may be tried again. */
  clear(): void {
    this.active = [];
    this.refused.clear();
  }
}
