/**
 * Records the host processor's answers to random cases of x86-64 and i386 in test/fuzz/recorded-x86.txt, which
 * test/fuzz/x86.test.ts replays. Cases that a known difference explains are left out; others must not differ.
 * usage: node scripts/fuzz-record-x86-answers.ts
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { undefinedFlags, unexplainedX86 } from '../test/fuzz/known-differences-x86.ts';
import { caseOfLine, digestX86, formatLine, GUESTS } from '../test/fuzz/x86-cases.ts';
import { Random } from './fuzz-random.ts';
import { HARNESS_I386, HARNESS_X86_64, type OutcomeX86, runCasesX86 } from './fuzz-record-x86.ts';
import { compareX86, randomInstructions, rowsX86, syntaxesOf, warmUpX86 } from './fuzz-x86.ts';

const CASES = 640;
const LENGTH = 6;

const lines: string[] = [];
let bad = 0;
for (const [g, guest] of GUESTS.entries()) {
  const is64 = guest === 'x86_64';
  const harness = is64 ? HARNESS_X86_64 : HARNESS_I386;
  for (const exact of [false, true]) {
    const rows = rowsX86(is64, exact, '');
    const first = 10_000 * (2 * g + (exact ? 1 : 0));
    const records = Array.from({ length: CASES }, (_, n) => {
      const instructions = randomInstructions(rows, new Random(first + n), LENGTH, is64);
      return { guest, exact, seed: first + n, instructions, digest: '' };
    });
    const cases = [warmUpX86(), ...records.map(caseOfLine)].slice(exact ? 0 : 1);
    const theirs = runCasesX86([harness], cases).slice(-CASES);
    const ours = runCasesX86([process.execPath, 'scripts/fuzz-emulator.ts', 'cold', harness], cases).slice(-CASES);
    for (const [i, record] of records.entries()) {
      const c = caseOfLine(record);
      const [a, b] = [theirs[i], ours[i]] as [OutcomeX86, OutcomeX86];
      const syntaxes = syntaxesOf(c, is64);
      // what is pushed tells where the case lies
      if (syntaxes.some((syntax) => syntax.startsWith('call '))) continue;
      const found = compareX86(a, b, exact, undefinedFlags(syntaxes.at(-1) ?? ''));
      if (found.length === 0) lines.push(formatLine({ ...record, digest: digestX86(c, a, guest, exact) }));
      else if (unexplainedX86(found, syntaxes, a, b).length > 0) {
        bad++;
        console.log(`${formatLine(record)}: ${syntaxes.join('; ')}: ${JSON.stringify(found.slice(0, 3))}`);
      }
    }
  }
}
writeFileSync(
  new URL('../test/fuzz/recorded-x86.txt', import.meta.url),
  `# ${cpus()[0]?.model.trim()}. guest; mode; seed; instructions; digest\n${lines.join('\n')}\n`,
);
console.log(`${lines.length} cases, ${bad} differ without a reason`);
process.exitCode = bad === 0 ? 0 : 1;
