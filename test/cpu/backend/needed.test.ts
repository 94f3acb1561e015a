import { expect, it } from 'vitest';
import { flagCopies } from '../../../src/cpu/backend/wasm/region/copies.ts';
import { discover } from '../../../src/cpu/backend/wasm/region/discover.ts';
import { neededRegisters } from '../../../src/cpu/backend/wasm/region/needed.ts';
import { has, type RegSet, registersOf } from '../../../src/cpu/backend/wasm/region/registers.ts';
import { armFacts } from '../../../src/cpu/frontend/arm/facts.ts';
import { createArm } from '../../../src/cpu/frontend/arm/frontend.ts';
import { State } from '../../../src/cpu/memory/layout.ts';
import { blockSource } from '../../support/block-source.ts';

const START = 0x1000;
/** loop: lsls r0, r0, #1; ldr r2, [r3]; cmp r0, r1; ldr r2, [r3, #4]; bne loop; bx lr */
const WORDS = [0xe1b00080, 0xe5932000, 0xe1500001, 0xe5932004, 0x1afffffa, 0xe12fff1e];

it('fields that the kind of the condition codes does not have are needed nowhere', () => {
  const memory = new DataView(new ArrayBuffer(0x2000));
  for (const [i, word] of WORDS.entries()) memory.setUint32(START + 4 * i, word, true);
  const frontEnd = createArm();
  const lift = (pc: number, flagsIn: number) => frontEnd.liftBlock(memory, pc, flagsIn, START + 4 * WORDS.length);
  const region = discover(START, blockSource(memory, { lift }));
  if (!region) throw new Error('no region');
  const known = registersOf(region, () => null, new Map());
  const policy = { flagsCross: true, precise: false, frame: [], flagFields: frontEnd.flagFields };
  const needed = neededRegisters(region, known, policy, flagCopies(region.blocks, region.succs, region.cfg));
  const fields = { C: State.CC_C, D: State.CC_D, A: State.CC_A, B: State.CC_B };
  const held = (set: RegSet | null): string[] =>
    Object.entries(fields).flatMap(([name, offset]) => {
      const register = known.byOffset.get(offset);
      return register && set && has(set, register.index) ? [name] : [];
    });
  const [first, second] = region.blocks[0]?.ops.filter(({ info }) => info.kind === 'load') ?? [];
  if (!first || !second) throw new Error('no loads');
  // LSLS keeps V of what was before
  expect(held(needed.before(first))).toEqual(['C', 'D', 'A', 'B']);
  expect(held(needed.before(second))).toEqual(['A', 'B']);
  expect(held(needed.behind[0] as RegSet)).toEqual(['A', 'B']);
});

it("the frame pointer is that of the code's instruction set", () => {
  const r = (n: number): number => State.REGS + 8 * n;
  const { frame } = armFacts();
  expect(frame(0x1000)).toEqual([11, 13, 14].map(r));
  expect(frame(0x1001)).toEqual([7, 13, 14].map(r));
});
