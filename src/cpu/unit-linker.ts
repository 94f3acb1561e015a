import { type FreshUnit, Note } from './block-recorder.ts';
import { BLOCK, type BlockUnit, READS_FLAGS } from './block-unit.ts';
import { Words } from './words.ts';

/** Where the records of fresh blocks are, and what linking must know of them. */
export interface RecordSource {
  readonly words: Uint32Array;
  /** Operation of a record that was overwritten since. */
  original(record: number): number | undefined;
  /** Header word of a block: what it counts down from. */
  readonly hotAfter: number;
  /** Header word of what is not counted. */
  readonly never: number;
  /** Op word of the record that a link without a target leads to. */
  readonly unlinked: number;
  /** Code was seen at a function's entry or behind a call that reads flags from before. */
  readonly crosses: boolean;
}

const HASH = 0x9e3779b1;

/** Blocks by pc and flags kind. */
class BlockIndex {
  /** BLOCK words each. */
  readonly blocks: Words = new Words();
  /** Numbers of blocks + 1; 0: free. */
  private slots = new Uint32Array(0x4000);

  private slotOf(pc: number, kind: number): number {
    const { slots } = this;
    const { buf } = this.blocks;
    const mask = slots.length - 1;
    const mixed = Math.imul(pc ^ (kind << 26), HASH);
    for (let slot = (mixed ^ (mixed >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot] as number;
      if (found === 0) return slot;
      const at = (found - 1) * BLOCK;
      if (buf[at] === pc && ((buf[at + 1] as number) | 0) === kind) return slot;
    }
  }

  /** Record offset | READS_FLAGS, or -1. */
  find(pc: number, kind: number): number {
    const found = this.slots[this.slotOf(pc, kind)] as number;
    return found === 0 ? -1 : (this.blocks.buf[(found - 1) * BLOCK + 2] as number);
  }

  add(pc: number, kind: number, record: number, end: number): void {
    const at = this.blocks.extend(BLOCK);
    const { buf } = this.blocks;
    buf[at] = pc;
    buf[at + 1] = kind;
    buf[at + 2] = record;
    buf[at + 3] = end;
    const count = this.blocks.length / BLOCK;
    if (count * 2 > this.slots.length) this.grow();
    else this.slots[this.slotOf(pc, kind)] = count;
  }

  private grow(): void {
    this.slots = new Uint32Array(this.slots.length * 4);
    const { buf, length } = this.blocks;
    for (let at = 0; at < length; at += BLOCK) {
      this.slots[this.slotOf(buf[at] as number, (buf[at + 1] as number) | 0)] = at / BLOCK + 1;
    }
  }

  /** Record of the block that control goes to, or -1. */
  target(pc: number, kind: number): number {
    const any = this.find(pc, -1);
    if (any >= 0 && (kind < 0 || (any & READS_FLAGS) === 0)) return any & ~READS_FLAGS;
    const version = kind < 0 ? -1 : this.find(pc, kind);
    return version < 0 ? -1 : version & ~READS_FLAGS;
  }

  /** The blocks by rising pc. */
  sorted(): Uint32Array {
    const { buf, length } = this.blocks;
    const count = length / BLOCK;
    // numbers, as the elements of a Float64Array are sorted without calls
    const order = new Float64Array(count);
    for (let i = 0; i < count; i++) order[i] = (buf[i * BLOCK] as number) * count + i;
    order.sort();
    const sorted = new Uint32Array(length);
    for (let i = 0; i < count; i++) {
      const from = ((order[i] as number) % count) * BLOCK;
      for (let w = 0; w < BLOCK; w++) sorted[i * BLOCK + w] = buf[from + w] as number;
    }
    return sorted;
  }
}

/** Puts the unit of one mapping together. */
class UnitLinker {
  private readonly old: BlockUnit | null;
  private readonly source: RecordSource;
  private readonly index = new BlockIndex();
  private readonly area: Words;
  private readonly constants: Words;
  private readonly relocations: Words;
  private readonly constantUses: Words;
  private readonly functions: Set<number>;
  private readonly returnSites: Set<number>;
  /** (word of a record in `area`, pc, kind) of the fresh blocks' jumps. */
  private readonly links = new Words();

