import { expect, it } from 'vitest';
import { laneRegisters } from '../../../src/cpu/backend/wasm/region/lanes.ts';
import { createX86 } from '../../../src/cpu/frontend/x86/frontend.ts';
import { xmmOffset } from '../../../src/cpu/frontend/x86/registers.ts';

const lanesOf = (...bytes: readonly number[]): ReadonlyMap<number, unknown> => {
  const code = new DataView(new ArrayBuffer(0x1100));
  for (const [i, byte] of bytes.entries()) code.setUint8(0x1000 + i, byte);
  return laneRegisters([createX86(64).liftBlock(code, 0x1000, -1, 0x1100)], new Map());
};

it('vectors that are cleared alone stay whole: vzeroupper; ret', () => {
  expect(lanesOf(0xc5, 0xf8, 0x77, 0xc3).size).toBe(0);
});

it('one that is cleared and read by a half lives in halves: movq [rdi], xmm1; xorps xmm1, xmm1; ret', () => {
  expect([...lanesOf(0x66, 0x0f, 0xd6, 0x0f, 0x0f, 0x57, 0xc9, 0xc3).keys()]).toEqual([xmmOffset(1)]);
});
