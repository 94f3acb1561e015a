import { expect, vi } from 'vitest';
import { Cpu } from '../../src/cpu/cpu.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import type { FrontEnd } from '../../src/cpu/frontend/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import type { RegionStore, StoredRegion } from '../../src/cpu/region-store.ts';
import { interpreter } from '../../src/interpreter-bytes.ts';

/** Where the words lie; the program begins there. */
export const CODE = 0x1_0000;
export const PAGE = 0x1000;
export const RWX: number = PROT_READ | PROT_WRITE | PROT_EXEC;

export interface Setup {
  readonly frontEnd?: FrontEnd;
  /** Bytes from CODE on, the words included. */
  readonly length?: number;
  /** Regions of a process before. */
  readonly store?: RegionStore;
}

/** A processor with a program, as if that had run long before, so that regions are made at once. */
export const processor = (words: readonly number[], setup: Setup = {}): Cpu => {
  const { frontEnd = createAarch64(), length = PAGE, store } = setup;
  const space = createAddressSpace();
  space.map({ addr: CODE, length, prot: RWX, fixed: true });
  for (const [i, word] of words.entries()) space.view.setUint32(CODE + 4 * i, word, true);
  const cpu = new Cpu(space, frontEnd, interpreter(frontEnd));
  if (store !== undefined) cpu.regions.use(store);
  cpu.regions.store.warmUp.earlierMs = Number.POSITIVE_INFINITY;
  cpu.pc = CODE;
  return cpu;
};

const register = (cpu: Cpu, n: number): number => State.REGS + 8 * n + cpu.state;

/** A general register's 64 bits. */
export const registerOf = (cpu: Cpu, n: number): bigint => cpu.view.getBigUint64(register(cpu, n), true);

/** Sets general registers, by their numbers. */
export const setRegisters = (cpu: Cpu, values: Readonly<Record<number, bigint>>): void => {
  for (const [n, value] of Object.entries(values)) cpu.view.setBigUint64(register(cpu, Number(n)), value, true);
};

export interface Outcome {
  readonly pc: number;
  /** x0 to x3. */
  readonly registers: readonly number[];
  /** The region at the place asked for, if one is in use. */
  readonly region: StoredRegion | undefined;
  /** How often a call returned elsewhere than behind itself. */
  readonly elsewhere: number;
}

/** Runs AArch64 words until they fault; `registers` by their numbers, `at` a place whose region is asked for. */
export const runWords = (
  words: readonly number[],
  tier: 'auto' | 'cold',
  registers: Readonly<Record<number, bigint>>,
  at: number = CODE,
): Outcome => {
  const cpu = processor(words);
  cpu.setTier(tier);
  setRegisters(cpu, registers);
  const arrive = vi.spyOn(cpu.cache, 'arrive');
  for (let exit = cpu.run(); exit !== Exit.FAULT; exit = cpu.run()) expect(exit).toBe(Exit.INTERRUPT);
  return {
    pc: cpu.pc,
    registers: [0, 1, 2, 3].map((n) => Number(registerOf(cpu, n))),
    region: cpu.regions.slotOf(at) === undefined ? undefined : cpu.regions.store.get(at),
    elsewhere: arrive.mock.calls.length,
  };
};
