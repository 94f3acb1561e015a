/**
 * Text of one instruction: the row's syntax with its `<…>` and `{…}` filled in (Arm ARM F2.2), as the assembler reads it,
 * without aliases. The condition of an IT block is not known here. Where a placeholder of vector instructions has no
 * meaning in this table the syntax is followed by the fields.
 */
import { extractFields } from '../pattern.ts';
import { patternOf, type Row } from '../row.ts';
import { expandA32, expandT32 } from './insn/shift.ts';
import { LR, PC, SP } from './registers.ts';

/** What a placeholder is filled from. */
interface Operands {
  readonly f: Readonly<Record<string, number>>;
  readonly pc: number;
  readonly length: number;
  readonly mnemonic: string;
  /** The offset is added behind the access, though no bit P says so. */
  readonly post: boolean;
}
type Fill = (o: Operands) => string;

const CONDITIONS = ['eq', 'ne', 'cs', 'cc', 'mi', 'pl', 'vs', 'vc', 'hi', 'ls', 'ge', 'lt', 'gt', 'le', '', ''];
const SHIFTS = ['lsl', 'lsr', 'asr', 'ror'];
const BARRIERS = ['#0', 'oshld', 'oshst', 'osh', '#4', 'nshld', 'nshst', 'nsh', '#8', 'ishld', 'ishst', 'ish', '#12', 'ld', 'st', 'sy']; // biome-ignore format: a table
const SPECIAL: Readonly<Record<number, string>> = { [SP]: 'sp', [LR]: 'lr', [PC]: 'pc' };

const register = (n: number): string => SPECIAL[n] ?? `r${n}`;
const general =
  (name: string): Fill =>
  ({ f }) =>
    register(f[name] as number);
const number =
  (name: string, scale = 1): Fill =>
  ({ f }) =>
    `${(f[name] as number) * scale}`;
const list = (bits: number): string =>
  `{${Array.from({ length: 16 }, (_, n) => n)
    .filter((n) => ((bits >>> n) & 1) === 1)
    .map(register)
    .join(', ')}}`;

/** A shift by an immediate, where there is one (Arm ARM F1.4, DecodeImmShift). */
const shift = (type: number, amount: number): string => {
  if (amount !== 0) return `, ${SHIFTS[type]} #${amount}`;
  return ['', ', lsr #32', ', asr #32', ', rrx'][type] as string;
};
const optionalShift: Fill = ({ f, mnemonic }) => {
  const amount = f.imm5 ?? 0;
  if (mnemonic.startsWith('pkh')) return f.tb === 0 ? shift(0, amount) : shift(2, amount);
  return f.sh === undefined ? shift(f.type ?? 0, amount) : shift(f.sh * 2, amount);
};

/** [Rn, offset], [Rn, offset]! or [Rn], offset. */
const memory =
  (offset: (o: Operands) => string): Fill =>
  (o) => {
    const { f } = o;
    const [p, w, text] = [o.post ? 0 : (f.p ?? 1), f.w ?? 0, offset(o)];
    const base = register(f.rn as number);
    if (p === 0) return `[${base}], ${text || '#0'}`;
    return `[${base}${text && (w === 1 || text !== '#0') ? `, ${text}` : ''}]${w === 1 ? '!' : ''}`;
  };
const immediate =
  (name: string, scale = 1): ((o: Operands) => string) =>
  ({ f }) =>
    `#${f.u === 0 ? '-' : ''}${(f[name] as number) * scale}`;
const signOf = ({ f }: Operands): string => (f.u === 0 ? '-' : '');

const constant: Fill = ({ f, length, mnemonic }) => {
  const imm12 = f.imm12 as number;
  const { value } = f.cond === undefined && length === 4 ? expandT32(imm12) : expandA32(imm12);
  return `${f.cond === undefined || mnemonic.startsWith('msr') ? value >>> 0 : value | 0}`;
};

