import type { OpName } from '../../ir/opcodes.ts';
import { type Code, valtype } from './encoder.ts';
import { fromBits, toBits } from './float-bits.ts';

/** Locals for expansions: the n-th of a type. */
export type Scratch = (n: number, type?: 'i64' | 'v128') => number;

/** Bit patterns of a width: infinity, quiet bit, everything but the sign, default NaN. */
interface Bits {
  readonly lo: number;
  readonly hi: number;
}
interface Shape {
  readonly infinity: Bits;
  readonly quiet: Bits;
  readonly magnitude: Bits;
  readonly defaultNaN: Bits;
}
const single: Shape = {
  infinity: { lo: 0x7f80_0000, hi: 0 },
  quiet: { lo: 0x0040_0000, hi: 0 },
  magnitude: { lo: 0x7fff_ffff, hi: 0 },
  defaultNaN: { lo: 0x7fc0_0000, hi: 0 },
};
const double: Shape = {
  infinity: { lo: 0, hi: 0x7ff0_0000 },
  quiet: { lo: 0, hi: 0x0008_0000 },
  magnitude: { lo: -1, hi: 0x7fff_ffff },
  defaultNaN: { lo: 0, hi: 0x7ff8_0000 },
};

const constant = (c: Code, { lo, hi }: Bits): void => c.i64(lo, hi);

/** i32: the local holds a NaN, or with `signalling` a signalling one, which flipping the quiet bit makes the larger. */
const isNaNBits = (c: Code, s: Shape, local: number, signalling: boolean): void => {
  c.get(local);
  if (signalling) {
    constant(c, s.quiet);
    c.op('i64.xor');
  }
  constant(c, s.magnitude);
  c.op('i64.and');
  constant(c, signalling ? s.defaultNaN : s.infinity);
  c.op('i64.gt_u');
};

/**
 * (result, a, b) → the result, or where it is a NaN the one that ARM gives (FPProcessNaNs): the first signalling operand
 * made quiet, else the first quiet one, else the default NaN. The way there is never taken in ordinary programs.
 */
export const armNaN = (c: Code, isDouble: boolean, scratch: Scratch): void => {
  const s = isDouble ? double : single;
  const [r, a, b] = [scratch(0), scratch(1), scratch(2)];
  for (const local of [b, a, r]) toBits(c, isDouble, local);
  for (let i = 0; i < 2; i++) fromBits(c, isDouble, r);
  c.op(isDouble ? 'f64.eq' : 'f32.eq');
  c.if(isDouble ? valtype.f64 : valtype.f32);
  fromBits(c, isDouble, r);
  c.else();
  constant(c, s.defaultNaN);
  c.set(r);
  for (const [local, signalling] of [
    [b, false],
    [a, false],
    [b, true],
    [a, true],
  ] as const) {
    // biome-ignore format: pairs
    c.get(local);
    constant(c, s.quiet);
    c.op('i64.or');
    c.get(r);
    isNaNBits(c, s, local, signalling);
    c.select();
    c.set(r);
  }
  fromBits(c, isDouble, r);
  c.end();
};

const defaultLanes = (isDouble: boolean): number[] =>
  Array.from(
    { length: 16 },
    (_, i) => (isDouble ? [0, 0, 0, 0, 0, 0, 0xf8, 0x7f][i & 7] : [0, 0, 0xc0, 0x7f][i & 3]) as number,
  );
const quietLanes = (isDouble: boolean): number[] =>
  Array.from({ length: 16 }, (_, i) => (isDouble ? [0, 0, 0, 0, 0, 0, 8, 0][i & 7] : [0, 0, 0x40, 0][i & 3]) as number);

/** NaN lanes of a vector; with `signalling` those whose quiet bit is clear. */
const nanLanes = (c: Code, p: 'f32x4' | 'f64x2', local: number, signalling: boolean): void => {
  c.get(local);
  c.get(local);
  c.op(`${p}.ne`);
  if (!signalling) return;
  const i = p === 'f64x2' ? 'i64x2' : 'i32x4';
  c.get(local);
  c.v128(quietLanes(p === 'f64x2'));
  c.op('v128.and');
  c.v128(new Array<number>(16).fill(0));
  c.op(`${i}.eq`);
  c.op('v128.and');
};

