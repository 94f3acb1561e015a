import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const fixture = (guest: string): string => fileURLToPath(new URL(`../fixtures/${guest}/crossing`, import.meta.url));
const emulator = fileURLToPath(new URL('../../scripts/fuzz-emulator.ts', import.meta.url));

// what leaves the flags is a region before code that reads them runs for the first time
describe.each(['aarch64', 'arm'])('%s: flags live across returns and indirect calls', (guest) => {
  test.each(['cold', 'hot', 'auto'])('tier %s', (tier) => {
    expect(execFileSync(process.execPath, [emulator, tier, fixture(guest)], { encoding: 'utf8' })).toBe('right\n');
  });
});
