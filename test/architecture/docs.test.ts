import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { armInstructionsPage, instructionsPage, x86InstructionsPage } from '../../scripts/docs-instructions.ts';
import { syscallsPage } from '../../scripts/docs-syscalls.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (name: string): string => fs.readFileSync(path.join(root, name), 'utf8');

test('docs/syscalls.md is what the declarations say', () => {
  expect(read('docs/syscalls.md') === syscallsPage(), 'run node scripts/docs-syscalls.ts').toBe(true);
});

test('docs/instructions.md and those of ARM and x86 are what the tables say', () => {
  const hint = 'run node scripts/docs-instructions.ts';
  expect(read('docs/instructions.md') === instructionsPage(), hint).toBe(true);
  expect(read('docs/instructions-arm.md') === armInstructionsPage(), hint).toBe(true);
  expect(read('docs/instructions-x86.md') === x86InstructionsPage(), hint).toBe(true);
});

test.each(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/status.md'])(
  '%s names files that exist',
  (name) => {
    const text = read(name);
    const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, to]) => to as string).filter((to) => !/^\w+:/.test(to));
    const paths = [...text.matchAll(/`((?:src|test|docs|scripts|bin|bench)\/[\w./-]*)`/g)].map(([, to]) => `/${to}`);
    const missing = [...links, ...paths].filter((to) => {
      const file = to.startsWith('/') ? path.join(root, to) : path.join(root, path.dirname(name), to);
      return !fs.existsSync(file);
    });
    expect(missing).toEqual([]);
  },
);

test('ARCHITECTURE.md can be read in one sitting', () => {
  expect(read('ARCHITECTURE.md').split('\n').length).toBeLessThanOrEqual(200);
});
