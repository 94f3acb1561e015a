import type { Builder } from './builder.ts';
import { type OpInfo, type OpName, opTable } from './opcodes.ts';
import type { Value } from './value.ts';

/**
 * Constant folding and algebraic identities, applied as operations are appended.
 * Returns the value to use instead, or null. Only what front ends produce often is here.
 */
export const fold = (
  b: Builder,
  { code }: OpInfo,
  x: Value | null,
  y: Value | null,
  z: Value | null,
  imm: number,
): Value | null => {
  const rule = byCode[code];
  return rule && x ? rule(b, x, y as Value, z as Value, imm) : null;
};

type Rule = (b: Builder, x: Value, y: Value, z: Value, imm: number) => Value | null;

const isZero = (v: Value): boolean => v.isConst && v.imm === 0 && v.hi === 0;
const is = (v: Value, n: number): boolean => v.isConst && v.imm === n && v.hi === n >> 31;

const int32 =
  (f: (x: number, y: number) => number, identity?: number): Rule =>
  (b, x, y) => {
    if (x.isConst && y.isConst) return b.const32(f(x.imm, y.imm));
    return identity !== undefined && y.isConst && y.imm === identity ? x : null;
  };

const big = (v: Value): bigint => (BigInt(v.hi) << 32n) | BigInt(v.imm >>> 0);

const int64 =
  (f: (x: bigint, y: bigint) => bigint, identity?: number): Rule =>
  (b, x, y) => {
    if (x.isConst && y.isConst) return b.const64(f(big(x), big(y)));
    return identity !== undefined && is(y, identity) ? x : null;
  };

const minus64 = int64((x, y) => x - y, 0);
const minus32 = int32((x, y) => x - y, 0);

/** Addition reassociates constants, so that address arithmetic ends in one displacement. */
const add64: Rule = (b, x, y) => {
  if (isZero(y)) return x;
  if (isZero(x)) return y;
  if (x.isConst && y.isConst) return b.const64(big(x) + big(y));
  if (x.isConst) return b.i64.add(y as Value<'i64'>, x as Value<'i64'>);
  if (y.isConst && x.info.name === 'i64.add' && x.a && x.b?.isConst) {
    return b.i64.add(x.a as Value<'i64'>, b.const64(big(x.b) + big(y)));
  }
  return null;
};

const add32: Rule = (b, x, y) => {
  if (x.isConst && y.isConst) return b.const32(x.imm + y.imm);
  if (isZero(y)) return x;
  if (isZero(x)) return y;
  if (x.isConst) return b.i32.add(y as Value<'i32'>, x as Value<'i32'>);
  if (y.isConst && x.info.name === 'i32.add' && x.a && x.b?.isConst) {
    return b.i32.add(x.a as Value<'i32'>, b.const32(x.b.imm + y.imm));
  }
  return null;
};

/** What is taken off is added, so that pushes are displacements too; instructions that rows are learned from are left as they are. */
const sub64: Rule = (b, x, y, z, imm) => {
  const folded = minus64(b, x, y, z, imm);
  if (folded || !y.isConst || !b.shares) return folded;
  return b.i64.add(x as Value<'i64'>, b.const64(-big(y)));
};

const sub32: Rule = (b, x, y, z, imm) => {
  const folded = minus32(b, x, y, z, imm);
  if (folded || !y.isConst || !b.shares) return folded;
  return b.i32.add(x as Value<'i32'>, b.const32(-y.imm));
};

const and64: Rule = (b, x, y) => {
  if (x.isConst && y.isConst) return b.const64Parts(x.imm & y.imm, x.hi & y.hi);
  if (is(y, -1)) return x;
  if (isZero(y)) return y;
  // what a part of a register is written over, where nothing is beside it
  if (y.isConst && x.info.name === 'i64.extend_i32_u' && (bitsOf(x.a as Value) & y.imm) === 0) return b.const64(0);
  return null;
};

/** wrap(extend(v)) = v; wrap of a mask that keeps the low half is the wrap of its operand. */
const wrap: Rule = (b, x) => {
  if (x.isConst) return b.const32(x.imm);
  if (x.info.name === 'i64.extend_i32_u' || x.info.name === 'i64.extend_i32_s') return x.a;
  return null;
};

/** Bits of a 32-bit value that may be set; nothing is said of shifts, whose counts are left open where rows are learned from. */
const bitsOf = (v: Value, depth = 4): number => {
  if (v.isConst) return v.imm;
  const { a, b } = v;
  if (a === null || depth === 0) return -1;
  switch (v.info.name) {
    case 'i32.load8_u':
      return 0xff;
    case 'i32.load16_u':
      return 0xffff;
    case 'i32.and':
      return bitsOf(a, depth - 1) & bitsOf(b as Value, depth - 1);
    case 'i32.or':
    case 'i32.xor':
      return bitsOf(a, depth - 1) | bitsOf(b as Value, depth - 1);
    case 'i32.wrap_i64':
      return lowBitsOf(a, depth - 1);
    default:
      return isTruth(v) ? 1 : -1;
  }
};

