import { describe, expect, it } from 'vitest';
import { discover } from '../../src/cpu/backend/wasm/region/discover.ts';
import { Policy } from '../../src/cpu/region-store.ts';
import { blockSource } from '../support/block-source.ts';
import { CODE, type Outcome, runWords } from '../support/run-words.ts';

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
/** From the turn on that bit 16 of x0 is clear in: leaf: tbz w0, #16, rare; mov x3, #5; ret; rare: mov x3, #3; ret */
const LATER = [0x3680_0060, 0xd280_00a3, 0xd65f_03c0, 0xd280_0063, 0xd65f_03c0];
/** leaf: mov x3, #5; b other; other: add x3, x3, #1; ret */
const TAIL = [0xd280_00a3, 0x1400_0001, 0x9100_0463, 0xd65f_03c0];
const OTHER = LEAF + 8;
/** leaf: adrp x16, CODE; ldr x17, [x16, #40]; br x17; linked: mov x3, #5; ret; its address */
const LINK = [0x9000_0010, 0xf940_1611, 0xd61f_0220, 0xd280_00a3, 0xd65f_03c0, LEAF + 12, 0];
/**
 * It calls what x6 points to, and once bit 16 of x0 is clear what x7 does. loop: tst x0, #0x10000; csel x5, x6, x7, ne;
 * blr x5; add x1, x1, x3; subs x0, x0, #1; b.ne loop; brk #0; first: mov x3, #5; ret; second: mov x3, #3; ret
 */
const INDIRECT = [
  0xf270_001f, 0x9a87_10c5, 0xd63f_00a0, 0x8b03_0021, 0xf100_0400, 0x54ff_ff61, 0xd420_0000, 0xd280_00a3, 0xd65f_03c0,
  0xd280_0063, 0xd65f_03c0,
];
const [FIRST, SECOND] = [CODE + 28, CODE + 36];
/** All of the loop but BRK. */
const LOOPS_CODE = [CODE, CODE + 24];
const TURNS = 100_000;
/** Turns in which bit 16 is set: they are first. */
const EARLY = TURNS - 0xffff;

const put = (code: DataView, words: readonly number[]): void => {
  for (const [i, word] of words.entries()) code.setUint32(CODE + 4 * i, word, true);
};

const run = (words: readonly number[], tier: 'auto' | 'cold', pointers: readonly bigint[] = [0n, 0n]): Outcome =>
  runWords(words, tier, { 0: BigInt(TURNS), 6: pointers[0] as bigint, 7: pointers[1] as bigint });

describe('a small function in place of its call', () => {
  const blocksOf = (leaf: readonly number[], functions = [CODE, LEAF]): number[] => {
    const code = new DataView(new ArrayBuffer(CODE + 0x1000));
    put(code, [...LOOP, ...leaf]);
    const region = discover(CODE, blockSource(code, { isFunction: (pc) => functions.includes(pc) }));
    if (!region) throw new Error('no region');
    const { blocks, succs } = region;
    for (const [b, { terminal: t }] of blocks.entries()) {
      if (t.kind === 'jumpIndirect') expect(t.expected).toBe(BEHIND);
      else if (t.kind !== 'call' || !t.isRest) continue;
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
    ['goes later where it never went', LATER, EARLY * 5 + (TURNS - EARLY) * 3],
    ['ends by a jump to another function', TAIL, TURNS * 6],
    ['ends by a jump to what is in a place of memory', LINK, TURNS * 5],
  ] as const)('does what it did, if it %s', ([, leaf, sum]) => {
    const cold = run([...LOOP, ...leaf], 'cold');
    const hot = run([...LOOP, ...leaf], 'auto');
    expect(cold.pc).toBe(BREAK);
    expect(cold.registers[1]).toBe(sum);
    expect([hot.pc, hot.registers]).toEqual([cold.pc, cold.registers]);
    expect([hot.region !== undefined, cold.region]).toEqual([true, undefined]);
    // what is called of it comes back behind the call; the place of memory is beside the end of a mapping, and missed at first
    if (leaf !== SOMETIMES_ELSEWHERE && leaf !== LINK) expect(hot.elsewhere).toBe(0);
  });

  it('ends by a call of what it jumps to', () => {
    expect(blocksOf(TAIL, [CODE, LEAF, OTHER])).toEqual([CODE, BEHIND, BREAK, LEAF, OTHER]);
  });

  it('ends by a call of what the entry of a procedure linkage table jumps to, wherever that was seen to be', () => {
    expect(blocksOf(LINK)).toEqual([CODE, BEHIND, BREAK, LEAF]);
  });
});

describe('a function in place of an indirect call', () => {
  const policyOf = ({ region }: Outcome): number => (region?.policy ?? 0) & Policy.CALLS_MORE;
  const rangesOf = ({ region }: Outcome): number[] => [...(region?.ranges ?? [])];
  const FUNCTIONS = [BigInt(FIRST), BigInt(SECOND)];

  it('is one that was called, and later another one beside it', () => {
    const cold = run(INDIRECT, 'cold', FUNCTIONS);
    const hot = run(INDIRECT, 'auto', FUNCTIONS);
    expect(cold.registers[1]).toBe(EARLY * 5 + (TURNS - EARLY) * 3);
    expect(hot.registers).toEqual(cold.registers);
    expect(policyOf(hot)).toBe(Policy.CALLS_MORE);
    expect(rangesOf(hot)).toEqual([...LOOPS_CODE, FIRST, SECOND + 8]);
  });

  it('alone is in the region where all calls go there', () => {
    const hot = run(INDIRECT, 'auto', [FUNCTIONS[0] as bigint, FUNCTIONS[0] as bigint]);
    expect(hot.registers[1]).toBe(TURNS * 5);
    expect([policyOf(hot), rangesOf(hot)]).toEqual([0, [...LOOPS_CODE, FIRST, SECOND]]);
  });

  it('is not called by an address that has upper bits besides', () => {
    const wild = [FUNCTIONS[0] as bigint, 0x1_0000_0000n + BigInt(FIRST)];
    const cold = run(INDIRECT, 'cold', wild);
    const hot = run(INDIRECT, 'auto', wild);
    expect(cold.registers[0]).toBe(0xffff);
    expect([hot.pc, hot.registers]).toEqual([cold.pc, cold.registers]);
  });
});
