/** Advanced SIMD three same, integer: vector and scalar forms (Arm ARM C4.1.96.7, C4.1.96.14). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Row } from '../../row.ts';
import * as integer from '../helpers/integer.ts';
import { packLanes, Shape } from '../helpers/lanes.ts';
import type { Translator } from '../translator.ts';
import { isExact } from './fp-mode.ts';
import { polynomialMultiply } from './polynomial.ts';
import { doublingHigh, saturatingSum } from './saturating.ts';
import {
  eachLane,
  extendMultiply,
  family,
  LANES,
  lanes,
  permute,
  shiftBy,
  splat,
  unzip,
  type V128,
} from './simd-row.ts';

/** Operands of a lane-wise operation; `u` = the U bit of the encoding. */
export interface Operands {
  readonly n: V128;
  readonly m: V128;
  readonly d: () => V128;
  readonly size: number;
  readonly u: number;
}
type Fast = (t: Translator, o: Operands) => V128 | null;

const su = (u: number): 's' | 'u' => (u ? 'u' : 's');

/** Comparisons of 64-bit lanes are signed in wasm: flipping the sign bits makes them unsigned. */
function compare(t: Translator, { n, m, size, u }: Operands, op: 'gt' | 'ge'): V128 {
  if (size < 3) return lanes(t, size, `${op}_${su(u)}`, n, m);
  const flip = (v: V128): V128 => (u ? t.b.v128.xor(v, splat(t, 3, 1n << 63n)) : v);
  return lanes(t, 3, `${op}_s`, flip(n), flip(m));
}

const maxMin =
  (op: 'max' | 'min'): Fast =>
  (t, { n, m, size, u }) =>
    lanes(t, size, `${op}_${su(u)}`, n, m);

/** |n − m| of lanes up to 32 bits. */
export const absoluteDifference = (t: Translator, { n, m, size, u }: Operands): V128 =>
  lanes(t, size, 'sub', lanes(t, size, `max_${su(u)}`, n, m), lanes(t, size, `min_${su(u)}`, n, m));

/** Product of lanes; bytes by way of words. */
export function multiply(t: Translator, size: number, n: V128, m: V128): V128 {
  if (size > 0) return lanes(t, size, 'mul', n, m);
  const [low, high] = [extendMultiply(t, 0, n, m, 1, 0), extendMultiply(t, 0, n, m, 1, 1)];
  return unzip(t, 0, 1, low, high, 0);
}

/** (n ± m) / 2 without the lost carry: the sum is twice the common bits plus the differing ones. */
const halvingAdd: Fast = (t, { n, m, size, u }) =>
  lanes(t, size, 'add', t.b.v128.and(n, m), shiftBy(t, size, `shr_${su(u)}`, t.b.v128.xor(n, m), 1));
const roundingHalvingAdd: Fast = (t, { n, m, size, u }) =>
  lanes(t, size, 'sub', t.b.v128.or(n, m), shiftBy(t, size, `shr_${su(u)}`, t.b.v128.xor(n, m), 1));
const halvingSub: Fast = (t, { n, m, size, u }) =>
  lanes(t, size, 'sub', shiftBy(t, size, `shr_${su(u)}`, t.b.v128.xor(n, m), 1), t.b.v128.andnot(m, n));

/** Exact floating point keeps FPSR.QC. */
const saturating =
  (op: 'add' | 'sub'): Fast =>
  (t, { n, m, size, u }) =>
    isExact(t) ? null : saturatingSum(t, size, op, u, n, m);

type I32 = ReturnType<Translator['w']>;
type I64 = ReturnType<Translator['x']>;

/** One lane shifted left by `by`, or right where it is negative; wasm counts modulo the width, so far shifts are told apart. */
function shiftLane32(t: Translator, n: I32, by: I32, bits: number, u: number): I32 {
  const b = t.b.i32;
  const [zero, width] = [t.b.const32(0), t.b.const32(32)];
  const back = b.sub(zero, by);
  const left = b.select(b.shl(n, by), zero, b.lt_u(by, t.b.const32(bits)));
  const right = u
    ? b.select(b.shr_u(n, back), zero, b.lt_u(back, width))
    : b.shr_s(n, b.select(back, t.b.const32(31), b.lt_u(back, width)));
  return b.select(left, right, b.ge_s(by, zero));
}