/** The same of the lower half of a 64-bit value. */
const lowBitsOf = (v: Value, depth: number): number => {
  if (v.isConst) return v.imm;
  const { a, b } = v;
  if (a === null || depth === 0) return -1;
  switch (v.info.name) {
    case 'i64.extend_i32_u':
      return bitsOf(a, depth - 1);
    case 'i64.and':
      return lowBitsOf(a, depth - 1) & lowBitsOf(b as Value, depth - 1);
    case 'i64.or':
      return lowBitsOf(a, depth - 1) | lowBitsOf(b as Value, depth - 1);
    default:
      return -1;
  }
};

/** A mask that changes nothing, of another mask, or of a union of which it takes one part (of registers that are written in parts). */
const and32: Rule = (b, x, y) => {
  if (x.isConst && y.isConst) return b.const32(x.imm & y.imm);
  if (!y.isConst || y.imm === 0) return null;
  const mask = y.imm;
  if ((bitsOf(x) & ~mask) === 0) return x;
  if ((bitsOf(x) & mask) === 0) return b.const32(0);
  const masked = (v: Value): Value => b.i32.and(v as Value<'i32'>, y as Value<'i32'>);
  if (x.info.name === 'i32.and' && x.b?.isConst) return b.i32.and(x.a as Value<'i32'>, b.const32(x.b.imm & mask));
  if (x.info.name === 'i32.or') {
    if ((bitsOf(x.a as Value) & mask) === 0) return masked(x.b as Value);
    if ((bitsOf(x.b as Value) & mask) === 0) return masked(x.a as Value);
  }
  if (x.info.name === 'i32.wrap_i64' && x.a?.info.name === 'i64.or') {
    const half = (v: Value): Value => masked(b.i32.wrap_i64(v as Value<'i64'>));
    if ((lowBitsOf(x.a.a as Value, 4) & mask) === 0) return half(x.a.b as Value);
    if ((lowBitsOf(x.a.b as Value, 4) & mask) === 0) return half(x.a.a as Value);
  }
  return null;
};

/** Of a mask that takes nothing but what is shifted out. */
const shl32: Rule = (b, x, y) => {
  if (x.isConst && y.isConst) return b.const32(x.imm << y.imm);
  if (isZero(y)) return x;
  if (!y.isConst || x.info.name !== 'i32.and' || !x.b?.isConst) return null;
  return ~x.b.imm << y.imm === 0 ? b.i32.shl(x.a as Value<'i32'>, y as Value<'i32'>) : null;
};

const truths = /^(i32|i64|f32|f64)\.(eqz|eq|ne|[lg][te](_[su])?)$/;

/** Whether a value is 0 or 1. */
const isTruth = (v: Value | null, depth = 3): boolean => {
  if (v === null || depth === 0) return false;
  if (v.info.name === 'i32.and' || v.info.name === 'i32.or') return isTruth(v.a, depth - 1) && isTruth(v.b, depth - 1);
  return v.type === 'i32' && truths.test(v.info.name);
};

/** What was chosen by the same condition before is chosen already: instructions under conditions write registers one by one. */
const select: Rule = (b, x, y, z) => {
  if (z.isConst) return z.imm !== 0 ? x : y;
  if (x === y) return x;
  const choose = (one: Value | null, other: Value | null, cond: Value | null): Value =>
    b.emit(`${x.type}.select` as OpName, one, other, cond);
  if (z.info.name === 'i32.eqz') return choose(y, x, z.a);
  const isChosen = (v: Value): boolean => v.info.name.endsWith('.select') && v.c === z;
  if (isChosen(x)) return choose(x.a, y, z);
  if (isChosen(y)) return choose(x, y.b, z);
  if (x.type !== 'i32' || !isTruth(z)) return null;
  if (is(x, 1) && isZero(y)) return z;
  return isZero(x) && is(y, 1) ? b.i32.eqz(z as Value<'i32'>) : null;
};

/** Vector operations that make zeros of zeros, lane by lane. */
const keepsZeros =
  /^(i8x16|i16x8|i32x4|i64x2)\.(add|sub|mul|shl|shr_u|shr_s|neg|abs|min_[su]|max_[su])$|^v128\.(and|or|xor)$/;

/** Whether the upper half of a vector is known to be zero. */
const upperIsZero = (v: Value | null, depth = 6): boolean => {
  if (v === null || depth === 0) return false;
  const { name } = v.info;
  if (name === 'v128.const') return (v.lanes ?? []).slice(8).every((byte) => byte === 0);
  if (name === 'i64x2.replace_lane' || name === 'f64x2.replace_lane') {
    if (v.imm === 0) return upperIsZero(v.a, depth - 1);
    return name === 'i64x2.replace_lane' && v.b !== null && isZero(v.b);
  }
  if (name === 'i32x4.replace_lane' || name === 'f32x4.replace_lane') return v.imm < 2 && upperIsZero(v.a, depth - 1);
  if (name === 'v128.and') return upperIsZero(v.a, depth - 1) || upperIsZero(v.b, depth - 1);
  if (!keepsZeros.test(name)) return false;
  return upperIsZero(v.a, depth - 1) && (v.b === null || v.b.type !== 'v128' || upperIsZero(v.b, depth - 1));
};

