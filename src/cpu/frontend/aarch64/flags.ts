import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/value.ts';
import { State } from '../../memory/layout.ts';
import type { Helper } from '../helper.ts';

/**
 * Lazy NZCV: what the flags were computed from, instead of the flags. CC_OP holds the kind, CC_A, CC_B
 * and CC_C the operands. 32-bit operands are zero-extended, floating-point ones are their bits.
 */
export const Flags: {
  /** CC_A bits 3:0 = N Z C V. */
  readonly NZCV: 0;
  readonly ADD32: 1;
  readonly SUB32: 2;
  readonly LOGIC32: 3;
  readonly ADD64: 4;
  readonly SUB64: 5;
  readonly LOGIC64: 6;
  /** CC_C bit 0: flags of A + B, else NZCV = CC_C bits 4:1. */
  readonly CCMN32: 7;
  readonly CCMP32: 8;
  readonly CCMN64: 9;
  readonly CCMP64: 10;
  readonly FCMP32: 11;
  readonly FCMP64: 12;
} = {
  NZCV: 0,
  ADD32: 1,
  SUB32: 2,
  LOGIC32: 3,
  ADD64: 4,
  SUB64: 5,
  LOGIC64: 6,
  CCMN32: 7,
  CCMP32: 8,
  CCMN64: 9,
  CCMP64: 10,
  FCMP32: 11,
  FCMP64: 12,
};

/** Kinds and operands as IR values of the kind's own width. */
export interface FlagState {
  readonly kind: number;
  readonly a: Value;
  readonly b: Value;
  readonly c: Value<'i32'> | null;
}

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;

const is64 = (kind: number): boolean =>
  kind === Flags.ADD64 ||
  kind === Flags.SUB64 ||
  kind === Flags.LOGIC64 ||
  kind === Flags.CCMN64 ||
  kind === Flags.CCMP64;

/** Fields of the CPU state that a kind has beside CC_OP. */
export const flagFields = (kind: number): readonly number[] => {
  if (kind === Flags.NZCV || kind === Flags.LOGIC32 || kind === Flags.LOGIC64) return [State.CC_A];
  if (kind >= Flags.CCMN32 && kind <= Flags.CCMP64) return [State.CC_A, State.CC_B, State.CC_C];
  return [State.CC_A, State.CC_B];
};

/** The operands as kept in the CPU state, turned back into values of the kind's width. */
export const loadFlagState = (b: Builder, kind: number): FlagState => {
  const a = b.get('i64', State.CC_A);
  const y = b.get('i64', State.CC_B);
  const c = kind >= Flags.CCMN32 && kind <= Flags.CCMP64 ? b.get('i32', State.CC_C) : null;
  if (kind === Flags.FCMP64) return { kind, a: b.f64.reinterpret_i64(a), b: b.f64.reinterpret_i64(y), c };
  if (kind === Flags.FCMP32) {
    return { kind, a: b.f32.reinterpret_i32(b.i32.wrap_i64(a)), b: b.f32.reinterpret_i32(b.i32.wrap_i64(y)), c };
  }
  if (is64(kind) || kind === Flags.NZCV) return { kind, a, b: y, c };
  return { kind, a: b.i32.wrap_i64(a), b: b.i32.wrap_i64(y), c };
};

/** Write a flag state into CC_*. */
export const storeFlagState = (b: Builder, s: FlagState): void => {
  const wide = (v: Value): I64 => {
    if (v.type === 'i64') return v as I64;
    if (v.type === 'f64') return b.i64.reinterpret_f64(v as Value<'f64'>);
    if (v.type === 'f32') return b.i64.extend_i32_u(b.i32.reinterpret_f32(v as Value<'f32'>));
    return b.i64.extend_i32_u(v as I32);
  };
  b.setFlags(s.kind, wide(s.a), wide(s.b), s.c);
};

/** Arm ARM C1.2.4: the even conditions; odd ones are their negations (but for AL/NV). */
const EQ = 0;
const CS = 2;
const MI = 4;
const VS = 6;
const HI = 8;
const GE = 10;
const GT = 12;

const not = (b: Builder, v: I32): I32 => b.i32.eqz(v);

const subCond = (b: Builder, s: FlagState, cond: number): I32 => {
  const w = (is64(s.kind) ? b.i64 : b.i32) as Builder['i64'];
  const x = s.a as I64;
  const y = s.b as I64;
  const zero = (is64(s.kind) ? b.const64(0) : b.const32(0)) as I64;
  switch (cond) {
    case EQ:
      return w.eq(x, y);
    case EQ + 1:
      return w.ne(x, y);
    case CS:
      return w.ge_u(x, y);
    case CS + 1:
      return w.lt_u(x, y);
    case MI:
      return w.lt_s(w.sub(x, y), zero);
    case MI + 1:
      return w.ge_s(w.sub(x, y), zero);
    case VS:
      return w.lt_s(w.and(w.xor(x, y), w.xor(x, w.sub(x, y))), zero);
    case VS + 1:
      return w.ge_s(w.and(w.xor(x, y), w.xor(x, w.sub(x, y))), zero);
    case HI:
      return w.gt_u(x, y);
    case HI + 1:
      return w.le_u(x, y);
    case GE:
      return w.ge_s(x, y);
    case GE + 1:
      return w.lt_s(x, y);
    case GT:
      return w.gt_s(x, y);
    default:
      return w.le_s(x, y);
  }
};

