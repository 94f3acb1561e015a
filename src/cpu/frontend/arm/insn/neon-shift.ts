/** Advanced SIMD: two registers and a shift amount, one register and an immediate (Arm ARM F4.1.11.3). */
import { expandVectorImmediate } from '../../aarch64/insn/simd-copy.ts';
import { D, type Operand, Q } from '../a64.ts';
import type { Translator } from '../translator.ts';
import { assign, type Line, lend, lendFloat, lendWide, number, operands, read } from './neon-row.ts';
import type { F } from './row.ts';

const SHIFT = (name: string): string => `${name} <Vd>.<T>, <Vn>.<T>, #<shift>`;
const NARROW = (name: string): string => `${name}<2> <Vd>.<Tb>, <Vn>.<Ta>, #<shift>`;
const LONG = (name: string): string => `${name}<2> <Vd>.<Ta>, <Vn>.<Tb>, #<shift>`;

interface Shift {
  readonly arm: string;
  readonly a64: readonly [string | null, string | null];
  readonly opcode: string;
}
// biome-ignore format: a table
const SHIFTS: readonly Shift[] = [
  { arm: 'vshr', a64: ['sshr', 'ushr'], opcode: '0000' },
  { arm: 'vsra', a64: ['ssra', 'usra'], opcode: '0001' },
  { arm: 'vrshr', a64: ['srshr', 'urshr'], opcode: '0010' },
  { arm: 'vrsra', a64: ['srsra', 'ursra'], opcode: '0011' },
  { arm: 'vsri', a64: [null, 'sri'], opcode: '0100' },
  { arm: 'vs<hl>', a64: ['shl', 'sli'], opcode: '0101' },
  { arm: 'vqshlu', a64: [null, 'sqshlu'], opcode: '0110' },
  { arm: 'vqshl', a64: ['sqshl', 'uqshl'], opcode: '0111' },
];
/** L = 0, by U and by the bit that is Q elsewhere. */
// biome-ignore format: a table
const NARROWS: readonly (readonly [arm: string, u: string, r: string, opcode: string, a64: readonly [string, string]])[] = [
  ['vshrn', '0', '0', '1000', ['shrn', 'shrn']], ['vrshrn', '0', '1', '1000', ['rshrn', 'rshrn']],
  ['vqshrun', '1', '0', '1000', ['sqshrun', 'sqshrun']], ['vqrshrun', '1', '1', '1000', ['sqrshrun', 'sqrshrun']],
  ['vqshrn', 'u:1', '0', '1001', ['sqshrn', 'uqshrn']], ['vqrshrn', 'u:1', '1', '1001', ['sqrshrn', 'uqrshrn']],
];

/** The size is where the highest bit of L:imm6 is, as AArch64's immh:immb tells it. */
const amount = (f: F): { immh: number; immb: number } => {
  const all = ((f.l as number) << 6) | (f.imm6 as number);
  return { immh: all >> 3, immb: all & 7 };
};

/** imm6 of 000xxx is one register and an immediate, where L is 0: patterns that leave it out. */
const WITHOUT_L = ['1 imm6:5', '01 imm6:4', '001 imm6:3'] as const;
const top = (bits: string): number => (bits.startsWith('1') ? 0x20 : bits.startsWith('01') ? 0x10 : 8);

const each = (syntax: string, u: string, tail: (l: string) => string, wide: boolean, lift: (t: Translator, f: F) => void): Line[] => [
  ...WITHOUT_L.map((bits): Line => [syntax, u, `1 d:1 ${bits} vd:4 ${tail('0')}`, (t, f) => lift(t, { ...f, l: 0, imm6: (f.imm6 as number) | top(bits) })]),
  ...(wide ? [[syntax, u, `1 d:1 imm6:6 vd:4 ${tail('1')}`, (t: Translator, f: F): void => lift(t, { ...f, l: 1 })] as Line] : []),
]; // biome-ignore format: one line each

