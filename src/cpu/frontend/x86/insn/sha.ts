/** SHA-1 and SHA-256 (SDM vol. 2, SHA1RNDS4 …): four words a register, the first of a message uppermost in SHA-1. */
import {
  add,
  choose,
  type Mix,
  majority,
  parity,
  pick,
  rotr,
  sigma0,
  sigma1,
  sum0,
  sum1,
  turned,
  vectorOf,
  words,
} from '../../sha.ts';
import { insn, type X86Row } from '../row.ts';
import { type Binary, type I32, zero } from './vector.ts';

const MIXES: readonly (readonly [mix: Mix, constant: number])[] = [
  [choose, 0x5a82_7999],
  [parity, 0x6ed9_eba1],
  [majority, 0x8f1b_bcdc],
  [parity, 0xca62_c1d6],
];

/** Four rounds; e is in the first word of the message already. */
const sha1Rounds: Binary = (t, state, message) => {
  const { b } = t;
  const [mix, constant] = MIXES[t.d.imm & 3] as (typeof MIXES)[number];
  let [d, c, bb, a] = words(b, state);
  let e: I32 = b.const32(0);
  for (const w of words(b, message).reverse()) {
    const next = add(b, mix(b, bb, c, d), rotr(b, a, 27), w, e, b.const32(constant | 0));
    [e, d, c, bb, a] = [d, c, rotr(b, bb, 2), a, next];
  }
  return vectorOf(b, d, c, bb, a);
};
const sha1NextE: Binary = ({ b }, x, y) => {
  const e = rotr(b, b.extract('i32x4.extract_lane', x, 3), 2);
  return b.replace('i32x4.replace_lane', y, 3, b.i32.add(b.extract('i32x4.extract_lane', y, 3), e));
};
const sha1Message1: Binary = ({ b }, x, y) => b.v128.xor(x, pick(b, x, y, [6, 7, 0, 1]));
/** The lowest word also takes the uppermost of the result. */
const sha1Message2: Binary = (t, x, y) => {
  const { b } = t;
  const once = turned(b, b.v128.xor(x, pick(b, y, zero(t), [4, 0, 1, 2])), 31);
  return b.v128.xor(once, turned(b, pick(b, once, zero(t), [3, 4, 4, 4]), 31));
};

/** Two rounds: the destination has c, d, g, h, the source a, b, e, f from the top; xmm0 the message with its constants. */
const sha256Rounds: Binary = (t, lower, upper) => {
  const { b } = t;
  let [h, g, d, c] = words(b, lower);
  let [f, e, bb, a] = words(b, upper);
  for (const w of words(b, t.xmm(0)).slice(0, 2)) {
    const first = add(b, choose(b, e, f, g), sum1(b, e), w, h);
    const next = add(b, first, majority(b, a, bb, c), sum0(b, a));
    [h, g, f, e, d, c, bb, a] = [g, f, e, add(b, d, first), c, bb, a, next];
  }
  return vectorOf(b, f, e, bb, a);
};
const sha256Message1: Binary = ({ b }, x, y) => b.i32x4.add(x, sigma0(b, pick(b, x, y, [1, 2, 3, 4])));
/** The upper two words depend on the lower two of the result. */
const sha256Message2: Binary = (t, x, y) => {
  const { b } = t;
  const low = b.i32x4.add(x, sigma1(b, pick(b, y, zero(t), [2, 3, 4, 4])));
  return b.i32x4.add(low, sigma1(b, pick(b, low, zero(t), [4, 4, 0, 1])));
};

/** Memory may lie anywhere, as AMD's processors have it; the SDM wants it aligned. */
const sha = (encoding: string, syntax: string, op: Binary): X86Row =>
  insn(encoding, syntax, (t) => t.setXmm(t.d.reg, op(t, t.xmm(t.d.reg), t.xmmRm(0))));

/** SDM vol. 1, 5.18 */
export const shaRows: readonly X86Row[] = [
  sha('NP 0F 3A CC /r ib', 'sha1rnds4 xmm, xmm/m128, imm8', sha1Rounds),
  sha('NP 0F 38 C8 /r', 'sha1nexte xmm, xmm/m128', sha1NextE),
  sha('NP 0F 38 C9 /r', 'sha1msg1 xmm, xmm/m128', sha1Message1),
  sha('NP 0F 38 CA /r', 'sha1msg2 xmm, xmm/m128', sha1Message2),
  sha('NP 0F 38 CB /r', 'sha256rnds2 xmm, xmm/m128, xmm0', sha256Rounds),
  sha('NP 0F 38 CC /r', 'sha256msg1 xmm, xmm/m128', sha256Message1),
  sha('NP 0F 38 CD /r', 'sha256msg2 xmm, xmm/m128', sha256Message2),
];
