import type { RecordSink } from './backend/interpreter/encode.ts';
import { encodeBlock } from './backend/interpreter/encode.ts';
import type { FrontEnd, Shape, SingleLift } from './frontend/frontend.ts';
import type { Block } from './ir/block.ts';
import { State } from './memory/layout.ts';

/**
 * Records of the cold tier learned by example. An instruction is lifted and encoded three times, with other registers,
 * another immediate and at another address; what differs in the records must follow from that (a register's offset, a
 * multiple of the immediate, the pc or its page), and becomes a patch. From then on instructions that differ in nothing
 * else cost a copy. Where the examples do not agree, first the immediate and then the registers count as part of the
 * instruction; where that does not help either, it has no template and is lifted each time.
 */

/** Indices of what patches add a multiple of. Registers come first. */
const MAX_REGISTERS = 4;
const Variable = { IMMEDIATE: 4, PC: 5, PAGE: 6 } as const;
const VARIABLES = 7;
const PAGE_MASK = -4096;
/** Registers with a meaning of their own (the link register, zero or sp) are part of the instruction. */
const FIRST_SPECIAL = 30;
const REGISTER_MASK = 31;

/** Flags kind that no front end has: stands for whatever kind comes in. */
export const ANY_KIND = 61;

/** Values for what is left open in the three examples; `part`: of the way from an immediate of 1 to its greatest. */
const EXAMPLES = [
  { registers: [0, 1, 2, 3], part: 0, pc: 0x1000_0000 },
  { registers: [17, 9, 22, 12], part: 0.53, pc: 0x2000_0f3c },
  { registers: [5, 28, 3, 19], part: 1, pc: 0x3004_5568 },
] as const;
/** Immediates of more bits are distances, in pages at most: those of examples must not leave the address space. */
const MAX_NUMBER_BITS = 16;
const DISTANCE_BITS = 12;

/** A number that depends on variables: `base` + Σ variables[v] · coefficient (int32 arithmetic). */
interface Linear {
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
  readonly readsFlags: boolean;
  readonly setsFlags: boolean;
  /** Kind of the flags behind it, or ANY_KIND. */
  readonly flagsOut: number;
  /** What of the immediate is added to the pc or its page somewhere. */
  readonly reach: number;
}

/** Register files: where they are in the CPU state, and what a register takes. */
const FILES = [
  { at: State.REGS, size: 8 },
  { at: State.VREGS, size: 16 },
] as const;

interface Example {
  readonly words: readonly number[];
  readonly internals: readonly number[];
  readonly constants: readonly { readonly record: number; readonly bytes: readonly number[] }[];
  readonly links: readonly number[];
  readonly block: Block;
  readonly ends: boolean;
}

/** Lift one instruction and collect its records. */
const exampleOf = (single: SingleLift, word: number, pc: number, kind: number): Example => {
  const words: number[] = [];
  const internals: number[] = [];
  const constants: { record: number; bytes: readonly number[] }[] = [];
  const links: number[] = [];
  const sink: RecordSink = {
    put: (op, d, a, b, imm, last) => 4 * words.push(op | (d << 16), a | (b << 16), imm | 0, last | 0) - 16,
    internal: (record, target) => void internals.push(record / 16, target / 16),
    constant: (bytes) => {
      constants.push({ record: words.length / 4, bytes });
      return 0;
    },
    link: (record, target, linkKind) => void links.push(record / 16, target, linkKind),
  };
  const { block, ends } = single.lift(word, pc, kind);
  encodeBlock(block, sink);
  return { words, internals, constants, links, block, ends };
};

const callTargetOf = ({ terminal }: Block): number => (terminal.kind === 'call' ? terminal.target : -1);
const returnsToOf = ({ terminal }: Block): number =>
  terminal.kind === 'call' || terminal.kind === 'callIndirect' ? terminal.ret : -1;

