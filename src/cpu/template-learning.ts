import { encodeBlock } from './backend/interpreter/encode.ts';
import type { RecordSink } from './backend/interpreter/slots.ts';
import { formOfExample, placeOf } from './frontend/form.ts';
import type { SingleBlock, SingleLift } from './frontend/frontend.ts';
import type { Block } from './ir/block.ts';
import { State } from './memory/layout.ts';
import { ANY_KIND, type Linear, MAX_REGISTERS, sum, type Template, VARIABLES, Variable } from './template.ts';
import { EXAMPLES, type TemplateClass } from './template-class.ts';

/** Register files: where they are in the CPU state, and what a register takes. */
const FILES = [
  { at: State.REGS, size: 8 },
  { at: State.VREGS, size: 16 },
  // the upper halves of x86's
  { at: State.VREGS + 256, size: 16 },
] as const;

interface Example {
  readonly words: readonly number[];
  readonly internals: readonly number[];
  readonly constants: readonly { readonly record: number; readonly bytes: readonly number[] }[];
  readonly links: readonly number[];
  readonly lifted: SingleBlock;
  readonly block: Block;
}

/** The records of an instruction. */
const exampleOf = (lifted: SingleBlock): Example => {
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
  const { block } = lifted;
  encodeBlock(block, sink);
  return { words, internals, constants, links, lifted, block };
};

const callTargetOf = ({ terminal }: Block): number => (terminal.kind === 'call' ? terminal.target : -1);
const returnsToOf = ({ terminal }: Block): number =>
  terminal.kind === 'call' || terminal.kind === 'callIndirect' ? terminal.ret : -1;

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

  /**
   * The immediate shifted or its negative (or the displacement), the pc, its page or the pc aligned, or a sum of these, or
   * ITSTATE.
   */
  number(values: readonly number[]): Linear | null {
    const always = this.fits(values, []) ?? this.fits(values, [Variable.IT, 1]);
    if (always) return always;
    for (const from of [[], [Variable.PC, 1], [Variable.PAGE, 1], [Variable.ALIGNED, 1]]) {
      const found = this.fits(values, from);
      if (found) return found;
      for (let shift = 0; shift < 32; shift++) {
        for (const scale of [1 << shift, -1 << shift]) {
          const scaled = this.fits(values, [...from, Variable.IMMEDIATE, scale]);
          if (scaled) return scaled;
        }
      }
      for (const other of [Variable.DISPLACEMENT, Variable.HIGH]) {
        const found = this.fits(values, [...from, other, 1]);
        if (found) return found;
      }
    }
    return null;
  }
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** What the examples have in common, or null when they do not agree. */
const templateOf = (examples: readonly Example[], solver: Solver): Template | null => {
  const [first] = examples as [Example];
  const { block, internals, constants, lifted } = first;
  const alike = examples.every(
    (e) =>
      e.words.length === first.words.length &&
      same(e.internals, internals) &&
      e.constants.length === constants.length &&
      e.constants.every((c, i) => c.record === constants[i]?.record && same(c.bytes, constants[i].bytes)) &&
      e.links.length === first.links.length &&
      e.lifted.ends === lifted.ends &&
      e.lifted.next === lifted.next &&
      e.lifted.reads === lifted.reads &&
      e.lifted.sets === lifted.sets &&
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
  const { flagsOut } = block;
  const { ends, next, reads, sets } = lifted;
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
    next,
    reads,
    sets,
    flagsOut,
    reach,
    fast: examples.some((e) => e.lifted.fast),
  };
};

/** The patches of words before `end`. */
const withoutLast = (patches: readonly number[], end: number): number[] =>
  patches.filter((_, i) => (patches[i - (i % 3)] as number) < end);

/** The template for the words that a representative stands for; null: the examples do not agree. */
export const learn = (
  single: SingleLift,
  group: TemplateClass,
  representative: number,
  kind: number,
): Template | null => {
  const { form } = group;
  const variables = EXAMPLES.map(() => new Int32Array(VARIABLES));
  const places = EXAMPLES.map(({ at }) => placeOf(at, form));
  const words = variables.map((to, i) => group.example(representative, i, places[i] as number, to));
  // with another immediate some are other instructions
  if (words.some((word) => single.row(word, form) !== group.row)) return null;
  return learnFrom(
    (i, as) => single.lift(words[i] as number, formOfExample(form, i), places[i] as number, as),
    variables,
    kind,
  );
};

/** The template for examples with these variables, or null. */
export const learnFrom = (
  lift: (example: number, kind: number) => SingleBlock,
  variables: readonly Int32Array[],
  kind: number,
): Template | null => {
  const as = lift(0, kind).reads !== 0 ? kind : ANY_KIND;
  const examples = variables.map((_, i) => exampleOf(lift(i, as)));
  return templateOf(examples, new Solver(variables));
};

const NOWHERE = new Solver([new Int32Array(VARIABLES)]);

/** A word's records at one address, as a template that is good for nothing else. */
export const once = (single: SingleLift, word: number, form: number, pc: number, kind: number): Template => {
  const probe = exampleOf(single.lift(word, form, pc, kind));
  const example = probe.lifted.reads !== 0 ? probe : exampleOf(single.lift(word, form, pc, ANY_KIND));
  return templateOf([example], NOWHERE) as Template;
};
