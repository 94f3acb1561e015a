import { describe, expect, it } from 'vitest';
import { discover } from '../../src/cpu/backend/wasm/region/discover.ts';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { Exit } from '../../src/cpu/memory/layout.ts';
import { blockSource } from '../support/block-source.ts';
import { CODE, processor, registerOf, setRegisters } from '../support/run-words.ts';

/**
 * loop: and x4, x0, #7; ldr x5, [x6, x4, lsl #3]; blr x5; add x1, x1, x3; subs x0, x0, #1; b.ne loop; brk #0; and eight
 * functions: mov x3, #n; ret; six are more than are put in place of an indirect call
 */
const LOOP = [0x92400804, 0xf86478c5, 0xd63f00a0, 0x8b030021, 0xf1000400, 0x54ffff61, 0xd4200000, 0xd503201f];
const RET = 0xd65f03c0;
const movX3 = (n: number): number => 0xd2800003 | (n << 5);
const CALLED = 6;
const FUNCTIONS = Array.from({ length: 8 }, (_, i) => CODE + 4 * LOOP.length + 8 * i);
const WORDS = [...LOOP, ...FUNCTIONS.flatMap((_, i) => [movX3(i + 1), RET])];
const [FIRST, , , , , , SEVENTH] = FUNCTIONS as [number, number, number, number, number, number, number];
const BREAK = CODE + 24;
const TABLE = CODE + 0x800;

const point = (cpu: Cpu, i: number, to: bigint): void => cpu.space.view.setBigUint64(TABLE + 8 * i, to, true);

/** Calls what the table has, `turns` times. */
const run = (cpu: Cpu, turns: number): unknown => {
  cpu.pc = CODE;
  setRegisters(cpu, { 0: BigInt(turns), 1: 0n, 6: BigInt(TABLE) });
  for (let exit = cpu.run(); exit !== Exit.FAULT; exit = cpu.run()) expect(exit).toBe(Exit.INTERRUPT);
  return { pc: cpu.pc, registers: [0, 1, 3].map((n) => registerOf(cpu, n)) };
};

const promote = (cpu: Cpu, pc: number): void => {
  expect(cpu.regions.compile([pc]).map(({ stored }) => stored.pc)).toEqual([pc]);
};

/** A processor where the loop has called six of the functions; and, where that is asked for, has a region for it. */
const machine = (hot: boolean): Cpu => {
  const cpu = processor(WORDS);
  cpu.setTier('cold');
  cpu.cache.entries.hotAfter = 8000;
  for (let i = 0; i < 8; i++) point(cpu, i, BigInt(FUNCTIONS[i % CALLED] as number));
  run(cpu, 4000);
  if (hot) promote(cpu, CODE);
  return cpu;
};

/** What all runs of `steps` end with, in both tiers. */
const inBoth = (steps: (cpu: Cpu, hot: boolean) => unknown[]): unknown[] => {
  const cold = steps(machine(false), false);
  expect(steps(machine(true), true)).toEqual(cold);
  return cold;
};

const sumOf = (outcome: unknown): number => Number((outcome as { registers: bigint[] }).registers[1]);

describe('an indirect call that often goes to the same functions', () => {
  it('is compared with those of them that are usual, with no more than 32', () => {
    const code = new DataView(new ArrayBuffer(CODE + 0x1000));
    for (const [i, word] of WORDS.entries()) code.setUint32(CODE + 4 * i, word, true);
    const likely = (targets: readonly number[]): unknown => {
      const isUsual = (pc: number): boolean => pc !== FIRST;
      const region = discover(CODE, blockSource(code, { jumpTargets: () => targets, isUsual }));
      const call = region?.blocks.map(({ terminal: t }) => t).find(({ kind }) => kind === 'callIndirect');
      return call?.kind === 'callIndirect' ? call.likely : null;
    };
    expect(likely(FUNCTIONS)).toEqual(FUNCTIONS.slice(1));
    expect(likely([])).toBeUndefined();
    // one or two are left to the jump cache
    expect(likely(FUNCTIONS.slice(0, 3))).toBeUndefined();
    const many = Array.from({ length: 40 }, (_, i) => SEVENTH + 8 * i);
    expect(likely(many)).toEqual(many.slice(0, 32));
  });

  it('finds their places in the table without the jump cache', () => {
    const { slots } = machine(true).regions.store;
    expect(FUNCTIONS.filter((pc) => slots.has(pc))).toEqual(FUNCTIONS.slice(0, CALLED));
  });

  it('calls the regions that they have by then, and functions that are no such', () => {
    const [few, all] = inBoth((cpu, hot) => {
      if (hot) promote(cpu, FIRST);
      const before = run(cpu, 800);
      for (let i = CALLED; i < 8; i++) point(cpu, i, BigInt(FUNCTIONS[i] as number));
      return [before, run(cpu, 800)];
    });
    expect([sumOf(few), sumOf(all)]).toEqual([100 * (21 + 3), 100 * 36]);
  });

  it('calls what is there where code has changed, and what is compiled of that', () => {
    const [, changed, compiled] = inBoth((cpu, hot) => {
      if (hot) promote(cpu, FIRST);
      const before = run(cpu, 800);
      cpu.space.view.setUint32(FIRST, movX3(50), true);
      expect(cpu.invalidateCode(FIRST, 4)).toBe(true);
      const after = run(cpu, 800);
      if (hot) promote(cpu, FIRST);
      return [before, after, run(cpu, 800)];
    });
    expect([sumOf(changed), sumOf(compiled)]).toEqual([100 * (24 + 2 * 49), 100 * (24 + 2 * 49)]);
  });

  it('goes on where a function returns to, if that is elsewhere', () => {
    const [outcome] = inBoth((cpu) => {
      // the sixth: add x30, x30, #4; ret
      cpu.space.view.setUint32(FUNCTIONS[5] as number, 0x910013de, true);
      cpu.invalidateCode(FUNCTIONS[5] as number, 4);
      return [run(cpu, 800)];
    });
    expect(outcome).toMatchObject({ pc: BREAK, registers: [0n, BigInt(100 * (24 - 6)), 2n] });
  });

  it('does not call them by addresses with upper bits besides', () => {
    const [outcome] = inBoth((cpu) => {
      point(cpu, 3, 0x1_0000_0000n + BigInt(FUNCTIONS[3] as number));
      return [run(cpu, 800)];
    });
    expect(outcome).toMatchObject({ registers: [795n, 1n + 2n + 1n + 6n + 5n, 5n] });
  });
});
