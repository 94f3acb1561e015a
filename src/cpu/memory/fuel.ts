import { State } from './layout.ts';

/**
 * How far code may go before it has to ask (`refuel`): State.DEPTH_LIMIT. Each function that calls or loops adds its
 * frame to the depth that it is given, takes its cost off the limit, and asks when they meet. So one comparison bounds the
 * wasm stack and the time between two looks at the clock, for recursion and for loops of calls as well.
 */

/** Depths are counted in 64-byte units of stack, times this: what is below are costs. */
const DEPTH_UNIT = 4096;
const STACK_UNIT = 64;
/** Two thirds of Node's default 984 KiB of stack; the rest is for the JavaScript that translated code calls. */
const MAX_DEPTH = 10_000 * DEPTH_UNIT;
/** What V8 keeps in a frame besides locals. */
const FRAME = 128;

/** What entering a function costs: one with loops may run for longer than one without. */
export const EntryCost = { STRAIGHT: 16, LOOPS: 256 } as const;

/** Some 50 to 200 µs for usual code; a tenth of a second where 4,096 functions in a row use up the fuel of their loops. */
export const ALLOWANCE = 1 << 20;

/** What a function with so many bytes of locals adds to the depth. */
export const frameDepth = (bytes: number): number => DEPTH_UNIT * Math.ceil((FRAME + bytes) / STACK_UNIT);

/** Fill up from the depth given; false: there is no stack for that, unwind it first. */
export const refuel = (view: DataView, state: number, depth: number): boolean => {
  if (depth > MAX_DEPTH - ALLOWANCE) return false;
  view.setInt32(state + State.DEPTH_LIMIT, depth + ALLOWANCE, true);
  return true;
};
