import { type BlockUnit, findBlock } from './block-unit.ts';
import { GUEST_BASE, PAGE_SHIFT, PAGE_SIZE } from './memory/layout.ts';
import { type AddressSpace, PROT_WRITE } from './memory/types.ts';
import { Words } from './words.ts';

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
export interface BlockFacts {
  readonly pc: number;
  /** Flags kind it was translated for; -1 = none, or not known. */
  readonly kind: number;
  readonly end: number;
  readonly readsFlags: boolean;
  /** Function it calls, or 0. */
  readonly callTarget: number;
  /** Where the call at its end returns to, or 0. */
  readonly returnsTo: number;
}

/**
 * A block as it is noted: words, so that thousands of them are no objects. Behind the head links (record, pc, kind),
 * internal jumps (record, record) and constants (record, words, the words); records by their index in the block.
 */
export const Note = {
  SIZE: 0,
  PC: 1,
  KIND: 2,
  END: 3,
  READS_FLAGS: 4,
  CALL_TARGET: 5,
  RETURNS_TO: 6,
  /** Wasm offset of the first record. */
  RECORD: 7,
  COUNT: 8,
  LINKS: 9,
  INTERNALS: 10,
  CONSTANTS: 11,
  HEAD: 12,
} as const;

/** A page of a file's mapping with code, as it was when code of it was first translated. */
interface CodePage {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** What was translated of one mapping of a file. */
export interface FreshUnit {
  readonly start: number;
  readonly end: number;
  /** Blocks, see Note. */
  readonly notes: Words;
  /** Pages of code by guest address. */
  readonly pages: Map<number, Uint8Array>;
}

/** Notes what a process translates of files' mappings, to be kept for later processes. */
export class BlockRecorder {
  private readonly space: AddressSpace;
  /** By the mapping's start. */
  private readonly byStart = new Map<number, FreshUnit>();
  /** By guest page; null: not of a file, or may be written. */
  private readonly pages = new Map<number, CodePage | null>();

  constructor(space: AddressSpace) {
    this.space = space;
  }

  /** A block was translated; `record`: wasm offset of its `count` records. */
  add(facts: BlockFacts, record: number, count: number, notes: BlockNotes): void {
    const first = this.page(facts.pc >>> PAGE_SHIFT);
    const last = this.page((facts.end - 1) >>> PAGE_SHIFT);
    if (!first || first.start !== last?.start) return;
    const unit = this.unit(first);
    unit.pages.set(facts.pc - (facts.pc % PAGE_SIZE), first.bytes);
    unit.pages.set(facts.end - 1 - ((facts.end - 1) % PAGE_SIZE), last.bytes);
    note(unit.notes, facts, record, count, notes);
  }

  private unit({ start, end }: CodePage): FreshUnit {
    let unit = this.byStart.get(start);
    if (unit === undefined) {
      unit = { start, end, notes: new Words(), pages: new Map() };
      this.byStart.set(start, unit);
    }
    return unit;
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

  /** All noted so far, by mapping. */
  get units(): FreshUnit[] {
    return [...this.byStart.values()];
  }

  clear(): void {
    this.byStart.clear();
    this.pages.clear();
  }
}

/** How many of the fresh blocks a unit does not have. */
export const missingIn = (unit: BlockUnit | null, { notes: { buf, length } }: FreshUnit): number => {
  let missing = 0;
  for (let at = 0; at < length; at += buf[at + Note.SIZE] as number) {
    const known =
      unit !== null && findBlock(unit, buf[at + Note.PC] as number, (buf[at + Note.KIND] as number) | 0) >= 0;
    if (!known) missing++;
  }
  return missing;
};

const note = (
  to: Words,
  { pc, kind, end, readsFlags, callTarget, returnsTo }: BlockFacts,
  record: number,
  count: number,
  { links, internals, constants }: BlockNotes,
): void => {
  const at = to.extend(Note.HEAD + links.length + internals.length);
  const { buf } = to;
  buf[at + Note.PC] = pc;
  buf[at + Note.KIND] = kind;
  buf[at + Note.END] = end;
  buf[at + Note.READS_FLAGS] = readsFlags ? 1 : 0;
  buf[at + Note.CALL_TARGET] = callTarget;
  buf[at + Note.RETURNS_TO] = returnsTo;
  buf[at + Note.RECORD] = record;
  buf[at + Note.COUNT] = count;
  buf[at + Note.LINKS] = links.length / 3;
  buf[at + Note.INTERNALS] = internals.length / 2;
  buf[at + Note.CONSTANTS] = constants.length / 2;
  let next = at + Note.HEAD;
  for (let i = 0; i < links.length; i++) {
    const n = links[i] as number;
    buf[next++] = i % 3 === 0 ? (n - record) / 16 : n;
  }
  for (let i = 0; i < internals.length; i++) buf[next++] = ((internals[i] as number) - record) / 16;
  for (let i = 0; i < constants.length; i += 2) {
    const words = new Uint32Array(Uint8Array.from(constants[i + 1] as readonly number[]).buffer);
    to.push(((constants[i] as number) - record) / 16);
    to.push(words.length);
    for (const word of words) to.push(word);
  }
  to.buf[at + Note.SIZE] = to.length - at;
};
