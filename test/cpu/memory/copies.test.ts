import { expect, test } from 'vitest';
import { createAddressSpace } from '../../../src/cpu/memory/address-space.ts';
import { PAGE_SIZE } from '../../../src/cpu/memory/layout.ts';

const RW = 3;
const P = PAGE_SIZE;
const AT = 0x1000_0000;

test('a copy of a process holds what the first one stored, in every part of a page', () => {
  const first = createAddressSpace();
  first.map({ addr: AT, length: 600 * P, prot: RW, fixed: true });
  const stored = new Map([0, 1, 15, 16, 63, 64, 4032, 4080, 4095].map((byte, i) => [AT + 7 * i * P + byte, i + 1]));
  for (const [address, value] of stored) first.u8[address] = value;
  const copy = createAddressSpace();
  copy.copyFrom(first);
  const part = (space: typeof first): Buffer => Buffer.from(space.u8.slice(AT, AT + 600 * P));
  expect(part(copy).equals(part(first))).toBe(true);
  // a space that another process has left
  copy.map({ addr: AT, length: 600 * P, prot: RW, fixed: true });
  copy.u8.fill(0xee, AT, AT + 600 * P);
  copy.release();
  copy.reset();
  copy.copyFrom(first);
  expect(part(copy).equals(part(first))).toBe(true);
});

test('what was never stored to costs a copy nothing', () => {
  const first = createAddressSpace();
  // of what is large only what was touched counts as used: see the large mappings of address-space.test.ts
  for (const at of [AT, AT + (32 << 20)]) first.map({ addr: at, length: 30 << 20, prot: RW, fixed: true });
  expect(first.touched).toBe(60 << 20);
  first.writeRange(AT + (32 << 20), 1)?.fill(1);
  const before = process.memoryUsage.rss();
  const copies = Array.from({ length: 8 }, () => createAddressSpace());
  for (const copy of copies) copy.copyFrom(first);
  expect(process.memoryUsage.rss() - before).toBeLessThan(256 << 20);
  expect(copies.map((copy) => copy.readRange(AT + (32 << 20), 1)?.[0])).toEqual(new Array(8).fill(1));
});
