import { expect, test } from 'vitest';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { CODE, processor } from '../support/run-words.ts';

/** bl f; brk #0; f: nop; again: mov x0, #5; loop: subs x0, x0, #1; b.ne loop; cbnz x1, again; ret */
const WORDS = [0x9400_0002, 0xd420_0000, 0xd503_201f, 0xd280_00a0, 0xf100_0400, 0x54ff_ffe1, 0xb5ff_ffa1, 0xd65f_03c0];
const [CALLED, AGAIN, LOOP, BEHIND, RETURN] = [CODE + 8, CODE + 12, CODE + 16, CODE + 24, CODE + 28];

const translated = (): Cpu => {
  const cpu = processor(WORDS);
  for (const pc of [CODE, CALLED, AGAIN, LOOP, BEHIND, RETURN]) expect(cpu.cache.recordFor(pc, -1)).toBeGreaterThan(0);
  return cpu;
};
const compile = (cpu: Cpu, pcs: readonly number[]): number[] => cpu.regions.compile(pcs).map(({ stored }) => stored.pc);

test('a place inside a function that is compiled with it has no region of its own, unless it is executed on', () => {
  const cpu = translated();
  expect(compile(cpu, [LOOP, CALLED])).toEqual([CALLED]);
  expect(compile(cpu, [LOOP])).toEqual([LOOP]);
});

test('of two places in one loop that are compiled together the first has a region', () => {
  expect(compile(translated(), [LOOP, BEHIND])).toEqual([LOOP]);
});

test('functions are compiled each by itself, and places in none of them', () => {
  expect(compile(translated(), [LOOP])).toEqual([LOOP]);
  expect(compile(translated(), [CALLED, CODE])).toEqual([CALLED, CODE]);
});
