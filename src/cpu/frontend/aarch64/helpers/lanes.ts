/**
 * Helpers that work on vector registers lane by lane, for what has no short IR form and for floating point in the exact
 * mode. Registers and shape come packed in the helper's second argument; lanes are unsigned BigInts.
 */
import { State } from '../../../memory/layout.ts';
import { FpEnv } from '../../../softfloat/env.ts';
import { F16, F32, F64, type Format } from '../../../softfloat/format.ts';
import type { HelperContext } from '../../helper.ts';
import { defineHelper } from '../helpers.ts';
import { Sys } from '../registers.ts';

/** FPSR.QC: a saturating operation has saturated. */
export const FPSR_QC = 1 << 27;

/** What a lane function is told besides its operands. */
export class LaneContext {
  /** Lane width of the result, or of the narrower side of long and narrowing operations. */
  bits = 0;
  /** Immediate of the instruction (a shift, mostly). */
  imm = 0;
  format: Format = F64;
  env: FpEnv = new FpEnv();
  saturated = false;

  /** Signed saturation to `bits` bits; the result is a bit pattern of that width. */
  signed(value: bigint, bits: number = this.bits): bigint {
    const top = (1n << BigInt(bits - 1)) - 1n;
    if (value > top || value < -top - 1n) {
      this.saturated = true;
      return value > top ? top : top + 1n;
    }
    return BigInt.asUintN(bits, value);
  }

  /** Unsigned saturation. */
  unsigned(value: bigint, bits: number = this.bits): bigint {
    const top = (1n << BigInt(bits)) - 1n;
    if (value > top || value < 0n) {
      this.saturated = true;
      return value < 0n ? 0n : top;
    }
    return value;
  }

  int(value: bigint, bits: number = this.bits): bigint {
    return BigInt.asIntN(bits, value);
  }
}

/** n, m: source lanes; d: the destination's lane before the operation. The result is cut to the lane. */
export type LaneFunction = (n: bigint, m: bigint, d: bigint, c: LaneContext) => bigint;

/** How many lanes: one (scalar forms), those of 64 bits, those of 128 bits. */
export const Shape: { readonly SCALAR: 2; readonly Q0: 0; readonly Q1: 1 } = { Q0: 0, Q1: 1, SCALAR: 2 };

/** Registers, lane size (log2 of bytes), shape (Q, or Shape.SCALAR), immediate (0–255), element of m (or -1 = each its own). */
export function packLanes(
  rd: number,
  rn: number,
  rm: number,
  size: number,
  shape: number,
  imm = 0,
  index = -1,
): number {
  return rd | (rn << 5) | (rm << 10) | (size << 15) | (shape << 17) | ((index + 1) << 19) | (imm << 24);
}

interface Unpacked {
  readonly rd: number;
  readonly rn: number;
  readonly rm: number;
  readonly size: number;
  readonly shape: number;
  readonly index: number;
}

const context = new LaneContext();
const formats: readonly Format[] = [F16, F16, F32, F64];

function begin(c: HelperContext, state: number, aux: number): Unpacked {
  const size = (aux >>> 15) & 3;
  context.bits = 8 << size;
  context.imm = aux >>> 24;
  context.format = formats[size] as Format;
  context.env = new FpEnv(c.view.getUint32(state + Sys.FPCR, true));
  context.saturated = false;
  return {
    rd: state + State.VREGS + 16 * (aux & 31),
    rn: state + State.VREGS + 16 * ((aux >>> 5) & 31),
    rm: state + State.VREGS + 16 * ((aux >>> 10) & 31),
    size,
    shape: (aux >>> 17) & 3,
    index: ((aux >>> 19) & 31) - 1,
  };
}

/** Add the flags raised to FPSR. */
export function raise(c: HelperContext, state: number, flags: number): void {
  if (flags !== 0) c.view.setUint32(state + Sys.FPSR, c.view.getUint32(state + Sys.FPSR, true) | flags, true);
}

function finish(c: HelperContext, state: number): number {
  raise(c, state, context.env.flags | (context.saturated ? FPSR_QC : 0));
  return 0;
}

/** Read lane `i` of 2^size bytes. */
export function getLane(view: DataView, at: number, size: number, i: number): bigint {
  if (size === 3) return view.getBigUint64(at + i * 8, true);
  if (size === 2) return BigInt(view.getUint32(at + i * 4, true));
  return BigInt(size === 1 ? view.getUint16(at + i * 2, true) : view.getUint8(at + i));
}

