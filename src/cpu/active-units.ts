import type { BlockImage } from './block-image.ts';
import { type BlockUnit, contains, findBlock, readsFlags, recordsOf } from './block-unit.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import { BYTECODE, BYTECODE_SIZE, GUEST_BASE, PAGE_SIZE } from './memory/layout.ts';
import type { AddressSpace } from './memory/types.ts';

/** The units of an image that one process uses: those whose guest code was found in its memory. */
export class ActiveUnits {
  image: BlockImage | null = null;
  private readonly space: AddressSpace;
  private readonly words: Uint32Array;
  private active: BlockUnit[] = [];
  private readonly refused = new Set<BlockUnit>();

  constructor(space: AddressSpace, words: Uint32Array) {
    this.space = space;
    this.words = words;
  }

  /** Record of the block at pc for a flags kind (-1: not known), or 0. */
  find(pc: number, kind: number): number {
    for (const unit of this.active) {
      const offset = pc >= unit.start && pc < unit.end ? findBlock(unit, pc, kind) : -1;
      if (offset >= 0) return unit.base + offset;
    }
    return 0;
  }

  /** Records at a pc, for all flags kinds. */
  recordsAt(pc: number): number[] {
    const records: number[] = [];
    for (const unit of this.active) {
      if (pc >= unit.start && pc < unit.end) for (const offset of recordsOf(unit, pc)) records.push(unit.base + offset);
    }
    return records;
  }

  readsFlags(pc: number): boolean {
    return this.active.some((unit) => pc >= unit.start && pc < unit.end && readsFlags(unit, pc));
  }

  isFunction(pc: number): boolean {
    return this.active.some((unit) => contains(unit.functions, pc));
  }

  isReturnSite(pc: number): boolean {
    return this.active.some((unit) => contains(unit.returnSites, pc));
  }

  isUsed(unit: BlockUnit): boolean {
    return this.active.includes(unit);
  }

  /** Whether a unit is in use, or could be: memory holds its code. */
  fits(unit: BlockUnit): boolean {
    return this.isUsed(unit) || this.holds(unit);
  }

  /** Where the records of units may begin, at the end of the cold tier's: a wasm offset. */
  get from(): number {
    const all = [...this.active, ...(this.image?.units ?? [])];
    return all.reduce((least, unit) => Math.min(least, unit.base), BYTECODE + BYTECODE_SIZE);
  }

  /** The units of another process, whose memory was copied, are in use here too. */
  inherit(from: ActiveUnits): void {
    this.active = [...from.active];
    for (const unit of from.refused) this.refused.add(unit);
  }

  /** Copy the records of the units in use from another process's memory. */
  copyRecords(from: GuestAddressSpace, to: GuestAddressSpace): void {
    for (const { base, area } of this.active) to.copyOwn(from, base, base + area.byteLength);
  }

  /** The unit with code for pc that is not in use yet, if memory holds its code. */
  candidate(pc: number): BlockUnit | null {
    for (const unit of this.image?.units ?? []) {
      if (pc < unit.start || pc >= unit.end || this.refused.has(unit) || this.isUsed(unit)) continue;
      if (this.isFree(unit) && this.holds(unit)) return unit;
      this.refused.add(unit);
    }
    return null;
  }

  /** Units of another image may be in use where this one's records belong. */
  private isFree({ base, area }: BlockUnit): boolean {
    return this.active.every((unit) => base + area.byteLength <= unit.base || base >= unit.base + unit.area.byteLength);
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

  /** Put a unit's records in their place, and its constants where given (a wasm offset). */
  place(unit: BlockUnit, constantsAt: number): void {
    const { words } = this;
    const { area, base, constantUses, constants } = unit;
    const first = base >>> 2;
    words.set(area, first);
    words.set(constants, constantsAt >>> 2);
    for (let i = 0; i < constantUses.length; i++) {
      const word = first + (constantUses[i] as number);
      words[word] = (words[word] as number) + constantsAt;
    }
    this.active.push(unit);
  }

  /** Nothing is in use, and what was refused may be tried again. */
  clear(): void {
    this.active = [];
    this.refused.clear();
  }
}
