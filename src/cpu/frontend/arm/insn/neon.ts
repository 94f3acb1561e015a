import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { differentLengths } from './neon-different.ts';
import { miscellaneous } from './neon-misc.ts';
import { a32Lines, t32Lines } from './neon-row.ts';
import { sameLines } from './neon-same.ts';
import { shifts } from './neon-shift.ts';

const all = [...sameLines, ...differentLengths, ...shifts, ...miscellaneous];

/** F4.1.11 Advanced SIMD data processing: none takes a condition in A32. */
export const a32xNeon: readonly Row<Translator>[] = a32Lines(all);
export const t32Neon: readonly Row<Translator>[] = t32Lines(all);
