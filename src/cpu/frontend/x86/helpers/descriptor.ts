import { defineHelper } from '../helpers.ts';
import { Sys } from '../registers.ts';
import { describe } from '../segments.ts';

/** LAR, LSL, VERR, VERW: access rights and limit of the selector in Sys.OPERAND take its place; 0: no such segment. */
export const describeSelector: number = defineHelper(({ view }, state) => {
  const { rights, limit } = describe(view, state, view.getUint16(state + Sys.OPERAND, true));
  view.setUint32(state + Sys.OPERAND, rights, true);
  view.setUint32(state + Sys.OPERAND + 4, limit, true);
  return 0;
});
