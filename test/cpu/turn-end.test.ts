import { expect, test } from 'vitest';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { Request } from '../../src/cpu/workers/protocol.ts';
import { uptimeMs } from '../../src/uptime.ts';
import { CODE, processor, registerOf, setRegisters } from '../support/run-words.ts';

const SP = 31;
/** stp x29, x30, [sp, #-16]!; subs x0, x0, #1; b.eq out; bl self; out: ldp x29, x30, [sp], #16; ret */
const RECURSION = [0xa9bf7bfd, 0xf1000400, 0x54000040, 0x97fffffd, 0xa8c17bfd, 0xd65f03c0];
const DEPTH = 5000n;

/** svc #0; b .-4 */
const CALLS = [0xd4000001, 0x17ffffff];

/** loop: bl leaf; subs x0, x0, #1; b.ne loop; brk #0 */
const LOOP_OF_CALLS = [0x94000004, 0xf1000400, 0x54ffffc1, 0xd4200000];
/** leaf: mov x1, #19000; again: madd x2, x2, x2, x1, four times; subs x1, x1, #1; b.ne again; ret */
const LEAF = [0xd2894701, 0x9b020442, 0x9b020442, 0x9b020442, 0x9b020442, 0xf1000421, 0x54ffff61, 0xd65f03c0];

function machine(words: readonly number[] = RECURSION): Cpu {
  const cpu = processor(words);
  cpu.space.map({ addr: 0x10_0000, length: 0x10_0000, prot: PROT_READ | PROT_WRITE, fixed: true });
  cpu.setTier('cold');
  setRegisters(cpu, { 0: DEPTH, [SP]: 0x20_0000n });
  return cpu;
}

test('a turn that is over ends where a block gets hot, in code without loops', () => {
  const cpu = machine();
  cpu.cache.entries.hotAfter = 100;
  cpu.until = 0;
  expect(cpu.run()).toBe(Exit.INTERRUPT);
  expect(registerOf(cpu, 0)).toBeGreaterThan(DEPTH - 1000n);
});

test('a turn that is over ends behind a call', () => {
  const cpu = machine(CALLS);
  let calls = 0;
  cpu.onSyscall = () => {
    calls++;
    return 0;
  };
  cpu.until = 0;
  expect(cpu.run()).toBe(Exit.SYSCALL);
  expect(calls).toBe(1);
  expect(cpu.pc).toBe(CODE + 4);
});

test('a turn that is over ends in regions that jump to each other', () => {
  // br x1 and, at x1, br x2, which leads back
  const cpu = machine([0xd61f0020]);
  cpu.space.view.setUint32(CODE + 0x800, 0xd61f0040, true);
  setRegisters(cpu, { 1: BigInt(CODE + 0x800), 2: BigInt(CODE) });
  cpu.setTier('hot');
  // compiled before anything was seen to jump: each region has one of them
  for (const pc of [CODE, CODE + 0x800]) cpu.serve(Request.HOT, cpu.cache.recordFor(pc, -1), 0);
  expect(cpu.regions.count).toBe(2);
  cpu.until = uptimeMs() + 100;
  expect(cpu.run()).toBe(Exit.INTERRUPT);
});

test('a turn that is over ends in a loop of calls to a function that has a loop itself and calls nothing', () => {
  const cpu = machine([...LOOP_OF_CALLS, ...LEAF]);
  const turns = 1_000_000n;
  // so that regions have what has run
  setRegisters(cpu, { 0: 2n });
  expect(cpu.run()).toBe(Exit.FAULT);
  cpu.pc = CODE;
  setRegisters(cpu, { 0: turns });
  cpu.setTier('hot');
  for (const pc of [CODE, CODE + 4 * LOOP_OF_CALLS.length]) cpu.serve(Request.HOT, cpu.cache.recordFor(pc, -1), 0);
  expect(cpu.regions.count).toBe(2);
  cpu.until = uptimeMs() + 5;
  expect(cpu.run()).toBe(Exit.INTERRUPT);
  // 20,000 turns, after which it leaves by itself, take more than a second
  const left = registerOf(cpu, 0);
  expect(left).toBeLessThan(turns);
  expect(left).toBeGreaterThan(turns - 19_000n);
  expect(cpu.pc).toBe(CODE + 4 * LOOP_OF_CALLS.length);
});

test('a turn that is over, and an interrupt from elsewhere, end recursion without loops', () => {
  const cpu = machine();
  cpu.setTier('hot');
  cpu.serve(Request.HOT, cpu.cache.recordFor(CODE, -1), 0);
  expect(cpu.regions.count).toBe(1);
  cpu.until = 0;
  expect(cpu.run()).toBe(Exit.INTERRUPT);
  const left = registerOf(cpu, 0);
  expect(left).toBeLessThan(DEPTH);
  expect(left).toBeGreaterThan(DEPTH - 1000n);
  cpu.until = Number.POSITIVE_INFINITY;
  let looks = 0;
  cpu.rung = () => {
    if (looks++ === 5) cpu.view.setUint32(cpu.state + State.INTERRUPT, 1, true);
    return false;
  };
  expect(cpu.run()).toBe(Exit.INTERRUPT);
  expect(looks).toBe(6);
  expect(registerOf(cpu, 0)).toBeLessThan(left);
});

test('what a worker thread tells of a hot block stops no code: its thread may be the one that ran here last', () => {
  const cpu = machine();
  const record = cpu.cache.recordFor(CODE, -1);
  const limit = cpu.view.getUint32(cpu.state + State.DEPTH_LIMIT, true);
  expect(limit).toBeGreaterThan(0);
  cpu.until = 0;
  cpu.serve(Request.HOT, record, 0);
  expect(cpu.view.getUint32(cpu.state + State.DEPTH_LIMIT, true)).toBe(limit);
});
