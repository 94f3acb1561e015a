/**
 * Tables that take AES's byte substitution apart into look-ups of 16 entries, which a vector shuffle does without memory
 * or branches. The idea is M. Hamburg's ("Accelerating AES with Vector Permute Instructions", CHES 2009): a byte is
 * i·t + j·t̄ over GF(16); with k = i + j and N = t·t̄ the inverse's coordinates are linear in U and V, where
 * 1/U = 1/(1/i + 1/(N·k)) + j and 1/V = 1/(1/j + 1/(N·k)) + i. An index above 15 stands for infinity and looks up 0.
 */
import { multiply } from './field.ts';

/** What a look-up of 1/0 gives: any index above 15 does. */
const INFINITY = 0x80;

export interface NibbleTables {
  /** Byte → i << 4 | k, from the byte's low and its high nibble. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** 1/c, and 1/(N·c). */
  readonly inverse: readonly number[];
  readonly inverseN: readonly number[];
  /** What U and V, given as their inverses, add to the result times `factor`. */
  u(factor: number): readonly number[];
  v(factor: number): readonly number[];
  /** Added to the result. */
  readonly constant: number;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const power = (x: number, n: number): number => range(n).reduce((product) => multiply(product, x), 1);

const rotate = (x: number, n: number): number => ((x << n) | (x >>> (8 - n))) & 0xff;
/** The matrix of FIPS 197 5.1.1 and its inverse (5.3.2). */
const affine = (x: number): number => x ^ rotate(x, 1) ^ rotate(x, 2) ^ rotate(x, 3) ^ rotate(x, 4);
const unaffine = (x: number): number => rotate(x, 1) ^ rotate(x, 3) ^ rotate(x, 6);

/** GF(16) inside GF(256) as four-bit codes that add by exclusive or. */
function subfield(): { readonly decode: readonly number[]; readonly encode: ReadonlyMap<number, number> } {
  const members = range(256).filter((x) => power(x, 16) === x);
  let decode: number[] = [0];
  for (const x of members) {
    if (decode.length < 16 && !decode.includes(x)) decode = [...decode, ...decode.map((y) => x ^ y)];
  }
  return { decode, encode: new Map(decode.map((x, code) => [x, code])) };
}

/** Tables of SubBytes, or of InvSubBytes. */
export function nibbleTables(inverted: boolean): NibbleTables {
  const { decode, encode } = subfield();
  const code = (x: number): number => encode.get(x) as number;
  const element = (c: number): number => decode[c] as number;
  const invert = (x: number): number => power(x, 254);
  const t = range(256).find((x) => (x ^ power(x, 16)) === 1) as number;
  const conjugate = power(t, 16);
  const norm = multiply(t, conjugate);
  // i and k of every byte
  const split = new Array<number>(256);
  for (let i = 0; i < 16; i++) {
    for (let j = 0; j < 16; j++) {
      split[multiply(element(i), t) ^ multiply(element(j), conjugate)] = (i << 4) | (i ^ j);
    }
  }
  const before = (x: number): number => split[inverted ? unaffine(x) : x] as number;
  const after = inverted ? (x: number): number => x : affine;
  const result = (own: number, other: number, factor: number): number[] => {
    const vector = multiply(norm, own) ^ multiply(norm ^ 1, other);
    return range(16).map((c) => multiply(factor, after(multiply(invert(element(c)), vector))));
  };
  const inverse = (factor: number): number[] =>
    range(16).map((c) => (c === 0 ? INFINITY : code(invert(multiply(factor, element(c))))));
  return {
    low: range(16).map((n) => before(inverted ? n ^ 0x63 : n)),
    high: range(16).map((n) => before(n << 4)),
    inverse: inverse(1),
    inverseN: inverse(norm),
    u: (factor) => result(t, conjugate, factor),
    v: (factor) => result(conjugate, t, factor),
    constant: inverted ? 0 : 0x63,
  };
}