const sum = (base: number, terms: readonly number[], variables: Int32Array): number => {
  let n = base;
  for (let i = 0; i < terms.length; i += 2) {
    n = (n + Math.imul(variables[terms[i] as number] as number, terms[i + 1] as number)) | 0;
  }
  return n;
};

/** Solves for one place in the records what it depends on, given its value in each example. */
class Solver {
  /** Of each example. */
  private readonly variables: readonly Int32Array[];

  constructor(variables: readonly Int32Array[]) {
    this.variables = variables;
  }

  private fits(values: readonly number[], terms: readonly number[]): Linear | null {
    const base = ((values[0] as number) - sum(0, terms, this.variables[0] as Int32Array)) | 0;
    const right = values.every((value, i) => sum(base, terms, this.variables[i] as Int32Array) === (value | 0));
    return right ? { base, terms } : null;
  }

  /** The offset of a register, or a number that is always the same. */
  register(values: readonly number[]): Linear | null {
    const always = this.fits(values, []);
    if (always) return always;
    for (let register = 0; register < MAX_REGISTERS; register++) {
      for (const { at, size } of FILES) {
        const found = this.fits(values, [register, size]);
        // the register itself: in a list, the next ones wrap around and may be others that are open
        if (found && found.base >= at && found.base < at + size) return found;
      }
    }
    return null;
  }

  /** A multiple of the immediate, the pc, its page, or a sum of these. */
  number(values: readonly number[]): Linear | null {
    const always = this.fits(values, []);
    if (always) return always;
    const [a, b] = this.variables as [Int32Array, Int32Array];
    const step = (b[Variable.IMMEDIATE] as number) - (a[Variable.IMMEDIATE] as number);
    for (const from of [[], [Variable.PC, 1], [Variable.PAGE, 1]]) {
      const found = this.fits(values, from);
      if (found) return found;
      const rest = ((values[1] as number) - sum(0, from, b) - (values[0] as number) + sum(0, from, a)) | 0;
      if (step === 0 || rest % step !== 0) continue;
      const scaled = this.fits(values, [...from, Variable.IMMEDIATE, rest / step]);
      if (scaled) return scaled;
    }
    return null;
  }
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** Which words of an instruction look alike: those equal under a mask, once registers and immediate are renamed. */
class Class {
  readonly shape: Shape;
  /** Bits of the word that are left open. */
  private readonly mask: number;
  readonly known: Map<number, Template | null | Map<number, Template | null>> = new Map();

  constructor(shape: Shape) {
    this.shape = shape;
    const { registers, immediate } = shape;
    let mask = 0;
    for (const shift of registers) mask |= REGISTER_MASK << shift;
    if (immediate) mask |= ((1 << immediate.width) - 1) << immediate.shift;
    this.mask = mask;
  }

  add(representative: number, kind: number, template: Template | null): void {
    if (!template?.readsFlags) {
      this.known.set(representative, template);
      return;
    }
    const kinds = this.known.get(representative);
    if (kinds instanceof Map) kinds.set(kind, template);
    else this.known.set(representative, new Map([[kind, template]]));
  }

  /** The class with less left open, or null. */
  narrower(): Class | null {
    const { registers, immediate } = this.shape;
    if (immediate) return new Class({ registers, immediate: null });
    return registers.length > 0 ? new Class({ registers: [], immediate: null }) : null;
  }

  /**
   * The first of all words that look like this one: registers are numbered as they appear, the immediate is 1, 0 or -1.
   * Puts what was there into `variables`.
   */
  representative(word: number, variables: Int32Array): number {
    const { registers, immediate } = this.shape;
    let found = word & ~this.mask;
    let count = 0;
    for (let i = 0; i < registers.length; i++) {
      const shift = registers[i] as number;
      const register = (word >>> shift) & REGISTER_MASK;
      let name = register;
      if (register < FIRST_SPECIAL) {
        name = 0;
        while (name < count && variables[name] !== register) name++;
        if (name === count) variables[count++] = register;
      }
      found |= name << shift;
    }
    if (immediate) {
      const { shift, width, signed } = immediate;
      const raw = (word >>> shift) & ((1 << width) - 1);
      const value = signed ? (raw << (32 - width)) >> (32 - width) : raw;
      variables[Variable.IMMEDIATE] = value;
      found |= ((value < 0 ? -1 : value > 0 ? 1 : 0) & ((1 << width) - 1)) << shift;
    }
    return found;
  }

