/** Parts of SHA-1 and SHA-256 (FIPS 180-4, 4.1) in line: programs that find such instructions use nothing else. */
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/value.ts';

type I32 = Value<'i32'>;
type V128 = Value<'v128'>;

/** Words of a vector, the lowest first. */
export const words = (b: Builder, v: V128): [I32, I32, I32, I32] => {
  const lane = (i: number): I32 => b.extract('i32x4.extract_lane', v, i);
  return [lane(0), lane(1), lane(2), lane(3)];
};

export const vectorOf = (b: Builder, first: I32, ...rest: readonly I32[]): V128 => {
  let v = b.i32x4.splat(first);
  for (const [i, x] of rest.entries()) v = b.replace('i32x4.replace_lane', v, i + 1, x);
  return v;
};

export const add = (b: Builder, ...xs: I32[]): I32 => xs.reduce((x, y) => b.i32.add(x, y));
const xor = (b: Builder, ...xs: I32[]): I32 => xs.reduce((x, y) => b.i32.xor(x, y));
export const rotr = (b: Builder, x: I32, n: number): I32 => b.i32.rotr(x, b.const32(n));

export type Mix = (b: Builder, x: I32, y: I32, z: I32) => I32;
export const choose: Mix = (b, x, y, z) => b.i32.xor(b.i32.and(b.i32.xor(y, z), x), z);
export const parity: Mix = (b, x, y, z) => xor(b, x, y, z);
export const majority: Mix = (b, x, y, z) => b.i32.or(b.i32.and(x, y), b.i32.and(b.i32.or(x, y), z));

export const sum0 = (b: Builder, x: I32): I32 => xor(b, rotr(b, x, 2), rotr(b, x, 13), rotr(b, x, 22));
export const sum1 = (b: Builder, x: I32): I32 => xor(b, rotr(b, x, 6), rotr(b, x, 11), rotr(b, x, 25));

/** Each word turned to the right. */
export const turned = (b: Builder, v: V128, n: number): V128 =>
  b.v128.or(b.i32x4.shr_u(v, b.const32(n)), b.i32x4.shl(v, b.const32(32 - n)));

/** σ of each word: two rotations and a shift. */
const sigma = (b: Builder, v: V128, r1: number, r2: number, s: number): V128 =>
  b.v128.xor(b.v128.xor(turned(b, v, r1), turned(b, v, r2)), b.i32x4.shr_u(v, b.const32(s)));
export const sigma0 = (b: Builder, v: V128): V128 => sigma(b, v, 7, 18, 3);
export const sigma1 = (b: Builder, v: V128): V128 => sigma(b, v, 17, 19, 10);

/** Words of two vectors: 0–3 of x, 4–7 of y. */
export const pick = (b: Builder, x: V128, y: V128, lanes: readonly number[]): V128 => {
  const bytes = lanes.flatMap((lane) => [0, 1, 2, 3].map((i) => 4 * lane + i));
  return b.shuffle(x, y, bytes);
};
