/** AES's round steps in line, free of branches and look-ups in memory (FIPS 197), for the instructions of every guest. */
import { type NibbleTables, nibbleTables } from '../crypto/aes-nibbles.ts';
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/value.ts';

type V128 = Value<'v128'>;

const tables: (NibbleTables | undefined)[] = [];
/** Made at first use: most guests never come here. */
function tablesOf(inverted: boolean): NibbleTables {
  const index = inverted ? 1 : 0;
  tables[index] ??= nibbleTables(inverted);
  return tables[index];
}

const bytes = (b: Builder, n: number): V128 => b.constV128(new Array<number>(16).fill(n));

/** SubBytes, or its inverse. */
export function substitute(b: Builder, x: V128, inverted: boolean): V128 {
  const { v128 } = b;
  const n = tablesOf(inverted);
  const look = (table: readonly number[], at: V128): V128 => b.i8x16.swizzle(b.constV128(table), at);
  const nibbles = (v: V128): [low: V128, high: V128] => [v128.and(v, bytes(b, 15)), b.i8x16.shr_u(v, b.const32(4))];
  const [low, high] = nibbles(x);
  const [k, i] = nibbles(v128.xor(look(n.low, low), look(n.high, high)));
  const j = v128.xor(i, k);
  const kn = look(n.inverseN, k);
  const u = v128.xor(look(n.inverse, v128.xor(look(n.inverse, i), kn)), j);
  const v = v128.xor(look(n.inverse, v128.xor(look(n.inverse, j), kn)), i);
  const sum = v128.xor(look(n.u, u), look(n.v, v));
  return n.constant ? v128.xor(sum, bytes(b, n.constant)) : sum;
}

/** ShiftRows, or its inverse. Byte i is row i & 3 of column i >> 2; each row turns by its own number. */
export const shiftRows = (b: Builder, v: V128, inverted: boolean): V128 =>
  b.shuffle(
    v,
    v,
    Array.from({ length: 16 }, (_, i) => (i + (inverted ? -4 : 4) * (i & 3)) & 15),
  );

/** Every byte times x. */
function double(b: Builder, v: V128): V128 {
  const carry = b.v128.and(b.i8x16.gt_s(b.constV64(0n, 0n), v), bytes(b, 0x1b));
  return b.v128.xor(b.i8x16.add(v, v), carry);
}

/** Rows of each column turned up by `by`. */
const turn = (b: Builder, v: V128, by: number): V128 =>
  b.shuffle(
    v,
    v,
    Array.from({ length: 16 }, (_, i) => (i & 12) | ((i + by) & 3)),
  );

/** MixColumns: 2a + 3b + c + d of each column's rows from here on. */
export function mixColumns(b: Builder, v: V128): V128 {
  const { xor } = b.v128;
  const next = turn(b, v, 1);
  const sum = xor(v, next);
  return xor(xor(double(b, sum), next), turn(b, sum, 2));
}

/** Its inverse, whose polynomial is MixColumns' times 4x² + 5. */
export function unmixColumns(b: Builder, v: V128): V128 {
  const { xor } = b.v128;
  return mixColumns(b, xor(v, double(b, double(b, xor(v, turn(b, v, 2))))));
}
