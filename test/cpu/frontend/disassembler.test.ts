import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { instructionText } from '../../../src/cpu/frontend/aarch64/disassembler.ts';
import { rows } from '../../../src/cpu/frontend/aarch64/table.ts';
import { Decoder } from '../../../src/cpu/frontend/decoder.ts';

const lines = readFileSync(new URL('./disassembly.txt', import.meta.url), 'utf8').split('\n').slice(1).filter(Boolean); // biome-ignore format: one line
const decoder = new Decoder(rows);

it('prints every row as objdump does without aliases', () => {
  const seen = new Set<unknown>();
  const wrong = lines.flatMap((line) => {
    const [at, digits, ...text] = line.split(' ');
    const word = Number.parseInt(digits as string, 16);
    const row = decoder.decode(word);
    seen.add(row);
    const ours = row ? instructionText(row, word, Number.parseInt(at as string, 16)) : null;
    return ours === text.join(' ') ? [] : [`${digits} ${row?.syntax}: objdump '${text.join(' ')}', ours '${ours}'`];
  });
  expect(wrong).toEqual([]);
  expect(rows.filter((row) => !seen.has(row)).map((row) => row.syntax)).toEqual([]);
});
