import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const fixture = fileURLToPath(new URL('../fixtures/aarch64/loops', import.meta.url));
const emulator = fileURLToPath(new URL('../../scripts/fuzz-emulator.ts', import.meta.url));

describe('loops of interpreters, entered at any operation', () => {
  test.each(['cold', 'hot', 'auto'])('tier %s', (tier) => {
    expect(execFileSync(process.execPath, [emulator, tier, fixture], { encoding: 'utf8' })).toBe('right\n');
  });
});
