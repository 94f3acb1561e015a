import { State } from '../../../memory/layout.ts';

/** State offsets of the fields of the condition codes. */
const fields: readonly number[] = [
  ...[State.CC_OP, State.CC_A, State.CC_B, State.CC_C, State.CC_D],
  ...[State.CC_R, State.CC_FA, State.CC_FB],
];

/** Some of the fields, as bits. */
export type FlagSet = number;
export const ALL: FlagSet = (1 << fields.length) - 1;

export const isFlags = (offset: number): boolean => fields.includes(offset);
/** The set of the field at a state offset. */
export const fieldAt = (offset: number): FlagSet => 1 << fields.indexOf(offset);
/** Whether a set has the field at a state offset; registers that are none are in all. */
export const hasField = (set: FlagSet, offset: number): boolean => !isFlags(offset) || (set & fieldAt(offset)) !== 0;
