import type { Shape } from './frontend/frontend.ts';
import { MAX_REGISTERS, PAGE_MASK, type Template, Variable } from './template.ts';
import { EVERY_KIND, type KeptTemplate } from './template-file.ts';

/** Registers with a meaning of their own (the link register, zero or sp) are part of the instruction. */
export const FIRST_SPECIAL = 30;
export const REGISTER_MASK = 31;

/**
 * Values for what is left open in the three examples. Some instructions want even registers, so all of one example are.
 * `part`: of the way from an immediate of 1 to its greatest.
 */
export const EXAMPLES = [
  { registers: [0, 1, 2, 3], part: 0, pc: 0x1000_0000 },
  { registers: [16, 8, 22, 12], part: 0.53, pc: 0x2000_0f3c },
  { registers: [5, 28, 3, 19], part: 1, pc: 0x3004_5568 },
] as const;
/** Immediates of more bits are distances, in pages at most: those of examples must not leave the address space. */
const MAX_NUMBER_BITS = 16;
const DISTANCE_BITS = 12;

/** Which words of an instruction look alike: those equal under a mask, once registers and immediate are renamed. */
export class TemplateClass {
  readonly shape: Shape;
  /** How often less was left open than the row's shape would. */
  readonly level: number;
  private smaller: TemplateClass | null = null;
  /** Bits of the word that are left open. */
  private readonly mask: number;
  private readonly met: Set<number> = new Set();
  /** By representative; null: the examples do not agree, a narrower class has to be asked. */
  readonly known: Map<number, Template | null | Map<number, Template | null>> = new Map();

  constructor(shape: Shape, level = 0) {
    this.shape = shape;
    this.level = level;
    const { registers, immediate } = shape;
    let mask = 0;
    for (const shift of registers) mask |= REGISTER_MASK << shift;
    if (immediate) mask |= ((1 << immediate.width) - 1) << immediate.shift;
    this.mask = mask;
  }

  /** Whether no word with this representative was met before. */
  isFirst(representative: number): boolean {
    const { size } = this.met;
    return this.met.add(representative).size > size;
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

  /** All that is known, of the narrower classes too. */
  all(): KeptTemplate[] {
    const { level } = this;
    const own = [...this.known].flatMap(([representative, known]) => {
      const kinds = known instanceof Map ? [...known] : ([[EVERY_KIND, known]] as const);
      return kinds.map(([kind, template]) => ({ level, representative, kind, template }));
    });
    return [...own, ...(this.smaller?.all() ?? [])];
  }

  /** The class with less left open, or null. */
  get narrower(): TemplateClass | null {
    const { registers, immediate } = this.shape;
    if (immediate) this.smaller ??= new TemplateClass({ registers, immediate: null }, this.level + 1);
    else if (registers.length > 0)
      this.smaller ??= new TemplateClass({ registers: [], immediate: null }, this.level + 1);
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
