import type { Type } from './types.ts';

/**
 * Every operation of the IR: `name: [result, ...arguments]`.
 *
 * Names and meaning are those of WebAssembly's instructions (spec, chapter 4.3) wherever wasm has the
 * operation. Builder types, verifier, printer, interpreter handlers and the wasm lowering follow from
 * this table. Kinds that are no plain function of their arguments are told by the name's last part:
 * `get`/`set` (guest register at state offset `imm`), `load*`/`store*` (guest memory at address + `imm`,
 * checked), `const`.
 *
 * `addr` is a guest address: i64 or i32, by the guest.
 */
export type ArgType = Type | 'addr';
export type Result = Type | 'void';

const I = ['i32', 'i32', 'i32'] as const;
const L = ['i64', 'i64', 'i64'] as const;
const CI = ['i32', 'i32', 'i32'] as const;
const CL = ['i32', 'i64', 'i64'] as const;
const F = ['f32', 'f32', 'f32'] as const;
const D = ['f64', 'f64', 'f64'] as const;
const F1 = ['f32', 'f32'] as const;
const D1 = ['f64', 'f64'] as const;
const CF = ['i32', 'f32', 'f32'] as const;
const CD = ['i32', 'f64', 'f64'] as const;
const V1 = ['v128', 'v128'] as const;
const V2 = ['v128', 'v128', 'v128'] as const;
const V3 = ['v128', 'v128', 'v128', 'v128'] as const;
const VS = ['v128', 'v128', 'i32'] as const;
const VT = ['i32', 'v128'] as const;

