/** Advanced SIMD: three registers of different lengths, two registers and a scalar (Arm ARM F4.1.11.2). */
import type { OpName } from '../../../ir/opcodes.ts';
import { D, type Operand, Q } from '../a64.ts';
import type { Translator } from '../translator.ts';
import { type Line, lend, lendFloat, number, operands, type V128, value } from './neon-row.ts';
import { multiplyAdd } from './neon-same.ts';
import type { F } from './row.ts';

const LONG = (name: string): string => `${name}<2> <Vd>.<Ta>, <Vn>.<Tb>, <Vm>.<Tb>`;
const WIDE = (name: string): string => `${name}<2> <Vd>.<Ta>, <Vn>.<Ta>, <Vm>.<Tb>`;
const NARROW = (name: string): string => `${name}<2> <Vd>.<Tb>, <Vn>.<Ta>, <Vm>.<Ta>`;
const SAME = (name: string): string => `${name} <Vd>.<T>, <Vn>.<T>, <Vm>.<T>`;

type Shape = 'long' | 'wide' | 'narrow';
interface Row {
  readonly arm: string;
  /** By U. */
  readonly a64: readonly [string | null, string | null];
  readonly shape: Shape;
  readonly opcode: string;
  readonly sizes: readonly number[];
}
const SMALL = [0, 1, 2];
const MIDDLE = [1, 2];
// biome-ignore format: a table
const ROWS: readonly Row[] = [
  { arm: 'vaddl', a64: ['saddl', 'uaddl'], shape: 'long', opcode: '0000', sizes: SMALL },
  { arm: 'vaddw', a64: ['saddw', 'uaddw'], shape: 'wide', opcode: '0001', sizes: SMALL },
  { arm: 'vsubl', a64: ['ssubl', 'usubl'], shape: 'long', opcode: '0010', sizes: SMALL },
  { arm: 'vsubw', a64: ['ssubw', 'usubw'], shape: 'wide', opcode: '0011', sizes: SMALL },
  { arm: 'v{r}addhn', a64: ['addhn', 'raddhn'], shape: 'narrow', opcode: '0100', sizes: SMALL },
  { arm: 'vabal', a64: ['sabal', 'uabal'], shape: 'long', opcode: '0101', sizes: SMALL },
  { arm: 'v{r}subhn', a64: ['subhn', 'rsubhn'], shape: 'narrow', opcode: '0110', sizes: SMALL },
  { arm: 'vabdl', a64: ['sabdl', 'uabdl'], shape: 'long', opcode: '0111', sizes: SMALL },
  { arm: 'vmlal', a64: ['smlal', 'umlal'], shape: 'long', opcode: '1000', sizes: SMALL },
  { arm: 'vqdmlal', a64: ['sqdmlal', null], shape: 'long', opcode: '1001', sizes: MIDDLE },
  { arm: 'vmlsl', a64: ['smlsl', 'umlsl'], shape: 'long', opcode: '1010', sizes: SMALL },
  { arm: 'vqdmlsl', a64: ['sqdmlsl', null], shape: 'long', opcode: '1011', sizes: MIDDLE },
  { arm: 'vmull', a64: ['smull', 'umull'], shape: 'long', opcode: '1100', sizes: SMALL },
  { arm: 'vqdmull', a64: ['sqdmull', null], shape: 'long', opcode: '1101', sizes: MIDDLE },
];

const evenQuad = (t: Translator, n: number): Operand | null => {
  if ((n & 1) === 0) return Q(n >> 1);
  t.undefined();
  return null;
};

const different = (t: Translator, f: F, row: Row): void => {
  const size = f.size as number;
  const name = row.a64[f.u as number];
  if (!name || !row.sizes.includes(size)) return t.undefined();
  const quads = { long: [1, 0, 0], wide: [1, 1, 0], narrow: [0, 1, 1] }[row.shape] as number[];
  const list: Operand[] = [];
  for (const [i, field] of (['d', 'n', 'm'] as const).entries()) {
    const n = number(f, field);
    const o = quads[i] === 1 ? evenQuad(t, n) : D(n);
    if (!o) return;
    list.push(o);
  }
  const syntax = { long: LONG, wide: WIDE, narrow: NARROW }[row.shape](name);
  lend(t, syntax, list, { q: 0, size });
};

const polynomial = (t: Translator, f: F): void => {
  const d = evenQuad(t, number(f, 'd'));
  if (!d) return;
  if (f.size !== 0 && f.size !== 2) return t.undefined();
  const to = f.size === 0 ? '<Vd>.8H' : '<Vd>.1Q';
  lend(t, `pmull<2> ${to}, <Vn>.<Tb>, <Vm>.<Tb>`, [d, D(number(f, 'n')), D(number(f, 'm'))], { q: 0 });
};

/** size = 11 is other instructions': three patterns leave it out. */
const SIZES = ['0 size:1', '10'] as const;
const each = (syntax: string, u: string, tail: string, lift: (t: Translator, f: F) => void): Line[] =>
  SIZES.map((bits) => [
    syntax,
    u,
    `1 d:1 ${bits} vn:4 vd:4 ${tail}`,
    (t: Translator, f: F): void => lift(t, bits === '10' ? { ...f, size: 2 } : f),
  ]);

