import { Exit, State } from '../../memory/layout.ts';
import type { Helper, HelperContext } from '../helper.ts';
import { Sys } from './registers.ts';

/**
 * Helpers of this guest: JavaScript called by translated code for what has no short IR form. All registers are in the
 * CPU state while one runs. A helper returns 0 to go on, or nonzero after it has set State.EXIT_REASON (and FAULT_ADDR …)
 * to leave with the pc of the instruction. The number of a helper is its place in the table.
 */
const table: Helper[] = [];

/** Add a helper to the guest's table; returns the number for `t.helper`. */
export const defineHelper = (helper: Helper): number => table.push(helper) - 1;

export const helpers: readonly Helper[] = table;

/** SIGILL at the instruction. */
export const raiseUndefined: number = defineHelper((c, state) => {
  c.view.setUint32(state + State.EXIT_REASON, Exit.UNDEFINED, true);
  return 1;
});

/** SIGTRAP at the instruction. */
export const raiseBreakpoint: number = defineHelper((c, state) => {
  c.view.setUint32(state + State.EXIT_REASON, Exit.BREAKPOINT, true);
  return 1;
});

/** Leave, to go on behind an instruction of so many bytes as ITSTATE and CPSR.E say. */
export const leaveBehind: number = defineHelper((c, state, bytes) => {
  c.view.setBigUint64(state + State.PC, c.view.getBigUint64(state + State.PC, true) + BigInt(bytes), true);
  c.view.setUint32(state + State.EXIT_REASON, Exit.INVALIDATED, true);
  return 1;
});

/** Leave, to go on at Sys.TARGET. */
export const goToTarget: number = defineHelper((c, state) => {
  c.view.setBigUint64(state + State.PC, BigInt(c.view.getUint32(state + Sys.TARGET, true)), true);
  c.view.setUint32(state + State.EXIT_REASON, Exit.INVALIDATED, true);
  return 1;
});

/** u32 of a general register (r0–r14) for helpers. */
export const readR = (c: HelperContext, state: number, n: number): number =>
  c.view.getUint32(state + State.REGS + 8 * n, true);

export const writeR = (c: HelperContext, state: number, n: number, v: number): void =>
  c.view.setUint32(state + State.REGS + 8 * n, v >>> 0, true);
