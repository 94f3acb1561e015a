import { exactAddSub, exactHadd, exactHsub } from '../helpers/exact-convert.ts';
import type { X86Row } from '../row.ts';
import { insn } from '../row.ts';
import type { Translator } from '../translator.ts';
import { arithmetic, type FloatBinary, packedFloats } from './floats.ts';
import { type Binary, binary, emit, emit1, integer38, low64, mm, mmRm, mmx, setMm, type Unary, unary, type V128, zero } from './vector.ts'; // biome-ignore format: one line

const even = (size: number, from: number): number[] =>
  Array.from({ length: 16 }, (_, i) => Math.floor(i / size) * 2 * size + from * size + (i % size));
/** The even and the odd lanes of both operands, in order: neighbours side by side. */
const neighbours = (t: Translator, size: number, a: V128, b: V128): [V128, V128] => [
  t.b.shuffle(a, b, even(size, 0)),
  t.b.shuffle(a, b, even(size, 1)),
];

/** HADDPS, HSUBPS. */
const horizontalFloats =
  (name: 'add' | 'sub'): FloatBinary =>
  (t, type, a, b) => {
    const [x, y] = neighbours(t, type === 'f64x2' ? 8 : 4, a as V128, b as V128);
    return arithmetic(name)(t, type, x, y);
  };
/** ADDSUBPS: even lanes are differences. */
const addSub: FloatBinary = (t, type, a, b) => {
  const size = type === 'f64x2' ? 8 : 4;
  const lanes = Array.from({ length: 16 }, (_, i) => (Math.floor(i / size) % 2 === 0 ? i : i + 16));
  return t.b.shuffle(arithmetic('sub')(t, type, a, b) as V128, arithmetic('add')(t, type, a, b) as V128, lanes);
};

const LOWER_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
/** PHADDW …: MMX's takes both operands as one vector. */
const horizontal = (opcode: string, name: string, size: 2 | 4, op: Binary): X86Row[] => {
  const pairs: Binary = (t, a, b) => op(t, ...neighbours(t, size, a, b));
  return [
    insn(`NP 0F 38 ${opcode} /r`, `${name} mm, mm/m64`, (t) => {
      const both = t.b.shuffle(mm(t, t.d.reg), mmRm(t), LOWER_HALVES);
      setMm(t, t.d.reg, low64(t, pairs(t, both, both)));
    }),
    ...binary(`66 0F 38 ${opcode} /r`, name, pairs),
  ];
};

const splat64 = (t: Translator, n: bigint): V128 => t.b.constV64(n, n);

/** PSHUFB: an index whose highest bit is set gives zero. */
const shuffleBytes =
  (mask: bigint): Binary =>
  (t, a, b) =>
    t.b.i8x16.swizzle(a, t.b.v128.and(b, splat64(t, mask * 0x0101_0101_0101_0101n)));

/** PMADDUBSW: unsigned bytes times signed ones; the sums of neighbours saturate. */
const multiplyAddBytes: Binary = (t, a, b) => {
  const { i16x8, v128 } = t.b;
  const eight = t.imm(8);
  const low = i16x8.mul(v128.and(a, splat64(t, 0x00ff_00ff_00ff_00ffn)), i16x8.shr_s(i16x8.shl(b, eight), eight));
  return i16x8.add_sat_s(low, i16x8.mul(i16x8.shr_u(a, eight), i16x8.shr_s(b, eight)));
};

/** PSIGN: negated where the second operand is negative, zero where it is zero. */
const sign =
  (p: 'i8x16' | 'i16x8' | 'i32x4'): Binary =>
  (t, a, b) => {
    const { v128 } = t.b;
    const negative = emit(`${p}.lt_s`)(t, b, zero(t));
    const turned = emit(`${p}.sub`)(t, v128.xor(a, negative), negative);
    return v128.and(turned, emit(`${p}.ne`)(t, b, zero(t)));
  };

