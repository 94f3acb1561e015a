/**
 * Records objdump's text (without aliases) of random words of every row of the AArch64 table, for the disassembler's test.
 * usage: node scripts/record-disassembly.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rows } from '../src/cpu/frontend/aarch64/table.ts';
import { Translator } from '../src/cpu/frontend/aarch64/translator.ts';
import { Decoder } from '../src/cpu/frontend/decoder.ts';
import { extractFields } from '../src/cpu/frontend/pattern.ts';
import { patternOf, type Row } from '../src/cpu/frontend/row.ts';
import { Builder } from '../src/cpu/ir/builder.ts';
import { Exit } from '../src/cpu/memory/layout.ts';
import { RowGenerator } from './fuzz-generate.ts';
import { Random } from './fuzz-random.ts';

const PER_ROW = 3;
const random = new Random(7);
const decoder = new Decoder(rows);
const t = new Translator(new Builder());

/** Whether the row gives the word a meaning. */
function isAllocated(row: Row<Translator>, word: number): boolean {
  t.b.reset();
  t.begin(-1);
  row.lift?.(t, extractFields(patternOf(row), word));
  return !(t.terminal?.kind === 'exit' && t.terminal.reason === Exit.UNDEFINED);
}

const words = rows.flatMap((row) => {
  const generator = new RowGenerator(row);
  const own: number[] = [];
  for (let attempt = 0; own.length < PER_ROW && attempt < 1000; attempt++) {
    const word = generator.word(random, 8);
    const system = /^(udf|hlt|sys|msr|mrs)$/.test(generator.name);
    if (decoder.decode(word) === row && (system || isAllocated(row, word))) own.push(word);
  }
  return own;
});

const directory = mkdtempSync(join(tmpdir(), 'disassembly-'));
try {
  const file = join(directory, 'words');
  writeFileSync(file, new Uint8Array(Uint32Array.from(words).buffer));
  const objdump = 'aarch64-linux-gnu-objdump';
  const listing = execFileSync(objdump, ['-D', '-z', '-b', 'binary', '-m', 'aarch64', '-M', 'no-aliases', file], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const version = execFileSync(objdump, ['--version'], { encoding: 'utf8' }).split('\n')[0];
  const lines = [...listing.matchAll(/^ +([0-9a-f]+):\t([0-9a-f]{8}) \t(.*)$/gm)].map(([, at, word, text]) => {
    const plain = (text as string).replace(/\s*\/\/.*$/, '').replace(/\s+/g, ' ').trim(); // biome-ignore format: one line
    return `${at} ${word} ${plain}`;
  });
  const header = `# ${version}, -M no-aliases: address, word, text\n`;
  writeFileSync(new URL('../test/cpu/frontend/disassembly.txt', import.meta.url), `${header}${lines.join('\n')}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
