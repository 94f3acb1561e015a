import { expect, it } from 'vitest';
import { spans } from '../../src/cpu/region-ranges.ts';

it('what lies between near ranges belongs to them, not what lies before a part that is far away', () => {
  const ranges = Uint32Array.of(0x1000, 0x1100, 0x1800, 0x1900, 0x9000, 0x9010);
  const inside = [0x1000, 0x10ff, 0x1400, 0x18ff, 0x9000];
  const outside = [0xfff, 0x1900, 0x5000, 0x9010];
  expect([...inside, ...outside].filter((address) => spans(ranges, address))).toEqual(inside);
  expect(spans(new Uint32Array(0), 0)).toBe(false);
});
