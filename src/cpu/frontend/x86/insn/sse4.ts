import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Int } from '../flags.ts';
import { packExact } from '../helpers/exact.ts';
import { exactDot } from '../helpers/exact-convert.ts';
import { exactRound } from '../helpers/exact-float.ts';
import { checksum, compareStrings, minimumWord, sumsOfDifferences } from '../helpers/sse4.ts';
import { aggregations, STRINGS_OPERAND } from '../natives/strings.ts';
import { NO_HELPER } from '../natives.ts';
import { RAX, RCX, RDX, Sys } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { arithmetic, exactly, exactOperand, type FloatBinary, packedFloats, scalarFloats } from './floats.ts';
import { multiplyEven } from './integers.ts';
import { type Binary, binary, emit, type I32, noVvvv, setVex128, setYmm, type Unary, type V128, vex, ymmHighRm, zero } from './vector.ts'; // biome-ignore format: one line

/** Lanes of `size` bytes from the second operand where the immediate has a bit. */
const blend =
  (size: 2 | 4 | 8, shift: number): Binary =>
  (t, a, b) => {
    const imm = t.d.imm >> shift;
    const lanes = Array.from({ length: 16 }, (_, i) => ((imm >> Math.floor(i / size)) & 1 ? i + 16 : i));
    return t.b.shuffle(a, b, lanes);
  };

/** Lanes from the second operand where a mask's lane is negative. */
const choose = (t: Translator, p: 'i8x16' | 'i32x4' | 'i64x2', a: V128, b: V128, mask: V128): V128 =>
  t.b.v128.bitselect(b, a, emit(`${p}.lt_s`)(t, mask, zero(t)));
/** SSE's takes the mask from xmm0, VEX's from a register in the immediate. */
const blendVariable = (code: string, vexCode: string, name: string, p: 'i8x16' | 'i32x4' | 'i64x2'): X86Row[] => {
  const third = (t: Translator): number => (t.d.imm >> 4) & (t.is64 ? 15 : 7);
  return [
    insn(`66 0F 38 ${code} /r`, `${name} xmm, xmm/m128, xmm0`, (t) =>
      t.setXmm(t.d.reg, choose(t, p, t.xmm(t.d.reg), t.xmmRm(), t.xmm(0))),
    ),
    vex(
      `66 0F 3A ${vexCode} /r ib`,
      '128',
      `v${name} xmm, xmm, xmm/m128, xmm`,
      (t) => setVex128(t, t.d.reg, choose(t, p, t.xmm(t.d.vvvv), t.xmmRm(), t.xmm(third(t)))),
      'W0',
    ),
    vex(
      `66 0F 3A ${vexCode} /r ib`,
      '256',
      `v${name} ymm, ymm, ymm/m256, ymm`,
      (t) => {
        const low = choose(t, p, t.xmm(t.d.vvvv), t.xmmRm(), t.xmm(third(t)));
        setYmm(t, t.d.reg, low, choose(t, p, t.ymmHigh(t.d.vvvv), ymmHighRm(t), t.ymmHigh(third(t))));
      },
      'W0',
    ),
  ];
};

/** The low `bytes` of the ModRM operand. */
const lowBytes = (t: Translator, bytes: 2 | 4 | 8): V128 => {
  if (t.d.mod === 3) return t.xmm(t.d.rm);
  if (bytes === 8) return t.b.replace('i64x2.replace_lane', zero(t), 0, t.load('i64.load', t.ea()));
  return t.b.replace('i32x4.replace_lane', zero(t), 0, t.loadInt(bytes) as Value as I32);
};
/** PMOVSX, PMOVZX: lanes widened `times` times by two. */
const STEPS = ['i16x8.extend_low_i8x16', 'i32x4.extend_low_i16x8', 'i64x2.extend_low_i32x4'];
const extend = (code: string, name: string, from: number, times: number, letter: 's' | 'u'): X86Row[] => {
  const bytes = (8 >> (times - 1)) as 2 | 4 | 8;
  const widen: Unary = (t, v) => {
    let r = v;
    for (let i = 0; i < times; i++) r = t.b.emit(`${STEPS[from + i]}_${letter}` as OpName, r) as V128;
    return r;
  };
  const encoding = `66 0F 38 ${code} /r`;
  return [
    insn(encoding, `${name} xmm, xmm/m${8 * bytes}`, (t) => t.setXmm(t.d.reg, widen(t, lowBytes(t, bytes)))),
    vex(encoding, '128', `v${name} xmm, xmm/m${8 * bytes}`, noVvvv((t) => setVex128(t, t.d.reg, widen(t, lowBytes(t, bytes))))),
    vex(encoding, '256', `v${name} ymm, xmm/m${16 * bytes}`, noVvvv((t) => {
      const v = bytes === 8 ? t.xmmRm() : lowBytes(t, (2 * bytes) as 4 | 8);
      const lanes = Array.from({ length: 16 }, (_, i) => (i + bytes) % 16);
      setYmm(t, t.d.reg, widen(t, v), widen(t, t.b.shuffle(v, v, lanes)));
    })),
  ]; // biome-ignore format: one form after the other
};

