import { expect, test } from 'vitest';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { Exit } from '../../src/cpu/memory/layout.ts';
import type { RegionStore } from '../../src/cpu/region-store.ts';
import { CODE, processor, registerOf, setRegisters } from '../support/run-words.ts';

/** add x1, x1, #1 so many times in one loop: several regions' worth. */
const LENGTH = 16_000;
const [ADD, SUBS, BNE, BRK] = [0x91000421, 0xf1000400, 0x54000001, 0xd4200000] as const;
/** A loop waits for company for 1,000 turns once it is hot; there are too few others for its rest to get hot by itself. */
const [TIMES, HOT] = [1_400, 100];

function machine(words: readonly number[], store?: RegionStore): Cpu {
  const cpu = processor(words, { length: 0x10000, ...(store ? { store } : {}) });
  cpu.cache.entries.hotAfter = HOT;
  return cpu;
}

/** Turns of the outer loop → x1 behind it. */
function run(cpu: Cpu, times: number): number {
  cpu.pc = CODE;
  setRegisters(cpu, { 0: BigInt(times), 1: 0n });
  expect(cpu.run()).toBe(Exit.FAULT);
  return Number(registerOf(cpu, 1));
}

/** subs x0, x0, #1; b.ne to the first word; brk */
const back = (words: readonly number[]): number[] => [
  ...words,
  SUBS,
  BNE | ((-(words.length + 1) & 0x7ffff) << 5),
  BRK,
];
const LONG = back(new Array(LENGTH).fill(ADD));

test('long code without branches is compiled as a whole, not one region after the other gets hot', () => {
  const cpu = machine(LONG);
  expect(run(cpu, TIMES)).toBe(TIMES * LENGTH);
  const regions = [...cpu.regions.all()];
  const covered = regions.flatMap(({ ranges }) => [...ranges]);
  expect(regions.length).toBeGreaterThan(3);
  expect(Math.max(...covered)).toBeGreaterThan(CODE + 4 * LENGTH);
  // the next process takes all of it into use at once, when the loop is executed for the hundredth time
  const next = machine(LONG, cpu.regions.store);
  const compiled: unknown[] = [];
  next.regions.onModule = (_, pcs) => compiled.push(pcs);
  expect(run(next, 150)).toBe(150 * LENGTH);
  expect(next.regions.count).toBe(regions.length);
  expect(compiled).toEqual([]);
});

test('behind a loop that long code begins with the rest is compiled, not what comes later', () => {
  // mov x2, #16; loop: add x1, x1, #1; subs x2, x2, #1; b.ne loop
  const inner = [0xd2800202, ADD, 0xf1000442, 0x54ffffc1];
  const cpu = machine(back([...inner, ...new Array(LENGTH / 2).fill(ADD)]));
  expect(run(cpu, 150)).toBe(150 * (16 + LENGTH / 2));
  expect(cpu.regions.slotOf(CODE + 4)).toBeDefined();
  expect(cpu.regions.slotOf(CODE + 16)).toBeDefined();
});
