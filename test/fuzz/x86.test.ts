import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { emptyCaseX86, FX, HARNESS_I386, HARNESS_X86_64, type OutcomeX86, runCasesX86, viewOf } from '../../scripts/fuzz-record-x86.ts'; // biome-ignore format: one line
import { syntaxesOf, warmUpX86 } from '../../scripts/fuzz-x86.ts';
import { caseOfLine, digestX86, GUESTS, parseLine } from './x86-cases.ts';

const lines = readFileSync(new URL('./recorded-x86.txt', import.meta.url), 'utf8')
  .split('\n')
  .slice(1)
  .filter(Boolean)
  .map(parseLine);
const emulator = fileURLToPath(new URL('../../scripts/fuzz-emulator.ts', import.meta.url));

describe.each(GUESTS)('%s answers as recorded from a processor', (guest) => {
  const harness = guest === 'x86_64' ? HARNESS_X86_64 : HARNESS_I386;
  it.each([
    ['cold', false],
    ['cold', true],
    ['hot', false],
  ] as const)(
    'tier %s, exact floating point: %s',
    (tier, exact) => {
      const own = lines.filter((r) => r.guest === guest && r.exact === exact);
      expect(own.length).toBeGreaterThan(500);
      // whole regions for every case: fewer of them
      const records = own.slice(0, tier === 'hot' ? 128 : undefined);
      const cases = [warmUpX86(), ...records.map(caseOfLine)].slice(exact ? 0 : 1);
      const outcomes = runCasesX86([process.execPath, emulator, tier, harness], cases).slice(-records.length);
      const wrong = records.filter((r, i) => {
        const outcome = outcomes[i] as OutcomeX86;
        return digestX86(outcome, outcome, guest, exact) !== r.digest;
      });
      expect(wrong.map((r) => `${r.seed}: ${syntaxesOf(caseOfLine(r), guest === 'x86_64').join('; ')}`)).toEqual([]);
    },
    120_000,
  );
});

/** VCVTPS2PH, whose result a helper leaves in the state; CMOVNS, which asks a native for flags; VPSLLVD of that result. */
it.each(['cold', 'hot'])('tier %s: what a helper leaves outlives the operands of natives', (tier) => {
  const c = emptyCaseX86([0xc4, 0xe3, 0x79, 0x1d, 0xe6, 0x00], [0x0f, 0x49, 0xcf], [0xc4, 0xe2, 0x4d, 0x47, 0xc9]);
  for (let lane = 0; lane < 4; lane++) {
    viewOf(c.xsave).setFloat32((FX.xmm as number) + 16 * 4 + 4 * lane, 1, true);
    viewOf(c.xsave).setUint32((FX.xmm as number) + 16 + 4 * lane, 4, true);
  }
  c.ymm = true;
  const [, outcome] = runCasesX86([process.execPath, emulator, tier, HARNESS_I386], [warmUpX86(), c]);
  const xmm1 = viewOf((outcome as OutcomeX86).xsave).getBigUint64((FX.xmm as number) + 16, true);
  expect(xmm1.toString(16)).toBe('c003c000c003c000');
});