/** The offset of an address relative to the pc (Arm ARM F5.1: B, BL, CBZ, ADR, LDR literal). */
const distance = ({ f, mnemonic, length, pc }: Operands): number => {
  const { s = 0, j1 = 0, j2 = 0, high = 0, low = 0 } = f;
  if (f.cc !== undefined && f.j1 !== undefined) return (((s << 20) | (j2 << 19) | (j1 << 18) | (high << 12) | (low << 1)) << 11) >> 11; // biome-ignore format: one line
  if (f.j1 !== undefined) {
    const [i1, i2] = [(j1 ^ s ^ 1) & 1, (j2 ^ s ^ 1) & 1];
    const rest = mnemonic === 'blx' ? low << 2 : low << 1;
    return (((s << 24) | (i1 << 23) | (i2 << 22) | (high << 12) | rest) << 7) >> 7;
  }
  if (f.imm24 !== undefined) return f.imm24 * 4 + (f.h ?? 0) * 2;
  if (f.imm11 !== undefined) return f.imm11 * 2;
  if (f.imm6 !== undefined) return f.imm6 * 2;
  if (f.imm12 !== undefined) return (pc & 1) === 1 && f.u === 0 ? -f.imm12 : f.imm12;
  const imm8 = f.imm8 ?? 0;
  return mnemonic.startsWith('b') && length === 2 ? imm8 * 2 : imm8 * 4;
};
const label: Fill = (o) => {
  const { pc, f, mnemonic } = o;
  const here = (pc & 1) === 1 ? (pc & ~1) + 4 : pc + 8;
  const aligned = (f.j1 !== undefined && mnemonic === 'blx') || !/^(b|cb)/.test(mnemonic);
  return `0x${(((aligned ? here & ~3 : here) + distance(o)) >>> 0).toString(16)}`;
};

/** A scaled offset of T16: words, halves or bytes, as the mnemonic says. */
const scaled = ({ f, mnemonic }: Operands): string => {
  if (!/^(ldr|str)/.test(mnemonic)) return `${f.imm5 === 0 && /^[la]sr/.test(mnemonic) ? 32 : f.imm5}`;
  return `${(f.imm5 as number) * (/b$/.test(mnemonic) ? 1 : /h$/.test(mnemonic) ? 2 : 4)}`;
};
/** The registers of VFP: Vd:D of singles, D:Vd of doubles. */
const float =
  (v: string, x: string, wide: boolean | null): Fill =>
  ({ f }) => {
    const [high, bit] = [f[v] as number, f[x] as number];
    return (wide ?? f.sz === 1) ? `d${(bit << 4) | high}` : `s${(high << 1) | bit}`;
  };
const floatList: Fill = ({ f }) => {
  const wide = f.sz === 1;
  const first = wide ? ((f.d as number) << 4) | (f.vd as number) : ((f.vd as number) << 1) | (f.d as number);
  const count = wide ? (f.imm8 as number) >> 1 : (f.imm8 as number);
  const [letter, last] = [wide ? 'd' : 's', first + count - 1];
  return count === 1 ? `{${letter}${first}}` : `{${letter}${first}-${letter}${last}}`;
};
/** A vector register of a row that serves d and q registers. */
const vector =
  (v: string, x: string): Fill =>
  ({ f }) => {
    const n = ((f[x] as number) << 4) | (f[v] as number);
    return f.q === 1 ? `q${n >> 1}` : `d${n}`;
  };
/** VFPExpandImm (Arm ARM F6.4.1). */
const floatImmediate: Fill = ({ f }) => {
  const imm8 = f.imm8 as number;
  const exponent = ((imm8 >>> 4) & 7) ^ 4;
  const value = (1 + (imm8 & 15) / 16) * 2 ** (exponent - 3);
  return `${imm8 >>> 7 === 1 ? '-' : ''}${value}`;
};
/** Size of a lane in bits, and its number in a d register, as opc1:opc2 has them. */
const laneOf = ({ opc1 = 0, opc2 = 0 }: Operands['f']): readonly [bits: number, lane: number] => {
  if ((opc1 & 2) !== 0) return [8, ((opc1 & 1) << 2) | opc2];
  return (opc2 & 1) !== 0 ? [16, ((opc1 & 1) << 1) | (opc2 >> 1)] : [32, opc1 & 1];
};
const laneType: Fill = ({ f }) => {
  const [bits] = laneOf(f);
  return `${f.u === undefined || bits === 32 ? '' : f.u === 1 ? 'u' : 's'}${bits}`;
};
const halves = ({ f }: Operands): string => `${f.n === 1 ? 't' : 'b'}${f.m === 1 ? 't' : 'b'}`;
const writeBack: Fill = ({ f, length }) => (f.w === 1 || (f.w === undefined && length === 2 && (((f.list as number) >>> (f.rn as number)) & 1) === 0) ? '!' : ''); // biome-ignore format: one line
const registers: Fill = ({ f, mnemonic }) =>
  list((f.list as number) | ((f.m ?? 0) << (mnemonic.startsWith('pop') ? PC : LR)));

