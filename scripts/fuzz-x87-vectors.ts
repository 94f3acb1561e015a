/**
 * Records what the host's processor (x86-64) answers to the x87's operations, for the test of src/cpu/softfloat/x87: one
 * line a case.
 * usage: node scripts/fuzz-x87-vectors.ts
 */

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Random } from './fuzz-random.ts';
import { HARNESS_X86_64, runCasesX86 } from './fuzz-record-x86.ts';
import { answerOf, describe, inputOf, X87_OPS, x87Case } from './fuzz-x87-ops.ts';

const PER_OP = 60;
const random = new Random(2026);
const all = X87_OPS.flatMap((op) => Array.from({ length: PER_OP }, () => ({ op, c: x87Case(op, random) })));
const outcomes = runCasesX86([HARNESS_X86_64], all.map(({ c }) => c)); // biome-ignore format: one line
const lines = all.flatMap(({ op, c }, i) => {
  const { cw, s } = inputOf(c);
  const o = outcomes[i];
  if (o?.signal !== 0) throw new Error(`${op.name}: signal ${o?.signal}`);
  if (op.undefined?.(s)) return [];
  const answer = answerOf(op, o);
  return [[op.name, cw.toString(16), describe(s, 0), describe(answer.s, answer.sw)].join('; ')];
});
writeFileSync(
  new URL('../test/cpu/softfloat/x87-vectors.txt', import.meta.url),
  `# ${cpus()[0]?.model.trim()}. operation; control word; st(0) st(1) status memory before; after\n${lines.join('\n')}\n`,
);
console.log(`${lines.length} cases`);
