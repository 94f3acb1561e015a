import { type Facts, MAX, type Processor, variantFor } from '../frontend.ts';
import { readCpsr, readFpscr, writeCpsr, writeFpscr } from './cpsr.ts';
import { flagFields } from './flags.ts';
import { VECTORS } from './kuser.ts';
import { LR, rOffset, SP, Sys } from './registers.ts';

// r7 is T32's frame pointer, r11 A32's
const FRAME_T32 = [7, SP, LR].map(rOffset);
const FRAME_A32 = [11, SP, LR].map(rOffset);

/** AArch32 (A32 and T32, user mode, little endian). Bit 0 of a pc is set for T32. */
export const armFacts = (processor: Processor = MAX): Facts => ({
  name: 'arm',
  variant: variantFor('plain', processor),
  addressType: 'i32',
  addressBits: 32,
  codeAddress: (pc) => pc - (pc % 2),
  isCodeAddress: (pc) => (pc & 3) !== 2,
  contextAt: Sys.IT,
  // Go's asyncPreempt puts CPSR back and returns, into the middle of any code
  flagsCross: true,
  sp: rOffset(SP),
  frame: (pc) => (pc % 2 === 1 ? FRAME_T32 : FRAME_A32),
  flagFields,
  natives: 'arm',
  readFlags: readCpsr,
  writeFlags: writeCpsr,
  fpStatus: { read: readFpscr, write: writeFpscr },
  sys: { tls: Sys.TPIDRURO, fpcr: Sys.FPCR, fpsr: Sys.FPSR },
  vectorsBase: VECTORS,
});
