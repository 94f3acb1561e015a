import { describe, expect, it } from 'vitest';
import { planChecks } from '../../../src/cpu/backend/wasm/region/checks.ts';
import { discover } from '../../../src/cpu/backend/wasm/region/discover.ts';
import { createAddressSpace } from '../../../src/cpu/memory/address-space.ts';
import { State } from '../../../src/cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../src/cpu/memory/types.ts';
import { blockSource } from '../../support/block-source.ts';

const CODE = 0x1_0000;
/** loop: ldrb w2, [x0], #1; ldr w3, [x1, w2, uxtw #2]; eor w5, w5, w3; cmp x0, x4; b.ne loop; ret */
const WORDS = [0x38401402, 0xb8625823, 0x4a0300a5, 0xeb04001f, 0x54ffff81, 0xd65f03c0];
const x = (n: number): number => State.REGS + 8 * n;

describe('a table that a loop looks bytes up in', () => {
  const space = createAddressSpace();
  space.map({ addr: CODE, length: 0x1000, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  for (const [i, word] of WORDS.entries()) space.view.setUint32(CODE + 4 * i, word, true);
  const region = discover(CODE, blockSource(space.view));
  if (!region) throw new Error('no region');
  const plan = (hoist: boolean): { checked: string[]; hoisted: object[] } => {
    const { checks, hoists } = planChecks(region, region.cfg, { exact: false, hoist, moving: false, runs: null, sp: x(31), stackRun: false }); // biome-ignore format: one line
    return { checked: [...checks.keys()].map((v) => v.info.name), hoisted: [...hoists.values()].flat() };
  };

  it('is checked in front of it, from end to end', () => {
    const { checked, hoisted } = plan(true);
    expect(checked).toEqual(['i64.load8_u']);
    const low = { mask: 0, rest: 0 };
    const table = { offset: x(1), type: 'i64', upper: true, low, pages: true, min: 0, max: 255 * 4 + 4, write: false };
    expect(hoisted).toContainEqual(table);
  });

  it('is checked at each access where checks stay in the loop', () => {
    expect(plan(false).checked).toEqual(['i64.load8_u', 'i64.load32_u']);
  });
});

describe('a pointer that goes down', () => {
  const space = createAddressSpace();
  space.map({ addr: CODE, length: 0x1000, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  // str x0, [x1]; sub x1, x1, #8; str x0, [x1]; sub x1, x1, #16; str x0, [x1, #8]; ret
  const words = [0xf9000020, 0xd1002021, 0xf9000020, 0xd1004021, 0xf9000420, 0xd65f03c0];
  for (const [i, word] of words.entries()) space.view.setUint32(CODE + 4 * i, word, true);

  it('is checked once, for all that is stored', () => {
    const region = discover(CODE, blockSource(space.view));
    if (!region) throw new Error('no region');
    const policy = { exact: false, hoist: false, moving: false, runs: null, sp: x(31), stackRun: false };
    const { checks } = planChecks(region, region.cfg, policy);
    expect([...checks.values()].map(({ min, max, write }) => [min, max, write])).toEqual([[-16, 8, true]]);
  });
});

describe('a pointer that a loop does not move', () => {
  const space = createAddressSpace();
  space.map({ addr: CODE, length: 0x1000, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  // str x0, [x1]; str x0, [x2]; loop: ldr x3, [x1, #8]; ldr x3, [x2], #8; subs x0, x0, #1; b.ne loop; ret
  const words = [0xf9000020, 0xf9000040, 0xf9400423, 0xf8408443, 0xf1000400, 0x54ffffa1, 0xd65f03c0];
  /** The same with a call: bl loop in place of ldr x3, [x2], #8 */
  const calls = words.with(3, 0x97ffffff);
  const checked = (code: readonly number[]): number[] => {
    for (const [i, word] of code.entries()) space.view.setUint32(CODE + 4 * i, word, true);
    const region = discover(CODE, blockSource(space.view));
    if (!region) throw new Error('no region');
    const policy = { exact: false, hoist: false, moving: false, runs: null, sp: x(31), stackRun: false };
    return [...planChecks(region, region.cfg, policy).checks.keys()].map(({ pc }) => (pc - CODE) / 4);
  };

  it('is checked in front of it alone', () => {
    expect(checked(words)).toEqual([0, 1, 3]);
  });

  it('is checked again where the loop calls', () => {
    expect(checked(calls)).toEqual([0, 1, 2]);
  });
});
