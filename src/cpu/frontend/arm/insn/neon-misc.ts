/** Advanced SIMD: two registers, permutations, tables (Arm ARM F4.1.11.2). */
import type { OpName } from '../../../ir/opcodes.ts';
import { D, type Operand, Q } from '../a64.ts';
import type { Translator } from '../translator.ts';
import {
  assign,
  type Line,
  lend,
  lendFloat,
  number,
  operands,
  read,
  standardResult,
  type V128,
  value,
} from './neon-row.ts';
import type { F } from './row.ts';

const NAMES = '<Vd>, <Vm>';
/** 24 bits: size, the two opcodes. */
const bits = (opcode: string, q = 'q:1', size = 'size:2'): string => `1 d:1 11 ${size} ${opcode.slice(0, 2)} vd:4 0 ${opcode.slice(2)} ${q} m:1 0 vm:4`; // biome-ignore format: one line

interface Two {
  readonly arm: string;
  readonly a64: string;
  /** opc1 and opc2 joined. */
  readonly opcode: string;
  readonly sizes: readonly number[];
}
const SMALL = [0, 1, 2];
const VV = (name: string): string => `${name} <Vd>.<T>, <Vn>.<T>`;
const LONG = (name: string): string => `${name} <Vd>.<Ta>, <Vn>.<Tb>`;
const ZERO = (name: string): string => `${name} <Vd>.<T>, <Vn>.<T>, #0`;
// biome-ignore format: a table
const TWO: readonly Two[] = [
  { arm: 'vrev64.<size>', a64: VV('rev64'), opcode: '000000', sizes: SMALL },
  { arm: 'vrev32.<size>', a64: VV('rev32'), opcode: '000001', sizes: [0, 1] },
  { arm: 'vrev16.<size>', a64: VV('rev16'), opcode: '000010', sizes: [0] },
  { arm: 'vpaddl.s<size>', a64: LONG('saddlp'), opcode: '000100', sizes: SMALL },
  { arm: 'vpaddl.u<size>', a64: LONG('uaddlp'), opcode: '000101', sizes: SMALL },
  { arm: 'vcls.s<size>', a64: VV('cls'), opcode: '001000', sizes: SMALL },
  { arm: 'vclz.i<size>', a64: VV('clz'), opcode: '001001', sizes: SMALL },
  { arm: 'vcnt.8', a64: VV('cnt'), opcode: '001010', sizes: [0] },
  { arm: 'vmvn', a64: VV('not'), opcode: '001011', sizes: [0] },
  { arm: 'vpadal.s<size>', a64: LONG('sadalp'), opcode: '001100', sizes: SMALL },
  { arm: 'vpadal.u<size>', a64: LONG('uadalp'), opcode: '001101', sizes: SMALL },
  { arm: 'vqabs.s<size>', a64: VV('sqabs'), opcode: '001110', sizes: SMALL },
  { arm: 'vqneg.s<size>', a64: VV('sqneg'), opcode: '001111', sizes: SMALL },
  { arm: 'vcgt.s<size> #0', a64: ZERO('cmgt'), opcode: '010000', sizes: SMALL },
  { arm: 'vcge.s<size> #0', a64: ZERO('cmge'), opcode: '010001', sizes: SMALL },
  { arm: 'vceq.i<size> #0', a64: ZERO('cmeq'), opcode: '010010', sizes: SMALL },
  { arm: 'vcle.s<size> #0', a64: ZERO('cmle'), opcode: '010011', sizes: SMALL },
  { arm: 'vclt.s<size> #0', a64: ZERO('cmlt'), opcode: '010100', sizes: SMALL },
  { arm: 'vabs.s<size>', a64: VV('abs'), opcode: '010110', sizes: SMALL },
  { arm: 'vneg.s<size>', a64: VV('neg'), opcode: '010111', sizes: SMALL },
];

const two = (t: Translator, f: F, row: Two): void => {
  const { size, q } = f as { size: number; q: number };
  if (!row.sizes.includes(size)) return t.undefined();
  const list = operands(t, f, ['d', 'm'], q);
  if (list) lend(t, row.a64, list, { q, size });
};
const twoLines = TWO.map((row): Line => [`${row.arm} ${NAMES}`, '1', bits(row.opcode), (t, f) => two(t, f, row)]);

