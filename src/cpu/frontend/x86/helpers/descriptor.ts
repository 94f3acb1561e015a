import { defineHelper } from '../helpers.ts';
import { Sys } from '../registers.ts';
import { describe, isReadable, isWritable } from '../segments.ts';

/** LAR, LSL: access rights and limit of the selector in Sys.OPERAND take its place; 0: no such segment. */
export const describeSelector: number = defineHelper(({ view }, state) => {
  const { rights, limit } = describe(view, state, view.getUint16(state + Sys.OPERAND, true));
  view.setUint32(state + Sys.OPERAND, rights, true);
  view.setUint32(state + Sys.OPERAND + 4, limit, true);
  return 0;
});

/** VERR, VERW (`aux` 1): whether the segment may be read or written takes the selector's place in Sys.OPERAND. */
export const verifySelector: number = defineHelper(({ view }, state, aux) => {
  const found = describe(view, state, view.getUint16(state + Sys.OPERAND, true));
  view.setUint32(state + Sys.OPERAND, Number(aux === 1 ? isWritable(found) : isReadable(found)), true);
  return 0;
});
