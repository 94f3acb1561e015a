import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Int, Size } from '../flags.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;
type V128 = Value<'v128'>;

const zero = (t: Translator): V128 => t.b.constV64(0n, 0n);

const load = (t: Translator): void => t.setXmm(t.d.reg, t.xmmRm());
const store = (t: Translator): void => t.setXmmRm(t.xmm(t.d.reg));

/** A number in the lowest lane, zeros above. */
const alone = (t: Translator, v: I32 | I64): V128 =>
  v.type === 'i64'
    ? t.b.replace('i64x2.replace_lane', zero(t), 0, v)
    : t.b.replace('i32x4.replace_lane', zero(t), 0, v);
const low64 = (t: Translator, v: V128): I64 => t.b.extract('i64x2.extract_lane', v, 0);
const low32 = (t: Translator, v: V128): I32 => t.b.extract('i32x4.extract_lane', v, 0);

/** MOVD, MOVQ between general and vector registers. */
const fromInteger = (t: Translator): void => {
  const size: Size = t.d.w === 1 ? 8 : 4;
  t.setXmm(t.d.reg, alone(t, t.rm(size)));
};
const toInteger = (t: Translator): void => {
  const v = t.xmm(t.d.reg);
  if (t.d.w === 1) t.setRm(low64(t, v) as Int, 8);
  else t.setRm(low32(t, v) as Value as Int, 4);
};
const loadQuad = (t: Translator): void => t.setXmm(t.d.reg, alone(t, t.scalarRm('i64')));
const storeQuad = (t: Translator): void => {
  const v = low64(t, t.xmm(t.d.reg));
  if (t.d.mod === 3) t.setXmm(t.d.rm, alone(t, v));
  else t.store('i64.store', t.ea(), v);
};

/** MOVSS, MOVSD: a register keeps what is above, unless the number comes from memory. */
const loadScalar = (t: Translator, size: 4 | 8): void => {
  const v = t.scalarRm(size === 8 ? 'i64' : 'i32');
  if (t.d.mod !== 3) return t.setXmm(t.d.reg, alone(t, v));
  t.setXmm(t.d.reg, t.b.replace(size === 8 ? 'i64x2.replace_lane' : 'i32x4.replace_lane', t.xmm(t.d.reg), 0, v));
};
const storeScalar = (t: Translator, size: 4 | 8): void => {
  const v = t.xmm(t.d.reg);
  const number = size === 8 ? low64(t, v) : low32(t, v);
  if (t.d.mod !== 3) return t.store(size === 8 ? 'i64.store' : 'i32.store', t.ea(), number);
  t.setXmm(t.d.rm, t.b.replace(size === 8 ? 'i64x2.replace_lane' : 'i32x4.replace_lane', t.xmm(t.d.rm), 0, number));
};
/** Half a register: from memory or from the other half of a register, to lane `to`. */
const loadHalf = (t: Translator, to: 0 | 1): void => {
  const v = t.d.mod === 3 ? t.b.extract('i64x2.extract_lane', t.xmm(t.d.rm), 1 - to) : t.load('i64.load', t.ea());
  t.setXmm(t.d.reg, t.b.replace('i64x2.replace_lane', t.xmm(t.d.reg), to, v));
};
const storeHalf = (t: Translator, from: 0 | 1): void =>
  t.store('i64.store', t.ea(), t.b.extract('i64x2.extract_lane', t.xmm(t.d.reg), from));

/** Two operands, the first one is the destination. */
const binary =
  (name: OpName) =>
  (t: Translator): void =>
    t.setXmm(t.d.reg, t.b.emit(name, t.xmm(t.d.reg), t.xmmRm()) as V128);
/** The same register combined with itself is zero, whatever it was. */
const exclusiveOr = (t: Translator): void => {
  if (t.d.mod === 3 && t.d.rm === t.d.reg) t.setXmm(t.d.reg, zero(t));
  else binary('v128.xor')(t);
};
const andNot = (t: Translator): void => t.setXmm(t.d.reg, t.b.v128.andnot(t.xmmRm(), t.xmm(t.d.reg)));

