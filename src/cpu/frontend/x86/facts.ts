import { Exit } from '../../memory/layout.ts';
import { type Facts, MAX, type Processor, type Traps, variantFor } from '../frontend.ts';
import { readEflags, writeEflags } from './eflags.ts';
import { firstHelpers } from './first-helpers.ts';
import { flagFields } from './flags.ts';
import { FRAME_SIZE, FXSAVE_SIZE, resetFpState, restoreFrame, restoreFx, saveFrame, saveFx } from './fpstate.ts';
import { RBP, RSP, resetState, rOffset, Single, Sys } from './registers.ts';
import * as segments from './segments.ts';

/** Linux's signals (arch/x86/kernel/traps.c): SI_KERNEL where no code says more. */
const SI_KERNEL = 0x80;
const TRAP_TRACE = 2;

/** si_code of floating-point exceptions (fpu__exception_code): of several invalid goes before division by zero, and so on. */
const floatCode = (exceptions: number): number => {
  const FPE = [
    [1, 7], // FLTINV
    [4, 3], // FLTDIV
    [8, 4], // FLTOVF
    [0x12, 5], // FLTUND
    [0x20, 6], // FLTRES
  ] as const;
  return FPE.find(([flags]) => (exceptions & flags) !== 0)?.[1] ?? 0;
};
const x87Code = (view: DataView, state: number): number =>
  floatCode(view.getUint32(state + Sys.FSW, true) & ~view.getUint32(state + Sys.FCW, true));
const sseCode = (view: DataView, state: number): number => {
  const mxcsr = view.getUint32(state + Sys.MXCSR, true);
  return floatCode(mxcsr & ~(mxcsr >>> 7));
};

/** With the numbers of the SDM, vol. 3, table 6-1. */
const TRAPS: Traps = {
  [Exit.DIVIDE]: { signal: 8, code: 1, at: true, number: 0 },
  [Exit.STEP]: { signal: 5, code: TRAP_TRACE, at: true, number: 1 },
  [Exit.BREAKPOINT]: { signal: 5, code: SI_KERNEL, at: false, number: 3 },
  [Exit.OVERFLOW]: { signal: 11, code: SI_KERNEL, at: false, number: 4 },
  [Exit.BOUND]: { signal: 11, code: SI_KERNEL, at: false, number: 5 },
  [Exit.UNDEFINED]: { signal: 4, code: 2, at: true, number: 6 },
  [Exit.ABSENT_SEGMENT]: { signal: 7, code: SI_KERNEL, at: false, number: 11, hasError: true },
  [Exit.STACK_SEGMENT]: { signal: 7, code: SI_KERNEL, at: false, number: 12, hasError: true },
  [Exit.PROTECTION]: { signal: 11, code: SI_KERNEL, at: false, number: 13 },
  [Exit.SELECTOR]: { signal: 11, code: SI_KERNEL, at: false, number: 13, hasError: true },
  [Exit.FLOAT]: { signal: 8, code: x87Code, at: true, number: 16 },
  [Exit.SIMD]: { signal: 8, code: sseCode, at: true, number: 19 },
};

/** Whether there are ymm registers, which signal frames then hold. */
const hasAvx = ({ lacks }: Processor): boolean => lacks?.test('vaddps ') !== true;

const FRAME = [RSP, RBP].map(rOffset);

/** x86: 64-bit mode, or a 32-bit program's; user mode. */
const x86Facts = (mode: 64 | 32, processor: Processor): Facts => ({
  name: mode === 64 ? 'x86_64' : 'i386',
  variant: variantFor('plain', processor),
  addressType: mode === 64 ? 'i64' : 'i32',
  addressBits: mode,
  traps: TRAPS,
  isCodeAddress: () => true,
  flagsCross: false,
  coherentCode: true,
  natives: 'x86',
  firstHelpers,
  contextAt: Sys.SINGLE,
  lastingContext: Single.SEGMENTED,
  sp: rOffset(RSP),
  frame: () => FRAME,
  flagFields,
  readFlags: readEflags,
  writeFlags: writeEflags,
  reset: (view, state) => resetState(view, state, mode),
  sys: {
    tls: mode === 64 ? Sys.FS_BASE : Sys.GS_BASE,
    fpcr: Sys.MXCSR,
    fpsr: Sys.MXCSR,
    gs: Sys.GS_BASE,
    single: Sys.SINGLE,
  },
  segments,
  fpState: hasAvx(processor)
    ? {
        size: FRAME_SIZE,
        save: (view, state, at) => saveFrame(view, state, at, mode),
        restore: (view, state, at) => restoreFrame(view, state, at, mode),
        reset: (view, state) => resetFpState(view, state, mode),
      }
    : {
        size: FXSAVE_SIZE,
        save: (view, state, at) => saveFx(view, state, at, mode),
        restore: (view, state, at) => restoreFx(view, state, at, mode),
        reset: (view, state) => resetFpState(view, state, mode),
      },
});

export const x86_64Facts = (processor: Processor = MAX): Facts => x86Facts(64, processor);
export const i386Facts = (processor: Processor = MAX): Facts => x86Facts(32, processor);
