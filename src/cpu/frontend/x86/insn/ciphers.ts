import { insn, type X86Row } from '../row.ts';
import { shaRows } from './sha.ts';
import { type Binary, binary, emit1, type I64, noVvvv, setVex128, type Unary, type V128, vex } from './vector.ts';

/** AESENC, AESDEC: the round's steps, then the key. */
const round =
  (op: Unary): Binary =>
  (t, state, key) =>
    t.b.v128.xor(op(t, state), key);

/**
 * AESKEYGENASSIST: words 1 and 3 substituted, then turned by a byte, with the round's constant. Substitution comes with
 * ShiftRows, so the bytes of a word are where that has put them.
 */
const assist: Unary = (t, v) => {
  const { b } = t;
  const s = b.i8x16.aes_enc_last(v);
  const words = b.shuffle(s, s, [4, 1, 14, 11, 1, 14, 11, 4, 12, 9, 6, 3, 9, 6, 3, 12]);
  const constant = BigInt(t.d.imm & 0xff) << 32n;
  return b.v128.xor(words, b.constV64(constant, constant));
};

/** PCLMULQDQ: bits 0 and 4 of the immediate choose the quadwords. */
const carryless: Binary = (t, x, y) => {
  const lane = (v: V128, n: number): I64 => t.b.extract('i64x2.extract_lane', v, n);
  return t.b.i64x2.clmul(lane(x, t.d.imm & 1), lane(y, (t.d.imm >> 4) & 1));
};

const single = (encoding: string, name: string, op: Unary): X86Row[] => {
  const tail = encoding.includes(' ib') ? ', imm8' : '';
  return [
    insn(encoding, `${name} xmm, xmm/m128${tail}`, (t) => t.setXmm(t.d.reg, op(t, t.xmmRm()))),
    vex(encoding, '128', `v${name} xmm, xmm/m128${tail}`, noVvvv((t) => setVex128(t, t.d.reg, op(t, t.xmmRm())))),
  ]; // biome-ignore format: one form after the other
};

/** SDM vol. 1, 12.13, 5.18: AES, PCLMULQDQ, SHA */
export const cipherRows: readonly X86Row[] = [
  ...binary('66 0F 38 DC /r', 'aesenc', round(emit1('i8x16.aes_enc'))),
  ...binary('66 0F 38 DD /r', 'aesenclast', round(emit1('i8x16.aes_enc_last'))),
  ...binary('66 0F 38 DE /r', 'aesdec', round(emit1('i8x16.aes_dec'))),
  ...binary('66 0F 38 DF /r', 'aesdeclast', round(emit1('i8x16.aes_dec_last'))),
  ...single('66 0F 38 DB /r', 'aesimc', emit1('i8x16.aes_unmix')),
  ...single('66 0F 3A DF /r ib', 'aeskeygenassist', assist),
  ...binary('66 0F 3A 44 /r ib', 'pclmulqdq', carryless),
  ...shaRows,
];