const addCond = (b: Builder, s: FlagState, cond: number): I32 => {
  const w = (is64(s.kind) ? b.i64 : b.i32) as Builder['i64'];
  const x = s.a as I64;
  const y = s.b as I64;
  const zero = (is64(s.kind) ? b.const64(0) : b.const32(0)) as I64;
  const r = w.add(x, y);
  const overflow = (): I32 => w.lt_s(w.and(w.xor(x, r), w.xor(y, r)), zero);
  const negative = (): I32 => w.lt_s(r, zero);
  switch (cond) {
    case EQ:
      return w.eqz(r);
    case EQ + 1:
      return w.ne(r, zero);
    case CS:
      return w.lt_u(r, x);
    case CS + 1:
      return w.ge_u(r, x);
    case MI:
      return negative();
    case MI + 1:
      return w.ge_s(r, zero);
    case VS:
      return overflow();
    case VS + 1:
      return not(b, overflow());
    case HI:
      return b.i32.and(w.lt_u(r, x), w.ne(r, zero));
    case HI + 1:
      return b.i32.or(w.ge_u(r, x), w.eqz(r));
    case GE:
      return b.i32.eq(negative(), overflow());
    case GE + 1:
      return b.i32.ne(negative(), overflow());
    case GT:
      return b.i32.and(b.i32.eq(negative(), overflow()), w.ne(r, zero));
    default:
      return b.i32.or(b.i32.ne(negative(), overflow()), w.eqz(r));
  }
};

/** C = V = 0; A is the result. */
const logicCond = (b: Builder, s: FlagState, cond: number): I32 => {
  const w = (is64(s.kind) ? b.i64 : b.i32) as Builder['i64'];
  const x = s.a as I64;
  const zero = (is64(s.kind) ? b.const64(0) : b.const32(0)) as I64;
  switch (cond) {
    case EQ:
      return w.eqz(x);
    case EQ + 1:
      return w.ne(x, zero);
    case CS:
    case VS:
    case HI:
      return b.const32(0);
    case CS + 1:
    case VS + 1:
    case HI + 1:
      return b.const32(1);
    case MI:
    case GE + 1:
      return w.lt_s(x, zero);
    case MI + 1:
    case GE:
      return w.ge_s(x, zero);
    case GT:
      return w.gt_s(x, zero);
    default:
      return w.le_s(x, zero);
  }
};

/** FCMP: less 1000, equal 0110, greater 0010, unordered 0011. */
const floatCond = (b: Builder, s: FlagState, cond: number): I32 => {
  const f = (s.kind === Flags.FCMP64 ? b.f64 : b.f32) as Builder['f64'];
  const x = s.a as Value<'f64'>;
  const y = s.b as Value<'f64'>;
  switch (cond) {
    case EQ:
      return f.eq(x, y);
    case EQ + 1:
      return f.ne(x, y);
    case CS:
    case MI + 1:
      return not(b, f.lt(x, y));
    case CS + 1:
    case MI:
      return f.lt(x, y);
    case VS:
      return b.i32.or(f.ne(x, x), f.ne(y, y));
    case VS + 1:
      return b.i32.and(f.eq(x, x), f.eq(y, y));
    case HI:
      return not(b, f.le(x, y));
    case HI + 1:
      return f.le(x, y);
    case GE:
      return f.ge(x, y);
    case GE + 1:
      return not(b, f.ge(x, y));
    case GT:
      return f.gt(x, y);
    default:
      return not(b, f.gt(x, y));
  }
};

/** Bit n set: the condition holds for NZCV = n (Arm ARM C1.2.4). */
const condTable: readonly number[] = Array.from({ length: 16 }, (_, cond) => {
  let bits = 0;
  for (let nzcv = 0; nzcv < 16; nzcv++) if (evaluate(cond, nzcv)) bits |= 1 << nzcv;
  return bits;
});

function evaluate(cond: number, nzcv: number): boolean {
  const n = (nzcv & 8) !== 0;
  const z = (nzcv & 4) !== 0;
  const c = (nzcv & 2) !== 0;
  const v = (nzcv & 1) !== 0;
  if (cond >= 14) return true;
  const base = [z, c, n, v, c && !z, n === v, n === v && !z][cond >> 1] as boolean;
  return (cond & 1) === 1 ? !base : base;
}

