import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Int, Size } from '../flags.ts';
import { RDI, Sys } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { enterMmx } from './mmx-state.ts';
import { type I32, type I64, low64, mm, noVvvv, setMm, setVex128, setYmm, type V128, vex, ymmHighRm, zero } from './vector.ts'; // biome-ignore format: one line

type Lift = (t: Translator) => void;

/** A whole register, as SSE or as VEX has it. */
const set = (t: Translator, n: number, v: V128): void => (t.d.vexL === -2 ? t.setXmm(n, v) : setVex128(t, n, v));
/** The first source: the destination itself, or VEX.vvvv. */
const first = (t: Translator): V128 => t.xmm(t.d.vexL === -2 ? t.d.reg : t.d.vvvv);

/** Whether memory has to be aligned, whatever the form. */
type Alignment = 'aligned' | 'unaligned';

const storeHigh = (t: Translator, mask: number): void => {
  const [low, high] = [t.xmm(t.d.reg), t.ymmHigh(t.d.reg)];
  if (t.d.mod === 3) return setYmm(t, t.d.rm, low, high);
  t.store('v128.store', t.ea(), low, 0, mask);
  t.store('v128.store', t.ea(), high, 16);
};
/** All of a register to memory or another register. */
const store = (encoding: string, name: string, alignment: Alignment): X86Row[] => {
  const [mask, mask32] = alignment === 'aligned' ? [15, 31] : [0, 0];
  return [
    insn(encoding, `${name} xmm/m128, xmm`, (t) => t.setXmmRm(t.xmm(t.d.reg), mask)),
    vex(encoding, '128', `v${name} xmm/m128, xmm`, noVvvv((t) =>
      t.d.mod === 3 ? setVex128(t, t.d.rm, t.xmm(t.d.reg)) : t.setXmmRm(t.xmm(t.d.reg), mask),
    )),
    vex(encoding, '256', `v${name} ymm/m256, ymm`, noVvvv((t) => storeHigh(t, mask32))),
  ]; // biome-ignore format: one form after the other
};
const load = (encoding: string, name: string, alignment: Alignment): X86Row[] => {
  const [mask, mask32] = alignment === 'aligned' ? [15, 31] : [0, 0];
  return [
    insn(encoding, `${name} xmm, xmm/m128`, (t) => t.setXmm(t.d.reg, t.xmmRm(mask))),
    vex(encoding, '128', `v${name} xmm, xmm/m128`, noVvvv((t) => setVex128(t, t.d.reg, t.xmmRm(mask)))),
    vex(encoding, '256', `v${name} ymm, ymm/m256`, noVvvv((t) => {
      const low = t.xmmRm(mask32);
      setYmm(t, t.d.reg, low, ymmHighRm(t));
    })),
  ]; // biome-ignore format: one form after the other
};
/** SSE's form and VEX's, with the lift they share. */
const both = (encoding: string, name: string, operands: string, lift: Lift, three = ''): X86Row[] => [
  insn(encoding, `${name} ${operands}`, lift),
  vex(encoding, '128', `v${name} ${three}${operands}`, three === '' ? noVvvv(lift) : lift),
];
const scalarBoth = (encoding: string, name: string, operands: string, lift: Lift): X86Row[] => [
  insn(encoding, `${name} ${operands}`, lift),
  // the form of three registers has VEX.vvvv, that of memory has not
  vex(encoding, 'LIG', `v${name} xmm, ${operands}`, (t) => (t.d.mod !== 3 && t.d.vvvv !== 0 ? t.undefined() : lift(t))),
];

/** A number in the lowest lane, zeros above. */
export const alone = (t: Translator, v: I32 | I64): V128 =>
  v.type === 'i64'
    ? t.b.replace('i64x2.replace_lane', zero(t), 0, v)
    : t.b.replace('i32x4.replace_lane', zero(t), 0, v);
const low32 = (t: Translator, v: V128): I32 => t.b.extract('i32x4.extract_lane', v, 0);

const generalSize = (t: Translator): Size => (t.d.w === 1 ? 8 : 4);
const fromInteger: Lift = (t) => set(t, t.d.reg, alone(t, t.rm(generalSize(t))));
const toInteger: Lift = (t) => {
  const v = t.xmm(t.d.reg);
  t.setRm((t.d.w === 1 ? low64(t, v) : low32(t, v)) as Value as Int, generalSize(t));
};
const loadQuad: Lift = (t) => set(t, t.d.reg, alone(t, t.scalarRm('i64')));
const storeQuad: Lift = (t) => {
  const v = low64(t, t.xmm(t.d.reg));
  if (t.d.mod === 3) set(t, t.d.rm, alone(t, v));
  else t.store('i64.store', t.ea(), v);
};

