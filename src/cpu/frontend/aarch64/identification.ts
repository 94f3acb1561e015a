/** op0:op1:CRn:CRm:op2 of a system register, as MRS and MSR have it. */
export const sys = (op0: number, op1: number, crn: number, crm: number, op2: number): number =>
  (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2;

const MAX_MIDR = 0x000f_0510;

/** Identification registers that differ between processors. `old`: Armv8.0, else what the table has of Armv8.2. */
export const identify = (midr: number = MAX_MIDR, old = false): ReadonlyMap<number, bigint> =>
  new Map([
    [sys(3, 0, 0, 0, 0), BigInt(midr)], // MIDR_EL1
    [sys(3, 0, 0, 4, 0), old ? 0x11n : 0x0011_0011n], // ID_AA64PFR0_EL1: AArch64 only, FP and AdvSIMD with half precision
    [sys(3, 0, 0, 6, 0), old ? 0x0001_1120n : 0x1000_1021_1120n], // ID_AA64ISAR0_EL1: AES+PMULL SHA1 SHA2 CRC32 LSE RDM DP
    [sys(3, 0, 0, 6, 1), old ? 0n : 0x0010_0000n], // ID_AA64ISAR1_EL1: LRCPC
  ]); // biome-ignore format: one register per line
