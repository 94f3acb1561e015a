/** Advanced SIMD vector x indexed element (Arm ARM C4.1.96.9, C4.1.96.18). */
import { hostFuses } from '../../host-fuses.ts';
import type { Row } from '../../row.ts';
import * as fp from '../helpers/floating.ts';
import * as integer from '../helpers/integer.ts';
import { packLanes, Shape } from '../helpers/lanes.ts';
import type { Translator } from '../translator.ts';
import { arithmeticLanes, isExact, negateLanes, vectorMla } from './fp-mode.ts';
import { broadcast, extendMultiply, family, lanes, permute, type V128 } from './simd-row.ts';
import { multiplyAccumulate } from './simd-three-different.ts';
import { dot, multiply } from './simd-three-same.ts';

type Fields = 'q' | 'size' | 'l' | 'm' | 'rm' | 'h' | 'rn' | 'rd';
type F = Readonly<Record<Fields, number>>;

interface Element {
  readonly register: number;
  readonly index: number;
}

/** Halfwords: register V0–V15, index H:L:M. Words: index H:L. Doublewords: index H. */
function element(size: number, { l, m, rm, h }: F): Element {
  if (size === 1) return { register: rm, index: (h << 2) | (l << 1) | m };
  const register = (m << 4) | rm;
  return size === 2 ? { register, index: (h << 1) | l } : { register, index: h };
}

type Fast = (t: Translator, n: V128, m: V128, d: () => V128, size: number, q: number) => V128;

const same = (name: string, u: 0 | 1, opcode: string, fast: Fast): Row<Translator> =>
  family<Fields>(`${name} <Vd>.<T>, <Vn>.<T>, <Vm>.<Ts>[<index>]`, vector(u, opcode), (t, f) => {
    if (f.size === 0 || f.size === 3) return t.undefined();
    const e = element(f.size, f);
    t.setVq(
      f.rd,
      f.q,
      fast(t, t.v(f.rn), broadcast(t, f.size, t.v(e.register), e.index), () => t.v(f.rd), f.size, f.q),
    );
  });

const long = (name: string, u: 0 | 1, opcode: string, fast: Fast): Row<Translator> =>
  family<Fields>(`${name}<2> <Vd>.<Ta>, <Vn>.<Tb>, <Vm>.<Ts>[<index>]`, vector(u, opcode), (t, f) => {
    if (f.size === 0 || f.size === 3) return t.undefined();
    const e = element(f.size, f);
    t.setV(
      f.rd,
      fast(t, t.v(f.rn), broadcast(t, f.size, t.v(e.register), e.index), () => t.v(f.rd), f.size, f.q),
    );
  });

function vector(u: number, opcode: string): string {
  return `0 q:1 ${u} 01111 size:2 l:1 m:1 rm:4 ${opcode} h:1 0 rn:5 rd:5`;
}
function scalar(u: number, opcode: string): string {
  return `01 ${u} 11111 size:2 l:1 m:1 rm:4 ${opcode} h:1 0 rn:5 rd:5`;
}

/** The destination's lanes are twice as wide in the long forms. */
function elementOperands(isVector: boolean, isLong: boolean): string {
  if (isLong) return isVector ? '<2> <Vd>.<Ta>, <Vn>.<Tb>' : ' <Va>d, <Vb>n';
  return isVector ? ' <Vd>.<T>, <Vn>.<T>' : ' <V>d, <V>n';
}

/** Saturating ones by helper, vector and scalar. */
const helped = (name: string, u: 0 | 1, opcode: string, helper: number): Row<Translator>[] =>
  [true, false].map((isVector) =>
    family<Fields>(
      `${name}${elementOperands(isVector, name.startsWith('sqdml') || name === 'sqdmull')}, <Vm>.<Ts>[<index>]`,
      isVector ? vector(u, opcode) : scalar(u, opcode),
      (t, f) => {
        if (f.size === 0 || f.size === 3) return t.undefined();
        const e = element(f.size, f);
        t.helper(helper, packLanes(f.rd, f.rn, e.register, f.size, isVector ? f.q : Shape.SCALAR, 0, e.index));
      },
    ),
  );

type FpFast = (t: Translator, sz: number, n: V128, m: V128, d: () => V128) => V128 | null;

