/** VFP data processing (Arm ARM F6.1, VFPv2 … VFPv4, and what Armv8 adds). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import { Exit, State } from '../../../memory/layout.ts';
import { expandImmediate, roundAway } from '../../aarch64/insn/fp-data.ts';
import type { Float, Floats } from '../../aarch64/insn/fp-mode.ts';
import { advanced } from '../../form.ts';
import type { Row } from '../../row.ts';
import { A64View, a64Row, D, FIRST, H, type Operand, S } from '../a64.ts';
import { writeFpscr } from '../cpsr.ts';
import { compareBits, compared, fromBits } from '../flags.ts';
import { packFp, vcmp, vcvtFixed, vcvtFloat, vcvtFormat, vcvtInteger } from '../helpers/floating.ts';
import { defineHelper, readR } from '../helpers.ts';
import { BIG_ENDIAN, PC, Sys } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { a32, a32x, type F, t32 } from './row.ts';

type I32 = Value<'i32'>;
type V128 = Value<'v128'>;

const views = new WeakMap<Translator, A64View>();
/** What AArch64's rows see of this translator. */
export const viewOf = (t: Translator): A64View => {
  let view = views.get(t);
  if (!view) {
    view = new A64View(t);
    views.set(t, view);
  }
  return view;
};

/** Register numbers: D:Vd of doubles, Vd:D of singles. */
const reg = (f: F, name: 'd' | 'n' | 'm'): number => {
  const v = f[`v${name}`] as number;
  const x = f[name] as number;
  return f.sz === 1 ? (x << 4) | v : (v << 1) | x;
};
/** What `sz` is in rows of half precision; a half lies in the bottom of a single register, zeros above it. */
const HALF = 2;
const single = (v: number, x: number): number => (v << 1) | x;
const double = (v: number, x: number): number => (x << 4) | v;
const operand = (f: F, name: 'd' | 'n' | 'm'): Operand => [S, D, H][f.sz as number]?.(reg(f, name)) as Operand;

/** A step of AArch64's: destination and sources are operands. */
const step = (t: Translator, name: string, sz: number, d: Operand, n: Operand, m: Operand | null = null, a: Operand | null = null): void => {
  const operands = [d, n, m ?? n, a ?? n];
  viewOf(t).run(a64Row(name), { type: sz === HALF ? 3 : sz, rd: FIRST, rn: FIRST + 1, rm: FIRST + 2, ra: FIRST + 3 }, operands);
}; // biome-ignore format: one line

const temporary = (t: Translator): { kind: 'value'; v: V128 } => ({ kind: 'value', v: t.b.constV128(new Array(16).fill(0)) }); // biome-ignore format: one line

const FADD = 'fadd <Fd>, <Fn>, <Fm>';
const FMUL = 'fmul <Fd>, <Fn>, <Fm>';
const FNEG = 'fneg <Fd>, <Fn>';

const binary = (name: string) => (t: Translator, f: F): void =>
  step(t, name, f.sz as number, operand(f, 'd'), operand(f, 'n'), operand(f, 'm')); // biome-ignore format: one line
const unary = (name: string) => (t: Translator, f: F): void =>
  step(t, name, f.sz as number, operand(f, 'd'), operand(f, 'm')); // biome-ignore format: one line

/** VMLA, VMLS, VNMLA, VNMLS: two roundings; signs as the manual's pseudocode has them. */
const accumulate = (negateProduct: boolean, negateSum: boolean) => (t: Translator, f: F): void => {
  const sz = f.sz as number;
  const product = temporary(t);
  step(t, FMUL, sz, product, operand(f, 'n'), operand(f, 'm'));
  let p: Operand = product;
  if (negateProduct) {
    p = temporary(t);
    step(t, FNEG, sz, p, product);
  }
  let d = operand(f, 'd');
  if (negateSum) {
    d = temporary(t);
    step(t, FNEG, sz, d, operand(f, 'd'));
  }
  step(t, FADD, sz, operand(f, 'd'), d, p);
}; // biome-ignore format: one line

