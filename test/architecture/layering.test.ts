import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** Folders and what each may import besides itself; a file belongs to the longest prefix. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'cpu/ir': [],
  'cpu/softfloat': [],
  'cpu/crypto': [],
  'cpu/memory': [],
  // layout.ts alone: where the CPU state has its fields
  'cpu/frontend': ['cpu/ir', 'cpu/softfloat', 'cpu/crypto', 'cpu/memory/layout.ts'],
  'cpu/backend': ['cpu/ir', 'cpu/memory', 'cpu/crypto'],
  // the dispatcher and the code cache know back ends, and front ends by their interface
  cpu: ['cpu/ir', 'cpu/memory', 'cpu/backend', 'cpu/frontend/frontend.ts', 'cpu/frontend/form.ts', 'cpu/frontend/helper.ts', 'uptime.ts'], // biome-ignore format: one line
  loader: ['cpu/memory', 'syscalls/abi'],
  syscalls: ['cpu/memory', 'bounce.ts', 'uptime.ts'],
};

/** Files at the top and the command line see everything: they put the parts together. */
const layerOf = (file: string): string | null =>
  Object.keys(LAYERS)
    .sort((a, b) => b.length - a.length)
    .find((layer) => file.startsWith(`${layer}/`)) ?? null;

/** Packages and the only files that may import them. */
const PACKAGES: Readonly<Record<string, string>> = {
  elfy: 'loader/elf.ts',
  memfs: 'syscalls/vfs/mem-root.ts',
  yargs: 'cli/yargs.ts',
};

const sources = fs
  .readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(path.sep).join('/'))
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const imports: readonly Import[] = sources.flatMap((from) => {
  const text = fs.readFileSync(path.join(src, from), 'utf8');
  return [...text.matchAll(/^\s*(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/gm)].map(
    ([, type, plain, lazy]) => ({ from, to: (plain ?? lazy) as string, typeOnly: type !== undefined }),
  );
});

const isRelative = (to: string): boolean => to.startsWith('.');
const target = ({ from, to }: Import): string => path.posix.normalize(path.posix.join(path.posix.dirname(from), to));

test('the sources are read', () => {
  expect(sources.length).toBeGreaterThan(100);
  expect(imports.length).toBeGreaterThan(sources.length);
});

describe('a layer imports what stands beneath it, and nothing else', () => {
  test.each(Object.keys(LAYERS))('%s', (layer) => {
    const allowed = [layer, ...(LAYERS[layer] as readonly string[])];
    const wrong = imports
      .filter((i) => layerOf(i.from) === layer && isRelative(i.to))
      .filter((i) => {
        const to = target(i);
        const own = layerOf(to) === layer;
        return !own && !allowed.some((a) => a !== layer && (to === a || to.startsWith(`${a}/`)));
      })
      .map((i) => `${i.from} imports ${target(i)}`);
    expect(wrong).toEqual([]);
  });
});

test('one file imports a package for all', () => {
  const wrong = imports
    .filter((i) => !isRelative(i.to) && !i.to.startsWith('node:'))
    .filter((i) => PACKAGES[i.to] !== i.from && !(i.typeOnly && i.to in PACKAGES))
    .map((i) => `${i.from} imports ${i.to}`);
  expect(wrong).toEqual([]);
});

test('modules are kept small', () => {
  // Tables may be longer, and what is listed here waits to be split.
  const wrong = sources
    .map((name) => ({ name, lines: fs.readFileSync(path.join(src, name), 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > 600)
    .map(({ name, lines }) => `${name}: ${lines} lines`);
  expect(wrong).toEqual([]);
});
