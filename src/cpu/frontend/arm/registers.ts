import { State } from '../../memory/layout.ts';

/** State offset of r0–r14; the pc is State.PC, whose bit 0 is set for T32 code. */
export const rOffset = (n: number): number => State.REGS + 8 * n;
/** State offset of q0–q15, which d0–d31 and s0–s31 are parts of. */
export const qOffset = (n: number): number => State.VREGS + 16 * n;
/** CPSR.E in Sys.IT. */
export const BIG_ENDIAN = 0x100;
export const SP = 13;
export const LR = 14;
export const PC = 15;

/** Registers besides, in the CPU state (u32 unless said otherwise); the first three lie where AArch64 has them. */
export const Sys: {
  readonly TPIDRURO: number;
  readonly FPCR: number;
  readonly FPSR: number;
  readonly Q: number;
  readonly GE: number;
  readonly IT: number;
  readonly TARGET: number;
  readonly FP_KIND: number;
  readonly FP_BITS: number;
  readonly FP_A: number;
  readonly FP_B: number;
  readonly TPIDRURW: number;
} = {
  TPIDRURO: State.SYSREGS,
  /** FPSCR's modes (AHP, DN, FZ, RMode), then its cumulative bits (QC, IDC … IOC). */
  FPCR: State.SYSREGS + 8,
  FPSR: State.SYSREGS + 16,
  /** APSR.Q in bit 0. */
  Q: State.SYSREGS + 24,
  /** APSR.GE as a mask of bytes. */
  GE: State.SYSREGS + 28,
  /** ITSTATE of the instruction at State.PC, 0 outside IT blocks; BIG_ENDIAN besides, where CPSR.E is set. */
  IT: State.SYSREGS + 32,
  /** Where a conditional load of the pc goes. */
  TARGET: State.SYSREGS + 40,
  /** FPSCR.NZCV: 0 = in FP_BITS (bits 3:0), 1 = of the comparison of FP_A and FP_B (f64). */
  FP_KIND: State.SYSREGS + 48,
  FP_BITS: State.SYSREGS + 52,
  FP_A: State.SYSREGS + 56,
  FP_B: State.SYSREGS + 64,
  TPIDRURW: State.SYSREGS + 72,
};
