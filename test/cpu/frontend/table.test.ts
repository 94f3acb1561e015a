import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { instructionsPage } from '../../../scripts/docs-instructions.ts';
import { Random } from '../../../scripts/fuzz-random.ts';
import { rows } from '../../../src/cpu/frontend/aarch64/table.ts';
import { Decoder } from '../../../src/cpu/frontend/decoder.ts';
import { extractFields, FieldReader } from '../../../src/cpu/frontend/pattern.ts';
import { patternOf } from '../../../src/cpu/frontend/row.ts';

const decoder = new Decoder(rows);

describe('the instruction table', () => {
  it('has no two rows that some word matches equally well', () => {
    expect(decoder.overlaps().map(([a, b]) => `${a.syntax} / ${b.syntax}`)).toEqual([]);
  });

  it('notices an overlap', () => {
    const row = (text: string) => ({ syntax: text, text, lift: null, pattern: null });
    const two = [row('0 x:15 0000000000000000'), row('x:15 0 0000000000000000')];
    expect(new Decoder(two).overlaps()).toHaveLength(1);
  });

  it('decodes random words of a row to the row, or to a more specific one', () => {
    const random = new Random(11);
    const wrong = rows.flatMap((row) => {
      const { mask, value } = patternOf(row);
      return Array.from({ length: 20 }, () => ((random.u32() & ~mask) | value) >>> 0).filter((word) => {
        const found = decoder.decode(word);
        return found !== row && (found === null || (patternOf(found).mask & mask) >>> 0 !== mask);
      });
    });
    expect(wrong).toEqual([]);
  });

  it('answers null where no row matches, as a plain search does', () => {
    const random = new Random(12);
    for (let i = 0; i < 3000; i++) {
      const word = random.u32();
      const any = rows.some((row) => (word & patternOf(row).mask) >>> 0 === patternOf(row).value);
      expect(decoder.decode(word) !== null, word.toString(16)).toBe(any);
    }
  });

  it('reads fields into the shared object as into one of their own', () => {
    const reader = new FieldReader(() => rows.map((row) => row.text));
    const random = new Random(13);
    for (const row of rows) {
      const { mask, value } = patternOf(row);
      const word = ((random.u32() & ~mask) | value) >>> 0;
      expect(reader.read(patternOf(row), word), row.syntax).toMatchObject(extractFields(patternOf(row), word));
    }
  });

  it('is what docs/instructions.md says', () => {
    const page = readFileSync(new URL('../../../docs/instructions.md', import.meta.url), 'utf8');
    expect(page === instructionsPage(), 'run node scripts/docs-instructions.ts').toBe(true);
  });
});
