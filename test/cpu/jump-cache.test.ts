import { expect, test } from 'vitest';
import { JumpCache } from '../../src/cpu/jump-cache.ts';
import { JUMP_CACHE_SIZE, JUMP_CACHE_VICTIM } from '../../src/cpu/memory/layout.ts';

const START = 0x1000;
const bytes = new Uint8Array(START + JUMP_CACHE_SIZE);
const view = new DataView(bytes.buffer);

/** The pc that translated code finds in the entry for another. */
const probed = (pc: number, victim = 0): number =>
  view.getUint32(START + ((((pc << 2) ^ (pc >>> 10)) & (JUMP_CACHE_SIZE - 16)) ^ victim), true);

const isEmpty = (jumps: JumpCache): void => {
  expect([...jumps.all()]).toEqual([]);
  for (const pc of [0, 4, 0x10_0000, 0xffff_ffff, 0xffff_fff0]) {
    expect(jumps.find(pc)).toBe(0);
    // an empty entry must not look like one of a program that jumps to address 0
    for (const victim of [0, JUMP_CACHE_VICTIM]) expect(probed(pc, victim)).not.toBe(pc);
  }
};

test('memory that nobody has written to is an empty jump cache, as one that was cleared is', () => {
  const jumps = new JumpCache(view, START);
  jumps.begin();
  isEmpty(jumps);
  jumps.put(0x40_0000, 3, 0x100_0040);
  jumps.put(0, 4, 0x100_0080);
  expect([jumps.find(0x40_0000), jumps.find(0)]).toEqual([0x100_0040, 0x100_0080]);
  expect([...jumps.all()].length).toBe(2);
  jumps.clear((start, length, value) => void bytes.fill(value, start, start + length));
  isEmpty(jumps);
});

test('what was in an entry goes to its victim', () => {
  const jumps = new JumpCache(view, START);
  jumps.begin();
  // the same low bits, and so the same entry
  const [first, second] = [0x40_0000, 0x40_0000 + (JUMP_CACHE_SIZE << 10)];
  jumps.put(first, 3, 0x100_0040);
  jumps.put(second, 4, 0x100_0080);
  expect([jumps.find(first), jumps.find(second)]).toEqual([0x100_0040, 0x100_0080]);
  jumps.move(first, 9);
  expect(probed(first, JUMP_CACHE_VICTIM)).toBe(first);
});