/** ROUNDPS …: bits 1–0 of the immediate, or MXCSR's rounding, which is to nearest in the fast mode. */
const round: FloatBinary = (t, type, _a, b) => {
  const name = t.d.imm & 4 ? 'nearest' : (['nearest', 'floor', 'ceil', 'trunc'][t.d.imm & 3] as string);
  return t.b.emit(`${type}.x86_nan` as OpName, t.b.emit(`${type}.${name}` as OpName, b), b, b);
};
const ROUND = { helper: exactRound, imm: (t: Translator) => t.d.imm };

/** PTEST, VTESTPS: ZF and CF tell whether a & b and ~a & b are zero. */
const testBits = (t: Translator, and: V128[], andNot: V128[]): void => {
  const { v128, i32 } = t.b;
  const none = (list: V128[]): I32 =>
    i32.eqz(t.b.emit('v128.any_true', list.reduce((x, y) => v128.or(x, y))) as I32); // biome-ignore format: one line
  t.setParts({ zf: none(and), cf: none(andNot) });
};
const test = (code: string, name: string, mask: bigint, sse: boolean): X86Row[] => {
  const masked = (t: Translator, v: V128): V128 => (mask === -1n ? v : t.b.v128.and(v, t.b.constV64(mask, mask)));
  const both = (t: Translator, a: V128, b: V128): [V128, V128] => [
    masked(t, t.b.v128.and(a, b)),
    masked(t, t.b.v128.andnot(b, a)),
  ];
  const low = (t: Translator): void => {
    const [x, y] = both(t, t.xmm(t.d.reg), t.xmmRm());
    testBits(t, [x], [y]);
  };
  const encoding = `66 0F 38 ${code} /r`;
  return [
    ...(sse ? [insn(encoding, `${name} xmm, xmm/m128`, low)] : []),
    vex(encoding, '128', `v${name} xmm, xmm/m128`, noVvvv(low), sse ? 'WIG' : 'W0'),
    vex(encoding, '256', `v${name} ymm, ymm/m256`, noVvvv((t) => {
      const [x, y] = both(t, t.xmm(t.d.reg), t.xmmRm());
      const [p, q] = both(t, t.ymmHigh(t.d.reg), ymmHighRm(t));
      testBits(t, [x, p], [y, q]);
    }), sse ? 'WIG' : 'W0'),
  ]; // biome-ignore format: one form after the other
};

/** DPPS, DPPD: products that bits 7–4 of the immediate choose, their sum to the lanes that bits 3–0 choose. */
const dot =
  (double: boolean): FloatBinary =>
  (t, type, a, b) => {
    const size = double ? 8 : 4;
    const zeros = Array.from({ length: 16 }, (_, i) => ((t.d.imm >> (4 + Math.floor(i / size))) & 1 ? i : 16));
    const product = t.b.shuffle(arithmetic('mul')(t, type, a, b) as V128, zero(t), zeros);
    const swap = (v: V128, by: number): V128 =>
      t.b.shuffle(
        v,
        v,
        Array.from({ length: 16 }, (_, i) => i ^ by),
      );
    let sum = arithmetic('add')(t, type, product, swap(product, size)) as V128;
    if (!double) sum = arithmetic('add')(t, type, sum, swap(sum, 8)) as V128;
    // each pair was added in either order: lane 0 has the one that counts for NaNs
    const lanes = Array.from({ length: 16 }, (_, i) => ((t.d.imm >> Math.floor(i / size)) & 1 ? i % size : 16));
    return t.b.shuffle(sum, zero(t), lanes);
  };
const DOT = { helper: exactDot, imm: (t: Translator) => t.d.imm };