/** PMULHRSW: −1 × −1 wraps, where wasm's saturates. */
const multiplyRound: Binary = (t, a, b) => {
  const { i16x8, v128 } = t.b;
  const lowest = splat64(t, 0x8000_8000_8000_8000n);
  const both = v128.and(i16x8.eq(a, lowest), i16x8.eq(b, lowest));
  return v128.xor(i16x8.q15mulr_sat_s(a, b), both);
};

const absolute = (opcode: string, name: string, op: Unary): X86Row[] => [
  ...mmx(`38 ${opcode}`, name, (t, _a, b) => op(t, b)),
  ...unary(`66 0F 38 ${opcode} /r`, name, op),
];

/** PALIGNR: 16 bytes of both operands, the second one below. */
const align: Binary = (t, a, b) => {
  const n = t.d.imm & 0xff;
  if (n >= 32) return zero(t);
  const lanes = Array.from({ length: 16 }, (_, i) => i + (n % 16));
  return n < 16 ? t.b.shuffle(b, a, lanes) : t.b.shuffle(a, zero(t), lanes);
};
const alignMmx = (t: Translator): void => {
  const both = t.b.shuffle(mmRm(t), mm(t, t.d.reg), LOWER_HALVES);
  const n = Math.min(t.d.imm & 0xff, 16);
  const lanes = Array.from({ length: 16 }, (_, i) => Math.min(i + n, 31));
  setMm(t, t.d.reg, low64(t, t.b.shuffle(both, zero(t), lanes)));
};

const ADDSUB = { helper: exactAddSub };
const HADD = { helper: exactHadd };
const HSUB = { helper: exactHsub };

/** SDM vol. 1, 12.2 to 12.7: SSE3 and SSSE3 */
// biome-ignore format: one instruction per line
export const ssse3Rows: readonly X86Row[] = [
  ...packedFloats('F2 0F D0 /r', 'addsubps', false, addSub, ADDSUB, 2),
  ...packedFloats('66 0F D0 /r', 'addsubpd', true, addSub, ADDSUB, 2),
  ...packedFloats('F2 0F 7C /r', 'haddps', false, horizontalFloats('add'), HADD, 2),
  ...packedFloats('66 0F 7C /r', 'haddpd', true, horizontalFloats('add'), HADD, 2),
  ...packedFloats('F2 0F 7D /r', 'hsubps', false, horizontalFloats('sub'), HSUB, 2),
  ...packedFloats('66 0F 7D /r', 'hsubpd', true, horizontalFloats('sub'), HSUB, 2),
  ...mmx('38 00', 'pshufb', shuffleBytes(0x87n)), ...binary('66 0F 38 00 /r', 'pshufb', shuffleBytes(0x8fn)),
  ...horizontal('01', 'phaddw', 2, emit('i16x8.add')),
  ...horizontal('02', 'phaddd', 4, emit('i32x4.add')),
  ...horizontal('03', 'phaddsw', 2, emit('i16x8.add_sat_s')),
  ...horizontal('05', 'phsubw', 2, emit('i16x8.sub')),
  ...horizontal('06', 'phsubd', 4, emit('i32x4.sub')),
  ...horizontal('07', 'phsubsw', 2, emit('i16x8.sub_sat_s')),
  ...integer38('04', 'pmaddubsw', multiplyAddBytes),
  ...integer38('08', 'psignb', sign('i8x16')),
  ...integer38('09', 'psignw', sign('i16x8')),
  ...integer38('0A', 'psignd', sign('i32x4')),
  ...integer38('0B', 'pmulhrsw', multiplyRound),
  ...absolute('1C', 'pabsb', emit1('i8x16.abs')),
  ...absolute('1D', 'pabsw', emit1('i16x8.abs')),
  ...absolute('1E', 'pabsd', emit1('i32x4.abs')),
  insn('NP 0F 3A 0F /r ib', 'palignr mm, mm/m64, imm8', alignMmx),
  ...binary('66 0F 3A 0F /r ib', 'palignr', align),
];