interface Float {
  readonly arm: string;
  readonly a64: string;
  readonly opcode: string;
  /** What comes out: numbers to be flushed, masks or integers, or bits as they are. */
  readonly out: 'number' | 'mask' | 'bits';
}
const FZERO = (name: string): string => `${name} <Vd>.<T>, <Vn>.<T>, #0.0`;
// biome-ignore format: a table
const FLOATS: readonly Float[] = [
  { arm: 'vcgt.<ft> #0', a64: FZERO('fcmgt'), opcode: '011000', out: 'mask' },
  { arm: 'vcge.<ft> #0', a64: FZERO('fcmge'), opcode: '011001', out: 'mask' },
  { arm: 'vceq.<ft> #0', a64: FZERO('fcmeq'), opcode: '011010', out: 'mask' },
  { arm: 'vcle.<ft> #0', a64: FZERO('fcmle'), opcode: '011011', out: 'mask' },
  { arm: 'vclt.<ft> #0', a64: FZERO('fcmlt'), opcode: '011100', out: 'mask' },
  { arm: 'vabs.<ft>', a64: VV('fabs'), opcode: '011110', out: 'bits' },
  { arm: 'vneg.<ft>', a64: VV('fneg'), opcode: '011111', out: 'bits' },
  { arm: 'vrintn.<ft>', a64: VV('frintn'), opcode: '101000', out: 'number' },
  { arm: 'vrintx.<ft>', a64: VV('frintx'), opcode: '101001', out: 'number' },
  { arm: 'vrinta.<ft>', a64: VV('frinta'), opcode: '101010', out: 'number' },
  { arm: 'vrintz.<ft>', a64: VV('frintz'), opcode: '101011', out: 'number' },
  { arm: 'vrintm.<ft>', a64: VV('frintm'), opcode: '101101', out: 'number' },
  { arm: 'vrintp.<ft>', a64: VV('frintp'), opcode: '101111', out: 'number' },
  { arm: 'vcvta.s<size>.<ft>', a64: VV('fcvtas'), opcode: '110000', out: 'mask' },
  { arm: 'vcvta.u<size>.<ft>', a64: VV('fcvtau'), opcode: '110001', out: 'mask' },
  { arm: 'vcvtn.s<size>.<ft>', a64: VV('fcvtns'), opcode: '110010', out: 'mask' },
  { arm: 'vcvtn.u<size>.<ft>', a64: VV('fcvtnu'), opcode: '110011', out: 'mask' },
  { arm: 'vcvtp.s<size>.<ft>', a64: VV('fcvtps'), opcode: '110100', out: 'mask' },
  { arm: 'vcvtp.u<size>.<ft>', a64: VV('fcvtpu'), opcode: '110101', out: 'mask' },
  { arm: 'vcvtm.s<size>.<ft>', a64: VV('fcvtms'), opcode: '110110', out: 'mask' },
  { arm: 'vcvtm.u<size>.<ft>', a64: VV('fcvtmu'), opcode: '110111', out: 'mask' },
  { arm: 'vrecpe.<ft>', a64: VV('frecpe'), opcode: '111010', out: 'number' },
  { arm: 'vrsqrte.<ft>', a64: VV('frsqrte'), opcode: '111011', out: 'number' },
  { arm: 'vcvt.<ft>.s<size>', a64: VV('scvtf'), opcode: '111100', out: 'bits' },
  { arm: 'vcvt.<ft>.u<size>', a64: VV('ucvtf'), opcode: '111101', out: 'bits' },
  { arm: 'vcvt.s<size>.<ft>', a64: VV('fcvtzs'), opcode: '111110', out: 'mask' },
  { arm: 'vcvt.u<size>.<ft>', a64: VV('fcvtzu'), opcode: '111111', out: 'mask' },
];

