/**
 * The exact mode without the soft-float library, where an operation can raise nothing that MXCSR has not got already: with
 * all exceptions masked, to nearest and without denormals the host's result is right, and inexact is raised once for all.
 */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import { MEMORY_OPERAND, packExact } from '../helpers/exact.ts';
import { VECTOR_OPERAND } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { type I32, type V128, zero } from './vector.ts';

/** An operation that has such a case. */
export type FastKind = 'add' | 'sub' | 'mul' | 'div' | 'sqrt' | 'min' | 'max' | 'compare';
export type FastShape = 'scalar' | 128 | 256;

/** The bits of MXCSR that must be as at first, exception masks and rounding: what is flushed to zero does not come up. */
const CONTROL = 0x7f80;
const DEFAULT = 0x1f80;
const INEXACT_BIT = 5;
/** Numbers whose lower halves of the significand are zero have an exact product. */
const PRODUCT_BITS = { f32: 0xfffn, f64: 0x7ff_ffffn } as const;
const SMALLEST = { f32: 2 ** -126, f64: 2 ** -1022 } as const;

/** Truth by lanes: a mask for vectors, 0 or 1 for scalars. */
type Truth = Value;

/** Operations on one type: scalars or vectors of them. */
export class Lanes {
  private readonly t: Translator;
  readonly lane: 'f32' | 'f64';
  readonly scalar: boolean;
  readonly type: string;

  constructor(t: Translator, double: boolean, scalar: boolean) {
    this.t = t;
    this.lane = double ? 'f64' : 'f32';
    this.scalar = scalar;
    this.type = scalar ? this.lane : double ? 'f64x2' : 'f32x4';
  }
  op(name: string, ...args: Value[]): Value {
    const [a, b] = args;
    return this.t.b.emit(`${this.type}.${name}` as OpName, a as Value, b ?? null);
  }
  constant(n: number): Value {
    const { b } = this.t;
    const scalar = this.lane === 'f64' ? b.constF64(n) : b.constF32(n);
    return this.scalar ? scalar : b.emit(`${this.type}.splat` as OpName, scalar);
  }
  and(a: Truth, b: Truth): Truth {
    return this.t.b.emit(this.scalar ? 'i32.and' : 'v128.and', a, b);
  }
  or(a: Truth, b: Truth): Truth {
    return this.t.b.emit(this.scalar ? 'i32.or' : 'v128.or', a, b);
  }
  not(a: Truth): Truth {
    return this.t.b.emit(this.scalar ? 'i32.eqz' : 'v128.not', a);
  }
  any(a: Truth): I32 {
    return (this.scalar ? a : this.t.b.emit('v128.any_true', a)) as I32;
  }
  isZero(a: Value): Truth {
    return this.op('eq', a, this.constant(0));
  }
  isNaN(a: Value): Truth {
    return this.op('ne', a, a);
  }
  isDenormal(a: Value): Truth {
    return this.and(
      this.op('lt', this.op('abs', a), this.constant(SMALLEST[this.lane])),
      this.op('ne', a, this.constant(0)),
    );
  }
  /** Infinite or no number. */
  isWild(a: Value): Truth {
    return this.not(this.op('lt', this.op('abs', a), this.constant(Number.POSITIVE_INFINITY)));
  }
  /** Zero, denormal, or what may have been rounded up to a normal number. */
  isTiny(a: Value): Truth {
    return this.not(this.op('gt', this.op('abs', a), this.constant(SMALLEST[this.lane])));
  }
  /** Bits of the operands that are looked at as integers. */
  anyBits(a: Value, bits: bigint): I32 {
    const { b } = this.t;
    const wide = this.lane === 'f64';
    if (!this.scalar) {
      const mask = wide ? (bits << 64n) | bits : [0n, 32n, 64n, 96n].reduce((m, at) => m | (bits << at), 0n);
      return b.v128.any_true(
        b.v128.and(a as V128, b.constV64(BigInt.asIntN(64, mask), BigInt.asIntN(64, mask >> 64n))),
      );
    }
    if (wide)
      return b.i64.ne(b.i64.and(b.emit('i64.reinterpret_f64', a) as Value<'i64'>, b.const64(bits)), b.const64(0));
    return b.i32.and(b.emit('i32.reinterpret_f32', a) as I32, b.const32(Number(bits)));
  }
}

/** Whether inexact cannot be raised unseen: it is raised already, all exceptions are masked and rounding is to nearest. */
export const mayRound = (t: Translator): I32 => {
  const { i32 } = t.b;
  const mxcsr = t.mxcsr();
  const raised = i32.and(i32.shr_u(mxcsr, t.imm(INEXACT_BIT)), t.imm(1));
  return i32.and(i32.eq(i32.and(mxcsr, t.imm(CONTROL)), t.imm(DEFAULT)), raised);
};

