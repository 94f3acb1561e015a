import type { Expr, Native } from '../../../ir/native.ts';
import { product64Parts } from '../../carryless.ts';
import { NATIVE_OPERAND } from '../registers.ts';

/** Where PCLMULQDQ puts its operands (i64), and finds their product (v128). */
export const CARRYLESS_OPERAND = { A: NATIVE_OPERAND, B: NATIVE_OPERAND + 8, RESULT: NATIVE_OPERAND + 16 } as const;

/** Some 190 operations, of which ciphers have dozens in a row. */
export const carrylessProduct: Native = (n) => {
  const { i64 } = n;
  type I64 = Expr<'i64'>;
  const ring = {
    and: (v: I64, mask: bigint): I64 => n.let(i64.and(v, mask)),
    xor: (x: I64, y: I64): I64 => n.let(i64.xor(x, y)),
    mul: (x: I64, y: I64): I64 => n.let(i64.mul(x, y)),
    shr: (v: I64, by: number): I64 => n.let(i64.shr_u(v, by)),
    shl: (v: I64, by: number): I64 => n.let(i64.shl(v, by)),
  };
  const operand = (at: number): I64 => n.let(n.load('i64.load', n.state, at));
  product64Parts(ring, operand(CARRYLESS_OPERAND.A), operand(CARRYLESS_OPERAND.B)).forEach((part, i) => {
    n.store('i64.store', n.state, CARRYLESS_OPERAND.RESULT + 8 * i, part);
  });
};
