import { expect, test, vi } from 'vitest';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { Exit } from '../../src/cpu/memory/layout.ts';
import { PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { Policy } from '../../src/cpu/region-store.ts';
import { CODE, PAGE, processor, registerOf, setRegisters } from '../support/run-words.ts';

const DATA = 0x2_0000;
const LAST = BigInt(DATA + PAGE - 8);
const BRK = CODE + 28;
/** l: add x5, x0, #0; ldr x2, [x5]; str x2, [x5]; add x1, x1, x2; subs x3, x3, #1; b.ne l; nop; brk #0 */
const WORDS = [0x91000005, 0xf94000a2, 0xf90000a2, 0x8b020021, 0xf1000463, 0x54ffff61, 0xd503201f, 0xd4200000];

/** A processor with the last word of a mapping set to 1, and how often its regions were left for the cold tier. */
function beside(): { cpu: Cpu; turns: (count: number, x0?: bigint) => number } {
  const cpu = processor(WORDS);
  cpu.space.map({ addr: DATA, length: PAGE, prot: PROT_READ | PROT_WRITE, fixed: true });
  cpu.space.view.setBigUint64(Number(LAST), 1n, true);
  cpu.cache.entries.hotAfter = 10;
  const miss = vi.spyOn(cpu.regions, 'miss');
  const turns = (count: number, x0 = LAST): number => {
    const before = miss.mock.calls.length;
    cpu.pc = CODE;
    setRegisters(cpu, { 0: x0, 1: 0n, 3: BigInt(count) });
    for (let exit = cpu.run(); exit !== Exit.FAULT; exit = cpu.run()) expect(exit).toBe(Exit.INTERRUPT);
    return miss.mock.calls.length - before;
  };
  return { cpu, turns };
}

test('accesses beside the end of a mapping leave a region until there are many', () => {
  const { cpu, turns } = beside();
  const policy = (): number => (cpu.regions.store.get(CODE)?.policy ?? 0) & Policy.EXACT;
  expect(turns(1800)).toBeGreaterThan(100);
  expect(registerOf(cpu, 1)).toBe(1800n);
  expect(policy()).toBe(0);
  turns(2000);
  expect(registerOf(cpu, 1)).toBe(2000n);
  expect(policy()).toBe(Policy.EXACT);
  expect(turns(2000)).toBe(0);
  expect(registerOf(cpu, 1)).toBe(2000n);
  expect(cpu.pc).toBe(BRK);
});

test.each([
  ['one that goes on behind it', LAST + 4n],
  ['one behind it', LAST + 8n],
  ['one with upper bits', LAST + (1n << 40n)],
  ['one in front of it', BigInt(DATA - 4)],
])('then still: %s faults where it is', (_, x0) => {
  const { cpu, turns } = beside();
  turns(5000);
  turns(100, x0);
  expect(cpu.pc).toBe(CODE + 4);
  expect(registerOf(cpu, 3)).toBe(100n);
});
