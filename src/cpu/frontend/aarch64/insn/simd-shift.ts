/** Advanced SIMD shift by immediate (Arm ARM C4.1.96.15, C4.1.96.17). */
import type { Row } from '../../row.ts';
import * as fp from '../helpers/floating.ts';
import * as integer from '../helpers/integer.ts';
import { packLanes, Shape } from '../helpers/lanes.ts';
import type { Translator } from '../translator.ts';
import { isExact, vectorScale } from './fp-mode.ts';
import { saturatingShift } from './saturating.ts';
import { extend, family, lanes, packLow, setNarrow, shiftBy, splat, type V128 } from './simd-row.ts';

type Fields = 'q' | 'immh' | 'immb' | 'rn' | 'rd';
type F = Readonly<Record<Fields, number>>;

/** Lane size by the highest bit of immh; right shifts count down from twice the width, left ones up from it. */
const sizeOf = (immh: number): number => 31 - Math.clz32(immh);
const rightShift = ({ immh, immb }: F, size: number): number => (16 << size) - ((immh << 3) | immb);
const leftShift = ({ immh, immb }: F, size: number): number => ((immh << 3) | immb) - (8 << size);

const su = (u: number): 's' | 'u' => (u ? 'u' : 's');

/** Right shift by 1 … width, which wasm's modulo counts cannot say. */
export function shiftRight(t: Translator, size: number, u: number, v: V128, by: number): V128 {
  const width = 8 << size;
  if (by < width) return shiftBy(t, size, `shr_${su(u)}`, v, by);
  return u ? t.zero() : shiftBy(t, size, 'shr_s', v, width - 1);
}

/** The last bit shifted out is added: rounding without overflow. */
function roundingShiftRight(t: Translator, size: number, u: number, v: V128, by: number): V128 {
  const carry = t.b.v128.and(shiftBy(t, size, 'shr_u', v, by - 1), splat(t, size, 1n));
  return lanes(t, size, 'add', shiftRight(t, size, u, v, by), carry);
}

/** SLI, SRI: the bits that the shift leaves free keep the destination's. */
function insert(t: Translator, size: number, d: V128, shifted: V128, mask: bigint): V128 {
  return t.b.v128.bitselect(shifted, d, splat(t, size, mask));
}

type Fast = (t: Translator, n: V128, d: () => V128, size: number, f: F) => V128;

const ones = (size: number): bigint => (1n << BigInt(8 << size)) - 1n;

// biome-ignore format: a table
const table: readonly (readonly [name: string, u: 0 | 1, opcode: string, Fast])[] = [
  ['sshr', 0, '00000', (t, n, _d, size, f) => shiftRight(t, size, 0, n, rightShift(f, size))],
  ['ushr', 1, '00000', (t, n, _d, size, f) => shiftRight(t, size, 1, n, rightShift(f, size))],
  ['ssra', 0, '00010', (t, n, d, size, f) => lanes(t, size, 'add', d(), shiftRight(t, size, 0, n, rightShift(f, size)))],
  ['usra', 1, '00010', (t, n, d, size, f) => lanes(t, size, 'add', d(), shiftRight(t, size, 1, n, rightShift(f, size)))],
  ['srshr', 0, '00100', (t, n, _d, size, f) => roundingShiftRight(t, size, 0, n, rightShift(f, size))],
  ['urshr', 1, '00100', (t, n, _d, size, f) => roundingShiftRight(t, size, 1, n, rightShift(f, size))],
  ['srsra', 0, '00110', (t, n, d, size, f) => lanes(t, size, 'add', d(), roundingShiftRight(t, size, 0, n, rightShift(f, size)))],
  ['ursra', 1, '00110', (t, n, d, size, f) => lanes(t, size, 'add', d(), roundingShiftRight(t, size, 1, n, rightShift(f, size)))],
  ['sri', 1, '01000', (t, n, d, size, f) => insert(t, size, d(), shiftRight(t, size, 1, n, rightShift(f, size)), ones(size) >> BigInt(rightShift(f, size)))],
  ['shl', 0, '01010', (t, n, _d, size, f) => shiftBy(t, size, 'shl', n, leftShift(f, size))],
  ['sli', 1, '01010', (t, n, d, size, f) => insert(t, size, d(), shiftBy(t, size, 'shl', n, leftShift(f, size)), (ones(size) << BigInt(leftShift(f, size))) & ones(size))],
];

