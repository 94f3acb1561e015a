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
export const isExact = (t: Translator): boolean => (t as Translator & { readonly exact?: boolean }).exact === true;

let fused: boolean | null = null;

/** Whether f64x2.relaxed_madd rounds once on this host: (1 + 2^-52) × (1 − 2^-52) − 1 is −2^-104 only then. */
export function hostFuses(): boolean {
  fused ??= probe();
  return fused;
}

function probe(): boolean {
  const f64 = (x: number): number[] => [...new Uint8Array(new Float64Array([x]).buffer)];
  const splat = (x: number): number[] => [0x44, ...f64(x), 0xfd, 0x14];
  const body = [
    0, ...splat(1 + 2 ** -52), ...splat(1 - 2 ** -52), ...splat(-1),
    0xfd, 0x87, 0x02, // f64x2.relaxed_madd
    0xfd, 0x21, 0, // f64x2.extract_lane 0
    0x0b,
  ]; // biome-ignore format: wasm bytes
  const section = (id: number, ...bytes: number[]): number[] => [id, bytes.length, ...bytes];
  const module = new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, 1, 0x60, 0, 1, 0x7c),
    ...section(3, 1, 0),
    ...section(7, 1, 1, 0x66, 0, 0),
    ...section(10, 1, body.length, ...body),
  ]); // biome-ignore format: wasm bytes
  if (!WebAssembly.validate(module)) return false;
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(module)).exports as { f: () => number };
  return f() === -(2 ** -104);
}

/** Scalar operations of one width, named as wasm names them. */
export interface Floats {
  readonly type: 'f32' | 'f64';
  op(name: string, a: Float, b?: Float): Float;
  test(name: 'eq' | 'ne' | 'lt' | 'gt' | 'le' | 'ge', a: Float, b: Float): I32;
  select(a: Float, b: Float, cond: I32): Float;
  get(n: number): Float;
  set(n: number, v: Float): void;
  const(n: number): Float;
  defaultNaN(): Float;
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
    defaultNaN: () =>
      double ? b.f64.reinterpret_i64(b.const64Parts(0, 0x7ff8_0000)) : b.f32.reinterpret_i32(b.const32(0x7fc0_0000)),
  };
}

/** r, or the default NaN where r is a NaN that no operand was. */
export function arithmeticNaN(f: Floats, t: Translator, r: Float, ...operands: Float[]): Float {
  const ordered = operands.map((o) => f.test('eq', o, o)).reduce((x, y) => t.b.i32.and(x, y));
  return f.select(r, f.select(f.defaultNaN(), r, ordered), f.test('eq', r, r));
}

/** The vector forms: 'f32x4' or 'f64x2' by the encoding's `sz` bit. */
export const floatLanes = (sz: number): 'f32x4' | 'f64x2' => (sz === 1 ? 'f64x2' : 'f32x4');

const defaultLanes = (t: Translator, sz: number): V128 =>
  sz === 1
    ? t.b.constV64(0x7ff8_0000_0000_0000n, 0x7ff8_0000_0000_0000n)
    : t.b.constV64(0x7fc0_0000_7fc0_0000n, 0x7fc0_0000_7fc0_0000n);

const eqSelf = (t: Translator, sz: number, v: V128): V128 => t.b.emit(`${floatLanes(sz)}.eq` as OpName, v, v) as V128;

/** {@link arithmeticNaN}, lane by lane. */
export function vectorNaN(t: Translator, sz: number, r: V128, ...operands: V128[]): V128 {
  const ordered = operands.map((o) => eqSelf(t, sz, o)).reduce((x, y) => t.b.v128.and(x, y));
  return t.b.v128.bitselect(r, t.b.v128.bitselect(defaultLanes(t, sz), r, ordered), eqSelf(t, sz, r));
}

/** Lanes of `r` where both operands are numbers, else the operands' NaN made quiet by an addition. */
export function vectorNaNOr(t: Translator, sz: number, r: V128, a: V128, b: V128): V128 {
  const both = t.b.v128.and(eqSelf(t, sz, a), eqSelf(t, sz, b));
  return t.b.v128.bitselect(r, t.b.emit(`${floatLanes(sz)}.add` as OpName, a, b) as V128, both);
}

/** a × b + c, the sum fused; NaNs in ARM's order: addend, then the factors. */
export function vectorMla(t: Translator, sz: number, c: V128, a: V128, b: V128): V128 {
  const p = floatLanes(sz);
  const r = t.b.emit(`${p}.relaxed_madd` as OpName, a, b, c) as V128;
  // x + x makes a NaN quiet and keeps its payload
  const quiet = (v: V128): V128 => t.b.emit(`${p}.add` as OpName, v, v) as V128;
  const pick = (v: V128, otherwise: V128): V128 => t.b.v128.bitselect(otherwise, quiet(v), eqSelf(t, sz, v));
  const nan = pick(c, pick(a, pick(b, defaultLanes(t, sz))));
  return t.b.v128.bitselect(r, nan, eqSelf(t, sz, r));
}

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
