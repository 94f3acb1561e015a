import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { STRUCTS, type StructAbi } from '../../src/syscalls/struct.ts';
import { SYSCALLS } from '../../src/syscalls/table/index.ts';

/** Recorded from test/fixtures/syscalls/layouts.c, compiled by gcc for each architecture. */
const abis: Record<string, StructAbi> = {
  aarch64: { wordSize: 8, align64: 8 },
};

describe.each(Object.entries(abis))('structure layouts of %s', (name, abi) => {
  const lines = fs
    .readFileSync(new URL(`../fixtures/syscalls/layouts.${name}.txt`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string, string]);

  it.each(lines)('%s %s is %s', (type, field, expected) => {
    const found = STRUCTS.find((candidate) => candidate.name === type);
    expect(found, `struct ${type}`).toBeDefined();
    const layout = found?.layout(abi);
    const actual = field === 'size' ? layout?.size : layout?.offsets[field];
    expect(actual).toBe(Number(expected));
  });

  it('has a declaration for every line', () => {
    expect(lines.length).toBeGreaterThan(30);
    expect(SYSCALLS.length).toBeGreaterThan(150);
  });
});
