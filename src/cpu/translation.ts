/**
 * What the processor calls of the translator: functions only. The command line's bundle leaves the translator in a file of
 * its own, which is loaded when one of these is called first: a run whose translations were all kept needs none.
 */

import type { Code } from './backend/wasm/encoder.ts';
import type { MemoryPolicy } from './backend/wasm/region/contract.ts';
import type { Region } from './backend/wasm/region/discover.ts';
import { emitRegion as emit } from './backend/wasm/region/emit.ts';
import { REGION_IMPORTS } from './region-module.ts';

export { encodeBlock } from './backend/interpreter/encode.ts';
export { fuseRecords } from './backend/interpreter/handlers.ts';
export { interpreterModule } from './backend/interpreter/module.ts';
export { discover } from './backend/wasm/region/discover.ts';
export { composerModule } from './composer-module.ts';
export { regionModule } from './region-module.ts';

/** A region's function. `slot` is the table slot of the function at a pc. */
export const emitRegion = (region: Region, slot: (pc: number) => number, policy: MemoryPolicy): Code =>
  emit(region, { ...REGION_IMPORTS, slot }, policy);
