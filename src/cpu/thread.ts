import type { Cpu } from './cpu.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import { GUEST_BASE, State } from './memory/layout.ts';
import type { Fault } from './traps.ts';

/** What threads and processes need of the owner of processors. */
export interface ProcessorPool {
  /** A processor with an empty address space, of the same guest architecture. */
  take(like: Cpu): Cpu;
  /** Nobody runs on this processor any more. */
  give(cpu: Cpu): void;
}

/** One guest thread's registers, and the processor of its process that runs them. */
export class CpuThread {
  readonly cpu: Cpu;
  readonly space: GuestAddressSpace;
  /** Wasm offset of the CPU state block. */
  readonly state: number;
  private readonly view: DataView;
  private readonly pool: ProcessorPool;
  /** The kernel's entry at SVC: 0 = go on, else leave with Exit.SYSCALL. */
  onSyscall: () => number = () => 0;

  private constructor(cpu: Cpu, state: number, pool: ProcessorPool) {
    this.cpu = cpu;
    this.space = cpu.space;
    this.view = cpu.view;
    this.state = state;
    this.pool = pool;
  }

  /** A further thread of a processor, with registers of zero; null when it has too many. */
  static create(cpu: Cpu, pool: ProcessorPool): CpuThread | null {
    const state = cpu.states.add();
    return state === null ? null : new CpuThread(cpu, state, pool);
  }

  /** See Cpu.fault. */
  get fault(): Fault {
    return this.cpu.fault;
  }

  /** Run guest code until it needs the kernel, or until the time (uptimeMs) given; see Cpu.run. */
  run(until: number): number {
    const { cpu } = this;
    cpu.state = this.state;
    cpu.onSyscall = this.onSyscall;
    cpu.until = until;
    return cpu.run();
  }

  /** Change when the turn under way ends. */
  endBy(until: number): void {
    this.cpu.until = until;
  }

  /** Another thread of the same process, with a copy of the registers; null when there are too many. */
  clone(): CpuThread | null {
    const thread = CpuThread.create(this.cpu, this.pool);
    thread?.copyRegisters(this);
    return thread;
  }

  /** It comes back from a worker thread with an exit reason; returns what the kernel handles, as run does. */
  cameBack(reason: number): number {
    this.cpu.state = this.state;
    return this.cpu.leave(reason);
  }

  /** The only thread of a copy of the process: fork(2). */
  fork(): CpuThread {
    this.cpu.halt();
    const cpu = this.pool.take(this.cpu);
    cpu.space.copyFrom(this.space);
    cpu.inherit(this.cpu);
    const thread = CpuThread.create(cpu, this.pool) as CpuThread;
    thread.copyRegisters(this);
    return thread;
  }

  private copyRegisters(from: CpuThread): void {
    const at = (thread: CpuThread): Uint8Array =>
      thread.cpu.u8.subarray(thread.state + State.CC_OP, thread.state + State.TEMPS);
    at(this).set(at(from));
    this.view.setBigUint64(this.state + State.PC, from.view.getBigUint64(from.state + State.PC, true), true);
    this.clearExclusive();
  }

  /** The thread is over; the last one of a process takes its memory along. */
  discard(): void {
    if (this.cpu.states.drop(this.state) > 0) return;
    this.pool.give(this.cpu);
    this.space.release();
  }

  /** Name of the instruction at the pc when its semantics are missing; null: it is undefined. */
  unimplemented(): string | null {
    // kept translations run before the code is in memory
    this.space.executable(this.pc);
    return this.cpu.frontEnd.unimplemented(this.space.view, this.pc);
  }

  get pc(): number {
    return this.view.getUint32(this.state + State.PC, true);
  }
  set pc(pc: number) {
    this.view.setBigUint64(this.state + State.PC, BigInt(pc), true);
  }

  // ── registers as the kernel sees them (signal frames, clone) ──