const differentLines = ROWS.flatMap((row) =>
  each(`${row.arm}.<su><size> <Vd>, <Vn>, <Vm>`, 'u:1', `${row.opcode} n:1 0 m:1 0 vm:4`, (t, f) =>
    different(t, f, row),
  ),
);
const polynomialLines = each('vmull.p<size> <Vd>, <Vn>, <Vm>', '0', '1110 n:1 0 m:1 0 vm:4', polynomial);

interface Scalar {
  readonly arm: string;
  readonly a64: readonly [string | null, string | null];
  readonly opcode: string;
  readonly kind: 'same' | 'long' | 'float' | 'fmla' | 'fmls';
}
// biome-ignore format: a table
const SCALARS: readonly Scalar[] = [
  { arm: 'vmla', a64: ['mla', 'mla'], opcode: '0000', kind: 'same' },
  { arm: 'vmla', a64: ['fmul', 'fmul'], opcode: '0001', kind: 'fmla' },
  { arm: 'vmlal', a64: ['smlal', 'umlal'], opcode: '0010', kind: 'long' },
  { arm: 'vqdmlal', a64: ['sqdmlal', null], opcode: '0011', kind: 'long' },
  { arm: 'vmls', a64: ['mls', 'mls'], opcode: '0100', kind: 'same' },
  { arm: 'vmls', a64: ['fmul', 'fmul'], opcode: '0101', kind: 'fmls' },
  { arm: 'vmlsl', a64: ['smlsl', 'umlsl'], opcode: '0110', kind: 'long' },
  { arm: 'vqdmlsl', a64: ['sqdmlsl', null], opcode: '0111', kind: 'long' },
  { arm: 'vmul', a64: ['mul', 'mul'], opcode: '1000', kind: 'same' },
  { arm: 'vmul', a64: ['fmul', 'fmul'], opcode: '1001', kind: 'float' },
  { arm: 'vmull', a64: ['smull', 'umull'], opcode: '1010', kind: 'long' },
  { arm: 'vqdmull', a64: ['sqdmull', null], opcode: '1011', kind: 'long' },
  { arm: 'vqdmulh', a64: ['sqdmulh', 'sqdmulh'], opcode: '1100', kind: 'same' },
  { arm: 'vqrdmulh', a64: ['sqrdmulh', 'sqrdmulh'], opcode: '1101', kind: 'same' },
  { arm: 'vqrdmlah', a64: ['sqrdmlah', 'sqrdmlah'], opcode: '1110', kind: 'same' },
  { arm: 'vqrdmlsh', a64: ['sqrdmlsh', 'sqrdmlsh'], opcode: '1111', kind: 'same' },
];

/** The lane that M and Vm name, in every lane. */
const spread = (t: Translator, f: F): V128 => {
  const { size, m, vm } = f as { size: number; m: number; vm: number };
  const [reg, index] = size === 1 ? [vm & 7, (m << 1) | (vm >> 3)] : [vm, m];
  const lane = index + (reg & 1) * (8 >> size);
  const from = t.q(reg >> 1);
  const shape = size === 1 ? 'i16x8' : 'i32x4';
  const scalar = t.b.extract(`${shape}.extract_lane${size === 1 ? '_u' : ''}` as OpName, from, lane);
  return t.b.emit(`${shape}.splat` as OpName, scalar as never) as V128;
};

/** Bit 24 is U of long forms and Q of the others. */
const byScalar = (t: Translator, f: F, row: Scalar): void => {
  const size = f.size as number;
  const u = f.u as number;
  const name = row.a64[u];
  const isFloat = row.kind === 'float' || row.kind === 'fmla' || row.kind === 'fmls';
  if (!name || size === 0) return t.undefined();
  if (row.kind === 'long') {
    const d = evenQuad(t, number(f, 'd'));
    if (d) lend(t, LONG(name), [d, D(number(f, 'n')), value(spread(t, f))], { q: 0, size });
    return;
  }
  const list = operands(t, f, ['d', 'n'], u);
  if (!list) return;
  const all = [...list, value(spread(t, f))];
  const half = size === 1;
  const fields = isFloat ? { q: u, sz: 0 } : { q: u, size };
  if (row.kind === 'float') lendFloat(t, SAME(name), all, fields, { half, result: true });
  else if (isFloat) multiplyAdd(t, row.kind === 'fmla' ? 'fadd' : 'fsub', all, fields, half);
  else lend(t, SAME(name), all, fields);
};

const scalarLines = SCALARS.flatMap((row) =>
  each(`${row.arm}.<su><size> <Vd>, <Vn>, <Dm[x]>`, 'u:1', `${row.opcode} n:1 1 m:1 0 vm:4`, (t, f) =>
    byScalar(t, f, row),
  ),
);

export const differentLengths: readonly Line[] = [...differentLines, ...polynomialLines, ...scalarLines];
