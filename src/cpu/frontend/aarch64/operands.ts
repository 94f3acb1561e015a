/** How the operands of A64 instructions are written (Arm ARM C1.2.5, C1.2.6 and the pages of C6.2 and C7.2). */
import type { Operands } from './disassembler.ts';
import { expandVectorImmediate } from './insn/simd-copy.ts';

type F = Readonly<Record<string, number>>;

export const CONDITIONS: readonly string[] = 'eq ne cs cc mi pl vs vc hi ls ge lt gt le al nv'.split(' ');
const EXTENDS: readonly string[] = 'uxtb uxth uxtw uxtx sxtb sxth sxtw sxtx'.split(' ');
const SHIFTS: readonly string[] = ['lsl', 'lsr', 'asr', 'ror'];
const LETTERS = 'bhsdq';
const cmode = (word: number): number => (word >>> 12) & 15;

export const hex = (n: number): string => `0x${n.toString(16)}`;
export const scalar = (size: number): string => LETTERS[size] ?? '?';

export function general(n: number, wide: boolean, sp: boolean): string {
  if (n !== 31) return `${wide ? 'x' : 'w'}${n}`;
  if (sp) return wide ? 'sp' : 'wsp';
  return wide ? 'xzr' : 'wzr';
}

/** Whether general registers are 64 bits wide: `sf`, or what loads and stores say in their own ways. */
export function isWide({ f }: Operands): boolean {
  if (f.sf !== undefined) return f.sf === 1;
  if (f.rs !== undefined || f.opc === undefined) return f.size === undefined ? f.sz === 1 : f.size === 3;
  return f.imm7 === undefined ? f.size === 3 || f.opc === 2 : f.opc !== 0;
}

export function offsetRegister(o: Operands): string {
  const { option, sf, rm } = o.f;
  const wide =
    option === undefined ? isWide(o) : sf === undefined ? (option & 1) === 1 : sf === 1 && (option & 3) === 3;
  return general(rm as number, wide, false);
}

/** `<R>`: by sf, by the extension, or by the lane. */
export function eitherRegister(o: Operands, n: number): string {
  const { sf, option, q } = o.f;
  if (sf !== undefined) return general(n, sf === 1, false);
  if (option !== undefined) return general(n, (option & 1) === 1, false);
  return general(n, /mov$/.test(o.mnemonic) ? q === 1 : o.size === 3, false);
}

export function floatLetter({ f }: Operands): string {
  if (f.type !== undefined) return 'sd?h'[f.type] as string;
  return scalar(f.size === undefined ? 2 + (f.opc as number) : ((f.opc as number) << 2) | f.size);
}

/** log2 of a lane's bytes; of the narrower side where sides differ. */
export function laneSize(pattern: string, mnemonic: string, word: number, f: F): number {
  if (f.immh !== undefined) return 31 - Math.clz32(f.immh);
  if (f.imm5 !== undefined) return 31 - Math.clz32(f.imm5 & -f.imm5);
  if (f.sz !== undefined) return (/^fcvt[lnx]/.test(mnemonic) && !/^fcvtn[su]/.test(mnemonic) ? 1 : 2) + f.sz;
  if (f.size !== undefined) return f.h !== undefined && /^f/.test(mnemonic) && f.size === 0 ? 1 : f.size;
  if (pattern.includes('0111100000')) {
    const mode = cmode(word);
    if (mode === 15) return word & (1 << 11) ? 1 : word & (1 << 29) ? 3 : 2;
    return mode === 14 ? (word & (1 << 29) ? 3 : 0) : (mode & 12) === 8 ? 1 : 2;
  }
  if (/^(urecpe|ursqrte|fcvtxn2?|[su]dot)$/.test(mnemonic)) return 2;
  if (/^f(max|min)(nm)?v$/.test(mnemonic) && word & (1 << 29)) return 2;
  if (/^(pmull2?|addp)$/.test(mnemonic)) return (word >>> 22) & 3;
  return /^(f|[su]cvtf)/.test(mnemonic) ? 1 : 0;
}

