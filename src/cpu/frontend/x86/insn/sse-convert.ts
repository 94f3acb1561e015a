import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Int } from '../flags.ts';
import { Conversion, exactConvert, exactConvertScalar, exactFromInteger, exactMmx, exactToInteger, MmxConversion } from '../helpers/exact-convert.ts'; // biome-ignore format: one line
import { Sys, VECTOR_OPERAND } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { Lanes, mayRound } from './exact-fast.ts';
import { type Exact, exactly, type Float, replaceScalar, setScalar } from './floats.ts';
import { enterMmx } from './mmx-state.ts';
import {
  type I32,
  type I64,
  low64,
  mmRm,
  noVvvv,
  setMm,
  setVex128,
  setYmm,
  type V128,
  vex,
  ymmHighRm,
  zero,
} from './vector.ts';

/** Integers outside the range become this (the integer indefinite). */
const INDEFINITE = 0x8000_0000n;

/** A float to a general register. */
const toInteger = (t: Translator, double: boolean, truncate: boolean): void => {
  const { b } = t;
  const type = double ? 'f64' : 'f32';
  const wide = t.d.w === 1;
  const x = t.scalarRm(type) as Value as Float;
  const v = truncate ? x : (b.emit(`${type}.nearest` as OpName, x) as Float);
  const k = (n: number): Value => (double ? b.constF64(n) : b.constF32(n));
  const top = wide ? 2 ** 63 : 2 ** 31;
  // below the range truncation saturates to the indefinite by itself, and a NaN is in no range
  const fits = b.emit(`${type}.lt` as OpName, v, k(top)) as I32;
  const r = b.emit(`${wide ? 'i64' : 'i32'}.trunc_sat_${type}_s` as OpName, v);
  if (t.exact) {
    const whole = truncate ? b.emit(`${type}.trunc` as OpName, x) : v;
    const same = b.emit(`${type}.eq` as OpName, whole, x) as I32;
    const above = b.emit(`${type}.ge` as OpName, v, k(-top)) as I32;
    const fast = b.i32.and(b.i32.and(fits, above), b.i32.or(same, mayRound(t)));
    b.beginWhen(b.i32.eqz(fast));
    exactly(t, { helper: exactToInteger, imm: () => (wide ? 1 : 0) | (truncate ? 2 : 0) }, double, 'scalar');
    b.endWhen();
    const size = wide ? 8 : 4;
    return t.setR(b.emit(wide ? 'i64.select' : 'i32.select', r, t.r(size), fast) as Int, size);
  }
  if (wide) t.setR(b.i64.select(r as I64, b.const64(-(2n ** 63n)), fits) as Int, 8);
  else t.setR(b.i32.select(r as I32, b.const32(-(2 ** 31)), fits) as Value as Int, 4);
};

/** A general register or memory to a float. */
const fromInteger = (t: Translator, double: boolean): void => {
  const wide = t.d.w === 1;
  const n = t.rm(wide ? 8 : 4);
  // an int has a place among doubles
  if (t.exact && (wide || !double)) {
    t.b.set(Sys.OPERAND, t.convert(n, wide ? 8 : 4, 8, false));
    return exactly(t, { helper: exactFromInteger, imm: () => (wide ? 1 : 0) }, double, 'general');
  }
  const v = t.b.emit(`${double ? 'f64' : 'f32'}.convert_${wide ? 'i64' : 'i32'}_s` as OpName, n) as Float;
  setScalar(t, double, t.d.vexL === -2 ? t.d.reg : t.d.vvvv, v);
};

const convertScalar = (t: Translator, fromDouble: boolean): void => {
  const x: Value = fromDouble ? t.scalarRm('f64') : t.scalarRm('f32');
  const v = t.b.emit(fromDouble ? 'f32.demote_f64' : 'f64.promote_f32', x) as Float;
  const first = t.d.vexL === -2 ? t.d.reg : t.d.vvvv;
  if (!t.exact) return setScalar(t, !fromDouble, first, v);
  const { i32 } = t.b;
  const from = new Lanes(t, fromDouble, true);
  let slow = i32.or(from.isNaN(x) as I32, from.isDenormal(x) as I32);
  if (fromDouble) {
    const to = new Lanes(t, false, true);
    const tiny = i32.and(to.isTiny(v) as I32, i32.eqz(from.isZero(x) as I32));
    const rounded = t.b.f64.ne(t.b.f64.promote_f32(v as Value<'f32'>), x as Value<'f64'>);
    slow = i32.or(i32.or(slow, to.isWild(v) as I32), i32.or(tiny, i32.and(rounded, i32.eqz(mayRound(t)))));
  }
  const whole = replaceScalar(t, !fromDouble, first, v);
  t.b.beginWhen(slow);
  exactly(t, { helper: exactConvertScalar }, fromDouble, 'scalar');
  t.b.endWhen();
  t.setXmm(t.d.reg, t.b.emit('v128.select', t.xmm(t.d.reg), whole, slow) as V128);
  if (t.d.vexL !== -2) t.setYmmHigh(t.d.reg, zero(t));
};

