import { FORM_MAGIC } from './byte-forms.ts';
import { HALVES } from './frontend/form.ts';
import type { OpenField, Shape } from './frontend/frontend.ts';
import type { Linear, Template } from './template.ts';

/**
 * Templates as the build puts them into a file, as 32-bit words:
 *
 *     magic, slots (a power of 2), words, longest block, majors of whole words, majors of halfwords,
 *     first word of the templates, first one behind them,
 *     (representative; level, form and kind; template) of each slot, templates, rows, lists of rows, majors
 *
 * `template` is a word's index, 0 = a free slot, -1 = there is none. `majors` is the index of 2048 words, one for each
 * value of an instruction's bits 31:21: the index of a list of rows (their count, then their indices), or with MINOR that
 * of 64 such words, one for each value of bits 15:10. A row: mask and value of the words that are its own, number of its
 * registers and index of their fields, index of the immediate's field (0: none), its width, whether it is signed, and its
 * mixed bits and bias. A field: the first special register, number of parts, shift and width of each.
 *
 * The file is searched by WebAssembly too: see composer-module.ts.
 */
export const MAGIC = 0x7471737a;
export const Head = {
  MAGIC: 0,
  SLOTS: 1,
  WORDS: 2,
  MAX_BLOCK: 3,
  MAJORS: 4,
  TEMPLATES: 6,
  BEHIND: 7,
  SIZE: 8,
} as const;
export const SLOT = 3;
/** Of a template, in words. */
export const LONGEST_TEMPLATE = 1024;
export const RowWord = {
  MASK: 0,
  VALUE: 1,
  REGISTERS: 2,
  FIELDS: 3,
  IMMEDIATE: 4,
  WIDTH: 5,
  SIGNED: 6,
  MIXED: 7,
  BIAS: 8,
  SIZE: 9,
} as const;
export const FieldWord = { SPECIAL: 0, PARTS: 1, SIZE: 2 } as const;
export const TemplateWord = { FLAGS: 0, KIND: 1, REACH: 2, NEXT: 3, READS: 4, SETS: 5, SIZE: 6 } as const;
export const MINOR = 1 << 30;
/** Kind of templates that serve all. */
export const EVERY_KIND = -2;
/** Flags kind of templates that find out which it is, which is slower: they are there for kinds that are rarer with an instruction. */
export const ANY_FLAGS = -1;
export const NONE = -1;

/**
 * KILLS: it writes all flags before it could leave the block, and reads none. FAST: exact floating point does it in another
 * way. From bit TAIL on: bytes of the last records,
 * which do nothing but write flags.
 */
export const Flag = { ENDS: 1, CALL_TARGET: 2, RETURNS_TO: 4, KILLS: 8, FAST: 16 } as const;
export const TAIL = 8;

export const HASH = 0x9e3779b1;
/** In keys: kinds are from -2 to 61, forms below 1024. */
export const FORM = 64;
export const LEVEL = 1024 * FORM;
const keyOf = (level: number, form: number, kind: number): number => LEVEL * level + FORM * form + kind - EVERY_KIND;
const hash = (representative: number, key: number): number => {
  const mixed = Math.imul(representative ^ Math.imul(key, HASH), HASH);
  return mixed ^ (mixed >>> 15);
};

/** A row of the instruction table as the file has it. */
export interface KeptRow extends Shape {
  readonly mask: number;
  readonly value: number;
}

/** What a file says of the instruction set: see SingleLift. */
export interface KeptRows {
  readonly sets: readonly (readonly KeptRow[])[];
  readonly setOf: (word: number, form: number) => number;
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

/** A patch in one word: sign and power of two of its coefficient, its variable and the word it is for. */
export const Patch = { SHIFT: 24, VARIABLE: 16, PLACE: 0xffff } as const;

const packed = (patches: Int32Array): number[] => {
  const to: number[] = [];
  for (let i = 0; i < patches.length; i += 3) {
    const [place, variable, coefficient] = patches.subarray(i, i + 3) as unknown as [number, number, number];
    const shift = 31 - Math.clz32(Math.abs(coefficient));
    const sign = coefficient === 1 << shift ? 0 : -1;
    if (((1 << shift) ^ sign) - sign !== coefficient)
      throw new Error(`patch by ${coefficient}, which is no power of 2`);
    to.push((sign << 31) | (shift << Patch.SHIFT) | (variable << Patch.VARIABLE) | place);
  }
  return to;
};

const unpacked = (patches: Int32Array): Int32Array => {
  const to = new Int32Array(3 * patches.length);
  for (const [i, patch] of patches.entries()) {
    const coefficient = 1 << (patch >> Patch.SHIFT);
    to.set([patch & Patch.PLACE, (patch >> Patch.VARIABLE) & 0xff, patch < 0 ? -coefficient : coefficient], 3 * i);
  }
  return to;
};

export const writeTemplate = (to: number[], template: Template): void => {
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
      (callTarget ? Flag.CALL_TARGET : 0) |
      (returnsTo ? Flag.RETURNS_TO : 0) |
      (template.kills ? Flag.KILLS : 0) |
      (template.fast ? Flag.FAST : 0) |
      ((template.tail ?? 0) << TAIL),
    template.flagsOut,
    template.reach,
    template.next,
    template.reads,
    template.sets,
  );
  list(words);
  list(packed(patches));
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
  const next = from.next();
  const reads = from.next();
  const sets = from.next();
  const words = from.list().slice();
  const patches = unpacked(from.list());
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
    next,
    reads,
    sets,
    flagsOut,
    reach,
    fast: (flags & Flag.FAST) !== 0,
  };
};

