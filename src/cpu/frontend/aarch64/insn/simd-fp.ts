/** Advanced SIMD floating point: three same, two-register miscellaneous, pairwise, across lanes (Arm ARM C4.1.96). */

import type { OpName } from '../../../ir/opcodes.ts';
import { hostFuses } from '../../host-fuses.ts';
import type { Row } from '../../row.ts';
import * as fp from '../helpers/floating.ts';
import { packLanes, Shape } from '../helpers/lanes.ts';
import type { Translator } from '../translator.ts';
import { arithmeticLanes, floatLanes, isExact, negateLanes, vectorMla, vectorNaN } from './fp-mode.ts';
import { halfToSingle, singleToHalf } from './saturating.ts';
import { family, permute, setNarrow, shiftBy, unzip, type V128 } from './simd-row.ts';

type Three = 'q' | 'sz' | 'rm' | 'rn' | 'rd';
type Two = 'q' | 'sz' | 'rn' | 'rd';
type Fast3 = (t: Translator, sz: number, n: V128, m: V128, d: () => V128) => V128 | null;
type Fast2 = (t: Translator, sz: number, n: V128) => V128 | null;

const HALF = 1;

const op = (t: Translator, sz: number, name: string, a: V128, b: V128 | null = null): V128 =>
  t.b.emit(`${floatLanes(sz)}.${name}` as OpName, a, b) as V128;

/** Lane 0, the rest zero, for scalar forms. */
const lane0 = (t: Translator, sz: number, v: V128): V128 =>
  sz ? t.low64(v) : permute(t, 2, v, t.zero(), [0, 4, 4, 4]);

const binary =
  (name: 'add' | 'sub' | 'mul' | 'div'): Fast3 =>
  (t, sz, n, m) =>
    arithmeticLanes(t, sz, name, n, m);
const extreme =
  (name: 'max' | 'min'): Fast3 =>
  (t, sz, n, m) =>
    vectorNaN(t, sz, op(t, sz, name, n, m), n, m);
const compare =
  (name: 'eq' | 'ge' | 'gt', absolute = false): Fast3 =>
  (t, sz, n, m) =>
    absolute ? op(t, sz, name, op(t, sz, 'abs', n), op(t, sz, 'abs', m)) : op(t, sz, name, n, m);
const fused =
  (negate: boolean): Fast3 =>
  (t, sz, n, m, d) =>
    hostFuses() ? vectorMla(t, sz, d(), negate ? negateLanes(t, sz, n) : n, m) : null;
/** FMAXNM, FMINNM: a lone quiet NaN yields to the number; a signalling one wins, made quiet. */
const numberExtreme =
  (name: 'max' | 'min'): Fast3 =>
  (t, sz, n, m) => {
    const same = (v: V128): V128 => op(t, sz, 'eq', v, v);
    const [x, y] = [t.b.v128.bitselect(n, m, same(n)), t.b.v128.bitselect(m, n, same(m))];
    // the quiet bit moved to the top of the lane, then spread over it
    const quiet = (v: V128): V128 =>
      shiftBy(t, sz + 2, 'shr_s', shiftBy(t, sz + 2, 'shl', v, sz ? 12 : 9), sz ? 63 : 31);
    const fine = (v: V128): V128 => t.b.v128.or(same(v), quiet(v));
    const numbers = t.b.v128.and(same(x), t.b.v128.and(fine(n), fine(m)));
    return t.b.v128.bitselect(op(t, sz, name, x, y), arithmeticLanes(t, sz, 'add', n, m), numbers);
  };
const none = (): null => null;

interface Same {
  readonly name: string;
  readonly u: 0 | 1;
  readonly a: 0 | 1;
  readonly opcode: string;
  readonly helper: number;
  readonly fast: Fast3;
  readonly scalar?: boolean;
  readonly pairs?: boolean;
}