const float = (t: Translator, f: F, row: Float): void => {
  const { size, q } = f as { size: number; q: number };
  if (size !== 1 && size !== 2) return t.undefined();
  const half = size === 1;
  const list = operands(t, f, ['d', 'm'], q);
  if (!list) return;
  const fields = { q, sz: 0 };
  if (row.out === 'bits') lend(t, row.a64, list, fields, { half, standard: true });
  else lendFloat(t, row.a64, list, fields, { half, result: row.out === 'number' });
};
const floatLines = FLOATS.map((row): Line => [`${row.arm} ${NAMES}`, '1', bits(row.opcode), (t, f) => float(t, f, row)]); // biome-ignore format: one line

/** VRECPE and VRSQRTE of integers, of words only. */
const ESTIMATES = [
  ['vrecpe.u32', 'urecpe', '111000'],
  ['vrsqrte.u32', 'ursqrte', '111001'],
] as const;
const estimateLines = ESTIMATES.map(
  ([arm, a64, opcode]): Line => [
    `${arm} ${NAMES}`,
    '1',
    bits(opcode),
    (t, f) => {
      if (f.size !== 2) return t.undefined();
      const list = operands(t, f, ['d', 'm'], f.q as number);
      if (list) lend(t, VV(a64), list, { q: f.q as number });
    },
  ],
);

/** A64's names by the bit that is Q elsewhere: AES, SHA. */
const crypto = (name: string, opcode: string, q: '0' | '1', size: string, a64: string): Line => [
  `${name} ${NAMES}`,
  '1',
  bits(opcode, q, size),
  (t, f) => {
    const list = operands(t, f, ['d', 'm'], 1);
    if (list) lend(t, a64, list);
  },
];
// biome-ignore format: a table
const cryptoLines: readonly Line[] = [
  crypto('aese.8', '000110', '0', '00', 'aese <Vd>.16B, <Vn>.16B'), crypto('aesd.8', '000110', '1', '00', 'aesd <Vd>.16B, <Vn>.16B'),
  crypto('aesmc.8', '000111', '0', '00', 'aesmc <Vd>.16B, <Vn>.16B'), crypto('aesimc.8', '000111', '1', '00', 'aesimc <Vd>.16B, <Vn>.16B'),
  crypto('sha1su1.32', '100111', '0', '10', 'sha1su1 <Vd>.4S, <Vn>.4S'), crypto('sha256su0.32', '100111', '1', '10', 'sha256su0 <Vd>.4S, <Vn>.4S'),
];
const sha1h: Line = ['sha1h.32 <Qd>, <Qm>', '1', bits('010101', '1', '10'), (t, f) => {
  const list = operands(t, f, ['d', 'm'], 1);
  if (!list) return;
  const [d, m] = list as [Operand, Operand];
  const rotated = t.b.i32.rotr(t.b.extract('i32x4.extract_lane', read(t, m), 0), t.imm(2));
  assign(t, d, t.b.replace('i32x4.replace_lane', t.b.constV128(new Array(16).fill(0)), 0, rotated));
}]; // biome-ignore format: one row