export interface KeptTemplate {
  /** Of the class, see TemplateClass. */
  readonly level: number;
  readonly form: number;
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
  words.length > Head.SIZE &&
  (words[Head.MAGIC] === MAGIC || words[Head.MAGIC] === FORM_MAGIC) &&
  words[Head.WORDS] === words.length;

/** The template of a representative in a form and a flags kind (null: there is none), or undefined. */
export const findTemplate = (
  words: Int32Array,
  level: number,
  form: number,
  representative: number,
  kind: number,
): Template | null | undefined => {
  for (const served of [EVERY_KIND, kind, ANY_FLAGS]) {
    const template = words[slotOf(words, representative, keyOf(level, form, served)) + 2] as number;
    if (template !== 0) return template === NONE ? null : read(new Reader(words, template));
  }
  return undefined;
};

const MAJORS = 2048;
const MAJOR_BITS = 0xffe0_0000 | 0;
const MINORS = 64;
const MINOR_BITS = 0xfc00;
/** A major with more rows than these has minors. */
const MANY = 3;

const writeField = (words: number[], { parts }: OpenField, special: number): void => {
  words.push(special, parts.length);
  for (const { shift, width } of parts) words.push(shift, width);
};

/** Append the rows of a set; returns where they are. */
const writeSet = (words: number[], rows: readonly KeptRow[]): number => {
  const fields = rows.map(({ registers, immediate }) => {
    const first = words.length;
    for (const register of registers) writeField(words, register, register.special);
    const at = words.length;
    if (immediate) writeField(words, immediate, 0);
    return { first, at };
  });
  const start = words.length;
  for (const [n, { mask, value, registers, immediate }] of rows.entries()) {
    const { first, at } = fields[n] as (typeof fields)[number];
    words.push(mask, value, registers.length, first);
    words.push(
      immediate ? at : 0,
      immediate?.width ?? 0,
      immediate?.signed ? 1 : 0,
      immediate?.mixed ?? 0,
      immediate?.bias ?? 0,
    );
  }
  return start;
};

/** Appends lists to `words`, the same list once; returns where it is. */
export const sharing = (words: number[]): ((list: readonly number[]) => number) => {
  const known = new Map<string, number>();
  return (list) => {
    const name = list.join();
    const at = known.get(name) ?? words.length;
    if (at === words.length) words.push(...list);
    known.set(name, at);
    return at;
  };
};

/** Append rows, and what finds those of words and of halfwords; returns the indices of the majors. */
const writeRows = (words: number[], { sets, setOf }: KeptRows): readonly [whole: number, halves: number] => {
  const starts = sets.map((rows) => writeSet(words, rows));
  const once = sharing(words);
  const majorsOf = (form: number): number => {
    const majors = Array.from({ length: MAJORS }, (_, major) => {
      const set = setOf((major << 21) >>> 0, form);
      const [rows, first] = [sets[set] as readonly KeptRow[], starts[set] as number];
      const agree = (numbers: readonly number[], bits: number, all: number): number[] =>
        numbers.filter((n) => ((bits ^ (rows[n] as KeptRow).value) & (rows[n] as KeptRow).mask & all) === 0);
      const listOf = (numbers: readonly number[]): number =>
        once([numbers.length, ...numbers.map((n) => first + RowWord.SIZE * n)]);
      const every = rows.map((_row, n) => n);
      const numbers = agree(every, major << 21, MAJOR_BITS);
      if (numbers.length <= MANY) return listOf(numbers);
      return MINOR | once(Array.from({ length: MINORS }, (_n, n) => listOf(agree(numbers, n << 10, MINOR_BITS))));
    });
    const at = words.length;
    words.push(...majors);
    return at;
  };
  return [majorsOf(0), majorsOf(HALVES)];
};

export const writeTemplates = (templates: readonly KeptTemplate[], rows: KeptRows): Int32Array<ArrayBuffer> => {
  const slots = 2 ** Math.ceil(Math.log2(2 * templates.length));
  const words = [MAGIC, slots, 0, rows.maxBlock, 0, 0, 0, 0, ...new Array<number>(SLOT * slots).fill(0)];
  words[Head.TEMPLATES] = words.length;
  const once = sharing(words);
  for (const { level, form, representative, kind, template } of templates) {
    const key = keyOf(level, form, kind);
    const slot = slotOf(words, representative, key);
    const own: number[] = [];
    if (template) writeTemplate(own, template);
    if (own.length > LONGEST_TEMPLATE) throw new Error(`a template of ${own.length} words`);
    words.splice(slot, SLOT, representative, key, template ? once(own) : NONE);
  }
  words[Head.BEHIND] = words.length;
  [words[Head.MAJORS], words[Head.MAJORS + HALVES]] = writeRows(words, rows);
  words[Head.WORDS] = words.length;
  return Int32Array.from(words);
};