/** Lanes of `size` bytes alternately from both operands' lower or upper halves. */
const interleave = (size: 1 | 2 | 4 | 8, high: boolean): readonly number[] =>
  Array.from({ length: 16 }, (_, i) => {
    const lane = Math.floor(i / (2 * size)) * size + (high ? 8 : 0);
    return lane + (i % size) + (Math.floor(i / size) % 2 === 1 ? 16 : 0);
  });
const unpack = (size: 1 | 2 | 4 | 8, high: boolean) => {
  const lanes = interleave(size, high);
  return (t: Translator): void => t.setXmm(t.d.reg, t.b.shuffle(t.xmm(t.d.reg), t.xmmRm(), lanes));
};
/** Lanes by the immediate's pairs of bits. */
const shuffled = (imm: number, size: 2 | 4, base: number): number[] =>
  Array.from({ length: 4 * size }, (_, i) => base + ((imm >> (2 * Math.floor(i / size))) & 3) * size + (i % size));
const shuffleDoubles = (t: Translator): void => {
  const v = t.xmmRm();
  t.setXmm(t.d.reg, t.b.shuffle(v, v, shuffled(t.d.imm, 4, 0)));
};
const SAME = [0, 1, 2, 3, 4, 5, 6, 7];
const shuffleWords = (t: Translator, high: boolean): void => {
  const v = t.xmmRm();
  const moved = shuffled(t.d.imm, 2, high ? 8 : 0);
  t.setXmm(t.d.reg, t.b.shuffle(v, v, high ? [...SAME, ...moved] : [...moved, ...SAME.map((n) => n + 8)]));
};

/** SHUFPS, SHUFPD: lower lanes from the first operand, upper ones from the second, by the immediate's bits. */
const shuffleFloats = (t: Translator): void => {
  const { imm } = t.d;
  const lanes = shuffled(imm, 4, 0).map((n, i) => (i < 8 ? n : n + 16));
  t.setXmm(t.d.reg, t.b.shuffle(t.xmm(t.d.reg), t.xmmRm(), lanes));
};
const shufflePairs = (t: Translator): void => {
  const { imm } = t.d;
  const lanes = SAME.concat(SAME).map((n, i) => n + (i < 8 ? 8 * (imm & 1) : 16 + 8 * ((imm >> 1) & 1)));
  t.setXmm(t.d.reg, t.b.shuffle(t.xmm(t.d.reg), t.xmmRm(), lanes));
};

/** Shift the whole register by bytes. */
const shiftBytes = (t: Translator, left: boolean): void => {
  const n = Math.min(t.d.imm & 0xff, 16);
  const lanes = Array.from({ length: 16 }, (_, i) => (left ? 16 + i - n : i + n));
  const v = t.xmm(t.d.rm);
  t.setXmm(t.d.rm, left ? t.b.shuffle(zero(t), v, lanes) : t.b.shuffle(v, zero(t), lanes));
};
const mask =
  (name: OpName) =>
  (t: Translator): void =>
    t.setR(t.b.emit(name, t.xmm(t.d.rm)) as Value as Int, 4);

/** Instructions that exist for integers, and for both kinds of floats, under different names. */
const three = (code: string, ints: string, ps: string, pd: string, intCode: string, lift: X86Row['lift']): X86Row[] => [
  insn(`66 0F ${intCode} /r`, `${ints} xmm, xmm/m128`, lift),
  insn(`NP 0F ${code} /r`, `${ps} xmm, xmm/m128`, lift),
  insn(`66 0F ${code} /r`, `${pd} xmm, xmm/m128`, lift),
];