/** Write lane `i`, cut to its width. */
export function setLane(view: DataView, at: number, size: number, i: number, value: bigint): void {
  if (size === 3) view.setBigUint64(at + i * 8, BigInt.asUintN(64, value), true);
  else if (size === 2) view.setUint32(at + i * 4, Number(BigInt.asUintN(32, value)), true);
  else if (size === 1) view.setUint16(at + i * 2, Number(BigInt.asUintN(16, value)), true);
  else view.setUint8(at + i, Number(BigInt.asUintN(8, value)));
}

const results: bigint[] = [];

function store(view: DataView, at: number, size: number, count: number): void {
  view.setBigUint64(at, 0n, true);
  view.setBigUint64(at + 8, 0n, true);
  for (let i = 0; i < count; i++) setLane(view, at, size, i, results[i] as bigint);
}

const laneCount = (shape: number, size: number): number =>
  shape === Shape.SCALAR ? 1 : (shape === 1 ? 16 : 8) >> size;

/** d[i] = f(n[i], m[i] or the element chosen, d[i]). */
export const defineLanes = (f: LaneFunction): number =>
  defineHelper((c, state, aux) => {
    const { rd, rn, rm, size, shape, index } = begin(c, state, aux);
    const count = laneCount(shape, size);
    for (let i = 0; i < count; i++) {
      const m = getLane(c.view, rm, size, index >= 0 ? index : i);
      results[i] = f(getLane(c.view, rn, size, i), m, getLane(c.view, rd, size, i), context);
    }
    store(c.view, rd, size, count);
    return finish(c, state);
  });

/** The same on pairs: the lanes of n, then those of m, two by two. Scalar: the two lanes of n. */
export const definePairs = (f: LaneFunction): number =>
  defineHelper((c, state, aux) => {
    const { rd, rn, rm, size, shape } = begin(c, state, aux);
    const count = laneCount(shape, size);
    for (let i = 0; i < count; i++) {
      const from = i * 2 < count || shape === Shape.SCALAR ? rn : rm;
      const at = shape === Shape.SCALAR ? 0 : (i * 2) % count;
      results[i] = f(getLane(c.view, from, size, at), getLane(c.view, from, size, at + 1), 0n, context);
    }
    store(c.view, rd, size, count);
    return finish(c, state);
  });

/** All lanes of n into one, as the manual's Reduce(): halves of the vector first. */
export const defineAcross = (f: LaneFunction): number =>
  defineHelper((c, state, aux) => {
    const { rd, rn, size, shape } = begin(c, state, aux);
    const reduce = (from: number, count: number): bigint => {
      if (count === 1) return getLane(c.view, rn, size, from);
      const half = count >> 1;
      return f(reduce(from, half), reduce(from + half, half), 0n, context);
    };
    results[0] = reduce(0, laneCount(shape, size));
    store(c.view, rd, size, 1);
    return finish(c, state);
  });

/** Long: d[i], twice as wide, = f(n[i], m[i], d[i]) with n and m from the upper half when Q = 1 (`size`: the sources'). */
export const defineLong = (f: LaneFunction): number =>
  defineHelper((c, state, aux) => {
    const { rd, rn, rm, size, shape, index } = begin(c, state, aux);
    const count = shape === Shape.SCALAR ? 1 : 8 >> size;
    const part = shape === 1 ? count : 0;
    for (let i = 0; i < count; i++) {
      const m = getLane(c.view, rm, size, index >= 0 ? index : part + i);
      results[i] = f(getLane(c.view, rn, size, part + i), m, getLane(c.view, rd, size + 1, i), context);
    }
    store(c.view, rd, size + 1, count);
    return finish(c, state);
  });

/** Narrowing: d[i] = f(n[i], twice as wide); into the upper half, keeping the lower, when Q = 1 (`size`: the result's). */
export const defineNarrow = (f: LaneFunction): number =>
  defineHelper((c, state, aux) => {
    const { rd, rn, rm, size, shape } = begin(c, state, aux);
    const count = shape === Shape.SCALAR ? 1 : 8 >> size;
    const part = shape === 1 ? count : 0;
    for (let i = 0; i < part; i++) results[i] = getLane(c.view, rd, size, i);
    for (let i = 0; i < count; i++) {
      results[part + i] = f(getLane(c.view, rn, size + 1, i), getLane(c.view, rm, size + 1, i), 0n, context);
    }
    store(c.view, rd, size, part + count);
    return finish(c, state);
  });
