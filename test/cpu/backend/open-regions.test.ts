import { describe, expect, it } from 'vitest';
import { type BlockSource, discover } from '../../../src/cpu/backend/wasm/region/discover.ts';
import { emitRegion } from '../../../src/cpu/backend/wasm/region/emit.ts';
import { lastByte } from '../../../src/cpu/ir/block.ts';
import { REGION_IMPORTS, regionModule } from '../../../src/cpu/region-module.ts';
import { blockSource } from '../../support/block-source.ts';

/** Operations of an interpreter: add x0, x0, #n; ldr x3, [x1], #8; br x3. */
const OPERATION = [0x91000400, 0xf8408423, 0xd61f0060];
const RET = 0xd65f03c0;
const [A, B, C] = [0x1000, 0x1010, 0x9000] as const;

const code = new DataView(new ArrayBuffer(0x10000));
for (const at of [A, B, C]) for (const [i, word] of OPERATION.entries()) code.setUint32(at + 4 * i, word, true);
/** A switch outside a loop: one case returns, the other too. */
const SWITCH = 0x2000;
code.setUint32(SWITCH, 0xd61f0060, true);
code.setUint32(SWITCH + 4, RET, true);
code.setUint32(SWITCH + 8, RET, true);

/** Each operation of the interpreter was seen to go where `seen` says. */
const sourceOf = (seen: Readonly<Record<number, readonly number[]>>): BlockSource =>
  blockSource(code, {
    jumpTargets: (block) => seen[block.pc] ?? [],
    wentTo: (site, pc) => Object.values(seen).some((list) => site >= 0 && list.includes(pc)),
  });

describe('a region of an interpreter', () => {
  const source = sourceOf({ [A]: [B], [B]: [A, C], [C]: [A] });

  it('has its operations as entries, and begins where they meet', () => {
    const region = discover(A, source);
    expect(region).toMatchObject({ root: A, dispatch: 0, entries: [B, C], isFull: false });
    expect(region?.succs[0]).toHaveLength(3);
    expect(region?.blocks.slice(1).map(({ pc }) => pc)).toEqual([A, B, C]);
  });

  it('is valid WebAssembly, with operations near each other and far apart', () => {
    for (const seen of [
      { [A]: [B], [B]: [A] },
      { [A]: [B], [B]: [A, C], [C]: [A] },
    ]) {
      const region = discover(A, sourceOf(seen));
      if (!region) throw new Error('no region');
      const policy = {
        id: 1,
        runs: null,
        sp: 0,
        flagsCross: false,
        precise: false,
        frame: [],
        flagFields: () => [],
        stackRun: true,
        exact: false,
        hoist: false,
        moving: false,
        fast: true,
        learns: true,
      };
      const body = emitRegion(region, { ...REGION_IMPORTS, slot: () => 2 }, policy);
      expect(WebAssembly.validate(regionModule([body]).bytes)).toBe(true);
    }
  });

  it('has room for operations that are rare behind those that are not', () => {
    const all = Array.from({ length: 200 }, (_, i) => 0x4000 + 16 * i);
    for (const at of all) for (const [i, word] of OPERATION.entries()) code.setUint32(at + 4 * i, word, true);
    const usual = all.slice(-20);
    const many = sourceOf(Object.fromEntries([A, ...all].map((pc) => [pc, all])));
    const region = discover(A, { ...many, isUsual: (pc) => usual.includes(pc) });
    expect(region?.isFull).toBe(true);
    expect(usual.filter((pc) => !region?.entries.includes(pc))).toEqual([]);
    expect(region?.entries.length).toBeGreaterThan(100);
  });

  it('leaves the jumps of another region alone', () => {
    const open = { ownerOf: () => B, entriesOf: () => [] };
    expect(discover(A, source, open)).toMatchObject({ dispatch: -1, entries: [] });
  });

  it('keeps the entries it had, which this process may not have run', () => {
    const other = sourceOf({ [A]: [B], [B]: [A] });
    const open = {
      ownerOf: (block: Parameters<typeof lastByte>[0]) => (lastByte(block) < 0x10000 ? A : undefined),
      entriesOf: () => [C, B],
    };
    const hasRun = (pc: number): boolean => pc !== C;
    expect(discover(A, { ...other, hasRun })?.entries).toEqual([B]);
    expect(new Set(discover(A, { ...other, hasRun }, open)?.entries)).toEqual(new Set([B, C]));
  });

  it('is not made of a switch that no loop leads back to', () => {
    const region = discover(SWITCH, sourceOf({ [SWITCH]: [SWITCH + 4, SWITCH + 8] }));
    expect(region).toMatchObject({ dispatch: 3, entries: [] });
  });
});
