import { describe, expect, it } from 'vitest';
import { flagCopies } from '../../../src/cpu/backend/wasm/region/copies.ts';
import { discover } from '../../../src/cpu/backend/wasm/region/discover.ts';
import { Cpu } from '../../../src/cpu/cpu.ts';
import { readNzcv } from '../../../src/cpu/frontend/aarch64/flags.ts';
import { createAarch64 } from '../../../src/cpu/frontend/aarch64/frontend.ts';
import { createAddressSpace, type GuestAddressSpace } from '../../../src/cpu/memory/address-space.ts';
import { Exit, State } from '../../../src/cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../src/cpu/memory/types.ts';
import { interpreter } from '../../../src/interpreter-bytes.ts';
import { blockSource } from '../../support/block-source.ts';

const CODE = 0x1_0000;
const LOOP = CODE + 8;
const DATA = 0x10_0000;
/** cmp x0, x1; b.eq out; loop: ldr x2, [x0], #8; cmp x0, x1; b.ne loop; out: ret */
const WORDS = [0xeb01001f, 0x54000080, 0xf8408402, 0xeb01001f, 0x54ffffc1, 0xd65f03c0];
const x = (n: number): number => State.REGS + 8 * n;

describe('condition codes that are copies of registers', () => {
  const frontEnd = createAarch64();
  const program = (): GuestAddressSpace => {
    const space = createAddressSpace();
    space.map({ addr: CODE, length: 0x1000, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
    space.map({ addr: DATA, length: 0x1000, prot: PROT_READ | PROT_WRITE, fixed: true });
    for (const [i, word] of WORDS.entries()) space.view.setUint32(CODE + 4 * i, word, true);
    return space;
  };

  it('are known where all ways in have made the same comparison', () => {
    const source = blockSource(program().view);
    // as a function's region, which has its way in too
    const whole = discover(CODE, { ...source, isFunction: (pc) => pc === CODE });
    if (!whole) throw new Error('no region');
    const at = whole.blocks.findIndex(({ pc }) => pc === LOOP);
    const copies = flagCopies(whole.blocks, whole.succs, whole.cfg);
    expect(copies[0]?.size).toBe(0);
    expect(copies[at]?.get(State.CC_A)).toBe(x(0));
    expect(copies[at]?.get(State.CC_B)).toBe(x(1));
    expect(copies[at]?.get(State.CC_OP)).toMatchObject({ type: 'i32' });
  });

  it('are there at a fault in the loop, as in the cold tier', () => {
    const flags = (['cold', 'hot'] as const).map((tier) => {
      const cpu = new Cpu(program(), frontEnd, interpreter({ addressType: 'i64' }));
      cpu.setTier(tier);
      cpu.pc = CODE;
      cpu.view.setBigUint64(cpu.state + x(0), BigInt(DATA), true);
      cpu.view.setBigUint64(cpu.state + x(1), BigInt(DATA) + 0x1_0000n, true);
      expect(cpu.run()).toBe(Exit.FAULT);
      expect(cpu.view.getBigUint64(cpu.state + x(0), true)).toBe(BigInt(DATA) + 0x1000n);
      if (tier === 'hot') expect(cpu.regions.count).toBeGreaterThan(0);
      return readNzcv(cpu.view, cpu.state);
    });
    expect(flags).toEqual([8, 8]);
  });
});
