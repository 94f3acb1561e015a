/**
 * AES's rounds, free of branches and of look-ups in memory, and carry-less products. In regions the former stand in line,
 * where several blocks of a cipher go side by side; a product is a function.
 */
import { type NibbleTables, nibbleTables } from '../../crypto/aes-nibbles.ts';
import { product64Parts } from '../../crypto/carryless.ts';
import type { OpName } from '../../ir/opcodes.ts';
import type { Scratch } from './arm-nan.ts';
import { Code } from './encoder.ts';

const known: (NibbleTables | undefined)[] = [];
/** Made at first use: most guests never come here. */
const tablesOf = (inverted: boolean): NibbleTables => (known[inverted ? 1 : 0] ??= nibbleTables(inverted));

const lanes = (f: (i: number) => number): number[] => Array.from({ length: 16 }, (_, i) => f(i));
/** Byte i is row i & 3 of column i >> 2: row `by` further down. */
const down = (i: number, by: number): number => (i & 12) | ((i + by) & 3);
/** ShiftRows, or its inverse: each row turns by its own number. */
const shifted = (i: number, inverted: boolean): number => (i + (inverted ? -4 : 4) * (i & 3)) & 15;

/** Of each operation: whether it is an inverse, and the polynomial of its MixColumns (FIPS 197 5.1.3, 5.3.3). */
const rounds: { readonly [O in OpName]?: { readonly inverted: boolean; readonly factors: readonly number[] } } = {
  'i8x16.aes_enc': { inverted: false, factors: [2, 3, 1, 1] },
  'i8x16.aes_enc_last': { inverted: false, factors: [1] },
  'i8x16.aes_dec': { inverted: true, factors: [14, 11, 13, 9] },
  'i8x16.aes_dec_last': { inverted: true, factors: [1] },
};

/** If it is one of AES's: expand it, its operand being on the stack. */
export const emitAes = (c: Code, name: OpName, scratch: Scratch): boolean => {
  const round = rounds[name];
  if (round) emitRound(c, tablesOf(round.inverted), round.inverted, round.factors, scratch);
  else if (name === 'i8x16.aes_mix') emitMix(c, scratch);
  else if (name === 'i8x16.aes_unmix') emitUnmix(c, scratch);
  else return false;
  return true;
};

const bytes = (c: Code, n: number): void => c.v128(lanes(() => n));

/** See NibbleTables. The results of substitution are looked up times each of the polynomial's factors, and moved to their rows. */
const emitRound = (c: Code, t: NibbleTables, inverted: boolean, factors: readonly number[], scratch: Scratch): void => {
  const local = (n: number): number => scratch(n, 'v128');
  const [x, k, i, j, kn] = [0, 1, 2, 3, 4].map(local) as [number, number, number, number, number];
  const xor = (): void => c.op('v128.xor');
  const look = (table: readonly number[], index: () => void): void => {
    c.v128(table);
    index();
    c.op('i8x16.relaxed_swizzle');
  };
  const low = (): void => {
    c.get(x);
    bytes(c, 15);
    c.op('v128.and');
  };
  const high = (): void => {
    c.get(x);
    c.i32(4);
    c.op('i64x2.shr_u');
    bytes(c, 15);
    c.op('v128.and');
  };
  c.set(x);
  look(t.low, low);
  look(t.high, high);
  xor();
  c.set(x);
  low();
  c.set(k);
  high();
  c.tee(i);
  c.get(k);
  xor();
  c.set(j);
  look(t.inverseN, () => c.get(k));
  c.set(kn);
  // 1/U and 1/V
  const coordinate = (own: number, other: number): void => {
    look(t.inverse, () => {
      look(t.inverse, () => c.get(own));
      c.get(kn);
      xor();
    });
    c.get(other);
    xor();
  };
  coordinate(i, j);
  c.set(x);
  coordinate(j, i);
  const [u, v] = [x, k];
  c.set(v);
  const products = new Map([...new Set(factors)].map((factor, n) => [factor, local(5 + n)]));
  for (const [factor, product] of products) {
    look(t.u(factor), () => c.get(u));
    look(t.v(factor), () => c.get(v));
    xor();
    c.set(product);
  }
  for (const [row, factor] of factors.entries()) {
    c.get(products.get(factor) as number);
    c.v128(lanes((n) => shifted(down(n, row), inverted)));
    c.op('i8x16.relaxed_swizzle');
    if (row > 0) xor();
  }
  // MixColumns changes nothing where all bytes of a column are the same
  if (t.constant === 0) return;
  bytes(c, t.constant);
  xor();
};

/** Rows of each column turned up by `by`. */
const turn = (c: Code, local: number, by: number): void => {
  c.get(local);
  c.v128(lanes((i) => down(i, by)));
  c.op('i8x16.relaxed_swizzle');
};

/** Every byte times x. */
const double = (c: Code, local: number): void => {
  bytes(c, 0);
  c.get(local);
  c.op('i8x16.gt_s');
  bytes(c, 0x1b);
  c.op('v128.and');
  c.get(local);
  c.get(local);
  c.op('i8x16.add');
  c.op('v128.xor');
};

/** MixColumns: 2a + 3b + c + d of each column's rows from here on. */
const emitMix = (c: Code, scratch: Scratch): void => {
  const [v, next] = [scratch(0, 'v128'), scratch(1, 'v128')];
  c.set(v);
  turn(c, v, 1);
  c.tee(next);
  c.get(v);
  c.op('v128.xor');
  c.set(v);
  double(c, v);
  c.get(next);
  c.op('v128.xor');
  turn(c, v, 2);
  c.op('v128.xor');
};

/** Its inverse, whose polynomial is MixColumns' times 4x² + 5. */
const emitUnmix = (c: Code, scratch: Scratch): void => {
  const [v, twice] = [scratch(0, 'v128'), scratch(1, 'v128')];
  c.tee(v);
  c.get(v);
  turn(c, v, 2);
  c.op('v128.xor');
  c.set(twice);
  for (let i = 0; i < 2; i++) {
    double(c, twice);
    c.set(twice);
  }
  c.get(twice);
  c.op('v128.xor');
  emitMix(c, scratch);
};

/** (i64, i64) → v128: some 190 operations, of which ciphers have dozens in a row. */
export const clmulFunction = (): Code => {
  const c = new Code(2);
  const keep = (): number => {
    const local = c.local('i64');
    c.set(local);
    return local;
  };
  const immediate = (n: bigint): void => c.i64(Number(BigInt.asIntN(32, n)), Number(BigInt.asIntN(32, n >> 32n)));
  const binary =
    (name: OpName) =>
    (a: number, b: number): number => {
      c.get(a);
      c.get(b);
      c.op(name);
      return keep();
    };
  const withConstant =
    (name: OpName) =>
    (a: number, n: bigint | number): number => {
      c.get(a);
      immediate(BigInt(n));
      c.op(name);
      return keep();
    };
  const ring = {
    and: withConstant('i64.and'),
    shl: withConstant('i64.shl'),
    shr: withConstant('i64.shr_u'),
    xor: binary('i64.xor'),
    mul: binary('i64.mul'),
  };
  const [low, high] = product64Parts(ring, 0, 1);
  c.get(low);
  c.op('i64x2.splat');
  c.get(high);
  c.lane('i64x2.replace_lane', 1);
  return c;
};