/** VMOVN, VQMOVUN, VQMOVN: narrow a quad. */
const NARROWS = [
  ['vmovn.i<size>', 'xtn', '100100', '0'],
  ['vqmovun.s<size>', 'sqxtun', '100100', '1'],
  ['vqmovn.s<size>', 'sqxtn', '100101', '0'],
  ['vqmovn.u<size>', 'uqxtn', '100101', '1'],
] as const;
const narrowLines = NARROWS.map(
  ([arm, a64, opcode, q]): Line => [
    `${arm} <Dd>, <Qm>`,
    '1',
    bits(opcode, q),
    (t, f) => {
      const m = number(f, 'm');
      if (f.size === 3 || (m & 1) === 1) return t.undefined();
      lend(t, `${a64}<2> <Vd>.<Tb>, <Vn>.<Ta>`, [D(number(f, 'd')), Q(m >> 1)], { q: 0, size: f.size as number });
    },
  ],
);
const shiftLong: Line = ['vshll.i<size> <Qd>, <Dm>, #<size>', '1', bits('100110', '0'), (t, f) => {
  const d = number(f, 'd');
  if (f.size === 3 || (d & 1) === 1) return t.undefined();
  lend(t, 'shll<2> <Vd>.<Ta>, <Vn>.<Tb>, #<shift>', [Q(d >> 1), D(number(f, 'm'))], { q: 0, size: f.size as number });
}]; // biome-ignore format: one row
/** VCVT between half and single precision. */
const toHalf: Line = ['vcvt.f16.f32 <Dd>, <Qm>', '1', bits('101100', '0', '01'), (t, f) => {
  const m = number(f, 'm');
  if ((m & 1) === 1) return t.undefined();
  const own = read(t, Q(m >> 1));
  const source = value(t.exact ? own : standardResult(t, own));
  const options = { standard: true };
  lend(t, 'fcvtn<2> <Vd>.<Tb>, <Vn>.<Ta>', [D(number(f, 'd')), source], { q: 0, sz: 0 }, options);
}]; // biome-ignore format: one row
const fromHalf: Line = ['vcvt.f32.f16 <Qd>, <Dm>', '1', bits('101110', '0', '01'), (t, f) => {
  const d = number(f, 'd');
  if ((d & 1) === 1) return t.undefined();
  const out = value(t.b.constV128(new Array(16).fill(0)));
  lend(t, 'fcvtl<2> <Vd>.<Ta>, <Vn>.<Tb>', [out, D(number(f, 'm'))], { q: 0, sz: 0 }, { standard: true });
  assign(t, Q(d >> 1), t.exact ? out.v : standardResult(t, out.v));
}]; // biome-ignore format: one row

// ── both registers change ──

const swap = (t: Translator, f: F): void => {
  if (f.size !== 0) return t.undefined();
  const list = operands(t, f, ['d', 'm'], f.q as number) as [Operand, Operand] | null;
  if (!list) return;
  const [x, y] = list.map((o) => read(t, o)) as [V128, V128];
  assign(t, list[0], y);
  assign(t, list[1], x);
};

type Permutation = 'trn' | 'uzp' | 'zip';
/** Lanes of both results, from the lanes of d (below n) and of m (from n on). */
const permuted = (kind: Permutation, n: number): [number[], number[]] => {
  const all = Array.from({ length: n }, (_, i) => i);
  switch (kind) {
    case 'trn':
      return [all.map((i) => (i & 1 ? n + i - 1 : i)), all.map((i) => (i & 1 ? n + i : i + 1))];
    case 'uzp':
      return [all.map((i) => 2 * i), all.map((i) => 2 * i + 1)];
    case 'zip': {
      const lane = (i: number): number => (i & 1 ? n : 0) + (i >> 1);
      return [all.map(lane), all.map((i) => lane(n + i))];
    }
  }
};
const permute = (t: Translator, f: F, kind: Permutation): void => {
  const { size, q } = f as { size: number; q: number };
  if (size === 3 || (size === 2 && q === 0 && kind !== 'trn')) return t.undefined();
  const list = operands(t, f, ['d', 'm'], q) as [Operand, Operand] | null;
  if (!list) return;
  const [x, y] = list.map((o) => read(t, o)) as [V128, V128];
  const n = (q === 1 ? 16 : 8) >> size;
  const bytes = (lanes: readonly number[]): number[] =>
    Array.from({ length: 16 }, (_, i) => {
      const lane = lanes[(i >> size) % n] as number;
      const byte = i & ((1 << size) - 1);
      return lane < n ? (lane << size) + byte : 16 + ((lane - n) << size) + byte;
    });
  const [first, second] = permuted(kind, n);
  const results = [t.b.shuffle(x, y, bytes(first)), t.b.shuffle(x, y, bytes(second))];
  // the same register twice: the second result stays
  assign(t, list[0], results[0] as V128);
  assign(t, list[1], results[1] as V128);
};

const PERMUTATIONS = [
  ['vtrn', 'trn', '100001'],
  ['vuzp', 'uzp', '100010'],
  ['vzip', 'zip', '100011'],
] as const;
const permuteLines = PERMUTATIONS.map(
  ([arm, kind, opcode]): Line => [`${arm}.<size> ${NAMES}`, '1', bits(opcode), (t, f) => permute(t, f, kind)],
);