const shiftLines = SHIFTS.flatMap((row) =>
  each(`${row.arm}.<su><size> <Vd>, <Vm>, #<shift>`, 'u:1', (l) => `${row.opcode} ${l} q:1 m:1 1 vm:4`, true, (t, f) => {
    const name = row.a64[f.u as number];
    if (!name) return t.undefined();
    const q = f.q as number;
    const list = operands(t, f, ['d', 'm'], q);
    const fields = { q, ...amount(f) };
    if (list) (fields.immh >= 8 ? lendWide : lend)(t, SHIFT(name), list, fields);
  }),
); // biome-ignore format: one row each

const narrowLines = NARROWS.flatMap(([arm, u, r, opcode, a64]) =>
  each(`${arm}.<su><size> <Dd>, <Qm>, #<shift>`, u, () => `${opcode} 0 ${r} m:1 1 vm:4`, false, (t, f) => {
    const m = number(f, 'm');
    if ((m & 1) === 1) return t.undefined();
    const name = a64[u === 'u:1' ? (f.u as number) : 0] as string;
    lend(t, NARROW(name), [D(number(f, 'd')), Q(m >> 1)], { q: 0, ...amount(f) });
  }),
); // biome-ignore format: one row each

/** VSHLL, VMOVL. */
const longLines = each('vshll.<su><size> <Qd>, <Dm>, #<shift>', 'u:1', () => '1010 0 0 m:1 1 vm:4', false, (t, f) => {
  const d = number(f, 'd');
  if ((d & 1) === 1) return t.undefined();
  lend(t, LONG(f.u === 1 ? 'ushll' : 'sshll'), [Q(d >> 1), D(number(f, 'm'))], { q: 0, ...amount(f) });
}); // biome-ignore format: one row

/** VCVT with fixed point: 11xx, single and half precision. */
const fixedLines = ([['110', true], ['111', false]] as const).flatMap(([head, half]) =>
  each('vcvt.<fixed> <Vd>, <Vm>, #<fbits>', 'u:1', () => `${head} op:1 0 q:1 m:1 1 vm:4`, false, (t, f) => {
    // imm6 must be 1xxxxx, or 11xxxx for halves
    if ((f.imm6 as number) < (half ? 0x30 : 0x20)) return t.undefined();
    const q = f.q as number;
    const list = operands(t, f, ['d', 'm'], q);
    if (!list) return;
    const toFp = f.op === 0;
    const name = toFp ? (f.u === 1 ? 'ucvtf' : 'scvtf') : f.u === 1 ? 'fcvtzu' : 'fcvtzs';
    const imm = half ? (f.imm6 as number) & 0x1f : (f.imm6 as number) & 0x3f;
    // the amount is from 64 or 32: as immh:immb of the size
    const fields = { q, immh: imm >> 3, immb: imm & 7 };
    const syntax = `${name} <Vd>.<T>, <Vn>.<T>, #<fbits>`;
    if (toFp || half || t.exact) lend(t, syntax, list, fields, { standard: true });
    else lendFloat(t, syntax, list, fields, { half: false, result: false });
  }),
); // biome-ignore format: one row each

/** VMOV, VMVN, VORR, VBIC with an immediate: op and cmode as AArch64 has them. */
const modified = (t: Translator, f: F): void => {
  const { op, cmode, q } = f as { op: number; cmode: number; q: number };
  const imm8 = f.imm8 as number;
  if (op === 1 && cmode === 15) return t.undefined();
  const list = operands(t, f, ['d'], q);
  if (!list) return;
  const d = list[0] as Operand;
  const imm = expandVectorImmediate(op, cmode, imm8);
  const constant = t.b.constV64(imm, imm);
  if (cmode < 12 && (cmode & 1) === 1) {
    const old = read(t, d);
    return assign(t, d, op === 1 ? t.b.v128.andnot(old, constant) : t.b.v128.or(old, constant));
  }
  const value = op === 1 && cmode < 14 ? BigInt.asUintN(64, ~imm) : imm;
  assign(t, d, t.b.constV64(value, value));
};

const immediateLine: Line = ['v<mod> <Vd>, #<imm>', 'imm8:1', '1 d:1 000 imm8:3 vd:4 cmode:4 0 q:1 op:1 1 imm8:4', modified]; // biome-ignore format: one line

export const shifts: readonly Line[] = [...shiftLines, ...narrowLines, ...longLines, ...fixedLines, immediateLine];
