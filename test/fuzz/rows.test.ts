import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rows } from '../../src/cpu/frontend/aarch64/table.ts';
import { rowLifter, runBlocks } from './block-runner.ts';
import { caseKey, describeChanges, rowCase, runsAlone } from './recorded.ts';

const recorded = readFileSync(new URL('./recorded.txt', import.meta.url), 'utf8')
  .split('\n')
  .slice(1)
  .filter(Boolean);
const answers = new Map(recorded.map((line) => line.split(' | ') as [string, string]));
const PER_ROW = 3;

describe('instructions answer as recorded from qemu-aarch64', () => {
  it.each([false, true])('every row, exact floating point: %s', (exact) => {
    const lifter = rowLifter(rows, exact);
    const list = rows
      .filter(runsAlone)
      .flatMap((row) => Array.from({ length: PER_ROW }, (_, n) => ({ row, n, c: rowCase(row, n, exact) })))
      .map((entry) => ({ ...entry, key: caseKey(entry.c, entry.row, entry.n, exact) }))
      .filter(({ key }) => answers.has(key));
    const outcomes = runBlocks(lifter, list.map(({ c }) => c)); // biome-ignore format: one line
    const wrong = list.flatMap(({ c, key }, i) => {
      const changes = describeChanges(c, outcomes[i] as (typeof outcomes)[number], exact);
      return changes === answers.get(key) ? [] : [`${key}\n  qemu ${answers.get(key)}\n  ours ${changes}`];
    });
    expect(wrong).toEqual([]);
    // a change of the table or the generator that loses the recorded cases must be noticed
    const own = recorded.filter((line) => line.startsWith(exact ? 'exact' : 'fast'));
    expect(list.length).toBe(own.length);
  });
});