const vectorPattern = (u: number, opcode: string): string => `0 q:1 ${u} 011110 immh:4 immb:3 ${opcode} 1 rn:5 rd:5`;
const scalarPattern = (u: number, opcode: string): string => `01 ${u} 111110 immh:4 immb:3 ${opcode} 1 rn:5 rd:5`;

/** immh = 0 is the modified immediate's; its rows are more specific and come first in the decoder. */
const reserved = ({ immh, q }: F): boolean => immh === 0 || (immh >= 8 && q === 0);

const plain = table.flatMap(([name, u, opcode, fast]) => [
  family<Fields>(`${name} <Vd>.<T>, <Vn>.<T>, #<shift>`, vectorPattern(u, opcode), (t, f) =>
    reserved(f)
      ? t.undefined()
      : t.setVq(
          f.rd,
          f.q,
          fast(t, t.v(f.rn), () => t.v(f.rd), sizeOf(f.immh), f),
        ),
  ),
  family<Fields>(`${name} <V>d, <V>n, #<shift>`, scalarPattern(u, opcode), (t, f) =>
    f.immh < 8 ? t.undefined() : t.setV(f.rd, t.low64(fast(t, t.v(f.rn), () => t.v(f.rd), 3, f))),
  ),
]);

/** Saturating left shifts, vector and scalar. */
const saturating = (
  [
    ['sqshlu', 1, '01100', integer.qShlu, 'su'],
    ['sqshl', 0, '01110', integer.qShlImm[0], 's'],
    ['uqshl', 1, '01110', integer.qShlImm[1], 'u'],
  ] as const
).flatMap(([name, u, opcode, helper, kind]) => [
  family<Fields>(`${name} <Vd>.<T>, <Vn>.<T>, #<shift>`, vectorPattern(u, opcode), (t, f) =>
    reserved(f)
      ? t.undefined()
      : isExact(t)
        ? t.helper(helper, packLanes(f.rd, f.rn, 0, sizeOf(f.immh), f.q, leftShift(f, sizeOf(f.immh))))
        : t.setVq(f.rd, f.q, saturatingShift(t, sizeOf(f.immh), kind, t.v(f.rn), leftShift(f, sizeOf(f.immh)))),
  ),
  family<Fields>(`${name} <V>d, <V>n, #<shift>`, scalarPattern(u, opcode), (t, f) =>
    f.immh === 0
      ? t.undefined()
      : t.helper(helper, packLanes(f.rd, f.rn, 0, sizeOf(f.immh), Shape.SCALAR, leftShift(f, sizeOf(f.immh)))),
  ),
]);

/** Narrowing shifts: without saturation as a shift and a shuffle. */
function narrow(t: Translator, f: F, round: boolean): void {
  const size = sizeOf(f.immh);
  if (f.immh === 0 || size > 2) return t.undefined();
  const by = rightShift(f, size);
  const wide = round ? roundingShiftRight(t, size + 1, 1, t.v(f.rn), by) : shiftRight(t, size + 1, 1, t.v(f.rn), by);
  setNarrow(t, f.rd, f.q, packLow(t, size, wide));
}

/** The saturating ones: shift, then the host's saturating narrowing for halfwords and words. */
function saturatingNarrow(t: Translator, f: F, helper: number, u: number, round: boolean, toUnsigned: boolean): void {
  const size = sizeOf(f.immh);
  if (f.immh === 0 || size > 2) return t.undefined();
  const by = rightShift(f, size);
  if (size === 2 || isExact(t)) return t.helper(helper, packLanes(f.rd, f.rn, 0, size, f.q, by));
  const n = t.v(f.rn);
  const shifted = round ? roundingShiftRight(t, size + 1, u, n, by) : shiftRight(t, size + 1, u, n, by);
  if (u)
    return setNarrow(
      t,
      f.rd,
      f.q,
      packLow(t, size, lanes(t, size + 1, 'min_u', shifted, splat(t, size + 1, ones(size)))),
    );
  setNarrow(
    t,
    f.rd,
    f.q,
    lanes(t, size, `narrow_${size ? 'i32x4' : 'i16x8'}_${toUnsigned ? 'u' : 's'}`, shifted, t.zero()),
  );
}

