import type { OpName } from '../../ir/opcodes.ts';
import type { Scratch } from './arm-nan.ts';
import { type Code, valtype } from './encoder.ts';
import { fromBits, toBits } from './float-bits.ts';

const repeat = (isDouble: boolean, double: readonly number[], single: readonly number[]): number[] =>
  Array.from({ length: 16 }, (_, i) => (isDouble ? double[i & 7] : single[i & 3]) as number);
/** The real indefinite, which is negative, and the bit that makes a NaN quiet. */
const indefinite = (isDouble: boolean): number[] =>
  repeat(isDouble, [0, 0, 0, 0, 0, 0, 0xf8, 0xff], [0, 0, 0xc0, 0xff]);
const quiet = (isDouble: boolean): number[] => repeat(isDouble, [0, 0, 0, 0, 0, 0, 8, 0], [0, 0, 0x40, 0]);

/**
 * (result, a, b) → the result, or where it is a NaN the one that SSE gives (Intel SDM vol. 1, table 4-7): the first operand
 * that is a NaN made quiet, else the real indefinite. The way there is never taken in ordinary programs.
 */
const x86NaN = (c: Code, isDouble: boolean, scratch: Scratch): void => {
  const [r, a, b] = [scratch(0), scratch(1), scratch(2)];
  const number = (local: number): void => fromBits(c, isDouble, local);
  for (const local of [b, a, r]) toBits(c, isDouble, local);
  const testNaN = (local: number): void => {
    number(local);
    number(local);
    c.op(isDouble ? 'f64.ne' : 'f32.ne');
  };
  const type = isDouble ? valtype.f64 : valtype.f32;
  const made = (local: number): void => {
    c.get(local);
    if (isDouble) c.i64(0, 0x8_0000);
    else c.i64(0x40_0000, 0);
    c.op('i64.or');
    c.set(local);
    number(local);
  };
  testNaN(r);
  c.if(type);
  testNaN(a);
  c.if(type);
  made(a);
  c.else();
  testNaN(b);
  c.if(type);
  made(b);
  c.else();
  if (isDouble) c.i64(0, -0x8_0000);
  else c.i64(-0x40_0000, 0);
  c.set(r);
  number(r);
  c.end();
  c.end();
  c.else();
  number(r);
  c.end();
};

type Lanes = 'f32x4' | 'f64x2';

/** Lanes of `local`, made quiet, over what is on the stack, where they are NaNs. */
const pick = (c: Code, p: Lanes, local: number, chosen: number): void => {
  c.get(local);
  c.v128(quiet(p === 'f64x2'));
  c.op('v128.or');
  c.get(chosen);
  c.get(local);
  c.get(local);
  c.op(`${p}.ne`);
  c.op('v128.bitselect');
  c.set(chosen);
};

/** The result `r`; where lanes of it are NaNs, those of the first of the operands that has one there. */
const settle = (c: Code, p: Lanes, r: number, chosen: number, operands: readonly number[]): void => {
  c.get(r);
  c.get(r);
  c.op(`${p}.eq`);
  c.op(p === 'f64x2' ? 'i64x2.all_true' : 'i32x4.all_true');
  c.if(valtype.v128);
  c.get(r);
  c.else();
  c.v128(indefinite(p === 'f64x2'));
  c.set(chosen);
  for (const local of operands.toReversed()) pick(c, p, local, chosen);
  c.get(r);
  c.get(chosen);
  c.get(r);
  c.get(r);
  c.op(`${p}.eq`);
  c.op('v128.bitselect');
  c.end();
};

/** {@link x86NaN}, lane by lane. */
const x86NaNLanes = (c: Code, p: Lanes, scratch: Scratch): void => {
  const [r, a, b, chosen] = [0, 1, 2, 3].map((n) => scratch(n, 'v128')) as [number, number, number, number];
  for (const local of [b, a, r]) c.set(local);
  settle(c, p, r, chosen, [a, b]);
};

/** (a, b, addend) → ±a × b ± addend fused; NaNs by the order of the operands, with their signs. */
const x86Fused = (c: Code, p: Lanes, name: string, scratch: Scratch): void => {
  const [r, a, b, d, chosen] = [0, 1, 2, 3, 4].map((n) => scratch(n, 'v128')) as [number, number, number, number, number]; // biome-ignore format: one line
  for (const local of [d, b, a]) c.set(local);
  c.get(a);
  if (name.includes('_nm')) c.op(`${p}.neg`);
  c.get(b);
  c.get(d);
  if (name.endsWith('sub')) c.op(`${p}.neg`);
  c.op(`${p}.relaxed_madd`);
  c.set(r);
  settle(c, p, r, chosen, [a, b, d]);
};

/** Expansions by name; false: the operation is none of them. */
export const emitX86NaN = (c: Code, name: OpName, scratch: Scratch): boolean => {
  if (!name.includes('.x86_')) return false;
  const p = name.slice(0, name.indexOf('.'));
  if (/_n?m(add|sub)$/.test(name)) x86Fused(c, p as Lanes, name, scratch);
  else if (p.includes('x')) x86NaNLanes(c, p as Lanes, scratch);
  else x86NaN(c, p === 'f64', scratch);
  return true;
};
