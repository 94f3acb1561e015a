/** Advanced SIMD two-register miscellaneous, integer (Arm ARM C4.1.96.5, C4.1.96.12). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Row } from '../../row.ts';
import * as fp from '../helpers/floating.ts';
import * as integer from '../helpers/integer.ts';
import { packLanes, Shape } from '../helpers/lanes.ts';
import type { Translator } from '../translator.ts';
import { isExact } from './fp-mode.ts';
import { narrowWords, saturatingNegate } from './saturating.ts';
import { eachLane, extend, family, lanes, packLow, setNarrow, shiftBy, splat, type V128 } from './simd-row.ts';

type Fields = 'q' | 'size' | 'rn' | 'rd';
type F = Readonly<Record<Fields, number>>;
/** null: by helper. */
type Fast = (t: Translator, n: V128, size: number, d: () => V128) => V128 | null;

const vectorPattern = (u: number, opcode: string, size = 'size:2'): string =>
  `0 q:1 ${u} 01110 ${size} 10000 ${opcode} 10 rn:5 rd:5`;
const scalarPattern = (u: number, opcode: string): string => `01 ${u} 11110 size:2 10000 ${opcode} 10 rn:5 rd:5`;

/** Reverse elements of 2^size bytes within containers of 2^container. */
const reverse =
  (container: number): Fast =>
  (t, n, size) => {
    const flip = ((1 << container) - 1) & ~((1 << size) - 1);
    return t.b.shuffle(
      n,
      n,
      Array.from({ length: 16 }, (_, i) => i ^ flip),
    );
  };

/** Sums of neighbours, twice as wide. */
const pairwiseLong =
  (u: number): Fast =>
  (t, n, size) => {
    if (size < 2) {
      const [to, from] = size === 0 ? ['i16x8', 'i8x16'] : ['i32x4', 'i16x8'];
      return t.b.emit(`${to}.extadd_pairwise_${from}_${u ? 'u' : 's'}` as OpName, n) as V128;
    }
    const shift = u ? 'shr_u' : 'shr_s';
    return lanes(t, 3, 'add', shiftBy(t, 3, shift, shiftBy(t, 3, 'shl', n, 32), 32), shiftBy(t, 3, shift, n, 32));
  };
const accumulateLong =
  (u: number): Fast =>
  (t, n, size, d) =>
    lanes(t, size + 1, 'add', d(), pairwiseLong(u)(t, n, size, d) as V128);

const withZero =
  (op: string, swap = false): Fast =>
  (t, n, size) =>
    swap ? lanes(t, size, op, t.zero(), n) : lanes(t, size, op, n, t.zero());

/** CLZ; CLS, which counts in the lane with its sign bits turned to zeros, less one. */
function countLanes(t: Translator, n: V128, size: number, sign: boolean): V128 {
  const b = t.b.i32;
  const extra = t.b.const32(32 - (8 << size) + (sign ? 1 : 0));
  return eachLane(t, size, n, sign, (lane) => {
    const x = lane as ReturnType<Translator['w']>;
    return b.sub(b.clz(sign ? b.xor(x, b.shr_s(x, t.b.const32(31))) : x), extra);
  });
}

/** RBIT: both nibbles of each byte turned around by table. */
function reverseBits(t: Translator, n: V128): V128 {
  const table = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15];
  const low = t.b.i8x16.swizzle(t.b.constV128(table.map((x) => x << 4)), t.b.v128.and(n, splat(t, 0, 15n)));
  return t.b.v128.or(low, t.b.i8x16.swizzle(t.b.constV128(table), shiftBy(t, 0, 'shr_u', n, 4)));
}

interface Misc {
  readonly name: string;
  readonly u: 0 | 1;
  readonly opcode: string;
  readonly max: number;
  /** Sizes of the scalar form, as a mask by size. */
  readonly scalar?: number;
  readonly fast?: Fast;
  /** Lanes of the result are twice as wide. */
  readonly long?: boolean;
  readonly helper?: number;
}

const D = 8;
const ALL = 15;