// biome-ignore format: a table
const narrowing: readonly (readonly [name: string, u: 0 | 1, opcode: string, helper: number, unsignedSource: 0 | 1, round: boolean, toUnsigned: boolean])[] = [
  ['sqshrn', 0, '10010', integer.qXtn[0], 0, false, false], ['sqrshrn', 0, '10011', integer.qrShrn[0], 0, true, false],
  ['uqshrn', 1, '10010', integer.qXtn[1], 1, false, true], ['uqrshrn', 1, '10011', integer.qrShrn[1], 1, true, true],
  ['sqshrun', 1, '10000', integer.qXtun, 0, false, true], ['sqrshrun', 1, '10001', integer.qrShrun, 0, true, true],
];

const narrowRows = narrowing.flatMap(([name, u, opcode, helper, from, round, to]) => [
  family<Fields>(`${name}<2> <Vd>.<Tb>, <Vn>.<Ta>, #<shift>`, vectorPattern(u, opcode), (t, f) =>
    saturatingNarrow(t, f, helper, from, round, to),
  ),
  family<Fields>(`${name} <Vb>d, <Va>n, #<shift>`, scalarPattern(u, opcode), (t, f) =>
    f.immh === 0 || f.immh >= 8
      ? t.undefined()
      : t.helper(helper, packLanes(f.rd, f.rn, 0, sizeOf(f.immh), Shape.SCALAR, rightShift(f, sizeOf(f.immh)))),
  ),
]);

function shiftLong(t: Translator, f: F, u: number): void {
  const size = sizeOf(f.immh);
  if (f.immh === 0 || size > 2) return t.undefined();
  t.setV(f.rd, shiftBy(t, size + 1, 'shl', extend(t, size, t.v(f.rn), u, f.q), leftShift(f, size)));
}

/** Fixed-point conversions; immh 000x is reserved, 001x half precision. */
function fixed(t: Translator, f: F, shape: number, helper: number, u: number, toFp: boolean): void {
  const size = sizeOf(f.immh);
  if (f.immh < 2 || (shape === 0 && size === 3)) return t.undefined();
  const bits = rightShift(f, size);
  const fast =
    size > 1 && shape !== Shape.SCALAR && !isExact(t) ? vectorScale(t, size, t.v(f.rn), u, bits, toFp) : null;
  if (fast) t.setVq(f.rd, f.q, fast);
  else t.helper(helper, packLanes(f.rd, f.rn, 0, size, shape, bits | (u << 7)));
}

// biome-ignore format: one instruction per line
const fixedRows = ([['scvtf', 0, '11100', fp.fixToFp, true], ['ucvtf', 1, '11100', fp.fixToFp, true], ['fcvtzs', 0, '11111', fp.fpToFix, false], ['fcvtzu', 1, '11111', fp.fpToFix, false]] as const).flatMap(
  ([name, u, opcode, helper, toFp]) => [
    family<Fields>(`${name} <Vd>.<T>, <Vn>.<T>, #<fbits>`, vectorPattern(u, opcode), (t, f) => fixed(t, f, f.q, helper, u, toFp)),
    family<Fields>(`${name} <V>d, <V>n, #<fbits>`, scalarPattern(u, opcode), (t, f) => fixed(t, f, Shape.SCALAR, helper, u, toFp)),
  ],
);

// biome-ignore format: one instruction per line
export const simdShift: readonly Row<Translator>[] = [
  ...plain,
  ...saturating,
  ...narrowRows,
  family<Fields>('shrn<2> <Vd>.<Tb>, <Vn>.<Ta>, #<shift>', vectorPattern(0, '10000'), (t, f) => narrow(t, f, false)),
  family<Fields>('rshrn<2> <Vd>.<Tb>, <Vn>.<Ta>, #<shift>', vectorPattern(0, '10001'), (t, f) => narrow(t, f, true)),
  family<Fields>('sshll<2> <Vd>.<Ta>, <Vn>.<Tb>, #<shift>', vectorPattern(0, '10100'), (t, f) => shiftLong(t, f, 0)),
  family<Fields>('ushll<2> <Vd>.<Ta>, <Vn>.<Tb>, #<shift>', vectorPattern(1, '10100'), (t, f) => shiftLong(t, f, 1)),
  ...fixedRows,
];
