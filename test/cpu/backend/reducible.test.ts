import { describe, expect, it } from 'vitest';
import { edgeKey } from '../../../src/cpu/backend/wasm/region/cfg.ts';
import { discover, type Region } from '../../../src/cpu/backend/wasm/region/discover.ts';
import { emitRegion } from '../../../src/cpu/backend/wasm/region/emit.ts';
import { successorAt } from '../../../src/cpu/backend/wasm/region/flow.ts';
import { reducible } from '../../../src/cpu/backend/wasm/region/reducible.ts';
import type { Block } from '../../../src/cpu/ir/block.ts';
import { REGION_IMPORTS, regionModule } from '../../../src/cpu/region-module.ts';
import { blockSource } from '../../support/block-source.ts';

/** A loop of two blocks that is entered at either: cbz x0, B; A: add x1, x1, #1; b B; B: sub x2, x2, #1; cbnz x2, A; ret. */
const LOOP = [0xb400_0060, 0x9100_0421, 0x1400_0001, 0xd100_0442, 0xb5ff_ffa2, 0xd65f_03c0];
const [START, A, B, LAST] = [0x1000, 0x1004, 0x100c, 0x1014] as const;

const code = new DataView(new ArrayBuffer(0x2000));
for (const [i, word] of LOOP.entries()) code.setUint32(START + 4 * i, word, true);
const source = blockSource(code);
const policy = {
  id: 1,
  runs: null,
  sp: 0,
  flagsCross: false,
  stackRun: true,
  exact: false,
  hoist: false,
  moving: false,
  fast: true,
  learns: true,
  precise: false,
  frame: [],
  flagFields: () => [],
};

describe('a loop with two entries', () => {
  const region = discover(START, source);
  if (!region) throw new Error('no region');
  const pcs = region.blocks.map(({ pc }) => pc);

  it('has one of its blocks twice, and no edge that leaves the region', () => {
    expect(region.cfg.irreducible.size).toBe(0);
    expect(pcs.length).toBe(new Set(pcs).size + 1);
    expect(pcs.filter((pc) => pc === A || pc === B)).toHaveLength(3);
  });

  it('goes where it went', () => {
    for (const [b, block] of region.blocks.entries()) {
      const to = (region.succs[b] as readonly number[]).map((s) => pcs[s]);
      const { terminal: t } = block;
      if (t.kind === 'branch') expect(to).toEqual([t.taken, t.next]);
      else if (t.kind === 'jump') expect(to).toEqual([t.target]);
    }
  });

  it('has operations of its own in each copy, and is valid WebAssembly', () => {
    expect(new Set(region.blocks.flatMap(({ ops }) => ops)).size).toBe(region.blocks.reduce((n, b) => n + b.ops.length, 0)); // biome-ignore format: one line
    const body = emitRegion(region, { ...REGION_IMPORTS, slot: () => 2 }, policy);
    expect(WebAssembly.validate(regionModule([body]).bytes)).toBe(true);
  });
});

