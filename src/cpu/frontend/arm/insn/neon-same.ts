/** Advanced SIMD: three registers of the same length (Arm ARM F4.1.11.1). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Operand } from '../a64.ts';
import { Sys } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { flush, type Line, lend, lendFloat, lendWide, operands, read, type V128, value } from './neon-row.ts';
import type { F } from './row.ts';

const S3 = (name: string): string => `${name} <Vd>.<T>, <Vn>.<T>, <Vm>.<T>`;
const NAMES = '<Vd>, <Vn>, <Vm>';
/** 24 bits: opcode, size and the bit o1 vary. */
const bits = (size: string, opcode: string, o1: string, q = 'q:1'): string =>
  `0 d:1 ${size} vn:4 vd:4 ${opcode} n:1 ${q} m:1 ${o1} vm:4`;

interface Integer {
  /** Without the type. */
  readonly arm: string;
  /** AArch64's names for U = 0 and 1; one name: U tells nothing and is fixed. */
  readonly a64: readonly [string, string] | string;
  readonly u?: '0' | '1';
  readonly opcode: string;
  readonly o1: string;
  /** Sizes that exist. */
  readonly sizes: readonly number[];
  /** The operands change places: shifts by a register. */
  readonly swap?: boolean;
  /** Doubles only. */
  readonly d?: boolean;
}
const ALL = [0, 1, 2, 3];
const SMALL = [0, 1, 2];
const MIDDLE = [1, 2];

// biome-ignore format: a table
const INTEGERS: readonly Integer[] = [
  { arm: 'vhadd', a64: ['shadd', 'uhadd'], opcode: '0000', o1: '0', sizes: SMALL },
  { arm: 'vqadd', a64: ['sqadd', 'uqadd'], opcode: '0000', o1: '1', sizes: ALL },
  { arm: 'vrhadd', a64: ['srhadd', 'urhadd'], opcode: '0001', o1: '0', sizes: SMALL },
  { arm: 'vhsub', a64: ['shsub', 'uhsub'], opcode: '0010', o1: '0', sizes: SMALL },
  { arm: 'vqsub', a64: ['sqsub', 'uqsub'], opcode: '0010', o1: '1', sizes: ALL },
  { arm: 'vcgt', a64: ['cmgt', 'cmhi'], opcode: '0011', o1: '0', sizes: SMALL },
  { arm: 'vcge', a64: ['cmge', 'cmhs'], opcode: '0011', o1: '1', sizes: SMALL },
  { arm: 'vshl', a64: ['sshl', 'ushl'], opcode: '0100', o1: '0', sizes: ALL, swap: true },
  { arm: 'vqshl', a64: ['sqshl', 'uqshl'], opcode: '0100', o1: '1', sizes: ALL, swap: true },
  { arm: 'vrshl', a64: ['srshl', 'urshl'], opcode: '0101', o1: '0', sizes: ALL, swap: true },
  { arm: 'vqrshl', a64: ['sqrshl', 'uqrshl'], opcode: '0101', o1: '1', sizes: ALL, swap: true },
  { arm: 'vmax', a64: ['smax', 'umax'], opcode: '0110', o1: '0', sizes: SMALL },
  { arm: 'vmin', a64: ['smin', 'umin'], opcode: '0110', o1: '1', sizes: SMALL },
  { arm: 'vabd', a64: ['sabd', 'uabd'], opcode: '0111', o1: '0', sizes: SMALL },
  { arm: 'vaba', a64: ['saba', 'uaba'], opcode: '0111', o1: '1', sizes: SMALL },
  { arm: 'vadd', a64: 'add', u: '0', opcode: '1000', o1: '0', sizes: ALL },
  { arm: 'vsub', a64: 'sub', u: '1', opcode: '1000', o1: '0', sizes: ALL },
  { arm: 'vtst', a64: 'cmtst', u: '0', opcode: '1000', o1: '1', sizes: SMALL },
  { arm: 'vceq', a64: 'cmeq', u: '1', opcode: '1000', o1: '1', sizes: SMALL },
  { arm: 'vmla', a64: 'mla', u: '0', opcode: '1001', o1: '0', sizes: SMALL },
  { arm: 'vmls', a64: 'mls', u: '1', opcode: '1001', o1: '0', sizes: SMALL },
  { arm: 'vmul', a64: 'mul', u: '0', opcode: '1001', o1: '1', sizes: SMALL },
  { arm: 'vmul.p8', a64: 'pmul', u: '1', opcode: '1001', o1: '1', sizes: [0] },
  { arm: 'vpmax', a64: ['smaxp', 'umaxp'], opcode: '1010', o1: '0', sizes: SMALL, d: true },
  { arm: 'vpmin', a64: ['sminp', 'uminp'], opcode: '1010', o1: '1', sizes: SMALL, d: true },
  { arm: 'vqdmulh', a64: 'sqdmulh', u: '0', opcode: '1011', o1: '0', sizes: MIDDLE },
  { arm: 'vqrdmulh', a64: 'sqrdmulh', u: '1', opcode: '1011', o1: '0', sizes: MIDDLE },
  { arm: 'vpadd', a64: 'addp', u: '0', opcode: '1011', o1: '1', sizes: SMALL, d: true },
  { arm: 'vqrdmlah', a64: 'sqrdmlah', u: '1', opcode: '1011', o1: '1', sizes: MIDDLE },
  { arm: 'vqrdmlsh', a64: 'sqrdmlsh', u: '1', opcode: '1100', o1: '1', sizes: MIDDLE },
];

