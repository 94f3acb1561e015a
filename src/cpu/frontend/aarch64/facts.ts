import { type Facts, MAX, type Processor, variantFor } from '../frontend.ts';
import { hostFuses } from '../host-fuses.ts';
import { readsFlagsAt } from './flag-reads.ts';
import { flagFields, readNzcv, settleFlags, writeNzcv } from './flags.ts';
import { SP, Sys, xOffset } from './registers.ts';

const FRAME = [29, 30, SP].map(xOffset);

/** AArch64 (Armv8.2-A, EL0, little endian). */
export const aarch64Facts = (processor: Processor = MAX): Facts => ({
  name: 'aarch64',
  variant: variantFor(hostFuses() ? 'fma' : 'plain', processor),
  addressType: 'i64',
  addressBits: 56,
  isCodeAddress: (pc) => pc % 4 === 0,
  flagsCross: false,
  readsFlagsAt,
  sp: xOffset(SP),
  frame: () => FRAME,
  flagFields,
  firstHelpers: [settleFlags],
  readFlags: (view, state) => (readNzcv(view, state) << 28) >>> 0,
  writeFlags: (view, state, flags) => writeNzcv(view, state, (flags >>> 28) & 15),
  sys: { tls: Sys.TPIDR_EL0, fpcr: Sys.FPCR, fpsr: Sys.FPSR },
});