const fused = (name: string) => (t: Translator, f: F): void =>
  step(t, name, f.sz as number, operand(f, 'd'), operand(f, 'n'), operand(f, 'm'), operand(f, 'd')); // biome-ignore format: one line

/** Lane operations of one width. */
const floats = (t: Translator, sz: number): Floats => {
  const prefix = sz === 1 ? 'f64' : 'f32';
  const emit = (name: string, x: Value, y: Value | null = null, z: Value | null = null): Value =>
    t.b.emit(`${prefix}.${name}` as OpName, x, y, z);
  return {
    type: prefix,
    op: (name, x, y) => emit(name, x, y ?? null) as Float,
    test: (name, x, y) => emit(name, x, y) as I32,
    select: (x, y, cond) => emit('select', x, y, cond) as Float,
    get: (n) => (sz === 1 ? t.d(n) : t.s(n)),
    set: (n, v) => (sz === 1 ? t.setD(n, v as Value<'f64'>) : t.setS(n, v as Value<'f32'>)),
    const: (n) => (sz === 1 ? t.b.constF64(n) : t.b.constF32(n)),
  };
};

/** A format as helpers have it. */
const size = (f: F): number => (f.sz === HALF ? 1 : 2 + (f.sz as number));
/** wasm has no halves. */
const byHelper = (t: Translator, f: F): boolean => t.exact || f.sz === HALF;

/** VCMP, VCMPE: into FPSCR, as operands until somebody asks. */
const compare = (t: Translator, f: F, e: number, zero: boolean): void => {
  const sz = f.sz as number;
  const [d, m] = [reg(f, 'd'), zero ? 0 : reg(f, 'm')];
  if (byHelper(t, f)) {
    t.helper(vcmp, packFp({ d, m, size: size(f), e, mode: zero ? 1 : 0 }));
    return;
  }
  const wide = (n: number): Value<'f64'> => (sz === 1 ? t.d(n) : t.b.f64.promote_f32(t.s(n)));
  t.set(Sys.FP_KIND, t.imm(1));
  t.set(Sys.FP_A, wide(d));
  t.set(Sys.FP_B, zero ? t.b.constF64(0) : wide(m));
};

/** FPSCR.NZCV as 4 bits. */
const fpBits = (t: Translator): I32 => {
  const { i32, f64 } = t.b;
  const bits = t.b.get('i32', Sys.FP_BITS);
  if (t.exact) return bits;
  const [a, b] = [t.b.get('f64', Sys.FP_A), t.b.get('f64', Sys.FP_B)];
  const of = i32.select(
    t.imm(compareBits(0, 1)),
    i32.select(t.imm(6), i32.select(t.imm(2), t.imm(3), f64.gt(a, b)), f64.eq(a, b)),
    f64.lt(a, b),
  );
  return i32.select(of, bits, t.b.get('i32', Sys.FP_KIND));
};

/** VMRS: FPSCR to a register, or its NZCV to the flags. */
const vmrs = (t: Translator, rt: number): void => {
  const { i32 } = t.b;
  if (rt === PC) {
    const kind = t.b.get('i32', Sys.FP_KIND);
    if (!t.exact && kind.isConst && kind.imm === 1) {
      t.setFlags(compared(t.b.get('f64', Sys.FP_A), t.b.get('f64', Sys.FP_B)));
    } else t.setFlags(fromBits(fpBits(t)));
    return;
  }
  const modes = i32.or(t.b.get('i32', Sys.FPCR), t.b.get('i32', Sys.FPSR));
  t.setR(rt, i32.or(modes, i32.shl(fpBits(t), t.imm(28))));
};