const integer = (t: Translator, f: F, row: Integer): void => {
  const size = f.size as number;
  const q = row.d ? 0 : (f.q as number);
  if (!row.sizes.includes(size)) return t.undefined();
  const list = operands(t, f, ['d', 'n', 'm'], q);
  if (!list) return;
  const [d, n, m] = list as [Operand, Operand, Operand];
  const name = typeof row.a64 === 'string' ? row.a64 : (row.a64[f.u as number] as string);
  (size === 3 ? lendWide : lend)(t, S3(name), row.swap ? [d, m, n] : [d, n, m], { q, size });
};

const integerLines = INTEGERS.map((row): Line => {
  const u = row.u ?? 'u:1';
  const type = row.arm.includes('.') ? '' : row.u ? '.<size>' : '.<su><size>';
  return [`${row.arm}${type} ${NAMES}`, u, bits('size:2', row.opcode, row.o1, row.d ? '0' : 'q:1'), (t, f) => integer(t, f, row)]; // biome-ignore format: one line
});

/** Bitwise: U and size choose. */
const LOGIC: readonly (readonly [arm: string, a64: string, u: string, size: string])[] = [
  ['vand', 'and', '0', '00'], ['vbic', 'bic', '0', '01'], ['vorr', 'orr', '0', '10'], ['vorn', 'orn', '0', '11'],
  ['veor', 'eor', '1', '00'], ['vbsl', 'bsl', '1', '01'], ['vbit', 'bit', '1', '10'], ['vbif', 'bif', '1', '11'],
]; // biome-ignore format: a table

const logicLines = LOGIC.map(
  ([arm, a64, u, size]): Line => [
    `${arm} ${NAMES}`,
    u,
    bits(size, '0001', '1'),
    (t, f) => {
      const list = operands(t, f, ['d', 'n', 'm'], f.q as number);
      if (list) lend(t, S3(a64), list, { q: f.q as number });
    },
  ],
);