/** SSE's and VEX's form of a scalar conversion. */
const scalarForms = (
  encoding: string,
  name: string,
  operands: string,
  three: string,
  lift: (t: Translator) => void,
): X86Row[] => [
  // biome-ignore format: one line
  insn(encoding, `${name} ${operands}`, lift),
  vex(encoding, 'LIG', `v${name} ${three}${operands}`, three === '' ? noVvvv(lift) : lift),
];

/** 32-bit integers from singles; those outside the range are replaced. */
const toInt32 = (t: Translator, a: V128, truncate: boolean): V128 => {
  const { b } = t;
  const v = truncate ? a : b.f32x4.nearest(a);
  const fits = b.f32x4.lt(v, b.f32x4.splat(b.constF32(2 ** 31)));
  const bad = b.constV64((INDEFINITE << 32n) | INDEFINITE, (INDEFINITE << 32n) | INDEFINITE);
  return b.v128.bitselect(b.emit('i32x4.trunc_sat_f32x4_s', v) as V128, bad, fits);
};
const LOW_DOUBLES = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23];
/** Two 32-bit integers from doubles, in the lower half. */
const toInt32Pair = (t: Translator, a: V128, truncate: boolean): V128 => {
  const { b } = t;
  const v = truncate ? a : b.f64x2.nearest(a);
  const fits = b.shuffle(b.f64x2.lt(v, b.f64x2.splat(b.constF64(2 ** 31))), zero(t), LOW_DOUBLES);
  const bad = b.constV64((INDEFINITE << 32n) | INDEFINITE, 0n);
  return b.v128.bitselect(b.emit('i32x4.trunc_sat_f64x2_s_zero', v) as V128, bad, fits);
};
const joinLow = (t: Translator, low: V128, high: V128): V128 =>
  t.b.shuffle(low, high, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
const upper = (t: Translator, v: V128): V128 =>
  t.b.shuffle(v, zero(t), [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]);
/** The lower half of the ModRM operand, of eight bytes of memory. */
const halfRm = (t: Translator): V128 =>
  t.d.mod === 3 ? t.xmm(t.d.rm) : t.b.replace('i64x2.replace_lane', zero(t), 0, t.load('i64.load', t.ea()));

type Convert = (t: Translator, a: V128) => V128;

/** The forms that take 128 bits and leave no more. */
const of128 = (encoding: string, name: string, op: Convert, exact: Exact): X86Row[] => [
    insn(encoding, `${name} xmm, xmm/m128`, (t) =>
      t.exact ? exactly(t, exact, false, 128) : t.setXmm(t.d.reg, op(t, t.xmmRm())),
    ),
    vex(encoding, '128', `v${name} xmm, xmm/m128`, noVvvv((t) =>
      t.exact ? exactly(t, exact, false, 128) : setVex128(t, t.d.reg, op(t, t.xmmRm())),
    )),
]; // biome-ignore format: one form after the other

/** Lanes of equal size. */
const same = (encoding: string, name: string, op: Convert, kind: number): X86Row[] => {
  const exact = { helper: exactConvert, imm: () => kind };
  return [
    ...of128(encoding, name, op, exact),
    vex(encoding, '256', `v${name} ymm, ymm/m256`, noVvvv((t) => {
      if (t.exact) return exactly(t, exact, false, 256);
      const low = op(t, t.xmmRm());
      setYmm(t, t.d.reg, low, op(t, ymmHighRm(t)));
    })),
  ]; // biome-ignore format: one form after the other
};

/** Doubles from the lower lanes of a register. `kind` is null where the result is exact in every mode. */
const widening = (encoding: string, name: string, op: Convert, kind: number | null): X86Row[] => {
  const byHelper = (t: Translator, lanes: 128 | 256): boolean => {
    if (!t.exact || kind === null) return false;
    exactly(t, { helper: exactConvert, imm: () => kind }, false, lanes, lanes === 128 ? 8 : 16);
    return true;
  };
  return [
    insn(encoding, `${name} xmm, xmm/m64`, (t) => {
      if (!byHelper(t, 128)) t.setXmm(t.d.reg, op(t, halfRm(t)));
    }),
    vex(encoding, '128', `v${name} xmm, xmm/m64`, noVvvv((t) => {
      if (!byHelper(t, 128)) setVex128(t, t.d.reg, op(t, halfRm(t)));
    })),
    vex(encoding, '256', `v${name} ymm, xmm/m128`, noVvvv((t) => {
      if (byHelper(t, 256)) return;
      const v = t.xmmRm();
      setYmm(t, t.d.reg, op(t, v), op(t, upper(t, v)));
    })),
  ]; // biome-ignore format: one form after the other
};

/** Doubles to lanes of half their size. */
const narrowing = (encoding: string, name: string, op: Convert, kind: number): X86Row[] => {
  const exact = { helper: exactConvert, imm: () => kind };
  return [
    ...of128(encoding, name, op, exact),
    vex(encoding, '256', `v${name} xmm, ymm/m256`, noVvvv((t) => {
      if (t.exact) return exactly(t, exact, false, 256);
      const low = op(t, t.xmmRm());
      setVex128(t, t.d.reg, joinLow(t, low, op(t, ymmHighRm(t))));
    })),
  ]; // biome-ignore format: one form after the other
};

const convert =
  (name: OpName): Convert =>
  (t, a) =>
    t.b.emit(name, a) as V128;

/** Conversions with MMX registers, which are rare: by a helper in either mode. */
const withMmx = (encoding: string, syntax: string, kind: number): X86Row =>
  insn(encoding, syntax, (t) => {
    const { b, d } = t;
    const toMmx = kind >= MmxConversion.PS_PI;
    const source = toMmx ? (kind >= MmxConversion.PD_PI ? t.xmmRm() : halfRm(t)) : mmRm(t);
    b.set(VECTOR_OPERAND, source);
    t.helper(exactMmx, kind);
    const r = b.get('v128', VECTOR_OPERAND);
    if (toMmx) return setMm(t, d.reg, low64(t, r));
    t.setXmm(d.reg, kind === MmxConversion.PI_PD ? r : b.replace('i64x2.replace_lane', t.xmm(d.reg), 0, low64(t, r)));
    if (d.mod === 3) enterMmx(t);
  });

/** SDM vol. 1, 10.4.4 and 11.4.1.6: conversions between floats and integers */
// biome-ignore format: one instruction per line
export const sseConvertRows: readonly X86Row[] = [
  ...scalarForms('F3 0F 2A /r', 'cvtsi2ss', 'xmm, r/m', 'xmm, ', (t) => fromInteger(t, false)),
  ...scalarForms('F2 0F 2A /r', 'cvtsi2sd', 'xmm, r/m', 'xmm, ', (t) => fromInteger(t, true)),
  ...scalarForms('F3 0F 2C /r', 'cvttss2si', 'r, xmm/m32', '', (t) => toInteger(t, false, true)),
  ...scalarForms('F2 0F 2C /r', 'cvttsd2si', 'r, xmm/m64', '', (t) => toInteger(t, true, true)),
  ...scalarForms('F3 0F 2D /r', 'cvtss2si', 'r, xmm/m32', '', (t) => toInteger(t, false, false)),
  ...scalarForms('F2 0F 2D /r', 'cvtsd2si', 'r, xmm/m64', '', (t) => toInteger(t, true, false)),
  ...scalarForms('F3 0F 5A /r', 'cvtss2sd', 'xmm, xmm/m32', 'xmm, ', (t) => convertScalar(t, false)),
  ...scalarForms('F2 0F 5A /r', 'cvtsd2ss', 'xmm, xmm/m64', 'xmm, ', (t) => convertScalar(t, true)),
  ...same('NP 0F 5B /r', 'cvtdq2ps', convert('f32x4.convert_i32x4_s'), Conversion.DQ_PS),
  ...same('66 0F 5B /r', 'cvtps2dq', (t, a) => toInt32(t, a, false), Conversion.PS_DQ),
  ...same('F3 0F 5B /r', 'cvttps2dq', (t, a) => toInt32(t, a, true), Conversion.PS_DQ_TRUNCATE),
  ...widening('NP 0F 5A /r', 'cvtps2pd', convert('f64x2.promote_low_f32x4'), Conversion.PS_PD),
  ...widening('F3 0F E6 /r', 'cvtdq2pd', convert('f64x2.convert_low_i32x4_s'), null),
  ...narrowing('66 0F 5A /r', 'cvtpd2ps', convert('f32x4.demote_f64x2_zero'), Conversion.PD_PS),
  ...narrowing('F2 0F E6 /r', 'cvtpd2dq', (t, a) => toInt32Pair(t, a, false), Conversion.PD_DQ),
  ...narrowing('66 0F E6 /r', 'cvttpd2dq', (t, a) => toInt32Pair(t, a, true), Conversion.PD_DQ_TRUNCATE),
  withMmx('NP 0F 2A /r', 'cvtpi2ps xmm, mm/m64', MmxConversion.PI_PS),
  withMmx('66 0F 2A /r', 'cvtpi2pd xmm, mm/m64', MmxConversion.PI_PD),
  withMmx('NP 0F 2D /r', 'cvtps2pi mm, xmm/m64', MmxConversion.PS_PI),
  withMmx('NP 0F 2C /r', 'cvttps2pi mm, xmm/m64', MmxConversion.PS_PI_TRUNCATE),
  withMmx('66 0F 2D /r', 'cvtpd2pi mm, xmm/m128', MmxConversion.PD_PI),
  withMmx('66 0F 2C /r', 'cvttpd2pi mm, xmm/m128', MmxConversion.PD_PI_TRUNCATE),
];
