/** Scalar floating-point data processing (Arm ARM C4.1.96.26–33, C7.2 scalar forms). */
import { hostFuses } from '../../host-fuses.ts';
import type { Row } from '../../row.ts';
import * as fp from '../helpers/floating.ts';
import { packLanes, Shape } from '../helpers/lanes.ts';
import type { Translator } from '../translator.ts';
import { arithmeticNaN, type Float, type Floats, floats, isExact, vectorMla } from './fp-mode.ts';
import { insn } from './row.ts';

interface Two {
  readonly type: number;
  readonly rm: number;
  readonly rn: number;
  readonly rd: number;
}

type Binary = (t: Translator, f: Floats, a: Float, b: Float) => Float;

const RESERVED_TYPE = 2;
const HALF = 3;

/** Half precision and the exact mode go to the helper; the rest is `fast`. */
function binary(t: Translator, { type, rm, rn, rd }: Two, helper: number, fast: Binary): void {
  if (type === RESERVED_TYPE) return t.undefined();
  if (type === HALF || isExact(t)) {
    return t.helper(helper, packLanes(rd, rn, rm, fp.typeSize[type] as number, Shape.SCALAR));
  }
  const f = floats(t, type);
  f.set(rd, fast(t, f, f.get(rn), f.get(rm)));
}

function unary(
  t: Translator,
  { type, rn, rd }: Omit<Two, 'rm'>,
  helper: number,
  fast: (f: Floats, a: Float) => Float,
  imm = 0,
): void {
  if (type === RESERVED_TYPE) return t.undefined();
  if (type === HALF || isExact(t)) {
    return t.helper(helper, packLanes(rd, rn, 0, fp.typeSize[type] as number, Shape.SCALAR, imm));
  }
  const f = floats(t, type);
  f.set(rd, fast(f, f.get(rn)));
}

const plain =
  (name: string): Binary =>
  (t, f, a, b) =>
    arithmeticNaN(f, t, f.op(name, a, b), a, b);

/** i32: 1 for a signalling NaN. */
function isSignalling(t: Translator, f: Floats, a: Float): ReturnType<Translator['w']> {
  const b = t.b;
  const quiet =
    a.type === 'f64'
      ? b.i32.wrap_i64(b.i64.shr_u(b.i64.reinterpret_f64(a as ReturnType<Translator['d']>), b.const64(51)))
      : b.i32.shr_u(b.i32.reinterpret_f32(a as ReturnType<Translator['s']>), b.const32(22));
  return b.i32.gt_u(f.test('ne', a, a), b.i32.and(quiet, b.const32(1)));
}

/** FMAX, FMIN: the host's answer for numbers, else the operands' NaN made quiet by an addition. */
const extreme =
  (name: 'max' | 'min'): Binary =>
  (t, f, a, b) =>
    arithmeticNaN(f, t, f.op(name, a, b), a, b);

/** FMAXNM, FMINNM: a lone quiet NaN yields to the number; a signalling one wins. */
const numberExtreme =
  (name: 'max' | 'min'): Binary =>
  (t, f, a, b) => {
    const x = f.select(a, b, f.test('eq', a, a));
    const y = f.select(b, a, f.test('eq', b, b));
    const signals = t.b.i32.or(isSignalling(t, f, a), isSignalling(t, f, b));
    const numbers = t.b.i32.gt_u(f.test('eq', x, x), signals);
    return f.select(f.op(name, x, y), arithmeticNaN(f, t, f.op('add', a, b), a, b), numbers);
  };

const negMul: Binary = (t, f, a, b) => f.op('neg', plain('mul')(t, f, a, b));

interface Four extends Two {
  readonly ra: number;
}

/** FMADD, FMSUB, FNMADD, FNMSUB: operands are negated, then one fused operation. */
function madd(t: Translator, { type, rm, ra, rn, rd }: Four, negateSum: number, negate: number): void {
  if (type === RESERVED_TYPE) return t.undefined();
  if (type === HALF || isExact(t) || !hostFuses()) {
    const word = (type << 22) | (negateSum << 21) | (rm << 16) | (negate << 15) | (ra << 10) | (rn << 5) | rd;
    return t.helper(fp.fpMadd, word);
  }
  const f = floats(t, type);
  const lane = (v: Float): ReturnType<Translator['v']> =>
    type === 1 ? t.b.f64x2.splat(v as ReturnType<Translator['d']>) : t.b.f32x4.splat(v as ReturnType<Translator['s']>);
  const n = f.get(rn);
  const a = f.get(ra);
  const sum = vectorMla(
    t,
    type,
    lane(negateSum ? f.op('neg', a) : a),
    lane(negateSum !== negate ? f.op('neg', n) : n),
    lane(f.get(rm)),
  );
  f.set(rd, type === 1 ? t.b.extract('f64x2.extract_lane', sum, 0) : t.b.extract('f32x4.extract_lane', sum, 0));
}

