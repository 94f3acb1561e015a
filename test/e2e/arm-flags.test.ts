import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const fixture = fileURLToPath(new URL('../fixtures/arm/compare', import.meta.url));
const emulator = fileURLToPath(new URL('../../scripts/fuzz-emulator.ts', import.meta.url));

describe('flags live across a return: comparisons of doubles by __aeabi_cdcmple and __aeabi_cdcmpeq', () => {
  test.each(['cold', 'hot', 'auto'])('tier %s', (tier) => {
    const out = execFileSync(process.execPath, [emulator, tier, fixture], { encoding: 'utf8' });
    // recorded from qemu-arm 7.2
    expect(out).toBe(fs.readFileSync(`${fixture}.expected`, 'utf8'));
  });
});