// biome-ignore format: a table
const placeholders: Readonly<Record<string, Fill>> = {
  '<c>': ({ f }) => (f.cond === undefined ? '' : CONDITIONS[f.cond] as string), '<cond>': ({ f }) => CONDITIONS[f.cc as number] as string,
  '{s}': ({ f }) => (f.s === 0 ? '' : 's'), '{x}': ({ f }) => (f.x === 1 ? 'x' : ''), '{r}': ({ f }) => (f.r === 1 ? 'r' : ''), '{b}': ({ f }) => (f.byte === 1 ? 'b' : ''), '{e}': ({ f }) => (f.e === 1 ? 'e' : ''), '{w}': ({ f }) => (f.r === 0 || f.w === 1 ? 'w' : ''),
  '<Rd>': general('rd'), '<Rn>': general('rn'), '<Rm>': general('rm'), '<Ra>': general('ra'), '<Rs>': general('rs'), '<Rt>': general('rt'), '<RdLo>': general('rdlo'), '<RdHi>': general('rdhi'),
  '<Rt2>': ({ f }) => register(f.rt2 ?? (f.rt as number) + 1),
  '<const>': constant, '<label>': label, '{, <shift>}': optionalShift, '<type>': ({ f }) => SHIFTS[f.type as number] as string,
  '<imm16>': ({ f }) => `${f.imm16 ?? ((f.imm16h as number) << 12 | (f.imm16t as number) << 11 | (f.imm16m as number) << 8 | (f.imm16l as number))}`,
  '<imm3>': number('imm3'), '<imm5>': scaled, '<imm8>': number('imm8'), '<imm12>': number('imm12'), '<imm24>': number('imm24'), '<imm8:00>': number('imm8', 4), '<imm7:00>': number('imm7', 4),
  '{, lsl #<imm2>}': ({ f }) => (f.imm2 === 0 ? '' : `, lsl #${f.imm2}`), '{, <rotation>}': ({ f }) => (f.rotate === 0 ? '' : `, ror #${(f.rotate as number) * 8}`),
  '<mem12>': memory(immediate('imm12')), '<mem8>': memory(immediate('imm8')), '<mem8s>': memory(immediate('imm8', 4)), '<mem8v>': memory(immediate('imm8', 4)),
  '<memM>': memory((o) => `${signOf(o)}${register(o.f.rm as number)}`), '<memR>': memory((o) => `${signOf(o)}${register(o.f.rm as number)}${shift(o.f.type as number, o.f.imm5 as number)}`),
  '<registers>': registers, '{!}': writeBack, '<amode>': ({ f }) => `${f.u === 1 ? 'i' : 'd'}${f.p === 1 ? 'b' : 'a'}`, '<list>': floatList,
  '<lsb>': number('lsb'), '<width>': ({ f }) => `${f.widthm1 === undefined ? (f.msb as number) - (f.lsb as number) + 1 : f.widthm1 + 1}`, '<sat>': ({ f, mnemonic }) => `${(f.sat as number) + (mnemonic.startsWith('s') ? 1 : 0)}`,
  '<xy>': halves, '<y>': ({ f }) => (f.m === 1 ? 't' : 'b'), '<tb>': ({ f }) => (f.tb === 1 ? 'tb' : 'bt'), '<bhw>': ({ f }) => `${f.c === 1 ? 'c' : ''}${'bhw'[f.sz as number]}`,
  '<option>': ({ f }) => BARRIERS[f.option as number] as string, '<endian>': ({ f }) => (f.e === 1 ? 'be' : 'le'), '<crn>': number('crn'), '<crm>': number('crm'), '<opc1>': number('opc1'), '<opc2>': number('opc2'), '<apsr>': ({ f }) => (f.rt === PC ? 'APSR_nzcv' : register(f.rt as number)),
  '<spec>': ({ f }) => `CPSR_${['f', 's', 'x', 'c'].filter((_, i) => (((f.mask as number) >>> (3 - i)) & 1) === 1).join('')}`,
  '<f>': ({ f }) => (f.sz === 1 ? 'f64' : 'f32'), '<Fd>': float('vd', 'd', null), '<Fn>': float('vn', 'n', null), '<Fm>': float('vm', 'm', null), '<Sd>': float('vd', 'd', false), '<Sm>': float('vm', 'm', false), '<Dd>': float('vd', 'd', true), '<Dm>': float('vm', 'm', true),
  '<Vd>': vector('vd', 'd'), '<Vn>': vector('vn', 'n'), '<Vm>': vector('vm', 'm'), '<size>': ({ f, mnemonic }) => `${SIGNLESS.test(mnemonic) ? 'i' : ''}${8 << (f.size as number)}`, '<ft>': ({ f }) => ((f.sz ?? (f.size === 1 ? 1 : 0)) === 1 ? 'f16' : 'f32'),
  '<su>': ({ f }) => ((f.op ?? f.s ?? 1 - (f.u ?? 0)) === 1 ? 's' : 'u'), '<r>': ({ f }) => (f.z === 1 ? '' : 'r'), '<fimm>': floatImmediate, '<lane>': laneType, '<Dd[x]>': ({ f }) => `d${(f.d as number) << 4 | (f.vd as number)}[${laneOf(f)[1]}]`, '<imm4>': number('imm4'),
  '<pairs>': ({ f }) => { const n = (f.vm as number) << 1 | (f.m as number); const [d, r] = [`s${n}, s${n + 1}`, `${register(f.rt as number)}, ${register(f.rt2 as number)}`]; return f.op === 1 ? `${r}, ${d}` : `${d}, ${r}`; },
  '<be>': ({ f }) => `${32 >> ((f.b as number) << 1 | (f.e as number))}`, '<bt>': ({ f }) => (f.t === 1 ? 't' : 'b'), '<fo>': ({ f }) => (f.sz === 1 ? 'f32' : 'f64'), '<Od>': ({ f }) => float('vd', 'd', f.sz === 0)({ f, pc: 0, length: 4, mnemonic: '', post: false }), '<vc>': ({ f }) => ['eq', 'vs', 'ge', 'gt'][f.cc as number] as string,
  '<core>': ({ f }) => { const s = float('vn', 'n', false)({ f, pc: 0, length: 4, mnemonic: '', post: false }); return f.op === 1 ? `${register(f.rt as number)}, ${s}` : `${s}, ${register(f.rt as number)}`; },
  '<paird>': ({ f }) => { const [d, r] = [`d${(f.m as number) << 4 | (f.vm as number)}`, `${register(f.rt as number)}, ${register(f.rt2 as number)}`]; return f.op === 1 ? `${r}, ${d}` : `${d}, ${r}`; },
};

