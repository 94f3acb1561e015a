import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { emptyCase, HARNESS_ARM, type Outcome, runCases } from '../../scripts/fuzz-record.ts';
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

it.each(['cold', 'hot'])(
  'tier %s: a NaN that no condition lets through changes nothing, nor what follows it',
  (tier) => {
    // itt ne; vsubne.f64 d0, d1, d2; addne r2, #1
    const c = { ...emptyCase([0xbf1c_0000, 0xee31_0b42, 0x3201_0000]), thumb: true, nzcv: 0x4000_0000n };
    const infinity = 0x7ff0_0000_0000_0000n;
    c.v.set([5n, infinity, infinity]);
    const [outcome] = runCases([process.execPath, emulator, tier, HARNESS_ARM], [c]) as [Outcome];
    expect([outcome.signal, outcome.x[2], ...outcome.v.slice(0, 3)]).toEqual([0, 0n, 5n, infinity, infinity]);
  },
);

it('VRSQRTS takes a subnormal of half precision for a zero when FPSCR.FZ16 is set', () => {
  // vrsqrts.f16 d26, d12, d1: infinity times zero counts as zero, so that 3 ÷ 2 is left
  const answers = [0x8_0000n, 0n].map((fpcr) => {
    const c = { ...emptyCase([0xef7c_af11]), thumb: true, fpcr };
    c.v[12] = 0x0180_0180_0180_0180n;
    c.v[1] = 0x7c00_7c00_7c00_7c00n;
    const [outcome] = runCases([process.execPath, emulator, 'cold', HARNESS_ARM], [c]) as [Outcome];
    return [outcome.v[26]?.toString(16), outcome.fpsr & 1n];
  });
  expect(answers).toEqual([
    ['3e003e003e003e00', 0n],
    ['fc00fc00fc00fc00', 0n],
  ]);
});
