import { State } from '../../memory/layout.ts';

/** State offset of x0–x30; number 31 is sp here. */
export const xOffset = (n: number): number => State.REGS + 8 * n;
/** State offset of v0–v31. */
export const vOffset = (n: number): number => State.VREGS + 16 * n;
export const SP = 31;

/** System registers kept in the CPU state (8 bytes each). */
export const Sys: {
  readonly TPIDR_EL0: number;
  readonly FPCR: number;
  readonly FPSR: number;
  readonly TPIDR2_EL0: number;
} = {
  TPIDR_EL0: State.SYSREGS,
  FPCR: State.SYSREGS + 8,
  FPSR: State.SYSREGS + 16,
  TPIDR2_EL0: State.SYSREGS + 24,
};
