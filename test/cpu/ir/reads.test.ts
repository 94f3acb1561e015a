import { expect, test } from 'vitest';
import { createAarch64 } from '../../../src/cpu/frontend/aarch64/frontend.ts';
import { State } from '../../../src/cpu/memory/layout.ts';

const START = 0x1000;
const X3 = State.REGS + 8 * 3;
const EOR = 0xca010003; // eor x3, x0, x1
const AGAIN = 0xca020063; // eor x3, x3, x2
const LOAD = 0xf9400004; // ldr x4, [x0]
const RET = 0xd65f03c0;

/** Instructions of a block, by number, that read x3 without an operation. */
const readsOfX3 = (...words: number[]): number[] => {
  const memory = new DataView(new ArrayBuffer(START + 4 * words.length));
  for (const [i, word] of words.entries()) memory.setUint32(START + 4 * i, word, true);
  const { reads } = createAarch64().liftBlock(memory, START, -1, START + 4 * words.length);
  return reads.flatMap((pc, i) => (i % 2 === 0 && reads[i + 1] === X3 ? [(pc - START) / 4] : []));
};

test('what a dropped write of a register wrote is read by nobody who may come from elsewhere', () => {
  expect(readsOfX3(EOR, AGAIN, LOAD, RET)).toEqual([]);
  expect(readsOfX3(EOR, AGAIN, AGAIN, LOAD, RET)).toEqual([]);
});

test('behind an instruction that may leave the register is read as it was', () => {
  expect(readsOfX3(EOR, LOAD, AGAIN, RET)).toEqual([2]);
  // only the second of its writes is hidden
  expect(readsOfX3(EOR, LOAD, AGAIN, AGAIN, RET)).toEqual([2]);
});
