import { expect, test } from 'vitest';
import {
  coldHandlers,
  FIRST_FUSED,
  fusedHandlers,
  fuseRecords,
  hotHandlers,
  pairTable,
} from '../../src/cpu/backend/interpreter/handlers.ts';
import { Cpu } from '../../src/cpu/cpu.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { interpreter } from '../../src/interpreter-bytes.ts';

const CODE = 0x1_0000;
const DATA = 0x10_0000;
/** No page is behind it. */
const END = DATA + 0x1000;

const fused = (first: number, second: number): number => {
  const words = Uint32Array.of(first | 0x1230_0000, 1, 2, 3, second, 4, 5, 6);
  fuseRecords(words, 0);
  const rest = words.slice(1).join();
  if (rest !== [1, 2, 3, second, 4, 5, 6].join() || (words[0] as number) >>> 16 !== 0x1230) throw new Error('changed');
  return (words[0] as number) & 0xffff;
};

test('JavaScript and the table for WebAssembly fuse the same pairs, and no others', () => {
  const { bytes, columns } = pairTable();
  let count = 0;
  for (let first = 0; first < FIRST_FUSED; first++) {
    for (let second = 0; second < FIRST_FUSED; second++) {
      const [row, column] = [bytes[first] as number, bytes[FIRST_FUSED + second] as number];
      const found = bytes[2 * FIRST_FUSED + row * columns + column] as number;
      if ((row === 0 || column === 0) && found !== 0) throw new Error('what is in no pair has one');
      if (found !== 0) count++;
      const op = fused(first, second);
      if (op !== (found === 0 ? first : FIRST_FUSED + found - 1)) throw new Error(`${first}, ${second}: ${op}`);
    }
  }
  expect(count).toBe(fusedHandlers.length);
  expect(FIRST_FUSED).toBe(hotHandlers.length + coldHandlers.length);
});

function machine(words: readonly number[], registers: readonly bigint[]): Cpu {
  const space = createAddressSpace();
  space.map({ addr: CODE, length: 0x1000, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  space.map({ addr: DATA, length: 0x1000, prot: PROT_READ | PROT_WRITE, fixed: true });
  for (const [i, word] of words.entries()) space.view.setUint32(CODE + 4 * i, word, true);
  const cpu = new Cpu(space, createAarch64(), interpreter({ addressType: 'i64' }));
  cpu.setTier('cold');
  cpu.pc = CODE;
  for (const [i, value] of registers.entries()) cpu.view.setBigUint64(cpu.state + State.REGS + 8 * i, value, true);
  return cpu;
}

const register = (cpu: Cpu, n: number): bigint => cpu.view.getBigUint64(cpu.state + State.REGS + 8 * n, true);
/** Operation of the first record of the block at CODE. */
const firstOp = (cpu: Cpu): number => {
  const record = cpu.cache.recordFor(CODE, -1);
  return new Uint16Array(cpu.space.memory.buffer)[record / 2] as number;
};

/** ldr x2, [x0]; ldr x3, [x1]; brk #0 */
const LOADS = [0xf9400002, 0xf9400023, 0xd4200000];
/** add x0, x0, #4; ldr x2, [x0]; brk #0 */
const ADD_LOAD = [0x91001000, 0xf9400002, 0xd4200000];

test('a fault of the second of two fused records finds the first one done, and the pc is its own', () => {
  const cpu = machine(LOADS, [BigInt(DATA), BigInt(END), 0n, 7n]);
  cpu.space.view.setBigUint64(DATA, 0x1122_3344_5566_7788n, true);
  expect(firstOp(cpu)).toBeGreaterThanOrEqual(FIRST_FUSED);
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(CODE + 4);
  expect(register(cpu, 2)).toBe(0x1122_3344_5566_7788n);
  expect(register(cpu, 3)).toBe(7n);
});

test('a fault of the first one finds nothing done', () => {
  const cpu = machine(LOADS, [BigInt(END), BigInt(DATA), 5n, 7n]);
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(CODE);
  expect([register(cpu, 2), register(cpu, 3)]).toEqual([5n, 7n]);
});

test('what crosses a page or has a tag is done by the handlers of single records', () => {
  // from four bytes in front of the second page on
  const cpu = machine(ADD_LOAD, [BigInt(END - 8)]);
  cpu.space.map({ addr: END, length: 0x1000, prot: PROT_READ | PROT_WRITE, fixed: true });
  cpu.space.view.setBigUint64(END - 4, 0x0102_0304_0506_0708n, true);
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(CODE + 8);
  expect(register(cpu, 2)).toBe(0x0102_0304_0506_0708n);
  const tagged = machine(LOADS, [BigInt(DATA) | (0xabn << 56n), BigInt(DATA) | (0xcdn << 56n)]);
  tagged.space.view.setBigUint64(DATA, 42n, true);
  expect(tagged.run()).toBe(Exit.FAULT);
  expect(tagged.pc).toBe(CODE + 8);
  expect([register(tagged, 2), register(tagged, 3)]).toEqual([42n, 42n]);
});
