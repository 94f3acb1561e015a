/** AES round steps in line, free of branches and look-ups in memory (Arm ARM C7.2 AESE, AESD, AESMC, AESIMC; FIPS 197). */
import { type NibbleTables, nibbleTables } from '../../../crypto/aes-nibbles.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { family, lanes, shiftBy, splat, type V128 } from './simd-row.ts';

type Fields = 'rn' | 'rd';

const tables: (NibbleTables | undefined)[] = [];
/** Made at first use: most guests never come here. */
function tablesOf(inverted: boolean): NibbleTables {
  const index = inverted ? 1 : 0;
  tables[index] ??= nibbleTables(inverted);
  return tables[index];
}

function substitute(t: Translator, x: V128, n: NibbleTables): V128 {
  const { v128 } = t.b;
  const look = (table: readonly number[], at: V128): V128 => t.b.i8x16.swizzle(t.b.constV128(table), at);
  const nibbles = (v: V128): [low: V128, high: V128] => [v128.and(v, splat(t, 0, 15n)), shiftBy(t, 0, 'shr_u', v, 4)];
  const [low, high] = nibbles(x);
  const [k, i] = nibbles(v128.xor(look(n.low, low), look(n.high, high)));
  const j = v128.xor(i, k);
  const kn = look(n.inverseN, k);
  const u = v128.xor(look(n.inverse, v128.xor(look(n.inverse, i), kn)), j);
  const v = v128.xor(look(n.inverse, v128.xor(look(n.inverse, j), kn)), i);
  const sum = v128.xor(look(n.u, u), look(n.v, v));
  return n.constant ? v128.xor(sum, splat(t, 0, BigInt(n.constant))) : sum;
}

/** Byte i is row i & 3 of column i >> 2; each row turns by its own number. */
const shiftRows = (t: Translator, v: V128, step: number): V128 =>
  t.b.shuffle(
    v,
    v,
    Array.from({ length: 16 }, (_, i) => (i + step * (i & 3)) & 15),
  );

function round(t: Translator, rn: number, rd: number, inverted: boolean): void {
  const state = shiftRows(t, t.b.v128.xor(t.v(rd), t.v(rn)), inverted ? -4 : 4);
  t.setV(rd, substitute(t, state, tablesOf(inverted)));
}

/** Every byte times x. */
function double(t: Translator, v: V128): V128 {
  const carry = t.b.v128.and(t.b.i8x16.gt_s(t.zero(), v), splat(t, 0, 0x1bn));
  return t.b.v128.xor(lanes(t, 0, 'add', v, v), carry);
}

/** Rows of each column turned up by `by`. */
const turn = (t: Translator, v: V128, by: number): V128 =>
  t.b.shuffle(
    v,
    v,
    Array.from({ length: 16 }, (_, i) => (i & 12) | ((i + by) & 3)),
  );

/** 2a + 3b + c + d of each column's rows from here on. */
function mixColumns(t: Translator, v: V128): V128 {
  const { xor } = t.b.v128;
  const next = turn(t, v, 1);
  const sum = xor(v, next);
  return xor(xor(double(t, sum), next), turn(t, sum, 2));
}

/** The inverse's polynomial is MixColumns' times 4x² + 5. */
function unmixColumns(t: Translator, v: V128): V128 {
  const { xor } = t.b.v128;
  return mixColumns(t, xor(v, double(t, double(t, xor(v, turn(t, v, 2))))));
}

// biome-ignore format: one instruction per line
export const cryptoAes: readonly Row<Translator>[] = [
  family<Fields>('aese <Vd>.16B, <Vn>.16B', '01001110 00 10100 00100 10 rn:5 rd:5', (t, { rn, rd }) => round(t, rn, rd, false)),
  family<Fields>('aesd <Vd>.16B, <Vn>.16B', '01001110 00 10100 00101 10 rn:5 rd:5', (t, { rn, rd }) => round(t, rn, rd, true)),
  family<Fields>('aesmc <Vd>.16B, <Vn>.16B', '01001110 00 10100 00110 10 rn:5 rd:5', (t, { rn, rd }) => t.setV(rd, mixColumns(t, t.v(rn)))),
  family<Fields>('aesimc <Vd>.16B, <Vn>.16B', '01001110 00 10100 00111 10 rn:5 rd:5', (t, { rn, rd }) => t.setV(rd, unmixColumns(t, t.v(rn)))),
];
