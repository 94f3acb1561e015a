/** SHA-1 and SHA-256 (SDM vol. 2, SHA1RNDS4 …; FIPS 180-4): four words a register, the first of a message uppermost in SHA-1. */
import { defineHelper } from '../helpers.ts';
import { unpackExact, vectorAt } from './exact.ts';

type Words = [number, number, number, number];

/** dst = f(dst, src), words from the lowest up. */
const words = (f: (a: Words, b: Words, imm: number, xmm0: Words) => Words): number =>
  defineHelper(({ view }, state, aux) => {
    const p = unpackExact(aux);
    const read = (n: number): Words => {
      const at = vectorAt(state, n, false);
      return [0, 4, 8, 12].map((i) => view.getInt32(at + i, true)) as Words;
    };
    f(read(p.d), read(p.b), p.imm, read(0)).forEach((v, i) => {
      view.setInt32(vectorAt(state, p.d, false) + 4 * i, v, true);
    });
    return 0;
  });

const left = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
const right = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

const choose = (x: number, y: number, z: number): number => (x & y) ^ (~x & z);
const parity = (x: number, y: number, z: number): number => x ^ y ^ z;
const majority = (x: number, y: number, z: number): number => (x & y) ^ (x & z) ^ (y & z);
const ROUNDS = [choose, parity, majority, parity];
const CONSTANTS = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

/** Four rounds; e is in the first word of the message already. */
export const sha1Rounds: number = words(([d0, c0, b0, a0], w, imm) => {
  const f = ROUNDS[imm & 3] as typeof choose;
  let [a, b, c, d, e] = [a0, b0, c0, d0, 0];
  for (let i = 3; i >= 0; i--) {
    const next = (f(b, c, d) + left(a, 5) + (w[i] as number) + e + (CONSTANTS[imm & 3] as number)) | 0;
    [a, b, c, d, e] = [next, a, left(b, 30), c, d];
  }
  return [d, c, b, a];
});
export const sha1NextE: number = words((a, b) => [b[0], b[1], b[2], (b[3] + left(a[3], 30)) | 0]);
export const sha1Message1: number = words((a, b) => [a[0] ^ b[2], a[1] ^ b[3], a[2] ^ a[0], a[3] ^ a[1]]);
export const sha1Message2: number = words((a, b) => {
  const w16 = left(a[3] ^ b[2], 1);
  const w17 = left(a[2] ^ b[1], 1);
  const w18 = left(a[1] ^ b[0], 1);
  return [left(a[0] ^ w16, 1), w18, w17, w16];
});

const sum0 = (x: number): number => right(x, 2) ^ right(x, 13) ^ right(x, 22);
const sum1 = (x: number): number => right(x, 6) ^ right(x, 11) ^ right(x, 25);
const sigma0 = (x: number): number => right(x, 7) ^ right(x, 18) ^ (x >>> 3);
const sigma1 = (x: number): number => right(x, 17) ^ right(x, 19) ^ (x >>> 10);

/** Two rounds: dst has c, d, g, h, src a, b, e, f; xmm0 the message with its constants. */
export const sha256Rounds: number = words(([h0, g0, d0, c0], [f0, e0, b0, a0], _imm, wk) => {
  let [a, b, c, d, e, f, g, h] = [a0, b0, c0, d0, e0, f0, g0, h0];
  for (let i = 0; i < 2; i++) {
    const t = (choose(e, f, g) + sum1(e) + (wk[i] as number) + h) | 0;
    [a, b, c, d, e, f, g, h] = [(t + majority(a, b, c) + sum0(a)) | 0, a, b, c, (t + d) | 0, e, f, g];
  }
  return [f, e, b, a];
});
export const sha256Message1: number = words((a, b) => [
  (a[0] + sigma0(a[1])) | 0,
  (a[1] + sigma0(a[2])) | 0,
  (a[2] + sigma0(a[3])) | 0,
  (a[3] + sigma0(b[0])) | 0,
]);
export const sha256Message2: number = words((a, b) => {
  const w16 = (a[0] + sigma1(b[2])) | 0;
  const w17 = (a[1] + sigma1(b[3])) | 0;
  return [w16, w17, (a[2] + sigma1(w16)) | 0, (a[3] + sigma1(w17)) | 0];
});
