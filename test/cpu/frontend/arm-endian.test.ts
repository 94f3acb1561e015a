import { expect, test } from 'vitest';
import { createArm } from '../../../src/cpu/frontend/arm/frontend.ts';
import { BIG_ENDIAN, Sys } from '../../../src/cpu/frontend/arm/registers.ts';
import type { Block } from '../../../src/cpu/ir/block.ts';
import { Exit } from '../../../src/cpu/memory/layout.ts';

const frontEnd = createArm();

const block = (words: readonly number[], context = 0): Block => {
  const memory = new DataView(new ArrayBuffer(0x100));
  for (const [i, word] of words.entries()) memory.setUint32(0x10 + 4 * i, word, true);
  return frontEnd.liftBlock(memory, 0x10, -1, 0x10 + 4 * words.length, context);
};
const contextsOf = ({ ops }: Block): (number | undefined)[] =>
  ops.filter((v) => v.info.kind === 'set' && v.imm === Sys.IT).map(({ a }) => (a?.isConst ? a.imm : undefined));

const LOAD = 0xe5910000; // ldr r0, [r1]

test.each([
  ['setend be', 0xf1010200, BIG_ENDIAN],
  ['msr cpsr_x, #0x200', 0xe322fc02, BIG_ENDIAN],
  ['msr cpsr_x, r3', 0xe122f003, undefined],
])('%s ends a block: what follows is translated for its endianness', (_, word, context) => {
  const made = block([word, LOAD]);
  expect(made.terminal).toMatchObject({ kind: 'exit', reason: Exit.UNTRANSLATED, pc: 0x14 });
  expect(contextsOf(made)).toEqual([context]);
});

test.each([
  ['setend le', 0xf1010000],
  ['msr cpsr_fs, r3', 0xe12cf003],
])('%s does not', (_, word) => {
  expect(block([word, LOAD]).count).toBe(2);
  expect(contextsOf(block([word, LOAD]))).toEqual([]);
});

test('setend le ends one of big-endian data', () => {
  const made = block([LOAD, 0xf1010000, LOAD], BIG_ENDIAN);
  expect(made.count).toBe(2);
  expect(contextsOf(made)).toEqual([0]);
});

test.each([
  ['b', 0xeafffff0],
  ['bne', 0x1afffff0],
  ['bl', 0xebfffff0],
  ['blne', 0x1bfffff0],
  ['bx lr', 0xe12fff1e],
  ['bxne lr', 0x112fff1e],
  ['nothing', LOAD],
])('a block of big-endian data with %s at its end leads to the dispatcher alone', (_, word) => {
  const { terminal } = block([LOAD, word], BIG_ENDIAN);
  expect(terminal.kind).toBe('exit');
  expect(terminal.guard).toBeUndefined();
});