const tableCond = (b: Builder, nzcv: I32, cond: number): I32 =>
  b.i32.and(b.i32.shr_u(b.const32(condTable[cond] as number), nzcv), b.const32(1));

/** An i32 that is 1 when the condition holds, else 0. */
export const condition = (b: Builder, s: FlagState, cond: number): I32 => {
  if (cond >= 14) return b.const32(1);
  switch (s.kind) {
    case Flags.ADD32:
    case Flags.ADD64:
      return addCond(b, s, cond);
    case Flags.SUB32:
    case Flags.SUB64:
      return subCond(b, s, cond);
    case Flags.LOGIC32:
    case Flags.LOGIC64:
      return logicCond(b, s, cond);
    case Flags.FCMP32:
    case Flags.FCMP64:
      return floatCond(b, s, cond);
    case Flags.NZCV:
      return tableCond(b, b.i32.and(b.i32.wrap_i64(s.a as I64), b.const32(15)), cond);
    default: {
      const c = s.c as I32;
      const sub = s.kind === Flags.CCMP32 || s.kind === Flags.CCMP64;
      const computed = sub ? subCond(b, s, cond) : addCond(b, s, cond);
      // set in this block: the flags for the other case are a constant
      if (c.info.kind === 'pure') {
        const [holds, otherwise] = c.info.name === 'i32.or' && c.b?.isConst ? [c.a as I32, c.b.imm >> 1] : [c, 0];
        const bit = ((condTable[cond] as number) >> otherwise) & 1;
        return bit === 1 ? b.i32.or(not(b, holds), computed) : b.i32.and(holds, computed);
      }
      return b.i32.select(computed, tableCond(b, b.i32.shr_u(c, b.const32(1)), cond), b.i32.and(c, b.const32(1)));
    }
  }
};

/** NZCV as 4 bits (i32). */
export const nzcv = (b: Builder, s: FlagState): I32 => {
  if (s.kind === Flags.NZCV) return b.i32.and(b.i32.wrap_i64(s.a as I64), b.const32(15));
  const bit = (cond: number, shift: number): I32 => b.i32.shl(condition(b, s, cond), b.const32(shift));
  return b.i32.or(b.i32.or(bit(MI, 3), bit(EQ, 2)), b.i32.or(bit(CS, 1), bit(VS, 0)));
};

/** NZCV (4 bits) from the CPU state, outside translated code. */
export const readNzcv = (view: DataView, state: number): number => {
  const kind = view.getUint32(state + State.CC_OP, true);
  const a = view.getBigUint64(state + State.CC_A, true);
  const y = view.getBigUint64(state + State.CC_B, true);
  const c = view.getUint32(state + State.CC_C, true);
  if (kind === Flags.NZCV) return Number(a & 15n);
  if (kind === Flags.FCMP32 || kind === Flags.FCMP64) {
    const width = kind === Flags.FCMP64;
    const p = width ? view.getFloat64(state + State.CC_A, true) : view.getFloat32(state + State.CC_A, true);
    const q = width ? view.getFloat64(state + State.CC_B, true) : view.getFloat32(state + State.CC_B, true);
    if (p < q) return 8;
    if (p === q) return 6;
    return p > q ? 2 : 3;
  }
  if (kind >= Flags.CCMN32 && kind <= Flags.CCMP64 && (c & 1) === 0) return (c >> 1) & 15;
  const bits = is64(kind) ? 64n : 32n;
  const sign = 1n << (bits - 1n);
  const mod = (1n << bits) - 1n;
  const logic = kind === Flags.LOGIC32 || kind === Flags.LOGIC64;
  const sub = kind === Flags.SUB32 || kind === Flags.SUB64 || kind === Flags.CCMP32 || kind === Flags.CCMP64;
  const r = logic ? a & mod : (sub ? a - y : a + y) & mod;
  let out = 0;
  if ((r & sign) !== 0n) out |= 8;
  if (r === 0n) out |= 4;
  if (logic) return out;
  if (sub ? a >= y : r < a) out |= 2;
  const overflow = sub ? (a ^ y) & (a ^ r) : (a ^ r) & (y ^ r);
  if ((overflow & sign) !== 0n) out |= 1;
  return out;
};

/** Set NZCV (4 bits) in the CPU state, outside translated code. */
export const writeNzcv = (view: DataView, state: number, bits: number): void => {
  view.setUint32(state + State.CC_OP, Flags.NZCV, true);
  view.setBigUint64(state + State.CC_A, BigInt(bits), true);
};

/** The helper for flags of a kind that is not known: makes NZCV of them. */
export const settleFlags: Helper = ({ view }, state) => {
  writeNzcv(view, state, readNzcv(view, state));
  return 0;
};