  constructor(old: BlockUnit | null, source: RecordSource) {
    this.old = old && moved(old, 0);
    this.source = source;
    this.area = new Words(this.old?.area, 0x10000);
    this.constants = new Words(old?.constants);
    this.relocations = new Words(old?.relocations);
    this.constantUses = new Words(old?.constantUses);
    this.functions = new Set(old?.functions);
    this.returnSites = new Set(old?.returnSites);
    const blocks = old?.blocks ?? [];
    for (let i = 0; i < blocks.length; i += BLOCK) {
      const [pc, kind, record, end] = [blocks[i], blocks[i + 1], blocks[i + 2], blocks[i + 3]] as number[];
      this.index.add(pc as number, (kind as number) | 0, record as number, end as number);
    }
  }

  /** Take the block noted at `at`. */
  add(notes: Uint32Array, at: number): void {
    const pc = notes[at + Note.PC] as number;
    const kind = (notes[at + Note.KIND] as number) | 0;
    if (this.index.find(pc, kind) >= 0) return;
    const to = this.records(pc, kind, notes[at + Note.RECORD] as number, notes[at + Note.COUNT] as number);
    const reads = notes[at + Note.READS_FLAGS] as number;
    this.index.add(pc, kind, 4 * to + (reads !== 0 ? READS_FLAGS : 0), notes[at + Note.END] as number);
    const callTarget = notes[at + Note.CALL_TARGET] as number;
    const returnsTo = notes[at + Note.RETURNS_TO] as number;
    if (callTarget !== 0) this.functions.add(callTarget);
    if (returnsTo !== 0) this.returnSites.add(returnsTo);
    this.jumps(notes, at, to);
  }

  /** Copy a block's records behind a header; returns their word. */
  private records(pc: number, kind: number, record: number, count: number): number {
    const { words, original, hotAfter } = this.source;
    const to = this.area.extend(4 + 4 * count) + 4;
    const { buf } = this.area;
    buf[to - 4] = hotAfter;
    buf[to - 3] = pc;
    buf[to - 2] = kind;
    buf[to - 1] = 0;
    const from = record >>> 2;
    for (let i = 0; i < 4 * count; i++) buf[to + i] = words[from + i] as number;
    const first = original(record);
    if (first !== undefined) buf[to] = (((buf[to] as number) & 0xffff_0000) | first) >>> 0;
    return to;
  }

  private jumps(notes: Uint32Array, at: number, to: number): void {
    let next = at + Note.HEAD;
    for (let i = 0; i < (notes[at + Note.LINKS] as number); i++) {
      const link = this.links.extend(3);
      this.links.buf[link] = to + 4 * (notes[next] as number);
      this.links.buf[link + 1] = notes[next + 1] as number;
      this.links.buf[link + 2] = notes[next + 2] as number;
      next += 3;
    }
    for (let i = 0; i < (notes[at + Note.INTERNALS] as number); i++) {
      const word = to + 4 * (notes[next] as number) + 2;
      this.area.buf[word] = 4 * to + 16 * (notes[next + 1] as number);
      this.relocations.push(word);
      next += 2;
    }
    for (let i = 0; i < (notes[at + Note.CONSTANTS] as number); i++) {
      const word = to + 4 * (notes[next] as number) + 2;
      const length = notes[next + 1] as number;
      this.area.buf[word] = 4 * this.constants.length;
      this.constantUses.push(word);
      const constant = this.constants.extend((length + 3) & ~3);
      for (let w = 0; w < length; w++) this.constants.buf[constant + w] = notes[next + 2 + w] as number;
      next += 2 + length;
    }
  }

