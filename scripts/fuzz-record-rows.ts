/**
 * Records qemu-aarch64's answers to some cases of every row of the AArch64 table in test/fuzz/recorded.txt, which
 * test/fuzz/rows.test.ts replays. Cases that a known difference explains are left out.
 * usage: node scripts/fuzz-record-rows.ts
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { rows } from '../src/cpu/frontend/aarch64/table.ts';
import { rowLifter, runBlocks } from '../test/fuzz/block-runner.ts';
import { unexplained } from '../test/fuzz/known-differences.ts';
import { caseKey, describeChanges, rowCase, runsAlone } from '../test/fuzz/recorded.ts';
import { compareOutcomes } from './fuzz-compare.ts';
import { type Outcome, QEMU, runCases } from './fuzz-record.ts';

const PER_ROW = 3;
const lines: string[] = [];
for (const exact of [false, true]) {
  const list = rows
    .filter(runsAlone)
    .flatMap((row) => Array.from({ length: PER_ROW }, (_, n) => ({ row, n, c: rowCase(row, n, exact) })));
  const theirs = runCases(QEMU, list.map(({ c }) => c)); // biome-ignore format: one line
  const ours = runBlocks(rowLifter(rows, exact), list.map(({ c }) => c)); // biome-ignore format: one line
  for (const [i, { row, n, c }] of list.entries()) {
    const [a, b] = [theirs[i], ours[i]] as [Outcome, Outcome];
    const all = compareOutcomes(a, b, { fpsr: exact, address: false });
    const name = row.syntax.split(' ')[0] as string;
    // what differs for a known reason is no answer to test against; what differs for none must fail there
    if (all.length > 0 && unexplained(all, name, c.words[0] as number, exact, a, b).length === 0) continue;
    lines.push(`${caseKey(c, row, n, exact)} | ${describeChanges(c, a, exact)}`);
  }
}
const version = spawnSync('qemu-aarch64', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0];
writeFileSync(new URL('../test/fuzz/recorded.txt', import.meta.url), `# ${version}\n${lines.join('\n')}\n`);
console.log(`${lines.length} cases`);
