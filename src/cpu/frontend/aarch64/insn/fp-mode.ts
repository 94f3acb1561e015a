/**
 * Fast floating point: the host's operations with ARM's NaNs. A host gives any NaN; ARM gives the first NaN operand made
 * quiet, or the positive default NaN where an operation has no result (Arm ARM A1.5.4).
 */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Translator } from '../translator.ts';

export type V128 = Value<'v128'>;
export type I32 = Value<'i32'>;
export type I64 = Value<'i64'>;
export type Float = Value<'f32'> | Value<'f64'>;

/** Whether translation is for exact floating point: sticky flags, rounding modes, every NaN. Then helpers do it all. */
export const isExact = (t: Translator): boolean => t.exact;

/** Scalar operations of one width, named as wasm names them. */
export interface Floats {
  readonly type: 'f32' | 'f64';
  op(name: string, a: Float, b?: Float): Float;
  test(name: 'eq' | 'ne' | 'lt' | 'gt' | 'le' | 'ge', a: Float, b: Float): I32;
  select(a: Float, b: Float, cond: I32): Float;
  get(n: number): Float;
  set(n: number, v: Float): void;
  const(n: number): Float;
}

/** Width by the encoding's `type` field: 0 single, 1 double. */
export function floats(t: Translator, type: number): Floats {
  const b = t.b;
  const double = type === 1;
  const prefix = double ? 'f64' : 'f32';
  const emit = (name: string, x: Value, y: Value | null = null, z: Value | null = null): Value =>
    b.emit(`${prefix}.${name}` as OpName, x, y, z);
  return {
    type: prefix,
    op: (name, x, y) => emit(name, x, y ?? null) as Float,
    test: (name, x, y) => emit(name, x, y) as I32,
    select: (x, y, cond) => emit('select', x, y, cond) as Float,
    get: (n) => (double ? t.d(n) : t.s(n)),
    set: (n, v) => (double ? t.setD(n, v as Value<'f64'>) : t.setS(n, v as Value<'f32'>)),
    const: (n) => (double ? b.constF64(n) : b.constF32(n)),
  };
}

/** The result of an operation on a and b, or ARM's NaN where it is one. */
export const arithmeticNaN = (f: Floats, t: Translator, r: Float, a: Float, b: Float = a): Float =>
  t.b.emit(`${f.type}.arm_nan`, r, a, b) as Float;

/** The vector forms: 'f32x4' or 'f64x2' by the encoding's `sz` bit. */
export const floatLanes = (sz: number): 'f32x4' | 'f64x2' => (sz === 1 ? 'f64x2' : 'f32x4');

/** {@link arithmeticNaN}, lane by lane. */
export const vectorNaN = (t: Translator, sz: number, r: V128, a: V128, b: V128 = a): V128 =>
  t.b.emit(`${floatLanes(sz)}.arm_nan` as OpName, r, a, b) as V128;

/** a × b + c, the sum fused; NaNs in ARM's order: addend, then the factors. */
export const vectorMla = (t: Translator, sz: number, c: V128, a: V128, b: V128): V128 =>
  t.b.emit(`${floatLanes(sz)}.arm_madd` as OpName, a, b, c) as V128;

/** Fixed-point conversion of single-precision lanes by a power of two, which is exact; doubles have no wasm form. */
export function vectorScale(t: Translator, size: number, n: V128, u: number, bits: number, toFp: boolean): V128 | null {
  if (size !== 2) return null;
  const factor = t.b.f32x4.splat(t.b.constF32(2 ** (toFp ? -bits : bits)));
  const sign = u ? 'u' : 's';
  if (toFp) return t.b.f32x4.mul(t.b.emit(`f32x4.convert_i32x4_${sign}`, n) as V128, factor);
  return t.b.emit(`i32x4.trunc_sat_f32x4_${sign}`, t.b.f32x4.mul(n, factor)) as V128;
}

/** A lane-wise operation with ARM's NaNs. */
export const arithmeticLanes = (t: Translator, sz: number, op: 'add' | 'sub' | 'mul' | 'div', a: V128, b: V128): V128 =>
  vectorNaN(t, sz, t.b.emit(`${floatLanes(sz)}.${op}` as OpName, a, b) as V128, a, b);

/** Flip every sign. */
export const negateLanes = (t: Translator, sz: number, v: V128): V128 =>
  t.b.emit(`${floatLanes(sz)}.neg` as OpName, v) as V128;