/** VMSR: the first write asks for exact floating point; blocks translated so far are stale then. */
const fpscrWritten: number = defineHelper((c, state, aux) => {
  const put = (offset: number, v: number): void => c.view.setUint32(state + offset, v >>> 0, true);
  writeFpscr(c.view, state, readR(c, state, aux));
  if (!c.fpModeChanged(state)) return 0;
  // this very block is stale: leave and go on behind the instruction
  c.view.setBigUint64(state + State.PC, c.view.getBigUint64(state + State.PC, true) + 4n, true);
  const it = c.view.getUint32(state + Sys.IT, true);
  put(Sys.IT, advanced(it & 255) | (it & BIG_ENDIAN));
  put(State.EXIT_REASON, Exit.INVALIDATED);
  return 1;
});

/** VCVT, VCVTR, VCVTA … to an integer: `mode` as soft-float has it, 7 = FPSCR's. */
const toInteger = (t: Translator, f: F, mode: number, unsigned: number): void => {
  const d = single(f.vd as number, f.d as number);
  const m = reg(f, 'm');
  if (byHelper(t, f)) return t.helper(vcvtInteger, packFp({ d, m, size: size(f), mode, unsigned }));
  const fl = floats(t, f.sz as number);
  const v = fl.get(m);
  const rounded = mode === 3 ? v : mode === 4 ? roundAway(fl, v) : fl.op(['nearest', 'ceil', 'floor', '', '', '', '', 'nearest'][mode] as string, v); // biome-ignore format: one line
  t.setSBits(d, t.b.emit(`i32.trunc_sat_${fl.type}_${unsigned ? 'u' : 's'}` as OpName, rounded) as I32);
};
const fromInteger = (t: Translator, f: F): void => {
  const m = single(f.vm as number, f.m as number);
  const d = reg(f, 'd');
  const unsigned = f.op === 0 ? 1 : 0;
  if (byHelper(t, f)) return t.helper(vcvtFloat, packFp({ d, m, size: size(f), unsigned }));
  const fl = floats(t, f.sz as number);
  fl.set(d, t.b.emit(`${fl.type}.convert_i32_${unsigned ? 'u' : 's'}` as OpName, t.sBits(m)) as Float);
};
/** Between single and double. */
const convert = (t: Translator, f: F): void => {
  const toSingle = f.sz === 1;
  const d = toSingle ? single(f.vd as number, f.d as number) : double(f.vd as number, f.d as number);
  const m = toSingle ? double(f.vm as number, f.m as number) : single(f.vm as number, f.m as number);
  if (t.exact) return t.helper(vcvtFormat, packFp({ d, m, size: toSingle ? 3 : 2, to: toSingle ? 2 : 3 }));
  if (toSingle) t.setS(d, t.b.f32.demote_f64(t.d(m)));
  else t.setD(d, t.b.f64.promote_f32(t.s(m)));
};
/** VCVTB, VCVTT: a half in the bottom or the top of a single register. */
const convertHalf = (t: Translator, f: F, toHalf: boolean): void => {
  const wide = size(f);
  const [d, m] = toHalf ? [single(f.vd as number, f.d as number), reg(f, 'm')] : [reg(f, 'd'), single(f.vm as number, f.m as number)]; // biome-ignore format: one line
  t.helper(vcvtFormat, packFp({ d, m, size: toHalf ? wide : 1, to: toHalf ? 1 : wide, e: f.t as number }));
};
/** Fixed point in place, of 16 or 32 bits. */
const convertFixed = (t: Translator, f: F): void => {
  const bits = f.sx === 1 ? 32 : 16;
  const fraction = bits - (f.imm as number);
  if (fraction < 0) return t.undefined();
  const mode = (bits === 16 ? 1 : 0) | (f.op === 1 ? 2 : 0);
  t.helper(vcvtFixed, packFp({ d: reg(f, 'd'), size: size(f), mode, unsigned: f.u as number, fraction }));
};

const lowHalf = (t: Translator, f: F, v: I32): I32 => (f.sz === HALF ? t.b.i32.and(v, t.imm(0xffff)) : v);

const select = (t: Translator, f: F): void => {
  // EQ, VS, GE, GT
  const cond = t.cond([0, 6, 10, 12][f.cc as number] as number);
  const [d, n, m] = [reg(f, 'd'), reg(f, 'n'), reg(f, 'm')];
  if (f.sz === 1) t.setDBits(d, t.b.i64.select(t.dBits(n), t.dBits(m), cond));
  else t.setSBits(d, lowHalf(t, f, t.b.i32.select(t.sBits(n), t.sBits(m), cond)));
};