/** Integer operations of which the sign makes no difference. */
const SIGNLESS = /^v(add|sub|mla|mls|mul|ceq|padd)$/;
/** LDRD and STRD of T32 with an offset that is added behind the access. */
const POST_DUAL = /^1110100 0 u:1 1 1/;
const ITSTATE = /^it</;
/** IT: a letter for each further instruction, and the condition of the first (Arm ARM F5.1.56). */
const itText = (itstate: number): string => {
  const [first, mask] = [itstate >>> 4, itstate & 15];
  const length = 3 - (31 - Math.clz32(mask & -mask));
  const letters = Array.from({ length }, (_, i) => (((mask >>> (3 - i)) & 1) === (first & 1) ? 't' : 'e'));
  return `it${letters.join('')} ${CONDITIONS[first] || 'al'}`;
};

export function instructionText(row: Row<never>, word: number, pc: number, length: number): string {
  const f = extractFields(patternOf(row), word);
  if (ITSTATE.test(row.syntax)) return itText(f.itstate as number);
  const post = POST_DUAL.test(row.text);
  const mnemonic = (/^[a-z0-9]+/.exec(row.syntax) as RegExpExecArray)[0];
  let known = f.q !== undefined || !row.syntax.includes('<Vd>');
  const text = row.syntax.replace(/\{, [^}]*\}|\{!\}|\{[a-z]\}|<[^>]*>/g, (all) => {
    const fill = placeholders[all];
    known &&= fill !== undefined;
    return fill ? fill({ f, pc, length, mnemonic, post }) : all;
  });
  // a zero offset is not written
  return known ? text.replace(', #0]', ']') : `${text} ${JSON.stringify(f)}`;
}
