import { formClass } from './frontend/form.ts';
import { type FrontEnd, ROWS, type Shape, type SingleLift } from './frontend/frontend.ts';
import { MAX_REGISTERS, type Template, VARIABLES, Variable } from './template.ts';
import { place, TemplateClass } from './template-class.ts';
import { findTemplate, writeTemplates } from './template-file.ts';
import { learn, once } from './template-learning.ts';
import type { TemplateTable } from './template-table.ts';

/** What of a shape may be left open. */
const leftOpen = (shape: Shape): Shape =>
  shape.registers.length > MAX_REGISTERS ? { ...shape, registers: [] } : shape;

/** Numbers of forms are below this. */
const FORMS = 1024;

/** An instruction that programs usually have, for the flags kind before it. */
export interface UsualWord {
  readonly word: number;
  readonly form: number;
  readonly kind: number;
}

/** By name, variant and mode of the front end: the processes of a guest share them. */
const shared: Map<string, Templates> = new Map();

/**
 * Records of the cold tier learned by example. An instruction is lifted and encoded three times, with other registers,
 * another immediate and at another address; what differs in the records must follow from that (a register's offset, a
 * multiple of the immediate, the pc or its page), and becomes a patch. From then on instructions that differ in nothing
 * else cost a copy. Where the examples do not agree, first the immediate and then the registers count as part of the
 * instruction; where that does not help either, it has no template and is lifted each time.
 *
 * These are the templates of one guest's instructions, for one way of translating them.
 */
export class Templates {
  /** By row and form. */
  private readonly classes: Map<number, TemplateClass> = new Map();
  /** What the template found last leaves open: registers, immediate, pc. */
  readonly variables: Int32Array = new Int32Array(VARIABLES);
  /** The first of all words that have the template found last. */
  found = 0;

  /** Those of the build, and what is learned besides. */
  private readonly table: TemplateTable | null;

  constructor(table: TemplateTable | null) {
    this.table = table;
  }

  /** `table`: what the build learned, for fast floating point. */
  static of({ name, variant, exact }: FrontEnd, table: TemplateTable | null): Templates {
    const key = `${name} ${variant} ${exact}`;
    let templates = shared.get(key);
    if (templates === undefined) {
      templates = new Templates(exact ? null : table);
      shared.set(key, templates);
    }
    return templates;
  }

  /** What the templates for these words, with a flags kind each, look like in a file. */
  static learned({ single }: FrontEnd, words: readonly UsualWord[]): Int32Array<ArrayBuffer> {
    if (!single) throw new Error('a guest without templates');
    const templates = new Templates(null);
    for (const { word, form, kind } of words) {
      // nothing is learned when a word is met first, on each level
      for (let n = 0; n < 4; n++) templates.find(single, word, form, 0, kind);
    }
    const sets = single.sets.map((rows, set) =>
      rows.map((fixed, n) => ({ ...fixed, ...leftOpen(single.shape(ROWS * set + n)) })),
    );
    const kept = [...templates.classes.values()].flatMap((group) => group.all());
    return writeTemplates(kept, { sets, setOf: single.setOf, maxBlock: single.maxBlock });
  }

  /** The template for a word and the flags kind at it, with `variables` set for it; null: it has to be lifted. */
  find(single: SingleLift, word: number, form: number, pc: number, kind: number): Template | null {
    const row = single.row(word, form);
    if (row < 0) return null;
    const { variables } = this;
    const looks = formClass(form);
    let group: TemplateClass | null = this.classes.get(FORMS * row + looks) ?? this.begin(row, looks, single);
    for (; group !== null; group = group.narrower) {
      const representative = group.representative(word, variables);
      let known = group.known.get(representative);
      if (known instanceof Map) known = known.get(kind);
      if (known === undefined) {
        const { table } = this;
        known = table === null ? undefined : findTemplate(table.words, group.level, looks, representative, kind);
        if (known === undefined) {
          this.found = representative;
          // most words that the build does not know come once
          if (group.isFirst(representative)) return once(single, word, form, pc, kind);
          known = learn(single, group, representative, kind);
        }
        group.add(representative, kind, known);
      }
      if (known === null) continue;
      this.found = representative;
      place(variables, pc, form);
      if (known.reach === 0) return known;
      // a sum beyond 32 bits would need its upper half
      const target = pc + known.reach * (variables[Variable.IMMEDIATE] as number);
      return target >= 0x1_0000 && target <= 0xffff_0000 ? known : null;
    }
    return null;
  }

  private begin(row: number, form: number, single: SingleLift): TemplateClass {
    const group = new TemplateClass(leftOpen(single.shape(row)), row, form);
    this.classes.set(FORMS * row + form, group);
    return group;
  }
}
