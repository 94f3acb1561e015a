/** What the Advanced SIMD rows share: families of rows, lane names, vector idioms. */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { insn } from './row.ts';

export type V128 = Value<'v128'>;

/** A row whose pattern is put together from parts; `K` names the fields its semantics read. */
export const family = <K extends string>(
  syntax: string,
  pattern: string,
  lift: (t: Translator, f: Readonly<Record<K, number>>) => void,
): Row<Translator> => insn(syntax, pattern as string, lift as (t: Translator, f: object) => void);

/** wasm's name of the lanes of a size (log2 of bytes). */
export const LANES = ['i8x16', 'i16x8', 'i32x4', 'i64x2'] as const;

/** A lane-wise operation by size. */
export const lanes = (t: Translator, size: number, op: string, a: V128, b?: Value): V128 =>
  t.b.emit(`${LANES[size]}.${op}` as OpName, a, b ?? null) as V128;

/** Shift every lane by a constant below the lane's width. */
export const shiftBy = (t: Translator, size: number, op: 'shl' | 'shr_s' | 'shr_u', v: V128, by: number): V128 =>
  by === 0 ? v : lanes(t, size, op, v, t.b.const32(by));

/** The same constant in every lane. */
export function splat(t: Translator, size: number, value: bigint): V128 {
  const bits = 8n << BigInt(size);
  let word = 0n;
  for (let at = 0n; at < 64n; at += bits) word |= BigInt.asUintN(Number(bits), value) << at;
  return t.b.constV64(word, word);
}

/** Shuffle whole lanes of 2^size bytes. */
export function permute(t: Translator, size: number, a: V128, b: V128, order: readonly number[]): V128 {
  const bytes = 1 << size;
  return t.b.shuffle(
    a,
    b,
    order.flatMap((lane) => Array.from({ length: bytes }, (_, i) => lane * bytes + i)),
  );
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Lane `index` in every lane. */
export const broadcast = (t: Translator, size: number, v: V128, index: number): V128 =>
  permute(
    t,
    size,
    v,
    v,
    range(16 >> size).map(() => index),
  );

/** Even (0) or odd (1) lanes of n, then of m; for 64-bit vectors of their low halves. */
export function unzip(t: Translator, size: number, q: number, n: V128, m: V128, odd: number): V128 {
  const count = (q ? 16 : 8) >> size;
  const all = 16 >> size;
  const lane = (i: number): number => {
    const at = 2 * (i % count) + odd;
    return at < count ? at : at - count + all;
  };
  return permute(t, size, n, m, range(all).map(lane));
}

/** Low (or, with `high`, upper) half of lanes of 2^size bytes, extended to twice the width. */
export const extend = (t: Translator, size: number, v: V128, unsigned: number, high: number): V128 =>
  t.b.emit(
    `${LANES[size + 1]}.extend_${high ? 'high' : 'low'}_${LANES[size]}_${unsigned ? 'u' : 's'}` as OpName,
    v,
  ) as V128;

/** Product of halves, twice as wide. */
export const extendMultiply = (t: Translator, size: number, a: V128, b: V128, unsigned: number, high: number): V128 =>
  t.b.emit(
    `${LANES[size + 1]}.extmul_${high ? 'high' : 'low'}_${LANES[size]}_${unsigned ? 'u' : 's'}` as OpName,
    a,
    b,
  ) as V128;

/** Lower halves of the lanes of v (each twice 2^size bytes) packed into the low 64 bits. */
export const packLow = (t: Translator, size: number, v: V128): V128 =>
  permute(
    t,
    size,
    v,
    v,
    range(16 >> size).map((i) => 2 * (i % (8 >> size))),
  );

/** Write a narrowing result: the low 64 bits of v to the lower half (clearing the upper) or, with Q, to the upper half. */
export function setNarrow(t: Translator, rd: number, q: number, v: V128): void {
  t.setV(rd, q ? permute(t, 3, t.v(rd), v, [0, 2]) : t.low64(v));
}

/** A vector made lane by lane; `f` gets lanes of up to 32 bits as i32 (sign-extended if asked), others as i64. */
export function eachLane(
  t: Translator,
  size: number,
  v: V128,
  signed: boolean,
  f: (lane: Value, i: number) => Value,
): V128 {
  let result = t.zero();
  const name = `${LANES[size]}.extract_lane${size < 2 ? (signed ? '_s' : '_u') : ''}` as OpName;
  for (let i = 0; i < 16 >> size; i++) {
    const lane = f(t.b.emit(name, v, null, null, i), i);
    result = t.b.replace(`${LANES[size]}.replace_lane` as OpName, result, i, lane);
  }
  return result;
}
