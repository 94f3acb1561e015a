import type { Builder } from '../../ir/builder.ts';
import type { OpName } from '../../ir/opcodes.ts';
import type { Value } from '../../ir/value.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;
type V128 = Value<'v128'>;

/** The bytes of a word in reverse (REV). */
export const reverse = (b: Builder, v: I32): I32 => {
  const { i32 } = b;
  const odd = i32.and(i32.rotl(v, b.const32(8)), b.const32(0x00ff00ff));
  return i32.or(odd, i32.and(i32.rotr(v, b.const32(8)), b.const32(0xff00ff00)));
};
/** Those of each half (REV16). */
export const reverse16 = (b: Builder, v: I32): I32 => {
  const { i32 } = b;
  const up = i32.and(i32.shl(v, b.const32(8)), b.const32(0xff00ff00));
  return i32.or(up, i32.and(i32.shr_u(v, b.const32(8)), b.const32(0x00ff00ff)));
};
const reverseLanes = (b: Builder, v: V128, element: number): V128 => {
  const lanes = Array.from({ length: 16 }, (_, i) => i ^ ((1 << element) - 1));
  return b.shuffle(v, v, lanes);
};
const reverse64 = (b: Builder, v: I64, element: number): I64 => {
  const both = reverseLanes(b, b.emit('i64x2.splat', v) as V128, element);
  return b.extract('i64x2.extract_lane', both, 0) as I64;
};

/** log2 of the bytes that an access of the IR turns around as one, unless it says otherwise. */
export const elementOf = (size: number): number => Math.log2(size);

/** A value of big-endian memory, or for it: the bytes of each element (log2 of its bytes) in reverse. Bytes stay. */
export const turned = (b: Builder, v: Value, size: number, element: number): Value => {
  if (element === 0) return v;
  switch (v.type) {
    case 'i32':
      return size === 2 ? reverse16(b, v as I32) : reverse(b, v as I32);
    case 'i64':
      return reverse64(b, v as I64, element);
    case 'f32':
      return b.emit('f32.reinterpret_i32', reverse(b, b.emit('i32.reinterpret_f32', v) as I32));
    case 'f64':
      return b.emit('f64.reinterpret_i64', reverse64(b, b.emit('i64.reinterpret_f64', v) as I64, element));
    default:
      return reverseLanes(b, v as V128, element);
  }
};

/** A load of a signed half is one of an unsigned half, turned around and extended. */
export const unsignedOf = (name: OpName): OpName => (name === 'i32.load16_s' ? 'i32.load16_u' : name);