function shiftLane64(t: Translator, n: I64, by: I64, u: number): I64 {
  const b = t.b.i64;
  const [zero, width] = [t.b.const64(0), t.b.const64(64)];
  const back = b.sub(zero, by);
  const left = b.select(b.shl(n, by), zero, b.lt_u(by, width));
  const right = u
    ? b.select(b.shr_u(n, back), zero, b.lt_u(back, width))
    : b.shr_s(n, b.select(back, t.b.const64(63), b.lt_u(back, width)));
  return b.select(left, right, b.ge_s(by, zero));
}

/** SSHL, USHL: by the low byte of each lane of m, signed. Sixteen byte lanes would be too long. */
const shift: Fast = (t, { n, m, size, u }) => {
  if (size === 0) return null;
  const by = (i: number): never =>
    t.b.emit(`${LANES[size]}.extract_lane${size === 1 ? '_u' : ''}` as OpName, m, null, null, i) as never;
  return eachLane(t, size, n, u === 0, (lane, i) =>
    size === 3
      ? shiftLane64(t, lane as I64, t.b.i64.extend8_s(by(i)), u)
      : shiftLane32(t, lane as I32, t.b.i32.extend8_s(by(i)), 8 << size, u),
  );
};

interface Same {
  readonly name: string;
  /** U bits it exists with; 2 = both, with s/u put before the name. */
  readonly u: 0 | 1 | 2;
  readonly opcode: string;
  /** Largest lane size of the vector form, smallest. */
  readonly max: number;
  readonly min?: number;
  /** Sizes of the scalar form, as a mask by size. */
  readonly scalar: number;
  /** [signed, unsigned] or one helper; used where `fast` has no answer. */
  readonly helper?: readonly [number, number];
  readonly fast?: Fast;
  /** Pairwise: operands are the even and odd lanes. */
  readonly pairs?: boolean;
}

const D = 8;
const ALL = 15;
const HS = 6;

