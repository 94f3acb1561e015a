import type { Linear, Template } from './template.ts';

/**
 * Templates as the build puts them into a file, as 32-bit words:
 *
 *     magic, slots (a power of 2), words, rows, majors, longest block,
 *     (representative, kind and level, template) of each slot, templates, rows, lists of rows, majors
 *
 * `template` is a word's index, 0 = a free slot, -1 = there is none. `majors` is the index of 2048 words, one for each
 * value of an instruction's bits 31:21: the index of a list of rows (their count, then their indices), or with MINOR that
 * of 64 such words, one for each value of bits 15:10. A row: mask and value of the words that are its own, shifts of the
 * registers (8 bits each), their number, the immediate's shift, width (0: none) and whether it is signed.
 *
 * The file is searched by WebAssembly too: see composer-module.ts.
 */
export const MAGIC = 0x74717378;
export const Head = { MAGIC: 0, SLOTS: 1, WORDS: 2, ROWS: 3, MAJORS: 4, MAX_BLOCK: 5, SIZE: 6 } as const;
export const SLOT = 3;
export const RowWord = { MASK: 0, VALUE: 1, SHIFTS: 2, REGISTERS: 3, SHIFT: 4, WIDTH: 5, SIGNED: 6, SIZE: 7 } as const;
export const MINOR = 1 << 30;
/** Kind of templates that serve all. */
export const EVERY_KIND = -2;
export const NONE = -1;

export const Flag = {
  ENDS: 1,
  READS_FLAGS: 2,
  SETS_FLAGS: 4,
  CALL_TARGET: 8,
  RETURNS_TO: 16,
} as const;

export const HASH = 0x9e3779b1;
export const LEVEL = 64;
const keyOf = (level: number, kind: number): number => LEVEL * level + kind - EVERY_KIND;
const hash = (representative: number, key: number): number => {
  const mixed = Math.imul(representative ^ (key << 24), HASH);
  return mixed ^ (mixed >>> 15);
};

/** A row of the instruction table as the file has it. */
export interface KeptRow {
  readonly mask: number;
  readonly value: number;
  readonly registers: readonly number[];
  readonly immediate: { readonly shift: number; readonly width: number; readonly signed: boolean } | null;
}

/** What a file says of the instruction set. */
export interface KeptRows {
  /** By number. */
  readonly rows: readonly KeptRow[];
  /** Instructions of the longest block. */
  readonly maxBlock: number;
}

/** Reads numbers one after the other. */
class Reader {
  private readonly words: Int32Array;
  private at: number;

  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  next(): number {
    return this.words[this.at++] as number;
  }

  list(): Int32Array {
    const length = this.next();
    this.at += length;
    return this.words.subarray(this.at - length, this.at);
  }

  linear(): Linear {
    return { base: this.next(), terms: [...this.list()] };
  }
}

const write = (to: number[], template: Template): void => {
  const { words, patches, internals, constants, links, callTarget, returnsTo } = template;
  const list = (numbers: ArrayLike<number>): void => {
    to.push(numbers.length);
    for (let i = 0; i < numbers.length; i++) to.push((numbers[i] as number) | 0);
  };
  const linear = ({ base, terms }: Linear): void => {
    to.push(base);
    list(terms);
  };
  to.push(
    (template.ends ? Flag.ENDS : 0) |
      (template.readsFlags ? Flag.READS_FLAGS : 0) |
      (template.setsFlags ? Flag.SETS_FLAGS : 0) |
      (callTarget ? Flag.CALL_TARGET : 0) |
      (returnsTo ? Flag.RETURNS_TO : 0),
    template.flagsOut,
    template.reach,
  );
  list(words);
  list(patches);
  list(internals);
  to.push(constants.length);
  for (const { record, bytes } of constants) {
    to.push(record);
    list(bytes);
  }
  to.push(links.length);
  for (const link of links) {
    to.push(link.record, link.kind);
    linear(link.target);
  }
  if (callTarget) linear(callTarget);
  if (returnsTo) linear(returnsTo);
};

const read = (from: Reader): Template => {
  const flags = from.next();
  const flagsOut = from.next();
  const reach = from.next();
  const words = from.list().slice();
  const patches = from.list().slice();
  const internals = [...from.list()];
  const constants: { record: number; bytes: readonly number[] }[] = [];
  for (let n = from.next(); n > 0; n--) constants.push({ record: from.next(), bytes: [...from.list()] });
  const links: { record: number; kind: number; target: Linear }[] = [];
  for (let n = from.next(); n > 0; n--) links.push({ record: from.next(), kind: from.next(), target: from.linear() });
  return {
    words,
    patches,
    internals,
    links,
    constants,
    callTarget: flags & Flag.CALL_TARGET ? from.linear() : null,
    returnsTo: flags & Flag.RETURNS_TO ? from.linear() : null,
    ends: (flags & Flag.ENDS) !== 0,
    readsFlags: (flags & Flag.READS_FLAGS) !== 0,
    setsFlags: (flags & Flag.SETS_FLAGS) !== 0,
    flagsOut,
    reach,
  };
};