/** FMOV, FABS, FNEG, FCSEL move bits: the low 16, 32 or 64 of a register, as an integer. */
function bits(t: Translator, type: number, n: number): ReturnType<Translator['x']> {
  if (type === 1) return t.dBits(n);
  const low = t.sBits(n);
  return t.b.i64.extend_i32_u(type === HALF ? t.b.i32.and(low, t.b.const32(0xffff)) : low);
}

function moveBits(t: Translator, { type, rn, rd }: Omit<Two, 'rm'>, and: bigint, xor: bigint): void {
  if (type === RESERVED_TYPE) return t.undefined();
  let v = bits(t, type, rn);
  if (and !== 0n) v = t.b.i64.and(v, t.b.const64(~and));
  if (xor !== 0n) v = t.b.i64.xor(v, t.b.const64(xor));
  t.setDBits(rd, v);
}

const signBit = (type: number): bigint => 1n << (type === 1 ? 63n : type === 0 ? 31n : 15n);

/** VFPExpandImm (Arm ARM J1.3): abcdefgh to a float of the size. */
export function expandImmediate(imm8: number, size: number): bigint {
  const [e, f] = [[0, 0], [5, 10], [8, 23], [11, 52]][size] as [number, number]; // biome-ignore format: pairs
  const sign = BigInt(imm8 >> 7);
  const b6 = (imm8 >> 6) & 1;
  const high = b6 ? (1n << BigInt(e - 3)) - 1n : 0n;
  const exponent = (BigInt(b6 ^ 1) << BigInt(e - 1)) | (high << 2n) | BigInt((imm8 >> 4) & 3);
  return (sign << BigInt(e + f)) | (exponent << BigInt(f)) | (BigInt(imm8 & 15) << BigInt(f - 4));
}

function compare(t: Translator, type: number, rm: number, rn: number, zero: number, signal: number): void {
  if (type === RESERVED_TYPE) return t.undefined();
  if (type === HALF || isExact(t)) {
    t.helper(fp.fpCmp, (type << 22) | (rm << 16) | (rn << 5) | (signal << 4) | (zero << 3));
    return t.flagsFromState();
  }
  const f = floats(t, type);
  const [a, b] = [f.get(rn), zero ? f.const(0) : f.get(rm)] as [never, never];
  t.setFcmp(a, b);
}

interface ConditionalCompare {
  readonly type: number;
  readonly rm: number;
  readonly cond: number;
  readonly rn: number;
  readonly nzcv: number;
}

/** FCCMP: both outcomes as NZCV, then choose. */
function conditionalCompare(t: Translator, { type, rm, cond, rn, nzcv }: ConditionalCompare, signal: number): void {
  if (type === RESERVED_TYPE) return t.undefined();
  const b = t.b;
  if (type === HALF || isExact(t)) {
    // marks the flags as read; the helper takes them from the CPU state
    t.flagState();
    t.helper(fp.fpCcmp, (type << 22) | (rm << 16) | (cond << 12) | (rn << 5) | (signal << 4) | nzcv);
    return t.flagsFromState();
  }
  const holds = t.cond(cond);
  const f = floats(t, type);
  const [x, y] = [f.get(rn), f.get(rm)];
  // less 1000, equal 0110, greater 0010, unordered 0011
  const flags = b.i32.select(
    b.const32(8),
    b.i32.select(b.const32(6), b.i32.select(b.const32(2), b.const32(3), f.test('gt', x, y)), f.test('eq', x, y)),
    f.test('lt', x, y),
  );
  t.setNzcv(b.i32.select(flags, b.const32(nzcv), holds));
}

interface Select extends Two {
  readonly cond: number;
}

