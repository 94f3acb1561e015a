import { PURE_NATIVE } from '../../../ir/native.ts';
import { mixColumns, shiftRows, substitute, unmixColumns } from '../../aes.ts';
import { CARRYLESS_OPERAND, carrylessProduct } from '../natives/carryless.ts';
import { insn, type X86Row } from '../row.ts';
import { shaRows } from './sha.ts';
import { type Binary, binary, type I64, noVvvv, setVex128, type Unary, type V128, vex } from './vector.ts';

/** AESENC, AESDEC: the round's steps, then the key. */
const round =
  (inverted: boolean, last: boolean): Binary =>
  (t, state, key) => {
    const { b } = t;
    let s = substitute(b, shiftRows(b, state, inverted), inverted);
    if (!last) s = inverted ? unmixColumns(b, s) : mixColumns(b, s);
    return b.v128.xor(s, key);
  };

/** AESKEYGENASSIST: words 1 and 3 substituted, then turned by a byte, with the round's constant. */
const assist: Unary = (t, v) => {
  const { b } = t;
  const s = substitute(b, v, false);
  const words = b.shuffle(s, s, [4, 5, 6, 7, 5, 6, 7, 4, 12, 13, 14, 15, 13, 14, 15, 12]);
  const constant = BigInt(t.d.imm & 0xff) << 32n;
  return b.v128.xor(words, b.constV64(constant, constant));
};

/** PCLMULQDQ: bits 0 and 4 of the immediate choose the quadwords. */
const carryless: Binary = (t, x, y) => {
  const lane = (v: V128, n: number): I64 => t.b.extract('i64x2.extract_lane', v, n);
  t.b.pokeOperand(CARRYLESS_OPERAND.A, lane(x, t.d.imm & 1));
  t.b.pokeOperand(CARRYLESS_OPERAND.B, lane(y, (t.d.imm >> 4) & 1));
  t.native(carrylessProduct, PURE_NATIVE);
  return t.b.peek('v128', CARRYLESS_OPERAND.RESULT);
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
  ...binary('66 0F 38 DC /r', 'aesenc', round(false, false)),
  ...binary('66 0F 38 DD /r', 'aesenclast', round(false, true)),
  ...binary('66 0F 38 DE /r', 'aesdec', round(true, false)),
  ...binary('66 0F 38 DF /r', 'aesdeclast', round(true, true)),
  ...single('66 0F 38 DB /r', 'aesimc', (t, v) => unmixColumns(t.b, v)),
  ...single('66 0F 3A DF /r ib', 'aeskeygenassist', assist),
  ...binary('66 0F 3A 44 /r ib', 'pclmulqdq', carryless),
  ...shaRows,
];
