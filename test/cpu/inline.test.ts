import { describe, expect, it } from 'vitest';
import { discover } from '../../src/cpu/backend/wasm/region/discover.ts';
import { Cpu } from '../../src/cpu/cpu.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { interpreter } from '../../src/interpreter-bytes.ts';
import { blockSource } from '../support/block-source.ts';

const CODE = 0x1_0000;
/** loop: bl leaf; add x1, x1, x3; subs x0, x0, #1; b.ne loop; brk #0 */
const LOOP = [0x9400_0005, 0x8b03_0021, 0xf100_0400, 0x54ff_ffa1, 0xd420_0000];
const BEHIND = CODE + 4;
const BREAK = CODE + 16;
const LEAF = CODE + 20;
/** leaf: tbnz w0, #0, odd; mov x3, #5; ret; odd: mov x3, #3; ret */
const LEAF_WORDS = [0x3700_0060, 0xd280_00a3, 0xd65f_03c0, 0xd280_0063, 0xd65f_03c0];
/** The same, but every 1024 turns it returns to the SUBS: tst x0, #0x3ff; b.ne usual; add x30, x30, #4; usual: mov x3, #5; ret */
const SOMETIMES_ELSEWHERE = [0xf240_241f, 0x5400_0041, 0x9100_13de, 0xd280_00a3, 0xd65f_03c0];
/** leaf: cbz x0, other; ret; other: b leaf */
const LOOPS = [0xb400_0040, 0xd65f_03c0, 0x17ff_fffe];
const TURNS = 100_000;

const put = (code: DataView, words: readonly number[]): void => {
  for (const [i, word] of words.entries()) code.setUint32(CODE + 4 * i, word, true);
};

/** x0 to x3, and whether the leaf was hot by itself. */
const run = (leaf: readonly number[], tier: 'auto' | 'cold'): { registers: number[]; compiled: boolean } => {
  const space = createAddressSpace();
  space.map({ addr: CODE, length: 0x1000, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  put(space.view, [...LOOP, ...leaf]);
  const cpu = new Cpu(space, createAarch64(), interpreter({ addressType: 'i64' }));
  cpu.setTier(tier);
  cpu.regions.store.warmUp.earlierMs = Number.POSITIVE_INFINITY;
  cpu.pc = CODE;
  const register = (n: number): number => State.REGS + 8 * n + cpu.state;
  cpu.view.setBigUint64(register(0), BigInt(TURNS), true);
  for (let exit = cpu.run(); exit !== Exit.FAULT; exit = cpu.run()) expect(exit).toBe(Exit.INTERRUPT);
  expect(cpu.pc).toBe(BREAK);
  const registers = [0, 1, 2, 3].map((n) => Number(cpu.view.getBigUint64(register(n), true)));
  return { registers, compiled: cpu.regions.slotOf(CODE) !== undefined };
};

describe('a small function in place of its call', () => {
  const blocksOf = (leaf: readonly number[]): number[] => {
    const code = new DataView(new ArrayBuffer(CODE + 0x1000));
    put(code, [...LOOP, ...leaf]);
    const region = discover(CODE, blockSource(code, { isFunction: (pc) => pc === CODE || pc === LEAF }));
    if (!region) throw new Error('no region');
    const { blocks, succs } = region;
    for (const [b, { terminal: t }] of blocks.entries()) {
      if (t.kind !== 'jumpIndirect') continue;
      expect(t.expected).toBe(BEHIND);
      expect((succs[b] as readonly number[]).map((s) => blocks[s]?.pc)).toEqual([BEHIND]);
    }
    return blocks.map(({ pc }) => pc).sort();
  };

  it('is part of the region', () => {
    expect(blocksOf(LEAF_WORDS)).toEqual([CODE, BEHIND, BREAK, LEAF, LEAF + 4, LEAF + 12]);
  });

  it('is not where it has a loop', () => {
    expect(blocksOf(LOOPS)).toEqual([CODE, BEHIND, BREAK]);
  });

  it.for([
    ['returns behind its call', LEAF_WORDS, (TURNS / 2) * (5 + 3)],
    ['sometimes returns elsewhere', SOMETIMES_ELSEWHERE, (TURNS - Math.floor(TURNS / 1024)) * 5],
  ] as const)('does what it did, if it %s', ([, leaf, sum]) => {
    const cold = run(leaf, 'cold');
    const hot = run(leaf, 'auto');
    expect(cold.registers[1]).toBe(sum);
    expect(hot.registers).toEqual(cold.registers);
    expect([hot.compiled, cold.compiled]).toEqual([true, false]);
  });
});
