import type { GuestAddressSpace } from './memory/address-space.ts';
import {
  ASKS_FLAGS,
  Control,
  ENTRY,
  FIRST_ENTRIES,
  FIRST_TABLE,
  Gather,
  HASH,
  Header,
  Mark,
  READS_FLAGS,
  RECORD_MASK,
  WHAT_SHIFT,
} from './memory/code-layout.ts';
import {
  CODE_CONTROL,
  CODE_CONTROL_SIZE,
  CODE_ENTRIES,
  CODE_ENTRIES_SIZE,
  CODE_PAGES,
  PAGE_SHIFT,
} from './memory/layout.ts';
import type { UsedChunk } from './record-arenas.ts';
import { Words } from './words.ts';

const CONTROL = CODE_CONTROL / 4;
/** See isCrowded. */
const MARGIN = 8;
/** Times as large, when it grows. */
const GROWTH = 4;

/**
 * Blocks by guest pc and flags kind, and marks of pcs: an open hash table in guest memory, which the composer searches and
 * fills too (block-maker.ts). Entries are never taken out.
 */
export class BlockTable {
  private readonly space: GuestAddressSpace;
  private readonly words: Uint32Array;
  /** Room for a table of so many bytes, zeros all: its wasm offset, or 0. */
  private readonly allocate: (bytes: number) => number;

  /** Take in what entries there are between two wasm offsets, of which none is known: WebAssembly does it faster. */
  enter: (from: number, end: number) => void = (from, end) => {
    for (let at = from / 4; at < end / 4; at += 2) {
      const value = this.words[at + 1] as number;
      if (value !== 0) this.put(this.words[at] as number, value);
    }
  };

  /** Of the entries between two wasm offsets put those that Gather tells to `to`; returns their end. WebAssembly does it faster. */
  gather: (from: number, end: number, to: number) => number = (from, end, to) => {
    const { words } = this;
    const [told, pages] = [CODE_ENTRIES / 4, new Uint8Array(words.buffer, CODE_PAGES)];
    const [arena, hotAfter, count] = words.subarray(told + Gather.ARENA) as unknown as [number, number, number];
    const chunks = words.slice(told + Gather.SIZE, told + Gather.SIZE + 2 * count);
    let put = to / 4;
    for (let at = from / 4; at < end / 4; at += 2) {
      const [pc, value] = [words[at] as number, words[at + 1] as number];
      if (value === 0 || pages[pc >>> PAGE_SHIFT] !== arena) continue;
      const record = (value & RECORD_MASK) << 4;
      const what = value >>> WHAT_SHIFT;
      if (record !== 0) {
        if (!chunks.some((start, i) => i % 2 === 0 && record >= start && record < (chunks[i + 1] as number))) continue;
        words[told + Gather.BLOCKS] = (words[told + Gather.BLOCKS] as number) + 1;
        if (hotAfter !== 0 && what !== Mark.SLOW) words[(record + Header.COUNT) / 4] = hotAfter;
      } else if (what === Mark.REGION) continue;
      words.set([pc, value], put);
      put += 2;
    }
    return 4 * put;
  };

  constructor(space: GuestAddressSpace, words: Uint32Array, allocate: (bytes: number) => number) {
    this.space = space;
    this.words = words;
    this.allocate = allocate;
    this.begin(FIRST_TABLE, FIRST_ENTRIES);
  }

  private get(what: number): number {
    return this.words[CONTROL + what] as number;
  }

  /** An empty table of so many entries at a wasm offset, where zeros are. */
  private begin(at: number, entries: number): void {
    // so many upper bits of a product are as many as the table has
    this.words.set([at, Math.clz32(entries) + 1, entries - 1, 0, entries / 2], CONTROL + Control.TABLE);
  }

  clear(): void {
    this.space.fillOwn(FIRST_TABLE, FIRST_ENTRIES * ENTRY, 0);
    this.begin(FIRST_TABLE, FIRST_ENTRIES);
  }

  /** Word of the entry for (pc, what), or of the free one where it would be. */
  private place(pc: number, what: number): number {
    const { words } = this;
    const table = this.get(Control.TABLE) >>> 2;
    const mask = this.get(Control.MASK);
    for (let n = Math.imul(pc, HASH) >>> this.get(Control.SHIFT); ; n = (n + 1) & mask) {
      const at = table + 2 * n;
      const value = words[at + 1] as number;
      if (value === 0 || (words[at] === pc && value >>> WHAT_SHIFT === what)) return at;
    }
  }