  getPstate(): number {
    return this.cpu.frontEnd.readFlags(this.view, this.state);
  }
  setPstate(flags: number): void {
    this.cpu.frontEnd.writeFlags(this.view, this.state, flags);
  }
  getFpsr(): number {
    const { fpStatus, sys } = this.cpu.frontEnd;
    if (fpStatus) return fpStatus.read(this.view, this.state);
    return this.view.getUint32(this.state + sys.fpsr, true);
  }
  setFpsr(value: number): void {
    const { fpStatus, sys } = this.cpu.frontEnd;
    if (fpStatus) return fpStatus.write(this.view, this.state, value);
    this.view.setUint32(this.state + sys.fpsr, value, true);
  }
  getFpcr(): number {
    return this.view.getUint32(this.state + this.cpu.frontEnd.sys.fpcr, true);
  }
  setFpcr(value: number): void {
    this.view.setUint32(this.state + this.cpu.frontEnd.sys.fpcr, value, true);
  }
  getTls(): bigint {
    return this.view.getBigUint64(this.state + this.cpu.frontEnd.sys.tls, true);
  }
  setTls(value: bigint): void {
    this.view.setBigUint64(this.state + this.cpu.frontEnd.sys.tls, value, true);
  }
  getGs(): bigint {
    const { gs } = this.cpu.frontEnd.sys;
    return gs === undefined ? 0n : this.view.getBigUint64(this.state + gs, true);
  }
  setGs(value: bigint): void {
    const { gs } = this.cpu.frontEnd.sys;
    if (gs !== undefined) this.view.setBigUint64(this.state + gs, value, true);
  }
  getSelector(segment: number): number {
    return this.cpu.frontEnd.segments?.getSelector(this.view, this.state, segment) ?? 0;
  }
  setSelector(segment: number, selector: number): boolean {
    return (this.cpu.frontEnd.segments?.setSelector(this.view, this.state, segment, selector) ?? 0) === 0;
  }
  getThreadArea(entry: number): bigint {
    return this.cpu.frontEnd.segments?.getThreadArea(this.view, this.state, entry) ?? 0n;
  }
  setThreadArea(entry: number, descriptor: bigint): void {
    this.cpu.frontEnd.segments?.setThreadArea(this.view, this.state, entry, descriptor);
  }
  get localDescriptors(): number {
    return this.cpu.frontEnd.segments?.localCount(this.view) ?? 0;
  }
  getLocalDescriptor(entry: number): bigint {
    return this.cpu.frontEnd.segments?.getLocal(this.view, entry) ?? 0n;
  }
  setLocalDescriptor(entry: number, descriptor: bigint): void {
    this.cpu.frontEnd.segments?.changeLocal(this.view, this.state, entry, descriptor);
  }
  get fpStateSize(): number {
    return this.cpu.frontEnd.fpState?.size ?? 0;
  }
  saveFpState(addr: number): void {
    this.cpu.frontEnd.fpState?.save(this.view, this.state, GUEST_BASE + addr);
  }
  resetFpState(): void {
    this.cpu.frontEnd.fpState?.reset(this.view, this.state);
  }
  /** A control word with another value is obeyed from here on. */
  restoreFpState(addr: number): boolean {
    const before = this.getFpcr();
    if (!(this.cpu.frontEnd.fpState?.restore(this.view, this.state, GUEST_BASE + addr) ?? true)) return false;
    if (this.getFpcr() !== before) this.cpu.fpModeChanged(this.state);
    return true;
  }
  /** Open the exclusive monitor: signals, and other threads that ran meanwhile. */
  keepFaultsPrecise(): void {
    this.cpu.keepFaultsPrecise();
  }

  clearExclusive(): void {
    this.view.setBigInt64(this.state + State.EXCL_ADDR, -1n, true);
  }
  /** A worker thread that came back, and one that is sent off again, have synchronized with the main thread. */
  barrier(): void {
    this.cpu.halt();
  }
}
