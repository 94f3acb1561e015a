import fs from 'node:fs';
import { expect, test } from 'vitest';
import { openProgram } from '../../src/loader/load.ts';
import { LoadError } from '../../src/loader/load-error.ts';
import { attack } from './attack.ts';
import { bytesFile, FIXTURES } from './files.ts';

// scripts/fuzz-elf.ts runs 20,000 of these.
test.each(['hello', 'hello-pie', 'no-interp'])('damaged headers of %s end in one line, quickly', (name) => {
  const seeds = Array.from({ length: 400 }, (_, i) => i);
  const result = attack(fs.readFileSync(FIXTURES + name), seeds);
  expect(result.failures).toEqual([]);
  expect(result.refused).toBeGreaterThan(50);
  expect(result.loaded).toBeGreaterThan(50);
  expect(result.slowest).toBeLessThan(1000);
});

test('a truncated header or table says so', () => {
  const bytes = fs.readFileSync(`${FIXTURES}hello`);
  for (let length = 1; length < 64 + 56; length++) {
    const file = bytesFile(bytes.subarray(0, length));
    expect(() => openProgram({ path: '/cut', argv: ['/cut'], open: () => file })).toThrow(LoadError);
  }
});
