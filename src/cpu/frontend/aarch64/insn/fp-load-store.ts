/** Loads and stores of single SIMD&FP registers and pairs (Arm ARM C4.1.94, C3.2.10–11). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { extended } from './dp-register.ts';
import { insn } from './row.ts';

type I64 = Value<'i64'>;

/** log2 of the access size from opc<1>:size: B H S D Q; anything else is unallocated. */
const scaleOf = (opc: number, size: number): number => ((opc & 2) << 1) | size;

/** Load 2^scale bytes at address + disp, zero-extended to a vector. */
export function loadVector(t: Translator, scale: number, address: I64, disp = 0): Value<'v128'> {
  const b = t.b;
  if (scale === 4) return t.load('v128.load', address, disp);
  if (scale === 3) return b.replace('i64x2.replace_lane', t.zero(), 0, t.load('i64.load', address, disp));
  const name = (['i32.load8_u', 'i32.load16_u', 'i32.load'] as const)[scale] as 'i32.load';
  return b.replace('i32x4.replace_lane', t.zero(), 0, t.load(name, address, disp));
}

/** Store the low 2^scale bytes of v<n>. */
export function storeVector(t: Translator, scale: number, address: I64, n: number, disp = 0): void {
  if (scale === 4) t.store('v128.store', address, t.v(n), disp);
  else if (scale === 3) t.store('i64.store', address, t.dBits(n), disp);
  else t.store((['i32.store8', 'i32.store16', 'i32.store'] as const)[scale] as OpName, address, t.sBits(n), disp);
}

interface One {
  readonly size: number;
  readonly opc: number;
  readonly rn: number;
  readonly rt: number;
}

/** opc<0>: load. The base is written back last, after the access has passed. */
function access(
  t: Translator,
  { size, opc, rt }: One,
  address: I64,
  disp: number,
  writeBack: (() => void) | null = null,
): void {
  const scale = scaleOf(opc, size);
  if (scale > 4) return t.undefined();
  if ((opc & 1) === 0) {
    storeVector(t, scale, address, rt, disp);
    writeBack?.();
  } else {
    const v = loadVector(t, scale, address, disp);
    writeBack?.();
    t.setV(rt, v);
  }
}

interface Imm9 extends One {
  readonly imm9: number;
}

function preIndex(t: Translator, f: Imm9): void {
  const base = t.xsp(f.rn);
  access(t, f, base, f.imm9, () => t.setXsp(f.rn, t.b.i64.add(base, t.b.const64(f.imm9))));
}

function postIndex(t: Translator, f: Imm9): void {
  const base = t.xsp(f.rn);
  access(t, f, base, 0, () => t.setXsp(f.rn, t.b.i64.add(base, t.b.const64(f.imm9))));
}

interface Offset extends One {
  readonly rm: number;
  readonly option: number;
  readonly s: number;
}

function registerOffset(t: Translator, f: Offset): void {
  const scale = scaleOf(f.opc, f.size);
  if (scale > 4 || (f.option & 2) === 0) return t.undefined();
  const offset = extended(t, t.w64, f.rm, f.option, f.s ? scale : 0) as I64;
  access(t, f, t.b.i64.add(t.xsp(f.rn), offset), 0);
}

interface Pair {
  readonly opc: number;
  readonly imm7: number;
  readonly rt2: number;
  readonly rn: number;
  readonly rt: number;
}

function pair(t: Translator, { opc, imm7, rt2, rn, rt }: Pair, load: boolean, mode: 'offset' | 'pre' | 'post'): void {
  if (opc === 3) return t.undefined();
  const scale = 2 + opc;
  const size = 1 << scale;
  const base = t.xsp(rn);
  const disp = imm7 * size;
  const at = mode === 'post' ? 0 : disp;
  const writeBack = (): void => {
    if (mode !== 'offset') t.setXsp(rn, t.b.i64.add(base, t.b.const64(disp)));
  };
  if (load) {
    const first = loadVector(t, scale, base, at);
    const second = loadVector(t, scale, base, at + size);
    writeBack();
    t.setV(rt, first);
    t.setV(rt2, second);
  } else {
    storeVector(t, scale, base, rt, at);
    storeVector(t, scale, base, rt2, at + size);
    writeBack();
  }
}

function literal(t: Translator, opc: number, imm19: number, rt: number): void {
  if (opc === 3) return t.undefined();
  t.setV(rt, loadVector(t, 2 + opc, t.b.const64(t.pc + imm19 * 4)));
}

