import { describe, expect, it } from 'vitest';
import { a32Rows, a32xRows, t32Rows } from '../../../src/cpu/frontend/arm/table.ts';
import { Decoder } from '../../../src/cpu/frontend/decoder.ts';
import { patternOf } from '../../../src/cpu/frontend/row.ts';

describe.each([
  ['A32', a32Rows],
  ['A32 without a condition', a32xRows],
  ['T32', t32Rows],
] as const)('the table of %s', (_name, rows) => {
  it('has patterns of 32 bits', () => {
    for (const row of rows) expect(() => patternOf(row), row.syntax).not.toThrow();
  });
  it('has no rows that overlap unless one is more specific', () => {
    const overlaps = new Decoder(rows)
      .overlaps()
      .map(([a, b]) => `${a.syntax} | ${a.text} and ${b.syntax} | ${b.text}`);
    expect(overlaps).toEqual([]);
  });
});
