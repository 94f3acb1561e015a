/** Polynomial products (PMUL, PMULL; Arm ARM C7.2). */

import { product, type Ring } from '../../../crypto/carryless.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { extend, family, splat, unzip, type V128 } from './simd-row.ts';

type I64 = Value<'i64'>;

/** Bytes in halfwords: classes of every third bit, sums of at most three. */
function products8(t: Translator, n: V128, m: V128, high: number): V128 {
  const ring: Ring<V128> = {
    and: (v, mask) => t.b.v128.and(v, splat(t, 1, mask)),
    xor: (a, b) => t.b.v128.xor(a, b),
    mul: (a, b) => t.b.i16x8.mul(a, b),
  };
  return product(ring, extend(t, 0, n, 1, high), extend(t, 0, m, 1, high), 8, 3);
}

/** PMUL: the low bytes of the products. */
export function polynomialMultiply(t: Translator, n: V128, m: V128): V128 {
  return unzip(t, 0, 1, products8(t, n, m, 0), products8(t, n, m, 1), 0);
}

type Fields = 'q' | 'rm' | 'rn' | 'rd';

const lane = (t: Translator, n: number, i: number): I64 => t.b.extract('i64x2.extract_lane', t.v(n), i);

// biome-ignore format: one instruction per line
export const polynomial: readonly Row<Translator>[] = [
  family<Fields>('pmull<2> <Vd>.8H, <Vn>.<Tb>, <Vm>.<Tb>', '0 q:1 0 01110 00 1 rm:5 111000 rn:5 rd:5', (t, { q, rm, rn, rd }) => t.setV(rd, products8(t, t.v(rn), t.v(rm), q))),
  family<Fields>('pmull<2> <Vd>.1Q, <Vn>.<Tb>, <Vm>.<Tb>', '0 q:1 0 01110 11 1 rm:5 111000 rn:5 rd:5', (t, { q, rm, rn, rd }) => t.setV(rd, t.b.i64x2.clmul(lane(t, rn, q), lane(t, rm, q)))),
];
