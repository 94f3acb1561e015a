/** Advanced SIMD three different: long, wide, narrowing (Arm ARM C4.1.96.6, C4.1.96.13). */
import type { Row } from '../../row.ts';
import * as integer from '../helpers/integer.ts';
import { packLanes, Shape } from '../helpers/lanes.ts';
import type { Translator } from '../translator.ts';
import { isExact } from './fp-mode.ts';
import { doublingLong, saturatingSum } from './saturating.ts';
import { extend, extendMultiply, family, lanes, packLow, setNarrow, shiftBy, splat, type V128 } from './simd-row.ts';
import { absoluteDifference } from './simd-three-same.ts';

type Fields = 'q' | 'size' | 'rm' | 'rn' | 'rd';
type F = Readonly<Record<Fields, number>>;

/** Result, twice as wide as the sources' lanes of 2^size bytes. */
type Long = (t: Translator, n: V128, m: V128, d: () => V128, size: number, u: number, high: number) => V128;

/** Sum or difference of extended halves. */
const addSub =
  (op: 'add' | 'sub'): Long =>
  (t, n, m, _d, size, u, high) =>
    lanes(t, size + 1, op, extend(t, size, n, u, high), extend(t, size, m, u, high));
const wide =
  (op: 'add' | 'sub'): Long =>
  (t, n, m, _d, size, u, high) =>
    lanes(t, size + 1, op, n, extend(t, size, m, u, high));
const difference: Long = (t, n, m, d, size, u, high) =>
  extend(t, size, absoluteDifference(t, { n, m, d, size, u }), 1, high);
const accumulateDifference: Long = (t, n, m, d, size, u, high) =>
  lanes(t, size + 1, 'add', d(), difference(t, n, m, d, size, u, high));
const product: Long = (t, n, m, _d, size, u, high) => extendMultiply(t, size, n, m, u, high);

/** MLAL and MLSL, shared with the by-element forms. */
export const multiplyAccumulate =
  (op: 'add' | 'sub'): Long =>
  (t, n, m, d, size, u, high) =>
    lanes(t, size + 1, op, d(), extendMultiply(t, size, n, m, u, high));

// biome-ignore format: a table
const longs: readonly (readonly [name: string, opcode: string, Long])[] = [
  ['addl', '0000', addSub('add')], ['addw', '0001', wide('add')],
  ['subl', '0010', addSub('sub')], ['subw', '0011', wide('sub')],
  ['abal', '0101', accumulateDifference], ['abdl', '0111', difference],
  ['mlal', '1000', multiplyAccumulate('add')], ['mlsl', '1010', multiplyAccumulate('sub')], ['mull', '1100', product],
];

const pattern = (u: number, opcode: string): string => `0 q:1 ${u} 01110 size:2 1 rm:5 ${opcode} 00 rn:5 rd:5`;

const longRows = longs.flatMap(([name, opcode, f]) =>
  [0, 1].map((u) =>
    family<Fields>(
      `${u ? 'u' : 's'}${name}<2> <Vd>.<Ta>, <Vn>.${name.endsWith('w') ? '<Ta>' : '<Tb>'}, <Vm>.<Tb>`,
      pattern(u, opcode),
      (t, { q, size, rm, rn, rd }) =>
        size === 3
          ? t.undefined()
          : t.setV(
              rd,
              f(t, t.v(rn), t.v(rm), () => t.v(rd), size, u, q),
            ),
    ),
  ),
);

/** ADDHN, SUBHN and their rounding forms: the upper halves of the sums. */
function highNarrow(t: Translator, { q, size, rm, rn, rd }: F, op: 'add' | 'sub', round: number): void {
  if (size === 3) return t.undefined();
  const bits = 8 << size;
  let sum = lanes(t, size + 1, op, t.v(rn), t.v(rm));
  if (round) sum = lanes(t, size + 1, 'add', sum, splat(t, size + 1, 1n << BigInt(bits - 1)));
  setNarrow(t, rd, q, packLow(t, size, shiftBy(t, size + 1, 'shr_u', sum, bits)));
}

// biome-ignore format: a table
const narrowRows = ([['addhn', 0, '0100', 'add'], ['raddhn', 1, '0100', 'add'], ['subhn', 0, '0110', 'sub'], ['rsubhn', 1, '0110', 'sub']] as const).map(
  ([name, u, opcode, op]) => family<Fields>(`${name}<2> <Vd>.<Tb>, <Vn>.<Ta>, <Vm>.<Ta>`, pattern(u, opcode), (t, f) => highNarrow(t, f, op, u)),
);

const doubling = [
  ['sqdmlal', '1001', integer.qdMlal],
  ['sqdmlsl', '1011', integer.qdMlsl],
  ['sqdmull', '1101', integer.qdMull],
] as const;

/** SQDMULL, and added to or taken from the destination; the helper keeps FPSR.QC. */
export function doubled(
  t: Translator,
  name: string,
  helper: number,
  aux: number,
  rd: number,
  n: V128,
  m: V128,
  size: number,
  q: number,
): void {
  if (isExact(t)) return t.helper(helper, aux);
  const product = doublingLong(t, size, n, m, q);
  if (name === 'sqdmull') return t.setV(rd, product);
  t.setV(rd, saturatingSum(t, size + 1, name === 'sqdmlal' ? 'add' : 'sub', 0, t.v(rd), product));
}

const doublingRows = doubling.flatMap(([name, opcode, helper]) => [
  family<Fields>(`${name}<2> <Vd>.<Ta>, <Vn>.<Tb>, <Vm>.<Tb>`, pattern(0, opcode), (t, { q, size, rm, rn, rd }) =>
    size === 0 || size === 3
      ? t.undefined()
      : doubled(t, name, helper, packLanes(rd, rn, rm, size, q), rd, t.v(rn), t.v(rm), size, q),
  ),
  family<Fields>(
    `${name} <Va>d, <Vb>n, <Vb>m`,
    `01 0 11110 size:2 1 rm:5 ${opcode} 00 rn:5 rd:5`,
    (t, { size, rm, rn, rd }) =>
      size === 0 || size === 3 ? t.undefined() : t.helper(helper, packLanes(rd, rn, rm, size, Shape.SCALAR)),
  ),
]);

export const simdThreeDifferent: readonly Row<Translator>[] = [...longRows, ...narrowRows, ...doublingRows];
