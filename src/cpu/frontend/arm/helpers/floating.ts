/** Exact floating point where AArch64's helpers do not fit: comparisons into FPSCR, conversions within the VFP registers. */
import { State } from '../../../memory/layout.ts';
import { fpCompare } from '../../../softfloat/compare.ts';
import { fixedToFp, fpConvert, fpToFixed } from '../../../softfloat/convert.ts';
import { FpEnv, Round, type RoundingMode } from '../../../softfloat/env.ts';
import { F16, F32, F64, type Format } from '../../../softfloat/format.ts';
import type { HelperContext } from '../../helper.ts';
import { defineHelper } from '../helpers.ts';
import { Sys } from '../registers.ts';

/** Sizes of a format field: 1 half, 2 single, 3 double. */
const FORMATS: readonly Format[] = [F16, F16, F32, F64];

const at = (state: number, n: number, size: number): number => state + State.VREGS + (size === 3 ? 8 : 4) * n;
/** `top`: which half of a single register a half lies in. */
const read = (c: HelperContext, state: number, n: number, size: number, top = 0): bigint => {
  const where = at(state, n, size) + 2 * top;
  if (size === 3) return c.view.getBigUint64(where, true);
  return BigInt(size === 2 ? c.view.getUint32(where, true) : c.view.getUint16(where, true));
};
const write = (c: HelperContext, state: number, n: number, size: number, v: bigint, top = 0): void => {
  const where = at(state, n, size) + 2 * top;
  if (size === 3) c.view.setBigUint64(where, v, true);
  else if (size === 1) c.view.setUint16(where, Number(BigInt.asUintN(16, v)), true);
  else c.view.setUint32(where, Number(BigInt.asUintN(32, v)), true);
};

/** A result; a half has zeros above it. */
const writeWhole = (c: HelperContext, state: number, n: number, size: number, v: bigint): void =>
  write(c, state, n, Math.max(size, 2), size === 1 ? BigInt.asUintN(16, v) : v);

const env = (c: HelperContext, state: number): FpEnv => new FpEnv(c.view.getUint32(state + Sys.FPCR, true));
const raise = (c: HelperContext, state: number, flags: number): void =>
  c.view.setUint32(state + Sys.FPSR, c.view.getUint32(state + Sys.FPSR, true) | flags, true);

/** Fields of the second argument. */
export const packFp = (f: { d?: number; m?: number; size: number; to?: number; e?: number; mode?: number; unsigned?: number; fraction?: number }): number =>
  (f.d ?? 0) | ((f.m ?? 0) << 5) | (f.size << 10) | ((f.to ?? 0) << 12) | ((f.e ?? 0) << 14) | ((f.mode ?? 0) << 15) | ((f.unsigned ?? 0) << 18) | ((f.fraction ?? 0) << 19); // biome-ignore format: one field after the other

/** VCMP, VCMPE: d with m, or with zero (bit 15). */
export const vcmp: number = defineHelper((c, state, aux) => {
  const size = (aux >>> 10) & 3;
  const e = env(c, state);
  const m = (aux >>> 15) & 1 ? 0n : read(c, state, (aux >>> 5) & 31, size);
  const bits = fpCompare(FORMATS[size] as Format, read(c, state, aux & 31, size), m, ((aux >>> 14) & 1) === 1, e);
  c.view.setUint32(state + Sys.FP_KIND, 0, true);
  c.view.setUint32(state + Sys.FP_BITS, bits, true);
  raise(c, state, e.flags);
  return 0;
});

/** VCVT between formats; bit 14: a half lies in the top of its register. */
export const vcvtFormat: number = defineHelper((c, state, aux) => {
  const [from, to] = [(aux >>> 10) & 3, (aux >>> 12) & 3];
  const e = env(c, state);
  const top = (aux >>> 14) & 1;
  const v = read(c, state, (aux >>> 5) & 31, from, from === 1 ? top : 0);
  write(c, state, aux & 31, to, fpConvert(FORMATS[from] as Format, FORMATS[to] as Format, v, e), to === 1 ? top : 0);
  raise(c, state, e.flags);
  return 0;
});

/** VCVT to an integer in a single register: mode 7 = FPSCR's. */
export const vcvtInteger: number = defineHelper((c, state, aux) => {
  const size = (aux >>> 10) & 3;
  const e = env(c, state);
  const mode = (aux >>> 15) & 7;
  const rounding = mode === 7 ? e.rounding : (mode as RoundingMode);
  const v = read(c, state, (aux >>> 5) & 31, size);
  write(c, state, aux & 31, 2, fpToFixed(FORMATS[size] as Format, v, 0, 32, ((aux >>> 18) & 1) === 1, rounding, e));
  raise(c, state, e.flags);
  return 0;
});

/** VCVT from an integer in a single register. */
export const vcvtFloat: number = defineHelper((c, state, aux) => {
  const size = (aux >>> 10) & 3;
  const e = env(c, state);
  const v = read(c, state, (aux >>> 5) & 31, 2);
  writeWhole(c, state, aux & 31, size, fixedToFp(FORMATS[size] as Format, v, 0, 32, ((aux >>> 18) & 1) === 1, e));
  raise(c, state, e.flags);
  return 0;
});

/**
 * VCVT with fixed point in place: fraction bits from 19 up, mode bit 0: 16-bit integers, bit 1: to fixed point.
 * Results of 16 bits are extended to the register's size.
 */
export const vcvtFixed: number = defineHelper((c, state, aux) => {
  const size = (aux >>> 10) & 3;
  const e = env(c, state);
  const format = FORMATS[size] as Format;
  const unsigned = ((aux >>> 18) & 1) === 1;
  const fraction = aux >>> 19;
  const width = ((aux >>> 15) & 1) === 1 ? 16 : 32;
  const toFixed = ((aux >>> 16) & 1) === 1;
  const v = read(c, state, aux & 31, toFixed ? size : Math.max(size, 2));
  if (toFixed) {
    const r = fpToFixed(format, v, fraction, width, unsigned, Round.ZERO, e);
    write(c, state, aux & 31, Math.max(size, 2), BigInt.asUintN(64, unsigned ? r : BigInt.asIntN(width, r)));
  } else {
    // always to nearest (Arm ARM F6.1.77)
    const nearest = new FpEnv(c.view.getUint32(state + Sys.FPCR, true) & ~(3 << 22));
    const r = fixedToFp(format, BigInt.asUintN(width, v), fraction, width, unsigned, nearest);
    writeWhole(c, state, aux & 31, size, r);
    raise(c, state, nearest.flags);
  }
  raise(c, state, e.flags);
  return 0;
});
