import type { Linear, Template } from './template.ts';

/**
 * Templates as the build puts them into a file, as 32-bit words:
 *
 *     magic, slots (a power of 2), words, (representative, kind and level, template) of each slot, templates
 *
 * `template` is a word's index, 0 = a free slot, -1 = there is none. A template becomes an object when it is first used.
 */
const MAGIC = 0x74717376;
const HEAD = 3;
const SLOT = 3;
/** Kind of templates that serve all. */
export const EVERY_KIND = -2;

const Flag = { ENDS: 1, READS_FLAGS: 2, SETS_FLAGS: 4, CALL_TARGET: 8, RETURNS_TO: 16 } as const;

const HASH = 0x9e3779b1;
const keyOf = (level: number, kind: number): number => 64 * level + kind + 2;
const hash = (representative: number, key: number): number => {
  const mixed = Math.imul(representative ^ (key << 24), HASH);
  return mixed ^ (mixed >>> 15);
};

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
  to.push(links.length);
  for (const link of links) {
    to.push(link.record, link.kind);
    linear(link.target);
  }
  to.push(constants.length);
  for (const { record, bytes } of constants) {
    to.push(record);
    list(bytes);
  }
  if (callTarget) linear(callTarget);
  if (returnsTo) linear(returnsTo);
};

const read = (from: Reader): Template => {
  const flags = from.next();
  const flagsOut = from.next();
  const reach = from.next();
  const words = from.list();
  const patches = from.list();
  const internals = [...from.list()];
  const links: { record: number; kind: number; target: Linear }[] = [];
  for (let n = from.next(); n > 0; n--) links.push({ record: from.next(), kind: from.next(), target: from.linear() });
  const constants: { record: number; bytes: readonly number[] }[] = [];
  for (let n = from.next(); n > 0; n--) constants.push({ record: from.next(), bytes: [...from.list()] });
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

const NONE = -1;

export interface KeptTemplate {
  /** Of the class, see TemplateClass. */
  readonly level: number;
  readonly representative: number;
  /** Flags kind it was learned for, or EVERY_KIND. */
  readonly kind: number;
  readonly template: Template | null;
}

/** Templates that the build learned. */
export class TemplateFile {
  private readonly words: Int32Array;

  private constructor(words: Int32Array) {
    this.words = words;
  }

  /** Null when these are no templates, or not all. */
  static open(words: Int32Array | null): TemplateFile | null {
    return words !== null && words.length > HEAD && words[0] === MAGIC && words[2] === words.length
      ? new TemplateFile(words)
      : null;
  }

  /** What was learned for a representative and a flags kind (null: there is no template), or undefined. */
  find(level: number, representative: number, kind: number): Template | null | undefined {
    const all = this.at(representative, keyOf(level, EVERY_KIND));
    return all === undefined ? this.at(representative, keyOf(level, kind)) : all;
  }

  private at(representative: number, key: number): Template | null | undefined {
    const { words } = this;
    const slots = words[1] as number;
    for (let n = hash(representative, key) & (slots - 1); ; n = (n + 1) & (slots - 1)) {
      const slot = HEAD + SLOT * n;
      const template = words[slot + 2] as number;
      if (template === 0) return undefined;
      if (words[slot] !== representative || words[slot + 1] !== key) continue;
      return template === NONE ? null : read(new Reader(words, template));
    }
  }

  static write(templates: readonly KeptTemplate[]): Int32Array<ArrayBuffer> {
    const slots = 2 ** Math.ceil(Math.log2(2 * templates.length + 2));
    const words = [MAGIC, slots, 0, ...new Array<number>(SLOT * slots).fill(0)];
    for (const { level, representative, kind, template } of templates) {
      const key = keyOf(level, kind);
      let n = hash(representative, key) & (slots - 1);
      while (words[HEAD + SLOT * n + 2] !== 0) n = (n + 1) & (slots - 1);
      const slot = HEAD + SLOT * n;
      [words[slot], words[slot + 1], words[slot + 2]] = [representative, key, template ? words.length : NONE];
      if (template) write(words, template);
    }
    words[2] = words.length;
    return Int32Array.from(words);
  }
}
