import { arithmeticRows } from './insn/arithmetic.ts';
import { avxRows } from './insn/avx.ts';
import { bitRows } from './insn/bits.ts';
import { branchRows } from './insn/branch.ts';
import { cipherRows } from './insn/ciphers.ts';
import { decimalRows } from './insn/decimal.ts';
import { fmaRows } from './insn/fma.ts';
import { integerRows } from './insn/integers.ts';
import { moveRows } from './insn/move.ts';
import { protectionRows } from './insn/protection.ts';
import { segmentRows } from './insn/segment.ts';
import { shiftRows } from './insn/shift.ts';
import { sseConvertRows } from './insn/sse-convert.ts';
import { sseFloatRows } from './insn/sse-float.ts';
import { sse4Rows } from './insn/sse4.ts';
import { ssse3Rows } from './insn/ssse3.ts';
import { stateRows } from './insn/state.ts';
import { stringRows } from './insn/string.ts';
import { systemRows } from './insn/system.ts';
import { vectorMoveRows } from './insn/vector-move.ts';
import { vectorShiftRows } from './insn/vector-shift.ts';
import { vectorShuffleRows } from './insn/vector-shuffle.ts';
import { x87Rows } from './insn/x87.ts';
import type { Chapter, X86Row } from './row.ts';

/** All instructions, in the order of the SDM's volume 1, chapter 5. */
export const chapters: readonly Chapter[] = [
  { title: 'Data transfer', rows: moveRows },
  { title: 'Arithmetic and logic', rows: arithmeticRows },
  { title: 'Decimal arithmetic', rows: decimalRows },
  { title: 'Shifts and rotations', rows: shiftRows },
  { title: 'Bits and bytes', rows: bitRows },
  { title: 'Control transfer', rows: branchRows },
  { title: 'Strings', rows: stringRows },
  { title: 'Segment registers', rows: segmentRows },
  { title: 'Flags and system', rows: systemRows },
  { title: 'Protection and far transfers', rows: protectionRows },
  { title: 'x87', rows: x87Rows },
  { title: 'State of x87 and vector units', rows: stateRows },
  { title: 'Vectors: moves', rows: vectorMoveRows },
  { title: 'Vectors: integers', rows: integerRows },
  { title: 'Vectors: shifts', rows: vectorShiftRows },
  { title: 'Vectors: shuffles, insertion, extraction', rows: vectorShuffleRows },
  { title: 'Vectors: floating-point arithmetic', rows: sseFloatRows },
  { title: 'Vectors: conversions', rows: sseConvertRows },
  { title: 'Vectors: SSE3, SSSE3', rows: ssse3Rows },
  { title: 'Vectors: SSE4.1, SSE4.2', rows: sse4Rows },
  { title: 'AES, PCLMULQDQ, SHA', rows: cipherRows },
  { title: 'AVX, AVX2', rows: avxRows },
  { title: 'FMA, half precision', rows: fmaRows },
];

export const rows: readonly X86Row[] = chapters.flatMap((chapter) => chapter.rows);
