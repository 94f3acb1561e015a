/** Scalar floating-point data processing (Arm ARM C4.1.96.26–33, C7.2 scalar forms). */
import type { Row } from '../../row.ts';
import { packLanes, Shape } from '../helpers/lanes.ts';
import * as fp from '../helpers/floating.ts';
import { Flags } from '../flags.ts';
import type { Translator } from '../translator.ts';
import { arithmeticNaN, type Float, type Floats, floats, hostFuses, isExact, vectorMla } from './fp-mode.ts';
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

function unary(t: Translator, { type, rn, rd }: Omit<Two, 'rm'>, helper: number, fast: (f: Floats, a: Float) => Float, imm = 0): void {
  if (type === RESERVED_TYPE) return t.undefined();
  if (type === HALF || isExact(t)) {
    return t.helper(helper, packLanes(rd, rn, 0, fp.typeSize[type] as number, Shape.SCALAR, imm));
  }
  const f = floats(t, type);
  f.set(rd, fast(f, f.get(rn)));
}

const plain =
  (name: string): Binary =>
  (t, f, a, b) => arithmeticNaN(f, t, f.op(name, a, b), a, b);

/** FMAX, FMIN: the host's answer for numbers, else the operands' NaN made quiet by an addition. */
const extreme =
  (name: 'max' | 'min'): Binary =>
  (t, f, a, b) => f.select(f.op(name, a, b), f.op('add', a, b), t.b.i32.and(f.test('eq', a, a), f.test('eq', b, b)));

/** FMAXNM, FMINNM: a lone NaN yields to the number. */
const numberExtreme =
  (name: 'max' | 'min'): Binary =>
  (t, f, a, b) => {
    const x = f.select(a, b, f.test('eq', a, a));
    const y = f.select(b, a, f.test('eq', b, b));
    return f.select(f.op(name, x, y), f.op('add', a, b), f.test('eq', x, x));
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
    type === 1
      ? t.b.f64x2.splat(v as ReturnType<Translator['d']>)
      : t.b.f32x4.splat(v as ReturnType<Translator['s']>);
  const n = f.get(rn);
  const a = f.get(ra);
  const sum = vectorMla(t, type, lane(negateSum ? f.op('neg', a) : a), lane(negateSum !== negate ? f.op('neg', n) : n), lane(f.get(rm)));
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
  if (type === HALF || isExact(t)) return t.helper(conditionalCompareHelper(), 0);
  const b = t.b;
  const holds = t.cond(cond);
  const f = floats(t, type);
  const [x, y] = [f.get(rn), f.get(rm)];
  // less 1000, equal 0110, greater 0010, unordered 0011
  const flags = b.i32.select(
    b.const32(8),
    b.i32.select(b.const32(6), b.i32.select(b.const32(2), b.const32(3), f.test('gt', x, y)), f.test('eq', x, y)),
    f.test('lt', x, y),
  );
  void signal;
  t.setNzcv(b.i32.select(flags, b.const32(nzcv), holds));
}
