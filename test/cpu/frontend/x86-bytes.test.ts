import { describe, expect, test } from 'vitest';
import { createX86 } from '../../../src/cpu/frontend/x86/frontend.ts';
import { Builder } from '../../../src/cpu/ir/builder.ts';
import type { Value } from '../../../src/cpu/ir/value.ts';

/** Operations of a block, without constants and what only puts flags and registers into the state. */
const operations = (mode: 32 | 64, ...code: number[]): string[] => {
  const memory = new DataView(new ArrayBuffer(0x40));
  for (const [i, byte] of code.entries()) memory.setUint8(0x10 + i, byte);
  const { ops } = createX86(mode).liftBlock(memory, 0x10, -1, 0x10 + code.length);
  return ops.map(({ info }) => info.name).filter((name) => !/\.(const|get|set|wrap_i64|extend_i32_u)$/.test(name));
};

describe.each([32, 64] as const)('%d-bit code has no more operations than bytes and halves need:', (mode) => {
  test.each([
    ['movzx eax, byte [ebx]', [0x0f, 0xb6, 0x03], ['i32.load8_u']],
    ['movzx eax, word [ebx]', [0x0f, 0xb7, 0x03], ['i32.load16_u']],
    ['cmp byte [ebx], 8; je', [0x80, 0x3b, 8, 0x74, 2], ['i32.load8_u', 'i32.eq']],
    ['cmp byte [ebx], 0xff; jne', [0x80, 0x3b, 0xff, 0x75, 2], ['i32.load8_u', 'i32.ne']],
    ['cmp word [ebx], 8; ja', [0x66, 0x83, 0x3b, 8, 0x77, 2], ['i32.load16_u', 'i32.gt_u']],
    ['test byte [ebx], 8; jne', [0xf6, 0x03, 8, 0x75, 2], ['i32.load8_u', 'i32.and', 'i32.ne']],
    ['test eax, eax; je', [0x85, 0xc0, 0x74, 2], ['i32.eqz']],
    ['test al, al; je', [0x84, 0xc0, 0x74, 2], ['i32.and', 'i32.eqz']],
    ['cmp al, 8; jl', [0x3c, 8, 0x7c, 2], ['i32.and', 'i32.shl', 'i32.lt_s']],
    ['cmp eax, ebx; sete al; movzx eax, al', [0x39, 0xd8, 0x0f, 0x94, 0xc0, 0x0f, 0xb6, 0xc0], ['i32.eq']],
  ])('%s', (_text, code, expected) => {
    expect(operations(mode, ...code)).toEqual(expected);
  });
});

test('masks take away what is known to be zeros, and nothing else', () => {
  const b = new Builder();
  const { i32, i64 } = b;
  const [k, wide] = [(n: number) => b.const32(n), b.get('i64', 0x100)];
  const any = i32.wrap_i64(wide);
  const byte = b.load('i32.load8_u', wide) as Value<'i32'>;
  const text = (v: Value): string => (v.isConst ? `${v.imm}` : v === byte ? 'byte' : v === any ? 'any' : `${v.info.name}(${[v.a, v.b].flatMap((x) => (x ? [text(x)] : []))})`); // biome-ignore format: one line
  expect(text(i32.and(byte, k(0xff)))).toBe('byte');
  expect(text(i32.and(byte, k(0x7f)))).toBe('i32.and(byte,127)');
  expect(text(i32.and(byte, k(0x100)))).toBe('0');
  expect(text(i32.and(i32.and(any, k(0xf0f)), k(0xff)))).toBe('i32.and(any,15)');
  expect(text(i32.and(i32.or(i32.and(any, k(-256)), byte), k(0xff)))).toBe('byte');
  expect(text(i32.and(i32.or(any, byte), k(0xff)))).toBe('i32.and(i32.or(any,byte),255)');
  const written = i64.or(i64.and(wide, b.const64(-256)), i64.extend_i32_u(byte));
  expect(text(i32.and(i32.wrap_i64(written), k(0xff)))).toBe('byte');
  expect(text(i64.and(i64.extend_i32_u(byte), b.const64(-256)))).toBe('0');
  expect(text(i64.and(i64.extend_i32_u(any), b.const64(-256))).slice(0, 7)).toBe('i64.and');
  expect(text(i32.shl(i32.and(any, k(0xff)), k(24)))).toBe('i32.shl(any,24)');
  expect(text(i32.shl(i32.and(any, k(0xff)), k(23)))).toBe('i32.shl(i32.and(any,255),23)');
});
