/**
 * Text of one instruction: the row's syntax with its `<…>` placeholders filled in (Arm ARM C1.2), as the assembler reads
 * it, without aliases.
 */
import { extractFields } from '../pattern.ts';
import { patternOf, type Row } from '../row.ts';
import { bitmask } from './insn/dp-immediate.ts';
import * as operand from './operands.ts';

/** What a placeholder is filled from. */
export interface Operands {
  readonly word: number;
  readonly pc: number;
  readonly mnemonic: string;
  readonly f: Readonly<Record<string, number>>;
  /** log2 of the bytes of a lane: of the narrower side, where sides differ. */
  readonly size: number;
  /** Registers of a structure load or store. */
  readonly registers: number;
}

type Fill = (o: Operands) => string;

const { general, hex, scalar, address, CONDITIONS } = operand;

const field =
  (name: string): Fill =>
  (o) =>
    `${o.f[name]}`;
const hexField =
  (name: string): Fill =>
  (o) =>
    hex(o.f[name] as number);
/** A general register whose width the instruction gives (`sf`, or else `size` and `opc` of loads and stores). */
const sized =
  (name: string, sp = false): Fill =>
  (o) =>
    general(o.f[name] as number, operand.isWide(o), sp);
const fixed =
  (letter: string, name: string, sp = false): Fill =>
  (o) =>
    'wx'.includes(letter) ? general(o.f[name] as number, letter === 'x', sp) : `${letter}${o.f[name]}`;
const float =
  (name: string): Fill =>
  (o) =>
    `${operand.floatLetter(o)}${o.f[name]}`;
const vector =
  (name: string): Fill =>
  (o) =>
    `v${operand.vectorNumber(o, name)}`;

// biome-ignore format: a table
const placeholders: Readonly<Record<string, Fill>> = {
  Rd: sized('rd'), Rn: sized('rn'), Rm: operand.offsetRegister, Ra: sized('ra'), Rt: (o) => (/^prf/.test(o.mnemonic) ? operand.prefetch(o) : o.f.b5 === undefined ? sized('rt')(o) : general(o.f.rt as number, o.f.b5 === 1, false)), Rt2: sized('rt2'), Rs: sized('rs'),
  'Rd|SP': sized('rd', true), 'Rn|SP': sized('rn', true),
  'Rs+1': (o) => general((o.f.rs as number) + 1, operand.isWide(o), false), 'Rt+1': (o) => general((o.f.rt as number) + 1, operand.isWide(o), false),
  Xd: fixed('x', 'rd'), Xn: fixed('x', 'rn'), Xm: fixed('x', 'rm'), Xa: fixed('x', 'ra'), Xt: fixed('x', 'rt'), 'Xn|SP': fixed('x', 'rn', true),
  Wd: fixed('w', 'rd'), Wn: fixed('w', 'rn'), Wm: fixed('w', 'rm'), Ws: fixed('w', 'rs'), Wt: fixed('w', 'rt'),
  'Xm|imm': (o) => (o.f.rm === 31 ? `#${operand.structureBytes(o)}` : `x${o.f.rm}`),
  Fd: float('rd'), Fn: float('rn'), Fm: float('rm'), Fa: float('ra'), Ft: float('rt'), Ft1: float('rt'), Ft2: float('rt2'),
  Sd: fixed('s', 'rd'), Sn: fixed('s', 'rn'), Dd: fixed('d', 'rd'), Dn: fixed('d', 'rn'), Hd: fixed('h', 'rd'), Hn: fixed('h', 'rn'), Qd: fixed('q', 'rd'), Qn: fixed('q', 'rn'),
  Vd: vector('rd'), Vn: vector('rn'), Vm: vector('rm'), Vt: vector('rt'),
  V: operand.lanePrefix, Va: (o) => scalar(o.size + 1), Vb: (o) => scalar(o.size),
  T: operand.plainArrangement, Tb: operand.narrowArrangement, Ta: operand.wideArrangement, Ts: (o) => scalar(o.size), '2': (o) => (o.f.q ? '2' : ''),
  label: (o) => `0x${BigInt.asUintN(64, BigInt(address(o))).toString(16)}`, cond: (o) => CONDITIONS[o.f.cond as number] as string,
  imm: operand.immediate, imm8: operand.immediate8, imm16: (o) => (o.mnemonic === 'udf' ? `${o.f.imm16}` : hex(o.f.imm16 as number)), imm5: hexField('imm5'), nzcv: hexField('nzcv'), fimm: (o) => operand.floatImmediate(o.f.imm8 as number),
  simm: field('imm9'), imm9: field('imm9'), imm12: operand.scaledOffset, pimm: operand.scaledOffset, imm7: operand.immediate,
  immr: field('immr'), imms: field('imms'), bitmask: (o) => `0x${bitmask(o.f.n as number, o.f.imms as number, o.f.immr as number, operand.isWide(o) ? 64 : 32)?.toString(16)}`,
  shift: operand.shift, fbits: operand.fractionBits, amount: operand.amount,
  index: operand.laneIndex, index1: (o) => `${(o.f.imm5 as number) >> (o.size + 1)}`, index2: (o) => `${(o.f.imm4 as number) >> o.size}`,
  bit: (o) => `${((o.f.b5 as number) << 5) | (o.f.b40 as number)}`, barrier: operand.barrier, prfop: operand.prefetch, sysreg: operand.systemRegister,
  op1: field('op1'), op2: field('op2'), Cn: (o) => `C${o.f.crn}`, Cm: (o) => `C${o.f.crm}`,
};

