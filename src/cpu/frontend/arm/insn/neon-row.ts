/** How Advanced SIMD rows are written: operands of AArch64's rows, and the two instruction sets' common 24 bits. */
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import { a64Row, D, FIRST, type Operand, Q } from '../a64.ts';
import type { Translator } from '../translator.ts';
import { a32x, type F, t32 } from './row.ts';
import { viewOf } from './vfp.ts';

export type V128 = Value<'v128'>;
export type Lift = (t: Translator, f: F) => void;

/** Syntax, the bit U, and the 24 bits below. */
export type Line = readonly [syntax: string, u: string, pattern: string, lift: Lift];

export const a32Lines = (lines: readonly Line[]): Row<Translator>[] =>
  lines.map(([syntax, u, pattern, lift]) => a32x(syntax, `001 ${u} ${pattern}`, lift));
export const t32Lines = (lines: readonly Line[]): Row<Translator>[] =>
  lines.map(([syntax, u, pattern, lift]) => t32(syntax, `111 ${u} 1111 ${pattern}`, lift));

/** Number of a register by its field: D:Vd, N:Vn, M:Vm. */
export const number = (f: F, name: 'd' | 'n' | 'm'): number => ((f[name] as number) << 4) | (f[`v${name}`] as number);

/** The registers named are doubles, or quads, whose numbers are even; null: UNDEFINED. */
export const operands = (t: Translator, f: F, names: readonly ('d' | 'n' | 'm')[], q: number): Operand[] | null => {
  const list: Operand[] = [];
  for (const name of names) {
    const n = number(f, name);
    if (q === 1 && (n & 1) === 1) {
      t.undefined();
      return null;
    }
    list.push(q === 1 ? Q(n >> 1) : D(n));
  }
  return list;
};

const FIELDS = { rd: FIRST, rn: FIRST + 1, rm: FIRST + 2, ra: FIRST + 3 };

/** An AArch64 row on these operands: destination, then sources. */
export const lend = (
  t: Translator,
  syntax: string,
  list: readonly Operand[],
  fields: Readonly<Record<string, number>> = {},
  options: { half?: boolean; standard?: boolean } = {},
): void => viewOf(t).run(a64Row(syntax, options.half), { ...FIELDS, ...fields }, list, options.standard);

export const value = (v: V128): Operand & { kind: 'value' } => ({ kind: 'value', v });
/** Registers of 64-bit lanes: AArch64 has no vectors of one of them, so doubles go as quads with nothing above. */
export const lendWide = (t: Translator, syntax: string, list: readonly Operand[], fields: Readonly<Record<string, number>>): void => {
  if (fields.q === 1) return lend(t, syntax, list, fields);
  const [d, ...sources] = list as [Operand, ...Operand[]];
  const low = (o: Operand): Operand => value(viewOf(t).low64(read(t, o)));
  const out = value(viewOf(t).low64(read(t, d)));
  lend(t, syntax, [out, ...sources.map(low)], { ...fields, q: 1 });
  assign(t, d, out.v);
}; // biome-ignore format: one line

/** The value an operand has. */
export const read = (t: Translator, o: Operand): V128 => viewOf(t).read(o);
export const assign = (t: Translator, o: Operand, v: V128): void => viewOf(t).write(o, v);

const bytes = (list: readonly number[], lane: number): number[] => Array.from({ length: 16 }, (_, i) => list[i % lane] as number); // biome-ignore format: one line
const SMALLEST = bytes([0, 0, 0x80, 0], 4);
const MAGNITUDE = bytes([0xff, 0xff, 0xff, 0x7f], 4);
const NAN = bytes([0, 0, 0xc0, 0x7f], 4);

/** What has no subnormals already: results of other operations of Advanced SIMD. */
const flushed = new WeakSet<V128>();

/** Single-precision lanes with subnormals replaced by zeros of their sign. */
export const flush = (t: Translator, v: V128): V128 => {
  if (flushed.has(v)) return v;
  const { b } = t;
  // NaNs compare false, and stay
  const small = b.f32x4.lt(b.f32x4.abs(v), b.constV128(SMALLEST));
  const kept = b.v128.andnot(v, b.v128.and(small, b.constV128(MAGNITUDE)));
  flushed.add(kept);
  return kept;
};

/** Results as Advanced SIMD gives them: subnormals flushed, NaNs the default one. */
export const standardResult = (t: Translator, v: V128): V128 => {
  const { b } = t;
  const result = b.v128.bitselect(flush(t, v), b.constV128(NAN), b.f32x4.eq(v, v));
  flushed.add(result);
  return result;
};

/**
 * A floating-point row of AArch64 under the standard FPSCR value. In the exact mode its helper is told so; else operands
 * and result are flushed around it. `result`: what is written is numbers, not a mask.
 */
export const lendFloat = (
  t: Translator,
  syntax: string,
  list: readonly Operand[],
  fields: Readonly<Record<string, number>>,
  options: { half: boolean; result: boolean },
): void => {
  if (t.exact || options.half) return lend(t, syntax, list, fields, { half: options.half, standard: true });
  const [d, ...sources] = list as [Operand, ...Operand[]];
  const out = value(flush(t, read(t, d)));
  lend(t, syntax, [out, ...sources.map((o) => value(flush(t, read(t, o))))], fields, { standard: true });
  assign(t, d, options.result ? standardResult(t, out.v) : out.v);
};
