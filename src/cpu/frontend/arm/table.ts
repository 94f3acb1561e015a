import type { Row } from '../row.ts';
import { a32Branches, a32xBranches, t32Branches } from './insn/branches.ts';
import { a32Dp, t16Dp, t32Dp } from './insn/dp.ts';
import { a32Media, t16Media, t32Media } from './insn/media.ts';
import { a32Memory, t16Memory, t32Memory } from './insn/memory.ts';
import { a32Multiply, t32Multiply } from './insn/multiply.ts';
import { a32xNeon, t32Neon } from './insn/neon.ts';
import { a32Structures, t32Structures } from './insn/neon-structures.ts';
import type { Chapter } from './insn/row.ts';
import { a32Synchronize, t32Synchronize } from './insn/synchronize.ts';
import { a32System, a32xSystem, t32System } from './insn/system.ts';
import { a32Vfp, a32xVfp, t32Vfp } from './insn/vfp.ts';
import { a32VfpMemory, t32VfpMemory } from './insn/vfp-memory.ts';
import type { Translator } from './translator.ts';

/** All instructions of AArch32, in the order of the Arm ARM's chapters F3 (T32) and F4 (A32). */
export const chapters: readonly Chapter[] = [
  { title: 'Data processing', manual: 'F5', a32: a32Dp, t32: [...t16Dp, ...t32Dp] },
  { title: 'Multiplication and division', manual: 'F5', a32: a32Multiply, t32: t32Multiply },
  { title: 'Media and saturation', manual: 'F5', a32: a32Media, t32: [...t16Media, ...t32Media] },
  { title: 'Loads and stores', manual: 'F5', a32: a32Memory, t32: [...t16Memory, ...t32Memory] },
  { title: 'Synchronization', manual: 'F5', a32: a32Synchronize, t32: t32Synchronize },
  { title: 'Floating point', manual: 'F6', a32: a32Vfp, a32x: a32xVfp, t32: t32Vfp },
  { title: 'Vector loads, stores and moves', manual: 'F6', a32: a32VfpMemory, t32: t32VfpMemory },
  { title: 'Advanced SIMD', manual: 'F6', a32x: a32xNeon, t32: t32Neon },
  { title: 'Advanced SIMD loads and stores', manual: 'F6', a32x: a32Structures, t32: t32Structures },
  { title: 'Branches and exceptions', manual: 'F5', a32: a32Branches, a32x: a32xBranches, t32: t32Branches },
  { title: 'System', manual: 'F5', a32: a32System, a32x: a32xSystem, t32: t32System },
];

const all = (set: 'a32' | 'a32x' | 't32'): readonly Row<Translator>[] => chapters.flatMap((c) => c[set] ?? []);

/** Rows by what decodes them: A32 with and without a condition, T32. */
export const a32Rows: readonly Row<Translator>[] = all('a32');
export const a32xRows: readonly Row<Translator>[] = all('a32x');
export const t32Rows: readonly Row<Translator>[] = all('t32');