  has(pc: number, what: number): boolean {
    return this.words[this.place(pc, what) + 1] !== 0;
  }

  /** Record of the block at pc for just this flags kind (-1: any), or 0. */
  find(pc: number, kind: number): number {
    return ((this.words[this.place(pc, kind + 1) + 1] as number) & RECORD_MASK) << 4;
  }

  /** Record of the block that control goes to, whose flags kind is `kind` (-1: not known), or 0. */
  target(pc: number, kind: number): number {
    const any = this.find(pc, -1);
    if (any !== 0 && (kind < 0 || !this.readsFlags(any))) return any;
    return kind < 0 ? 0 : this.find(pc, kind);
  }

  /** Whether the block with this first record reads flags from before. */
  readsFlags(record: number): boolean {
    return ((this.words[(record + Header.KIND) >>> 2] as number) & READS_FLAGS) !== 0;
  }

  /** Whether it does more with them than to keep some. */
  asksFlags(record: number): boolean {
    return ((this.words[(record + Header.KIND) >>> 2] as number) & ASKS_FLAGS) !== 0;
  }

  /** Record of the copy of the block at pc that never enters a region, or 0. */
  slow(pc: number): number {
    return ((this.words[this.place(pc, Mark.SLOW) + 1] as number) & RECORD_MASK) << 4;
  }

  addSlow(pc: number, record: number): void {
    this.put(pc, ((Mark.SLOW << WHAT_SHIFT) | (record >>> 4)) >>> 0);
  }

  /** Records of all blocks at a pc that may enter a region. */
  recordsAt(pc: number): number[] {
    const { words } = this;
    const records: number[] = [];
    const table = this.get(Control.TABLE) >>> 2;
    const mask = this.get(Control.MASK);
    for (let n = Math.imul(pc, HASH) >>> this.get(Control.SHIFT); ; n = (n + 1) & mask) {
      const value = words[table + 2 * n + 1] as number;
      if (value === 0) return records;
      const record = (value & RECORD_MASK) << 4;
      const enters = record !== 0 && value >>> WHAT_SHIFT !== Mark.SLOW;
      if (enters && words[table + 2 * n] === pc) records.push(record);
    }
  }

  /** Have all blocks at these pcs that may enter a region count so many executions: of thousands a start touches no more. */
  count(pcs: ArrayLike<number>, executions: number): void {
    const { words } = this;
    const table = this.get(Control.TABLE) >>> 2;
    const mask = this.get(Control.MASK);
    const shift = this.get(Control.SHIFT);
    for (let i = 0; i < pcs.length; i++) {
      const pc = pcs[i] as number;
      for (let n = Math.imul(pc, HASH) >>> shift; ; n = (n + 1) & mask) {
        const value = words[table + 2 * n + 1] as number;
        if (value === 0) break;
        const record = (value & RECORD_MASK) << 4;
        const enters = record !== 0 && value >>> WHAT_SHIFT !== Mark.SLOW;
        if (enters && words[table + 2 * n] === pc) words[(record + Header.COUNT) >>> 2] = executions;
      }
    }
  }

  /** Take a block in, which was not known. */
  add(pc: number, kind: number, record: number): void {
    this.put(pc, (((kind + 1) << WHAT_SHIFT) | (record >>> 4)) >>> 0);
  }

  /** See Mark. */
  mark(pc: number, what: number): void {
    if (!this.has(pc, what)) this.put(pc, (what << WHAT_SHIFT) >>> 0);
  }

  /** Take an entry in, which was not known. */
  put(pc: number, value: number): void {
    if (this.get(Control.COUNT) >= this.get(Control.ROOM)) this.grow();
    const at = this.place(pc, value >>> WHAT_SHIFT);
    this.words[at] = pc;
    this.words[at + 1] = value;
    this.words[CONTROL + Control.COUNT] = this.get(Control.COUNT) + 1;
  }

  /** No more than a few entries fit in. */
  get isCrowded(): boolean {
    return this.get(Control.COUNT) + MARGIN > this.get(Control.ROOM);
  }

  /** Whether there is room for so many entries more; a larger table is made if need be. */
  reserve(count: number): boolean {
    // they come in a table's order, which would fill one part of a small one
    let size = this.get(Control.MASK) + 1;
    const wanted = this.get(Control.COUNT) + count;
    if (wanted <= this.get(Control.ROOM)) return true;
    while (wanted > size / 2) size *= 2;
    return this.grow(size);
  }

