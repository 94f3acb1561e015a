/**
 * Carry-less products by ordinary multiplication: operands are taken apart into classes of every n-th bit, so that no sum
 * of partial products reaches the next bit of its class.
 */
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

/** With shifts by constants. */
export interface Shifting<V> extends Ring<V> {
  shl(v: V, by: number): V;
  shr(v: V, by: number): V;
}

/** Low and high half of a product of 64 bits; 32 bits: classes of every fourth bit, sums of at most eight. Karatsuba's three products. */
export function product64Parts<V>(ring: Shifting<V>, n: V, m: V): [low: V, high: V] {
  const clmul = (x: V, y: V): V => product(ring, x, y, 32, 4);
  const [n1, m1] = [ring.shr(n, 32), ring.shr(m, 32)];
  // the masks of the classes drop the upper halves of n and m
  const low = clmul(n, m);
  const high = clmul(n1, m1);
  const middle = ring.xor(ring.xor(clmul(ring.xor(n, n1), ring.xor(m, m1)), low), high);
  return [ring.xor(low, ring.shl(middle, 32)), ring.xor(high, ring.shr(middle, 32))];
}
