import { describe, expect, test } from 'vitest';
import { createAarch64 } from '../../../src/cpu/frontend/aarch64/frontend.ts';
import type { FrontEnd } from '../../../src/cpu/frontend/frontend.ts';
import { createI386 } from '../../../src/cpu/frontend/x86/frontend.ts';
import { leavingFrames } from '../../../src/cpu/ir/frames.ts';

const PC = 0x1000;
const terminalOf = (frontEnd: FrontEnd, bytes: readonly number[]): unknown => {
  const code = new DataView(new ArrayBuffer(2 * PC));
  for (const [i, byte] of bytes.entries()) code.setUint8(PC + i, byte);
  const { terminal } = leavingFrames(frontEnd.liftBlock(code, PC, -1, 2 * PC), frontEnd.sp);
  return terminal.kind === 'jumpIndirect' && [terminal.isReturn, terminal.keepsFlags ?? false];
};
const ofWords = (...words: number[]): number[] =>
  words.flatMap((w) => [w & 0xff, (w >> 8) & 0xff, (w >> 16) & 0xff, w >>> 24]);

const MOV_SP_X5 = 0x910000bf;
const BR_X30 = 0xd61f03c0;
const LDR_X5_X0 = 0xf9400005;

describe('a jump with a stack pointer from memory is a return that keeps flags', () => {
  const aarch64 = createAarch64();
  const i386 = createI386();

  test.each([
    ['ldr x5, [x0]; mov sp, x5; br x30', [LDR_X5_X0, MOV_SP_X5, BR_X30]],
    ['ldr x5, [x0]; eor x5, x5, x3; mov sp, x5; br x30', [LDR_X5_X0, 0xca0300a5, MOV_SP_X5, BR_X30]],
  ])('AArch64: %s', (_, words) => {
    expect(terminalOf(aarch64, ofWords(...words))).toEqual([true, true]);
  });

  test.each([
    ['of the frame itself: add sp, sp, #16; br x30', [0x910043ff, BR_X30]],
    ['of the frame itself: ldr x5, [sp]; mov sp, x5; br x30', [0xf94003e5, MOV_SP_X5, BR_X30]],
    ['of a register: mov sp, x5; br x30', [MOV_SP_X5, BR_X30]],
    ['not at all: ldr x5, [x0]; br x30', [LDR_X5_X0, BR_X30]],
  ])('not one %s', (_, words) => {
    expect(terminalOf(aarch64, ofWords(...words))).toEqual([false, false]);
  });

  test('a ret is one anyway, which keeps none', () => {
    expect(terminalOf(aarch64, ofWords(LDR_X5_X0, MOV_SP_X5, 0xd65f03c0))).toEqual([true, false]);
  });

  // mov ecx, [eax+16]; ror ecx, 9; xor ecx, gs:[0x18]; mov esp, ecx; jmp edx
  const longjmp = [0x8b, 0x48, 0x10, 0xc1, 0xc9, 9, 0x65, 0x33, 0x0d, 0x18, 0, 0, 0, 0x89, 0xcc, 0xff, 0xe2];
  // mov esp, ebp; pop ebp; jmp edx, as a tail call
  const leave = [0x89, 0xec, 0x5d, 0xff, 0xe2];
  test('i386', () => {
    expect(terminalOf(i386, longjmp)).toEqual([true, true]);
    expect(terminalOf(i386, leave)).toEqual([false, false]);
  });
});