/** MOVSS, MOVSD: a register keeps what is above (or has it from VEX.vvvv), unless the number comes from memory. */
const lane = (size: 4 | 8): OpName => (size === 8 ? 'i64x2.replace_lane' : 'i32x4.replace_lane');
const loadScalar =
  (size: 4 | 8): Lift =>
  (t) => {
    const v = t.scalarRm(size === 8 ? 'i64' : 'i32');
    set(t, t.d.reg, t.d.mod === 3 ? t.b.replace(lane(size), first(t), 0, v) : alone(t, v));
  };
const storeScalar =
  (size: 4 | 8): Lift =>
  (t) => {
    const v = t.xmm(t.d.reg);
    const number = size === 8 ? low64(t, v) : low32(t, v);
    if (t.d.mod !== 3) return t.store(size === 8 ? 'i64.store' : 'i32.store', t.ea(), number);
    const above = t.xmm(t.d.vexL === -2 ? t.d.rm : t.d.vvvv);
    set(t, t.d.rm, t.b.replace(lane(size), above, 0, number));
  };
/** Half a register: from memory or from the other half of a register, to lane `to`. */
const loadHalf =
  (to: 0 | 1): Lift =>
  (t) => {
    const v = t.d.mod === 3 ? t.b.extract('i64x2.extract_lane', t.xmm(t.d.rm), 1 - to) : t.load('i64.load', t.ea());
    set(t, t.d.reg, t.b.replace('i64x2.replace_lane', first(t), to, v));
  };
const storeHalf =
  (from: 0 | 1): Lift =>
  (t) =>
    t.store('i64.store', t.ea(), t.b.extract('i64x2.extract_lane', t.xmm(t.d.reg), from));

const mask = (encoding: string, name: string, op: OpName, lanes: number): X86Row[] => {
  const bits = (t: Translator, v: V128): I32 => t.b.emit(op, v) as I32;
  return [
    insn(encoding, `${name} r, xmm`, (t) => t.setR(bits(t, t.xmm(t.d.rm)) as Value as Int, 4)),
    vex(encoding, '128', `v${name} r, xmm`, noVvvv((t) => t.setR(bits(t, t.xmm(t.d.rm)) as Value as Int, 4))),
    vex(encoding, '256', `v${name} r, ymm`, noVvvv((t) => {
      const high = t.b.i32.shl(bits(t, t.ymmHigh(t.d.rm)), t.imm(lanes));
      t.setR(t.b.i32.or(bits(t, t.xmm(t.d.rm)), high) as Value as Int, 4);
    })),
  ]; // biome-ignore format: one form after the other
};

/** MASKMOVDQU, MASKMOVQ: bytes whose mask has its highest bit, to where rdi points. */
const maskedStore = (t: Translator, v: V128, m: V128, size: 8 | 16): void => {
  const { b } = t;
  const at = t.linear(t.pointer(RDI));
  const chosen = b.i8x16.shr_s(m, t.imm(7));
  if (size === 8) {
    const old = alone(t, t.load('i64.load', at));
    t.store('i64.store', at, low64(t, b.v128.bitselect(v, old, chosen)));
  } else t.store('v128.store', at, b.v128.bitselect(v, t.load('v128.load', at), chosen));
};

/** What reads MMX registers alone turns the x87 to MMX as well. */
const reading =
  (lift: Lift): Lift =>
  (t) => {
    lift(t);
    enterMmx(t);
  };
const storeMm: Lift = (t) => {
  const v = low64(t, mm(t, t.d.reg));
  if (t.d.mod === 3) return setMm(t, t.d.rm, v);
  t.store('i64.store', t.ea(), v);
  enterMmx(t);
};

