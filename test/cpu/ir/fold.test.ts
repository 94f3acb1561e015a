import { expect, it } from 'vitest';
import { createX86 } from '../../../src/cpu/frontend/x86/frontend.ts';
import { State } from '../../../src/cpu/memory/layout.ts';

/** push rbx; push rbp; sub rsp, 24; mov [rsp + 8], rdi; ret, and of 32 bits */
const PUSHES = [0x53, 0x55, 0x48, 0x83, 0xec, 0x18, 0x48, 0x89, 0x7c, 0x24, 0x08, 0xc3];
const PUSHES_32 = PUSHES.filter((byte) => byte !== 0x48);

it.each([
  [64, PUSHES, 8],
  [32, PUSHES_32, 4],
] as const)('what %i-bit code pushes lies below one register', (mode, bytes, size) => {
  const code = new DataView(new ArrayBuffer(0x1100));
  for (const [i, byte] of bytes.entries()) code.setUint8(0x1000 + i, byte);
  const { ops } = createX86(mode).liftBlock(code, 0x1000, -1, 0x1100);
  const stores = ops.filter(({ info }) => info.kind === 'store');
  expect(stores.map(({ a, imm }) => [a?.info.kind, a?.imm, imm])).toEqual(
    [-size, -2 * size, -2 * size - 24 + 8].map((disp) => ['get', State.REGS + 8 * 4, disp]),
  );
});