  /** The representative with the values of an example put in for what is left open; these go into `variables`. */
  example(representative: number, values: (typeof EXAMPLES)[number], variables: Int32Array): number {
    const { registers, immediate } = this.shape;
    let word = representative & ~this.mask;
    for (const shift of registers) {
      const name = (representative >>> shift) & REGISTER_MASK;
      const register = values.registers[name] ?? name;
      if (name < MAX_REGISTERS) variables[name] = register;
      word |= register << shift;
    }
    if (immediate) {
      const { shift, width, signed } = immediate;
      const sign = ((representative >>> shift) << (32 - width)) >> (32 - width);
      const bits = width > MAX_NUMBER_BITS ? DISTANCE_BITS : signed ? width - 1 : width;
      const greatest = 2 ** bits - (sign < 0 ? 0 : 1);
      const value = sign * Math.round(1 + values.part * (greatest - 1));
      variables[Variable.IMMEDIATE] = value;
      word |= (value & ((1 << width) - 1)) << shift;
    }
    variables[Variable.PC] = values.pc;
    variables[Variable.PAGE] = values.pc & PAGE_MASK;
    return word;
  }
}

/** By name, variant and mode of the front end: the processes of a guest share them. */
const shared: Map<string, Templates> = new Map();

/** Templates of one guest's instructions, for one way of translating them. */
export class Templates {
  private readonly classes: Map<object, Class> = new Map();
  /** What the template found last leaves open: registers, immediate, pc, its page. */
  readonly variables: Int32Array = new Int32Array(VARIABLES);

  static of({ name, variant, exact }: FrontEnd): Templates {
    const key = [name, variant, exact].join();
    const templates = shared.get(key) ?? new Templates();
    shared.set(key, templates);
    return templates;
  }

  /** The template for a word and the flags kind at it, with `variables` set for it; null: it has to be lifted. */
  find(single: SingleLift, word: number, pc: number, kind: number): Template | null {
    const row = single.row(word);
    if (row === null) return null;
    const { variables } = this;
    const group = this.classes.get(row) ?? this.begin(row, single);
    const representative = group.representative(word, variables);
    let known = group.known.get(representative);
    if (known instanceof Map) known = known.get(kind);
    if (known === undefined) {
      known = this.learn(single, group, representative, kind);
      const narrower = known === null ? group.narrower() : null;
      if (narrower) {
        this.classes.set(row, narrower);
        return this.find(single, word, pc, kind);
      }
      group.add(representative, kind, known);
    }
    if (known === null) return null;
    variables[Variable.PC] = pc;
    variables[Variable.PAGE] = pc & PAGE_MASK;
    if (known.reach !== 0) {
      const target = pc + known.reach * (variables[Variable.IMMEDIATE] as number);
      // such a number would need its upper half
      if (target < 0x1_0000 || target > 0xffff_0000) return null;
    }
    return known;
  }

  private begin(row: object, single: SingleLift): Class {
    const shape = single.shape(row);
    const group = new Class(shape.registers.length > MAX_REGISTERS ? { ...shape, registers: [] } : shape);
    this.classes.set(row, group);
    return group;
  }