// biome-ignore format: a table
const table: readonly Same[] = [
  { name: 'hadd', u: 2, opcode: '00000', max: 2, scalar: 0, fast: halvingAdd },
  { name: 'qadd', u: 2, opcode: '00001', max: 3, scalar: ALL, helper: integer.qAdd, fast: saturating('add') },
  { name: 'rhadd', u: 2, opcode: '00010', max: 2, scalar: 0, fast: roundingHalvingAdd },
  { name: 'hsub', u: 2, opcode: '00100', max: 2, scalar: 0, fast: halvingSub },
  { name: 'qsub', u: 2, opcode: '00101', max: 3, scalar: ALL, helper: integer.qSub, fast: saturating('sub') },
  { name: 'cmgt', u: 0, opcode: '00110', max: 3, scalar: D, fast: (t, o) => compare(t, o, 'gt') },
  { name: 'cmhi', u: 1, opcode: '00110', max: 3, scalar: D, fast: (t, o) => compare(t, o, 'gt') },
  { name: 'cmge', u: 0, opcode: '00111', max: 3, scalar: D, fast: (t, o) => compare(t, o, 'ge') },
  { name: 'cmhs', u: 1, opcode: '00111', max: 3, scalar: D, fast: (t, o) => compare(t, o, 'ge') },
  { name: 'shl', u: 2, opcode: '01000', max: 3, scalar: D, helper: integer.shl, fast: shift },
  { name: 'qshl', u: 2, opcode: '01001', max: 3, scalar: ALL, helper: integer.qShl },
  { name: 'rshl', u: 2, opcode: '01010', max: 3, scalar: D, helper: integer.rShl },
  { name: 'qrshl', u: 2, opcode: '01011', max: 3, scalar: ALL, helper: integer.qrShl },
  { name: 'max', u: 2, opcode: '01100', max: 2, scalar: 0, fast: maxMin('max') },
  { name: 'min', u: 2, opcode: '01101', max: 2, scalar: 0, fast: maxMin('min') },
  { name: 'abd', u: 2, opcode: '01110', max: 2, scalar: 0, fast: absoluteDifference },
  { name: 'aba', u: 2, opcode: '01111', max: 2, scalar: 0, fast: (t, o) => lanes(t, o.size, 'add', o.d(), absoluteDifference(t, o)) },
  { name: 'add', u: 0, opcode: '10000', max: 3, scalar: D, fast: (t, { n, m, size }) => lanes(t, size, 'add', n, m) },
  { name: 'sub', u: 1, opcode: '10000', max: 3, scalar: D, fast: (t, { n, m, size }) => lanes(t, size, 'sub', n, m) },
  { name: 'cmtst', u: 0, opcode: '10001', max: 3, scalar: D, fast: (t, { n, m, size }) => lanes(t, size, 'ne', t.b.v128.and(n, m), t.zero()) },
  { name: 'cmeq', u: 1, opcode: '10001', max: 3, scalar: D, fast: (t, { n, m, size }) => lanes(t, size, 'eq', n, m) },
  { name: 'mla', u: 0, opcode: '10010', max: 2, scalar: 0, fast: (t, { n, m, d, size }) => lanes(t, size, 'add', d(), multiply(t, size, n, m)) },
  { name: 'mls', u: 1, opcode: '10010', max: 2, scalar: 0, fast: (t, { n, m, d, size }) => lanes(t, size, 'sub', d(), multiply(t, size, n, m)) },
  { name: 'mul', u: 0, opcode: '10011', max: 2, scalar: 0, fast: (t, { n, m, size }) => multiply(t, size, n, m) },
  { name: 'pmul', u: 1, opcode: '10011', max: 0, scalar: 0, fast: (t, { n, m }) => polynomialMultiply(t, n, m) },
  { name: 'maxp', u: 2, opcode: '10100', max: 2, scalar: 0, pairs: true, fast: maxMin('max') },
  { name: 'minp', u: 2, opcode: '10101', max: 2, scalar: 0, pairs: true, fast: maxMin('min') },
  { name: 'sqdmulh', u: 0, opcode: '10110', max: 2, min: 1, scalar: HS, helper: [integer.qdMulh, integer.qdMulh], fast: (t, { n, m, size }) => (isExact(t) ? null : doublingHigh(t, size, false, n, m)) },
  { name: 'sqrdmulh', u: 1, opcode: '10110', max: 2, min: 1, scalar: HS, helper: [integer.qrdMulh, integer.qrdMulh], fast: (t, { n, m, size }) => (isExact(t) ? null : size === 1 ? t.b.i16x8.q15mulr_sat_s(n, m) : doublingHigh(t, size, true, n, m)) },
  { name: 'addp', u: 0, opcode: '10111', max: 3, scalar: 0, pairs: true, fast: (t, { n, m, size }) => lanes(t, size, 'add', n, m) },
];

type Fields = 'q' | 'size' | 'rm' | 'rn' | 'rd';

function vector(t: Translator, s: Same, u: number, { q, size, rm, rn, rd }: Readonly<Record<Fields, number>>): void {
  if (size > s.max || size < (s.min ?? 0) || (size === 3 && q === 0)) return t.undefined();
  if (s.fast) {
    let [n, m] = [t.v(rn), t.v(rm)];
    if (s.pairs) [n, m] = [unzip(t, size, q, n, m, 0), unzip(t, size, q, n, m, 1)];
    const v = s.fast(t, { n, m, d: () => t.v(rd), size, u });
    if (v) return t.setVq(rd, q, v);
  }
  t.helper(s.helper?.[u] as number, packLanes(rd, rn, rm, size, q));
}

function scalar(t: Translator, s: Same, u: number, { size, rm, rn, rd }: Readonly<Record<Fields, number>>): void {
  if (((s.scalar >> size) & 1) === 0) return t.undefined();
  if (size === 3 && s.fast) {
    const v = s.fast(t, { n: t.v(rn), m: t.v(rm), d: () => t.v(rd), size, u });
    if (v) return t.setV(rd, t.low64(v));
  }
  t.helper(s.helper?.[u] as number, packLanes(rd, rn, rm, size, Shape.SCALAR));
}

function rowsOf(s: Same): Row<Translator>[] {
  const us = s.u === 2 ? [0, 1] : [s.u];
  return us.flatMap((u) => {
    const name = s.u === 2 ? su(u) + s.name : s.name;
    const tail = `01110 size:2 1 rm:5 ${s.opcode} 1 rn:5 rd:5`;
    const list = [
      family<Fields>(`${name} <Vd>.<T>, <Vn>.<T>, <Vm>.<T>`, `0 q:1 ${u} ${tail}`, (t, f) => vector(t, s, u, f)),
    ];
    if (s.scalar) {
      const pattern = `01 ${u} 1${tail.slice(1)}`;
      list.push(family<Fields>(`${name} <V>d, <V>n, <V>m`, pattern, (t, f) => scalar(t, s, u, f)));
    }
    return list;
  });
}

