import type { AddressSpace } from '../../cpu/memory/types.ts';

/** One guest task's CPU as the kernel sees it; implemented by the emulator core. */
export interface GuestCpu {
  readonly space: AddressSpace;
  /** Wasm offset of the CPU state block (see State in cpu/memory/layout.ts). */
  readonly state: number;
  /** NZCV in bits 31:28, materialised from the lazy flags. */
  getPstate(): number;
  setPstate(nzcv: number): void;
  getFpsr(): number;
  setFpsr(value: number): void;
  getFpcr(): number;
  setFpcr(value: number): void;
  /** Thread pointer (TPIDR_EL0). */
  getTls(): bigint;
  setTls(value: bigint): void;
  clearExclusive(): void;
}