export const isFull = (o: Operands): boolean => ((o.word >>> 30) & 1) === 1;
export const arrangement = (size: number, full: boolean): string => `${(full ? 16 : 8) >> size}${scalar(size)}`;

/** `<T>`; the scalar pairwise instructions take two lanes. */
export const plainArrangement = (o: Operands): string =>
  o.word >>> 30 === 1 && (o.word & 0x1f00_0000) === 0x1e00_0000 ? `2${scalar(o.size)}` : arrangement(o.size, isFull(o));
const bytesOnly = (o: Operands): boolean => /^([su]dot|tb[lx])$/.test(o.mnemonic);
export const narrowArrangement = (o: Operands): string => arrangement(bytesOnly(o) ? 0 : o.size, isFull(o));
export const wideArrangement = (o: Operands): string =>
  bytesOnly(o)
    ? arrangement(0, isFull(o))
    : arrangement(o.size + 1, isFull(o) || !/^[su]ad(dlp|alp)$/.test(o.mnemonic));
export const lanePrefix = (o: Operands): string => scalar(/^[su]addlv$/.test(o.mnemonic) ? o.size + 1 : o.size);

/** By-element forms of halfwords have four bits for the register. */
export function vectorNumber(o: Operands, name: string): number {
  const n = o.f[name] as number;
  return name === 'rm' && o.f.m !== undefined && o.size !== 1 ? (o.f.m << 4) | n : n;
}

export function laneIndex({ f, size }: Operands): string {
  if (f.imm5 !== undefined) return `${f.imm5 >> (size + 1)}`;
  if (f.imm4 !== undefined) return `${f.imm4}`;
  const [h, l, m] = [f.h as number, f.l as number, f.m as number];
  return `${size === 1 ? (h << 2) | (l << 1) | m : size === 2 ? (h << 1) | l : h}`;
}

/** Where a PC-relative operand points. */
export function address({ word, pc, mnemonic, f }: Operands): number {
  if (mnemonic === 'adr') return pc + (((f.immhi as number) << 2) | (f.immlo as number));
  if (mnemonic === 'adrp') return Math.floor(pc / 4096) * 4096 + (((f.immhi as number) << 2) | (f.immlo as number)) * 4096; // biome-ignore format: one line
  const offset = f.imm26 ?? f.imm19 ?? f.imm14;
  return offset === undefined ? word : pc + offset * 4;
}

const exponential = (n: number): string => n.toExponential(18).replace(/e([+-])(\d)$/, 'e$10$2');

/** VFPExpandImm, as a number. */
export function floatImmediate(imm8: number): string {
  const exponent = ((imm8 >> 4) & 3) + (imm8 & 0x40 ? -3 : 1);
  return exponential((imm8 & 0x80 ? -1 : 1) * (1 + (imm8 & 15) / 16) * 2 ** exponent);
}

export function immediate(o: Operands): string {
  const { f, mnemonic } = o;
  if (f.imm !== undefined) return hex(f.imm);
  if (f.imm7 !== undefined) return f.opc === undefined ? hex(f.imm7) : pairOffset(o);
  if (mnemonic === 'fmov') return floatImmediate(f.imm8 as number);
  return `0x${expandVectorImmediate(1, 14, f.imm8 as number).toString(16)}`;
}
export const immediate8 = (o: Operands): string => hex(o.f.imm8 as number);

/** Of LSL in the modified immediates; nothing for zero. */
export function modifiedShift({ word }: Operands): string {
  const mode = cmode(word);
  const bits = (mode & 8 ? (mode >> 1) & 1 : (mode >> 1) & 3) * 8;
  return bits ? `, lsl #${bits}` : '';
}
export const amount = ({ word }: Operands): string => (cmode(word) & 1 ? '16' : '8');

