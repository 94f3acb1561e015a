import type { BlockSource } from '../../src/cpu/backend/wasm/region/discover.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';

/** AArch64 code by its addresses as the region builder sees it: all of it has run, `own` tells what else is known. */
export const blockSource = (code: DataView, own: Partial<BlockSource> = {}): BlockSource => {
  const frontEnd = createAarch64();
  return {
    lift: (pc, flagsIn, _context, end = pc + 0x100) => frontEnd.liftBlock(code, pc, flagsIn, end),
    hasRun: () => true,
    isUsual: () => true,
    isFunction: () => false,
    isArrival: () => false,
    noteCode: () => {},
    jumpTargets: () => [],
    wentTo: () => false,
    ...own,
  };
};