/** Replace lanes of `r` by those of `local`, made quiet, where they are NaNs. */
const pickLanes = (c: Code, p: 'f32x4' | 'f64x2', r: number, local: number, signalling: boolean): void => {
  c.get(local);
  c.v128(quietLanes(p === 'f64x2'));
  c.op('v128.or');
  c.get(r);
  nanLanes(c, p, local, signalling);
  c.op('v128.bitselect');
  c.set(r);
};

const whenNumbers = (c: Code, p: 'f32x4' | 'f64x2', r: number): void => {
  c.get(r);
  c.get(r);
  c.op(`${p}.eq`);
  c.op(p === 'f64x2' ? 'i64x2.all_true' : 'i32x4.all_true');
  c.if(valtype.v128);
  c.get(r);
  c.else();
};

/** Keep the lanes of `r` that are numbers; the others come from `chosen`. */
const keepNumbers = (c: Code, p: 'f32x4' | 'f64x2', r: number, chosen: number): void => {
  c.get(r);
  c.get(chosen);
  c.get(r);
  c.get(r);
  c.op(`${p}.eq`);
  c.op('v128.bitselect');
  c.end();
};

/** {@link armNaN}, lane by lane. */
export const armNaNLanes = (c: Code, p: 'f32x4' | 'f64x2', scratch: Scratch): void => {
  const [r, a, b, chosen] = [0, 1, 2, 3].map((n) => scratch(n, 'v128')) as [number, number, number, number];
  for (const local of [b, a, r]) c.set(local);
  whenNumbers(c, p, r);
  c.v128(defaultLanes(p === 'f64x2'));
  c.set(chosen);
  for (const [local, signalling] of [
    [b, false],
    [a, false],
    [b, true],
    [a, true],
  ] as const) {
    // biome-ignore format: pairs
    pickLanes(c, p, chosen, local, signalling);
  }
  keepNumbers(c, p, r, chosen);
};

/** (a, b, addend) → a × b + addend fused, with FPMulAdd's NaNs: the addend goes first, but yields to an invalid product. */
export const armMadd = (c: Code, p: 'f32x4' | 'f64x2', scratch: Scratch): void => {
  const [r, a, b, d, chosen] = [0, 1, 2, 3, 4].map((n) => scratch(n, 'v128')) as [
    number,
    number,
    number,
    number,
    number,
  ];
  for (const local of [d, b, a]) c.set(local);
  for (const local of [a, b, d]) c.get(local);
  c.op(`${p}.relaxed_madd`);
  c.set(r);
  whenNumbers(c, p, r);
  c.v128(defaultLanes(p === 'f64x2'));
  c.set(chosen);
  for (const local of [b, a, d]) pickLanes(c, p, chosen, local, false);
  // zero times infinity: the default NaN, unless a factor is a NaN (then the addend's came first rightly)
  c.v128(defaultLanes(p === 'f64x2'));
  c.get(chosen);
  c.get(a);
  c.get(b);
  c.op(`${p}.mul`);
  c.set(r);
  nanLanes(c, p, r, false);
  for (const local of [a, b]) {
    nanLanes(c, p, local, false);
    c.op('v128.andnot');
  }
  c.op('v128.bitselect');
  c.set(chosen);
  for (const local of [b, a, d]) pickLanes(c, p, chosen, local, true);
  // the result once more: its local was needed
  for (const local of [a, b, d]) c.get(local);
  c.op(`${p}.relaxed_madd`);
  c.set(r);
  keepNumbers(c, p, r, chosen);
};

/** Expansions by name; false: the operation is none of them. */
export const emitArmNaN = (c: Code, name: OpName, scratch: Scratch): boolean => {
  if (name === 'f32.arm_nan' || name === 'f64.arm_nan') armNaN(c, name === 'f64.arm_nan', scratch);
  else if (name === 'f32x4.arm_nan' || name === 'f64x2.arm_nan')
    armNaNLanes(c, name === 'f64x2.arm_nan' ? 'f64x2' : 'f32x4', scratch);
  else if (name === 'f32x4.arm_madd' || name === 'f64x2.arm_madd')
    armMadd(c, name === 'f64x2.arm_madd' ? 'f64x2' : 'f32x4', scratch);
  else return false;
  return true;
};