type Logic = (t: Translator, n: V128, m: V128, d: () => V128) => V128;

// biome-ignore format: a table
const logic: readonly (readonly [name: string, u: 0 | 1, size: string, Logic])[] = [
  ['and', 0, '00', (t, n, m) => t.b.v128.and(n, m)],
  ['bic', 0, '01', (t, n, m) => t.b.v128.andnot(n, m)],
  ['orr', 0, '10', (t, n, m) => (n === m ? n : t.b.v128.or(n, m))],
  ['orn', 0, '11', (t, n, m) => t.b.v128.or(n, t.b.v128.not(m))],
  ['eor', 1, '00', (t, n, m) => t.b.v128.xor(n, m)],
  ['bsl', 1, '01', (t, n, m, d) => t.b.v128.bitselect(n, m, d())],
  ['bit', 1, '10', (t, n, m, d) => t.b.v128.bitselect(n, d(), m)],
  ['bif', 1, '11', (t, n, m, d) => t.b.v128.bitselect(d(), n, m)],
];

/** SQRDMLAH, SQRDMLSH (FEAT_RDM). */
const rdm = (name: string, opcode: string, helper: number): Row<Translator>[] => [
  family<Fields>(`${name} <Vd>.<T>, <Vn>.<T>, <Vm>.<T>`, `0 q:1 1 01110 size:2 0 rm:5 ${opcode} 1 rn:5 rd:5`, (t, f) =>
    f.size === 0 || f.size === 3 ? t.undefined() : t.helper(helper, packLanes(f.rd, f.rn, f.rm, f.size, f.q)),
  ),
  family<Fields>(`${name} <V>d, <V>n, <V>m`, `01 1 11110 size:2 0 rm:5 ${opcode} 1 rn:5 rd:5`, (t, f) =>
    f.size === 0 || f.size === 3 ? t.undefined() : t.helper(helper, packLanes(f.rd, f.rn, f.rm, f.size, Shape.SCALAR)),
  ),
];

/** Sums of four byte products into 32-bit lanes (FEAT_DotProd): products in halfwords, added in pairs twice. */
export function dot(t: Translator, d: V128, n: V128, m: V128, u: number): V128 {
  const pairs = (high: number): V128 => {
    const products = extendMultiply(t, 0, n, m, u, high);
    return t.b.emit(`i32x4.extadd_pairwise_i16x8_${su(u)}`, products) as V128;
  };
  const [low, high] = [pairs(0), pairs(1)];
  const sum = lanes(t, 2, 'add', permute(t, 2, low, high, [0, 2, 4, 6]), permute(t, 2, low, high, [1, 3, 5, 7]));
  return lanes(t, 2, 'add', d, sum);
}

const dots = ([0, 1] as const).map((u) =>
  family<Fields>(
    `${su(u)}dot <Vd>.<T>, <Vn>.<Tb>, <Vm>.<Tb>`,
    `0 q:1 ${u} 01110 10 0 rm:5 100101 rn:5 rd:5`,
    (t, { q, rm, rn, rd }) => t.setVq(rd, q, dot(t, t.v(rd), t.v(rn), t.v(rm), u)),
  ),
);

export const simdThreeSame: readonly Row<Translator>[] = [
  ...table.flatMap(rowsOf),
  ...logic.map(([name, u, size, f]) =>
    family<Fields>(
      `${name} <Vd>.<T>, <Vn>.<T>, <Vm>.<T>`,
      `0 q:1 ${u} 01110 ${size} 1 rm:5 000111 rn:5 rd:5`,
      (t, { q, rm, rn, rd }) =>
        t.setVq(
          rd,
          q,
          f(t, t.v(rn), t.v(rm), () => t.v(rd)),
        ),
    ),
  ),
  ...rdm('sqrdmlah', '10000', integer.qrdMlah),
  ...rdm('sqrdmlsh', '10001', integer.qrdMlsh),
  ...dots,
];