// biome-ignore format: a table
export const opcodes = {
  'i32.const': ['i32'], 'i64.const': ['i64'], 'f32.const': ['f32'], 'f64.const': ['f64'], 'v128.const': ['v128'],

  // guest registers (imm: byte offset in the CPU state)
  'i32.get': ['i32'], 'i64.get': ['i64'], 'f32.get': ['f32'], 'f64.get': ['f64'], 'v128.get': ['v128'],
  'i32.set': ['void', 'i32'], 'i64.set': ['void', 'i64'], 'f32.set': ['void', 'f32'], 'f64.set': ['void', 'f64'], 'v128.set': ['void', 'v128'],

  // guest memory (imm: displacement added to the address; hi: bits of the address that have to be 0)
  'i32.load8_s': ['i32', 'addr'], 'i32.load8_u': ['i32', 'addr'], 'i32.load16_s': ['i32', 'addr'], 'i32.load16_u': ['i32', 'addr'], 'i32.load': ['i32', 'addr'],
  'i64.load8_s': ['i64', 'addr'], 'i64.load8_u': ['i64', 'addr'], 'i64.load16_s': ['i64', 'addr'], 'i64.load16_u': ['i64', 'addr'],
  'i64.load32_s': ['i64', 'addr'], 'i64.load32_u': ['i64', 'addr'], 'i64.load': ['i64', 'addr'],
  'f32.load': ['f32', 'addr'], 'f64.load': ['f64', 'addr'], 'v128.load': ['v128', 'addr'],
  'i32.store8': ['void', 'addr', 'i32'], 'i32.store16': ['void', 'addr', 'i32'], 'i32.store': ['void', 'addr', 'i32'],
  'i64.store8': ['void', 'addr', 'i64'], 'i64.store16': ['void', 'addr', 'i64'], 'i64.store32': ['void', 'addr', 'i64'], 'i64.store': ['void', 'addr', 'i64'],
  'f32.store': ['void', 'addr', 'f32'], 'f64.store': ['void', 'addr', 'f64'], 'v128.store': ['void', 'addr', 'v128'],

  // integer
  'i32.eqz': ['i32', 'i32'], 'i32.eq': CI, 'i32.ne': CI, 'i32.lt_s': CI, 'i32.lt_u': CI, 'i32.gt_s': CI, 'i32.gt_u': CI, 'i32.le_s': CI, 'i32.le_u': CI, 'i32.ge_s': CI, 'i32.ge_u': CI,
  'i64.eqz': ['i32', 'i64'], 'i64.eq': CL, 'i64.ne': CL, 'i64.lt_s': CL, 'i64.lt_u': CL, 'i64.gt_s': CL, 'i64.gt_u': CL, 'i64.le_s': CL, 'i64.le_u': CL, 'i64.ge_s': CL, 'i64.ge_u': CL,
  'i32.clz': ['i32', 'i32'], 'i32.ctz': ['i32', 'i32'], 'i32.popcnt': ['i32', 'i32'],
  'i32.add': I, 'i32.sub': I, 'i32.mul': I, 'i32.div_s': I, 'i32.div_u': I, 'i32.rem_s': I, 'i32.rem_u': I,
  'i32.and': I, 'i32.or': I, 'i32.xor': I, 'i32.shl': I, 'i32.shr_s': I, 'i32.shr_u': I, 'i32.rotl': I, 'i32.rotr': I,
  'i64.clz': ['i64', 'i64'], 'i64.ctz': ['i64', 'i64'], 'i64.popcnt': ['i64', 'i64'],
  'i64.add': L, 'i64.sub': L, 'i64.mul': L, 'i64.div_s': L, 'i64.div_u': L, 'i64.rem_s': L, 'i64.rem_u': L,
  'i64.and': L, 'i64.or': L, 'i64.xor': L, 'i64.shl': L, 'i64.shr_s': L, 'i64.shr_u': L, 'i64.rotl': L, 'i64.rotr': L,
  /** High 64 bits of the 128-bit product; wasm has no such instruction, the lowering expands it. */
  'i64.mulh_s': L, 'i64.mulh_u': L,
  'i32.extend8_s': ['i32', 'i32'], 'i32.extend16_s': ['i32', 'i32'],
  'i64.extend8_s': ['i64', 'i64'], 'i64.extend16_s': ['i64', 'i64'], 'i64.extend32_s': ['i64', 'i64'],

  // conversions
  'i32.wrap_i64': ['i32', 'i64'], 'i64.extend_i32_s': ['i64', 'i32'], 'i64.extend_i32_u': ['i64', 'i32'],
  'i32.reinterpret_f32': ['i32', 'f32'], 'i64.reinterpret_f64': ['i64', 'f64'], 'f32.reinterpret_i32': ['f32', 'i32'], 'f64.reinterpret_i64': ['f64', 'i64'],
  'f32.demote_f64': ['f32', 'f64'], 'f64.promote_f32': ['f64', 'f32'],
  'f32.convert_i32_s': ['f32', 'i32'], 'f32.convert_i32_u': ['f32', 'i32'], 'f32.convert_i64_s': ['f32', 'i64'], 'f32.convert_i64_u': ['f32', 'i64'],
  'f64.convert_i32_s': ['f64', 'i32'], 'f64.convert_i32_u': ['f64', 'i32'], 'f64.convert_i64_s': ['f64', 'i64'], 'f64.convert_i64_u': ['f64', 'i64'],
  'i32.trunc_sat_f32_s': ['i32', 'f32'], 'i32.trunc_sat_f32_u': ['i32', 'f32'], 'i32.trunc_sat_f64_s': ['i32', 'f64'], 'i32.trunc_sat_f64_u': ['i32', 'f64'],
  'i64.trunc_sat_f32_s': ['i64', 'f32'], 'i64.trunc_sat_f32_u': ['i64', 'f32'], 'i64.trunc_sat_f64_s': ['i64', 'f64'], 'i64.trunc_sat_f64_u': ['i64', 'f64'],

  // choose: (if true, if false, condition)
  'i32.select': ['i32', 'i32', 'i32', 'i32'], 'i64.select': ['i64', 'i64', 'i64', 'i32'], 'f32.select': ['f32', 'f32', 'f32', 'i32'], 'f64.select': ['f64', 'f64', 'f64', 'i32'],
  'v128.select': ['v128', 'v128', 'v128', 'i32'],

  // floating point (round to nearest even; NaNs as the host's)
  'f32.eq': CF, 'f32.ne': CF, 'f32.lt': CF, 'f32.gt': CF, 'f32.le': CF, 'f32.ge': CF,
  'f64.eq': CD, 'f64.ne': CD, 'f64.lt': CD, 'f64.gt': CD, 'f64.le': CD, 'f64.ge': CD,
  'f32.abs': F1, 'f32.neg': F1, 'f32.ceil': F1, 'f32.floor': F1, 'f32.trunc': F1, 'f32.nearest': F1, 'f32.sqrt': F1,
  'f32.add': F, 'f32.sub': F, 'f32.mul': F, 'f32.div': F, 'f32.min': F, 'f32.max': F, 'f32.copysign': F,
  'f64.abs': D1, 'f64.neg': D1, 'f64.ceil': D1, 'f64.floor': D1, 'f64.trunc': D1, 'f64.nearest': D1, 'f64.sqrt': D1,
  'f64.add': D, 'f64.sub': D, 'f64.mul': D, 'f64.div': D, 'f64.min': D, 'f64.max': D, 'f64.copysign': D,

  // vectors; `imm` of extract/replace_lane: the lane; of i8x16.shuffle: `lanes`, 16 numbers 0–31
  'i8x16.splat': ['v128', 'i32'], 'i16x8.splat': ['v128', 'i32'], 'i32x4.splat': ['v128', 'i32'], 'i64x2.splat': ['v128', 'i64'], 'f32x4.splat': ['v128', 'f32'], 'f64x2.splat': ['v128', 'f64'],
  'i8x16.extract_lane_s': ['i32', 'v128'], 'i8x16.extract_lane_u': ['i32', 'v128'], 'i16x8.extract_lane_s': ['i32', 'v128'], 'i16x8.extract_lane_u': ['i32', 'v128'],
  'i32x4.extract_lane': ['i32', 'v128'], 'i64x2.extract_lane': ['i64', 'v128'], 'f32x4.extract_lane': ['f32', 'v128'], 'f64x2.extract_lane': ['f64', 'v128'],
  'i8x16.replace_lane': ['v128', 'v128', 'i32'], 'i16x8.replace_lane': ['v128', 'v128', 'i32'], 'i32x4.replace_lane': ['v128', 'v128', 'i32'],
  'i64x2.replace_lane': ['v128', 'v128', 'i64'], 'f32x4.replace_lane': ['v128', 'v128', 'f32'], 'f64x2.replace_lane': ['v128', 'v128', 'f64'],
  'i8x16.shuffle': V2, 'i8x16.swizzle': V2,
  'v128.not': V1, 'v128.and': V2, 'v128.andnot': V2, 'v128.or': V2, 'v128.xor': V2, 'v128.bitselect': V3, 'v128.any_true': VT,
  'i8x16.eq': V2, 'i8x16.ne': V2, 'i8x16.lt_s': V2, 'i8x16.lt_u': V2, 'i8x16.gt_s': V2, 'i8x16.gt_u': V2, 'i8x16.le_s': V2, 'i8x16.le_u': V2, 'i8x16.ge_s': V2, 'i8x16.ge_u': V2,
  'i16x8.eq': V2, 'i16x8.ne': V2, 'i16x8.lt_s': V2, 'i16x8.lt_u': V2, 'i16x8.gt_s': V2, 'i16x8.gt_u': V2, 'i16x8.le_s': V2, 'i16x8.le_u': V2, 'i16x8.ge_s': V2, 'i16x8.ge_u': V2,
  'i32x4.eq': V2, 'i32x4.ne': V2, 'i32x4.lt_s': V2, 'i32x4.lt_u': V2, 'i32x4.gt_s': V2, 'i32x4.gt_u': V2, 'i32x4.le_s': V2, 'i32x4.le_u': V2, 'i32x4.ge_s': V2, 'i32x4.ge_u': V2,
  'f32x4.eq': V2, 'f32x4.ne': V2, 'f32x4.lt': V2, 'f32x4.gt': V2, 'f32x4.le': V2, 'f32x4.ge': V2,
  'f64x2.eq': V2, 'f64x2.ne': V2, 'f64x2.lt': V2, 'f64x2.gt': V2, 'f64x2.le': V2, 'f64x2.ge': V2,
  'f32x4.demote_f64x2_zero': V1, 'f64x2.promote_low_f32x4': V1,
  'i8x16.abs': V1, 'i8x16.neg': V1, 'i8x16.popcnt': V1, 'i8x16.all_true': VT, 'i8x16.bitmask': VT, 'i8x16.narrow_i16x8_s': V2, 'i8x16.narrow_i16x8_u': V2,
  'i8x16.shl': VS, 'i8x16.shr_s': VS, 'i8x16.shr_u': VS, 'i8x16.add': V2, 'i8x16.add_sat_s': V2, 'i8x16.add_sat_u': V2, 'i8x16.sub': V2, 'i8x16.sub_sat_s': V2, 'i8x16.sub_sat_u': V2,
  'i8x16.min_s': V2, 'i8x16.min_u': V2, 'i8x16.max_s': V2, 'i8x16.max_u': V2, 'i8x16.avgr_u': V2,
  'i16x8.extadd_pairwise_i8x16_s': V1, 'i16x8.extadd_pairwise_i8x16_u': V1, 'i32x4.extadd_pairwise_i16x8_s': V1, 'i32x4.extadd_pairwise_i16x8_u': V1,
  'i16x8.abs': V1, 'i16x8.neg': V1, 'i16x8.q15mulr_sat_s': V2, 'i16x8.all_true': VT, 'i16x8.bitmask': VT, 'i16x8.narrow_i32x4_s': V2, 'i16x8.narrow_i32x4_u': V2,
  'i16x8.extend_low_i8x16_s': V1, 'i16x8.extend_high_i8x16_s': V1, 'i16x8.extend_low_i8x16_u': V1, 'i16x8.extend_high_i8x16_u': V1,
  'i16x8.shl': VS, 'i16x8.shr_s': VS, 'i16x8.shr_u': VS, 'i16x8.add': V2, 'i16x8.add_sat_s': V2, 'i16x8.add_sat_u': V2, 'i16x8.sub': V2, 'i16x8.sub_sat_s': V2, 'i16x8.sub_sat_u': V2,
  'i16x8.mul': V2, 'i16x8.min_s': V2, 'i16x8.min_u': V2, 'i16x8.max_s': V2, 'i16x8.max_u': V2, 'i16x8.avgr_u': V2,
  'i16x8.extmul_low_i8x16_s': V2, 'i16x8.extmul_high_i8x16_s': V2, 'i16x8.extmul_low_i8x16_u': V2, 'i16x8.extmul_high_i8x16_u': V2,
  'i32x4.abs': V1, 'i32x4.neg': V1, 'i32x4.all_true': VT, 'i32x4.bitmask': VT,
  'i32x4.extend_low_i16x8_s': V1, 'i32x4.extend_high_i16x8_s': V1, 'i32x4.extend_low_i16x8_u': V1, 'i32x4.extend_high_i16x8_u': V1,
  'i32x4.shl': VS, 'i32x4.shr_s': VS, 'i32x4.shr_u': VS, 'i32x4.add': V2, 'i32x4.sub': V2, 'i32x4.mul': V2, 'i32x4.min_s': V2, 'i32x4.min_u': V2, 'i32x4.max_s': V2, 'i32x4.max_u': V2, 'i32x4.dot_i16x8_s': V2,
  'i32x4.extmul_low_i16x8_s': V2, 'i32x4.extmul_high_i16x8_s': V2, 'i32x4.extmul_low_i16x8_u': V2, 'i32x4.extmul_high_i16x8_u': V2,
  'i64x2.abs': V1, 'i64x2.neg': V1, 'i64x2.all_true': VT, 'i64x2.bitmask': VT,
  'i64x2.extend_low_i32x4_s': V1, 'i64x2.extend_high_i32x4_s': V1, 'i64x2.extend_low_i32x4_u': V1, 'i64x2.extend_high_i32x4_u': V1,
  'i64x2.shl': VS, 'i64x2.shr_s': VS, 'i64x2.shr_u': VS, 'i64x2.add': V2, 'i64x2.sub': V2, 'i64x2.mul': V2,
  'i64x2.eq': V2, 'i64x2.ne': V2, 'i64x2.lt_s': V2, 'i64x2.gt_s': V2, 'i64x2.le_s': V2, 'i64x2.ge_s': V2,
  'i64x2.extmul_low_i32x4_s': V2, 'i64x2.extmul_high_i32x4_s': V2, 'i64x2.extmul_low_i32x4_u': V2, 'i64x2.extmul_high_i32x4_u': V2,
  'f32x4.ceil': V1, 'f32x4.floor': V1, 'f32x4.trunc': V1, 'f32x4.nearest': V1, 'f32x4.abs': V1, 'f32x4.neg': V1, 'f32x4.sqrt': V1,
  'f32x4.add': V2, 'f32x4.sub': V2, 'f32x4.mul': V2, 'f32x4.div': V2, 'f32x4.min': V2, 'f32x4.max': V2, 'f32x4.pmin': V2, 'f32x4.pmax': V2,
  'f64x2.ceil': V1, 'f64x2.floor': V1, 'f64x2.trunc': V1, 'f64x2.nearest': V1, 'f64x2.abs': V1, 'f64x2.neg': V1, 'f64x2.sqrt': V1,
  'f64x2.add': V2, 'f64x2.sub': V2, 'f64x2.mul': V2, 'f64x2.div': V2, 'f64x2.min': V2, 'f64x2.max': V2, 'f64x2.pmin': V2, 'f64x2.pmax': V2,
  'i32x4.trunc_sat_f32x4_s': V1, 'i32x4.trunc_sat_f32x4_u': V1, 'f32x4.convert_i32x4_s': V1, 'f32x4.convert_i32x4_u': V1,
  'i32x4.trunc_sat_f64x2_s_zero': V1, 'i32x4.trunc_sat_f64x2_u_zero': V1, 'f64x2.convert_low_i32x4_s': V1, 'f64x2.convert_low_i32x4_u': V1,
  /** a * b + c with one rounding where the host fuses (probed at start). */
  'f32x4.relaxed_madd': V3, 'f32x4.relaxed_nmadd': V3, 'f64x2.relaxed_madd': V3, 'f64x2.relaxed_nmadd': V3,

  /** (result, a, b): the result of an operation on a and b, but ARM's NaN where it is one; expanded by the lowering. */
  'f32.arm_nan': ['f32', 'f32', 'f32', 'f32'], 'f64.arm_nan': ['f64', 'f64', 'f64', 'f64'], 'f32x4.arm_nan': V3, 'f64x2.arm_nan': V3,
  /** (a, b, addend): fused multiply-add with ARM's NaNs. */
  'f32x4.arm_madd': V3, 'f64x2.arm_madd': V3,
  /** The same two with x86's NaNs: the first operand that is one, else the negative default NaN. */
  'f32.x86_nan': ['f32', 'f32', 'f32', 'f32'], 'f64.x86_nan': ['f64', 'f64', 'f64', 'f64'], 'f32x4.x86_nan': V3, 'f64x2.x86_nan': V3,
  /** (a, b, addend): a × b + addend with x86's NaNs; msub subtracts, n… negates the product. */
  'f32x4.x86_madd': V3, 'f64x2.x86_madd': V3, 'f32x4.x86_msub': V3, 'f64x2.x86_msub': V3,
  'f32x4.x86_nmadd': V3, 'f64x2.x86_nmadd': V3, 'f32x4.x86_nmsub': V3, 'f64x2.x86_nmsub': V3,

  /** Of indices below 16 or above 127 what swizzle gives, in one instruction. */
  'i8x16.relaxed_swizzle': V2,
  /**
   * AES's rounds without the key (FIPS 197): ShiftRows, SubBytes and, but in the last one, MixColumns; their inverses; MixColumns
   * and its inverse by themselves. Expanded by the lowering.
   */
  'i8x16.aes_enc': V1, 'i8x16.aes_enc_last': V1, 'i8x16.aes_dec': V1, 'i8x16.aes_dec_last': V1, 'i8x16.aes_mix': V1, 'i8x16.aes_unmix': V1,
  /** Carry-less product, of twice the width; a function that regions and the cold tier call. */
  'i64x2.clmul': ['v128', 'i64', 'i64'],

  // atomics: (address, operand) → old value; misaligned ones are settled by the memory stub
  'i32.atomic.load8_u': ['i32', 'addr'], 'i32.atomic.load16_u': ['i32', 'addr'], 'i32.atomic.load': ['i32', 'addr'], 'i64.atomic.load': ['i64', 'addr'],
  'i32.atomic.store8': ['void', 'addr', 'i32'], 'i32.atomic.store16': ['void', 'addr', 'i32'], 'i32.atomic.store': ['void', 'addr', 'i32'], 'i64.atomic.store': ['void', 'addr', 'i64'],
  'i32.atomic.rmw8.add_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw16.add_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw.add': ['i32', 'addr', 'i32'], 'i64.atomic.rmw.add': ['i64', 'addr', 'i64'],
  'i32.atomic.rmw8.and_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw16.and_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw.and': ['i32', 'addr', 'i32'], 'i64.atomic.rmw.and': ['i64', 'addr', 'i64'],
  'i32.atomic.rmw8.or_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw16.or_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw.or': ['i32', 'addr', 'i32'], 'i64.atomic.rmw.or': ['i64', 'addr', 'i64'],
  'i32.atomic.rmw8.xor_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw16.xor_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw.xor': ['i32', 'addr', 'i32'], 'i64.atomic.rmw.xor': ['i64', 'addr', 'i64'],
  'i32.atomic.rmw8.xchg_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw16.xchg_u': ['i32', 'addr', 'i32'], 'i32.atomic.rmw.xchg': ['i32', 'addr', 'i32'], 'i64.atomic.rmw.xchg': ['i64', 'addr', 'i64'],
  /** (address, expected, replacement) → old value */
  'i32.atomic.rmw8.cmpxchg_u': ['i32', 'addr', 'i32', 'i32'], 'i32.atomic.rmw16.cmpxchg_u': ['i32', 'addr', 'i32', 'i32'], 'i32.atomic.rmw.cmpxchg': ['i32', 'addr', 'i32', 'i32'],
  'i64.atomic.rmw.cmpxchg': ['i64', 'addr', 'i64', 'i64'],
  'atomic.fence': ['void'],

  /** Lazy condition codes: kind `imm`, operands (front end's meaning); sets CC_OP, CC_A, CC_B. */
  'cc.set': ['void', 'i64', 'i64'],
  /** The same with a third operand for CC_C. */
  'cc.set3': ['void', 'i64', 'i64', 'i32'],
  /**
   * Calls helper `imm` with the CPU state in memory; `aux` is its second argument. If `imm & 0xffff` is PURE_NATIVE, it is
   * native `imm >>> 16` that is called so.
   */
  'helper.call': ['void'],
  /**
   * Calls native `imm >>> 16` (see ir/native.ts), and helper `imm & 0xffff` if that says so. The helper must leave alone
   * what the guest's rows get and set.
   */
  'native.call': ['void'],
  /** State that natives and their helpers work on, at offset `imm`: rows neither get nor set it. */
  'i32.peek': ['i32'], 'i64.peek': ['i64'], 'v128.peek': ['v128'],
  'i32.poke': ['void', 'i32'], 'i64.poke': ['void', 'i64'], 'v128.poke': ['void', 'v128'],

  /** What stands between the two is done only when the condition is not 0; its values are of no use behind it. */
  'when.begin': ['void', 'i32'], 'when.end': ['void'],
} as const satisfies Record<string, readonly [Result, ...ArgType[]]>;