const accessBytes = ({ f }: Operands): number =>
  f.imm7 === undefined
    ? f.size === undefined || f.opc === undefined ? 0 : f.size // biome-ignore format: one line
    : 2;

/** LDR (unsigned offset): counted in units of the access. */
export function scaledOffset(o: Operands): string {
  const vector = (o.word >>> 26) & 1;
  const scale = vector ? ((o.f.opc as number) << 2) | (o.f.size as number) : accessBytes(o);
  return `${(o.f.imm12 as number) * 2 ** scale}`;
}
export function pairOffset({ word, f }: Operands): string {
  const opc = f.opc as number;
  const scale = (word >>> 26) & 1 ? 2 + opc : opc === 2 ? 3 : 2;
  return `${(f.imm7 as number) * 2 ** scale}`;
}

const immhb = (f: F): number => ((f.immh as number) << 3) | (f.immb as number);
export function shift({ f, size, mnemonic }: Operands): string {
  if (f.immh === undefined) return `${8 << size}`;
  const left = /^(shl|sli|[su]qshlu?|[su]shll2?)$/.test(mnemonic);
  return `${left ? immhb(f) - (8 << size) : (16 << size) - immhb(f)}`;
}
export const fractionBits = ({ f, size }: Operands): string =>
  `${f.scale === undefined ? (16 << size) - immhb(f) : 64 - f.scale}`;

export const optionalShift = ({ f }: Operands): string =>
  f.shift === 0 && f.imm6 === 0 ? '' : `, ${SHIFTS[f.shift as number]} #${f.imm6}`;

/** `, <extend>` of additions and of register offsets; nothing where it is LSL by none. */
export function extension(o: Operands): string {
  const { option = 0, imm3, s, sf, rn, rd } = o.f;
  if (imm3 === undefined) {
    const by = (o.word >>> 26) & 1 ? ((o.f.opc as number) << 2) | (o.f.size as number) : o.f.size;
    const name = option === 3 ? 'lsl' : EXTENDS[option];
    if (s === 0) return option === 3 ? '' : `, ${name}`;
    return `, ${name} #${by}`;
  }
  const setsFlags = ((o.word >>> 29) & 1) === 1;
  const plain = option === 2 + (sf as number) && (rn === 31 || (rd === 31 && !setsFlags));
  if (plain) return imm3 ? `, lsl #${imm3}` : '';
  return `, ${EXTENDS[option]}${imm3 ? ` #${imm3}` : ''}`;
}

const suffix = (size: number): string => (size < 2 ? (LETTERS[size] as string) : '');
const ATOMICS: readonly string[] = ['add', 'clr', 'eor', 'set', 'smax', 'smin', 'umax', 'umin'];

/** Mnemonics that loads and stores put together from size, direction and ordering; null for the others. */
export function loadStoreName(text: string, word: number, f: F): string | null {
  const bit = (n: number): boolean => ((word >>> n) & 1) === 1;
  if (text.startsWith('<ldst>')) {
    const form = text.slice(6).replace('<size>', '');
    const [opc, size] = [f.opc as number, f.size ?? 0];
    if (f.imm7 !== undefined) return `${f.l ? 'ld' : 'st'}${form}${opc === 1 ? 'sw' : ''}`;
    if (size === 3 && opc === 2) return form === 'ur' ? 'prfum' : 'prfm';
    return `${opc ? 'ld' : 'st'}${form}${opc > 1 ? 's' : ''}${size === 2 && opc > 1 ? 'w' : suffix(size)}`;
  }
  const ordered = (name: string, acquire: number, release: number): string =>
    name.replace('{a}', bit(acquire) ? 'a' : '').replace('{l}', bit(release) ? 'l' : '');
  if (text.startsWith('cas')) return ordered(text, 22, 15).replace('<size>', suffix(f.size ?? 2));
  if (text.startsWith('swp') || text.startsWith('ld<atomic>')) {
    return ordered(text, 23, 22).replace('<atomic>', ATOMICS[f.opc ?? 0] as string).replace('<size>', suffix(f.size ?? 2)); // biome-ignore format: one line
  }
  if (!/^(st\{l\}|ld\{a\}|stlr|ldar|ldapr)/.test(text)) return null;
  const limited = text.startsWith('ldapr') || bit(15) ? text : text.replace('stlr', 'stllr').replace('ldar', 'ldlar');
  return ordered(limited, 15, 15).replace('<size>', suffix(f.size ?? 2));
}