// biome-ignore format: a table
const three: readonly Same[] = [
  { name: 'fmaxnm', u: 0, a: 0, opcode: '000', helper: fp.fpMaxNum, fast: numberExtreme('max') },
  { name: 'fminnm', u: 0, a: 1, opcode: '000', helper: fp.fpMinNum, fast: numberExtreme('min') },
  { name: 'fmla', u: 0, a: 0, opcode: '001', helper: fp.fpMla, fast: fused(false) },
  { name: 'fmls', u: 0, a: 1, opcode: '001', helper: fp.fpMls, fast: fused(true) },
  { name: 'fadd', u: 0, a: 0, opcode: '010', helper: fp.fpAdd, fast: binary('add') },
  { name: 'fsub', u: 0, a: 1, opcode: '010', helper: fp.fpSub, fast: binary('sub') },
  { name: 'fmulx', u: 0, a: 0, opcode: '011', helper: fp.fpMulX, fast: none, scalar: true },
  { name: 'fcmeq', u: 0, a: 0, opcode: '100', helper: fp.fpCmEq, fast: compare('eq'), scalar: true },
  { name: 'fmax', u: 0, a: 0, opcode: '110', helper: fp.fpMax, fast: extreme('max') },
  { name: 'fmin', u: 0, a: 1, opcode: '110', helper: fp.fpMin, fast: extreme('min') },
  { name: 'frecps', u: 0, a: 0, opcode: '111', helper: fp.fpRecipStep, fast: none, scalar: true },
  { name: 'frsqrts', u: 0, a: 1, opcode: '111', helper: fp.fpRSqrtStep, fast: none, scalar: true },
  { name: 'fmaxnmp', u: 1, a: 0, opcode: '000', helper: fp.fpMaxNumP, fast: numberExtreme('max'), pairs: true },
  { name: 'fminnmp', u: 1, a: 1, opcode: '000', helper: fp.fpMinNumP, fast: numberExtreme('min'), pairs: true },
  { name: 'faddp', u: 1, a: 0, opcode: '010', helper: fp.fpAddP, fast: binary('add'), pairs: true },
  { name: 'fabd', u: 1, a: 1, opcode: '010', helper: fp.fpAbsDiff, fast: (t, sz, n, m) => op(t, sz, 'abs', arithmeticLanes(t, sz, 'sub', n, m)), scalar: true },
  { name: 'fmul', u: 1, a: 0, opcode: '011', helper: fp.fpMul, fast: binary('mul') },
  { name: 'fcmge', u: 1, a: 0, opcode: '100', helper: fp.fpCmGe, fast: compare('ge'), scalar: true },
  { name: 'fcmgt', u: 1, a: 1, opcode: '100', helper: fp.fpCmGt, fast: compare('gt'), scalar: true },
  { name: 'facge', u: 1, a: 0, opcode: '101', helper: fp.fpAcGe, fast: compare('ge', true), scalar: true },
  { name: 'facgt', u: 1, a: 1, opcode: '101', helper: fp.fpAcGt, fast: compare('gt', true), scalar: true },
  { name: 'fmaxp', u: 1, a: 0, opcode: '110', helper: fp.fpMaxP, fast: extreme('max'), pairs: true },
  { name: 'fminp', u: 1, a: 1, opcode: '110', helper: fp.fpMinP, fast: extreme('min'), pairs: true },
  { name: 'fdiv', u: 1, a: 0, opcode: '111', helper: fp.fpDiv, fast: binary('div') },
];

/** `shape`: Q, or scalar. */
function lift3(t: Translator, s: Same, shape: number, f: Readonly<Record<Three, number>>): void {
  const { sz, rm, rn, rd } = f;
  if (shape === 0 && sz === 1) return t.undefined();
  if (!isExact(t)) {
    let [n, m] = [t.v(rn), t.v(rm)];
    if (s.pairs) [n, m] = [unzip(t, sz + 2, shape, n, m, 0), unzip(t, sz + 2, shape, n, m, 1)];
    const v = s.fast(t, sz, n, m, () => t.v(rd));
    if (v) return shape === Shape.SCALAR ? t.setV(rd, lane0(t, sz, v)) : t.setVq(rd, shape, v);
  }
  t.helper(s.helper, packLanes(rd, rn, rm, sz + 2, shape));
}

