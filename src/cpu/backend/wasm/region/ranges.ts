import type { Value } from '../../../ir/value.ts';

/** What is known of an address: its bytes [min, max) from a value were found plain, for reading or for both. */
export interface Span {
  readonly min: number;
  readonly max: number;
}

/** The bits of a value that are in the mask, which is one below a power of two, up to 31. */
export interface LowBits {
  readonly mask: number;
  readonly rest: number;
}

/** What is known of a value that is, or leads to, an address. */
export interface Fact {
  readonly low: LowBits;
  readonly read: Span;
  readonly write: Span;
  /** How far the value is at most from an address that was found plain; Infinity when nothing is known. */
  readonly near: number;
}

export const NO_SPAN: Span = { min: 0, max: 0 };
export const NO_BITS: LowBits = { mask: 0, rest: 0 };
export const NOTHING: Fact = { low: NO_BITS, read: NO_SPAN, write: NO_SPAN, near: Number.POSITIVE_INFINITY };
/**
 * A 64-bit address this far from a plain one needs no test of its upper half: the lowest 64 KiB and the
 * highest 64 MiB of 4 GiB are never plain, so that its low half is the page of another address only where
 * that is not plain either.
 */
export const MAX_DRIFT = 1 << 22;

const isEmpty = (s: Span): boolean => s.max <= s.min;
const meetSpan = (x: Span, y: Span): Span => {
  const min = Math.max(x.min, y.min);
  const max = Math.min(x.max, y.max);
  return max <= min ? NO_SPAN : { min, max };
};
const moveSpan = (s: Span, by: number): Span => (isEmpty(s) ? s : { min: s.min + by, max: s.max + by });

/** The span with another one: both where they touch, else the newer. */
export const joinSpan = (old: Span, fresh: Span): Span => {
  if (isEmpty(old) || fresh.min > old.max || fresh.max < old.min) return fresh;
  return { min: Math.min(old.min, fresh.min), max: Math.max(old.max, fresh.max) };
};

/** Distances in few steps, so that a loop that adds a little each turn settles soon. */
const coarse = (near: number): number => {
  if (near <= 0) return 0;
  const up = 2 ** Math.ceil(Math.log2(Math.max(near, 256)));
  return up > MAX_DRIFT ? Number.POSITIVE_INFINITY : up;
};

const meetLow = (x: LowBits, y: LowBits): LowBits => {
  for (let mask = x.mask & y.mask; mask > 0; mask >>= 1) {
    if (((x.rest ^ y.rest) & mask) === 0) return { mask, rest: x.rest & mask };
  }
  return NO_BITS;
};

const addLow = (x: LowBits, y: LowBits): LowBits => {
  const mask = x.mask & y.mask;
  return { mask, rest: (x.rest + y.rest) & mask };
};

/** Whether the bits of the mask are known to be 0 behind the addition of `by`. */
export const isMultiple = ({ mask, rest }: LowBits, by: number, wanted: number): boolean =>
  (mask & wanted) === wanted && ((rest + by) & wanted) === 0;

const zeros = (count: number): LowBits => ({ mask: count >= 5 ? 31 : (1 << count) - 1, rest: 0 });

/** The low bits of a value, as far as operations with constants tell, and what is known of registers. */
export const lowBitsOf = (v: Value, known: (root: Value) => LowBits, depth: number = DEPTH): LowBits => {
  if (v.isConst) return { mask: 31, rest: v.imm & 31 };
  const own = known(v);
  if (own.mask !== 0 || depth === 0) return own;
  const [root, by] = split(v);
  if (root !== v) return addLow(lowBitsOf(root, known, depth - 1), { mask: 31, rest: by & 31 });
  const { a, b } = v;
  const of = (x: Value | null): LowBits => (x ? lowBitsOf(x, known, depth - 1) : NO_BITS);
  switch (v.info.name) {
    case 'i32.add':
    case 'i64.add':
      return addLow(of(a), of(b));
    case 'i32.wrap_i64':
    case 'i64.extend_i32_u':
    case 'i64.extend_i32_s':
      return of(a);
    case 'i32.and':
    case 'i64.and':
      return b?.isConst ? zeros(b.imm === 0 ? 31 : Math.clz32(b.imm & -b.imm) ^ 31) : NO_BITS;
    case 'i32.shl':
    case 'i64.shl':
      return b?.isConst && b.imm > 0 && b.imm < 32 ? zeros(b.imm) : NO_BITS;
    default:
      return NO_BITS;
  }
};