/** By a helper on vector registers, in every mode. */
const byHelper = (encoding: string, name: string, helper: number, wide: boolean, one = false): X86Row[] => {
  const exact = { helper, imm: (t: Translator) => t.d.imm };
  const guard = one ? noVvvv : (lift: (t: Translator) => void) => lift;
  const tail = encoding.includes(' ib') ? ', imm8' : '';
  const three = one ? '' : 'xmm, ';
  return [
    insn(encoding, `${name} xmm, xmm/m128${tail}`, (t) => exactly(t, exact, false, 128)),
    vex(encoding, '128', `v${name} ${three}xmm, xmm/m128${tail}`, guard((t) => exactly(t, exact, false, 128))),
    ...(wide ? [vex(encoding, '256', `v${name} ${three.replace('x', 'y')}ymm, ymm/m256${tail}`, guard((t) => exactly(t, exact, false, 256)))] : []),
  ]; // biome-ignore format: one form after the other
};

/** Bits of a kind of string comparison: the result is an index; the strings end with a zero. */
const [INDEX, IMPLICIT] = [1, 2];

/** An explicit length: its magnitude, no more than the register has elements. */
const explicitLength = (t: Translator, register: number, count: number): I32 => {
  const size = t.d.w === 1 ? 8 : 4;
  const ns = t.ns(size);
  const v = t.reg(register, size);
  const sign = ns.shr_s(v, t.k(8 * size - 1, size));
  const magnitude = ns.sub(ns.xor(v, sign), sign);
  return t.b.i32.select(t.narrow(magnitude, size), t.imm(count), ns.le_u(magnitude, t.k(count, size)));
};
/** PCMPESTRI, PCMPISTRI (SDM vol. 2, 4.1): compare, aggregate, turn, and find the first or last. */
const stringIndex = (t: Translator, implicit: boolean): void => {
  const { b } = t;
  const { i32 } = b;
  const { imm } = t.d;
  const lanes = imm & 1 ? b.i16x8 : b.i8x16;
  const count = imm & 1 ? 8 : 16;
  const all = (1 << count) - 1;
  // these need not be aligned, SSE's form neither
  const [first, second] = [t.xmm(t.d.reg), t.xmmRm(0)];
  const implicitLength = (v: V128): I32 => i32.ctz(i32.or(lanes.bitmask(lanes.eq(v, zero(t))), t.imm(1 << count)));
  const a = implicit ? implicitLength(first) : explicitLength(t, RAX, count);
  const c = implicit ? implicitLength(second) : explicitLength(t, RDX, count);
  const valid = (length: I32): I32 => i32.sub(i32.shl(t.imm(1), length), t.imm(1));
  const native = aggregations[imm & 15];
  let result: I32;
  if (native) {
    b.poke(STRINGS_OPERAND.FIRST, first);
    b.poke(STRINGS_OPERAND.SECOND, second);
    b.poke(STRINGS_OPERAND.FIRST_LENGTH, a);
    b.poke(STRINGS_OPERAND.SECOND_LENGTH, c);
    t.native(native, NO_HELPER);
    result = b.peek('i32', STRINGS_OPERAND.RESULT);
  } else {
    const [va, vc] = [valid(a), valid(c)];
    const equal = i32.and(lanes.bitmask(lanes.eq(first, second)), i32.and(va, vc));
    result = i32.or(equal, i32.xor(i32.or(va, vc), t.imm(all)));
  }
  if (imm & 0x10) result = i32.xor(result, imm & 0x20 ? valid(c) : t.imm(all));
  const last = i32.select(i32.sub(t.imm(31), i32.clz(result)), t.imm(count), result);
  t.setReg(RCX, (imm & 0x40 ? last : i32.ctz(i32.or(result, t.imm(1 << count)))) as Value as Int, 4);
  t.setParts({
    cf: i32.ne(result, t.imm(0)),
    zf: i32.lt_u(c, t.imm(count)),
    sf: i32.lt_u(a, t.imm(count)),
    of: i32.and(result, t.imm(1)),
  });
};

/** PCMPESTRI and its like: lengths in rax and rdx are of 64 bits with REX.W. */
const strings = (code: string, name: string, kind: number): X86Row[] => {
  const lift = (t: Translator): void => {
    t.b.set(Sys.OPERAND, t.b.const64(kind | (t.d.w === 1 ? 4 : 0)));
    const b = exactOperand(t, 16, 0);
    t.helper(
      compareStrings,
      packExact({ d: 0, a: t.d.reg, b, double: false, shape: 1, vex: t.d.vexL !== -2, imm: t.d.imm }),
    );
    t.flagsFromState();
  };
  const encoding = `66 0F 3A ${code} /r ib`;
  const way = kind & INDEX ? (t: Translator) => stringIndex(t, (kind & IMPLICIT) !== 0) : lift;
  return [
    insn(encoding, `${name} xmm, xmm/m128, imm8`, way),
    vex(encoding, '128', `v${name} xmm, xmm/m128, imm8`, noVvvv(way)),
  ];
};