/** Mnemonics made of parts: `<ldst>ur<size>`, `ld{a}xr<size>`, `cas{a}{l}<size>` … */
function mnemonicOf(syntax: string, word: number, f: Readonly<Record<string, number>>): string {
  const text = syntax.slice(0, syntax.indexOf(' ') < 0 ? undefined : syntax.indexOf(' '));
  return operand.loadStoreName(text, word, f) ?? text.replace('<cond>', CONDITIONS[f.cond ?? 0] as string).replace('<2>', f.q ? '2' : '').replace('<sz>', 'bhwx'[f.sz ?? 0] as string); // biome-ignore format: one line
}

/** The instruction's text. */
export function instructionText(row: Row<never>, word: number, pc: number): string {
  const f = extractFields(patternOf(row), word);
  const mnemonic = mnemonicOf(row.syntax, word, f);
  const space = row.syntax.indexOf(' ');
  if (space < 0) return operand.bareOperands(mnemonic, f);
  const registers = Number(/\u00d7 (\d)/.exec(row.syntax)?.[1] ?? 0);
  const o: Operands = { word, pc, mnemonic, f, size: operand.laneSize(row.text, mnemonic, word, f), registers };
  const fill = (text: string): string => text.replace(/<([^<>]+)>/g, (all, name: string) => placeholders[name]?.(o) ?? all); // biome-ignore format: one line
  let operands = row.syntax.slice(space + 1).replace(/\.\d*[A-Z]\b/g, (lanes) => lanes.toLowerCase());
  operands = operands.replace(/<R>([dnm])/g, (_, n) => operand.eitherRegister(o, f[`r${n}`] as number));
  operands = operands.replace(/(<Va>|<Vb>|<V>)([dnm])/g, (_, kind, n) => `${kind}${operand.vectorNumber(o, `r${n}`)}`);
  operands = operands.replace(/, <extend>( #<amount>)?/, () => operand.extension(o));
  if (/^<Vd>\.2d, #/.test(operands) && !f.q) operands = operands.replace('<Vd>.2d', `d${f.rd}`);
  operands = operands.replace('{, <shift>}', () => operand.optionalShift(o));
  operands = operands.replace('{, lsl #<hw>}', f.hw ? `, lsl #${f.hw * 16}` : '').replace('{, <sh>}', f.sh ? ', lsl #12' : ''); // biome-ignore format: one line
  operands = operands.replace(', LSL #<amount>', () => operand.modifiedShift(o)).replace('MSL', 'msl');
  operands = operands.replace(/\{<Vt>\.<T> \u00d7 (\d)\}(\[<index>\])?/, (_, n, lane) => operand.registerList(o, Number(n), lane !== undefined)); // biome-ignore format: one line
  operands = operands.replace('{<Vn>.16b, …}', () => operand.tableList(o)).replace('{<Xn>}', '<Xn>');
  // a zero offset is not written, but for write-back
  const text = fill(operands).replace(/, #0\](?!!)/, ']');
  return `${mnemonic} ${text}`.replace(/^ret x30$/, 'ret').replace(/^(sys .*), xzr$/, '$1');
}
