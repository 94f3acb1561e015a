import { expect, test } from 'vitest';
import { DISPATCH_SLOT } from '../../src/cpu/backend/interpreter/contract.ts';
import { JumpCache } from '../../src/cpu/jump-cache.ts';
import { Exit, JUMP_CACHE_SIZE, JUMP_CACHE_VICTIM, State } from '../../src/cpu/memory/layout.ts';
import { CODE, PAGE, processor, RWX, registerOf } from '../support/run-words.ts';

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

test('the dispatcher puts what it finds at a victim back, and goes into its region', () => {
  /** add x0, x0, #1, and what is no instruction */
  const words = [0x91000400, 0];
  const cpu = processor(words);
  const other = CODE + (JUMP_CACHE_SIZE << 10);
  cpu.space.map({ addr: other, length: PAGE, prot: RWX, fixed: true });
  for (const [i, word] of words.entries()) cpu.space.view.setUint32(other + 4 * i, word, true);
  const run = (pc: number): void => {
    cpu.pc = pc;
    expect([cpu.run(), cpu.pc]).toEqual([Exit.FAULT, pc + 4]);
  };
  const dispatch = cpu.table.get(DISPATCH_SLOT) as (state: number, depth: number) => number;
  /** As regions go to what they do not find. */
  const goTo = (pc: number): void => {
    cpu.pc = pc;
    expect([dispatch(cpu.state, 0), cpu.pc]).toEqual([-1, pc + 4]);
  };
  /** What is in the entry and its victim. */
  const entries = (): number[] => {
    const at = cpu.view.getUint32(cpu.state + State.JUMP_CACHE, true) + (((CODE << 2) ^ (CODE >>> 10)) & (JUMP_CACHE_SIZE - 16)); // biome-ignore format: one line
    return [at, at ^ JUMP_CACHE_VICTIM].map((entry) => cpu.view.getUint32(entry, true));
  };
  run(CODE);
  run(other);
  expect(entries()).toEqual([other, CODE]);
  goTo(CODE);
  expect(entries()).toEqual([CODE, other]);
  goTo(CODE);
  expect(entries()).toEqual([CODE, other]);
  cpu.setTier('hot');
  goTo(other);
  for (let n = 0; cpu.regions.slotOf(CODE) === undefined; n++) {
    if (n > 20_000) throw new Error('no region');
    goTo(CODE);
  }
  const before = registerOf(cpu, 0);
  goTo(other);
  goTo(CODE);
  expect(registerOf(cpu, 0)).toBe(before + 2n);
  expect(entries()).toEqual([CODE, other]);
});
