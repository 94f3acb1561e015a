/** Fused multiplication and addition, and half precision, by the soft-float library. */
import { fpMulAdd } from '../../../softfloat/arithmetic.ts';
import { fpConvert } from '../../../softfloat/convert.ts';
import { F16, F32 } from '../../../softfloat/format.ts';
import { defineHelper } from '../helpers.ts';
import { Sys, VECTOR_OPERAND } from '../registers.ts';
import { beginExact, DE, defineExact, type ExactContext, finish, IE, setLane, unpackExact, vectorAt } from './exact.ts';
import { isDenormal, isNaN_, isSignalling, nanOf, operand } from './exact-float.ts';

const one = (c: ExactContext, a: bigint, b: bigint, addend: bigint, kind: number): bigint => {
  const { format } = c;
  const nan = nanOf(c, a, b, addend);
  if (nan !== null) return nan;
  const sign = (v: bigint, negate: boolean): bigint => (negate ? v ^ format.signBit : v);
  const flush = (v: bigint): bigint => (c.daz && isDenormal(format, v) ? v & format.signBit : v);
  const r = fpMulAdd(format, sign(flush(addend), (kind & 1) !== 0), sign(flush(a), (kind & 2) !== 0), flush(b), c.env);
  if (isNaN_(format, r)) return c.indefinite;
  // an invalid operation goes before the denormal exception
  for (const v of [a, b, addend]) operand(v, c);
  return r;
};

/** Immediate: operation of even lanes, of odd lanes (0 madd, 1 msub, 2 nmadd, 3 nmsub), order of the operands (132, 213, 231). */
export const exactFused: number = defineExact((a, b, c, d, lane = 0) => {
  const kind = (lane & 1 ? c.imm >> 2 : c.imm) & 3;
  const order = c.imm >> 4;
  // a is VEX.vvvv, b the ModRM operand, d the destination
  if (order === 0) return one(c, d, b, a, kind);
  return order === 1 ? one(c, a, d, b, kind) : one(c, a, b, d, kind);
}, true);

/** VCVTPH2PS: denormals are numbers whatever DAZ says. */
export const halfToSingle: number = defineHelper((c, state, aux) => {
  const { view } = c;
  const p = unpackExact(aux);
  const e = beginExact(c, state, false, 0);
  const results: bigint[] = [];
  for (let i = 0; i < p.shape * 4; i++) {
    const v = BigInt(view.getUint16(vectorAt(state, p.b, false) + 2 * i, true));
    if (isNaN_(F16, v)) {
      if (isSignalling(F16, v)) e.raise(IE);
      results.push(((v & F16.signBit) << 16n) | F32.infinity | F32.quietBit | ((v & F16.fractionMask) << 13n));
    } else results.push(fpConvert(F16, F32, v, e.env));
  }
  return finish(c, state, e.take() & ~DE, () => {
    c.u8.fill(0, vectorAt(state, p.d, true), vectorAt(state, p.d, true) + 16);
    results.forEach((v, i) => {
      setLane(view, vectorAt(state, p.d, i >= 4) + 4 * (i & 3), false, v);
    });
  });
});

/** VCVTPS2PH into VECTOR_OPERAND: register, 16 = 32 bytes, immediate from bit 5 on (bit 2: MXCSR's rounding). */
export const singleToHalf: number = defineHelper((c, state, aux) => {
  const { view } = c;
  const e = beginExact(c, state, false, 0);
  const imm = aux >>> 5;
  if ((imm & 4) === 0) e.setRounding(imm & 3, false);
  else e.setRounding((view.getUint32(state + Sys.MXCSR, true) >>> 13) & 3, false);
  view.setBigUint64(state + VECTOR_OPERAND, 0n, true);
  view.setBigUint64(state + VECTOR_OPERAND + 8, 0n, true);
  for (let i = 0; i < (aux & 16 ? 8 : 4); i++) {
    const v = BigInt(view.getUint32(vectorAt(state, aux & 15, i >= 4) + 4 * (i & 3), true));
    let half: bigint;
    if (isNaN_(F32, v)) {
      if (isSignalling(F32, v)) e.raise(IE);
      half = ((v & F32.signBit) >> 16n) | F16.infinity | F16.quietBit | ((v & F32.fractionMask) >> 13n);
    } else half = fpConvert(F32, F16, operand(v, e), e.env);
    view.setUint16(state + VECTOR_OPERAND + 2 * i, Number(half), true);
  }
  return finish(c, state, e.take(), () => {});
});