  /** Take in entries of which none is known, so many words that `read` puts down; false where it does not. */
  load(length: number, read: (into: Uint32Array) => boolean): boolean {
    if (!this.reserve(length / 2)) return false;
    const fits = length <= CODE_ENTRIES_SIZE / 4;
    const entries = fits ? this.words.subarray(CODE_ENTRIES / 4, CODE_ENTRIES / 4 + length) : new Uint32Array(length);
    if (!read(entries)) return false;
    if (fits) this.enter(CODE_ENTRIES, CODE_ENTRIES + entries.byteLength);
    else this.putAll(entries);
    return true;
  }

  /** The same of known ones; none where no larger table has room, which whoever gave none knows. */
  putAll(entries: Uint32Array): void {
    if (!this.reserve(entries.length / 2)) return;
    const step = CODE_ENTRIES_SIZE / 4;
    for (let i = 0; i < entries.length; i += step) {
      const some = entries.subarray(i, i + step);
      this.words.set(some, CODE_ENTRIES / 4);
      this.enter(CODE_ENTRIES, CODE_ENTRIES + some.byteLength);
    }
  }

  /** A larger table; whether there is room: whoever gave none knows. */
  grow(entries: number = GROWTH * (this.get(Control.MASK) + 1)): boolean {
    const at = this.allocate(entries * ENTRY);
    if (at === 0) return false;
    // JavaScript would take more time than a short program's blocks are worth, and V8's compilers still more
    const [old, length] = [this.get(Control.TABLE), ENTRY * (this.get(Control.MASK) + 1)];
    this.begin(at, entries);
    this.enter(old, old + length);
    return true;
  }

  /** The entries of an arena with these chunks, see Gather, and how many of them are blocks. */
  entriesOf(arena: number, chunks: readonly UsedChunk[], hotAfter: number): { entries: Uint32Array; count: number } {
    const { words } = this;
    const told = [0, arena, hotAfter, chunks.length, ...chunks.flatMap(({ start, used }) => [start, start + used])];
    words.set(told, CODE_ENTRIES / 4);
    const to = CODE_ENTRIES + 4 * told.length;
    const step = (CODE_ENTRIES_SIZE - 4 * told.length) & -ENTRY;
    const entries = new Words(undefined, 2 * this.get(Control.COUNT));
    const end = this.get(Control.TABLE) + ENTRY * (this.get(Control.MASK) + 1);
    for (let from = this.get(Control.TABLE); from < end; from += step) {
      const some = words.subarray(to / 4, this.gather(from, Math.min(from + step, end), to) / 4);
      const at = entries.extend(some.length);
      entries.buf.set(some, at);
    }
    return { entries: entries.view, count: words[CODE_ENTRIES / 4 + Gather.BLOCKS] as number };
  }

  /** Every entry: pc, and what stands beside it (see ENTRY). */
  forEach(visit: (pc: number, value: number) => void): void {
    const { words } = this;
    const table = this.get(Control.TABLE) >>> 2;
    const end = table + 2 * (this.get(Control.MASK) + 1);
    for (let at = table; at < end; at += 2) {
      const value = words[at + 1] as number;
      if (value !== 0) visit(words[at] as number, value);
    }
  }

  /** The entries of pcs in [start, end), those that `isCode` says can be some. */
  within(
    start: number,
    end: number,
    isCode: (pc: number) => boolean,
    visit: (pc: number, value: number) => void,
  ): void {
    const mask = this.get(Control.MASK);
    if (end - start > mask) {
      this.forEach((pc, value) => {
        if (pc >= start && pc < end) visit(pc, value);
      });
      return;
    }
    const { words } = this;
    const table = this.get(Control.TABLE) >>> 2;
    const shift = this.get(Control.SHIFT);
    for (let pc = start; pc < end; pc++) {
      if (!isCode(pc)) continue;
      for (let n = Math.imul(pc, HASH) >>> shift; ; n = (n + 1) & mask) {
        const value = words[table + 2 * n + 1] as number;
        if (value === 0) break;
        if (words[table + 2 * n] === pc) visit(pc, value);
      }
    }
  }

  /** Go on with what another process knows; chunks of records are copied by others. */
  inherit(from: GuestAddressSpace): void {
    this.space.copyOwn(from, CODE_CONTROL, CODE_CONTROL + CODE_CONTROL_SIZE);
    const table = this.get(Control.TABLE);
    this.space.copyOwn(from, table, table + ENTRY * (this.get(Control.MASK) + 1));
  }
}