/** Lanes of the same width, by shape: what they are as numbers of the other kind. */
const twins: Readonly<Record<string, readonly [twin: string, reinterpret: OpName]>> = {
  f64x2: ['i64x2', 'f64.reinterpret_i64'],
  i64x2: ['f64x2', 'i64.reinterpret_f64'],
  f32x4: ['i32x4', 'f32.reinterpret_i32'],
  i32x4: ['f32x4', 'i32.reinterpret_f32'],
};

const laneBytes = (shape: string): number => 16 / Number(shape.slice(shape.indexOf('x') + 1));

/** extract_lane of the lane just replaced, or of what another one was replaced in. */
const extract =
  (shape: 'f64x2' | 'i64x2' | 'f32x4' | 'i32x4'): Rule =>
  (b, x, _y, _z, imm) => {
    const { name } = x.info;
    if (!x.a || !name.endsWith('.replace_lane')) return null;
    const [twin, reinterpret] = twins[shape] as (typeof twins)[string];
    const replaced = name.slice(0, name.indexOf('.'));
    const [own, other] = [laneBytes(shape), laneBytes(replaced)];
    const apart = (imm + 1) * own <= x.imm * other || imm * own >= (x.imm + 1) * other;
    if (apart) return b.emit(`${shape}.extract_lane`, x.a, null, null, imm);
    if (replaced === shape) return x.b;
    return replaced === twin ? b.emit(reinterpret, x.b) : null;
  };

const rules: { [O in OpName]?: Rule } = {
  'i32.add': add32,
  'i32.sub': sub32,
  'i32.mul': int32(Math.imul, 1),
  'i32.and': and32,
  'i32.or': int32((x, y) => x | y, 0),
  'i32.xor': int32((x, y) => x ^ y, 0),
  'i32.shl': shl32,
  'i32.shr_u': int32((x, y) => x >>> y, 0),
  'i32.shr_s': int32((x, y) => x >> y, 0),
  'i32.rotr': int32((x, y) => (x >>> (y & 31)) | (x << (32 - (y & 31))), 0),
  'i32.eqz': (b, x) => (x.isConst ? b.const32(x.imm === 0 ? 1 : 0) : null),
  'i32.eq': int32((x, y) => (x === y ? 1 : 0)),
  'i32.ne': int32((x, y) => (x !== y ? 1 : 0)),
  'i64.add': add64,
  'i64.sub': sub64,
  'i64.mul': int64((x, y) => x * y, 1),
  'i64.and': and64,
  'i64.or': (b, x, y) => {
    if (x.isConst && y.isConst) return b.const64Parts(x.imm | y.imm, x.hi | y.hi);
    if (isZero(x)) return y;
    return isZero(y) ? x : null;
  },
  'i64.xor': int64((x, y) => x ^ y, 0),
  'i64.shl': int64((x, y) => x << (y & 63n), 0),
  'i64.shr_u': int64((x, y) => BigInt.asUintN(64, x) >> (y & 63n), 0),
  'i64.shr_s': int64((x, y) => BigInt.asIntN(64, x) >> (y & 63n), 0),
  'i64.rotr': int64((x, y) => {
    const u = BigInt.asUintN(64, x);
    return (u >> (y & 63n)) | (u << (64n - (y & 63n)));
  }, 0),
  'i64.eqz': (b, x) => (x.isConst ? b.const32(isZero(x) ? 1 : 0) : null),
  'i32.wrap_i64': wrap,
  'i64.extend_i32_u': (b, x) => (x.isConst ? b.const64Parts(x.imm, 0) : null),
  'i64.extend_i32_s': (b, x) => (x.isConst ? b.const64Parts(x.imm, x.imm >> 31) : null),
  'i32.select': select,
  'i64.select': select,
  'f32.select': select,
  'f64.select': select,
  'v128.select': select,
  'i32.reinterpret_f32': (_b, x) => (x.info.name === 'f32.reinterpret_i32' ? x.a : null),
  'f32.reinterpret_i32': (_b, x) => (x.info.name === 'i32.reinterpret_f32' ? x.a : null),
  'i64.reinterpret_f64': (_b, x) => (x.info.name === 'f64.reinterpret_i64' ? x.a : null),
  'f64.reinterpret_i64': (_b, x) => (x.info.name === 'i64.reinterpret_f64' ? x.a : null),
  'i64x2.replace_lane': (_b, x, y, _z, imm) => (imm === 1 && y && isZero(y) && upperIsZero(x) ? x : null),
  'f64x2.extract_lane': extract('f64x2'),
  'f32x4.extract_lane': extract('f32x4'),
  'i64x2.extract_lane': extract('i64x2'),
  'i32x4.extract_lane': extract('i32x4'),
};

/** By number of the operation. */
const byCode: readonly (Rule | null)[] = opTable.map(({ name }) => rules[name] ?? null);
