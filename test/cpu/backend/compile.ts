import { successorPcs } from '../../../src/cpu/backend/wasm/region/flow.ts';
import { Cpu } from '../../../src/cpu/cpu.ts';
import { createAarch64 } from '../../../src/cpu/frontend/aarch64/frontend.ts';
import { createArm } from '../../../src/cpu/frontend/arm/frontend.ts';
import type { Block } from '../../../src/cpu/ir/block.ts';
import { createAddressSpace } from '../../../src/cpu/memory/address-space.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../src/cpu/memory/types.ts';
import { interpreter } from '../../../src/interpreter-bytes.ts';

/** Guest address of the code compiled here. */
export const CODE = 0x40_0000;

export interface Compiled {
  readonly blocks: readonly Block[];
  /** Bytes of the module with the one region rooted at CODE. */
  readonly module: Uint8Array;
}

/**
 * Words of guest code through front end, IR and region compiler, all blocks reachable without a call.
 * `longLoop`: as compiled once the loop at the first word was seen to run long.
 */
export function compile(words: readonly number[], longLoop = false, guest: 'aarch64' | 'arm' = 'aarch64'): Compiled {
  const space = createAddressSpace();
  const prot = PROT_READ | PROT_WRITE | PROT_EXEC;
  const mapped = space.map({ addr: CODE, length: words.length * 4, prot, fixed: true });
  if (mapped < 0) throw new Error(`map: ${mapped}`);
  for (const [i, word] of words.entries()) space.view.setUint32(CODE + 4 * i, word, true);
  const frontEnd = guest === 'arm' ? createArm() : createAarch64();
  const cpu = new Cpu(space, frontEnd, interpreter(frontEnd));
  const blocks: Block[] = [];
  cpu.cache.onTranslate = (block) => blocks.push(block);
  const end = CODE + 4 * words.length;
  const work = [CODE];
  while (work.length > 0) {
    const pc = work.shift() as number;
    if (pc < CODE || pc >= end || cpu.cache.code.hasRun(pc)) continue;
    cpu.cache.recordFor(pc, -1);
    work.push(...successorPcs(blocks.at(-1) as Block, []));
  }
  let module: Uint8Array | null = null;
  cpu.regions.onModule = (bytes) => {
    module = bytes;
  };
  if (longLoop) cpu.regions.compileLoop(CODE);
  else cpu.regions.compile([CODE]);
  if (module === null) throw new Error('no region at the first word');
  return { blocks, module };
}