/** What holds on both ways into a block. */
export const meet = (x: Fact, y: Fact): Fact => ({
  low: meetLow(x.low, y.low),
  read: meetSpan(x.read, y.read),
  write: meetSpan(x.write, y.write),
  near: coarse(Math.max(x.near, y.near)),
});

export const sameFact = (x: Fact, y: Fact): boolean =>
  x.low.mask === y.low.mask &&
  x.low.rest === y.low.rest &&
  x.near === y.near &&
  x.read.min === y.read.min &&
  x.read.max === y.read.max &&
  x.write.min === y.write.min &&
  x.write.max === y.write.max;

/** The fact of value + by, given that of value. */
export const moved = (f: Fact, by: number): Fact => ({
  low: { mask: f.low.mask, rest: (f.low.rest + by) & f.low.mask },
  read: moveSpan(f.read, -by),
  write: moveSpan(f.write, -by),
  near: coarse(f.near + Math.abs(by)),
});

const covers = (s: Span, min: number, max: number): boolean => s.min <= min && max <= s.max;

/** Whether bytes [min, max) need no check. A writable page is readable. */
export const isCovered = (f: Fact, min: number, max: number, write: boolean): boolean =>
  covers(f.write, min, max) || (!write && covers(f.read, min, max));

const DEPTH = 5;
const MASK32 = 0xffff_ffff;

/** Upper bound of a value taken as unsigned. */
export const maxOf = (v: Value | null, depth: number = DEPTH): number => {
  if (v === null || depth === 0) return Number.POSITIVE_INFINITY;
  const all = v.type === 'i32' ? MASK32 : Number.POSITIVE_INFINITY;
  if (v.isConst) return v.type === 'i32' || v.hi === 0 ? v.imm >>> 0 : all;
  const { name } = v.info;
  if (!name.startsWith('i')) return all;
  const a = (): number => maxOf(v.a, depth - 1);
  switch (name.slice(4)) {
    case 'extend_i32_u':
      return a();
    case 'wrap_i64':
      return Math.min(a(), MASK32);
    case 'and':
      return Math.min(a(), maxOf(v.b, depth - 1), all);
    case 'load8_u':
      return 0xff;
    case 'load16_u':
      return 0xffff;
    case 'load32_u':
      return MASK32;
    case 'shl': {
      const up = v.b?.isConst ? a() * 2 ** (v.b.imm & 63) : all;
      return Math.min(up, all);
    }
    case 'shr_u':
      return v.b?.isConst ? Math.min(a(), v.type === 'i32' ? MASK32 : 2 ** 64) / 2 ** (v.b.imm & (v.type === 'i32' ? 31 : 63)) : a(); // biome-ignore format: one line
    case 'add': {
      const sum = a() + maxOf(v.b, depth - 1);
      return Math.min(sum, all);
    }
    case 'eqz':
    case 'eq':
    case 'ne':
      return 1;
    default:
      return all;
  }
};

/** What an operation adds to its first operand, if that is a constant: one taken off is one added. */
const addend = ({ info: { name }, a, b, type }: Value): number => {
  if (!a || !b?.isConst || (type === 'i64' && b.hi !== b.imm >> 31)) return Number.NaN;
  if (name === 'i64.add' || name === 'i32.add') return b.imm;
  return name === 'i64.sub' || name === 'i32.sub' ? -b.imm : Number.NaN;
};

/** Value and the constant added to it, of so much `most`. */
export const split = (v: Value, most: number = MAX_DRIFT): readonly [Value, number] => {
  let root = v;
  let by = 0;
  for (let more = addend(v); Math.abs(by + more) <= most; more = addend(root)) {
    by += more;
    root = root.a as Value;
  }
  return [root, by];
};

/** Largest index of a table that is checked as a whole, in bytes. */
export const MAX_INDEX = 2048;

/** What a sum may be taken for: a pointer, and the highest value of an index added to it. */
export const indexed = (sum: Value): readonly (readonly [pointer: Value, last: number])[] => {
  const { a, b } = sum;
  if ((sum.info.name !== 'i64.add' && sum.info.name !== 'i32.add') || !a || !b) return [];
  return [
    [a, maxOf(b)],
    [b, maxOf(a)],
  ];
};
