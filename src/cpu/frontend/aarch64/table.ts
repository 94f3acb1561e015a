import type { Row } from '../row.ts';
import { atomics } from './insn/atomics.ts';
import { branches } from './insn/branches.ts';
import { dpImmediate } from './insn/dp-immediate.ts';
import { dpRegister } from './insn/dp-register.ts';
import { loadStore } from './insn/load-store.ts';
import { vectorRows } from './insn/simd-all.ts';
import { system } from './insn/system.ts';
import type { Translator } from './translator.ts';

/** All instructions of AArch64, in the order of the Arm ARM's chapter C4. */
export const rows: readonly Row<Translator>[] = [
  ...dpImmediate,
  ...branches,
  ...system,
  ...dpRegister,
  ...loadStore,
  ...atomics,
  ...vectorRows,
];