function rows3(s: Same): Row<Translator>[] {
  const vector = `${s.name} <Vd>.<T>, <Vn>.<T>, <Vm>.<T>`;
  const scalar = `${s.name} <V>d, <V>n, <V>m`;
  const tail = `${s.a} sz:1 1 rm:5 11${s.opcode} 1 rn:5 rd:5`;
  const half = `${s.a} 10 rm:5 00${s.opcode} 1 rn:5 rd:5`;
  const list = [
    family<Three>(vector, `0 q:1 ${s.u} 01110 ${tail}`, (t, f) => lift3(t, s, f.q, f)),
    family<Three>(vector, `0 q:1 ${s.u} 01110 ${half}`, (t, f) =>
      t.helper(s.helper, packLanes(f.rd, f.rn, f.rm, HALF, f.q)),
    ),
  ];
  if (!s.scalar) return list;
  return [
    ...list,
    family<Three>(scalar, `01 ${s.u} 11110 ${tail}`, (t, f) => lift3(t, s, Shape.SCALAR, f)),
    family<Three>(scalar, `01 ${s.u} 11110 ${half}`, (t, f) =>
      t.helper(s.helper, packLanes(f.rd, f.rn, f.rm, HALF, Shape.SCALAR)),
    ),
  ];
}

interface Misc {
  readonly name: string;
  readonly u: 0 | 1;
  readonly a: 0 | 1;
  readonly opcode: string;
  readonly helper: number;
  readonly imm?: number;
  readonly fast: Fast2;
  readonly scalar?: boolean;
  /** No vector form. */
  readonly scalarOnly?: boolean;
}

const NEAREST_BELOW_HALF = [0.49999997019767761, 0.49999999999999994];

/** Ties away: see roundAway in fp-data.ts. */
function roundAway(t: Translator, sz: number, n: V128): V128 {
  const c = NEAREST_BELOW_HALF[sz] as number;
  const half = sz ? t.b.f64x2.splat(t.b.constF64(c)) : t.b.f32x4.splat(t.b.constF32(c));
  const sign = sz ? t.b.constV64(1n << 63n, 1n << 63n) : t.b.constV64(0x8000_0000_8000_0000n, 0x8000_0000_8000_0000n);
  const signed = (v: V128): V128 => t.b.v128.bitselect(n, v, sign);
  return signed(op(t, sz, 'trunc', op(t, sz, 'add', n, signed(half))));
}

const host: Readonly<Record<string, string>> = { n: 'nearest', p: 'ceil', m: 'floor', z: 'trunc' };
const rounded = (t: Translator, sz: number, letter: string, n: V128): V128 =>
  letter === 'a' ? roundAway(t, sz, n) : op(t, sz, host[letter] as string, n);
const rint =
  (letter: string): Fast2 =>
  (t, sz, n) =>
    vectorNaN(t, sz, rounded(t, sz, letter, n), n);

/** Saturating conversion to integers of the lane's width; doubles one by one. */
const toInteger =
  (letter: string, u: number): Fast2 =>
  (t, sz, n) => {
    const r = letter === 'z' ? n : rounded(t, sz, letter, n);
    const sign = u ? 'u' : 's';
    if (sz === 0) return t.b.emit(`i32x4.trunc_sat_f32x4_${sign}`, r) as V128;
    const lane = (i: number): ReturnType<Translator['x']> =>
      t.b.emit(`i64.trunc_sat_f64_${sign}`, t.b.extract('f64x2.extract_lane', r, i)) as ReturnType<Translator['x']>;
    return t.b.replace('i64x2.replace_lane', t.b.i64x2.splat(lane(0)), 1, lane(1));
  };