  /** Settle all jumps; offsets of those that lead to no block yet. */
  private link(): Uint32Array {
    const stubs = new Words();
    const { buf } = this.area;
    for (const stub of this.old?.stubs ?? []) {
      const header = stub >>> 2;
      const to = this.index.target(buf[header + 1] as number, (buf[header + 2] as number) | 0);
      if (to < 0) stubs.push(stub);
      else buf[((buf[header + 3] as number) >>> 2) + 2] = to;
    }
    const { buf: links, length } = this.links;
    for (let i = 0; i < length; i += 3) {
      const record = links[i] as number;
      const pc = links[i + 1] as number;
      const kind = (links[i + 2] as number) | 0;
      this.relocations.push(record + 2);
      const to = this.index.target(pc, kind);
      if (to >= 0) this.area.buf[record + 2] = to;
      else stubs.push(this.stub(record, pc, kind));
    }
    return stubs.view;
  }

  /** A record that asks for the block a jump goes to; returns the offset of its header. */
  private stub(record: number, pc: number, kind: number): number {
    const at = this.area.extend(8);
    const { buf } = this.area;
    buf[at] = this.source.never;
    buf[at + 1] = pc;
    buf[at + 2] = kind;
    buf[at + 3] = 4 * record;
    buf[at + 4] = this.source.unlinked;
    buf[at + 5] = 0;
    buf[at + 6] = 0;
    buf[at + 7] = pc;
    buf[record + 2] = 4 * at + 16;
    this.relocations.push(at + 3);
    return 4 * at;
  }

  finish({ start, end, pages }: FreshUnit): BlockUnit {
    const stubs = this.link();
    return {
      start,
      end,
      base: 0,
      crosses: this.source.crosses || this.old?.crosses === true,
      blocks: this.index.sorted(),
      relocations: this.relocations.view,
      constantUses: this.constantUses.view,
      functions: Uint32Array.from(this.functions).sort(),
      returnSites: Uint32Array.from(this.returnSites).sort(),
      stubs,
      ...pagesOf(this.old, pages),
      constants: this.constants.view,
      area: this.area.view,
    };
  }
}

/** The unit with its records linked for another place. */
export const moved = (unit: BlockUnit, base: number): BlockUnit => {
  const by = base - unit.base;
  if (by === 0) return unit;
  const area = unit.area.slice();
  const { relocations } = unit;
  for (let i = 0; i < relocations.length; i++) {
    const word = relocations[i] as number;
    area[word] = (area[word] as number) + by;
  }
  return { ...unit, base, area };
};

/** The unit of the fresh blocks, and of those that `old` has. */
export const linkUnit = (old: BlockUnit | null, fresh: FreshUnit, source: RecordSource): BlockUnit => {
  const linker = new UnitLinker(old, source);
  const { buf, length } = fresh.notes;
  for (let at = 0; at < length; at += buf[at + Note.SIZE] as number) linker.add(buf, at);
  return linker.finish(fresh);
};

const PAGE = 4096;

/** Pages of code, neighbours joined. */
const pagesOf = (
  old: BlockUnit | null,
  fresh: ReadonlyMap<number, Uint8Array>,
): { runs: Uint32Array; pages: Uint32Array } => {
  const all = new Map(fresh);
  const before = old && new Uint8Array(old.pages.buffer, old.pages.byteOffset, old.pages.byteLength);
  let at = 0;
  for (let i = 0; old && before && i < old.runs.length; i += 2) {
    const address = old.runs[i] as number;
    for (let page = address; page < address + (old.runs[i + 1] as number); page += PAGE, at += PAGE) {
      all.set(page, before.subarray(at, at + PAGE));
    }
  }
  const addresses = [...all.keys()].sort((a, b) => a - b);
  const bytes = new Uint8Array(PAGE * addresses.length);
  const runs: number[] = [];
  for (const [i, address] of addresses.entries()) {
    bytes.set(all.get(address) as Uint8Array, PAGE * i);
    const last = runs.length - 2;
    if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === address) {
      runs[last + 1] = (runs[last + 1] as number) + PAGE;
    } else runs.push(address, PAGE);
  }
  return { runs: Uint32Array.from(runs), pages: new Uint32Array(bytes.buffer) };
};
