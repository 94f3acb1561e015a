/** Scalar conversions: between formats, with general registers (Arm ARM C4.1.96.29–31). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import * as fp from '../helpers/floating.ts';
import type { Translator } from '../translator.ts';
import { rounders } from './fp-data.ts';
import { type Float, type Floats, floats, isExact } from './fp-mode.ts';
import { insn } from './row.ts';
import { halfToSingle, singleToHalf } from './saturating.ts';
import { permute } from './simd-row.ts';

const RESERVED_TYPE = 2;
const HALF = 3;

interface Convert {
  readonly sf: number;
  readonly type: number;
  readonly rn: number;
  readonly rd: number;
}

const MODES = ['n', 'p', 'm', 'z'];

/** Saturating truncation to the width; wasm's is ARM's: NaN gives 0. */
function truncate(t: Translator, f: Floats, a: Float, sf: number, unsigned: number, rd: number): void {
  const name = `${sf ? 'i64' : 'i32'}.trunc_sat_${f.type}_${unsigned ? 'u' : 's'}` as OpName;
  const v = t.b.emit(name, a);
  if (sf) t.setX(rd, v as Value<'i64'>);
  else t.setW(rd, v as Value<'i32'>);
}

function toInteger(t: Translator, { sf, type, rn, rd }: Convert, letter: string, unsigned: number): void {
  if (type === RESERVED_TYPE) return t.undefined();
  if (type === HALF || isExact(t)) {
    const mode = letter === 'a' ? 4 << 16 : MODES.indexOf(letter) << 19;
    return t.helper(fp.fpToX, (sf << 31) | (type << 22) | (1 << 21) | mode | (unsigned << 16) | (rn << 5) | rd);
  }
  const f = floats(t, type);
  const a = f.get(rn);
  const rounded = letter === 'z' ? a : (rounders[letter] as (f: Floats, a: Float) => Float)(f, a);
  truncate(t, f, rounded, sf, unsigned, rd);
}

interface Fixed extends Convert {
  readonly scale: number;
}

/** 32-bit registers take 1 to 32 fraction bits. */
const badScale = (sf: number, scale: number): boolean => sf === 0 && scale < 32;

function toFixed(t: Translator, { sf, type, scale, rn, rd }: Fixed, unsigned: number): void {
  if (type === RESERVED_TYPE || badScale(sf, scale)) return t.undefined();
  if (type === HALF || isExact(t)) {
    return t.helper(fp.fpToX, (sf << 31) | (type << 22) | (scale << 10) | (unsigned << 16) | (rn << 5) | rd);
  }
  // scaling up by a power of two is exact, or overflows to what saturates alike
  const f = floats(t, type);
  truncate(t, f, f.op('mul', f.get(rn), f.const(2 ** (64 - scale))), sf, unsigned, rd);
}

const source = (t: Translator, sf: number, rn: number): Value => (sf ? t.x(rn) : t.w(rn));

function fromInteger(t: Translator, { sf, type, rn, rd }: Convert, unsigned: number, scale = 64): void {
  if (type === RESERVED_TYPE || badScale(sf, scale)) return t.undefined();
  if (type === HALF || isExact(t)) {
    const form = scale === 64 ? 1 << 21 : scale << 10;
    return t.helper(fp.xToFp, (sf << 31) | (type << 22) | form | (unsigned << 16) | (rn << 5) | rd);
  }
  const f = floats(t, type);
  const v = t.b.emit(
    `${f.type}.convert_${sf ? 'i64' : 'i32'}_${unsigned ? 'u' : 's'}` as OpName,
    source(t, sf, rn),
  ) as Float;
  f.set(rd, scale === 64 ? v : f.op('mul', v, f.const(2 ** (scale - 64))));
}

function convert(t: Translator, type: number, to: number, rn: number, rd: number): void {
  if (type === RESERVED_TYPE || type === to) return t.undefined();
  if (!isExact(t) && type === HALF && to === 0) {
    return t.setV(rd, permute(t, 2, halfToSingle(t, t.v(rn), 0), t.zero(), [0, 4, 4, 4]));
  }
  if (!isExact(t) && type === 0 && to === HALF) {
    return t.setV(rd, t.low64(singleToHalf(t, permute(t, 2, t.v(rn), t.zero(), [0, 4, 4, 4]))));
  }
  if (type === HALF || to === HALF || isExact(t)) return t.helper(fp.fpCvt, (type << 22) | (to << 15) | (rn << 5) | rd);
  if (to === 1) t.setD(rd, t.b.f64.promote_f32(t.s(rn)));
  else t.setS(rd, t.b.f32.demote_f64(t.d(rn)));
}

const half = (t: Translator, n: number): Value<'i32'> => t.b.extract('i16x8.extract_lane_u', t.v(n), 0);