export type OpName = keyof typeof opcodes;
export type Args<O extends OpName> = (typeof opcodes)[O] extends readonly [
  Result,
  ...infer A extends readonly ArgType[],
]
  ? A
  : never;
export type ResultOf<O extends OpName> = (typeof opcodes)[O][0];

/** How an operation is treated by passes and back ends. */
/** `guard`: pure, but a region leaves to the cold tier where the result is a NaN instead of computing which. */
export type OpKind =
  | 'const'
  | 'get'
  | 'set'
  | 'load'
  | 'store'
  | 'atomic'
  | 'fence'
  | 'cc'
  | 'helper'
  | 'native'
  | 'peek'
  | 'poke'
  | 'guard'
  | 'when'
  | 'pure';

export interface OpInfo {
  readonly name: OpName;
  /** Dense number, index into {@link opTable}. */
  readonly code: number;
  readonly kind: OpKind;
  readonly result: Result;
  readonly args: readonly ArgType[];
  /** Bytes of guest memory accessed, for loads, stores and atomics. */
  readonly size: number;
}

const kindOf = (name: string): OpKind => {
  if (name === 'atomic.fence') return 'fence';
  if (name.startsWith('cc.')) return 'cc';
  if (/\.(arm|x86)_/.test(name)) return 'guard';
  if (name === 'helper.call') return 'helper';
  if (name === 'native.call') return 'native';
  if (name.startsWith('when.')) return 'when';
  if (name.includes('.atomic.')) return 'atomic';
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (last === 'const' || last === 'get' || last === 'set' || last === 'peek' || last === 'poke') return last;
  if (last.startsWith('load')) return 'load';
  if (last.startsWith('store')) return 'store';
  return 'pure';
};

const sizes: Record<string, number> = { i32: 4, i64: 8, f32: 4, f64: 8, v128: 16 };
const sizeOf = (name: string, kind: OpKind): number => {
  if (kind !== 'load' && kind !== 'store' && kind !== 'atomic') return 0;
  const bits = /(?:load|store|rmw)(8|16|32)/.exec(name);
  return bits ? Number(bits[1]) / 8 : (sizes[name.slice(0, name.indexOf('.'))] ?? 0);
};

export const opTable: readonly OpInfo[] = Object.entries(opcodes).map(([name, [result, ...args]], code) => {
  const kind = kindOf(name);
  return { name: name as OpName, code, kind, result, args, size: sizeOf(name, kind) };
});

/** Information by name. */
export const opInfo: Readonly<Record<OpName, OpInfo>> = Object.fromEntries(opTable.map((o) => [o.name, o])) as Record<
  OpName,
  OpInfo
>;
