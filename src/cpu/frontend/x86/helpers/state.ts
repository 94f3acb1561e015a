/** FXSAVE, FXRSTOR, XSAVE, XSAVEC, XRSTOR, LDMXCSR (SDM vol. 1, 10.5, 13.7, 13.8, 13.10): the address is in Sys.OPERAND. */
import { Exit, State } from '../../../memory/layout.ts';
import type { HelperContext } from '../../helper.ts';
import {
  AVX,
  FXSAVE_SIZE,
  initialise,
  inUse,
  MXCSR_DEFAULT,
  MXCSR_MASK,
  restoreFx,
  restoreRegisters,
  SSE,
  saveCompacted,
  saveFx,
  X87,
  XSAVE_SIZE,
} from '../fpstate.ts';
import { defineHelper, readR } from '../helper-table.ts';
import { xcr0 } from '../identification.ts';
import { RAX, Sys } from '../registers.ts';

const HEADER = FXSAVE_SIZE;
/** XSTATE_BV and XCOMP_BV, two words each. */
type Header = [held: number, heldHigh: number, saved: number, form: number];

/** The second argument: bytes of the instruction, mode, processor. */
export const packState = (length: number, is64: boolean, processor = 0): number =>
  length | ((is64 ? 1 : 0) << 4) | (processor << 5);
const modeOf = (aux: number): 64 | 32 => ((aux >>> 4) & 1 ? 64 : 32);

/** The wasm offset of the operand, or −1 with the exit set: a fault, or #GP where it is not aligned. */
const operand = (c: HelperContext, state: number, size: number, write: boolean, alignment: number): number => {
  const address = c.view.getBigUint64(state + Sys.OPERAND, true);
  if (address % BigInt(alignment) === 0n) return c.access(state, address, size, write);
  protection(c, state);
  return -1;
};
const protection = (c: HelperContext, state: number): number => {
  c.view.setUint32(state + State.EXIT_REASON, Exit.PROTECTION, true);
  return 1;
};

/** MXCSR has another value: exact floating point is due, and code translated so far is stale, this block's too. */
const modeChanged = (c: HelperContext, state: number, aux: number): number => {
  if (!c.fpModeChanged(state)) return 0;
  const { view } = c;
  view.setBigUint64(state + State.PC, view.getBigUint64(state + State.PC, true) + BigInt(aux & 15), true);
  view.setUint32(state + State.EXIT_REASON, Exit.INVALIDATED, true);
  return 1;
};

/** Any LDMXCSR asks for exact floating point: one that changes nothing may clear flags that the fast mode did not keep. */
export const loadMxcsr: number = defineHelper((c, state, aux) => {
  const value = c.view.getUint32(state + Sys.OPERAND, true);
  if ((value & ~MXCSR_MASK) !== 0) return protection(c, state);
  c.view.setUint32(state + Sys.MXCSR, value, true);
  return modeChanged(c, state, aux);
});

export const fxsave: number = defineHelper((c, state, aux) => {
  const at = operand(c, state, FXSAVE_SIZE, true, 16);
  if (at < 0) return 1;
  saveFx(c.view, state, at, modeOf(aux));
  return 0;
});

export const fxrstor: number = defineHelper((c, state, aux) => {
  const at = operand(c, state, FXSAVE_SIZE, false, 16);
  if (at < 0) return 1;
  const before = c.view.getUint32(state + Sys.MXCSR, true);
  if (!restoreFx(c.view, state, at, modeOf(aux))) return protection(c, state);
  return c.view.getUint32(state + Sys.MXCSR, true) === before ? 0 : modeChanged(c, state, aux);
});

const requested = (c: HelperContext, state: number, aux: number): number =>
  Number(readR(c, state, RAX) & 0xffn) & xcr0(aux >>> 5);

export const xsave: number = defineHelper((c, state, aux) => {
  const components = requested(c, state, aux);
  const at = operand(c, state, XSAVE_SIZE, true, 64);
  if (at < 0) return 1;
  saveFx(c.view, state, at, modeOf(aux), components);
  const known = c.view.getUint32(at + HEADER, true);
  c.view.setUint32(at + HEADER, (known & ~components) | components, true);
  return 0;
});

/** Bit 63 of XCOMP_BV, in its upper word: the area has the compacted form. */
const COMPACTED = 0x8000_0000;

/** XSAVEC: of what is asked for, what is not in its initial state. AVX, the last component, lies where XSAVE has it. */
export const xsavec: number = defineHelper((c, state, aux) => {
  const components = requested(c, state, aux);
  const at = operand(c, state, XSAVE_SIZE, true, 64);
  if (at < 0) return 1;
  const { view } = c;
  const mode = modeOf(aux);
  const control = view.getUint32(state + Sys.MXCSR, true) === MXCSR_DEFAULT ? 0 : SSE;
  const held = components & (inUse(view, state, mode) | control);
  saveCompacted(view, state, at, mode, held);
  for (const [i, word] of [held, 0, components, COMPACTED].entries()) view.setUint32(at + HEADER + 4 * i, word, true);
  return 0;
});

export const xrstor: number = defineHelper((c, state, aux) => {
  const components = requested(c, state, aux);
  const at = operand(c, state, XSAVE_SIZE, false, 64);
  if (at < 0) return 1;
  const { view } = c;
  const [held, heldHigh, saved, form] = [0, 4, 8, 12].map((by) => view.getUint32(at + HEADER + by, true)) as Header;
  const compacted = form === COMPACTED;
  const allowed = compacted ? saved : X87 | SSE | AVX;
  if ((!compacted && (form | saved) !== 0) || heldHigh !== 0 || (held & ~allowed) !== 0) return protection(c, state);
  if ((saved & ~xcr0(aux >>> 5)) !== 0) return protection(c, state);
  const before = view.getUint32(state + Sys.MXCSR, true);
  let mxcsr = before;
  if (compacted && components & SSE) mxcsr = held & SSE ? view.getUint32(at + 24, true) : MXCSR_DEFAULT;
  else if (!compacted && components & (SSE | AVX)) mxcsr = view.getUint32(at + 24, true);
  if ((mxcsr & ~MXCSR_MASK) !== 0) return protection(c, state);
  restoreRegisters(view, state, at, modeOf(aux), components & held);
  initialise(view, state, modeOf(aux), components & ~held);
  view.setUint32(state + Sys.MXCSR, mxcsr, true);
  return mxcsr === before ? 0 : modeChanged(c, state, aux);
});