/** SDM vol. 1, 9.4.1, 10.4.1, 11.4.1 and 14.2: moves of vectors and their lanes */
// biome-ignore format: one instruction per line
export const vectorMoveRows: readonly X86Row[] = [
  ...load('NP 0F 28 /r', 'movaps', 'aligned'), ...store('NP 0F 29 /r', 'movaps', 'aligned'),
  ...load('66 0F 28 /r', 'movapd', 'aligned'), ...store('66 0F 29 /r', 'movapd', 'aligned'),
  ...load('NP 0F 10 /r', 'movups', 'unaligned'), ...store('NP 0F 11 /r', 'movups', 'unaligned'),
  ...load('66 0F 10 /r', 'movupd', 'unaligned'), ...store('66 0F 11 /r', 'movupd', 'unaligned'),
  ...load('66 0F 6F /r', 'movdqa', 'aligned'), ...store('66 0F 7F /r', 'movdqa', 'aligned'),
  ...load('F3 0F 6F /r', 'movdqu', 'unaligned'), ...store('F3 0F 7F /r', 'movdqu', 'unaligned'),
  ...store('NP 0F 2B /r mem', 'movntps', 'aligned'),
  ...store('66 0F 2B /r mem', 'movntpd', 'aligned'),
  ...store('66 0F E7 /r mem', 'movntdq', 'aligned'),
  ...load('F2 0F F0 /r mem', 'lddqu', 'unaligned'),
  ...load('66 0F 38 2A /r mem', 'movntdqa', 'aligned'),
  ...both('66 0F 6E /r', 'movd', 'xmm, r/m', fromInteger),
  ...both('66 0F 7E /r', 'movd', 'r/m, xmm', toInteger),
  ...both('F3 0F 7E /r', 'movq', 'xmm, xmm/m64', loadQuad),
  ...both('66 0F D6 /r', 'movq', 'xmm/m64, xmm', storeQuad),
  ...scalarBoth('F3 0F 10 /r', 'movss', 'xmm, xmm/m32', loadScalar(4)),
  ...scalarBoth('F3 0F 11 /r', 'movss', 'xmm/m32, xmm', storeScalar(4)),
  ...scalarBoth('F2 0F 10 /r', 'movsd', 'xmm, xmm/m64', loadScalar(8)),
  ...scalarBoth('F2 0F 11 /r', 'movsd', 'xmm/m64, xmm', storeScalar(8)),
  ...both('NP 0F 12 /r mem', 'movlps', 'xmm, m64', loadHalf(0), 'xmm, '),
  ...both('NP 0F 12 /r reg', 'movhlps', 'xmm, xmm', loadHalf(0), 'xmm, '),
  ...both('66 0F 12 /r mem', 'movlpd', 'xmm, m64', loadHalf(0), 'xmm, '),
  ...both('NP 0F 16 /r mem', 'movhps', 'xmm, m64', loadHalf(1), 'xmm, '),
  ...both('NP 0F 16 /r reg', 'movlhps', 'xmm, xmm', loadHalf(1), 'xmm, '),
  ...both('66 0F 16 /r mem', 'movhpd', 'xmm, m64', loadHalf(1), 'xmm, '),
  ...both('NP 0F 13 /r mem', 'movlps', 'm64, xmm', storeHalf(0)),
  ...both('66 0F 13 /r mem', 'movlpd', 'm64, xmm', storeHalf(0)),
  ...both('NP 0F 17 /r mem', 'movhps', 'm64, xmm', storeHalf(1)),
  ...both('66 0F 17 /r mem', 'movhpd', 'm64, xmm', storeHalf(1)),
  ...mask('66 0F D7 /r reg', 'pmovmskb', 'i8x16.bitmask', 16),
  ...mask('NP 0F 50 /r reg', 'movmskps', 'i32x4.bitmask', 4),
  ...mask('66 0F 50 /r reg', 'movmskpd', 'i64x2.bitmask', 2),
  ...both('66 0F F7 /r reg', 'maskmovdqu', 'xmm, xmm', (t) => maskedStore(t, t.xmm(t.d.reg), t.xmm(t.d.rm), 16)),
  // MMX
  insn('NP 0F 6E /r', 'movd mm, r/m', (t) => setMm(t, t.d.reg, t.convert(t.rm(generalSize(t)), generalSize(t), 8, false))),
  insn('NP 0F 7E /r', 'movd r/m, mm', reading((t) => t.setRm(t.convert(low64(t, mm(t, t.d.reg)) as Int, 8, generalSize(t), false), generalSize(t)))),
  insn('NP 0F 6F /r', 'movq mm, mm/m64', (t) => setMm(t, t.d.reg, t.d.mod === 3 ? low64(t, mm(t, t.d.rm)) : t.load('i64.load', t.ea()))),
  insn('NP 0F 7F /r', 'movq mm/m64, mm', storeMm),
  insn('NP 0F E7 /r mem', 'movntq m64, mm', storeMm),
  insn('F3 0F D6 /r reg', 'movq2dq xmm, mm', reading((t) => t.setXmm(t.d.reg, mm(t, t.d.rm)))),
  insn('F2 0F D6 /r reg', 'movdq2q mm, xmm', (t) => setMm(t, t.d.reg, low64(t, t.xmm(t.d.rm)))),
  insn('NP 0F D7 /r reg', 'pmovmskb r, mm', reading((t) => t.setR(t.b.emit('i8x16.bitmask', mm(t, t.d.rm)) as Value as Int, 4))),
  insn('NP 0F F7 /r reg', 'maskmovq mm, mm', reading((t) => maskedStore(t, mm(t, t.d.reg), mm(t, t.d.rm), 8))),
  insn('NP 0F 77', 'emms', (t) => {
    enterMmx(t);
    t.b.poke(Sys.FTW, t.imm(0));
  }),
];
