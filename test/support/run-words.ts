import { expect, vi } from 'vitest';
import { Cpu } from '../../src/cpu/cpu.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import type { StoredRegion } from '../../src/cpu/region-store.ts';
import { interpreter } from '../../src/interpreter-bytes.ts';

/** Where the words lie; the program begins there. */
export const CODE = 0x1_0000;

export interface Outcome {
  readonly pc: number;
  /** x0 to x3. */
  readonly registers: readonly number[];
  /** The region at the place asked for, if one is in use. */
  readonly region: StoredRegion | undefined;
  /** How often a call returned elsewhere than behind itself. */
  readonly elsewhere: number;
}

/**
 * Runs AArch64 words until they fault, as if the program had run long before, so that regions are made at once; `registers`
 * by their numbers, `at` a place whose region is asked for.
 */
export const runWords = (
  words: readonly number[],
  tier: 'auto' | 'cold',
  registers: Readonly<Record<number, bigint>>,
  at: number = CODE,
): Outcome => {
  const space = createAddressSpace();
  space.map({ addr: CODE, length: 0x1000, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  for (const [i, word] of words.entries()) space.view.setUint32(CODE + 4 * i, word, true);
  const cpu = new Cpu(space, createAarch64(), interpreter({ addressType: 'i64' }));
  cpu.setTier(tier);
  cpu.regions.store.warmUp.earlierMs = Number.POSITIVE_INFINITY;
  cpu.pc = CODE;
  const register = (n: number): number => State.REGS + 8 * n + cpu.state;
  for (const [n, value] of Object.entries(registers)) cpu.view.setBigUint64(register(Number(n)), value, true);
  const arrive = vi.spyOn(cpu.cache, 'arrive');
  for (let exit = cpu.run(); exit !== Exit.FAULT; exit = cpu.run()) expect(exit).toBe(Exit.INTERRUPT);
  return {
    pc: cpu.pc,
    registers: [0, 1, 2, 3].map((n) => Number(cpu.view.getBigUint64(register(n), true))),
    region: cpu.regions.slotOf(at) === undefined ? undefined : cpu.regions.store.get(at),
    elsewhere: arrive.mock.calls.length,
  };
};
