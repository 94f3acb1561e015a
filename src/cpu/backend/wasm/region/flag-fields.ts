import { State } from '../../../memory/layout.ts';

/** State offsets of the fields of the condition codes. */
const fields: readonly number[] = [
  ...[State.CC_OP, State.CC_A, State.CC_B, State.CC_C, State.CC_D],
  ...[State.CC_R, State.CC_FA, State.CC_FB],
];

export const isFlags = (offset: number): boolean => fields.includes(offset);
