import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { execute } from './outcome.ts';

const cli = fileURLToPath(new URL('../../bin/tsqemu-user.js', import.meta.url));
const oneTier = fileURLToPath(new URL('../../scripts/fuzz-emulator.ts', import.meta.url));
const fixtures = fileURLToPath(new URL('../fixtures/x86', import.meta.url));

/** traps.txt is what both programs print on a processor. */
test.each(['traps-64', 'traps-32'])('%s: code that changes itself, misaligned locks, traps', async (name) => {
  const expected = fs.readFileSync(path.join(fixtures, 'traps.txt'), 'utf8');
  const { status, stdout } = await execute(process.execPath, [cli, '--cache', 'off', path.join(fixtures, name)], '');
  expect(stdout.toString()).toBe(expected);
  expect(status).toBe(3);
});

/** aligned.txt is what aligned-64 prints on a processor. */
test.each(['aligned-64', 'aligned-32'])('%s: which vectors have to be aligned', async (name) => {
  const expected = fs.readFileSync(path.join(fixtures, 'aligned.txt'), 'utf8');
  for (const tier of ['cold', 'hot']) {
    const { status, stdout } = await execute(process.execPath, [oneTier, tier, path.join(fixtures, name)], '');
    expect(stdout.toString()).toBe(expected);
    expect(status).toBe(3);
  }
});

/** Would stores beside code cost all translations, this took minutes. */
test.each(['beside-64', 'beside-32'])('%s: data beside code', async (name) => {
  const { status, stdout } = await execute(process.execPath, [cli, '--cache', 'off', path.join(fixtures, name)], '');
  expect(stdout.toString()).toBe('1000000\n1000045\n');
  expect(status).toBe(0);
});
