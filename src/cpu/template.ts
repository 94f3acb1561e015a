/** Indices of what patches add a multiple of. Registers come first. */
export const MAX_REGISTERS = 4;
export const Variable = { IMMEDIATE: 4, PC: 5, PAGE: 6, ALIGNED: 7, DISPLACEMENT: 8, HIGH: 9, IT: 10 } as const;
export const VARIABLES = 11;
export const PAGE_MASK = -4096;
/** Of the pc as literals are found from it. */
export const ALIGN_MASK = -4;
/** Flags kind that no front end has: stands for whatever kind comes in. */
export const ANY_KIND = 60;

/** A number that depends on variables: `base` + Σ variables[v] · coefficient (int32 arithmetic). */
export interface Linear {
  readonly base: number;
  /** (variable, coefficient) … */
  readonly terms: readonly number[];
}

export interface Template {
  /** Words of the records, 4 each, without what is patched. */
  readonly words: Int32Array;
  /** (word, variable, coefficient) … */
  readonly patches: Int32Array;
  /** (record, record) of jumps within. */
  readonly internals: readonly number[];
  readonly constants: readonly { readonly record: number; readonly bytes: readonly number[] }[];
  /** Jumps to other blocks; kind ANY_KIND = the one that comes in. */
  readonly links: readonly { readonly record: number; readonly target: Linear; readonly kind: number }[];
  readonly callTarget: Linear | null;
  readonly returnsTo: Linear | null;
  /** Ends its block. */
  readonly ends: boolean;
  /** Form of the instruction behind it. */
  readonly next: number;
  /** Parts of the flags that it reads and sets. */
  readonly reads: number;
  readonly sets: number;
  /** Kind of the flags behind it, or ANY_KIND. */
  readonly flagsOut: number;
  /** Whether it writes all flags before it could leave the block, and reads none. */
  readonly kills?: boolean;
  /** Bytes of the records at the end that do nothing but write flags, where such are looked for. */
  readonly tail?: number;
  /** Whether exact floating point does it in another way. */
  readonly fast: boolean;
  /** What of the immediate is added to the pc or its page somewhere. */
  readonly reach: number;
}

export const sum = (base: number, terms: readonly number[], variables: Int32Array): number => {
  let n = base;
  for (let i = 0; i < terms.length; i += 2) {
    n = (n + Math.imul(variables[terms[i] as number] as number, terms[i + 1] as number)) | 0;
  }
  return n;
};

/** The value of a Linear. */
export const evaluate = ({ base, terms }: Linear, variables: Int32Array): number => sum(base, terms, variables) >>> 0;

/** Kinds of flags with this in their low four bits are newer results, by the bits of OVER, over whatever was there. */
export const UNKNOWN_KIND = 13;
export const BASE_KIND = 15;
export const OVER = 48;

/** Kind of the flags of kind `before` when something that leaves `after` was done. */
export const kindBehind = (before: number, after: number): number =>
  before >= 0 && (after & BASE_KIND) === UNKNOWN_KIND ? before | (after & OVER) : after;
