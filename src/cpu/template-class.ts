import { formOfExample, itOf } from './frontend/form.ts';
import type { RegisterField, Shape } from './frontend/frontend.ts';
import { ALIGN_MASK, MAX_REGISTERS, PAGE_MASK, type Template, Variable } from './template.ts';
import { EVERY_KIND, type KeptTemplate } from './template-file.ts';

/**
 * Values for what is left open in the three examples: `part` of the way from an immediate of 1 to its greatest, and an
 * address, of which no bit is the same in all.
 */
export const EXAMPLES = [
  { part: 0, at: 0x1572_6554 },
  { part: 0.53, at: 0x2a8d_9fba },
  { part: 1, at: 0x8b39_5568 },
] as const;
/** Registers in them, by the width of their numbers. Some instructions want even ones: those of the second example are. */
const REGISTERS: readonly (readonly (readonly number[])[])[] = [
  [],
  [],
  [],
  [[0, 1, 2, 3], [6, 4, 7, 5], [5, 7, 1, 6]],
  [[0, 1, 2, 3], [8, 4, 10, 6], [5, 12, 3, 11]],
  [[0, 1, 2, 3], [16, 8, 22, 12], [5, 28, 3, 19]],
]; // biome-ignore format: a table
/** Immediates of more bits are distances, in pages at most: those of examples must not leave the address space. */
const MAX_NUMBER_BITS = 16;
const DISTANCE_BITS = 12;

/** Which words of an instruction look alike: those equal under a mask, once registers and immediate are renamed. */
export class TemplateClass {
  readonly shape: Shape;
  readonly row: number;
  /** Of the instructions. */
  readonly form: number;
  /** How often less was left open than the row's shape would. */
  readonly level: number;
  private smaller: TemplateClass | null = null;
  /** Bits of the word that are left open. */
  private readonly mask: number;
  private readonly met: Set<number> = new Set();
  /** By representative; null: the examples do not agree, a narrower class has to be asked. */
  readonly known: Map<number, Template | null | Map<number, Template | null>> = new Map();

  constructor(shape: Shape, row: number, form: number, level = 0) {
    this.shape = shape;
    this.row = row;
    this.form = form;
    this.level = level;
    const { registers, immediate } = shape;
    let mask = 0;
    for (const register of registers) mask |= register.mask;
    if (immediate) mask |= immediate.mask;
    this.mask = mask;
  }

  /** Whether no word with this representative was met before. */
  isFirst(representative: number): boolean {
    const { size } = this.met;
    return this.met.add(representative).size > size;
  }

  add(representative: number, kind: number, template: Template | null): void {
    if (template === null || template.reads === 0) {
      this.known.set(representative, template);
      return;
    }
    const kinds = this.known.get(representative);
    if (kinds instanceof Map) kinds.set(kind, template);
    else this.known.set(representative, new Map([[kind, template]]));
  }

  /** All that is known, of the narrower classes too. */
  all(): KeptTemplate[] {
    const { level, form } = this;
    const own = [...this.known].flatMap(([representative, known]) => {
      const kinds = known instanceof Map ? [...known] : ([[EVERY_KIND, known]] as const);
      return kinds.map(([kind, template]) => ({ level, form, representative, kind, template }));
    });
    return [...own, ...(this.smaller?.all() ?? [])];
  }

  /** The class with less left open, or null. */
  get narrower(): TemplateClass | null {
    const { row, form, level } = this;
    const { registers, immediate } = this.shape;
    if (immediate) this.smaller ??= new TemplateClass({ registers, immediate: null }, row, form, level + 1);
    else if (registers.length > 0)
      this.smaller ??= new TemplateClass({ registers: [], immediate: null }, row, form, level + 1);
    return this.smaller;
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
      const field = registers[i] as RegisterField;
      const register = field.get(word);
      let name = register;
      if (register < field.special) {
        name = 0;
        while (name < count && variables[name] !== register) name++;
        if (name === count) variables[count++] = register;
      }
      found |= field.put(name);
    }
    if (immediate) {
      const { width, signed, bias } = immediate;
      const raw = immediate.get(word);
      const value = (signed ? (raw << (32 - width)) >> (32 - width) : raw) + bias;
      variables[Variable.IMMEDIATE] = value;
      found |= immediate.put((value < 0 ? -1 : value > 0 ? 1 : 0) - bias);
    }
    return found;
  }

  /**
   * The representative with the values of an example put in for what is left open; these and the address go into
   * `variables`.
   */
  example(representative: number, number: number, pc: number, variables: Int32Array): number {
    const { registers, immediate } = this.shape;
    let word = representative & ~this.mask;
    for (const field of registers) {
      const name = field.get(representative);
      const register = name < field.special ? (REGISTERS[field.width]?.[number]?.[name] ?? name) : name;
      if (name < MAX_REGISTERS) variables[name] = register;
      word |= field.put(register);
    }
    if (immediate) {
      const { width, signed, bias } = immediate;
      const sign = ((immediate.get(representative) << (32 - width)) >> (32 - width)) + bias;
      const bits = width > MAX_NUMBER_BITS ? DISTANCE_BITS : signed ? width - 1 : width;
      const greatest = 2 ** bits - (sign < 0 ? 0 : 1);
      const value = sign * Math.round(1 + (EXAMPLES[number]?.part ?? 0) * (greatest - 1));
      variables[Variable.IMMEDIATE] = value;
      word |= immediate.put(value - bias);
    }
    place(variables, pc, formOfExample(this.form, number));
    return word;
  }
}

/** Note the address and the form of an instruction. */
export const place = (variables: Int32Array, pc: number, form: number): void => {
  variables[Variable.IT] = itOf(form);
  variables[Variable.PC] = pc;
  variables[Variable.PAGE] = pc & PAGE_MASK;
  variables[Variable.ALIGNED] = pc & ALIGN_MASK;
};
