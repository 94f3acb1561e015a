import { State } from '../../memory/layout.ts';
import type { Helper, HelperContext } from '../helper.ts';
import { settleFlags } from './flags.ts';

/**
 * Helpers of this guest: JavaScript called by translated code for what has no short IR form. All
 * registers are in the CPU state while one runs. A helper returns 0 to go on, or nonzero after it has
 * set State.EXIT_REASON (and FAULT_ADDR …) to leave with the pc of the instruction.
 * The number of a helper is its place in the table; rows name it by the constants here.
 */
const table: Helper[] = [];

/** Add a helper to the guest's table; returns the number for `t.helper`. */
export const defineHelper = (helper: Helper): number => table.push(helper) - 1;

export const helpers: readonly Helper[] = table;

export const materializeFlags: number = defineHelper(settleFlags);

/** u64 of a general register (x31 = zero) for helpers. */
export const readX = (c: HelperContext, state: number, n: number): bigint =>
  n === 31 ? 0n : c.view.getBigUint64(state + State.REGS + 8 * n, true);

export const writeX = (c: HelperContext, state: number, n: number, v: bigint): void => {
  if (n !== 31) c.view.setBigUint64(state + State.REGS + 8 * n, v, true);
};