function select(t: Translator, { type, rm, cond, rn, rd }: Select): void {
  if (type === RESERVED_TYPE) return t.undefined();
  t.setDBits(rd, t.b.i64.select(bits(t, type, rn), bits(t, type, rm), t.cond(cond)));
}

const NEAREST_BELOW_HALF = { f32: 0.49999997019767761, f64: 0.49999999999999994 } as const;

/** Round to integral, ties away: the largest number below one half, added away from zero, then cut. */
export const roundAway = (f: Floats, a: Float): Float =>
  f.op('copysign', f.op('trunc', f.op('add', a, f.op('copysign', f.const(NEAREST_BELOW_HALF[f.type]), a))), a);

/** The host's rounding of one of FPCR's modes, or ties away. */
export const rounders: Readonly<Record<string, (f: Floats, a: Float) => Float>> = {
  n: (f, a) => f.op('nearest', a),
  p: (f, a) => f.op('ceil', a),
  m: (f, a) => f.op('floor', a),
  z: (f, a) => f.op('trunc', a),
  a: roundAway,
};

/** NaNs are made quiet, which adding the number to itself does. */
const rint =
  (letter: string) =>
  (t: Translator) =>
  (f: Floats, a: Float): Float =>
    arithmeticNaN(f, t, (rounders[letter] as (f: Floats, a: Float) => Float)(f, a), a);

const square =
  (t: Translator) =>
  (f: Floats, a: Float): Float =>
    arithmeticNaN(f, t, f.op('sqrt', a), a);

function moveImmediate(t: Translator, type: number, imm8: number, rd: number): void {
  if (type === RESERVED_TYPE) return t.undefined();
  t.setDBits(rd, t.b.const64(expandImmediate(imm8, fp.typeSize[type] as number)));
}