// biome-ignore format: a table
const table: readonly Misc[] = [
  { name: 'rev64', u: 0, opcode: '00000', max: 2, fast: reverse(3) },
  { name: 'rev16', u: 0, opcode: '00001', max: 0, fast: reverse(1) },
  { name: 'rev32', u: 1, opcode: '00000', max: 1, fast: reverse(2) },
  { name: 'saddlp', u: 0, opcode: '00010', max: 2, long: true, fast: pairwiseLong(0) },
  { name: 'uaddlp', u: 1, opcode: '00010', max: 2, long: true, fast: pairwiseLong(1) },
  { name: 'suqadd', u: 0, opcode: '00011', max: 3, scalar: ALL, helper: integer.suqAdd },
  { name: 'usqadd', u: 1, opcode: '00011', max: 3, scalar: ALL, helper: integer.usqAdd },
  { name: 'cls', u: 0, opcode: '00100', max: 2, fast: (t, n, size) => countLanes(t, n, size, true) },
  { name: 'clz', u: 1, opcode: '00100', max: 2, fast: (t, n, size) => countLanes(t, n, size, false) },
  { name: 'cnt', u: 0, opcode: '00101', max: 0, fast: (t, n) => t.b.i8x16.popcnt(n) },
  { name: 'sadalp', u: 0, opcode: '00110', max: 2, long: true, fast: accumulateLong(0) },
  { name: 'uadalp', u: 1, opcode: '00110', max: 2, long: true, fast: accumulateLong(1) },
  { name: 'sqabs', u: 0, opcode: '00111', max: 3, scalar: ALL, helper: integer.qAbs, fast: (t, n, size) => (isExact(t) ? null : saturatingNegate(t, size, 'abs', n)) },
  { name: 'sqneg', u: 1, opcode: '00111', max: 3, scalar: ALL, helper: integer.qNeg, fast: (t, n, size) => (isExact(t) ? null : saturatingNegate(t, size, 'neg', n)) },
  { name: 'cmgt #0', u: 0, opcode: '01000', max: 3, scalar: D, fast: withZero('gt_s') },
  { name: 'cmge #0', u: 1, opcode: '01000', max: 3, scalar: D, fast: withZero('ge_s') },
  { name: 'cmeq #0', u: 0, opcode: '01001', max: 3, scalar: D, fast: withZero('eq') },
  { name: 'cmle #0', u: 1, opcode: '01001', max: 3, scalar: D, fast: withZero('le_s') },
  { name: 'cmlt #0', u: 0, opcode: '01010', max: 3, scalar: D, fast: withZero('lt_s') },
  { name: 'abs', u: 0, opcode: '01011', max: 3, scalar: D, fast: (t, n, size) => lanes(t, size, 'abs', n) },
  { name: 'neg', u: 1, opcode: '01011', max: 3, scalar: D, fast: (t, n, size) => lanes(t, size, 'neg', n) },
];

function vector(t: Translator, m: Misc, { q, size, rn, rd }: F): void {
  if (size > m.max || (size === 3 && q === 0)) return t.undefined();
  const v = m.fast?.(t, t.v(rn), size, () => t.v(rd));
  if (v) t.setVq(rd, q, v);
  else t.helper(m.helper as number, packLanes(rd, rn, 0, size, q));
}

function scalar(t: Translator, m: Misc, { size, rn, rd }: F): void {
  if ((((m.scalar ?? 0) >> size) & 1) === 0) return t.undefined();
  const v = size === 3 ? m.fast?.(t, t.v(rn), size, () => t.v(rd)) : null;
  if (v) t.setV(rd, t.low64(v));
  else t.helper(m.helper as number, packLanes(rd, rn, 0, size, Shape.SCALAR));
}

/** `cmgt #0` → `cmgt <Vd>.<T>, <Vn>.<T>, #0`. */
function syntax(name: string, d: string, n: string): string {
  const [mnemonic, zero] = name.split(' ');
  return `${mnemonic} ${d}, ${n}${zero ? `, ${zero}` : ''}`;
}

function rowsOf(m: Misc): Row<Translator>[] {
  const list = [
    family<Fields>(
      m.long ? `${m.name} <Vd>.<Ta>, <Vn>.<Tb>` : syntax(m.name, '<Vd>.<T>', '<Vn>.<T>'),
      vectorPattern(m.u, m.opcode),
      (t, f) => vector(t, m, f),
    ),
  ];
  if (m.scalar) {
    list.push(family<Fields>(syntax(m.name, '<V>d', '<V>n'), scalarPattern(m.u, m.opcode), (t, f) => scalar(t, m, f)));
  }
  return list;
}

