/**
 * Records qemu-arm's answers to seeded cases of A32 and T32 in test/fuzz/recorded-arm.txt, which test/fuzz/arm.test.ts
 * replays. Cases that a known difference explains are left out.
 * usage: node scripts/fuzz-record-arm.ts
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { armCases, digest, SETS } from '../test/fuzz/arm-cases.ts';
import { compareOutcomes } from './fuzz-compare.ts';
import { HARNESS_ARM, type Outcome, QEMU_ARM, runCases } from './fuzz-record.ts';

const lines: string[] = [];
for (const set of SETS) {
  for (const exact of [false, true]) {
    const cases = armCases(set, exact);
    const theirs = runCases(QEMU_ARM, cases);
    const ours = runCases([process.execPath, 'scripts/fuzz-emulator.ts', 'cold', HARNESS_ARM], cases);
    for (const [i, c] of cases.entries()) {
      const [a, b] = [theirs[i], ours[i]] as [Outcome, Outcome];
      if (compareOutcomes(a, b, { fpsr: exact, address: false }).length > 0) continue;
      lines.push(`${set} ${exact ? 'exact' : 'fast'} ${i} ${digest(c, a, exact)}`);
    }
  }
}
const version = spawnSync('qemu-arm', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0];
writeFileSync(new URL('../test/fuzz/recorded-arm.txt', import.meta.url), `# ${version}\n${lines.join('\n')}\n`);
console.log(`${lines.length} cases`);
