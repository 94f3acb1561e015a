import type { X86Row } from '../row.ts';
import { insn } from '../row.ts';
import { type Binary, binary, emit, integer, low64, mm, mmRm, mmx, setMm, type V128, zero } from './vector.ts';

/** Lanes of `size` bytes alternately from both operands, from byte `first` on. */
const interleave = (size: number, first: number): Binary => {
  const lanes = Array.from({ length: 16 }, (_, i) => {
    const lane = Math.floor(i / (2 * size)) * size + first;
    return (lane + (i % size) + (Math.floor(i / size) % 2 === 1 ? 16 : 0)) % 32;
  });
  return (t, a, b) => t.b.shuffle(a, b, lanes);
};
/** PUNPCK: of MMX registers the upper half begins at byte 4. */
const unpack = (low: string, high: string, letters: string, size: 1 | 2 | 4): X86Row[] => [
  insn(`NP 0F ${low} /r`, `punpckl${letters} mm, mm/m32`, (t) => {
    const b = t.d.mod === 3 ? mm(t, t.d.rm) : t.b.replace('i32x4.replace_lane', zero(t), 0, t.load('i32.load', t.ea()));
    setMm(t, t.d.reg, low64(t, interleave(size, 0)(t, mm(t, t.d.reg), b)));
  }),
  ...binary(`66 0F ${low} /r`, `punpckl${letters}`, interleave(size, 0)),
  ...mmx(high, `punpckh${letters}`, interleave(size, 4)),
  ...binary(`66 0F ${high} /r`, `punpckh${letters}`, interleave(size, 8)),
];

const LOWER_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
/** PACK: MMX's takes both operands as one vector. */
const pack = (opcode: string, name: string, op: Binary): X86Row[] => [
  insn(`NP 0F ${opcode} /r`, `${name} mm, mm/m64`, (t) => {
    const both = t.b.shuffle(mm(t, t.d.reg), mmRm(t), LOWER_HALVES);
    setMm(t, t.d.reg, low64(t, op(t, both, both)));
  }),
  ...binary(`66 0F ${opcode} /r`, name, op),
];

/** The upper halves of the 32-bit products of words. */
const UPPER_WORDS = [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31];
const multiplyHigh =
  (sign: 's' | 'u'): Binary =>
  (t, a, b) =>
    t.b.shuffle(emit(`i32x4.extmul_low_i16x8_${sign}`)(t, a, b), emit(`i32x4.extmul_high_i16x8_${sign}`)(t, a, b), UPPER_WORDS); // biome-ignore format: one line

const EVEN_DOUBLES = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11];
/** PMULUDQ, PMULDQ: the lower halves of quadwords. */
export const multiplyEven =
  (sign: 's' | 'u'): Binary =>
  (t, a, b) => {
    const even = (v: V128): V128 => t.b.shuffle(v, v, EVEN_DOUBLES);
    return emit(`i64x2.extmul_low_i32x4_${sign}`)(t, even(a), even(b));
  };

/** Sums of absolute differences of eight bytes. */
const absoluteDifferences: Binary = (t, a, b) => {
  const { b: ir } = t;
  const difference = ir.i8x16.sub(ir.i8x16.max_u(a, b), ir.i8x16.min_u(a, b));
  const words = ir.emit('i16x8.extadd_pairwise_i8x16_u', difference) as V128;
  const doubles = ir.emit('i32x4.extadd_pairwise_i16x8_u', words) as V128;
  const sums = ir.i64x2.add(doubles, ir.i64x2.shr_u(doubles, t.imm(32)));
  return ir.v128.and(sums, ir.constV64(0xffff_ffffn, 0xffff_ffffn));
};

const andNot: Binary = (t, a, b) => t.b.v128.andnot(b, a);
/** The same register combined with itself is zero, whatever it was. */
const exclusiveOr: Binary = (t, a, b) => (a === b ? zero(t) : t.b.v128.xor(a, b));

/** PAND and its like, and the same of floats. */
const logic = (opcode: string, name: string, floatCode: string, floatName: string, op: Binary): X86Row[] => [
  ...integer(opcode, name, op),
  ...binary(`NP 0F ${floatCode} /r`, `${floatName}ps`, op),
  ...binary(`66 0F ${floatCode} /r`, `${floatName}pd`, op),
];