/** SDM vol. 1, 5.5 and 5.6: moves, logic, shuffles and comparisons of SSE and SSE2 */
// biome-ignore format: one instruction per line
export const sseMoveRows: readonly X86Row[] = [
  insn('NP 0F 28 /r', 'movaps xmm, xmm/m128', load),
  insn('NP 0F 29 /r', 'movaps xmm/m128, xmm', store),
  insn('66 0F 28 /r', 'movapd xmm, xmm/m128', load),
  insn('66 0F 29 /r', 'movapd xmm/m128, xmm', store),
  insn('NP 0F 10 /r', 'movups xmm, xmm/m128', load),
  insn('NP 0F 11 /r', 'movups xmm/m128, xmm', store),
  insn('66 0F 10 /r', 'movupd xmm, xmm/m128', load),
  insn('66 0F 11 /r', 'movupd xmm/m128, xmm', store),
  insn('66 0F 6F /r', 'movdqa xmm, xmm/m128', load),
  insn('66 0F 7F /r', 'movdqa xmm/m128, xmm', store),
  insn('F3 0F 6F /r', 'movdqu xmm, xmm/m128', load),
  insn('F3 0F 7F /r', 'movdqu xmm/m128, xmm', store),
  insn('NP 0F 2B /r mem', 'movntps m128, xmm', store),
  insn('66 0F 2B /r mem', 'movntpd m128, xmm', store),
  insn('66 0F E7 /r mem', 'movntdq m128, xmm', store),
  insn('66 0F 6E /r', 'movd xmm, r/m', fromInteger),
  insn('66 0F 7E /r', 'movd r/m, xmm', toInteger),
  insn('F3 0F 7E /r', 'movq xmm, xmm/m64', loadQuad),
  insn('66 0F D6 /r', 'movq xmm/m64, xmm', storeQuad),
  insn('F3 0F 10 /r', 'movss xmm, xmm/m32', (t) => loadScalar(t, 4)),
  insn('F3 0F 11 /r', 'movss xmm/m32, xmm', (t) => storeScalar(t, 4)),
  insn('F2 0F 10 /r', 'movsd xmm, xmm/m64', (t) => loadScalar(t, 8)),
  insn('F2 0F 11 /r', 'movsd xmm/m64, xmm', (t) => storeScalar(t, 8)),
  insn('NP 0F 12 /r mem', 'movlps xmm, m64', (t) => loadHalf(t, 0)),
  insn('NP 0F 12 /r reg', 'movhlps xmm, xmm', (t) => loadHalf(t, 0)),
  insn('66 0F 12 /r mem', 'movlpd xmm, m64', (t) => loadHalf(t, 0)),
  insn('NP 0F 16 /r mem', 'movhps xmm, m64', (t) => loadHalf(t, 1)),
  insn('NP 0F 16 /r reg', 'movlhps xmm, xmm', (t) => loadHalf(t, 1)),
  insn('66 0F 16 /r mem', 'movhpd xmm, m64', (t) => loadHalf(t, 1)),
  insn('NP 0F 13 /r mem', 'movlps m64, xmm', (t) => storeHalf(t, 0)),
  insn('66 0F 13 /r mem', 'movlpd m64, xmm', (t) => storeHalf(t, 0)),
  insn('NP 0F 17 /r mem', 'movhps m64, xmm', (t) => storeHalf(t, 1)),
  insn('66 0F 17 /r mem', 'movhpd m64, xmm', (t) => storeHalf(t, 1)),
  ...three('54', 'pand', 'andps', 'andpd', 'DB', binary('v128.and')),
  ...three('55', 'pandn', 'andnps', 'andnpd', 'DF', andNot),
  ...three('56', 'por', 'orps', 'orpd', 'EB', binary('v128.or')),
  ...three('57', 'pxor', 'xorps', 'xorpd', 'EF', exclusiveOr),
  insn('66 0F 74 /r', 'pcmpeqb xmm, xmm/m128', binary('i8x16.eq')),
  insn('66 0F 75 /r', 'pcmpeqw xmm, xmm/m128', binary('i16x8.eq')),
  insn('66 0F 76 /r', 'pcmpeqd xmm, xmm/m128', binary('i32x4.eq')),
  insn('66 0F 64 /r', 'pcmpgtb xmm, xmm/m128', binary('i8x16.gt_s')),
  insn('66 0F 65 /r', 'pcmpgtw xmm, xmm/m128', binary('i16x8.gt_s')),
  insn('66 0F 66 /r', 'pcmpgtd xmm, xmm/m128', binary('i32x4.gt_s')),
  insn('66 0F D7 /r reg', 'pmovmskb r, xmm', mask('i8x16.bitmask')),
  insn('NP 0F 50 /r reg', 'movmskps r, xmm', mask('i32x4.bitmask')),
  insn('66 0F 50 /r reg', 'movmskpd r, xmm', mask('i64x2.bitmask')),
  insn('66 0F DA /r', 'pminub xmm, xmm/m128', binary('i8x16.min_u')),
  insn('66 0F DE /r', 'pmaxub xmm, xmm/m128', binary('i8x16.max_u')),
  insn('66 0F F8 /r', 'psubb xmm, xmm/m128', binary('i8x16.sub')),
  insn('66 0F F9 /r', 'psubw xmm, xmm/m128', binary('i16x8.sub')),
  insn('66 0F FA /r', 'psubd xmm, xmm/m128', binary('i32x4.sub')),
  insn('66 0F FB /r', 'psubq xmm, xmm/m128', binary('i64x2.sub')),
  insn('66 0F FC /r', 'paddb xmm, xmm/m128', binary('i8x16.add')),
  insn('66 0F FD /r', 'paddw xmm, xmm/m128', binary('i16x8.add')),
  insn('66 0F FE /r', 'paddd xmm, xmm/m128', binary('i32x4.add')),
  insn('66 0F D4 /r', 'paddq xmm, xmm/m128', binary('i64x2.add')),
  insn('66 0F 60 /r', 'punpcklbw xmm, xmm/m128', unpack(1, false)),
  insn('66 0F 61 /r', 'punpcklwd xmm, xmm/m128', unpack(2, false)),
  insn('66 0F 62 /r', 'punpckldq xmm, xmm/m128', unpack(4, false)),
  insn('66 0F 6C /r', 'punpcklqdq xmm, xmm/m128', unpack(8, false)),
  insn('66 0F 68 /r', 'punpckhbw xmm, xmm/m128', unpack(1, true)),
  insn('66 0F 69 /r', 'punpckhwd xmm, xmm/m128', unpack(2, true)),
  insn('66 0F 6A /r', 'punpckhdq xmm, xmm/m128', unpack(4, true)),
  insn('66 0F 6D /r', 'punpckhqdq xmm, xmm/m128', unpack(8, true)),
  insn('NP 0F 14 /r', 'unpcklps xmm, xmm/m128', unpack(4, false)),
  insn('66 0F 14 /r', 'unpcklpd xmm, xmm/m128', unpack(8, false)),
  insn('NP 0F 15 /r', 'unpckhps xmm, xmm/m128', unpack(4, true)),
  insn('66 0F 15 /r', 'unpckhpd xmm, xmm/m128', unpack(8, true)),
  insn('66 0F 70 /r ib', 'pshufd xmm, xmm/m128, imm8', shuffleDoubles),
  insn('F2 0F 70 /r ib', 'pshuflw xmm, xmm/m128, imm8', (t) => shuffleWords(t, false)),
  insn('F3 0F 70 /r ib', 'pshufhw xmm, xmm/m128, imm8', (t) => shuffleWords(t, true)),
  insn('NP 0F C6 /r ib', 'shufps xmm, xmm/m128, imm8', shuffleFloats),
  insn('66 0F C6 /r ib', 'shufpd xmm, xmm/m128, imm8', shufflePairs),
  insn('66 0F 73 /7 ib reg', 'pslldq xmm, imm8', (t) => shiftBytes(t, true)),
  insn('66 0F 73 /3 ib reg', 'psrldq xmm, imm8', (t) => shiftBytes(t, false)),
];
