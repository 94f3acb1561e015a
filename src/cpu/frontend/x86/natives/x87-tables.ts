/** What the x87's transcendental natives look up: 128-bit fractions, the lower half in front, made by the exact series. */
import type { NativeTable } from '../../../ir/native.ts';
import { atan, atanh, exp2m1, ln2, pi, sinCos } from '../../../softfloat/x87/series.ts';
import type { Series } from './wide.ts';

/** Precision they are made with. */
const P = 192;
const one = 1n << BigInt(P);
const halves = (value: bigint): readonly bigint[] => {
  // rounded, and what is one just below it
  const all = (value + (1n << BigInt(P - 129))) >> BigInt(P - 128);
  const fraction = all >> 128n ? (1n << 128n) - 1n : all;
  return [BigInt.asUintN(64, fraction), fraction >> 64n];
};
const list = (length: number, f: (i: number) => bigint): readonly bigint[] =>
  Array.from({ length }, (_, i) => halves(f(i))).flat();
const fraction = (a: number, b: number): bigint => (BigInt(a) * one) / BigInt(b);

/** A step of the tables by argument is 1/32. */
export const STEPS = 32;

const power = (x: bigint, n: number): bigint => (n === 0 ? one : (power(x, n - 1) * x) >> BigInt(P));
const factorial = (n: number): bigint => (n < 2 ? 1n : BigInt(n) * factorial(n - 1));

/** (2^t − 1)/t, |t| ≤ 1/64. */
export const POWER: Series = {
  table: () => list(14, (i) => power(ln2(P), i + 1) / factorial(i + 1)),
  wide: 10,
  length: 14,
};
/** 2^(k/32)/4 for k from −32 to 32. */
export const POWERS: NativeTable = () =>
  list(2 * STEPS + 1, (i) => (one + exp2m1(fraction(i - STEPS, STEPS), P)) >> 2n);

/** Intervals of a significand that have a factor of their own. */
export const INTERVALS = 64;
/** Those factors × 128: they take the interval's middle nearly to one, the first and last interval's ends to one. */
const factors = Array.from({ length: INTERVALS }, (_, i) =>
  Math.round((2 * INTERVALS * INTERVALS) / (INTERVALS + i + 0.5)),
);
factors[0] = 128;
factors[INTERVALS - 1] = 64;
/** A byte for each. */
export const FACTORS: NativeTable = () => [...new BigUint64Array(Uint8Array.from(factors).buffer)];
/** log2(1/factor); the last one's is an integer, which belongs to the exponent. */
export const LOGARITHMS: NativeTable = () =>
  list(INTERVALS, (i) => {
    const k = factors[i] as number;
    return k === 64 ? 0n : (2n * atanh(fraction(128 - k, 128 + k), P, false) * one) / ln2(P);
  });
/** log2(1 − t)/−2t, |t| < 1/64. */
export const LOGARITHM: Series = {
  table: () => list(19, (i) => (one * one) / (BigInt(2 * i + 2) * ln2(P))),
  wide: 10,
  length: 19,
};

/** Sine and cosine of k/32, up to π/4. */
export const CIRCLE: NativeTable = () =>
  Array.from({ length: 27 }, (_, k) => {
    const { sin, cos } = sinCos(fraction(k, STEPS), P);
    return [...halves(sin), ...halves(cos)];
  }).flat();
/** sin(t)/2t by −t², |t| ≤ 1/64. */
export const SINE: Series = { table: () => list(8, (i) => one / (2n * factorial(2 * i + 1))), wide: 5, length: 8 };
/** cos(t)/2. */
export const COSINE: Series = { table: () => list(8, (i) => one / (2n * factorial(2 * i))), wide: 5, length: 8 };

/** atan(k/32)/4. */
export const ANGLES: NativeTable = () => list(STEPS + 1, (k) => atan(fraction(k, STEPS), P) >> 2n);
/** atan(t)/2t by −t². */
export const ANGLE: Series = { table: () => list(10, (i) => one / BigInt(4 * i + 2)), wide: 5, length: 10 };
/** π/8 and π/4. */
export const RIGHT_ANGLES: NativeTable = () => [...halves(pi(P) >> 3n), ...halves(pi(P) >> 2n)];