// biome-ignore format: one instruction per line
const conversions: readonly Row<Translator>[] = (['n', 'p', 'm', 'z'] as const).flatMap((letter, mode) => {
  const rmode = mode.toString(2).padStart(2, '0') as '00' | '01' | '10' | '11';
  return [
    insn(`fcvt${letter}s <R>d, <Fn>`, `sf:1 0011110 type:2 1 ${rmode} 000 000000 rn:5 rd:5`, (t, f) => toInteger(t, f as never, letter, 0)),
    insn(`fcvt${letter}u <R>d, <Fn>`, `sf:1 0011110 type:2 1 ${rmode} 001 000000 rn:5 rd:5`, (t, f) => toInteger(t, f as never, letter, 1)),
  ];
});

// biome-ignore format: one instruction per line
export const fpConvert: readonly Row<Translator>[] = [
  ...conversions,
  insn('fcvtas <R>d, <Fn>', 'sf:1 0011110 type:2 1 00 100 000000 rn:5 rd:5', (t, f) => toInteger(t, f, 'a', 0)),
  insn('fcvtau <R>d, <Fn>', 'sf:1 0011110 type:2 1 00 101 000000 rn:5 rd:5', (t, f) => toInteger(t, f, 'a', 1)),
  insn('scvtf <Fd>, <R>n', 'sf:1 0011110 type:2 1 00 010 000000 rn:5 rd:5', (t, f) => fromInteger(t, f, 0)),
  insn('ucvtf <Fd>, <R>n', 'sf:1 0011110 type:2 1 00 011 000000 rn:5 rd:5', (t, f) => fromInteger(t, f, 1)),
  insn('fcvtzs <R>d, <Fn>, #<fbits>', 'sf:1 0011110 type:2 0 11 000 scale:6 rn:5 rd:5', (t, f) => toFixed(t, f, 0)),
  insn('fcvtzu <R>d, <Fn>, #<fbits>', 'sf:1 0011110 type:2 0 11 001 scale:6 rn:5 rd:5', (t, f) => toFixed(t, f, 1)),
  insn('scvtf <Fd>, <R>n, #<fbits>', 'sf:1 0011110 type:2 0 00 010 scale:6 rn:5 rd:5', (t, f) => fromInteger(t, f, 0, f.scale)),
  insn('ucvtf <Fd>, <R>n, #<fbits>', 'sf:1 0011110 type:2 0 00 011 scale:6 rn:5 rd:5', (t, f) => fromInteger(t, f, 1, f.scale)),
  insn('fcvt <Sd>, <Fn>', '00011110 type:2 1 000100 10000 rn:5 rd:5', (t, { type, rn, rd }) => convert(t, type, 0, rn, rd)),
  insn('fcvt <Dd>, <Fn>', '00011110 type:2 1 000101 10000 rn:5 rd:5', (t, { type, rn, rd }) => convert(t, type, 1, rn, rd)),
  insn('fcvt <Hd>, <Fn>', '00011110 type:2 1 000111 10000 rn:5 rd:5', (t, { type, rn, rd }) => convert(t, type, 3, rn, rd)),
  // moves between the register files
  insn('fmov <Wd>, <Sn>', '0 0011110 00 1 00 110 000000 rn:5 rd:5', (t, { rn, rd }) => t.setW(rd, t.sBits(rn))),
  insn('fmov <Sd>, <Wn>', '0 0011110 00 1 00 111 000000 rn:5 rd:5', (t, { rn, rd }) => t.setSBits(rd, t.w(rn))),
  insn('fmov <Xd>, <Dn>', '1 0011110 01 1 00 110 000000 rn:5 rd:5', (t, { rn, rd }) => t.setX(rd, t.dBits(rn))),
  insn('fmov <Dd>, <Xn>', '1 0011110 01 1 00 111 000000 rn:5 rd:5', (t, { rn, rd }) => t.setDBits(rd, t.x(rn))),
  insn('fmov <Xd>, <Vn>.D[1]', '1 0011110 10 1 01 110 000000 rn:5 rd:5', (t, { rn, rd }) => t.setX(rd, t.b.extract('i64x2.extract_lane', t.v(rn), 1))),
  insn('fmov <Vd>.D[1], <Xn>', '1 0011110 10 1 01 111 000000 rn:5 rd:5', (t, { rn, rd }) => t.setV(rd, t.b.replace('i64x2.replace_lane', t.v(rd), 1, t.x(rn)))),
  insn('fmov <R>d, <Hn>', 'sf:1 0011110 11 1 00 110 000000 rn:5 rd:5', (t, { rn, rd }) => t.setW(rd, half(t, rn))),
  insn('fmov <Hd>, <R>n', 'sf:1 0011110 11 1 00 111 000000 rn:5 rd:5', (t, { rn, rd }) => t.setSBits(rd, t.b.i32.and(t.w(rn), t.b.const32(0xffff)))),
];