export interface KeptTemplate {
  /** Of the class, see TemplateClass. */
  readonly level: number;
  readonly representative: number;
  /** Flags kind it was learned for, or EVERY_KIND. */
  readonly kind: number;
  readonly template: Template | null;
}

/** The slot of a representative, or the free one where it belongs: a word's index. */
const slotOf = (words: Int32Array | readonly number[], representative: number, key: number): number => {
  const slots = words[Head.SLOTS] as number;
  for (let n = hash(representative, key) & (slots - 1); ; n = (n + 1) & (slots - 1)) {
    const slot = Head.SIZE + SLOT * n;
    if (words[slot + 2] === 0 || (words[slot] === representative && words[slot + 1] === key)) return slot;
  }
};

/** Whether words are a whole file of this version. */
export const isWhole = (words: Int32Array): boolean =>
  words.length > Head.SIZE && words[Head.MAGIC] === MAGIC && words[Head.WORDS] === words.length;

/** The template of a representative and a flags kind (null: there is none), or undefined. */
export const findTemplate = (
  words: Int32Array,
  level: number,
  representative: number,
  kind: number,
): Template | null | undefined => {
  for (const served of [EVERY_KIND, kind]) {
    const template = words[slotOf(words, representative, keyOf(level, served)) + 2] as number;
    if (template !== 0) return template === NONE ? null : read(new Reader(words, template));
  }
  return undefined;
};

/** The words of one more template, to be put at index `at`; their slot is set. `template` null: there is none. */
export const templateWords = (
  words: Int32Array | number[],
  at: number,
  { level, representative, kind, template }: KeptTemplate,
): readonly number[] => {
  const key = keyOf(level, kind);
  const slot = slotOf(words, representative, key);
  [words[slot], words[slot + 1], words[slot + 2]] = [representative, key, template ? at : NONE];
  const added: number[] = [];
  if (template) write(added, template);
  return added;
};

const MAJORS = 2048;
const MAJOR_BITS = 0xffe0_0000 | 0;
const MINORS = 64;
const MINOR_BITS = 0xfc00;
/** A major with more rows than these has minors. */
const MANY = 3;

/** Append rows, and what finds a word's row; returns where rows and majors are. */
const writeRows = (words: number[], rows: readonly KeptRow[]): { rows: number; majors: number } => {
  const first = words.length;
  for (const { mask, value, registers, immediate } of rows) {
    const shifts = registers.reduce((all, shift, i) => all | (shift << (8 * i)), 0);
    const { shift, width, signed } = immediate ?? { shift: 0, width: 0, signed: false };
    words.push(mask, value, shifts, registers.length, shift, width, signed ? 1 : 0);
  }
  const agree = (numbers: readonly number[], bits: number, all: number): number[] =>
    numbers.filter((n) => ((bits ^ (rows[n] as KeptRow).value) & (rows[n] as KeptRow).mask & all) === 0);
  const known = new Map<string, number>();
  const once = (list: readonly number[]): number => {
    const name = list.join();
    const at = known.get(name) ?? words.length;
    if (at === words.length) words.push(...list);
    known.set(name, at);
    return at;
  };
  const listOf = (numbers: readonly number[]): number =>
    once([numbers.length, ...numbers.map((n) => first + RowWord.SIZE * n)]);
  const every = rows.map((_, n) => n);
  const majors = Array.from({ length: MAJORS }, (_, major) => {
    const numbers = agree(every, major << 21, MAJOR_BITS);
    if (numbers.length <= MANY) return listOf(numbers);
    return MINOR | once(Array.from({ length: MINORS }, (_, n) => listOf(agree(numbers, n << 10, MINOR_BITS))));
  });
  const at = words.length;
  words.push(...majors);
  return { rows: first, majors: at };
};

export const writeTemplates = (
  templates: readonly KeptTemplate[],
  { rows, maxBlock }: KeptRows,
): Int32Array<ArrayBuffer> => {
  // what is learned besides goes into the same
  const slots = 2 ** Math.ceil(Math.log2(2 * templates.length + 1024));
  const words = [MAGIC, slots, 0, 0, 0, maxBlock, ...new Array<number>(SLOT * slots).fill(0)];
  for (const template of templates) for (const n of templateWords(words, words.length, template)) words.push(n);
  const places = writeRows(words, rows);
  words[Head.ROWS] = places.rows;
  words[Head.MAJORS] = places.majors;
  words[Head.WORDS] = words.length;
  return Int32Array.from(words);
};
