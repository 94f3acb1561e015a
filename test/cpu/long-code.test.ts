import { expect, test } from 'vitest';
import { Cpu } from '../../src/cpu/cpu.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { interpreter } from '../../src/interpreter-bytes.ts';

const CODE = 0x1_0000;
/** add x1, x1, #1 so many times in one loop: several regions' worth. */
const LENGTH = 16_000;
const [ADD, SUBS, BNE, BRK] = [0x91000421, 0xf1000400, 0x54000001, 0xd4200000] as const;
/** A loop waits for company for 1,000 turns once it is hot; there are too few others for its rest to get hot by itself. */
const [TIMES, HOT] = [1_400, 100];

test('long code without branches is compiled as a whole, not one region after the other gets hot', () => {
  const space = createAddressSpace();
  space.map({ addr: CODE, length: 0x10000, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  for (let i = 0; i < LENGTH; i++) space.view.setUint32(CODE + 4 * i, ADD, true);
  const behind = CODE + 4 * LENGTH;
  space.view.setUint32(behind, SUBS, true);
  space.view.setUint32(behind + 4, BNE | ((-(LENGTH + 1) & 0x7ffff) << 5), true);
  space.view.setUint32(behind + 8, BRK, true);
  const cpu = new Cpu(space, createAarch64(), interpreter({ addressType: 'i64' }));
  cpu.cache.hotAfter = HOT;
  // as if the program had run long before
  cpu.regions.store.warmUp.earlierMs = Number.POSITIVE_INFINITY;
  cpu.pc = CODE;
  const register = (n: number): number => State.REGS + 8 * n + cpu.state;
  cpu.view.setBigUint64(register(0), BigInt(TIMES), true);
  expect(cpu.run()).toBe(Exit.FAULT);
  expect(Number(cpu.view.getBigUint64(register(1), true))).toBe(TIMES * LENGTH);
  const regions = [...cpu.regions.all()];
  const covered = regions.flatMap(({ ranges }) => [...ranges]);
  expect(regions.length).toBeGreaterThan(3);
  expect(Math.max(...covered)).toBeGreaterThan(behind);
});
