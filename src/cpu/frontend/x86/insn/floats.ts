/**
 * Floating point of SSE and AVX: rows whose operation is the host's with x86's NaNs in the fast mode, and a helper's of the
 * soft-float library in the exact one (MXCSR's rounding, flags, denormals).
 */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import { MEMORY_OPERAND, packExact } from '../helpers/exact.ts';
import { VECTOR_OPERAND } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { type FastKind, fastOrExact } from './exact-fast.ts';
import { noVvvv, setVex128, setYmm, tail, type V128, vex, ymmHighRm, zero } from './vector.ts';

export type Float = Value<'f32'> | Value<'f64'>;
export type Lanes = 'f32x4' | 'f64x2';

/** An operation on `type` (f32, f64, or the vectors of them). */
export type FloatBinary = (t: Translator, type: string, a: Value, b: Value) => Value;
/** What stands for it in the exact mode: number of a helper, and its immediate. */
export interface Exact {
  readonly helper: number;
  imm?(t: Translator): number;
  /** Its case for which the host's operation is right. */
  readonly fast?: { readonly kind: FastKind; readonly op: FloatBinary };
}

/** The operation by its name, with x86's NaNs. */
export const arithmetic =
  (name: string): FloatBinary =>
  (t, type, a, b) =>
    t.b.emit(`${type}.x86_nan` as OpName, t.b.emit(`${type}.${name}` as OpName, a, b), a, b);
export const arithmetic1 =
  (name: string): FloatBinary =>
  (t, type, _a, b) =>
    t.b.emit(`${type}.x86_nan` as OpName, t.b.emit(`${type}.${name}` as OpName, b), b, b);

/** Where the exact mode's helper finds the ModRM operand: a register's number, or memory's. */
export const exactOperand = (t: Translator, bytes: 4 | 8 | 16 | 32, mask: number = t.lowBits): number => {
  if (t.d.mod === 3) return t.d.rm;
  const at = t.ea();
  // a field of the state always has one type
  if (bytes === 4) t.b.set(VECTOR_OPERAND, t.b.replace('i32x4.replace_lane', zero(t), 0, t.load('i32.load', at)));
  else if (bytes === 8) t.b.set(VECTOR_OPERAND, t.b.replace('i64x2.replace_lane', zero(t), 0, t.load('i64.load', at)));
  else {
    const [low, high] = [t.load('v128.load', at, 0, mask), bytes === 32 ? t.load('v128.load', at, 16) : null];
    t.b.set(VECTOR_OPERAND, low);
    if (high) t.b.set(VECTOR_OPERAND + 16, high);
  }
  return MEMORY_OPERAND;
};

/**
 * Call the helper of the exact mode: dst, first and second source, as many lanes as the form has. `general`: the row has
 * put the second source where the helper expects it. `bytes` of memory where they are not as many as the lanes have.
 */
export const exactly = (
  t: Translator,
  { helper, imm, fast }: Exact,
  double: boolean,
  lanes: 'scalar' | 'general' | 128 | 256,
  bytes: 4 | 8 | 16 | 32 = lanes === 256 ? 32 : lanes === 128 ? 16 : double ? 8 : 4,
): void => {
  if (fast && lanes !== 'general') return fastOrExact(t, { ...fast, helper, imm: imm?.(t) ?? 0 }, double, lanes);
  const isVex = t.d.vexL !== -2;
  const rm = lanes === 'general' ? 0 : exactOperand(t, bytes);
  const shape = lanes === 256 ? 2 : lanes === 128 ? 1 : 0;
  const a = isVex ? t.d.vvvv : t.d.reg;
  t.helper(helper, packExact({ d: t.d.reg, a, b: rm, double, shape, vex: isVex, imm: imm?.(t) ?? 0 }));
};

const lanesOf = (double: boolean): Lanes => (double ? 'f64x2' : 'f32x4');

/** `addps` and its like: two sources, all lanes. */
const packed = (
  encoding: string,
  name: string,
  double: boolean,
  op: FloatBinary,
  exact: Exact,
  sources: 1 | 2,
): X86Row[] => {
  // biome-ignore format: one line
  const type = lanesOf(double);
  const one = sources === 1;
  const three = (operand: string): string => (one ? operand : `${operand}, ${operand}`);
  const guard = one ? noVvvv : (lift: (t: Translator) => void) => lift;
  return [
    insn(encoding, `${name} xmm, xmm/m128${tail(encoding)}`, (t) => {
      if (t.exact) return exactly(t, exact, double, 128);
      t.setXmm(t.d.reg, op(t, type, t.xmm(t.d.reg), t.xmmRm()) as V128);
    }),
    vex(encoding, '128', `v${name} ${three('xmm')}, xmm/m128${tail(encoding)}`, guard((t) => {
      if (t.exact) return exactly(t, exact, double, 128);
      setVex128(t, t.d.reg, op(t, type, t.xmm(t.d.vvvv), t.xmmRm()) as V128);
    })),
    vex(encoding, '256', `v${name} ${three('ymm')}, ymm/m256${tail(encoding)}`, guard((t) => {
      if (t.exact) return exactly(t, exact, double, 256);
      const low = op(t, type, t.xmm(t.d.vvvv), t.xmmRm()) as V128;
      setYmm(t, t.d.reg, low, op(t, type, t.ymmHigh(t.d.vvvv), ymmHighRm(t)) as V128);
    })),
  ]; // biome-ignore format: one form after the other
};

/** The lowest lane of a register. */
export const scalar = (t: Translator, double: boolean, n: number): Float =>
  t.b.extract(`${lanesOf(double)}.extract_lane` as OpName, t.xmm(n), 0) as unknown as Float;
/** A register with another lowest lane: `from` is the register that the others come from. */
export const replaceScalar = (t: Translator, double: boolean, from: number, v: Float): V128 =>
  t.b.replace(`${lanesOf(double)}.replace_lane` as OpName, t.xmm(from), 0, v);
export const setScalar = (t: Translator, double: boolean, from: number, v: Float): void => {
  const whole = replaceScalar(t, double, from, v);
  if (t.d.vexL === -2) t.setXmm(t.d.reg, whole);
  else setVex128(t, t.d.reg, whole);
};

/** `addss` and its like. */
const scalarForm = (encoding: string, name: string, double: boolean, op: FloatBinary, exact: Exact): X86Row[] => {
  const type = double ? 'f64' : 'f32';
  const lift = (t: Translator): void => {
    if (t.exact) return exactly(t, exact, double, 'scalar');
    const first = t.d.vexL === -2 ? t.d.reg : t.d.vvvv;
    setScalar(t, double, first, op(t, type, scalar(t, double, first), t.scalarRm(type)) as Float);
  };
  const operand = `xmm/m${double ? 64 : 32}${tail(encoding)}`;
  return [insn(encoding, `${name} xmm, ${operand}`, lift), vex(encoding, 'LIG', `v${name} xmm, xmm, ${operand}`, lift)];
};

/** The four of a kind: ps, pd, ss, sd. */
export const floatFamily = (
  opcode: string,
  name: string,
  op: FloatBinary,
  exact: Exact,
  sources: 1 | 2 = 2,
): X86Row[] => [
  ...packed(`NP 0F ${opcode} /r`, `${name}ps`, false, op, exact, sources),
  ...packed(`66 0F ${opcode} /r`, `${name}pd`, true, op, exact, sources),
  ...scalarForm(`F3 0F ${opcode} /r`, `${name}ss`, false, op, exact),
  ...scalarForm(`F2 0F ${opcode} /r`, `${name}sd`, true, op, exact),
];

export { packed as packedFloats, scalarForm as scalarFloats, zero };
