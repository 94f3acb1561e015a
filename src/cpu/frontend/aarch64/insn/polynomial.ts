/**
 * Carry-less products by ordinary multiplication (PMUL, PMULL; Arm ARM C7.2): operands are taken apart into classes of
 * every n-th bit, so that no sum of partial products reaches the next bit of its class.
 */
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { extend, family, splat, unzip, type V128 } from './simd-row.ts';

type I64 = Value<'i64'>;

interface Ring<V> {
  and(v: V, mask: bigint): V;
  xor(a: V, b: V): V;
  mul(a: V, b: V): V;
}

/** The bits of `bits` that are `from` modulo `step`. */
function every(step: number, from: number, bits: number): bigint {
  let mask = 0n;
  for (let i = from; i < bits; i += step) mask |= 1n << BigInt(i);
  return mask;
}

/** Carry-less product of two `bits`-bit values in elements of twice the width. */
function product<V>(ring: Ring<V>, a: V, b: V, bits: number, step: number): V {
  const classes = (v: V): V[] => Array.from({ length: step }, (_, i) => ring.and(v, every(step, i, bits)));
  const [x, y] = [classes(a), classes(b)];
  const parts = Array.from({ length: step }, (_, r) => {
    const terms = x.map((xi, i) => ring.mul(xi, y[(r - i + step) % step] as V));
    return ring.and(terms.reduce((p, q) => ring.xor(p, q)), every(step, r, bits * 2)); // biome-ignore format: one line
  });
  return parts.reduce((p, q) => ring.xor(p, q));
}

const scalar = (t: Translator): Ring<I64> => ({
  and: (v, mask) => t.b.i64.and(v, t.b.const64(mask)),
  xor: (a, b) => t.b.i64.xor(a, b),
  mul: (a, b) => t.b.i64.mul(a, b),
});

/** 32 bits: classes of every fourth bit, sums of at most eight. Karatsuba's three products. */
function product64(t: Translator, n: I64, m: I64): V128 {
  const { i64 } = t.b;
  const ring = scalar(t);
  const half = t.b.const64(32);
  const clmul = (a: I64, b: I64): I64 => product(ring, a, b, 32, 4);
  const [n1, m1] = [i64.shr_u(n, half), i64.shr_u(m, half)];
  // the masks of the classes drop the upper halves of n and m
  const low = clmul(n, m);
  const high = clmul(n1, m1);
  const middle = i64.xor(i64.xor(clmul(i64.xor(n, n1), i64.xor(m, m1)), low), high);
  const v = t.b.i64x2.splat(i64.xor(low, i64.shl(middle, half)));
  return t.b.replace('i64x2.replace_lane', v, 1, i64.xor(high, i64.shr_u(middle, half)));
}

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
  family<Fields>('pmull<2> <Vd>.1Q, <Vn>.<Tb>, <Vm>.<Tb>', '0 q:1 0 01110 11 1 rm:5 111000 rn:5 rd:5', (t, { q, rm, rn, rd }) => t.setV(rd, product64(t, lane(t, rn, q), lane(t, rm, q)))),
];