  private learn(single: SingleLift, group: Class, representative: number, kind: number): Template | null {
    const variables = EXAMPLES.map(() => new Int32Array(VARIABLES));
    const words = EXAMPLES.map((values, i) => group.example(representative, values, variables[i] as Int32Array));
    const lift = (i: number, as: number): Example =>
      exampleOf(single, words[i] as number, (EXAMPLES[i] as { pc: number }).pc, as);
    const probe = lift(0, kind);
    const examples = probe.block.readsFlags
      ? [probe, lift(1, kind), lift(2, kind)]
      : [lift(0, ANY_KIND), lift(1, ANY_KIND), lift(2, ANY_KIND)];
    return templateOf(examples, new Solver(variables));
  }
}

/** What the examples have in common, or null when they do not agree. */
const templateOf = (examples: readonly Example[], solver: Solver): Template | null => {
  const [first] = examples as [Example];
  const { block, internals, constants } = first;
  const alike = examples.every(
    (e) =>
      e.words.length === first.words.length &&
      same(e.internals, internals) &&
      e.constants.length === constants.length &&
      e.constants.every((c, i) => c.record === constants[i]?.record && same(c.bytes, constants[i].bytes)) &&
      e.links.length === first.links.length &&
      e.ends === first.ends &&
      e.block.terminal.kind === block.terminal.kind &&
      e.block.flagsOut === block.flagsOut,
  );
  if (!alike) return null;
  const words = new Int32Array(first.words.length);
  const patches: number[] = [];
  let reach = 0;
  const note = ({ terms }: Linear): void => {
    const at = terms.indexOf(Variable.IMMEDIATE, 2);
    if (at >= 0 && terms[0] !== undefined && terms[0] >= Variable.PC) reach = terms[at + 1] as number;
  };
  for (let i = 0; i < words.length; i++) {
    const values = examples.map((e) => e.words[i] as number);
    const halves = i % 4 < 2;
    const parts = halves
      ? [0, 16].map((shift) => ({ shift, found: solver.register(values.map((v) => (v >>> shift) & 0xffff)) }))
      : [{ shift: 0, found: solver.number(values) ?? solver.register(values) }];
    for (const { shift, found } of parts) {
      if (!found) return null;
      note(found);
      words[i] = (words[i] as number) | (found.base << shift);
      for (let t = 0; t < found.terms.length; t += 2) {
        patches.push(i, found.terms[t] as number, (found.terms[t + 1] as number) << shift);
      }
    }
  }
  const address = (values: readonly number[]): Linear | null => {
    const found = solver.number(values);
    if (found) note(found);
    return found;
  };
  const links: { record: number; target: Linear; kind: number }[] = [];
  for (let i = 0; i < first.links.length; i += 3) {
    const target = address(examples.map((e) => e.links[i + 1] as number));
    if (!target || examples.some((e) => e.links[i] !== first.links[i] || e.links[i + 2] !== first.links[i + 2])) {
      return null;
    }
    links.push({ record: first.links[i] as number, target, kind: first.links[i + 2] as number });
  }
  const callTarget = callTargetOf(block) < 0 ? null : address(examples.map((e) => callTargetOf(e.block)));
  const returnsTo = returnsToOf(block) < 0 ? null : address(examples.map((e) => returnsToOf(e.block)));
  const { readsFlags, setsFlags, flagsOut } = block;
  const { ends } = first;
  // else the last record is the jump to the next instruction
  if (!ends) links.pop();
  return {
    words: ends ? words : words.subarray(0, -4),
    patches: Int32Array.from(ends ? patches : withoutLast(patches, words.length - 4)),
    internals,
    constants,
    links,
    callTarget,
    returnsTo,
    ends,
    readsFlags,
    setsFlags,
    flagsOut,
    reach,
  };
};

/** The patches of words before `end`. */
const withoutLast = (patches: readonly number[], end: number): number[] =>
  patches.filter((_, i) => (patches[i - (i % 3)] as number) < end);

/** The value of a Linear. */
export const evaluate = ({ base, terms }: Linear, variables: Int32Array): number => sum(base, terms, variables) >>> 0;
