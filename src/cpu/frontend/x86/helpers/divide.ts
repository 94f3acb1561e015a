import type { HelperContext } from '../../helper.ts';
import { defineHelper, divideError, readR, writeR } from '../helper-table.ts';
import { RAX, RDX, Sys } from '../registers.ts';

/** RDX:RAX by the operand in the state: quotient to RAX, remainder to RDX (SDM vol. 2, DIV and IDIV). */
const divide128 = (c: HelperContext, state: number, signed: boolean): number => {
  const as = signed ? BigInt.asIntN : BigInt.asUintN;
  const divisor = as(64, c.view.getBigUint64(state + Sys.OPERAND, true));
  if (divisor === 0n) return divideError(c, state);
  const dividend = as(128, (readR(c, state, RDX) << 64n) | readR(c, state, RAX));
  const quotient = dividend / divisor;
  if (as(64, quotient) !== quotient) return divideError(c, state);
  writeR(c, state, RAX, quotient);
  writeR(c, state, RDX, dividend % divisor);
  return 0;
};
export const divideUnsigned = defineHelper((c, state) => divide128(c, state, false));
export const divideSigned = defineHelper((c, state) => divide128(c, state, true));
