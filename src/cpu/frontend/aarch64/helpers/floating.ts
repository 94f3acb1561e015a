/** Floating-point helpers: lane functions of the soft-float library, and the scalar forms that touch general registers or flags. */
import { State } from '../../../memory/layout.ts';
import * as arithmetic from '../../../softfloat/arithmetic.ts';
import * as compare from '../../../softfloat/compare.ts';
import { fixedToFp, fpConvert, fpRoundInt, fpToFixed } from '../../../softfloat/convert.ts';
import { FpEnv, Round, type RoundingMode } from '../../../softfloat/env.ts';
import * as estimate from '../../../softfloat/estimate.ts';
import { F16, F32, F64, type Format } from '../../../softfloat/format.ts';
import type { HelperContext } from '../../helper.ts';
import { readNzcv, writeNzcv } from '../flags.ts';
import { defineHelper, readX, writeX } from '../helpers.ts';
import { Sys } from '../registers.ts';
import {
  defineAcross,
  defineLanes,
  defineLong,
  defineNarrow,
  definePairs,
  getLane,
  type LaneContext,
  type LaneFunction,
  raise,
  setLane,
} from './lanes.ts';

type Two = (format: Format, a: bigint, b: bigint, env: FpEnv) => bigint;

const two =
  (f: Two): LaneFunction =>
  (n, m, _d, c) =>
    f(c.format, n, m, c.env);
const mask = (yes: boolean, c: LaneContext): bigint => (yes ? (1n << BigInt(c.bits)) - 1n : 0n);
const abs = (n: bigint, c: LaneContext): bigint => arithmetic.fpAbs(c.format, n);
const neg = (n: bigint, c: LaneContext): bigint => arithmetic.fpNeg(c.format, n);

/** Binary operations, lane by lane. */
export const fpAdd: number = defineLanes(two(arithmetic.fpAdd));
export const fpSub: number = defineLanes(two(arithmetic.fpSub));
export const fpMul: number = defineLanes(two(arithmetic.fpMul));
export const fpMulX: number = defineLanes(two(arithmetic.fpMulX));
export const fpDiv: number = defineLanes(two(arithmetic.fpDiv));
export const fpMax: number = defineLanes(two(compare.fpMax));
export const fpMin: number = defineLanes(two(compare.fpMin));
export const fpMaxNum: number = defineLanes(two(compare.fpMaxNum));
export const fpMinNum: number = defineLanes(two(compare.fpMinNum));
export const fpRecipStep: number = defineLanes(two(estimate.fpRecipStep));
export const fpRSqrtStep: number = defineLanes(two(estimate.fpRSqrtStep));
/** FNMUL: the product negated after rounding, NaNs too. */
export const fpNegMul: number = defineLanes((n, m, _d, c) => neg(arithmetic.fpMul(c.format, n, m, c.env), c));
export const fpAbsDiff: number = defineLanes((n, m, _d, c) => abs(arithmetic.fpSub(c.format, n, m, c.env), c));

/** Comparisons giving masks. */
export const fpCmEq: number = defineLanes((n, m, _d, c) => mask(compare.fpEqual(c.format, n, m, c.env), c));
export const fpCmGe: number = defineLanes((n, m, _d, c) => mask(compare.fpGreaterEqual(c.format, n, m, c.env), c));
export const fpCmGt: number = defineLanes((n, m, _d, c) => mask(compare.fpGreater(c.format, n, m, c.env), c));
export const fpAcGe: number = defineLanes((n, m, _d, c) =>
  mask(compare.fpGreaterEqual(c.format, abs(n, c), abs(m, c), c.env), c),
);
export const fpAcGt: number = defineLanes((n, m, _d, c) =>
  mask(compare.fpGreater(c.format, abs(n, c), abs(m, c), c.env), c),
);
export const fpCmEq0: number = defineLanes((n, _m, _d, c) => mask(compare.fpEqual(c.format, n, 0n, c.env), c));
export const fpCmGe0: number = defineLanes((n, _m, _d, c) => mask(compare.fpGreaterEqual(c.format, n, 0n, c.env), c));
export const fpCmGt0: number = defineLanes((n, _m, _d, c) => mask(compare.fpGreater(c.format, n, 0n, c.env), c));
export const fpCmLe0: number = defineLanes((n, _m, _d, c) => mask(compare.fpGreaterEqual(c.format, 0n, n, c.env), c));
export const fpCmLt0: number = defineLanes((n, _m, _d, c) => mask(compare.fpGreater(c.format, 0n, n, c.env), c));

