import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { extended } from './dp-register.ts';
import { insn } from './row.ts';

type F = Readonly<Record<string, number>>;
type I64 = Value<'i64'>;

const zeroLoads = ['i64.load8_u', 'i64.load16_u', 'i64.load32_u', 'i64.load'] as const;
const signLoads = ['i64.load8_s', 'i64.load16_s', 'i64.load32_s'] as const;
const signLoads32 = ['i32.load8_s', 'i32.load16_s'] as const;
const stores = ['i64.store8', 'i64.store16', 'i64.store32', 'i64.store'] as const satisfies readonly OpName[];

const isPrefetch = (size: number, opc: number): boolean => size === 3 && opc === 2;
/** size and opc of a load or store (C4.1.91). */
const isUnallocated = (size: number, opc: number): boolean => opc === 3 && size > 1;

/** A store, or a load whose value comes back for `finish`: registers are written after the last access. */
function transfer(t: Translator, size: number, opc: number, rt: number, addr: I64, disp: number): Value | null {
  if (opc === 0) {
    t.store(stores[size] as OpName, addr, t.x(rt), disp);
    return null;
  }
  const names = opc === 1 ? zeroLoads : opc === 2 ? signLoads : signLoads32;
  return t.load(names[size] as 'i64.load', addr, disp);
}

/** opc = 3 extends to 32 bits only. */
function finish(t: Translator, opc: number, rt: number, v: Value | null): void {
  if (!v) return;
  if (opc === 3) t.setW(rt, v as Value<'i32'>);
  else t.setX(rt, v as I64);
}

type Index = 'offset' | 'pre' | 'post';

/** The last operations of an instruction: a sum right in front of its register costs the cold tier no copy. */
const writeBack = (t: Translator, rn: number, base: I64, disp: number, index: Index): void => {
  if (index !== 'offset') t.setXsp(rn, t.b.i64.add(base, t.b.const64(disp)));
};

/** One register at base + displacement, with or without write-back of the base. */
const single = (t: Translator, { size, opc, rn, rt }: F, disp: number, index: Index): void => {
  const bytes = size as number;
  const kind = opc as number;
  if (isUnallocated(bytes, kind)) return t.undefined();
  if (isPrefetch(bytes, kind)) return index === 'offset' ? undefined : t.undefined();
  const base = t.xsp(rn as number);
  const v = transfer(t, bytes, kind, rt as number, base, index === 'post' ? 0 : disp);
  finish(t, kind, rt as number, v);
  writeBack(t, rn as number, base, disp, index);
};

const registerOffset = (t: Translator, { size, opc, rm, option, s, rn, rt }: F): void => {
  if (((option as number) & 2) === 0) return t.undefined();
  const bytes = size as number;
  const kind = opc as number;
  if (isUnallocated(bytes, kind)) return t.undefined();
  if (isPrefetch(bytes, kind)) return;
  const offset = extended(t, t.w64, rm as number, option as number, s === 1 ? (size as number) : 0) as I64;
  const address = t.b.i64.add(t.xsp(rn as number), offset);
  finish(t, kind, rt as number, transfer(t, bytes, kind, rt as number, address, 0));
};

const literal = (t: Translator, { imm19, rt }: F, size: number, opc: number): void => {
  const address = t.b.const64(t.pc + (imm19 as number) * 4);
  finish(t, opc, rt as number, transfer(t, size, opc, rt as number, address, 0));
};

