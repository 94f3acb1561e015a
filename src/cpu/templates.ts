import { builtTemplates } from './built-templates.ts';
import type { FrontEnd, SingleLift } from './frontend/frontend.ts';
import { MAX_REGISTERS, PAGE_MASK, type Template, VARIABLES, Variable } from './template.ts';
import { TemplateClass } from './template-class.ts';
import { TemplateFile } from './template-file.ts';
import { learn, once } from './template-learning.ts';

export const nameOf = ({ name, variant }: FrontEnd): string => `${name}-${variant}`;

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
  /** By row. */
  private readonly classes: TemplateClass[] = [];
  /** What the template found last leaves open: registers, immediate, pc, its page. */
  readonly variables: Int32Array = new Int32Array(VARIABLES);
  /** The first of all words that have the template found last. */
  found = 0;

  private readonly file: TemplateFile | null;

  constructor(file: TemplateFile | null) {
    this.file = file;
  }

  static of(frontEnd: FrontEnd): Templates {
    const key = `${nameOf(frontEnd)} ${frontEnd.exact}`;
    let templates = shared.get(key);
    if (templates === undefined) {
      templates = new Templates(frontEnd.exact ? null : TemplateFile.open(builtTemplates(nameOf(frontEnd))));
      shared.set(key, templates);
    }
    return templates;
  }

  /** What the templates for these words, with a flags kind each, look like in a file. */
  static learned(
    { single }: FrontEnd,
    words: readonly { readonly word: number; readonly kind: number }[],
  ): Int32Array<ArrayBuffer> {
    const templates = new Templates(null);
    for (const { word, kind } of single ? words : []) {
      // nothing is learned when a word is met first, on each level
      for (let n = 0; n < 4; n++) templates.find(single as SingleLift, word, 0, kind);
    }
    return TemplateFile.write(templates.classes.flatMap((group) => group.all()));
  }

  /** The template for a word and the flags kind at it, with `variables` set for it; null: it has to be lifted. */
  find(single: SingleLift, word: number, pc: number, kind: number): Template | null {
    const row = single.row(word);
    if (row < 0) return null;
    const { variables } = this;
    let group: TemplateClass | null = this.classes[row] ?? this.begin(row, single);
    for (; group !== null; group = group.narrower) {
      const representative = group.representative(word, variables);
      let known = group.known.get(representative);
      if (known instanceof Map) known = known.get(kind);
      if (known === undefined) {
        known = this.file?.find(group.level, representative, kind);
        if (known === undefined) {
          this.found = representative;
          // most words that the build does not know come once
          if (group.isFirst(representative)) return once(single, word, pc, kind);
          known = learn(single, group, representative, kind);
        }
        group.add(representative, kind, known);
      }
      if (known === null) continue;
      this.found = representative;
      variables[Variable.PC] = pc;
      variables[Variable.PAGE] = pc & PAGE_MASK;
      if (known.reach === 0) return known;
      // a sum beyond 32 bits would need its upper half
      const target = pc + known.reach * (variables[Variable.IMMEDIATE] as number);
      return target >= 0x1_0000 && target <= 0xffff_0000 ? known : null;
    }
    return null;
  }

  private begin(row: number, single: SingleLift): TemplateClass {
    const shape = single.shape(row);
    const group = new TemplateClass(shape.registers.length > MAX_REGISTERS ? { ...shape, registers: [] } : shape);
    this.classes[row] = group;
    return group;
  }
}