/** FMLA, FMLS: d ± n × m fused. */
export const fpMla: number = defineLanes((n, m, d, c) => arithmetic.fpMulAdd(c.format, d, n, m, c.env));
export const fpMls: number = defineLanes((n, m, d, c) => arithmetic.fpMulAdd(c.format, d, neg(n, c), m, c.env));

/** Unary operations. */
export const fpSqrt: number = defineLanes((n, _m, _d, c) => arithmetic.fpSqrt(c.format, n, c.env));
export const fpAbs: number = defineLanes((n, _m, _d, c) => abs(n, c));
export const fpNeg: number = defineLanes((n, _m, _d, c) => neg(n, c));
export const fpRecipEstimate: number = defineLanes((n, _m, _d, c) => estimate.fpRecipEstimate(c.format, n, c.env));
export const fpRSqrtEstimate: number = defineLanes((n, _m, _d, c) => estimate.fpRSqrtEstimate(c.format, n, c.env));
export const fpRecpX: number = defineLanes((n, _m, _d, c) => estimate.fpRecpX(c.format, n, c.env));
export const uRecpE: number = defineLanes((n) => BigInt(estimate.unsignedRecipEstimate(Number(n))));
export const uRSqrtE: number = defineLanes((n) => BigInt(estimate.unsignedRSqrtEstimate(Number(n))));

/** FRINT*: imm is the rounding mode, 6 = FPCR's, 7 = FPCR's and exact. */
export const fpRint: number = defineLanes((n, _m, _d, c) =>
  fpRoundInt(c.format, n, c.imm >= 6 ? c.env.rounding : (c.imm as RoundingMode), c.imm === 7, c.env),
);
/** FCVT to integers of the same width: imm is mode (3 bits), unsigned (bit 3). */
export const fpToInt: number = defineLanes((n, _m, _d, c) =>
  fpToFixed(c.format, n, 0, c.bits, (c.imm & 8) !== 0, (c.imm & 7) as RoundingMode, c.env),
);
/** FCVTZS, FCVTZU fixed-point: imm is fbits | unsigned << 7. */
export const fpToFix: number = defineLanes((n, _m, _d, c) =>
  fpToFixed(c.format, n, c.imm & 127, c.bits, c.imm >= 128, Round.ZERO, c.env),
);
/** SCVTF, UCVTF: imm is fbits | unsigned << 7. */
export const fixToFp: number = defineLanes((n, _m, _d, c) =>
  fixedToFp(c.format, n, c.imm & 127, c.bits, c.imm >= 128, c.env),
);

/** Pairwise and across lanes. */
export const fpAddP: number = definePairs(two(arithmetic.fpAdd));
export const fpMaxP: number = definePairs(two(compare.fpMax));
export const fpMinP: number = definePairs(two(compare.fpMin));
export const fpMaxNumP: number = definePairs(two(compare.fpMaxNum));
export const fpMinNumP: number = definePairs(two(compare.fpMinNum));
export const fpMaxV: number = defineAcross(two(compare.fpMax));
export const fpMinV: number = defineAcross(two(compare.fpMin));
export const fpMaxNumV: number = defineAcross(two(compare.fpMaxNum));
export const fpMinNumV: number = defineAcross(two(compare.fpMinNum));

const wider = (c: LaneContext): Format => (c.format === F16 ? F32 : F64);
/** FCVTL, FCVTN, FCVTXN; size is the narrower format's. */
export const fpCvtL: number = defineLong((n, _m, _d, c) => fpConvert(c.format, wider(c), n, c.env));
export const fpCvtN: number = defineNarrow((n, _m, _d, c) => fpConvert(wider(c), c.format, n, c.env));
export const fpCvtXN: number = defineNarrow((n, _m, _d, c) => fpConvert(wider(c), c.format, n, c.env, Round.ODD));

const formats: readonly Format[] = [F32, F64, F32, F16];
/** Size (log2 of bytes) of a scalar format field `type`. */
export const typeSize: readonly number[] = [2, 3, 2, 1];

const vreg = (state: number, n: number): number => state + State.VREGS + 16 * (n & 31);

/** Instruction words as they are: scalar FMADD family (Arm ARM C4.1.96.33), aux = the word. */
export const fpMadd: number = defineHelper((c, state, word) => {
  const type = (word >>> 22) & 3;
  const f = formats[type] as Format;
  const size = typeSize[type] as number;
  const env = new FpEnv(c.view.getUint32(state + Sys.FPCR, true));
  const read = (n: number): bigint => getLane(c.view, vreg(state, n), size, 0);
  const negateSum = (word & (1 << 21)) !== 0;
  const negateProduct = negateSum !== ((word & (1 << 15)) !== 0);
  const [n, m, a] = [read(word >>> 5), read(word >>> 16), read(word >>> 10)];
  const result = arithmetic.fpMulAdd(f, negateSum ? a ^ f.signBit : a, negateProduct ? n ^ f.signBit : n, m, env);
  const d = vreg(state, word);
  c.view.setBigUint64(d, 0n, true);
  c.view.setBigUint64(d + 8, 0n, true);
  setLane(c.view, d, size, 0, result);
  raise(c, state, env.flags);
  return 0;
});