/** Lanes where the operation must be the library's, and whether its result may be inexact. */
const trouble = (x: Lanes, t: Translator, kind: FastKind, r: Value, a: Value, b: Value): [Truth, I32 | null] => {
  const denormal = kind === 'sqrt' ? x.isDenormal(b) : x.or(x.isDenormal(a), x.isDenormal(b));
  const { i32 } = t.b;
  switch (kind) {
    case 'add':
    case 'sub': {
      // what the rounding left (Knuth's TwoSum)
      const y = kind === 'sub' ? x.op('neg', b) : b;
      const part = x.op('sub', r, a);
      const rest = x.op('add', x.op('sub', a, x.op('sub', r, part)), x.op('sub', y, part));
      return [x.or(denormal, x.or(x.isDenormal(r), x.isWild(r))), x.any(x.op('ne', rest, x.constant(0)))];
    }
    case 'mul': {
      const tiny = x.and(x.isTiny(r), x.not(x.or(x.isZero(a), x.isZero(b))));
      const bits = PRODUCT_BITS[x.lane];
      return [x.or(denormal, x.or(x.isWild(r), tiny)), i32.or(x.anyBits(a, bits), x.anyBits(b, bits))];
    }
    case 'div':
      return [x.or(denormal, x.or(x.isWild(r), x.and(x.isTiny(r), x.not(x.isZero(a))))), t.imm(1)];
    case 'sqrt':
      return [x.or(denormal, x.isWild(r)), t.imm(1)];
    default:
      return [x.or(denormal, x.or(x.isNaN(a), x.isNaN(b))), null];
  }
};

/** The second source: a register, or memory that is read once. */
const source = (
  t: Translator,
  double: boolean,
  shape: FastShape,
): { low: Value; high: V128 | null; keep(): number } => {
  const { b, d } = t;
  if (d.mod === 3) {
    const low = shape === 'scalar' ? t.scalarRm(double ? 'f64' : 'f32') : t.xmm(d.rm);
    return { low, high: shape === 256 ? t.ymmHigh(d.rm) : null, keep: () => d.rm };
  }
  const at = t.ea();
  if (shape === 'scalar') {
    const bits: Value = double ? t.load('i64.load', at) : t.load('i32.load', at);
    const low = b.emit(double ? 'f64.reinterpret_i64' : 'f32.reinterpret_i32', bits);
    const keep = (): number => {
      b.set(
        VECTOR_OPERAND,
        b.replace(
          double ? 'i64x2.replace_lane' : 'i32x4.replace_lane',
          zero(t),
          0,
          bits as Value<'i64'> & Value<'i32'>,
        ),
      );
      return MEMORY_OPERAND;
    };
    return { low, high: null, keep };
  }
  const low = t.load('v128.load', at, 0, t.lowBits);
  const high = shape === 256 ? t.load('v128.load', at, 16) : null;
  const keep = (): number => {
    b.set(VECTOR_OPERAND, low);
    if (high) b.set(VECTOR_OPERAND + 16, high);
    return MEMORY_OPERAND;
  };
  return { low, high, keep };
};

/** What an operation makes of two operands of the row's type. */
export type FastOp = (t: Translator, type: string, a: Value, b: Value) => Value;

interface Fast {
  readonly kind: FastKind;
  /** The host's operation, whatever it makes of NaNs. */
  readonly op: FastOp;
  readonly helper: number;
  readonly imm: number;
}

/** dst = op(first source, second source) in the exact mode, by the host where it may be, else by the helper. */
export const fastOrExact = (
  t: Translator,
  { kind, op, helper, imm }: Fast,
  double: boolean,
  shape: FastShape,
): void => {
  const { b, d } = t;
  const { i32 } = b;
  const isVex = d.vexL !== -2;
  const first = isVex ? d.vvvv : d.reg;
  const isScalar = shape === 'scalar';
  const x = new Lanes(t, double, isScalar);
  const y = source(t, double, shape);
  const extract = (v: V128): Value => b.extract(double ? 'f64x2.extract_lane' : 'f32x4.extract_lane', v, 0) as Value;
  const a = isScalar ? extract(t.xmm(first)) : t.xmm(first);
  const r = op(t, x.type, a, y.low);
  let [bad, inexact] = trouble(x, t, kind, r, a, y.low);
  let high: V128 | null = null;
  if (y.high) {
    const aHigh = t.ymmHigh(first);
    high = op(t, x.type, aHigh, y.high) as V128;
    const [badHigh, inexactHigh] = trouble(x, t, kind, high, aHigh, y.high);
    bad = x.or(bad, badHigh);
    inexact = inexact && inexactHigh && i32.or(inexact, inexactHigh);
  }
  let slow = x.any(bad);
  const mxcsr = t.mxcsr();
  if (inexact) {
    slow = i32.or(slow, i32.ne(i32.and(mxcsr, t.imm(CONTROL)), t.imm(DEFAULT)));
    const raised = i32.and(i32.shr_u(mxcsr, t.imm(INEXACT_BIT)), t.imm(1));
    slow = i32.or(slow, i32.and(i32.ne(inexact, t.imm(0)), i32.eqz(raised)));
  }
  const keep = (v: V128, old: V128): V128 => b.emit('v128.select', old, v, slow) as V128;
  const lanes = isScalar ? (b.replace(double ? 'f64x2.replace_lane' : 'f32x4.replace_lane', t.xmm(first), 0, r as never) as V128) : (r as V128); // biome-ignore format: one line
  const oldHigh = isVex ? t.ymmHigh(d.reg) : null;
  const low = keep(lanes, t.xmm(d.reg));
  t.setXmm(d.reg, low);
  if (oldHigh) t.setYmmHigh(d.reg, keep(high ?? zero(t), oldHigh));
  b.beginWhen(slow);
  const rm = y.keep();
  t.helper(helper, packExact({ d: d.reg, a: first, b: rm, double, shape: shape === 256 ? 2 : isScalar ? 0 : 1, vex: isVex, imm })); // biome-ignore format: one line
  b.endWhen();
};