interface Float {
  readonly arm: string;
  readonly a64: string;
  readonly u: '0' | '1';
  readonly opcode: string;
  readonly o1: string;
  /** The upper bit of size. */
  readonly high: '0' | '1';
  readonly mask?: boolean;
  readonly d?: boolean;
  /** A product and a sum, each rounded. */
  readonly twice?: 'fadd' | 'fsub';
}
// biome-ignore format: a table
const FLOATS: readonly Float[] = [
  { arm: 'vfma', a64: 'fmla', u: '0', opcode: '1100', o1: '1', high: '0' },
  { arm: 'vfms', a64: 'fmls', u: '0', opcode: '1100', o1: '1', high: '1' },
  { arm: 'vadd', a64: 'fadd', u: '0', opcode: '1101', o1: '0', high: '0' },
  { arm: 'vsub', a64: 'fsub', u: '0', opcode: '1101', o1: '0', high: '1' },
  { arm: 'vpadd', a64: 'faddp', u: '1', opcode: '1101', o1: '0', high: '0', d: true },
  { arm: 'vabd', a64: 'fabd', u: '1', opcode: '1101', o1: '0', high: '1' },
  { arm: 'vmla', a64: 'fmul', u: '0', opcode: '1101', o1: '1', high: '0', twice: 'fadd' },
  { arm: 'vmls', a64: 'fmul', u: '0', opcode: '1101', o1: '1', high: '1', twice: 'fsub' },
  { arm: 'vmul', a64: 'fmul', u: '1', opcode: '1101', o1: '1', high: '0' },
  { arm: 'vceq', a64: 'fcmeq', u: '0', opcode: '1110', o1: '0', high: '0', mask: true },
  { arm: 'vcge', a64: 'fcmge', u: '1', opcode: '1110', o1: '0', high: '0', mask: true },
  { arm: 'vcgt', a64: 'fcmgt', u: '1', opcode: '1110', o1: '0', high: '1', mask: true },
  { arm: 'vacge', a64: 'facge', u: '1', opcode: '1110', o1: '1', high: '0', mask: true },
  { arm: 'vacgt', a64: 'facgt', u: '1', opcode: '1110', o1: '1', high: '1', mask: true },
  { arm: 'vmax', a64: 'fmax', u: '0', opcode: '1111', o1: '0', high: '0' },
  { arm: 'vmin', a64: 'fmin', u: '0', opcode: '1111', o1: '0', high: '1' },
  { arm: 'vpmax', a64: 'fmaxp', u: '1', opcode: '1111', o1: '0', high: '0', d: true },
  { arm: 'vpmin', a64: 'fminp', u: '1', opcode: '1111', o1: '0', high: '1', d: true },
  { arm: 'vrecps', a64: 'recps', u: '0', opcode: '1111', o1: '1', high: '0' },
  { arm: 'vrsqrts', a64: 'rsqrts', u: '0', opcode: '1111', o1: '1', high: '1' },
  { arm: 'vmaxnm', a64: 'fmaxnm', u: '1', opcode: '1111', o1: '1', high: '0' },
  { arm: 'vminnm', a64: 'fminnm', u: '1', opcode: '1111', o1: '1', high: '1' },
];

/** VMLA and VMLS are no fused operations here. `m`: the second factor, which may be a lane spread out. */
export const multiplyAdd = (t: Translator, sum: 'fadd' | 'fsub', list: readonly Operand[], fields: Readonly<Record<string, number>>, half: boolean): void => {
  const [d, n, m] = list as [Operand, Operand, Operand];
  const product = value(t.b.constV128(new Array(16).fill(0)));
  lendFloat(t, S3('fmul'), [product, n, m], fields, { half, result: true });
  lendFloat(t, S3(sum), [d, d, product], fields, { half, result: true });
}; // biome-ignore format: one line

const float = (t: Translator, f: F, row: Float): void => {
  const half = f.sz === 1;
  const q = row.d ? 0 : (f.q as number);
  const list = operands(t, f, ['d', 'n', 'm'], q);
  if (!list) return;
  const fields = { q, sz: 0 };
  if (row.twice) return multiplyAdd(t, row.twice, list, fields, half);
  const [d, n, m] = list as [Operand, Operand, Operand];
  if (row.a64 === 'recps' || row.a64 === 'rsqrts') return steps(t, row.a64, [d, n, m], fields, half);
  lendFloat(t, S3(row.a64), list, fields, { half, result: !row.mask });
};

/** A bit pattern in every lane. */
const lanes = (t: Translator, half: boolean, h: number, s: number): V128 => {
  const bytes = half ? [h, h >> 8] : [s, s >> 8, s >> 16, s >> 24];
  return t.b.constV128(Array.from({ length: 16 }, (_, i) => (bytes[i % bytes.length] as number) & 255));
};

