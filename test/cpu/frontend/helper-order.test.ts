import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const frontEnds = fileURLToPath(new URL('../../../src/cpu/frontend', import.meta.url));

/** The helpers' sources, in the order of their numbers, after the front ends were loaded in an order. */
const sources = (...guests: readonly string[]): string => {
  const script = `
    for (const guest of ${JSON.stringify(guests)}) await import('${frontEnds}/' + guest + '/frontend.ts');
    const { helpers: a64 } = await import('${frontEnds}/aarch64/helpers.ts');
    const { helpers: arm } = await import('${frontEnds}/arm/helpers.ts');
    console.log([...a64, ...arm].join('\\n'));`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
};

test('helpers have the same numbers whichever guest is loaded first: kept translations and worker threads name them', () => {
  const first = sources('aarch64', 'arm');
  expect(first.length).toBeGreaterThan(10_000);
  expect(sources('arm', 'aarch64')).toBe(first);
});
