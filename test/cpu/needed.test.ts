import { expect, test } from 'vitest';
import { createArm } from '../../src/cpu/frontend/arm/frontend.ts';
import { Exit } from '../../src/cpu/memory/layout.ts';
import { PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { CODE, PAGE, processor, registerOf, setRegisters } from '../support/run-words.ts';

const DATA = 0x2_0000;
/** The last page's accesses leave the region: there is nothing behind it. */
const PAGES = 16;
const COUNT = (PAGES * PAGE) / 8;

/** l: ldr x2, [x0], #8; adcs x1, x1, x2; sub x3, x3, #1; cbnz x3, l; adc x4, xzr, xzr; brk #0 */
const CARRIES = [0xf8408402, 0xba020021, 0xd1000463, 0xb5ffffa3, 0x9a1f03e4, 0xd4200000];
/** l: ldr x2, [x0], #8; add x1, x1, x2; subs x3, x3, #1; b.ne l; cset x4, cs; brk #0 */
const COUNTS = [0xf8408402, 0x8b020021, 0xf1000463, 0x54ffffa1, 0x9a9f37e4, 0xd4200000];

/** l: ldr x2, [x0], #8; cmp x2, x5; b.mi n; n: ldr x6, [x7]; cinc x4, x4, hi; subs x3, x3, #1; b.ne l; brk #0 */
const COMPARES = [0xf8408402, 0xeb05005f, 0x54000024, 0xf94000e6, 0x9a849484, 0xf1000463, 0x54ffff41, 0xd4200000];

/** l: add x5, x7, #0; ldr x5, [x5]; add x1, x1, x5; subs x3, x3, #1; b.ne l; brk #0 */
const REPLACES = [0x910000e5, 0xf94000a5, 0x8b050021, 0xf1000463, 0x54ffff81, 0xd4200000];

/** l: ldr x2, [x0], #8; ldr x6, [x2]; mov x4, x2; subs x3, x3, #1; b.ne l; brk #0 */
const FOLLOWS = [0xf8408402, 0xf9400046, 0xaa0203e4, 0xf1000463, 0x54ffff81, 0xd4200000];

/** Of A32. l: tst r3, #1; ldr r6, [r7]; addeq r4, r4, #1; subs r3, r3, #1; bne l; bkpt */
const PARITIES = [0xe3130001, 0xe5976000, 0x02844001, 0xe2533001, 0x1afffffa, 0xe1200070];

/** Of A32. l: vldr d1, [r0]; ldr r6, [r7]; vmov r2, s2; vldr d1, [r0]; add r4, r4, r2; add r0, r0, #8; subs r3, r3, #1; bne l; bkpt */
const HALVES = [
  0xed901b00, 0xe5976000, 0xee112a10, 0xed901b00, 0xe0844002, 0xe2800008, 0xe2533001, 0x1afffff7, 0xe1200070,
];

/** Of T32. l: tst r3, #1; ite eq; ldreq r6, [r7]; addne r4, #1; subs r3, #1; bne l; bkpt */
const CHOOSES = [0x0f01f013, 0x683ebf0c, 0x3b013401, 0xbe00d1f8];

/**
 * x1 and x4 behind a program that is compiled at once, with the words it goes through, x5 being 1000 and x7 in the last page,
 * where it ended, and how often its regions were left.
 */
function run(
  program: readonly number[],
  words: readonly bigint[],
  { arm = false, precise = false, start = CODE, end = 4 * (program.length - 1) } = {},
): { x1: bigint; x4: bigint; misses: number } {
  const cpu = processor(program, arm ? { frontEnd: createArm() } : {});
  cpu.space.map({ addr: DATA, length: PAGES * PAGE, prot: PROT_READ | PROT_WRITE, fixed: true });
  for (const [i, word] of words.entries()) cpu.space.view.setBigUint64(DATA + 8 * i, word, true);
  cpu.cache.entries.hotAfter = 10;
  if (precise) cpu.keepFaultsPrecise();
  let misses = 0;
  const miss = cpu.regions.miss.bind(cpu.regions);
  cpu.regions.miss = (...args) => {
    misses++;
    miss(...args);
  };
  cpu.pc = start;
  setRegisters(cpu, { 0: BigInt(DATA), 3: BigInt(words.length), 5: 1000n, 7: BigInt(DATA + PAGES * PAGE - 8) });
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(start + end);
  expect(cpu.regions.slotOf(start)).toBeDefined();
  return { x1: registerOf(cpu, 1), x4: registerOf(cpu, 4), misses };
}

/** The first additions, before there is a region, carry nothing, nearly all others do. */
const words = Array.from({ length: COUNT }, (_, i) => BigInt.asUintN(64, BigInt(i < 7000 ? i % 1000 : -i)));

test('flags that a loop carries to the next turn survive exits', () => {
  let [sum, carry] = [0n, 0n];
  for (const word of words) {
    const whole = sum + word + carry;
    [sum, carry] = [BigInt.asUintN(64, whole), whole >> 64n];
  }
  const { x1, x4, misses } = run(CARRIES, words);
  expect(misses).toBeGreaterThan(10);
  expect([x1, x4]).toEqual([sum, carry]);
});

test('flags that every turn sets before anybody reads them are right behind the loop', () => {
  const { x1, x4, misses } = run(COUNTS, words);
  expect(misses).toBeGreaterThan(10);
  expect(x1).toBe(
    BigInt.asUintN(
      64,
      words.reduce((sum, word) => sum + word, 0n),
    ),
  );
  // 1 - 1 borrows nothing
  expect(x4).toBe(1n);
});

test('flags that the next block reads survive an exit in front of that', () => {
  const { x4, misses } = run(COMPARES, words);
  expect(misses).toBeGreaterThan(10);
  expect(x4).toBe(BigInt(words.filter((word) => word > 1000n).length));
});

test('flags of the instruction before the one that the region is left at are there', () => {
  const { x4, misses } = run(PARITIES, words, { arm: true });
  expect(misses).toBeGreaterThan(10);
  expect(x4).toBe(BigInt(COUNT / 2));
});

test('a register that is read and replaced by one instruction survives an exit there', () => {
  const { x1, misses } = run(REPLACES, words);
  expect(misses).toBeGreaterThan(10);
  expect(x1).toBe(BigInt.asUintN(64, (words.at(-1) as bigint) * BigInt(COUNT)));
});

test('an exit in an IT block leaves ITSTATE behind, which nothing reads that is compiled', () => {
  const { x4, misses } = run(CHOOSES, words, { arm: true, start: CODE + 1, end: 14 });
  expect(misses).toBeGreaterThan(10);
  expect(x4).toBe(BigInt(COUNT / 2));
});

test('a fault finds a register that its loop replaces before it reads it as somebody asked for it', () => {
  const turns = 7000;
  const addresses = Array.from({ length: turns }, (_, i) => BigInt(i === turns - 1 ? 0x100 : DATA + 8 * (i % 1000)));
  const before = addresses.at(-2) as bigint;
  expect(run(FOLLOWS, addresses, { precise: true, end: 4 }).x4).toBe(before);
  // what it is worth: the loop does not bring it along
  expect(run(FOLLOWS, addresses, { end: 4 }).x4).not.toBe(before);
});

test('half of a vector register is there for what reads it behind an exit, though the whole is what was read', () => {
  const numbers = Array.from({ length: COUNT }, (_, i) => BigInt(i));
  const { x4, misses } = run(HALVES, numbers, { arm: true });
  expect(misses).toBeGreaterThan(10);
  expect(x4).toBe(BigInt((COUNT * (COUNT - 1)) / 2));
});