// ── extraction, tables, duplication ──

const extract: Line = ['vext.8 <Vd>, <Vn>, <Vm>, #<imm4>', '0', '1 d:1 11 vn:4 vd:4 imm4:4 n:1 q:1 m:1 0 vm:4', (t, f) => {
  const { imm4, q } = f as { imm4: number; q: number };
  if (q === 0 && imm4 > 7) return t.undefined();
  const list = operands(t, f, ['d', 'n', 'm'], q) as [Operand, Operand, Operand] | null;
  if (!list) return;
  const n = q === 1 ? 16 : 8;
  const lanes = Array.from({ length: 16 }, (_, i) => {
    const at = (i % n) + imm4;
    return at < n ? at : 16 + at - n;
  });
  assign(t, list[0], t.b.shuffle(read(t, list[1]), read(t, list[2]), lanes));
}]; // biome-ignore format: one row

const splatByte = (t: Translator, n: number): V128 => t.b.constV128(new Array(16).fill(n & 255));

/** VTBL, VTBX: 8 bytes by index from up to four doubles. */
const lookup = (t: Translator, f: F): void => {
  const { len, op } = f as { len: number; op: number };
  const first = number(f, 'n');
  if (first + len > 31) return t.undefined();
  const index = read(t, D(number(f, 'm')));
  const d = D(number(f, 'd'));
  const zero = t.b.const64(0);
  let found: V128 | null = null;
  for (let i = 0; i <= len; i += 2) {
    const pair = t.b.emit('i64x2.splat', t.dBits(first + i)) as V128;
    const table = t.b.replace('i64x2.replace_lane', pair, 1, i + 1 <= len ? t.dBits(first + i + 1) : zero);
    const at = i === 0 ? index : t.b.i8x16.sub(index, splatByte(t, 8 * i));
    const part = t.b.i8x16.swizzle(table, at);
    found = found ? t.b.v128.or(found, part) : part;
  }
  let result = found as V128;
  if (op === 1) {
    const inside = t.b.i8x16.lt_u(index, splatByte(t, 8 * (len + 1)));
    result = t.b.v128.bitselect(result, read(t, d), inside);
  }
  assign(t, d, result);
};
const tableLine: Line = ['vtb<lx>.8 <Dd>, <list>, <Dm>', '1', '1 d:1 11 vn:4 vd:4 10 len:2 n:1 op:1 m:1 0 vm:4', lookup]; // biome-ignore format: one line

const duplicate: Line = ['vdup.<size> <Vd>, <Dm[x]>', '1', '1 d:1 11 imm4:4 vd:4 11000 q:1 m:1 0 vm:4', (t, f) => {
  const imm4 = f.imm4 as number;
  const size = (imm4 & 1) !== 0 ? 0 : (imm4 & 2) !== 0 ? 1 : (imm4 & 4) !== 0 ? 2 : 3;
  if (size === 3) return t.undefined();
  const list = operands(t, f, ['d'], f.q as number);
  if (!list) return;
  const m = number(f, 'm');
  const lane = (imm4 >> (size + 1)) + (m & 1) * (8 >> size);
  const shape = ['i8x16', 'i16x8', 'i32x4'][size] as string;
  const scalar = t.b.extract(`${shape}.extract_lane${size === 2 ? '' : '_u'}` as OpName, t.q(m >> 1), lane);
  assign(t, list[0] as Operand, t.b.emit(`${shape}.splat` as OpName, scalar as never) as V128);
}]; // biome-ignore format: one row

const swapLine: Line = [`vswp ${NAMES}`, '1', bits('100000'), swap];

export const miscellaneous: readonly Line[] = [
  ...twoLines,
  ...floatLines,
  ...estimateLines,
  ...cryptoLines,
  sha1h,
  ...narrowLines,
  shiftLong,
  toHalf,
  fromHalf,
  swapLine,
  ...permuteLines,
  extract,
  tableLine,
  duplicate,
];
