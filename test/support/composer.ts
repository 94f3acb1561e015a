import { specialNumber } from '../../src/cpu/backend/interpreter/contract.ts';
import { addressOf, begins, fetchWord, formAt, formBehind, lengthOf } from '../../src/cpu/frontend/form.ts';
import type { FrontEnd, SingleLift } from '../../src/cpu/frontend/frontend.ts';
import { ANY_KIND, evaluate, kindBehind, type Template } from '../../src/cpu/template.ts';
import type { TemplateTable } from '../../src/cpu/template-table.ts';
import { Templates } from '../../src/cpu/templates.ts';

const JUMP = specialNumber('jump');
/** Words of a record. */
const RECORD = 4;

/** What is noted of a block, by wasm offsets. */
export interface BlockNotes {
  /** (record, pc, kind) … */
  readonly links: number[];
  /** (record, record) … */
  readonly internals: number[];
  /** (record, bytes) … */
  readonly constants: (number | readonly number[])[];
}

/** What is told of a block that was put together; records and jumps are in place and in the notes. */
export interface Composed {
  /** First byte behind the block. */
  readonly end: number;
  readonly readsFlags: boolean;
  readonly callTarget: number;
  readonly returnsTo: number;
  /** Words of its records. */
  readonly length: number;
}

/** The composer (see composer-module.ts) in JavaScript: what the one in WebAssembly is compared with. */
export class Composer {
  private templates: Templates | null = null;
  private readonly frontEnd: FrontEnd;
  private readonly single: SingleLift;
  private readonly words: Uint32Array;
  /** Where a constant of 16 or 32 bytes lies. */
  private readonly constantAt: (bytes: readonly number[]) => number;
  private readonly table: TemplateTable | null;

  constructor(
    frontEnd: FrontEnd,
    single: SingleLift,
    words: Uint32Array,
    constantAt: (bytes: readonly number[]) => number,
    table: TemplateTable | null,
  ) {
    this.table = table;
    this.frontEnd = frontEnd;
    this.single = single;
    this.words = words;
    this.constantAt = constantAt;
  }

  /**
   * The block at `start` for a flags kind (-1: not known), written from word `at` on. Guest code is readable up to
   * `limit`. Null: an instruction has no template.
   */
  compose(
    code: DataView,
    start: number,
    kindIn: number,
    limit: number,
    at: number,
    notes: BlockNotes,
  ): Composed | null {
    this.templates ??= Templates.of(this.frontEnd, this.table);
    const { templates, single } = this;
    const { maxBlock } = single;
    const { variables } = templates;
    /** Kind of the flags, as what led here and the block itself tell; and as the block alone does. */
    let kind = kindIn;
    let ownKind = -1;
    let readsFlags = false;
    /** Parts of the flags that the block has set. */
    let set = 0;
    let pc = start;
    let form = formAt(start);
    let to = at;
    for (let count = 0; count < maxBlock || !begins(form); count++) {
      const word = fetchWord(code, pc);
      const next = pc + lengthOf(word, form);
      // what begins on the last page that can be read and ends behind it
      if (pc >= limit || next > limit + 1) {
        if (count === 0 || !begins(form)) return null;
        break;
      }
      const template = templates.find(single, word, form, pc, kind);
      if (template === null) return null;
      const { sets, flagsOut } = template;
      if ((template.reads & ~set) !== 0) readsFlags = true;
      set |= sets;
      if (flagsOut !== ANY_KIND) {
        kind = kindBehind(kind, flagsOut);
        if (set !== 0) ownKind = kindBehind(ownKind, flagsOut);
      }
      const from = to;
      to = this.put(template, variables, to, notes);
      pc = next;
      form = formBehind(form, template.next);
      if (!template.ends) continue;
      // what serves every kind must not tell the one it was made for to those behind it
      const out = readsFlags ? kind : ownKind;
      for (const link of template.links) {
        const record = 4 * (from + RECORD * link.record);
        notes.links.push(record, evaluate(link.target, variables), link.kind < 0 ? -1 : out);
      }
      const callTarget = template.callTarget ? evaluate(template.callTarget, variables) : 0;
      const returnsTo = template.returnsTo ? evaluate(template.returnsTo, variables) : 0;
      return { end: addressOf(pc), readsFlags, callTarget, returnsTo, length: to - at };
    }
    const end = addressOf(pc);
    const { words } = this;
    words[to] = JUMP;
    words[to + 1] = 0;
    words[to + 2] = 0;
    words[to + 3] = end - 1;
    notes.links.push(4 * to, pc, readsFlags ? kind : ownKind);
    return { end, readsFlags, callTarget: 0, returnsTo: 0, length: to + RECORD - at };
  }

  /** Write a template's records; returns where the next ones go. */
  private put(template: Template, variables: Int32Array, to: number, notes: BlockNotes): number {
    const { words } = this;
    const { words: records, patches, internals, constants } = template;
    for (let i = 0; i < records.length; i++) words[to + i] = records[i] as number;
    for (let i = 0; i < patches.length; i += 3) {
      const word = to + (patches[i] as number);
      const value = Math.imul(variables[patches[i + 1] as number] as number, patches[i + 2] as number);
      words[word] = (words[word] as number) + value;
    }
    for (let i = 0; i < internals.length; i += 2) {
      const record = to + RECORD * (internals[i] as number);
      const target = 4 * (to + RECORD * (internals[i + 1] as number));
      words[record + 2] = target;
      notes.internals.push(4 * record, target);
    }
    for (const { record, bytes } of constants) {
      const word = to + RECORD * record;
      notes.constants.push(4 * word, bytes);
      words[word + 2] = this.constantAt(bytes);
    }
    return to + records.length;
  }
}