/** LDP, STP, LDPSW, LDNP, STNP. opc: 0 = 32 bits, 1 = signed words (loads), 2 = 64 bits. */
const pair = (t: Translator, { opc, l, imm7, rt2, rn, rt }: F, index: Index): void => {
  const signed = opc === 1;
  if (opc === 3 || (signed && l === 0)) return t.undefined();
  const bytes = opc === 2 ? 8 : 4;
  const disp = (imm7 as number) * bytes;
  const base = t.xsp(rn as number);
  const at = index === 'post' ? 0 : disp;
  if (l === 0) {
    const op = bytes === 8 ? 'i64.store' : 'i64.store32';
    const [first, second] = [t.x(rt as number), t.x(rt2 as number)];
    t.store(op, base, first, at);
    t.store(op, base, second, at + bytes);
  } else {
    const op = bytes === 8 ? 'i64.load' : signed ? 'i64.load32_s' : 'i64.load32_u';
    const first = t.load(op, base, at);
    const second = t.load(op, base, at + bytes);
    t.setX(rt as number, first);
    t.setX(rt2 as number, second);
  }
  writeBack(t, rn as number, base, disp, index);
};

/** C4.1.91 Loads and Stores: the plain general-register forms */
// biome-ignore format: one instruction per line
export const loadStore: readonly Row<Translator>[] = [
  // Load register (literal)
  insn('ldr <Wt>, <label>', '00 011 0 00 imm19:s19 rt:5', (t, f) => literal(t, f, 2, 1)),
  insn('ldr <Xt>, <label>', '01 011 0 00 imm19:s19 rt:5', (t, f) => literal(t, f, 3, 1)),
  insn('ldrsw <Xt>, <label>', '10 011 0 00 imm19:s19 rt:5', (t, f) => literal(t, f, 2, 2)),
  insn('prfm <prfop>, <label>', '11 011 0 00 imm19:s19 rt:5', () => {}),
  // Load/store register pair
  insn('<ldst>np <Rt>, <Rt2>, [<Xn|SP>, #<imm7>]', 'opc:2 101 0 000 l:1 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => (f.opc === 1 ? t.undefined() : pair(t, f, 'offset'))),
  insn('<ldst>p <Rt>, <Rt2>, [<Xn|SP>], #<imm7>', 'opc:2 101 0 001 l:1 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, 'post')),
  insn('<ldst>p <Rt>, <Rt2>, [<Xn|SP>, #<imm7>]', 'opc:2 101 0 010 l:1 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, 'offset')),
  insn('<ldst>p <Rt>, <Rt2>, [<Xn|SP>, #<imm7>]!', 'opc:2 101 0 011 l:1 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, 'pre')),
  // Load/store register (unscaled immediate), (post), (unprivileged: EL0 is unprivileged anyway), (pre)
  insn('<ldst>ur<size> <Rt>, [<Xn|SP>, #<imm9>]', 'size:2 111 0 00 opc:2 0 imm9:s9 00 rn:5 rt:5', (t, f) => single(t, f, f.imm9, 'offset')),
  insn('<ldst>r<size> <Rt>, [<Xn|SP>], #<imm9>', 'size:2 111 0 00 opc:2 0 imm9:s9 01 rn:5 rt:5', (t, f) => single(t, f, f.imm9, 'post')),
  insn('<ldst>tr<size> <Rt>, [<Xn|SP>, #<imm9>]', 'size:2 111 0 00 opc:2 0 imm9:s9 10 rn:5 rt:5', (t, f) => (f.size === 3 && f.opc > 1 ? t.undefined() : single(t, f, f.imm9, 'offset'))),
  insn('<ldst>r<size> <Rt>, [<Xn|SP>, #<imm9>]!', 'size:2 111 0 00 opc:2 0 imm9:s9 11 rn:5 rt:5', (t, f) => single(t, f, f.imm9, 'pre')),
  // Load/store register (register offset), (unsigned immediate)
  insn('<ldst>r<size> <Rt>, [<Xn|SP>, <Rm>, <extend>]', 'size:2 111 0 00 opc:2 1 rm:5 option:3 s:1 10 rn:5 rt:5', registerOffset),
  insn('<ldst>r<size> <Rt>, [<Xn|SP>, #<imm12>]', 'size:2 111 0 01 opc:2 imm12:12 rn:5 rt:5', (t, f) => single(t, f, f.imm12 << f.size, 'offset')),
];
