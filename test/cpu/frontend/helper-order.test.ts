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
    const { helpers: x86 } = await import('${frontEnds}/x86/helpers.ts');
    console.log([...a64, ...arm, ...x86].join('\\n'));`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
};

test('helpers have the same numbers whichever guest is loaded first: kept translations and worker threads name them', () => {
  const first = sources('aarch64', 'arm', 'x86');
  expect(first.length).toBeGreaterThan(10_000);
  expect(sources('x86', 'arm', 'aarch64')).toBe(first);
});

test('the first of the helpers are those that there are without the translator', async () => {
  const { i386Facts } = await import('../../../src/cpu/frontend/x86/facts.ts');
  const { createI386 } = await import('../../../src/cpu/frontend/x86/frontend.ts');
  const [first, all] = [i386Facts().firstHelpers ?? [], createI386()];
  expect(first.length).toBeGreaterThan(20);
  expect(all.helper(first.length)).toBeDefined();
  for (const [id, helper] of first.entries()) expect(all.helper(id)).toBe(helper);
});
