/** Integer lane functions for SIMD instructions without a short IR form (Arm ARM C7.2). */
import { defineLanes, defineLong, defineNarrow, type LaneContext, type LaneFunction } from './lanes.ts';

type Signed = boolean;
const value = (v: bigint, signed: Signed, c: LaneContext, bits = c.bits): bigint =>
  signed ? BigInt.asIntN(bits, v) : v;
const saturate = (v: bigint, signed: Signed, c: LaneContext): bigint => (signed ? c.signed(v) : c.unsigned(v));
const both =
  (f: (signed: Signed) => LaneFunction, define: (f: LaneFunction) => number = defineLanes) =>
  (): readonly [signed: number, unsigned: number] => [define(f(true)), define(f(false))];
const absolute = (v: bigint): bigint => (v < 0n ? -v : v);

/** SQADD, UQADD … each as [signed, unsigned]. */
export const qAdd: readonly [number, number] = both(
  (s) => (n, m, _d, c) => saturate(value(n, s, c) + value(m, s, c), s, c),
)();
export const qSub: readonly [number, number] = both(
  (s) => (n, m, _d, c) => saturate(value(n, s, c) - value(m, s, c), s, c),
)();

/** Shift by a signed amount, rounding right shifts if asked. */
const shiftLane = (v: bigint, by: number, round: boolean): bigint => {
  if (by >= 0) return v << BigInt(by);
  return (round ? v + (1n << BigInt(-by - 1)) : v) >> BigInt(-by);
};
const amount = (m: bigint): number => Number(BigInt.asIntN(8, m));
export const shl: readonly [number, number] = both(
  (s) => (n, m, _d, c) => shiftLane(value(n, s, c), amount(m), false),
)();
export const rShl: readonly [number, number] = both(
  (s) => (n, m, _d, c) => shiftLane(value(n, s, c), amount(m), true),
)();
export const qShl: readonly [number, number] = both(
  (s) => (n, m, _d, c) => saturate(shiftLane(value(n, s, c), amount(m), false), s, c),
)();
export const qrShl: readonly [number, number] = both(
  (s) => (n, m, _d, c) => saturate(shiftLane(value(n, s, c), amount(m), true), s, c),
)();

/** SQDMULH, SQRDMULH, SQRDMLAH, SQRDMLSH. */
const doubled = (n: bigint, m: bigint, c: LaneContext): bigint => 2n * c.int(n) * c.int(m);
const half = (c: LaneContext): bigint => 1n << BigInt(c.bits - 1);
export const qdMulh: number = defineLanes((n, m, _d, c) => c.signed(doubled(n, m, c) >> BigInt(c.bits)));
export const qrdMulh: number = defineLanes((n, m, _d, c) => c.signed((doubled(n, m, c) + half(c)) >> BigInt(c.bits)));
export const qrdMlah: number = defineLanes((n, m, d, c) =>
  c.signed(((c.int(d) << BigInt(c.bits)) + doubled(n, m, c) + half(c)) >> BigInt(c.bits)),
);
export const qrdMlsh: number = defineLanes((n, m, d, c) =>
  c.signed(((c.int(d) << BigInt(c.bits)) - doubled(n, m, c) + half(c)) >> BigInt(c.bits)),
);

/** SQDMULL, SQDMLAL, SQDMLSL: results twice as wide as c.bits. */
const doubledLong = (n: bigint, m: bigint, c: LaneContext): bigint => c.signed(doubled(n, m, c), c.bits * 2);
export const qdMull: number = defineLong((n, m, _d, c) => doubledLong(n, m, c));
export const qdMlal: number = defineLong((n, m, d, c) =>
  c.signed(c.int(d, c.bits * 2) + BigInt.asIntN(c.bits * 2, doubledLong(n, m, c)), c.bits * 2),
);
export const qdMlsl: number = defineLong((n, m, d, c) =>
  c.signed(c.int(d, c.bits * 2) - BigInt.asIntN(c.bits * 2, doubledLong(n, m, c)), c.bits * 2),
);

/** SUQADD, USQADD: the other signedness is added to the destination. */
export const suqAdd: number = defineLanes((n, _m, d, c) => c.signed(c.int(d) + n));
export const usqAdd: number = defineLanes((n, _m, d, c) => c.unsigned(d + c.int(n)));
export const qAbs: number = defineLanes((n, _m, _d, c) => c.signed(absolute(c.int(n))));
export const qNeg: number = defineLanes((n, _m, _d, c) => c.signed(-c.int(n)));

/** Saturating narrowing: SQXTN, UQXTN, SQXTUN, then their shifted and rounded forms (imm = shift). */
const narrowed =
  (from: Signed, to: Signed, round: boolean): LaneFunction =>
  (n, _m, _d, c) => {
    const wide = value(n, from, c, c.bits * 2);
    return saturate(shiftLane(wide, -c.imm, round && c.imm > 0), to, c);
  };
export const qXtn: readonly [number, number] = [
  defineNarrow(narrowed(true, true, false)),
  defineNarrow(narrowed(false, false, false)),
];
export const qXtun: number = defineNarrow(narrowed(true, false, false));
export const qrShrn: readonly [number, number] = [
  defineNarrow(narrowed(true, true, true)),
  defineNarrow(narrowed(false, false, true)),
];
export const qrShrun: number = defineNarrow(narrowed(true, false, true));

/** SQSHL, UQSHL, SQSHLU by an immediate. */
export const qShlImm: readonly [number, number] = both(
  (s) => (n, _m, _d, c) => saturate(value(n, s, c) << BigInt(c.imm), s, c),
)();
export const qShlu: number = defineLanes((n, _m, _d, c) => c.unsigned(c.int(n) << BigInt(c.imm)));
