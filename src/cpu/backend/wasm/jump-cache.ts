import { JUMP_CACHE_MASK, State } from '../../memory/layout.ts';
import type { Code } from './encoder.ts';
import { STATE } from './region/contract.ts';

/**
 * Pushes the wasm offset of the jump cache's entry for the guest address, of 32 bits, that `pc` pushes. The cache lies at
 * State.JUMP_CACHE; entries {pc, table slot, record, –} of 16 bytes.
 */
export const jumpCacheEntry = (c: Code, pc: () => void): void => {
  pc();
  c.i32(2);
  c.op('i32.shl');
  pc();
  c.i32(10);
  c.op('i32.shr_u');
  c.op('i32.xor');
  c.i32(JUMP_CACHE_MASK);
  c.op('i32.and');
  c.get(STATE);
  c.mem('i32.load', State.JUMP_CACHE, 2);
  c.op('i32.add');
};
