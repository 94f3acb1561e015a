/** Control and status of an exact floating-point operation: the guest's FPCR going in, its FPSR flags coming out. */

/** FPSR cumulative exception bits (Arm ARM C5.2.9). */
export const FP_IOC = 1;
export const FP_DZC = 2;
export const FP_OFC = 4;
export const FP_UFC = 8;
export const FP_IXC = 16;
export const FP_IDC = 128;

/** Rounding modes: 0–3 as FPCR.RMode encodes them, then the two that only instructions choose. */
export const Round: {
  readonly NEAREST: 0;
  readonly UP: 1;
  readonly DOWN: 2;
  readonly ZERO: 3;
  readonly AWAY: 4;
  readonly ODD: 5;
} = { NEAREST: 0, UP: 1, DOWN: 2, ZERO: 3, AWAY: 4, ODD: 5 };

export type RoundingMode = 0 | 1 | 2 | 3 | 4 | 5;

/** FPCR as the operations read it (Arm ARM C5.2.8), and the flags they raise. */
export class FpEnv {
  /** Alternative half precision: no infinities and no NaNs. */
  readonly ahp: boolean;
  /** NaN results are the default NaN. */
  readonly dn: boolean;
  /** Subnormals of single and double precision count as zero, on the way in and out. */
  readonly fz: boolean;
  /** The same for half precision arithmetic. */
  readonly fz16: boolean;
  readonly rounding: RoundingMode;
  /** x86: numbers count as tiny only when they are so after rounding. */
  tinyAfterRounding = false;
  /** x86: tiny results become zero, with underflow and inexact. */
  flushTiny = false;
  /** x86, underflow not masked: tiny results raise it where they are exact too; there is no result. */
  trapsTiny = false;
  /** x86, overflow not masked: there is no result, which need not be inexact. */
  trapsHuge = false;
  /** FPSR bits raised so far; operations only add to it. */
  flags = 0;

  constructor(fpcr = 0) {
    this.ahp = (fpcr & (1 << 26)) !== 0;
    this.dn = (fpcr & (1 << 25)) !== 0;
    this.fz = (fpcr & (1 << 24)) !== 0;
    this.fz16 = (fpcr & (1 << 19)) !== 0;
    this.rounding = ((fpcr >>> 22) & 3) as RoundingMode;
  }
}
