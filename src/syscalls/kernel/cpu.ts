import type { GuestAddressSpace } from '../../cpu/memory/address-space.ts';

/** One guest task's CPU as the kernel sees it; implemented by the emulator core (CpuThread). */
export interface GuestCpu {
  readonly space: GuestAddressSpace;
  /** The kernel's entry at a system call: 0 = go on, else leave. */
  onSyscall: () => number;
  /** After a run that ended with Exit.FAULT: the signal it is, its code and address. */
  readonly fault: { readonly signal: number; readonly code: number; readonly addr: bigint };
  /** Run guest code until it needs the kernel or the time (performance.now) has come; answers an Exit. */
  run(until: number): number;
  /** Change when the turn under way ends. */
  endBy(until: number): void;
  /** Another thread of the same address space, with a copy of the registers; null when there are too many. */
  clone(): GuestCpu | null;
  /** A copy of the address space with one thread, which has a copy of the registers. */
  fork(): GuestCpu;
  /** The thread is over; the last one takes the address space along. */
  discard(): void;
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
