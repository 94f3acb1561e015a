import { expect, test } from 'vitest';
import { createArm } from '../../../src/cpu/frontend/arm/frontend.ts';
import { readR } from '../../../src/cpu/frontend/arm/helpers.ts';
import type { HelperContext } from '../../../src/cpu/frontend/helper.ts';
import type { Block } from '../../../src/cpu/ir/block.ts';
import { Exit, State } from '../../../src/cpu/memory/layout.ts';

const frontEnd = createArm();

const block = (word: number): Block => {
  const memory = new DataView(new ArrayBuffer(0x100));
  memory.setUint32(0x10, word, true);
  return frontEnd.liftBlock(memory, 0x10, -1, 0x14);
};
const helpersOf = ({ ops }: Block): { id: number; aux: number }[] =>
  ops.filter(({ info }) => info.kind === 'helper').map(({ imm, hi }) => ({ id: imm, aux: hi }));

test.each([
  ['setend be', 0xf1010200],
  ['msr cpsr_x, #0x200', 0xe322fc02],
])('%s is refused: data are little-endian', (_, word) => {
  expect(block(word).terminal).toMatchObject({ kind: 'exit', reason: Exit.UNDEFINED });
});

test.each([
  ['setend le', 0xf1010000],
  ['msr cpsr_x, #0', 0xe322f000],
  ['msr cpsr_fs, r3', 0xe12cf003],
])('%s is not', (_, word) => {
  expect(block(word).terminal.kind).not.toBe('exit');
  expect(helpersOf(block(word))).toEqual([]);
});

test('msr cpsr_x, r3 is refused where r3 has E', () => {
  const [call] = helpersOf(block(0xe122f003));
  const view = new DataView(new ArrayBuffer(State.REGS + 0x1000));
  const context = { view } as unknown as HelperContext;
  const helper = frontEnd.helper(call?.id as number);
  expect(helper?.(context, 0, call?.aux as number)).toBe(0);
  view.setUint32(State.REGS + 8 * 3, 0x600d0210, true);
  expect(readR(context, 0, 3)).toBe(0x600d0210);
  expect(helper?.(context, 0, call?.aux as number)).not.toBe(0);
  expect(view.getUint32(State.EXIT_REASON, true)).toBe(Exit.UNDEFINED);
});
