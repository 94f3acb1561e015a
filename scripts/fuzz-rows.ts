/**
 * Compares the rows of the AArch64 table with qemu-aarch64 one instruction at a time, in this process (no loader, no
 * kernel): for work on rows. scripts/fuzz.ts compares the emulator itself.
 * usage: node scripts/fuzz-rows.ts [--exact] [--cases N] [--seed N] [part of the syntax]
 */
import { parseArgs } from 'node:util';
import { rows } from '../src/cpu/frontend/aarch64/table.ts';
import { rowLifter, runBlocks } from '../test/fuzz/block-runner.ts';
import { unexplained } from '../test/fuzz/known-differences.ts';
import { runsAlone } from '../test/fuzz/recorded.ts';
import { compareOutcomes, describeInputs } from './fuzz-compare.ts';
import { fillCase, RowGenerator, randomFpcr } from './fuzz-generate.ts';
import { Random } from './fuzz-random.ts';
import { type Case, emptyCase, type Outcome, QEMU, runCases } from './fuzz-record.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    exact: { type: 'boolean', default: false },
    cases: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    shown: { type: 'string', default: '1' },
  },
});

const frontEnd = rowLifter(rows, values.exact);
const part = positionals[0] ?? '';
let bad = 0;
let checked = 0;
for (const row of rows) {
  if (!row.syntax.includes(part)) continue;
  if (!runsAlone(row)) continue;
  const random = new Random(Number(values.seed) + checked);
  const generator = new RowGenerator(row);
  const cases: Case[] = Array.from({ length: Number(values.cases) }, () => {
    const c = emptyCase([generator.word(random, 0)]);
    fillCase(c, random);
    if (values.exact) {
      c.fpcr = BigInt(randomFpcr(random));
      c.fpsr = random.oneIn(2) ? 0n : BigInt(random.u32() & 0x0800_009f);
    }
    return c;
  });
  checked += cases.length;
  const theirs = runCases(QEMU, cases);
  let ours: Outcome[];
  try {
    ours = runBlocks(frontEnd, cases);
  } catch (error) {
    console.log(`${row.syntax}: ${(error as Error).message}`);
    continue;
  }
  let shown = 0;
  for (const [i, c] of cases.entries()) {
    const [a, b] = [theirs[i], ours[i]] as [Outcome, Outcome];
    const word = c.words[0] as number;
    const all = compareOutcomes(a, b, { fpsr: values.exact, address: false });
    const differences = unexplained(all, generator.name, word, values.exact, a, b);
    if (differences.length === 0) continue;
    bad++;
    if (shown++ >= Number(values.shown)) continue;
    console.log(`${row.syntax}  ${word.toString(16)}  ${describeInputs(c, word)}`);
    for (const d of differences.slice(0, 4)) console.log(`    ${d.where}: qemu ${d.theirs}, ours ${d.ours}`);
  }
  if (shown > 0) console.log(`    ${shown} of ${cases.length}`);
}
console.log(`${checked} cases, ${bad} differences`);
process.exitCode = bad === 0 ? 0 : 1;