/** size 0: half precision, 2: single, 3: double. */
function floating(t: Translator, f: F, shape: number, helper: number, fast: FpFast): void {
  const { size, l, rn, rd } = f;
  if (size === 1 || (size === 3 && (l === 1 || shape === 0))) return t.undefined();
  const bytes = size === 0 ? 1 : size;
  const e = element(bytes, f);
  if (size !== 0 && !isExact(t)) {
    let m = broadcast(t, bytes, t.v(e.register), e.index);
    let n = t.v(rn);
    // lanes beyond the result could only raise false alarms, but never reach it
    if (shape === Shape.SCALAR) [n, m] = [keepLane0(t, bytes, n), keepLane0(t, bytes, m)];
    const v = fast(t, size - 2, n, m, () => t.v(rd));
    if (v) return shape === Shape.SCALAR ? t.setV(rd, keepLane0(t, bytes, v)) : t.setVq(rd, shape, v);
  }
  t.helper(helper, packLanes(rd, rn, e.register, bytes, shape, 0, e.index));
}

/** Lane 0, the rest zero. */
function keepLane0(t: Translator, size: number, v: V128): V128 {
  return size === 3 ? t.low64(v) : permute(t, 2, v, t.zero(), [0, 4, 4, 4]);
}

const fma =
  (negate: boolean): FpFast =>
  (t, sz, n, m, d) =>
    hostFuses() ? vectorMla(t, sz, d(), negate ? negateLanes(t, sz, n) : n, m) : null;

const fpRows = (name: string, u: 0 | 1, opcode: string, helper: number, fast: FpFast): Row<Translator>[] => [
  family<Fields>(`${name} <Vd>.<T>, <Vn>.<T>, <Vm>.<Ts>[<index>]`, vector(u, opcode), (t, f) =>
    floating(t, f, f.q, helper, fast),
  ),
  family<Fields>(`${name} <V>d, <V>n, <Vm>.<Ts>[<index>]`, scalar(u, opcode), (t, f) =>
    floating(t, f, Shape.SCALAR, helper, fast),
  ),
];

const dots = ([0, 1] as const).map((u) =>
  family<Fields>(
    `${u ? 'u' : 's'}dot <Vd>.<T>, <Vn>.<Tb>, <Vm>.4B[<index>]`,
    `0 q:1 ${u} 01111 10 l:1 m:1 rm:4 1110 h:1 0 rn:5 rd:5`,
    (t, f) => {
      const e = element(2, f);
      t.setVq(f.rd, f.q, dot(t, t.v(f.rd), t.v(f.rn), broadcast(t, 2, t.v(e.register), e.index), u));
    },
  ),
);

// biome-ignore format: one instruction per line
export const simdElement: readonly Row<Translator>[] = [
  same('mul', 0, '1000', (t, n, m, _d, size) => multiply(t, size, n, m)),
  same('mla', 1, '0000', (t, n, m, d, size) => lanes(t, size, 'add', d(), multiply(t, size, n, m))),
  same('mls', 1, '0100', (t, n, m, d, size) => lanes(t, size, 'sub', d(), multiply(t, size, n, m))),
  ...([0, 1] as const).flatMap((u) => [
    long(`${u ? 'u' : 's'}mlal`, u, '0010', (t, n, m, d, size, q) => multiplyAccumulate('add')(t, n, m, d, size, u, q)),
    long(`${u ? 'u' : 's'}mlsl`, u, '0110', (t, n, m, d, size, q) => multiplyAccumulate('sub')(t, n, m, d, size, u, q)),
    long(`${u ? 'u' : 's'}mull`, u, '1010', (t, n, m, _d, size, q) => extendMultiply(t, size, n, m, u, q)),
  ]),
  ...helped('sqdmlal', 0, '0011', integer.qdMlal),
  ...helped('sqdmlsl', 0, '0111', integer.qdMlsl),
  ...helped('sqdmull', 0, '1011', integer.qdMull),
  ...helped('sqdmulh', 0, '1100', integer.qdMulh),
  ...helped('sqrdmulh', 0, '1101', integer.qrdMulh),
  ...helped('sqrdmlah', 1, '1101', integer.qrdMlah),
  ...helped('sqrdmlsh', 1, '1111', integer.qrdMlsh),
  ...dots,
  ...fpRows('fmla', 0, '0001', fp.fpMla, fma(false)),
  ...fpRows('fmls', 0, '0101', fp.fpMls, fma(true)),
  ...fpRows('fmul', 0, '1001', fp.fpMul, (t, sz, n, m) => arithmeticLanes(t, sz, 'mul', n, m)),
  ...fpRows('fmulx', 1, '1001', fp.fpMulX, () => null),
];
