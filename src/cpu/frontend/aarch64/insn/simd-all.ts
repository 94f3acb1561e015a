import { cryptoAes } from './crypto-aes.ts';
import { cryptoHash } from './crypto-hash.ts';
import { fpConvert } from './fp-convert.ts';
import { fpData } from './fp-data.ts';
import { fpLoadStore } from './fp-load-store.ts';
import { polynomial } from './polynomial.ts';
import type { Chapter } from './row.ts';
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
export const vectorChapters: readonly Chapter[] = [
  { title: 'Floating point: data processing', manual: 'C7.2', rows: fpData },
  { title: 'Floating point: conversions', manual: 'C7.2', rows: fpConvert },
  { title: 'Loads and stores of vector registers', manual: 'C7.2', rows: fpLoadStore },
  { title: 'Advanced SIMD: three registers of one kind', manual: 'C7.2', rows: simdThreeSame },
  { title: 'Advanced SIMD: three registers of different widths', manual: 'C7.2', rows: simdThreeDifferent },
  { title: 'Advanced SIMD: two registers', manual: 'C7.2', rows: simdTwoMisc },
  { title: 'Advanced SIMD: across lanes', manual: 'C7.2', rows: simdAcross },
  { title: 'Advanced SIMD: copy, permute, table, immediate', manual: 'C7.2', rows: simdCopy },
  { title: 'Advanced SIMD: shift by immediate', manual: 'C7.2', rows: simdShift },
  { title: 'Advanced SIMD: by element', manual: 'C7.2', rows: simdElement },
  { title: 'Advanced SIMD: floating point', manual: 'C7.2', rows: simdFp },
  { title: 'Polynomial products', manual: 'C7.2', rows: polynomial },
  { title: 'Cryptography: AES', manual: 'C7.2', rows: cryptoAes },
  { title: 'Cryptography: SHA-1, SHA-256', manual: 'C7.2', rows: cryptoHash },
  { title: 'Advanced SIMD: structure loads and stores', manual: 'C7.2', rows: simdStructures },
];
