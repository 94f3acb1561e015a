import type { FreshBlock, FreshUnit } from './block-image.ts';
import { GUEST_BASE, PAGE_SHIFT, PAGE_SIZE } from './memory/layout.ts';
import { type AddressSpace, PROT_WRITE } from './memory/types.ts';

/** What was noted of a block while it was encoded, by wasm offsets. */
export interface BlockNotes {
  /** (record, pc, kind) … */
  readonly links: number[];
  /** (record, record) … */
  readonly internals: number[];
  /** (record, bytes) … */
  readonly constants: (number | readonly number[])[];
}

/** What is told of a block besides its records. */
export type BlockFacts = Pick<FreshBlock, 'pc' | 'kind' | 'end' | 'readsFlags' | 'callTarget' | 'returnsTo'>;

interface Noted {
  readonly facts: BlockFacts;
  readonly record: number;
  readonly count: number;
  readonly notes: BlockNotes;
}

/** A page of a file's mapping with code, as it was when code of it was first translated. */
interface CodePage {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** A FreshUnit while it grows. */
interface Unit extends FreshUnit {
  readonly blocks: FreshBlock[];
  readonly pages: Map<number, Uint8Array>;
}

/** Notes what a process translates of files' mappings, to be kept for later processes. */
export class BlockRecorder {
  private readonly space: AddressSpace;
  private noted: Noted[] = [];
  /** By guest page; null: not of a file, or may be written. */
  private readonly pages = new Map<number, CodePage | null>();

  constructor(space: AddressSpace) {
    this.space = space;
  }

  get count(): number {
    return this.noted.length;
  }

  /** A block was translated; `record`: wasm offset of its `count` records. */
  add(facts: BlockFacts, record: number, count: number, notes: BlockNotes): void {
    const first = this.page(facts.pc >>> PAGE_SHIFT);
    const last = this.page((facts.end - 1) >>> PAGE_SHIFT);
    if (first && last && first.start === last.start) this.noted.push({ facts, record, count, notes });
  }

  private page(number: number): CodePage | null {
    let page = this.pages.get(number);
    if (page === undefined) {
      const address = number * PAGE_SIZE;
      const mapping = this.space.findMapping(address);
      const kept = mapping?.source && !mapping.shared && (mapping.prot & PROT_WRITE) === 0;
      const bytes = new Uint8Array(this.space.memory.buffer, GUEST_BASE + address, PAGE_SIZE);
      page = kept ? { start: mapping.start, end: mapping.end, bytes: bytes.slice() } : null;
      this.pages.set(number, page);
    }
    return page;
  }

  /** All noted so far, by mapping. `original`: op word and immediate of a record that was overwritten since. */
  units(words: Uint32Array, original: (record: number) => readonly [number, number] | undefined): FreshUnit[] {
    const units = new Map<number, Unit>();
    for (const { facts, record, count, notes } of this.noted) {
      const numbers = [facts.pc >>> PAGE_SHIFT, (facts.end - 1) >>> PAGE_SHIFT];
      const { start, end } = this.pages.get(numbers[0] as number) as CodePage;
      const unit: Unit = units.get(start) ?? { start, end, blocks: [], pages: new Map() };
      units.set(start, unit);
      for (const n of numbers) unit.pages.set(n * PAGE_SIZE, (this.pages.get(n) as CodePage).bytes);
      const records = words.slice(record >>> 2, (record >>> 2) + 4 * count);
      const first = original(record);
      if (first) [records[0], records[2]] = first as [number, number];
      const index = (r: number): number => (r - record) / 16;
      const constants: { record: number; bytes: readonly number[] }[] = [];
      for (let i = 0; i < notes.constants.length; i += 2) {
        const bytes = notes.constants[i + 1] as readonly number[];
        constants.push({ record: index(notes.constants[i] as number), bytes });
      }
      const links = notes.links.map((n, i) => (i % 3 === 0 ? index(n) : n));
      unit.blocks.push({ ...facts, records, links, internals: notes.internals.map(index), constants });
    }
    return [...units.values()];
  }

  clear(): void {
    this.noted = [];
    this.pages.clear();
  }
}
