import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { cryptoAes } from './crypto-aes.ts';
import { cryptoHash } from './crypto-hash.ts';
import { fpConvert } from './fp-convert.ts';
import { fpData } from './fp-data.ts';
import { fpLoadStore } from './fp-load-store.ts';
import { polynomial } from './polynomial.ts';
import { simdAcross } from './simd-across.ts';
import { simdCopy } from './simd-copy.ts';
import { simdElement } from './simd-element.ts';
import { simdFp } from './simd-fp.ts';
import { simdShift } from './simd-shift.ts';
import { simdStructures } from './simd-structures.ts';
import { simdThreeDifferent } from './simd-three-different.ts';
import { simdThreeSame } from './simd-three-same.ts';
import { simdTwoMisc } from './simd-two-misc.ts';

/** All rows of floating point and Advanced SIMD. */
export const vectorRows: readonly Row<Translator>[] = [
  ...fpData,
  ...fpConvert,
  ...fpLoadStore,
  ...simdThreeSame,
  ...simdThreeDifferent,
  ...simdTwoMisc,
  ...simdAcross,
  ...simdCopy,
  ...simdShift,
  ...simdElement,
  ...simdFp,
  ...polynomial,
  ...cryptoAes,
  ...cryptoHash,
  ...simdStructures,
];
