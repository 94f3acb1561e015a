import { expect, test } from 'vitest';
import { Exit } from '../../src/cpu/memory/layout.ts';
import { Request } from '../../src/cpu/workers/protocol.ts';
import { CODE, processor, registerOf, setRegisters } from '../support/run-words.ts';

const [PING, PONG] = [CODE + 16, CODE + 40];
/**
 * bl ping; add x0, x0, #2; bl pong; brk #0; ping: subs x0, x0, #1; b.eq done; tbz x0, #0, even; br x1; even: b pong;
 * done: ret; pong: br x2
 */
const WORDS = [
  0x94000004, 0x91000800, 0x94000008, 0xd4200000, 0xf1000400, 0x54000080, 0x36000040, 0xd61f0020, 0x14000002,
  0xd65f03c0, 0xd61f0040,
];

test('two regions jump to each other, directly and indirectly, without the dispatcher, and no deeper each time', () => {
  const cpu = processor(WORDS);
  cpu.setTier('cold');
  // so that regions have what has run, and that both are known to be called
  setRegisters(cpu, { 0: 4n, 1: BigInt(PONG), 2: BigInt(PING) });
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(CODE + 12);
  cpu.setTier('hot');
  for (const pc of [PING, PONG]) cpu.serve(Request.HOT, cpu.cache.recordFor(pc, -1), 0);
  expect(cpu.regions.count).toBe(2);
  cpu.setTier('cold');
  let looks = 0;
  cpu.rung = () => {
    looks++;
    return false;
  };
  const left = (): number => cpu.view.getInt32(cpu.cache.recordFor(PONG, -1) - 16, true);
  const before = left();
  cpu.pc = CODE;
  setRegisters(cpu, { 0: 20_000n });
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(CODE + 12);
  expect(registerOf(cpu, 0)).toBe(0n);
  // at the beginning, and where the limit is filled up: 40,000 entries of 16 each
  expect(looks).toBeLessThan(5);
  // the cold tier counts what it is asked for: the call
  expect(before - left()).toBeLessThan(5);
});
