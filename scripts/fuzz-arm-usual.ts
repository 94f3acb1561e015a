/**
 * Random words of those that programs usually have (src/cpu/frontend/arm/usual-words.txt): cases of nothing else become
 * blocks that WebAssembly puts together from the templates of the build.
 */

import { shapeOf } from '../src/cpu/frontend/arm/shape.ts';
import { HALVES } from '../src/cpu/frontend/form.ts';
import type { Shape } from '../src/cpu/frontend/frontend.ts';
import { patternOf } from '../src/cpu/frontend/row.ts';
import { decode, Generator, names, type Set32, takesPart } from './fuzz-arm.ts';
import type { Random } from './fuzz-random.ts';
import { usualWords } from './usual-words.ts';

const PC = 15;

/** A usual word: what its template leaves open is chosen anew. */
class UsualWord {
  private readonly representative: number;
  private readonly shape: Shape;
  private readonly generator: Generator;

  constructor(representative: number, generator: Generator) {
    const { row } = generator;
    this.representative = representative;
    this.generator = generator;
    this.shape = shapeOf(row.syntax, patternOf(row));
  }

  /** Null: what the manual leaves open, as data between instructions look like. */
  word(random: Random): number | null {
    for (let attempt = 0; attempt < 60; attempt++) {
      const word = this.filled(this.generator.word(random));
      if (this.generator.accepts(word) && !names(this.generator.set, word, [PC])) return word;
    }
    return null;
  }

  /** The representative with registers and immediate of another word of its row. */
  private filled(other: number): number {
    const { registers, immediate } = this.shape;
    let word = this.representative;
    const chosen = new Map<number, number>();
    for (const field of registers) {
      const name = field.get(this.representative);
      if (name >= field.special) continue;
      const value = chosen.get(name) ?? field.get(other);
      chosen.set(name, value);
      word = (word & ~field.mask) | field.put(value);
    }
    if (immediate) word = (word & ~immediate.mask) | (other & immediate.mask);
    return word >>> 0;
  }
}

/** Usual words by their form. */
export class UsualWords {
  private readonly byForm = new Map<number, UsualWord[]>();
  /** IT instructions. */
  private readonly its: number[] = [];
  private readonly set: Set32;

  constructor(set: Set32, part: string) {
    this.set = set;
    const generators = new Map<object, Generator>();
    const bit = set === 't32' ? HALVES : 0;
    for (const { word, form } of usualWords('arm')) {
      const row = decode(set, word >>> 0);
      if ((form & HALVES) !== bit || !row) continue;
      // without conditions it is a hint
      if (row.syntax.startsWith('it<') && ((word >>> 16) & 15) !== 0) this.its.push(word >>> 0);
      // writing FPSCR ends the fast mode
      if (!takesPart(row) || !row.syntax.includes(part) || row.syntax.startsWith('vmsr')) continue;
      let generator = generators.get(row);
      if (!generator) generators.set(row, (generator = new Generator(row, set)));
      const list = this.byForm.get(form) ?? [];
      list.push(new UsualWord(word >>> 0, generator));
      this.byForm.set(form, list);
    }
  }

  /** One word, or an IT block. */
  words(random: Random): number[] {
    const plain = (): number => this.pick(this.set === 't32' ? HALVES : 0, random) as number;
    if (this.its.length === 0 || !random.oneIn(8)) return [plain()];
    const it = random.pick(this.its);
    const words = [it];
    for (let state = (it >>> 16) & 255; (state & 15) !== 0; state = (state & 0xe0) | ((state << 1) & 0x1f)) {
      const word = this.pick(HALVES | (state << 1), random);
      if (word === null) return [plain()];
      words.push(word);
    }
    return words;
  }

  /** Null: none of this form is usual. */
  private pick(form: number, random: Random): number | null {
    const known = this.byForm.get(form) ?? [];
    for (let attempt = 0; attempt < 1000 && known.length > 0; attempt++) {
      const word = random.pick(known).word(random);
      if (word !== null) return word;
    }
    return null;
  }
}
