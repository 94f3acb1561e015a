import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { fpConvert } from './fp-convert.ts';
import { fpData } from './fp-data.ts';
import { fpLoadStore } from './fp-load-store.ts';
import { simdThreeDifferent } from './simd-three-different.ts';
import { simdThreeSame } from './simd-three-same.ts';

/** All rows of floating point and Advanced SIMD. */
export const vectorRows: readonly Row<Translator>[] = [
  ...fpData,
  ...fpConvert,
  ...fpLoadStore,
  ...simdThreeSame,
  ...simdThreeDifferent,
];
