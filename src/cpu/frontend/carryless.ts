/**
 * Carry-less products by ordinary multiplication: operands are taken apart into classes of every n-th bit, so that no sum
 * of partial products reaches the next bit of its class.
 */
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/value.ts';

type I64 = Value<'i64'>;
type V128 = Value<'v128'>;

export interface Ring<V> {
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
export function product<V>(ring: Ring<V>, a: V, b: V, bits: number, step: number): V {
  const classes = (v: V): V[] => Array.from({ length: step }, (_, i) => ring.and(v, every(step, i, bits)));
  const [x, y] = [classes(a), classes(b)];
  const parts = Array.from({ length: step }, (_, r) => {
    const terms = x.map((xi, i) => ring.mul(xi, y[(r - i + step) % step] as V));
    return ring.and(terms.reduce((p, q) => ring.xor(p, q)), every(step, r, bits * 2)); // biome-ignore format: one line
  });
  return parts.reduce((p, q) => ring.xor(p, q));
}

const scalar = (b: Builder): Ring<I64> => ({
  and: (v, mask) => b.i64.and(v, b.const64(mask)),
  xor: (x, y) => b.i64.xor(x, y),
  mul: (x, y) => b.i64.mul(x, y),
});

/** 32 bits: classes of every fourth bit, sums of at most eight. Karatsuba's three products. */
export function product64(b: Builder, n: I64, m: I64): V128 {
  const { i64 } = b;
  const ring = scalar(b);
  const half = b.const64(32);
  const clmul = (x: I64, y: I64): I64 => product(ring, x, y, 32, 4);
  const [n1, m1] = [i64.shr_u(n, half), i64.shr_u(m, half)];
  // the masks of the classes drop the upper halves of n and m
  const low = clmul(n, m);
  const high = clmul(n1, m1);
  const middle = i64.xor(i64.xor(clmul(i64.xor(n, n1), i64.xor(m, m1)), low), high);
  const v = b.i64x2.splat(i64.xor(low, i64.shl(middle, half)));
  return b.replace('i64x2.replace_lane', v, 1, i64.xor(high, i64.shr_u(middle, half)));
}
