import type { BlockSource } from '../../src/cpu/backend/wasm/region/discover.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';

/** AArch64 code by its addresses as the region builder sees it: all of it has run, `own` tells what else is known. */
export const blockSource = (code: DataView, own: Partial<BlockSource> = {}): BlockSource => {
  const frontEnd = createAarch64();
  return {
    lift: (pc, flagsIn) => frontEnd.liftBlock(code, pc, flagsIn, pc + 0x100),
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
