import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockIndex } from '../../../src/cpu/workers/block-index.ts';

const memory = new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true });

test('finds what was added, whatever collides, and nothing else; clear empties it', () => {
  const index = new BlockIndex(memory);
  const reader = new BlockIndex(memory);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 0xffff_ffff }), { minLength: 2, maxLength: 3000 }), (pcs) => {
      const [missing, ...known] = pcs as [number, ...number[]];
      for (const [i, pc] of known.entries()) index.add(pc, i + 1);
      // the first record stays: a worker thread may have it
      for (const pc of known) index.add(pc, 0x7777);
      expect(known.map((pc) => reader.find(pc))).toEqual(known.map((_, i) => i + 1));
      expect(reader.find(missing)).toBe(0);
      index.clear();
      expect(reader.find(known[0] as number)).toBe(0);
      expect(index.isEmpty).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test('takes no more than half of its places, so that a search ends', () => {
  const index = new BlockIndex(memory);
  for (let pc = 1; pc <= 100_000; pc++) index.add(4 * pc, 1);
  expect(index.find(4)).toBe(1);
  expect(index.find(4 * 100_000)).toBe(0);
  index.clear();
});