const fromInteger =
  (u: number): Fast2 =>
  (t, sz, n) => {
    const sign = u ? 'u' : 's';
    if (sz === 0) return t.b.emit(`f32x4.convert_i32x4_${sign}`, n) as V128;
    const lane = (i: number): ReturnType<Translator['d']> =>
      t.b.emit(`f64.convert_i64_${sign}`, t.b.extract('i64x2.extract_lane', n, i)) as ReturnType<Translator['d']>;
    return t.b.replace('f64x2.replace_lane', t.b.f64x2.splat(lane(0)), 1, lane(1));
  };
const zero =
  (name: string): Fast2 =>
  (t, sz, n) =>
    op(t, sz, name, n, t.zero());

// biome-ignore format: a table
const two: readonly Misc[] = [
  { name: 'fcmgt #0', u: 0, a: 1, opcode: '01100', helper: fp.fpCmGt0, fast: zero('gt'), scalar: true },
  { name: 'fcmge #0', u: 1, a: 1, opcode: '01100', helper: fp.fpCmGe0, fast: zero('ge'), scalar: true },
  { name: 'fcmeq #0', u: 0, a: 1, opcode: '01101', helper: fp.fpCmEq0, fast: zero('eq'), scalar: true },
  { name: 'fcmle #0', u: 1, a: 1, opcode: '01101', helper: fp.fpCmLe0, fast: zero('le'), scalar: true },
  { name: 'fcmlt #0', u: 0, a: 1, opcode: '01110', helper: fp.fpCmLt0, fast: zero('lt'), scalar: true },
  { name: 'fabs', u: 0, a: 1, opcode: '01111', helper: fp.fpAbs, fast: (t, sz, n) => op(t, sz, 'abs', n) },
  { name: 'fneg', u: 1, a: 1, opcode: '01111', helper: fp.fpNeg, fast: (t, sz, n) => op(t, sz, 'neg', n) },
  { name: 'fsqrt', u: 1, a: 1, opcode: '11111', helper: fp.fpSqrt, fast: (t, sz, n) => vectorNaN(t, sz, op(t, sz, 'sqrt', n), n) },
  { name: 'frintn', u: 0, a: 0, opcode: '11000', helper: fp.fpRint, imm: 0, fast: rint('n') },
  { name: 'frintm', u: 0, a: 0, opcode: '11001', helper: fp.fpRint, imm: 2, fast: rint('m') },
  { name: 'frintp', u: 0, a: 1, opcode: '11000', helper: fp.fpRint, imm: 1, fast: rint('p') },
  { name: 'frintz', u: 0, a: 1, opcode: '11001', helper: fp.fpRint, imm: 3, fast: rint('z') },
  { name: 'frinta', u: 1, a: 0, opcode: '11000', helper: fp.fpRint, imm: 4, fast: rint('a') },
  { name: 'frintx', u: 1, a: 0, opcode: '11001', helper: fp.fpRint, imm: 7, fast: rint('n') },
  { name: 'frinti', u: 1, a: 1, opcode: '11001', helper: fp.fpRint, imm: 6, fast: rint('n') },
  ...([0, 1] as const).flatMap((u): Misc[] => [
    { name: `fcvtn${u ? 'u' : 's'}`, u, a: 0, opcode: '11010', helper: fp.fpToInt, imm: 0 | (u << 3), fast: toInteger('n', u), scalar: true },
    { name: `fcvtm${u ? 'u' : 's'}`, u, a: 0, opcode: '11011', helper: fp.fpToInt, imm: 2 | (u << 3), fast: toInteger('m', u), scalar: true },
    { name: `fcvta${u ? 'u' : 's'}`, u, a: 0, opcode: '11100', helper: fp.fpToInt, imm: 4 | (u << 3), fast: toInteger('a', u), scalar: true },
    { name: `fcvtp${u ? 'u' : 's'}`, u, a: 1, opcode: '11010', helper: fp.fpToInt, imm: 1 | (u << 3), fast: toInteger('p', u), scalar: true },
    { name: `fcvtz${u ? 'u' : 's'}`, u, a: 1, opcode: '11011', helper: fp.fpToInt, imm: 3 | (u << 3), fast: toInteger('z', u), scalar: true },
    { name: `${u ? 'u' : 's'}cvtf`, u, a: 0, opcode: '11101', helper: fp.fixToFp, imm: u << 7, fast: fromInteger(u), scalar: true },
  ]),
  { name: 'frecpe', u: 0, a: 1, opcode: '11101', helper: fp.fpRecipEstimate, fast: none, scalar: true },
  { name: 'frsqrte', u: 1, a: 1, opcode: '11101', helper: fp.fpRSqrtEstimate, fast: none, scalar: true },
  { name: 'frecpx', u: 0, a: 1, opcode: '11111', helper: fp.fpRecpX, fast: none, scalar: true, scalarOnly: true },
];

