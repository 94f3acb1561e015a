import { ARITHMETIC, DF, readArithmetic, writeArithmetic } from './flags.ts';
import { Single, Sys, setSingle } from './registers.ts';

/** TF, AC and ID: what of the rest of EFLAGS programs may set. */
export const TF = 0x100;
export const SETTABLE: number = 0x24_0000 | TF;
/** Bit 1, which is always set, and IF. */
const FIXED = 0x202;

/** EFLAGS as the kernel sees it. */
export const readEflags = (view: DataView, state: number): number =>
  readArithmetic(view, state) |
  (view.getUint32(state + Sys.DF, true) !== 0 ? DF : 0) |
  view.getUint32(state + Sys.MORE_FLAGS, true) |
  FIXED;

export const writeEflags = (view: DataView, state: number, flags: number): void => {
  writeArithmetic(view, state, flags & ARITHMETIC);
  view.setUint32(state + Sys.DF, flags & DF ? 1 : 0, true);
  view.setUint32(state + Sys.MORE_FLAGS, flags & SETTABLE, true);
  setSingle(view, state, flags & TF ? Single.STEP : 0);
};
