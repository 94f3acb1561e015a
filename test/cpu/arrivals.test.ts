import { expect, test, vi } from 'vitest';
import { Cpu } from '../../src/cpu/cpu.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { interpreter } from '../../src/interpreter-bytes.ts';

const CODE = 0x1_0000;
const TARGET = CODE + 4;
/**
 * adr x19, target; target: add x1, x1, #1; subs x0, x0, #1; b.eq done; bl thrower; add x2, x2, #1; done: brk #0;
 * thrower: ret x19
 */
const WORDS = [0x10000033, 0x91000421, 0xf1000400, 0x54000060, 0x94000003, 0x91000442, 0xd4200000, 0xd65f0260];
const [TIMES, HOT] = [50_000, 100];

test('where calls return that were to return elsewhere a region begins, and its own calls lead back to it', () => {
  const space = createAddressSpace();
  space.map({ addr: CODE, length: 0x1000, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  for (const [i, word] of WORDS.entries()) space.view.setUint32(CODE + 4 * i, word, true);
  const cpu = new Cpu(space, createAarch64(), interpreter({ addressType: 'i64' }));
  cpu.cache.hotAfter = HOT;
  // as if the program had run long before
  cpu.regions.store.warmUp.earlierMs = Number.POSITIVE_INFINITY;
  cpu.pc = CODE;
  const register = (n: number): number => State.REGS + 8 * n + cpu.state;
  cpu.view.setBigUint64(register(0), BigInt(TIMES), true);
  const arrive = vi.spyOn(cpu.cache, 'arrive');
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(cpu.pc).toBe(CODE + 24);
  expect([0, 1, 2].map((n) => Number(cpu.view.getBigUint64(register(n), true)))).toEqual([0, TIMES, 0]);
  expect(cpu.cache.isArrival(TARGET)).toBe(true);
  expect(cpu.regions.slotOf(TARGET)).toBeDefined();
  // the dispatcher was asked until the region was compiled, which waited for company
  expect(arrive.mock.calls.length).toBeLessThan(HOT + 2000);
});