function lift2(t: Translator, m: Misc, shape: number, { sz, rn, rd }: Readonly<Record<Two, number>>): void {
  if (shape === 0 && sz === 1) return t.undefined();
  const v = isExact(t) ? null : m.fast(t, sz, t.v(rn));
  if (!v) return t.helper(m.helper, packLanes(rd, rn, 0, sz + 2, shape, m.imm ?? 0));
  if (shape === Shape.SCALAR) t.setV(rd, lane0(t, sz, v));
  else t.setVq(rd, shape, v);
}

function rows2(m: Misc): Row<Translator>[] {
  const [mnemonic, withZero] = m.name.split(' ');
  const end = withZero ? ', #0.0' : '';
  const vector = `${mnemonic} <Vd>.<T>, <Vn>.<T>${end}`;
  const scalar = `${mnemonic} <V>d, <V>n${end}`;
  const tail = `${m.a} sz:1 10000 ${m.opcode} 10 rn:5 rd:5`;
  const half = `${m.a} 1111 00 ${m.opcode} 10 rn:5 rd:5`;
  const imm = m.imm ?? 0;
  const list: Row<Translator>[] = [];
  if (!m.scalarOnly) {
    list.push(
      family<Two>(vector, `0 q:1 ${m.u} 01110 ${tail}`, (t, f) => lift2(t, m, f.q, f)),
      family<Two>(vector, `0 q:1 ${m.u} 01110 ${half}`, (t, f) =>
        t.helper(m.helper, packLanes(f.rd, f.rn, 0, HALF, f.q, imm)),
      ),
    );
  }
  if (m.scalar) {
    list.push(
      family<Two>(scalar, `01 ${m.u} 11110 ${tail}`, (t, f) => lift2(t, m, Shape.SCALAR, f)),
      family<Two>(scalar, `01 ${m.u} 11110 ${half}`, (t, f) =>
        t.helper(m.helper, packLanes(f.rd, f.rn, 0, HALF, Shape.SCALAR, imm)),
      ),
    );
  }
  return list;
}

/** FCVTL, FCVTN, FCVTXN: sz is the wider format's (0: single and half, 1: double and single). */
function convertLong(t: Translator, { q, sz, rn, rd }: Readonly<Record<Two, number>>): void {
  if (isExact(t)) return t.helper(fp.fpCvtL, packLanes(rd, rn, 0, 1 + sz, q));
  if (sz === 0) return t.setV(rd, halfToSingle(t, t.v(rn), q));
  const n = q ? permute(t, 3, t.v(rn), t.v(rn), [1, 1]) : t.v(rn);
  t.setV(rd, t.b.f64x2.promote_low_f32x4(n));
}

function convertNarrow(t: Translator, { q, sz, rn, rd }: Readonly<Record<Two, number>>): void {
  if (isExact(t)) return t.helper(fp.fpCvtN, packLanes(rd, rn, 0, 1 + sz, q));
  if (sz === 0) return setNarrow(t, rd, q, singleToHalf(t, t.v(rn)));
  const v = t.b.f32x4.demote_f64x2_zero(t.v(rn));
  t.setV(rd, q ? permute(t, 3, t.v(rd), v, [0, 2]) : v);
}