/** FPSCR.FZ16: subnormals of half precision are zeros. */
const FZ16 = 19;
const flushHalf = (t: Translator, v: V128): V128 => {
  const { b } = t;
  const isSet = b.i32.and(b.i32.shr_u(b.get('i32', Sys.FPCR), t.imm(FZ16)), t.imm(1));
  const all = b.i16x8.splat(b.i32.sub(t.imm(0), isSet));
  const small = b.i16x8.eq(b.v128.and(v, lanes(t, true, 0x7c00, 0)), b.constV128(new Array(16).fill(0)));
  return b.v128.andnot(v, b.v128.and(b.v128.and(small, all), lanes(t, true, 0x7fff, 0)));
};

/** VRECPS and VRSQRTS round their product, unlike AArch64's (Arm ARM F5.1.11.4, FPRecipStep). */
const steps = (t: Translator, name: 'recps' | 'rsqrts', list: readonly Operand[], fields: Readonly<Record<string, number>>, half: boolean): void => {
  const [d, n, m] = list as [Operand, Operand, Operand];
  const word = half ? 'i16x8' : 'i32x4';
  const magnitude = lanes(t, half, 0x7fff, 0x7fff_ffff);
  const infinity = lanes(t, half, 0x7c00, 0x7f80_0000);
  const { v128 } = t.b;
  const [x, y] = [read(t, n), read(t, m)];
  const seen = (v: V128): V128 => (half ? flushHalf(t, v) : flush(t, v));
  const is = (v: V128, what: V128): V128 => t.b.emit(`${word}.eq` as OpName, v128.and(v, magnitude), what) as V128;
  const none = t.b.constV128(new Array(16).fill(0));
  // infinity times zero counts as zero, without a flag
  const [p, q] = [seen(x), seen(y)];
  const special = v128.or(v128.and(is(p, infinity), is(q, none)), v128.and(is(p, none), is(q, infinity)));
  const product = value(none);
  const options = { half, result: true };
  const finite = (v: V128, w: V128): Operand => value(v128.andnot(v, v128.and(special, is(w, infinity))));
  lendFloat(t, S3('fmul'), [product, finite(x, p), finite(y, q)], fields, options);
  const from = name === 'recps' ? lanes(t, half, 0x4000, 0x4000_0000) : lanes(t, half, 0x4200, 0x4040_0000);
  if (name === 'recps') return lendFloat(t, S3('fsub'), [d, value(from), product], fields, options);
  const difference = value(none);
  lendFloat(t, S3('fsub'), [difference, value(from), product], fields, options);
  const by = value(lanes(t, half, 0x3800, 0x3f00_0000));
  lendFloat(t, S3('fmul'), [d, difference, by], fields, options);
}; // biome-ignore format: one line

const floatLines = FLOATS.map(
  (row): Line => [
    `${row.arm}.<ft> ${NAMES}`,
    row.u,
    bits(`${row.high} sz:1`, row.opcode, row.o1, row.d ? '0' : 'q:1'),
    (t, f) => float(t, f, row),
  ],
);

/** SHA: quads only; size chooses. */
const SHA: readonly (readonly [arm: string, a64: string, u: string, size: string])[] = [
  ['sha1c.32', 'sha1c <Qd>, <Sn>, <Vm>.4S', '0', '00'], ['sha1p.32', 'sha1p <Qd>, <Sn>, <Vm>.4S', '0', '01'],
  ['sha1m.32', 'sha1m <Qd>, <Sn>, <Vm>.4S', '0', '10'], ['sha1su0.32', 'sha1su0 <Vd>.4S, <Vn>.4S, <Vm>.4S', '0', '11'],
  ['sha256h.32', 'sha256h <Qd>, <Qn>, <Vm>.4S', '1', '00'], ['sha256h2.32', 'sha256h2 <Qd>, <Qn>, <Vm>.4S', '1', '01'],
  ['sha256su1.32', 'sha256su1 <Vd>.4S, <Vn>.4S, <Vm>.4S', '1', '10'],
]; // biome-ignore format: a table

const shaLines = SHA.map(
  ([arm, a64, u, size]): Line => [
    `${arm} ${NAMES}`,
    u,
    bits(size, '1100', '0', '1'),
    (t, f) => {
      const list = operands(t, f, ['d', 'n', 'm'], 1);
      if (list) lend(t, a64, list);
    },
  ],
);

export const sameLines: readonly Line[] = [...integerLines, ...logicLines, ...floatLines, ...shaLines];