const moveImmediate = (t: Translator, f: F): void => {
  const bits = expandImmediate(f.imm8 as number, size(f));
  if (f.sz === 1) t.setDBits(reg(f, 'd'), t.b.const64(bits));
  else t.setSBits(reg(f, 'd'), lowHalf(t, f, t.imm(Number(BigInt.asIntN(32, bits)))));
};
const move = (t: Translator, f: F): void => {
  if (f.sz === 1) t.setDBits(reg(f, 'd'), t.dBits(reg(f, 'm')));
  else t.setSBits(reg(f, 'd'), t.sBits(reg(f, 'm')));
};

type Lift = (t: Translator, f: F) => void;
type Line = readonly [syntax: string, pattern: string, lift: Lift];

const V3 = 'vn:4 vd:4 101 sz:1 n:1';
const V2 = 'vd:4 101 sz:1';
const FS = '<Fd>, <Fn>, <Fm>';

/** F4.1.9 floating-point data processing: 28 bits behind the condition, which T32 has as 1110. */
const CONDITIONAL: readonly Line[] = [
  [`vmla<c>.<f> ${FS}`, `1110 0 d:1 00 ${V3} 0 m:1 0 vm:4`, accumulate(false, false)],
  [`vmls<c>.<f> ${FS}`, `1110 0 d:1 00 ${V3} 1 m:1 0 vm:4`, accumulate(true, false)],
  [`vnmls<c>.<f> ${FS}`, `1110 0 d:1 01 ${V3} 0 m:1 0 vm:4`, accumulate(false, true)],
  [`vnmla<c>.<f> ${FS}`, `1110 0 d:1 01 ${V3} 1 m:1 0 vm:4`, accumulate(true, true)],
  [`vmul<c>.<f> ${FS}`, `1110 0 d:1 10 ${V3} 0 m:1 0 vm:4`, binary(FMUL)],
  [`vnmul<c>.<f> ${FS}`, `1110 0 d:1 10 ${V3} 1 m:1 0 vm:4`, binary('fnmul <Fd>, <Fn>, <Fm>')],
  [`vadd<c>.<f> ${FS}`, `1110 0 d:1 11 ${V3} 0 m:1 0 vm:4`, binary(FADD)],
  [`vsub<c>.<f> ${FS}`, `1110 0 d:1 11 ${V3} 1 m:1 0 vm:4`, binary('fsub <Fd>, <Fn>, <Fm>')],
  [`vdiv<c>.<f> ${FS}`, `1110 1 d:1 00 ${V3} 0 m:1 0 vm:4`, binary('fdiv <Fd>, <Fn>, <Fm>')],
  [`vfnms<c>.<f> ${FS}`, `1110 1 d:1 01 ${V3} 0 m:1 0 vm:4`, fused('fnmsub <Fd>, <Fn>, <Fm>, <Fa>')],
  [`vfnma<c>.<f> ${FS}`, `1110 1 d:1 01 ${V3} 1 m:1 0 vm:4`, fused('fnmadd <Fd>, <Fn>, <Fm>, <Fa>')],
  [`vfma<c>.<f> ${FS}`, `1110 1 d:1 10 ${V3} 0 m:1 0 vm:4`, fused('fmadd <Fd>, <Fn>, <Fm>, <Fa>')],
  [`vfms<c>.<f> ${FS}`, `1110 1 d:1 10 ${V3} 1 m:1 0 vm:4`, fused('fmsub <Fd>, <Fn>, <Fm>, <Fa>')],
  ['vmov<c>.<f> <Fd>, #<fimm>', `1110 1 d:1 11 imm8:4 ${V2} 0000 imm8:4`, moveImmediate],
  ['vmov<c>.<f> <Fd>, <Fm>', `1110 1 d:1 11 0000 ${V2} 01 m:1 0 vm:4`, move],
  ['vabs<c>.<f> <Fd>, <Fm>', `1110 1 d:1 11 0000 ${V2} 11 m:1 0 vm:4`, unary('fabs <Fd>, <Fn>')],
  ['vneg<c>.<f> <Fd>, <Fm>', `1110 1 d:1 11 0001 ${V2} 01 m:1 0 vm:4`, unary(FNEG)],
  ['vsqrt<c>.<f> <Fd>, <Fm>', `1110 1 d:1 11 0001 ${V2} 11 m:1 0 vm:4`, unary('fsqrt <Fd>, <Fn>')],
  ['vcvt<bt><c>.<f>.f16 <Fd>, <Sm>', `1110 1 d:1 11 0010 ${V2} t:1 1 m:1 0 vm:4`, (t, f) => convertHalf(t, f, false)],
  ['vcvt<bt><c>.f16.<f> <Sd>, <Fm>', `1110 1 d:1 11 0011 ${V2} t:1 1 m:1 0 vm:4`, (t, f) => convertHalf(t, f, true)],
  ['vcmp{e}<c>.<f> <Fd>, <Fm>', `1110 1 d:1 11 0100 ${V2} e:1 1 m:1 0 vm:4`, (t, f) => compare(t, f, f.e as number, false)],
  ['vcmp{e}<c>.<f> <Fd>, #0.0', `1110 1 d:1 11 0101 ${V2} e:1 1 0 0 0000`, (t, f) => compare(t, f, f.e as number, true)],
  ['vrintr<c>.<f> <Fd>, <Fm>', `1110 1 d:1 11 0110 ${V2} 01 m:1 0 vm:4`, unary('frinti <Fd>, <Fn>')],
  ['vrintz<c>.<f> <Fd>, <Fm>', `1110 1 d:1 11 0110 ${V2} 11 m:1 0 vm:4`, unary('frintz <Fd>, <Fn>')],
  ['vrintx<c>.<f> <Fd>, <Fm>', `1110 1 d:1 11 0111 ${V2} 01 m:1 0 vm:4`, unary('frintx <Fd>, <Fn>')],
  ['vcvt<c>.<fo>.<f> <Od>, <Fm>', `1110 1 d:1 11 0111 ${V2} 11 m:1 0 vm:4`, convert],
  ['vcvt<c>.<f>.<su>32 <Fd>, <Sm>', `1110 1 d:1 11 1000 ${V2} op:1 1 m:1 0 vm:4`, fromInteger],
  ['vcvt<c>.<f>.<fixed> <Fd>, <Fd>, #<fbits>', `1110 1 d:1 11 1 op:1 1 u:1 ${V2} sx:1 1 imm0:1 0 imm4:4`, (t, f) => convertFixed(t, { ...f, imm: ((f.imm4 as number) << 1) | (f.imm0 as number) })],
  ['vcvt<r><c>.<su>32.<f> <Sd>, <Fm>', `1110 1 d:1 11 110 s:1 ${V2} z:1 1 m:1 0 vm:4`, (t, f) => toInteger(t, f, f.z === 1 ? 3 : 7, f.s === 1 ? 0 : 1)],
]; // biome-ignore format: one instruction per line