describe('a loop with two entries that is too large to be there twice', () => {
  /** mul x1, x1, x3, and mul x2, x2, x3: nothing that several of would be one. */
  const [MUL1, MUL2, COUNT] = [0x9b03_7c21, 0x9b03_7c42, 420] as const;
  const large = new DataView(new ArrayBuffer(0x4000));
  const second = START + 8 + 4 * COUNT;
  const words = [
    0xb400_0000 | ((COUNT + 1) << 5), // cbz x0, second
    ...Array<number>(COUNT).fill(MUL1),
    0x1400_0001,
    ...Array<number>(COUNT).fill(MUL2),
    0xb500_0001 | ((-(2 * COUNT + 1) & 0x7ffff) << 5), // cbnz x1, the first
    0xd65f_03c0,
  ];
  for (const [i, word] of words.entries()) large.setUint32(START + 4 * i, word >>> 0, true);
  const region = discover(START, blockSource(large));
  if (!region) throw new Error('no region');
  const { blocks, succs, cfg, crossings } = region;

  it('is entered through a crossing alone, and none of its edges leaves the region', () => {
    expect(cfg.irreducible.size).toBe(0);
    expect(new Set(blocks.map(({ pc }) => pc)).size).toBe(blocks.length);
    const [crossing] = [...crossings] as [number];
    expect(crossings.size).toBe(1);
    expect(cfg.isLoop.flatMap((is, b) => (is ? [b] : []))).toEqual([crossing]);
    const entries = (succs[crossing] as readonly number[]).map((b) => blocks[b]?.pc);
    expect(entries.toSorted()).toEqual([START + 4, second]);
  });

  it('goes where it went', () => {
    for (const [b, { terminal: t }] of blocks.entries()) {
      if (crossings.has(b)) continue;
      const to = t.kind === 'branch' ? [t.taken, t.next] : t.kind === 'jump' ? [t.target] : [];
      for (const pc of to) {
        const s = successorAt(region, b, pc);
        const leadsThere = s !== undefined && (crossings.has(s) ? succs[s]?.some((e) => blocks[e]?.pc === pc) : blocks[s]?.pc === pc); // biome-ignore format: one line
        expect(leadsThere).toBe(true);
      }
    }
  });

  it('is valid WebAssembly', () => {
    const body = emitRegion(region, { ...REGION_IMPORTS, slot: () => 2 }, policy);
    expect(WebAssembly.validate(regionModule([body]).bytes)).toBe(true);
  });
});

describe('a loop with two entries behind a root that has to ask for its flags', () => {
  /** The region where the first instruction is b.eq B, and the last another one. */
  const regionWith = (last: number): Region => {
    code.setUint32(START, 0x5400_0060, true);
    code.setUint32(LAST, last, true);
    const region = discover(START, source);
    for (const [i, word] of LOOP.entries()) code.setUint32(START + 4 * i, word, true);
    if (!region) throw new Error('no region');
    return region;
  };

  it('stays as it is where it is in a loop through the root, which would ask at every turn', () => {
    const region = regionWith(0x17ff_fffb); // b START
    expect(region.blocks[0]?.readsFlags).toBe(true);
    expect(region.blocks).toHaveLength(4);
    expect(region.cfg.irreducible.size).toBe(1);
  });

  it('has one of its blocks twice where it is done once', () => {
    const region = regionWith(LOOP.at(-1) as number);
    expect(region.blocks[0]?.readsFlags).toBe(true);
    expect(region.blocks).toHaveLength(5);
    expect(region.cfg.irreducible.size).toBe(0);
  });
});

describe('reducible', () => {
  const block = (size: number): Block => {
    const b = source.lift(B, -1) as Block;
    return { ...b, ops: Array.from({ length: size }, () => b.ops[0] as Block['ops'][number]) };
  };
  /** 0 goes into the loop of 1 and 2 at both. */
  const succs = [[1, 2], [2], [1]];
  const run = (sizes: readonly number[], fixed = -1) => reducible(sizes.map(block), succs, fixed, (b) => ({ ...b }));

  it('copies nothing that is large or may not be there twice', () => {
    const copied = run([1, 5, 5]);
    expect(copied.blocks).toHaveLength(4);
    expect(copied.cfg.irreducible.size).toBe(0);
    expect(run([1, 500, 500]).blocks).toHaveLength(3);
    const kept = run([1, 5, 5], 1);
    expect(kept.blocks).toHaveLength(3);
    expect([...kept.cfg.irreducible]).toEqual([edgeKey(2, 1)]);
  });

  it('leaves a graph without such loops as it is', () => {
    const blocks = [1, 1, 1].map(block);
    expect(reducible(blocks, [[1], [2], [1]], -1, () => null)).toMatchObject({ blocks, succs: [[1], [2], [1]] });
  });
});