// biome-ignore format: one instruction per line
export const fpData: readonly Row<Translator>[] = [
  // data processing, 2 source
  insn('fmul <Fd>, <Fn>, <Fm>', '00011110 type:2 1 rm:5 000010 rn:5 rd:5', (t, f) => binary(t, f, fp.fpMul, plain('mul'))),
  insn('fdiv <Fd>, <Fn>, <Fm>', '00011110 type:2 1 rm:5 000110 rn:5 rd:5', (t, f) => binary(t, f, fp.fpDiv, plain('div'))),
  insn('fadd <Fd>, <Fn>, <Fm>', '00011110 type:2 1 rm:5 001010 rn:5 rd:5', (t, f) => binary(t, f, fp.fpAdd, plain('add'))),
  insn('fsub <Fd>, <Fn>, <Fm>', '00011110 type:2 1 rm:5 001110 rn:5 rd:5', (t, f) => binary(t, f, fp.fpSub, plain('sub'))),
  insn('fmax <Fd>, <Fn>, <Fm>', '00011110 type:2 1 rm:5 010010 rn:5 rd:5', (t, f) => binary(t, f, fp.fpMax, extreme('max'))),
  insn('fmin <Fd>, <Fn>, <Fm>', '00011110 type:2 1 rm:5 010110 rn:5 rd:5', (t, f) => binary(t, f, fp.fpMin, extreme('min'))),
  insn('fmaxnm <Fd>, <Fn>, <Fm>', '00011110 type:2 1 rm:5 011010 rn:5 rd:5', (t, f) => binary(t, f, fp.fpMaxNum, numberExtreme('max'))),
  insn('fminnm <Fd>, <Fn>, <Fm>', '00011110 type:2 1 rm:5 011110 rn:5 rd:5', (t, f) => binary(t, f, fp.fpMinNum, numberExtreme('min'))),
  insn('fnmul <Fd>, <Fn>, <Fm>', '00011110 type:2 1 rm:5 100010 rn:5 rd:5', (t, f) => binary(t, f, fp.fpNegMul, negMul)),
  // data processing, 3 source
  insn('fmadd <Fd>, <Fn>, <Fm>, <Fa>', '00011111 type:2 0 rm:5 0 ra:5 rn:5 rd:5', (t, f) => madd(t, f, 0, 0)),
  insn('fmsub <Fd>, <Fn>, <Fm>, <Fa>', '00011111 type:2 0 rm:5 1 ra:5 rn:5 rd:5', (t, f) => madd(t, f, 0, 1)),
  insn('fnmadd <Fd>, <Fn>, <Fm>, <Fa>', '00011111 type:2 1 rm:5 0 ra:5 rn:5 rd:5', (t, f) => madd(t, f, 1, 0)),
  insn('fnmsub <Fd>, <Fn>, <Fm>, <Fa>', '00011111 type:2 1 rm:5 1 ra:5 rn:5 rd:5', (t, f) => madd(t, f, 1, 1)),
  // data processing, 1 source
  insn('fmov <Fd>, <Fn>', '00011110 type:2 1 000000 10000 rn:5 rd:5', (t, f) => moveBits(t, f, 0n, 0n)),
  insn('fabs <Fd>, <Fn>', '00011110 type:2 1 000001 10000 rn:5 rd:5', (t, f) => moveBits(t, f, signBit(f.type), 0n)),
  insn('fneg <Fd>, <Fn>', '00011110 type:2 1 000010 10000 rn:5 rd:5', (t, f) => moveBits(t, f, 0n, signBit(f.type))),
  insn('fsqrt <Fd>, <Fn>', '00011110 type:2 1 000011 10000 rn:5 rd:5', (t, f) => unary(t, f, fp.fpSqrt, square(t))),
  insn('frintn <Fd>, <Fn>', '00011110 type:2 1 001000 10000 rn:5 rd:5', (t, f) => unary(t, f, fp.fpRint, rint('n')(t), 0)),
  insn('frintp <Fd>, <Fn>', '00011110 type:2 1 001001 10000 rn:5 rd:5', (t, f) => unary(t, f, fp.fpRint, rint('p')(t), 1)),
  insn('frintm <Fd>, <Fn>', '00011110 type:2 1 001010 10000 rn:5 rd:5', (t, f) => unary(t, f, fp.fpRint, rint('m')(t), 2)),
  insn('frintz <Fd>, <Fn>', '00011110 type:2 1 001011 10000 rn:5 rd:5', (t, f) => unary(t, f, fp.fpRint, rint('z')(t), 3)),
  insn('frinta <Fd>, <Fn>', '00011110 type:2 1 001100 10000 rn:5 rd:5', (t, f) => unary(t, f, fp.fpRint, rint('a')(t), 4)),
  insn('frintx <Fd>, <Fn>', '00011110 type:2 1 001110 10000 rn:5 rd:5', (t, f) => unary(t, f, fp.fpRint, rint('n')(t), 7)),
  insn('frinti <Fd>, <Fn>', '00011110 type:2 1 001111 10000 rn:5 rd:5', (t, f) => unary(t, f, fp.fpRint, rint('n')(t), 6)),
  // compare, select, immediate
  insn('fcmp <Fn>, <Fm>', '00011110 type:2 1 rm:5 001000 rn:5 00000', (t, { type, rm, rn }) => compare(t, type, rm, rn, 0, 0)),
  insn('fcmp <Fn>, #0.0', '00011110 type:2 1 xxxxx 001000 rn:5 01000', (t, { type, rn }) => compare(t, type, 0, rn, 1, 0)),
  insn('fcmpe <Fn>, <Fm>', '00011110 type:2 1 rm:5 001000 rn:5 10000', (t, { type, rm, rn }) => compare(t, type, rm, rn, 0, 1)),
  insn('fcmpe <Fn>, #0.0', '00011110 type:2 1 xxxxx 001000 rn:5 11000', (t, { type, rn }) => compare(t, type, 0, rn, 1, 1)),
  insn('fccmp <Fn>, <Fm>, #<nzcv>, <cond>', '00011110 type:2 1 rm:5 cond:4 01 rn:5 0 nzcv:4', (t, f) => conditionalCompare(t, f, 0)),
  insn('fccmpe <Fn>, <Fm>, #<nzcv>, <cond>', '00011110 type:2 1 rm:5 cond:4 01 rn:5 1 nzcv:4', (t, f) => conditionalCompare(t, f, 1)),
  insn('fcsel <Fd>, <Fn>, <Fm>, <cond>', '00011110 type:2 1 rm:5 cond:4 11 rn:5 rd:5', (t, f) => select(t, f)),
  insn('fmov <Fd>, #<fimm>', '00011110 type:2 1 imm8:8 100 00000 rd:5', (t, { type, imm8, rd }) => moveImmediate(t, type, imm8, rd)),
];
