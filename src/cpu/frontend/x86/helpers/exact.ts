/**
 * Floating point in the exact mode: helpers that work lane by lane on vector registers with the soft-float library, under
 * MXCSR (SDM vol. 1, 10.2.3 and 11.5). Lanes are unsigned BigInts.
 */
import { Exit, State } from '../../../memory/layout.ts';
import { FpEnv, Round, type RoundingMode } from '../../../softfloat/env.ts';
import { F32, F64, type Format } from '../../../softfloat/format.ts';
import type { HelperContext } from '../../helper.ts';
import { defineHelper } from '../helpers.ts';
import { Sys, VECTOR_OPERAND } from '../registers.ts';

/** Exception flags of MXCSR. */
export const IE = 1;
export const DE = 2;
const DAZ = 0x40;
const FTZ = 0x8000;
/** Overflow, underflow are masked. */
const OM = 0x400;
const UM = 0x800;

const ROUNDINGS: readonly RoundingMode[] = [Round.NEAREST, Round.DOWN, Round.UP, Round.ZERO];
/** Rounding control of MXCSR, ROUNDPS and their like. */
export const roundingOf = (control: number): RoundingMode => ROUNDINGS[control & 3] as RoundingMode;
/** MXCSR's rounding as the library's control word has it. */
const fpcrOf = (rounding: RoundingMode): number => rounding << 22;

/** What a lane function is told besides its operands. */
export class ExactContext {
  format: Format = F64;
  env: FpEnv = new FpEnv();
  imm = 0;
  /** Denormal operands count as zero. */
  daz = false;
  private sse = 0;

  begin(mxcsr: number, double: boolean, imm: number): this {
    this.format = double ? F64 : F32;
    this.imm = imm;
    this.daz = (mxcsr & DAZ) !== 0;
    // FTZ counts only while underflow is masked
    const trapsTiny = (mxcsr & UM) === 0;
    this.setRounding((mxcsr >>> 13) & 3, (mxcsr & FTZ) !== 0 && !trapsTiny);
    this.env.trapsTiny = trapsTiny;
    this.env.trapsHuge = (mxcsr & OM) === 0;
    this.sse = 0;
    return this;
  }
  /** Begin with another rounding; flags raised so far are kept. */
  setRounding(control: number, flushTiny = this.env.flushTiny): void {
    const { flags, trapsTiny, trapsHuge } = this.env;
    this.env = new FpEnv(fpcrOf(roundingOf(control)));
    this.env.tinyAfterRounding = true;
    this.env.flushTiny = flushTiny;
    this.env.flags = flags;
    this.env.trapsTiny = trapsTiny;
    this.env.trapsHuge = trapsHuge;
  }
  raise(flags: number): void {
    this.sse |= flags;
  }
  /** The library's flags (invalid, zero, overflow, underflow, inexact) in MXCSR's places, and those raised here. */
  take(): number {
    const { flags } = this.env;
    this.env.flags = 0;
    return this.sse | (flags & 1) | ((flags & 0x1e) << 1);
  }
  /** The real indefinite. */
  get indefinite(): bigint {
    return this.format.signBit | this.format.defaultNaN;
  }
}

/** The result of a lane; `d` is what the destination held, `lane` its number within 16 bytes. */
export type ExactLane = (a: bigint, b: bigint, c: ExactContext, d: bigint, lane?: number) => bigint;

interface Packed {
  readonly d: number;
  readonly a: number;
  readonly b: number;
  readonly double: boolean;
  /** 0: the lowest lane, 1: 16 bytes, 2: 32 bytes. */
  readonly shape: number;
  readonly vex: boolean;
  readonly imm: number;
}

/** The second argument of these helpers. */
export const packExact = (p: Packed): number =>
  p.d | (p.a << 4) | (p.b << 8) | ((p.double ? 1 : 0) << 15) | (p.shape << 16) | ((p.vex ? 1 : 0) << 18) | ((p.imm & 0xff) << 19); // biome-ignore format: one field after the other

export const unpackExact = (aux: number): Packed => ({
  d: aux & 15,
  a: (aux >>> 4) & 15,
  b: (aux >>> 8) & 127,
  double: ((aux >>> 15) & 1) === 1,
  shape: (aux >>> 16) & 3,
  vex: ((aux >>> 18) & 1) === 1,
  imm: (aux >>> 19) & 0xff,
});

/** Number of the memory operand among registers. */
export const MEMORY_OPERAND: number = (VECTOR_OPERAND - State.VREGS) / 16;

/** Byte offset of 16 bytes of a register or the memory operand. */
export const vectorAt = (state: number, n: number, high: boolean): number =>
  state + State.VREGS + 16 * n + (high ? (n < 16 ? 256 : 16) : 0);

export const getLane = (view: DataView, at: number, double: boolean): bigint =>
  double ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
export const setLane = (view: DataView, at: number, double: boolean, v: bigint): void => {
  if (double) view.setBigUint64(at, v, true);
  else view.setUint32(at, Number(BigInt.asUintN(32, v)), true);
};

/** Exceptions that are found before the operation: with one that is not masked there are no others. */
const BEFORE = 7;

/** Add flags to MXCSR, then write the results; where one is not masked nothing is written (#XM). What helpers return. */
export const finish = (c: HelperContext, state: number, flags: number, write: () => void): number => {
  const { view } = c;
  const mxcsr = view.getUint32(state + Sys.MXCSR, true);
  const unmasked = flags & ~(mxcsr >>> 7);
  if (flags !== 0) view.setUint32(state + Sys.MXCSR, mxcsr | (unmasked & BEFORE ? flags & BEFORE : flags), true);
  if (unmasked === 0) {
    write();
    return 0;
  }
  view.setUint32(state + State.EXIT_REASON, Exit.SIMD, true);
  return 1;
};

export const context: ExactContext = new ExactContext();

/** Begin an operation under the thread's MXCSR. */
export const beginExact = (c: HelperContext, state: number, double: boolean, imm: number): ExactContext =>
  context.begin(c.view.getUint32(state + Sys.MXCSR, true), double, imm);

/** A helper that does a lane function over registers: dst = f(a, b); a scalar takes its other lanes from a (VEX) or `keeps` them. */
export const defineExact = (f: ExactLane, keeps = false): number =>
  defineHelper((c, state, aux) => {
    const { view, u8 } = c;
    const p = unpackExact(aux);
    const e = beginExact(c, state, p.double, p.imm);
    const width = p.double ? 8 : 4;
    const results: bigint[] = [];
    for (let half = 0; half < Math.max(p.shape, 1); half++) {
      const [d, a, b] = [p.d, p.a, p.b].map((n) => vectorAt(state, n, half === 1)) as [number, number, number];
      const lanes = p.shape === 0 ? 1 : 16 / width;
      for (let i = 0; i < lanes; i++) {
        const at = i * width;
        results.push(f(getLane(view, a + at, p.double), getLane(view, b + at, p.double), e, getLane(view, d + at, p.double), i)); // biome-ignore format: one line
      }
    }
    return finish(c, state, e.take(), () => {
      const low = vectorAt(state, p.d, false);
      if (p.vex) {
        if (p.shape === 0 && !keeps) u8.copyWithin(low, vectorAt(state, p.a, false), vectorAt(state, p.a, false) + 16);
        if (p.shape < 2) u8.fill(0, vectorAt(state, p.d, true), vectorAt(state, p.d, true) + 16);
      }
      results.forEach((v, i) => {
        const at = i * width;
        setLane(view, at < 16 ? low + at : vectorAt(state, p.d, true) + at - 16, p.double, v);
      });
    });
  });