/** FCVT between scalar formats, aux = the word. */
export const fpCvt: number = defineHelper((c, state, word) => {
  const [from, to] = [(word >>> 22) & 3, (word >>> 15) & 3];
  const env = new FpEnv(c.view.getUint32(state + Sys.FPCR, true));
  const n = getLane(c.view, vreg(state, word >>> 5), typeSize[from] as number, 0);
  const result = fpConvert(formats[from] as Format, formats[to] as Format, n, env);
  const d = vreg(state, word);
  c.view.setBigUint64(d, 0n, true);
  c.view.setBigUint64(d + 8, 0n, true);
  setLane(c.view, d, typeSize[to] as number, 0, result);
  raise(c, state, env.flags);
  return 0;
});

/** FCMP, FCMPE: NZCV into CC_*, aux = the word (bit 3: with zero, bit 4: E). */
export const fpCmp: number = defineHelper((c, state, word) => compareFlags(c, state, word));

function compareFlags(c: HelperContext, state: number, word: number): number {
  const type = (word >>> 22) & 3;
  const size = typeSize[type] as number;
  const env = new FpEnv(c.view.getUint32(state + Sys.FPCR, true));
  const n = getLane(c.view, vreg(state, word >>> 5), size, 0);
  const m = word & 8 ? 0n : getLane(c.view, vreg(state, word >>> 16), size, 0);
  writeNzcv(c.view, state, compare.fpCompare(formats[type] as Format, n, m, (word & 16) !== 0, env));
  raise(c, state, env.flags);
  return 0;
}

/** FCCMP, FCCMPE: compare if the condition holds, else the flags given; aux = the word. */
export const fpCcmp: number = defineHelper((c, state, word) => {
  const flags = readNzcv(c.view, state);
  const [n, z, carry, v] = [8, 4, 2, 1].map((bit) => (flags & bit) !== 0) as [boolean, boolean, boolean, boolean];
  const cond = (word >>> 12) & 15;
  const base = [z, carry, n, v, carry && !z, n === v, n === v && !z, true][cond >> 1] as boolean;
  if (cond >= 14 || base !== ((cond & 1) === 1)) return compareFlags(c, state, word & ~8);
  writeNzcv(c.view, state, word & 15);
  return 0;
});

/** Rounding mode of FCVT[NPMZA] by the rmode field; opcode 4 and 5 are ties-away. */
const cvtMode = (word: number): RoundingMode =>
  (word & (1 << 18)) !== 0 ? Round.AWAY : (((word >>> 19) & 3) as RoundingMode);

/** FCVT* to a general register, aux = the word; bit 21 clear: fixed point, fbits = 64 − scale. */
export const fpToX: number = defineHelper((c, state, word) => {
  const type = (word >>> 22) & 3;
  const env = new FpEnv(c.view.getUint32(state + Sys.FPCR, true));
  const width = word >>> 31 ? 64 : 32;
  const fixed = (word & (1 << 21)) === 0;
  const fraction = fixed ? 64 - ((word >>> 10) & 63) : 0;
  const n = getLane(c.view, vreg(state, word >>> 5), typeSize[type] as number, 0);
  const mode = fixed ? Round.ZERO : cvtMode(word);
  writeX(
    c,
    state,
    word & 31,
    fpToFixed(formats[type] as Format, n, fraction, width, (word & (1 << 16)) !== 0, mode, env),
  );
  raise(c, state, env.flags);
  return 0;
});

/** SCVTF, UCVTF from a general register, aux = the word. */
export const xToFp: number = defineHelper((c, state, word) => {
  const type = (word >>> 22) & 3;
  const env = new FpEnv(c.view.getUint32(state + Sys.FPCR, true));
  const width = word >>> 31 ? 64 : 32;
  const fraction = (word & (1 << 21)) === 0 ? 64 - ((word >>> 10) & 63) : 0;
  const value = readX(c, state, (word >>> 5) & 31);
  const result = fixedToFp(formats[type] as Format, value, fraction, width, (word & (1 << 16)) !== 0, env);
  const d = vreg(state, word);
  c.view.setBigUint64(d, 0n, true);
  c.view.setBigUint64(d + 8, 0n, true);
  setLane(c.view, d, typeSize[type] as number, 0, result);
  raise(c, state, env.flags);
  return 0;
});
