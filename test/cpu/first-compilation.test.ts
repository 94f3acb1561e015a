import { expect, test } from 'vitest';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { Exit } from '../../src/cpu/memory/layout.ts';
import { PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { writeRegions } from '../../src/cpu/region-image.ts';
import { Policy, type RegionStore } from '../../src/cpu/region-store.ts';
import { joined, keptRegions } from '../support/kept-regions.ts';
import { CODE, PAGE, processor, registerOf, setRegisters } from '../support/run-words.ts';

const DATA = 0x2_0000;
/** The middle of the only page, and its last word. */
const [INSIDE, LAST] = [DATA + 8, DATA + PAGE - 8];
const VERSION = 1;
/** l: add x5, x0, #0; ldr x2, [x5]; add x1, x1, x2; subs x3, x3, #1; b.ne l; brk #0 */
const WORDS = [0x91000005, 0xf94000a2, 0x8b020021, 0xf1000463, 0x54ffff81, 0xd4200000];

const start = (store?: RegionStore): Cpu => {
  const cpu = processor(WORDS, store ? { store } : {});
  cpu.space.map({ addr: DATA, length: 2 * PAGE, prot: PROT_READ | PROT_WRITE, fixed: true });
  cpu.cache.entries.hotAfter = 10;
  return cpu;
};

const turns = (cpu: Cpu, count: number, x0: number): void => {
  cpu.pc = CODE;
  setRegisters(cpu, { 0: BigInt(x0), 3: BigInt(count) });
  for (let exit = cpu.run(); exit !== Exit.FAULT; exit = cpu.run()) expect(exit).toBe(Exit.INTERRUPT);
  expect(registerOf(cpu, 3)).toBe(0n);
};

const compiledOnce = (): RegionStore => {
  const cpu = start();
  turns(cpu, 5000, INSIDE);
  return cpu.regions.store;
};

/** A process that has what an earlier one compiled, and nothing else. */
const later = (): Cpu => {
  const words = joined(writeRegions(compiledOnce(), VERSION));
  if (words === null) throw new Error('nothing was compiled');
  return start(keptRegions(words, VERSION) ?? undefined);
};

const policyOf = (cpu: Cpu): number | undefined => cpu.regions.store.get(CODE)?.policy;

test('a run that uses kept regions alone compiles none anew for what is enough for one that compiles', () => {
  const cpu = later();
  turns(cpu, 100_000, INSIDE);
  cpu.space.unmap(DATA + PAGE, PAGE);
  turns(cpu, 20_000, LAST);
  expect(cpu.regions.slotOf(CODE)).toBeDefined();
  expect(policyOf(cpu)).toBe(0);
  cpu.regions.store.warmUp.hasCompiled = true;
  turns(cpu, 20_000, LAST);
  expect(policyOf(cpu)).toBe(Policy.EXACT);
});

test('nor for a loop, unless it runs very long', () => {
  const cpu = later();
  turns(cpu, 4_000_000, INSIDE);
  expect(policyOf(cpu)).toBe(0);
  turns(cpu, 30_000_000, INSIDE);
  expect(policyOf(cpu)).toBe(Policy.LONG_LOOP);
});

test('kept regions without machine code wait until they have been executed as long as V8 takes for the first', () => {
  const words = joined(writeRegions(compiledOnce(), VERSION)) as Uint32Array<ArrayBuffer>;
  const runs = (...counts: number[]): boolean[] => {
    const cpu = start(keptRegions(words, VERSION) ?? undefined);
    return counts.map((count) => {
      turns(cpu, count, INSIDE);
      return cpu.regions.slotOf(CODE) !== undefined;
    });
  };
  const some = Array.from({ length: 10 }, () => 30_000);
  expect(runs(...some)).toEqual([...Array(6).fill(false), ...Array(4).fill(true)]);
  // a loop that runs on waits no longer
  expect(runs(30_000, 100_000)).toEqual([false, true]);
});
