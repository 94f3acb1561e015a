import { Exit, State } from '../../memory/layout.ts';
import type { Helper, HelperContext } from '../helper.ts';

/**
 * Helpers of this guest: JavaScript called by translated code for what has no short IR form. All registers are in the
 * CPU state while one runs. A helper returns 0 to go on, or nonzero after it has set State.EXIT_REASON (and FAULT_ADDR …)
 * to leave with the pc of the instruction. The number of a helper is its place in the table.
 */
const table: Helper[] = [];

/** Add a helper to the guest's table; returns the number for `t.helper`. */
export const defineHelper = (helper: Helper): number => table.push(helper) - 1;

export const helpers: readonly Helper[] = table;

/** Leave with the Exit reason `aux`. */
export const leave: number = defineHelper((c, state, aux) => {
  c.view.setUint32(state + State.EXIT_REASON, aux, true);
  return 1;
});

/** #DE. */
export const divideError = (c: HelperContext, state: number): number => {
  c.view.setUint32(state + State.EXIT_REASON, Exit.DIVIDE, true);
  return 1;
};

/** u64 of a general register for helpers. */
export const readR = (c: HelperContext, state: number, n: number): bigint =>
  c.view.getBigUint64(state + State.REGS + 8 * n, true);
export const writeR = (c: HelperContext, state: number, n: number, v: bigint): void =>
  c.view.setBigUint64(state + State.REGS + 8 * n, v, true);
