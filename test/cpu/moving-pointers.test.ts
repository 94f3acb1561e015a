import { describe, expect, test, vi } from 'vitest';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { Policy } from '../../src/cpu/region-store.ts';
import { CODE, PAGE, processor, registerOf, setRegisters } from '../support/run-words.ts';

const FROM = 0x2_0000;
const TO = 0x4_0000;
/** Pages at either that may be read, and at the second those that may be written too. */
const PAGES = 6;
const WRITABLE = 4;

/** Loops from `from` to `to` of x3 turns, with a sum in x1. */
const LOOPS = {
  // ldr x2, [x0], #8; str x2, [x4], #8; add x1, x1, x2; subs x3, x3, #1; b.ne; nop; brk #0
  up: [0xf8408402, 0xf8008482, 0x8b020021, 0xf1000463, 0x54ffff81, 0xd503201f, 0xd4200000],
  // the same with [x0, #-8]! and [x4, #-8]!
  down: [0xf85f8c02, 0xf81f8c82, 0x8b020021, 0xf1000463, 0x54ffff81, 0xd503201f, 0xd4200000],
  // ldr x2, [x0, x5, lsl #3]; str x2, [x4, x5, lsl #3]; add x1, x1, x2; add x5, x5, #1; subs x3, x3, #1; b.ne; brk #0
  index: [0xf8657802, 0xf8257882, 0x8b020021, 0x910004a5, 0xf1000463, 0x54ffff61, 0xd4200000],
  // tbz x3, #0, 1f; ldr x2, [x0], #8; add x1, x1, x2; 1: strb w3, [x4, #1]!; subs x3, x3, #1; b.ne; brk #0
  sometimes: [0x36000063, 0xf8408402, 0x8b020021, 0x38001c83, 0xf1000463, 0x54ffff61, 0xd4200000],
  // of two arrays: ldr x2, [x0]; add x6, x0, #0x20000; str x2, [x6]; add x0, x0, #8; subs x3, x3, #1; b.ne; brk #0
  both: [0xf9400002, 0x91408006, 0xf90000c2, 0x91002000, 0xf1000463, 0x54ffff61, 0xd4200000],
} as const;

/** Where all of them end. */
const BRK = CODE + 24;

interface Start {
  readonly from: bigint;
  readonly to: bigint;
  readonly turns: number;
}

function make(words: readonly number[], tier: 'hot' | 'cold'): Cpu {
  const cpu = processor(words);
  for (const addr of [FROM, TO])
    cpu.space.map({ addr, length: PAGES * PAGE, prot: PROT_READ | PROT_WRITE, fixed: true });
  for (let i = 0; i < PAGES * PAGE; i += 8) cpu.space.view.setBigUint64(FROM + i, BigInt(i) * 0x9e37_79b9n, true);
  // touched pages, which are plain
  for (let i = 0; i < PAGES * PAGE; i += PAGE) cpu.space.view.setUint8(TO + i, 1);
  cpu.space.protect(TO + WRITABLE * PAGE, (PAGES - WRITABLE) * PAGE, PROT_READ);
  if (tier === 'cold') cpu.setTier('cold');
  else {
    for (let pc = CODE; pc < CODE + 4 * words.length; pc += 4) cpu.cache.recordFor(pc, -1);
    for (const { stored } of cpu.regions.compileLoop(CODE)) cpu.cache.entries.enter(stored.pc, stored.slot);
    expect(cpu.regions.store.get(CODE)?.policy).toBe(Policy.LONG_LOOP);
  }
  return cpu;
}

function run(cpu: Cpu, { from, to, turns }: Start): unknown {
  cpu.space.u8.fill(7, TO, TO + WRITABLE * PAGE);
  cpu.pc = CODE;
  setRegisters(cpu, { 0: from, 1: 0n, 2: 0n, 3: BigInt(turns), 4: to, 5: 0n });
  for (let exit = cpu.run(); exit !== Exit.FAULT; exit = cpu.run()) expect(exit).toBe(Exit.INTERRUPT);
  return {
    pc: cpu.pc,
    address: cpu.pc === BRK ? 0n : cpu.view.getBigUint64(cpu.state + State.FAULT_ADDR, true),
    registers: [0, 1, 2, 3, 4, 5].map((n) => registerOf(cpu, n)),
    written: Buffer.from(cpu.space.u8.subarray(TO, TO + PAGES * PAGE)).toString('latin1'),
  };
}

