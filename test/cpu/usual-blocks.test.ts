import { expect, test } from 'vitest';
import { Exit } from '../../src/cpu/memory/layout.ts';
import { CODE, processor, setRegisters } from '../support/run-words.ts';

const [OFTEN, ONCE] = [CODE + 16, CODE + 20];
/** loop: br x1; nop; nop; brk #0; often: b count; once: brk #0; count: subs x0, x0, #1; b.ne loop; mov x1, x2; b loop */
const WORDS = [
  0xd61f0020, 0xd503201f, 0xd503201f, 0xd4200000, 0x14000002, 0xd4200000, 0xf1000400, 0x54ffff21, 0xaa0203e1,
  0x17fffff7,
];

test('a block that is jumped to often is usual, one that was once is not', () => {
  const cpu = processor(WORDS);
  cpu.setTier('cold');
  cpu.cache.entries.hotAfter = 8000;
  setRegisters(cpu, { 0: 1000n, 1: BigInt(OFTEN), 2: BigInt(ONCE) });
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(ONCE);
  expect([OFTEN, ONCE].map((pc) => cpu.cache.code.isUsual(pc))).toEqual([true, false]);
});

test('nor does it cease to be while it waits for more executions than make one hot', () => {
  const cpu = processor(WORDS);
  cpu.setTier('cold');
  const { entries, code } = cpu.cache;
  entries.hotAfter = 300;
  setRegisters(cpu, { 0: 1000n, 1: BigInt(OFTEN), 2: BigInt(ONCE) });
  expect(cpu.run()).toBe(Exit.FAULT);
  const record = cpu.cache.recordFor(OFTEN, -1);
  expect(entries.armedFor(record)).toBe(0x7fffffff);
  expect(entries.armedFor(cpu.cache.recordFor(ONCE, -1))).toBe(300);
  expect([OFTEN, ONCE].map((pc) => code.isUsual(pc))).toEqual([true, false]);
  entries.rearm(record, 16_000);
  expect(entries.armedFor(record)).toBe(16_000);
  expect(code.isUsual(OFTEN)).toBe(true);
  // a copy of the process has its counts alone
  entries.clear();
  expect([OFTEN, ONCE].map((pc) => code.isUsual(pc))).toEqual([true, false]);
});
