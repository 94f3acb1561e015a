import { expect, it } from 'vitest';
import { discover, type Region } from '../../src/cpu/backend/wasm/region/discover.ts';
import { blockSource } from '../support/block-source.ts';
import { CODE, runWords } from '../support/run-words.ts';

/** outer: mov x2, #100; inner: add x1, x1, x2; subs x2, x2, #1; b.ne inner; subs x0, x0, #1; b.ne outer; brk #0 */
const NESTED = [0xd280_0c82, 0x8b02_0021, 0xf100_0442, 0x54ff_ffc1, 0xf100_0400, 0x54ff_ff61, 0xd420_0000];
const INNER = CODE + 4;
/** loop: sub x0, x0, #1; tbnz w0, #0, odd; cbnz x0, loop; brk #0; odd: add x1, x1, #1; b loop */
const CONTINUES = [0xd100_0400, 0x3700_0060, 0xb5ff_ffc0, 0xd420_0000, 0x9100_0421, 0x17ff_fffb];

const regionOf = (words: readonly number[], root: number): Region => {
  const code = new DataView(new ArrayBuffer(CODE + 0x1000));
  for (const [i, word] of words.entries()) code.setUint32(CODE + 4 * i, word, true);
  const region = discover(root, blockSource(code));
  if (!region) throw new Error('no region');
  return region;
};

it('the loop around the one that a region begins with has a header of its own', () => {
  const { blocks, succs, cfg } = regionOf(NESTED, INNER);
  const root = blocks.length - 1;
  expect([blocks[0]?.pc, blocks[0]?.ops.length, succs[0]]).toEqual([INNER, 0, [root]]);
  expect([cfg.isLoop[0], cfg.isLoop[root], blocks[root]?.pc]).toEqual([true, true, INNER]);
  // its own way back, and that of the block which has a turn of it in front
  expect(succs[root]).toContain(root);
  expect(succs.filter((next) => next.includes(0))).toHaveLength(1);
});

it('two ways back of one loop stay as they are', () => {
  const { blocks, succs } = regionOf(CONTINUES, CODE);
  expect(blocks[0]?.ops.length).toBeGreaterThan(0);
  expect(succs.filter((next) => next.includes(0))).toHaveLength(2);
});

it('loops in loops end as they did', () => {
  const [turns, inner] = [20_000, 100];
  const [cold, hot] = (['cold', 'auto'] as const).map((tier) => runWords(NESTED, tier, { 0: BigInt(turns) }, INNER));
  expect(cold?.registers).toEqual([0, (turns * inner * (inner + 1)) / 2, 0, 0]);
  expect([hot?.registers, hot?.pc]).toEqual([cold?.registers, cold?.pc]);
  expect([hot?.region?.pc, cold?.region]).toEqual([INNER, undefined]);
});