const at = (base: number, bytes: number): bigint => BigInt(base + bytes);
const UP: readonly Start[] = [
  { from: at(FROM, 0), to: at(TO, 0), turns: 1 },
  { from: at(FROM, 0), to: at(TO, 0), turns: 511 },
  { from: at(FROM, 8), to: at(TO, 16), turns: 512 },
  { from: at(FROM, 4), to: at(TO, 4), turns: 1500 },
  { from: at(FROM, 0), to: at(TO, 3), turns: 3000 },
  { from: at(FROM, 4), to: at(TO, WRITABLE * PAGE - 8), turns: 3 },
  { from: at(FROM, PAGES * PAGE - 24), to: at(TO, 0), turns: 3 },
  { from: at(FROM, PAGES * PAGE - 24), to: at(TO, 0), turns: 9 },
  { from: at(FROM, PAGES * PAGE - 4), to: at(TO, 0), turns: 2 },
  { from: at(FROM, -8), to: at(TO, 0), turns: 2 },
  { from: at(FROM, 0) + (1n << 40n), to: at(TO, 0), turns: 5 },
  { from: 8n, to: at(TO, 0), turns: 5 },
  { from: at(FROM, 0), to: (1n << 64n) - 16n, turns: 5 },
];
const DOWN: readonly Start[] = [
  { from: at(FROM, PAGE), to: at(TO, PAGE), turns: 512 },
  { from: at(FROM, PAGE + 8), to: at(TO, PAGE + 8), turns: 513 },
  { from: at(FROM, PAGE + 8), to: at(TO, PAGE + 16), turns: 1000 },
  { from: at(FROM, 4 * PAGE + 4), to: at(TO, 4 * PAGE - 1), turns: 2100 },
  { from: at(FROM, PAGES * PAGE), to: at(TO, WRITABLE * PAGE), turns: 700 },
  { from: at(FROM, PAGES * PAGE + 8), to: at(TO, WRITABLE * PAGE), turns: 7 },
  { from: at(FROM, PAGES * PAGE), to: at(TO, WRITABLE * PAGE + 8), turns: 7 },
  { from: at(FROM, 1024) + (1n << 32n), to: at(TO, PAGE), turns: 7 },
  { from: 16n, to: at(TO, PAGE), turns: 7 },
];

describe.each(Object.entries(LOOPS))('%s: pointers that a loop moves', (name, words) => {
  test('fault where they do in the cold tier, and access the same', () => {
    const [hot, cold] = [make(words, 'hot'), make(words, 'cold')];
    for (const start of name === 'down' ? DOWN : UP) {
      const { from, to, turns } = start;
      expect(run(hot, start), `${from.toString(16)} ${to.toString(16)} ${turns}`).toEqual(run(cold, start));
    }
  });

  test('are looked at where pages end, and leave the region for the last turns alone', () => {
    const cpu = make(words, 'hot');
    const miss = vi.spyOn(cpu.regions, 'miss');
    const [from, to] =
      name === 'down' ? [at(FROM, WRITABLE * PAGE), at(TO, WRITABLE * PAGE)] : [at(FROM, 0), at(TO, 0)];
    const whole = { from, to, turns: (WRITABLE * PAGE) / 8 };
    for (let i = 0; i < 10; i++) run(cpu, whole);
    expect(miss.mock.calls.length).toBeLessThanOrEqual(30);
    for (let i = 0; i < 10; i++) run(cpu, { ...whole, turns: 1000 });
    expect(miss.mock.calls.length).toBeLessThanOrEqual(30);
    expect(cpu.regions.store.get(CODE)?.policy).toBe(Policy.LONG_LOOP);
  });
});

test('a loop whose pointers keep meeting the end of a mapping is compiled without', () => {
  const cpu = make(LOOPS.up, 'hot');
  const policy = (): number => (cpu.regions.store.get(CODE)?.policy ?? 0) & Policy.NO_MOVING;
  const start = { from: at(FROM, 0), to: at(TO, WRITABLE * PAGE - 80), turns: 10 };
  for (let i = 0; i < 900; i++) run(cpu, start);
  expect(policy()).toBe(0);
  for (let i = 0; i < 600; i++) run(cpu, start);
  expect(policy()).toBe(Policy.NO_MOVING);
});

test('a loop with moving pointers leaves the region as often as others', () => {
  const cpu = make(LOOPS.sometimes, 'hot');
  const length = 100_000;
  cpu.space.map({ addr: 0x10_0000, length: 0x10_0000, prot: PROT_READ | PROT_WRITE, fixed: true });
  for (let i = 0; i < 0x10_0000; i += PAGE) cpu.space.view.setUint8(0x10_0000 + i, 1);
  const left = vi.spyOn(cpu.regions, 'compileLoop');
  run(cpu, { from: 0x10_0000n, to: 0x18_0000n, turns: length });
  expect(left.mock.calls.length).toBeGreaterThanOrEqual(4);
  expect(left.mock.calls.length).toBeLessThanOrEqual(7);
});
