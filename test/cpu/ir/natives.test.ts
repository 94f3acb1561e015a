import { expect, test } from 'vitest';
import { createX86 } from '../../../src/cpu/frontend/x86/frontend.ts';

/** Operations of a block of i386 code that is entered with flags of which nothing is known. */
const operations = (...code: number[]): string[] => {
  const memory = new DataView(new ArrayBuffer(0x100));
  for (const [i, byte] of code.entries()) memory.setUint8(0x10 + i, byte);
  const { ops } = createX86(32).liftBlock(memory, 0x10, -1, 0x10 + code.length);
  return ops.map(({ info }) => info.name);
};

test('flags that INC keeps are not made where SHR sets others before anything can fault', () => {
  const names = operations(0x42, 0x30, 0xc3, 0xc1, 0xe8, 0x08);
  expect(names).not.toContain('native.call');
  expect(names.filter((name) => name.endsWith('.poke'))).toEqual([]);
});

test('they are made where they stay, or where a fault could show them', () => {
  for (const code of [[0x42], [0x42, 0x8b, 0x00, 0x30, 0xc3]]) {
    const names = operations(...code);
    expect(names).toContain('native.call');
    expect(names.filter((name) => name.endsWith('.poke')).length).toBe(5);
  }
});

test('steps of ciphers are one operation each, besides moves of registers and the key', () => {
  // aesenc xmm0, xmm1; aesdeclast xmm0, xmm1; aesimc xmm0, xmm1; pclmulqdq xmm0, xmm1, 0x10
  for (const code of [
    [0x66, 0x0f, 0x38, 0xdc, 0xc1],
    [0x66, 0x0f, 0x38, 0xdf, 0xc1],
    [0x66, 0x0f, 0x38, 0xdb, 0xc1],
    [0x66, 0x0f, 0x3a, 0x44, 0xc1, 0x10],
  ]) {
    const names = operations(...code);
    expect(names.filter((name) => /\.(aes_|clmul)/.test(name)).length).toBe(1);
    expect(names.length).toBeLessThanOrEqual(6);
  }
});
