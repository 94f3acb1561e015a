import type { GuestAddressSpace } from '../../cpu/memory/address-space.ts';

/** One guest task's CPU as the kernel sees it; implemented by the emulator core (CpuThread). */
export interface GuestCpu {
  readonly space: GuestAddressSpace;
  /** The kernel's entry at a system call: 0 = go on, else leave. */
  onSyscall: () => number;
  /** After a run that ended with Exit.FAULT: the signal it is, its code and address. */
  readonly fault: {
    readonly signal: number;
    readonly code: number;
    readonly addr: bigint;
    readonly trap?: number;
    readonly error?: number;
  };
  /** Run guest code until it needs the kernel or the time (uptimeMs) has come; answers an Exit. */
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
  /** Base of the other segment that threads may use (x86: GS). */
  getGs(): bigint;
  setGs(value: bigint): void;
  /** Selector of a segment register by its encoding (x86). */
  getSelector(segment: number): number;
  /** False: there is no such segment. */
  setSelector(segment: number, selector: number): boolean;
  /** A descriptor of thread-local storage (x86), as the processor has it. */
  getThreadArea(entry: number): bigint;
  setThreadArea(entry: number, descriptor: bigint): void;
  /** How many entries the process's own table of descriptors has (x86: LDT); they can be set up to 8192. */
  readonly localDescriptors: number;
  getLocalDescriptor(entry: number): bigint;
  setLocalDescriptor(entry: number, descriptor: bigint): void;
  /** Bytes of the floating-point state in a signal frame, where the front end lays it out; else 0. */
  readonly fpStateSize: number;
  /** Write it to the guest address, which must be writable. */
  saveFpState(addr: number): void;
  /** What a handler begins with. */
  resetFpState(): void;
  /** Load it; false: it is malformed. */
  restoreFpState(addr: number): boolean;
  clearExclusive(): void;
  /** Have all threads of the address space come out of user mode once: membarrier(2). */
  barrier(): void;
  /** The registers of a fault will be looked at: see docs/status.md for what is left out otherwise. */
  keepFaultsPrecise(): void;
}

/** Processors of the guest machine besides the main thread: worker threads, which run user mode only. */
export interface GuestProcessors {
  /** Have one more of them, if there may be more; it is ready some time later. */
  grow(): void;
  /** Whether one has nothing to do. */
  readonly free: boolean;
  /** Whether a thread may be run by one now. */
  accepts(cpu: GuestCpu): boolean;
  /** Run a thread on a free one until it needs the kernel. */
  start(cpu: GuestCpu): void;
  /** Whether something happened there since `returned` was last asked. */
  rung(): boolean;
  /** Those that came back since the last time: why (see Exit), and the milliseconds they ran. */
  returned(): readonly { readonly thread: GuestCpu; readonly reason: number; readonly ms: number }[];
  /** Milliseconds for which a thread has been running there. */
  runningMs(cpu: GuestCpu): number;
  /** What the main thread runs from now on: it is interrupted when something happens here. */
  mainRuns(cpu: GuestCpu | null): void;
  /** A thread that was started and has not begun yet, for the main thread to run; null: there is none. */
  reclaim(): GuestCpu | null;
  /** Have a thread come back soon. */
  interrupt(cpu: GuestCpu): void;
  /** The same for the one that has been away longest, if that is so many milliseconds. */
  interruptOldest(ms: number): void;
  /** Stop a thread for good, now; returns the milliseconds that it ran. */
  recall(cpu: GuestCpu): number;
  /** Sleep until something happens here. */
  sleep(ms: number): void;
  /** The main thread sleeps in its event loop from now on (or no more); false: something has happened. */
  sleepInLoop(on: boolean): boolean;
  /** Called in the event loop when something happens while the main thread sleeps there. */
  onRing: () => void;
  stop(): void;
}
