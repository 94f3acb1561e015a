import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { HARNESS_ARM, type Outcome, runCases } from '../../scripts/fuzz-record.ts';
import { armCases, digest, SETS } from './arm-cases.ts';

const lines = readFileSync(new URL('./recorded-arm.txt', import.meta.url), 'utf8')
  .split('\n')
  .slice(1)
  .filter(Boolean);
const emulator = fileURLToPath(new URL('../../scripts/fuzz-emulator.ts', import.meta.url));

describe.each(SETS)('%s answers as recorded from qemu-arm', (set) => {
  it.each([
    ['cold', false],
    ['cold', true],
    ['hot', false],
  ] as const)(
    'tier %s, exact floating point: %s',
    (tier, exact) => {
      const own = lines.map((line) => line.split(' ')).filter(([s, mode]) => s === set && (mode === 'exact') === exact);
      expect(own.length).toBeGreaterThan(400);
      // whole regions for every case: fewer of them
      const cases = armCases(set, exact).slice(0, tier === 'hot' ? 128 : undefined);
      const outcomes = runCases([process.execPath, emulator, tier, HARNESS_ARM], cases);
      const wrong = own.filter(([, , n, answer]) => {
        const c = cases[Number(n)];
        return c !== undefined && digest(c, outcomes[Number(n)] as Outcome, exact) !== answer;
      });
      expect(wrong).toEqual([]);
    },
    120_000,
  );
});