const ROUNDINGS = ['a', 'n', 'p', 'm'] as const;
const SOFT_MODE = [4, 0, 1, 2] as const;

/** F4.1.9 without a condition; the same bits in T32. */
const UNCONDITIONAL: readonly Line[] = [
  [`vsel<vc>.<f> ${FS}`, `1110 0 d:1 cc:2 ${V3} 0 m:1 0 vm:4`, select],
  [`vmaxnm.<f> ${FS}`, `1110 1 d:1 00 ${V3} 0 m:1 0 vm:4`, binary('fmaxnm <Fd>, <Fn>, <Fm>')],
  [`vminnm.<f> ${FS}`, `1110 1 d:1 00 ${V3} 1 m:1 0 vm:4`, binary('fminnm <Fd>, <Fn>, <Fm>')],
  ...ROUNDINGS.flatMap((letter, n): Line[] => {
    const rm = n.toString(2).padStart(2, '0');
    const mode = SOFT_MODE[n] as number;
    return [
      [`vrint${letter}.<f> <Fd>, <Fm>`, `1110 1 d:1 1110 ${rm} ${V2} 01 m:1 0 vm:4`, unary(`frint${letter} <Fd>, <Fn>`)],
      [`vcvt${letter}.<su>32.<f> <Sd>, <Fm>`, `1110 1 d:1 1111 ${rm} ${V2} op:1 1 m:1 0 vm:4`, (t, f) => toInteger(t, f, mode, f.op === 1 ? 0 : 1)],
    ]; // biome-ignore format: one instruction per line
  }),
];

