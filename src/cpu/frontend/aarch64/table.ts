import type { Row } from '../row.ts';
import { atomics } from './insn/atomics.ts';
import { branches } from './insn/branches.ts';
import { dpImmediate } from './insn/dp-immediate.ts';
import { dpRegister } from './insn/dp-register.ts';
import { loadStore } from './insn/load-store.ts';
import type { Chapter } from './insn/row.ts';
import { vectorChapters } from './insn/simd-all.ts';
import { system } from './insn/system.ts';
import type { Translator } from './translator.ts';

/** All instructions of AArch64, in the order of the Arm ARM's chapter C4. */
export const chapters: readonly Chapter[] = [
  { title: 'Data processing (immediate)', manual: 'C6.2', rows: dpImmediate },
  { title: 'Branches and exceptions', manual: 'C6.2', rows: branches },
  { title: 'System instructions', manual: 'C6.2', rows: system },
  { title: 'Data processing (register)', manual: 'C6.2', rows: dpRegister },
  { title: 'Loads and stores', manual: 'C6.2', rows: loadStore },
  { title: 'Loads and stores: exclusive, ordered and atomic', manual: 'C6.2', rows: atomics },
  ...vectorChapters,
];

export const rows: readonly Row<Translator>[] = chapters.flatMap((chapter) => chapter.rows);