/** SDM vol. 1, 9.4 and 11.4.2: integers in vectors, of MMX, SSE2, AVX and AVX2 */
// biome-ignore format: one instruction per line
export const integerRows: readonly X86Row[] = [
  ...logic('DB', 'pand', '54', 'and', emit('v128.and')),
  ...logic('DF', 'pandn', '55', 'andn', andNot),
  ...logic('EB', 'por', '56', 'or', emit('v128.or')),
  ...logic('EF', 'pxor', '57', 'xor', exclusiveOr),
  ...integer('FC', 'paddb', emit('i8x16.add')),
  ...integer('FD', 'paddw', emit('i16x8.add')),
  ...integer('FE', 'paddd', emit('i32x4.add')),
  ...integer('D4', 'paddq', emit('i64x2.add')),
  ...integer('F8', 'psubb', emit('i8x16.sub')),
  ...integer('F9', 'psubw', emit('i16x8.sub')),
  ...integer('FA', 'psubd', emit('i32x4.sub')),
  ...integer('FB', 'psubq', emit('i64x2.sub')),
  ...integer('EC', 'paddsb', emit('i8x16.add_sat_s')),
  ...integer('ED', 'paddsw', emit('i16x8.add_sat_s')),
  ...integer('DC', 'paddusb', emit('i8x16.add_sat_u')),
  ...integer('DD', 'paddusw', emit('i16x8.add_sat_u')),
  ...integer('E8', 'psubsb', emit('i8x16.sub_sat_s')),
  ...integer('E9', 'psubsw', emit('i16x8.sub_sat_s')),
  ...integer('D8', 'psubusb', emit('i8x16.sub_sat_u')),
  ...integer('D9', 'psubusw', emit('i16x8.sub_sat_u')),
  ...integer('D5', 'pmullw', emit('i16x8.mul')),
  ...integer('E5', 'pmulhw', multiplyHigh('s')),
  ...integer('E4', 'pmulhuw', multiplyHigh('u')),
  ...integer('F4', 'pmuludq', multiplyEven('u')),
  ...integer('F5', 'pmaddwd', emit('i32x4.dot_i16x8_s')),
  ...integer('F6', 'psadbw', absoluteDifferences),
  ...integer('E0', 'pavgb', emit('i8x16.avgr_u')),
  ...integer('E3', 'pavgw', emit('i16x8.avgr_u')),
  ...integer('DA', 'pminub', emit('i8x16.min_u')),
  ...integer('DE', 'pmaxub', emit('i8x16.max_u')),
  ...integer('EA', 'pminsw', emit('i16x8.min_s')),
  ...integer('EE', 'pmaxsw', emit('i16x8.max_s')),
  ...integer('74', 'pcmpeqb', emit('i8x16.eq')),
  ...integer('75', 'pcmpeqw', emit('i16x8.eq')),
  ...integer('76', 'pcmpeqd', emit('i32x4.eq')),
  ...integer('64', 'pcmpgtb', emit('i8x16.gt_s')),
  ...integer('65', 'pcmpgtw', emit('i16x8.gt_s')),
  ...integer('66', 'pcmpgtd', emit('i32x4.gt_s')),
  ...pack('63', 'packsswb', emit('i8x16.narrow_i16x8_s')),
  ...pack('67', 'packuswb', emit('i8x16.narrow_i16x8_u')),
  ...pack('6B', 'packssdw', emit('i16x8.narrow_i32x4_s')),
  ...unpack('60', '68', 'bw', 1),
  ...unpack('61', '69', 'wd', 2),
  ...unpack('62', '6A', 'dq', 4),
  ...binary('66 0F 6C /r', 'punpcklqdq', interleave(8, 0)),
  ...binary('66 0F 6D /r', 'punpckhqdq', interleave(8, 8)),
  ...binary('NP 0F 14 /r', 'unpcklps', interleave(4, 0)),
  ...binary('66 0F 14 /r', 'unpcklpd', interleave(8, 0)),
  ...binary('NP 0F 15 /r', 'unpckhps', interleave(4, 8)),
  ...binary('66 0F 15 /r', 'unpckhpd', interleave(8, 8)),
];