const MOVES: readonly Line[] = [
  ['vmrs<c> <apsr>, fpscr', '1110 1111 0001 rt:4 1010 0001 0000', (t, f) => vmrs(t, f.rt as number)],
  ['vmsr<c> fpscr, <Rt>', '1110 1110 0001 rt:4 1010 0001 0000', (t, f) => (f.rt === PC ? t.undefined() : t.helper(fpscrWritten, f.rt as number))],
]; // biome-ignore format: one instruction per line

/** Rows that have no form of half precision: VMOV between registers, and what converts formats. */
const NOT_HALF = /^(vmov<c>\.<f> <Fd>, <Fm>|vcvt<bt>|vcvt<c>\.<fo>)/;
/** The rows of half precision (FEAT_FP16): size 01 in the place of `sz`. */
const halves = (lines: readonly Line[]): readonly Line[] =>
  lines
    .filter(([syntax]) => !NOT_HALF.test(syntax))
    .map(([syntax, pattern, lift]) => [syntax.replace('<f>', 'f16'), pattern.replace('101 sz:1', '1001'), (t, f) => lift(t, { ...f, sz: HALF })]); // biome-ignore format: one line

const upperHalf = (t: Translator, n: number): I32 => t.b.i32.shr_u(t.sBits(n), t.imm(16));
const singleOf = (f: F, name: 'd' | 'm'): number => single(f[`v${name}`] as number, f[name] as number);
const insertTop = (t: Translator, d: number, m: number): void => {
  const { i32 } = t.b;
  t.setSBits(d, i32.or(i32.and(t.sBits(d), t.imm(0xffff)), i32.shl(t.sBits(m), t.imm(16))));
};
/** Halves in the top of a register: VMOVX takes one, VINS puts one there. */
const TOPS: readonly Line[] = [
  ['vmovx.f16 <Sd>, <Sm>', '1110 1 d:1 11 0000 vd:4 1010 01 m:1 0 vm:4', (t, f) => t.setSBits(singleOf(f, 'd'), upperHalf(t, singleOf(f, 'm')))],
  ['vins.f16 <Sd>, <Sm>', '1110 1 d:1 11 0000 vd:4 1010 11 m:1 0 vm:4', (t, f) => insertTop(t, singleOf(f, 'd'), singleOf(f, 'm'))],
]; // biome-ignore format: one instruction per line

const conditional: readonly Line[] = [...CONDITIONAL, ...halves(CONDITIONAL), ...MOVES];
const unconditional: readonly Line[] = [...UNCONDITIONAL, ...halves(UNCONDITIONAL), ...TOPS];

export const a32Vfp: readonly Row<Translator>[] = conditional.map(([syntax, pattern, lift]) => a32(syntax, pattern, lift)); // biome-ignore format: one line
export const a32xVfp: readonly Row<Translator>[] = unconditional.map(([syntax, pattern, lift]) => a32x(syntax, pattern, lift)); // biome-ignore format: one line
export const t32Vfp: readonly Row<Translator>[] = [
  ...conditional.map(([syntax, pattern, lift]) => t32(syntax, `1110 ${pattern}`, lift)),
  ...unconditional.map(([syntax, pattern, lift]) => t32(syntax, `1111 ${pattern}`, lift)),
];