/** Narrowing: XTN keeps low halves; SQXTN, UQXTN, SQXTUN saturate. */
function narrow(t: Translator, { q, size, rn, rd }: F, helper: number, fast: ((n: V128) => V128) | null): void {
  if (size === 3) return t.undefined();
  if (!fast || isExact(t)) return t.helper(helper, packLanes(rd, rn, 0, size, q));
  setNarrow(t, rd, q, fast(t.v(rn)));
}

const narrowing: readonly (readonly [
  name: string,
  u: 0 | 1,
  opcode: string,
  helper: number,
  fast: (t: Translator, size: number, n: V128) => V128,
])[] = [
  [
    'sqxtn',
    0,
    '10100',
    integer.qXtn[0],
    (t, size, n) =>
      size === 2 ? narrowWords(t, 's', n) : lanes(t, size, `narrow_${size ? 'i32x4' : 'i16x8'}_s`, n, t.zero()),
  ],
  [
    'uqxtn',
    1,
    '10100',
    integer.qXtn[1],
    (t, size, n) =>
      size === 2
        ? narrowWords(t, 'u', n)
        : packLow(t, size, lanes(t, size + 1, 'min_u', n, splat(t, size + 1, size ? 0xffffn : 0xffn))),
  ],
  [
    'sqxtun',
    1,
    '10010',
    integer.qXtun,
    (t, size, n) =>
      size === 2 ? narrowWords(t, 'su', n) : lanes(t, size, `narrow_${size ? 'i32x4' : 'i16x8'}_u`, n, t.zero()),
  ],
];

// biome-ignore format: one instruction per line
const others: readonly Row<Translator>[] = [
  family<Fields>('xtn<2> <Vd>.<Tb>, <Vn>.<Ta>', vectorPattern(0, '10010'), (t, { q, size, rn, rd }) => (size === 3 ? t.undefined() : setNarrow(t, rd, q, packLow(t, size, t.v(rn))))),
  family<Fields>('shll<2> <Vd>.<Ta>, <Vn>.<Tb>, #<shift>', vectorPattern(1, '10011'), (t, { q, size, rn, rd }) => (size === 3 ? t.undefined() : t.setV(rd, shiftBy(t, size + 1, 'shl', extend(t, size, t.v(rn), 1, q), 8 << size)))),
  family<Fields>('not <Vd>.<T>, <Vn>.<T>', vectorPattern(1, '00101', '00'), (t, { q, rn, rd }) => t.setVq(rd, q, t.b.v128.not(t.v(rn)))),
  family<Fields>('rbit <Vd>.<T>, <Vn>.<T>', vectorPattern(1, '00101', '01'), (t, { q, rn, rd }) => t.setVq(rd, q, reverseBits(t, t.v(rn)))),
  family<Fields>('urecpe <Vd>.<T>, <Vn>.<T>', vectorPattern(0, '11100', '10'), (t, { q, rn, rd }) => t.helper(fp.uRecpE, packLanes(rd, rn, 0, 2, q))),
  family<Fields>('ursqrte <Vd>.<T>, <Vn>.<T>', vectorPattern(1, '11100', '10'), (t, { q, rn, rd }) => t.helper(fp.uRSqrtE, packLanes(rd, rn, 0, 2, q))),
];

export const simdTwoMisc: readonly Row<Translator>[] = [
  ...table.flatMap(rowsOf),
  ...narrowing.flatMap(([name, u, opcode, helper, fast]) => [
    family<Fields>(`${name}<2> <Vd>.<Tb>, <Vn>.<Ta>`, vectorPattern(u, opcode), (t, f) =>
      narrow(t, f, helper, (n) => fast(t, f.size, n)),
    ),
    family<Fields>(`${name} <Vb>d, <Va>n`, scalarPattern(u, opcode), (t, { size, rn, rd }) =>
      size === 3 ? t.undefined() : t.helper(helper, packLanes(rd, rn, 0, size, Shape.SCALAR)),
    ),
  ]),
  ...others,
];