/** Lane and index of the single-structure loads and stores. */
function singleLane({ word, f }: Operands): [size: number, index: number] {
  const [q, s, size] = [f.q as number, f.s as number, f.size as number];
  switch ((word >>> 14) & 3) {
    case 0:
      return [0, (q << 3) | (s << 2) | size];
    case 1:
      return [1, (q << 2) | (s << 1) | (size >> 1)];
    default:
      return size & 1 ? [3, q] : [2, (q << 1) | s];
  }
}

const isSingle = (o: Operands): boolean => (o.word & (1 << 24)) !== 0;

function list(first: number, count: number, kind: string): string {
  const name = (i: number): string => `v${(first + i) & 31}.${kind}`;
  if (count > 2 && first + count <= 32) return `{${name(0)}-${name(count - 1)}}`;
  return `{${Array.from({ length: count }, (_, i) => name(i)).join(', ')}}`;
}

export function registerList(o: Operands, count: number, lane: boolean): string {
  const rt = o.f.rt as number;
  if (!lane) return list(rt, count, arrangement(o.f.size as number, o.f.q === 1));
  const [size, index] = singleLane(o);
  return `${list(rt, count, scalar(size))}[${index}]`;
}

/** What the post-indexed form without a register adds. */
export function structureBytes(o: Operands): number {
  const { registers, f } = o;
  if (!isSingle(o)) return registers * (f.q ? 16 : 8);
  return registers << (((o.word >>> 14) & 3) === 3 ? (f.size as number) : singleLane(o)[0]);
}

export const tableList = ({ f }: Operands): string => list(f.rn as number, (f.len as number) + 1, '16b');

const BARRIERS: readonly string[] = '#0x00 oshld oshst osh #0x04 nshld nshst nsh #0x08 ishld ishst ish #0x0c ld st sy'.split(' '); // biome-ignore format: one line
export const barrier = ({ f }: Operands): string => BARRIERS[f.crm as number] as string;

export function prefetch({ f }: Operands): string {
  const rt = f.rt as number;
  const [type, level] = [rt >> 3, (rt >> 1) & 3];
  if (type === 3 || level === 3) return `#0x${rt.toString(16).padStart(2, '0')}`;
  return `${['pld', 'pli', 'pst'][type]}l${level + 1}${rt & 1 ? 'strm' : 'keep'}`;
}

const SYSTEM_REGISTERS: Readonly<Record<string, string>> = {
  s3_3_c4_c2_0: 'nzcv',
  s3_3_c4_c4_0: 'fpcr',
  s3_3_c4_c4_1: 'fpsr',
  s3_3_c13_c0_2: 'tpidr_el0',
  s3_3_c13_c0_3: 'tpidrro_el0',
  s3_3_c0_c0_1: 'ctr_el0',
  s3_3_c0_c0_7: 'dczid_el0',
  s3_3_c14_c0_0: 'cntfrq_el0',
  s3_3_c14_c0_2: 'cntvct_el0',
  s3_0_c0_c0_0: 'midr_el1',
};
export function systemRegister({ f }: Operands): string {
  const name = `s${2 + (f.o0 as number)}_${f.op1}_c${f.crn}_c${f.crm}_${f.op2}`;
  return SYSTEM_REGISTERS[name] ?? name;
}

/** Instructions without operands in the syntax may have one in CRm. */
export const bareOperands = (mnemonic: string, f: F): string =>
  f.crm === undefined || f.crm === 15 ? mnemonic : `${mnemonic} #${hex(f.crm)}`;
