import { expect, test, vi } from 'vitest';
import { Exit } from '../../src/cpu/memory/layout.ts';
import { CODE, processor, registerOf, setRegisters } from '../support/run-words.ts';

const TARGET = CODE + 4;
/**
 * adr x19, target; target: add x1, x1, #1; subs x0, x0, #1; b.eq done; bl thrower; add x2, x2, #1; done: brk #0;
 * thrower: ret x19
 */
const WORDS = [0x10000033, 0x91000421, 0xf1000400, 0x54000060, 0x94000003, 0x91000442, 0xd4200000, 0xd65f0260];
const [TIMES, HOT] = [50_000, 100];

test('where calls return that were to return elsewhere a region begins, and its own calls lead back to it', () => {
  const cpu = processor(WORDS);
  cpu.cache.entries.hotAfter = HOT;
  setRegisters(cpu, { 0: BigInt(TIMES) });
  const arrive = vi.spyOn(cpu.cache, 'arrive');
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(CODE + 24);
  expect([0, 1, 2].map((n) => Number(registerOf(cpu, n)))).toEqual([0, TIMES, 0]);
  expect(cpu.cache.code.isArrival(TARGET)).toBe(true);
  expect(cpu.regions.slotOf(TARGET)).toBeDefined();
  // the dispatcher was asked until the region was compiled, which waited for company
  expect(arrive.mock.calls.length).toBeLessThan(HOT + 2000);
});

/** The same, thrower: ldr x5, [x20]; mov sp, x5; br x19. */
const LONGJMP = [...WORDS.slice(0, 7), 0xf9400285, 0x910000bf, 0xd61f0260];

test('a jump that takes the stack pointer from memory returns so too, and no frame of ours stays', () => {
  const cpu = processor(LONGJMP);
  cpu.cache.entries.hotAfter = HOT;
  setRegisters(cpu, { 0: BigInt(TIMES), 20: BigInt(CODE + 0x800) });
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(CODE + 24);
  expect([0, 1, 2].map((n) => Number(registerOf(cpu, n)))).toEqual([0, TIMES, 0]);
  expect(cpu.cache.code.isArrival(TARGET)).toBe(true);
  expect(cpu.regions.slotOf(TARGET)).toBeDefined();
});
