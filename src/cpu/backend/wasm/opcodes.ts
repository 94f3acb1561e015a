import type { OpName } from '../../ir/opcodes.ts';

/**
 * Encodings of the instructions the IR shares with WebAssembly (core spec, appendix A.7; SIMD with
 * prefix 0xfd, saturating truncation 0xfc, threads 0xfe). Value: opcode, with the prefix in bits 16–23.
 */
export const wasmOpcode: { [O in OpName]?: number } = {};

/** Names in the order of their opcodes from `first`; `-` skips a number. */
const row = (first: number, prefix: string, names: string): void => {
  let code = first;
  for (const name of names.split(/\s+/)) {
    if (name !== '-') wasmOpcode[(prefix ? `${prefix}.${name}` : name) as OpName] = code;
    code++;
  }
};

const compare = 'eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
const fcompare = 'eq ne lt gt le ge';
const arith = 'clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr';
const farith = 'abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign';
row(0x45, 'i32', compare);
row(0x50, 'i64', compare);
row(0x5b, 'f32', fcompare);
row(0x61, 'f64', fcompare);
row(0x67, 'i32', arith);
row(0x79, 'i64', arith);
row(0x8b, 'f32', farith);
row(0x99, 'f64', farith);
row(0xa7, '', 'i32.wrap_i64 - - - - i64.extend_i32_s i64.extend_i32_u');
row(0xb2, 'f32', 'convert_i32_s convert_i32_u convert_i64_s convert_i64_u demote_f64');
row(0xb7, 'f64', 'convert_i32_s convert_i32_u convert_i64_s convert_i64_u promote_f32');
row(0xbc, '', 'i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64');
row(0xc0, '', 'i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s');
const sat = 'trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u';
row(0xfc0000, 'i32', sat);
row(0xfc0004, 'i64', sat);

row(0x28, '', 'i32.load i64.load f32.load f64.load');
row(0x2c, 'i32', 'load8_s load8_u load16_s load16_u');
row(0x30, 'i64', 'load8_s load8_u load16_s load16_u load32_s load32_u');
row(0x36, '', 'i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32');

const V = 0xfd0000;
row(V + 0, 'v128', 'load');
row(V + 11, 'v128', 'store');
row(V + 13, 'i8x16', 'shuffle swizzle');
row(V + 15, '', 'i8x16.splat i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat');
row(V + 21, 'i8x16', 'extract_lane_s extract_lane_u replace_lane');
row(V + 24, 'i16x8', 'extract_lane_s extract_lane_u replace_lane');
row(V + 27, '', 'i32x4.extract_lane i32x4.replace_lane i64x2.extract_lane i64x2.replace_lane');
row(V + 31, '', 'f32x4.extract_lane f32x4.replace_lane f64x2.extract_lane f64x2.replace_lane');
const vcompare = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
row(V + 35, 'i8x16', vcompare);
row(V + 45, 'i16x8', vcompare);
row(V + 55, 'i32x4', vcompare);
row(V + 65, 'f32x4', fcompare);
row(V + 71, 'f64x2', fcompare);
row(V + 77, 'v128', 'not and andnot or xor bitselect any_true');
row(V + 94, '', 'f32x4.demote_f64x2_zero f64x2.promote_low_f32x4');
row(V + 96, 'i8x16', 'abs neg popcnt all_true bitmask narrow_i16x8_s narrow_i16x8_u');
row(V + 103, 'f32x4', 'ceil floor trunc nearest');
row(V + 107, 'i8x16', 'shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u');
row(V + 116, 'f64x2', 'ceil floor');
row(V + 118, '', 'i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u f64x2.trunc i8x16.avgr_u');
row(V + 124, 'i16x8', 'extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u');
row(V + 126, 'i32x4', 'extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u');
row(V + 128, 'i16x8', 'abs neg q15mulr_sat_s all_true bitmask narrow_i32x4_s narrow_i32x4_u');
row(V + 135, 'i16x8', 'extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u');
row(V + 139, 'i16x8', 'shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u');
row(V + 148, 'f64x2', 'nearest');
row(V + 149, 'i16x8', 'mul min_s min_u max_s max_u - avgr_u');
row(V + 156, 'i16x8', 'extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u');
row(V + 160, 'i32x4', 'abs neg - all_true bitmask');
row(V + 167, 'i32x4', 'extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u');
row(V + 171, 'i32x4', 'shl shr_s shr_u add - - sub - - - mul min_s min_u max_s max_u dot_i16x8_s');
row(V + 188, 'i32x4', 'extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u');
row(V + 192, 'i64x2', 'abs neg - all_true bitmask');
row(V + 199, 'i64x2', 'extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u');
row(V + 203, 'i64x2', 'shl shr_s shr_u add - - sub - - - mul eq ne lt_s gt_s le_s ge_s');
row(V + 220, 'i64x2', 'extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u');
const vfarith = 'abs neg - sqrt add sub mul div min max pmin pmax';
row(V + 224, 'f32x4', vfarith);
row(V + 236, 'f64x2', vfarith);
row(V + 248, '', 'i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u');
row(V + 252, 'i32x4', 'trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero');
row(V + 254, 'f64x2', 'convert_low_i32x4_s convert_low_i32x4_u');
row(V + 256, 'i8x16', 'relaxed_swizzle');
row(V + 261, '', 'f32x4.relaxed_madd f32x4.relaxed_nmadd f64x2.relaxed_madd f64x2.relaxed_nmadd');

const A = 0xfe0000;
row(A + 3, 'atomic', 'fence');
row(A + 0x10, '', 'i32.atomic.load i64.atomic.load i32.atomic.load8_u i32.atomic.load16_u');
row(A + 0x17, '', 'i32.atomic.store i64.atomic.store i32.atomic.store8 i32.atomic.store16');
const rmw = (first: number, op: string): void =>
  row(A + first, '', `i32.atomic.rmw.${op} i64.atomic.rmw.${op} i32.atomic.rmw8.${op}_u i32.atomic.rmw16.${op}_u`);
rmw(0x1e, 'add');
rmw(0x2c, 'and');
rmw(0x33, 'or');
rmw(0x3a, 'xor');
rmw(0x41, 'xchg');
rmw(0x48, 'cmpxchg');