/** Across lanes (4S, and 4H/8H of half precision) and scalar pairwise. */
// biome-ignore format: a table
const reductions = [
  ['fmaxnm', 0, '01100', fp.fpMaxNumV, fp.fpMaxNumP], ['fminnm', 1, '01100', fp.fpMinNumV, fp.fpMinNumP],
  ['fmax', 0, '01111', fp.fpMaxV, fp.fpMaxP], ['fmin', 1, '01111', fp.fpMinV, fp.fpMinP],
] as const;

const across = reductions.flatMap(([name, a, opcode, v, p]) => [
  family<Two>(`${name}v <V>d, <Vn>.<T>`, `0 1 1 01110 ${a} 0 11000 ${opcode} 10 rn:5 rd:5`, (t, f) =>
    t.helper(v, packLanes(f.rd, f.rn, 0, 2, 1)),
  ),
  family<Two>(`${name}v <V>d, <Vn>.<T>`, `0 q:1 0 01110 ${a} 0 11000 ${opcode} 10 rn:5 rd:5`, (t, f) =>
    t.helper(v, packLanes(f.rd, f.rn, 0, HALF, f.q)),
  ),
  ...pairwise(`${name}p`, a, opcode, p),
]);

function pairwise(name: string, a: 0 | 1, opcode: string, helper: number): Row<Translator>[] {
  return [
    family<Two>(`${name} <V>d, <Vn>.<T>`, `01 1 11110 ${a} sz:1 11000 ${opcode} 10 rn:5 rd:5`, (t, f) =>
      t.helper(helper, packLanes(f.rd, f.rn, 0, 2 + f.sz, Shape.SCALAR)),
    ),
    family<Two>(`${name} <V>d, <Vn>.<T>`, `01 0 11110 ${a} 0 11000 ${opcode} 10 rn:5 rd:5`, (t, f) =>
      t.helper(helper, packLanes(f.rd, f.rn, 0, HALF, Shape.SCALAR)),
    ),
  ];
}

/** The sum of a pair is common (horizontal additions): in line. */
const faddp = family<Two>('faddp <V>d, <Vn>.<T>', '01 1 11110 0 sz:1 11000 01101 10 rn:5 rd:5', (t, { sz, rn, rd }) => {
  if (isExact(t)) return t.helper(fp.fpAddP, packLanes(rd, rn, 0, 2 + sz, Shape.SCALAR));
  const n = t.v(rn);
  const other = sz ? permute(t, 3, n, n, [1, 0]) : permute(t, 2, n, n, [1, 0, 2, 3]);
  t.setV(rd, lane0(t, sz, arithmeticLanes(t, sz, 'add', n, other)));
});

// biome-ignore format: one instruction per line
export const simdFp: readonly Row<Translator>[] = [
  ...three.flatMap(rows3),
  ...two.flatMap(rows2),
  family<Two>('fcvtl<2> <Vd>.<Ta>, <Vn>.<Tb>', '0 q:1 0 01110 0 sz:1 10000 10111 10 rn:5 rd:5', convertLong),
  family<Two>('fcvtn<2> <Vd>.<Tb>, <Vn>.<Ta>', '0 q:1 0 01110 0 sz:1 10000 10110 10 rn:5 rd:5', convertNarrow),
  family<Two>('fcvtxn<2> <Vd>.<Tb>, <Vn>.<Ta>', '0 q:1 1 01110 01 10000 10110 10 rn:5 rd:5', (t, f) => t.helper(fp.fpCvtXN, packLanes(f.rd, f.rn, 0, 2, f.q))),
  family<Two>('fcvtxn <Vb>d, <Va>n', '01 1 11110 01 10000 10110 10 rn:5 rd:5', (t, f) => t.helper(fp.fpCvtXN, packLanes(f.rd, f.rn, 0, 2, Shape.SCALAR))),
  ...across,
  faddp,
  family<Two>('faddp <V>d, <Vn>.<T>', '01 0 11110 00 11000 01101 10 rn:5 rd:5', (t, f) => t.helper(fp.fpAddP, packLanes(f.rd, f.rn, 0, HALF, Shape.SCALAR))),
];