// biome-ignore format: one instruction per line
export const fpLoadStore: readonly Row<Translator>[] = [
  insn('ldr <Ft>, [<Xn|SP>, #<pimm>]', 'size:2 111 1 01 opc:1 1 imm12:12 rn:5 rt:5', (t, f) => access(t, { ...f, opc: f.opc * 2 + 1 }, t.xsp(f.rn), f.imm12 * 2 ** scaleOf(f.opc * 2, f.size))),
  insn('str <Ft>, [<Xn|SP>, #<pimm>]', 'size:2 111 1 01 opc:1 0 imm12:12 rn:5 rt:5', (t, f) => access(t, { ...f, opc: f.opc * 2 }, t.xsp(f.rn), f.imm12 * 2 ** scaleOf(f.opc * 2, f.size))),
  insn('ldur <Ft>, [<Xn|SP>, #<simm>]', 'size:2 111 1 00 opc:1 1 0 imm9:s9 00 rn:5 rt:5', (t, f) => access(t, { ...f, opc: f.opc * 2 + 1 }, t.xsp(f.rn), f.imm9)),
  insn('stur <Ft>, [<Xn|SP>, #<simm>]', 'size:2 111 1 00 opc:1 0 0 imm9:s9 00 rn:5 rt:5', (t, f) => access(t, { ...f, opc: f.opc * 2 }, t.xsp(f.rn), f.imm9)),
  insn('ldr <Ft>, [<Xn|SP>], #<simm>', 'size:2 111 1 00 opc:1 1 0 imm9:s9 01 rn:5 rt:5', (t, f) => postIndex(t, { ...f, opc: f.opc * 2 + 1 })),
  insn('str <Ft>, [<Xn|SP>], #<simm>', 'size:2 111 1 00 opc:1 0 0 imm9:s9 01 rn:5 rt:5', (t, f) => postIndex(t, { ...f, opc: f.opc * 2 })),
  insn('ldr <Ft>, [<Xn|SP>, #<simm>]!', 'size:2 111 1 00 opc:1 1 0 imm9:s9 11 rn:5 rt:5', (t, f) => preIndex(t, { ...f, opc: f.opc * 2 + 1 })),
  insn('str <Ft>, [<Xn|SP>, #<simm>]!', 'size:2 111 1 00 opc:1 0 0 imm9:s9 11 rn:5 rt:5', (t, f) => preIndex(t, { ...f, opc: f.opc * 2 })),
  insn('ldr <Ft>, [<Xn|SP>, <R>m, <extend> #<amount>]', 'size:2 111 1 00 opc:1 1 1 rm:5 option:3 s:1 10 rn:5 rt:5', (t, f) => registerOffset(t, { ...f, opc: f.opc * 2 + 1 })),
  insn('str <Ft>, [<Xn|SP>, <R>m, <extend> #<amount>]', 'size:2 111 1 00 opc:1 0 1 rm:5 option:3 s:1 10 rn:5 rt:5', (t, f) => registerOffset(t, { ...f, opc: f.opc * 2 })),
  insn('ldr <Ft>, <label>', 'opc:2 011 1 00 imm19:s19 rt:5', (t, { opc, imm19, rt }) => literal(t, opc, imm19, rt)),
  insn('ldnp <Ft1>, <Ft2>, [<Xn|SP>, #<imm>]', 'opc:2 101 1 000 1 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, true, 'offset')),
  insn('stnp <Ft1>, <Ft2>, [<Xn|SP>, #<imm>]', 'opc:2 101 1 000 0 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, false, 'offset')),
  insn('ldp <Ft1>, <Ft2>, [<Xn|SP>], #<imm>', 'opc:2 101 1 001 1 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, true, 'post')),
  insn('stp <Ft1>, <Ft2>, [<Xn|SP>], #<imm>', 'opc:2 101 1 001 0 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, false, 'post')),
  insn('ldp <Ft1>, <Ft2>, [<Xn|SP>, #<imm>]', 'opc:2 101 1 010 1 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, true, 'offset')),
  insn('stp <Ft1>, <Ft2>, [<Xn|SP>, #<imm>]', 'opc:2 101 1 010 0 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, false, 'offset')),
  insn('ldp <Ft1>, <Ft2>, [<Xn|SP>, #<imm>]!', 'opc:2 101 1 011 1 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, true, 'pre')),
  insn('stp <Ft1>, <Ft2>, [<Xn|SP>, #<imm>]!', 'opc:2 101 1 011 0 imm7:s7 rt2:5 rn:5 rt:5', (t, f) => pair(t, f, false, 'pre')),
];