const crc = (t: Translator, size: 1 | 2 | 4 | 8): void => {
  t.b.set(Sys.OPERAND, t.convert(t.rm(size), size, 8, false));
  t.helper(checksum, t.d.reg | (size << 4));
};

/** SDM vol. 1, 12.8 to 12.12: SSE4.1, SSE4.2 */
// biome-ignore format: one instruction per line
export const sse4Rows: readonly X86Row[] = [
  ...binary('66 0F 3A 0C /r ib', 'blendps', blend(4, 0), blend(4, 4)),
  ...binary('66 0F 3A 0D /r ib', 'blendpd', blend(8, 0), blend(8, 2)),
  ...binary('66 0F 3A 0E /r ib', 'pblendw', blend(2, 0)),
  ...blendVariable('14', '4A', 'blendvps', 'i32x4'),
  ...blendVariable('15', '4B', 'blendvpd', 'i64x2'),
  ...blendVariable('10', '4C', 'pblendvb', 'i8x16'),
  ...binary('66 0F 38 40 /r', 'pmulld', emit('i32x4.mul')),
  ...binary('66 0F 38 28 /r', 'pmuldq', multiplyEven('s')),
  ...binary('66 0F 38 38 /r', 'pminsb', emit('i8x16.min_s')),
  ...binary('66 0F 38 39 /r', 'pminsd', emit('i32x4.min_s')),
  ...binary('66 0F 38 3A /r', 'pminuw', emit('i16x8.min_u')),
  ...binary('66 0F 38 3B /r', 'pminud', emit('i32x4.min_u')),
  ...binary('66 0F 38 3C /r', 'pmaxsb', emit('i8x16.max_s')),
  ...binary('66 0F 38 3D /r', 'pmaxsd', emit('i32x4.max_s')),
  ...binary('66 0F 38 3E /r', 'pmaxuw', emit('i16x8.max_u')),
  ...binary('66 0F 38 3F /r', 'pmaxud', emit('i32x4.max_u')),
  ...binary('66 0F 38 2B /r', 'packusdw', emit('i16x8.narrow_i32x4_u')),
  ...binary('66 0F 38 29 /r', 'pcmpeqq', emit('i64x2.eq')),
  ...binary('66 0F 38 37 /r', 'pcmpgtq', emit('i64x2.gt_s')),
  ...[['bw', 0, 1], ['bd', 0, 2], ['bq', 0, 3], ['wd', 1, 1], ['wq', 1, 2], ['dq', 2, 1]].flatMap(([letters, from, times], n) => [
    ...extend(`2${n}`, `pmovsx${letters}`, from as number, times as number, 's'),
    ...extend(`3${n}`, `pmovzx${letters}`, from as number, times as number, 'u'),
  ]),
  ...packedFloats('66 0F 3A 08 /r ib', 'roundps', false, round, ROUND, 1),
  ...packedFloats('66 0F 3A 09 /r ib', 'roundpd', true, round, ROUND, 1),
  ...scalarFloats('66 0F 3A 0A /r ib', 'roundss', false, round, ROUND),
  ...scalarFloats('66 0F 3A 0B /r ib', 'roundsd', true, round, ROUND),
  ...test('17', 'ptest', -1n, true),
  ...test('0E', 'testps', 0x8000_0000_8000_0000n, false),
  ...test('0F', 'testpd', 0x8000_0000_0000_0000n, false),
  ...packedFloats('66 0F 3A 40 /r ib', 'dpps', false, dot(false), DOT, 2),
  ...packedFloats('66 0F 3A 41 /r ib', 'dppd', true, dot(true), DOT, 2).filter(({ syntax }) => !syntax.includes('ymm')),
  ...byHelper('66 0F 3A 42 /r ib', 'mpsadbw', sumsOfDifferences, true),
  ...byHelper('66 0F 38 41 /r', 'phminposuw', minimumWord, false, true),
  ...strings('60', 'pcmpestrm', 0),
  ...strings('61', 'pcmpestri', 1),
  ...strings('62', 'pcmpistrm', 2),
  ...strings('63', 'pcmpistri', 3),
  insn('F2 0F 38 F0 /r', 'crc32 r, r/m8', (t) => crc(t, 1)),
  insn('F2 0F 38 F1 /r', 'crc32 r, r/m', (t) => crc(t, t.size)),
];
