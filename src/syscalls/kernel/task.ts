import { State } from '../../cpu/memory/layout.ts';
import type { AddressSpace } from '../../cpu/memory/types.ts';
import { Cursor } from '../cursor.ts';
import { LEAVE, type Syscall, type SyscallResult } from '../define.ts';
import { EINTR, ENOSYS, ERESTARTNOHAND, ERESTARTSYS } from '../errno.ts';
import { traceEnd, traceNoReturn, traceReturn, traceSignal, traceUnknown } from '../strace.ts';
import { readI64, readU64, type Struct, type StructValue, writeI64 } from '../struct.ts';
import { type CallTable, callTable } from '../table/index.ts';
import type { GuestCpu } from './cpu.ts';
import type { ExitStatus, Process } from './process.ts';
import {
  defaultAction,
  PendingSignals,
  SA_NODEFER,
  SA_RESETHAND,
  SA_RESTART,
  SIG_DFL,
  SIG_IGN,
  SIGPIPE,
  SIGSEGV,
  type SigInfo,
  sigmask,
  UNBLOCKABLE,
} from './signals.ts';

/** A guest thread: its CPU, signal mask, and the call it is in. */
export class Task {
  readonly process: Process;
  readonly cpu: GuestCpu;
  readonly space: AddressSpace;
  readonly tid: number;
  readonly pending: PendingSignals = new PendingSignals();
  /** Blocked signals. */
  blocked = 0n;
  /** Mask to put back after sigsuspend, ppoll …, once a handler's frame has saved it. */
  savedMask: bigint | null = null;
  altStack: { sp: number; size: number; flags: number } = { sp: 0, size: 0, flags: 2 };
  clearChildTid = 0;
  robustList: { head: number; length: number } = { head: 0, length: 0 };

  private readonly cursor: Cursor;
  private readonly calls: CallTable;
  private readonly numberAt: number;
  private readonly resultAt: number;
  private readonly pcAt: number;
  /** First argument and restart code of the call just made: a signal may have to repeat it. */
  private restart = 0;
  private readonly firstArg: Uint32Array = new Uint32Array(2);
  private waiting: Promise<void> | null = null;

  constructor(process: Process, cpu: GuestCpu, tid: number) {
    this.process = process;
    this.cpu = cpu;
    this.space = cpu.space;
    this.tid = tid;
    this.cursor = new Cursor(cpu, process.abi);
    this.calls = callTable(process.abi);
    const { registers } = process.abi;
    this.numberAt = cpu.state + State.REGS + 8 * registers.number;
    this.resultAt = cpu.state + State.REGS + 8 * registers.result;
    this.pcAt = cpu.state + State.PC;
  }

  /** Set once the process has ended. */
  get exited(): ExitStatus | null {
    return this.process.exited;
  }

  /**
   * Run the system call in the registers; the pc is behind the instruction already. Returns 0 when
   * translated code may go on, else 1: see `exited`, `wait`, `deliverSignals`.
   */
  syscall(): number {
    const { host } = this.space;
    const nr = host.getUint32(this.numberAt, true);
    const call = this.calls.byNumber[nr];
    this.restart = 0;
    this.firstArg[0] = host.getUint32(this.resultAt, true);
    this.firstArg[1] = host.getUint32(this.resultAt + 4, true);
    if (call === undefined) return this.unsupported(nr);
    const { cursor } = this;
    const { argNames, argTypes } = call;
    const args: Record<string, unknown> = {};
    cursor.start();
    for (let i = 0; i < argTypes.length; i++) args[argNames[i] as string] = argTypes[i]?.read(cursor);
    const result: SyscallResult = cursor.error !== 0 ? cursor.error : call.handler(this, args as never);
    if (typeof result === 'number') return this.finish(call, args, result);
    if (result === LEAVE) {
      this.traceLeave(call, args);
      return 1;
    }
    this.waiting = (result as Promise<number>).then((value) => {
      this.waiting = null;
      this.finish(call, args, value);
    });
    return 1;
  }

  /** Await the blocked call, if there is one; afterwards the result is in the registers. */
  async wait(): Promise<void> {
    while (this.waiting !== null) await this.waiting;
  }

  /** Address of a path that could not be read, for the trace. */
  get badPointer(): number {
    return this.cursor.badPointer;
  }

  /** Whether a call waits for the event loop: await wait(). */
  get blockedInCall(): boolean {
    return this.waiting !== null;
  }

  /** Whether the event loop should get a turn before guest code goes on, and that turn. */
  needsYield(): boolean {
    return this.process.needsEventLoop;
  }
  yieldToHost(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  private finish(call: Syscall, args: Record<string, unknown>, result: number): number {
    const { process } = this;
    if (process.kernel.strace !== null) process.kernel.strace(traceReturn(this, call, args, result));
    writeI64(this.space.host, this.resultAt, result);
    if (result === -ERESTARTSYS || result === -ERESTARTNOHAND) {
      this.restart = result;
      return 1;
    }
    return process.signalsDirty ? 1 : 0;
  }

  private traceLeave(call: Syscall, args: Record<string, unknown>): void {
    const { strace } = this.process.kernel;
    if (strace === null) return;
    const { exited } = this.process;
    if (exited !== null) strace(traceNoReturn(this, call, args) + traceEnd(exited));
    else strace(traceReturn(this, call, args, readI64(this.space.host, this.resultAt)));
  }

  private unsupported(nr: number): number {
    const { kernel } = this.process;
    const name = this.calls.nameOf(nr);
    kernel.warnOnce(`syscall ${nr}`, `unsupported syscall ${name} (${nr})`);
    if (kernel.strace !== null) {
      this.cursor.start();
      const values = this.process.abi.registers.args.map(() => this.cursor.ulong());
      kernel.strace(traceUnknown(name, values));
    }
    writeI64(this.space.host, this.resultAt, -ENOSYS);
    return 0;
  }

  /** Whether a signal is blocked by this task. */
  blocks(signal: number): boolean {
    return (this.blocked & sigmask(signal)) !== 0n;
  }

  setBlocked(mask: bigint): void {
    this.blocked = BigInt.asUintN(64, mask) & ~UNBLOCKABLE;
    // Something pending may have become deliverable.
    if (((this.pending.set | this.process.pending.set) & ~this.blocked) !== 0n) this.process.signalsDirty = true;
  }

  /** Whether a signal waits that deliverSignals would act on (ignored ones never get that far). */
  hasDeliverable(): boolean {
    return this.process.signalsDirty && ((this.pending.set | this.process.pending.set) & ~this.blocked) !== 0n;
  }

  /** EPIPE on a write: the guest gets SIGPIPE as well (man 2 write). */
  brokenPipe(): void {
    this.process.raise({ signo: SIGPIPE, code: 0, pid: this.process.pid, uid: this.process.uids[0] }, this);
  }

  /** Make translated code leave at its next check. */
  interrupt(): void {
    const { host } = this.space;
    host.setUint32(this.cpu.state + State.INTERRUPT, 1, true);
    host.setUint32(this.cpu.state + State.DEPTH_LIMIT, 0, true);
  }

  /** Before guest code goes on: build frames for pending signals, or end, stop, restart the call. */
  deliverSignals(): void {
    const { process } = this;
    process.timers.check();
    if (process.exited !== null) return;
    if (!process.signalsDirty && this.restart === 0 && this.savedMask === null) return;
    let delivered = false;
    for (;;) {
      const info = this.pending.take(this.blocked) ?? process.pending.take(this.blocked);
      if (info === null) break;
      if (this.act(info)) delivered = true;
      if (process.exited !== null) return;
    }
    process.signalsDirty = false;
    if (!delivered) {
      if (this.restart !== 0) this.repeatCall();
      this.restart = 0;
      if (this.savedMask !== null) {
        const mask = this.savedMask;
        this.savedMask = null;
        this.setBlocked(mask);
        if (this.hasDeliverable()) this.deliverSignals();
      }
    }
  }

  /**
   * A synchronous signal from the instruction at the pc: SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE.
   * Blocked or ignored, it kills the process (force_sig of the kernel).
   */
  fault(signal: number, code: number, addr: bigint): void {
    const info: SigInfo = { signo: signal, code, addr };
    this.restart = 0;
    const { handler } = this.process.action(signal);
    if (this.blocks(signal) || handler === SIG_IGN || handler === SIG_DFL) {
      this.traceSignal(info);
      this.end({ signal });
      return;
    }
    this.act(info);
  }

  /** Act on one signal; true when a handler's frame was built. */
  private act(info: SigInfo): boolean {
    const { process } = this;
    const { signo } = info;
    const action = process.action(signo);
    this.traceSignal(info);
    if (action.handler === SIG_IGN) return false;
    if (action.handler === SIG_DFL) {
      switch (defaultAction(signo)) {
        case 'kill':
          this.end({ signal: signo });
          break;
        case 'stop':
          process.stop();
          break;
        default:
      }
      return false;
    }
    if (this.restart !== 0) {
      const again = this.restart === -ERESTARTSYS && (action.flags & SA_RESTART) !== 0;
      if (again) this.repeatCall();
      else writeI64(this.space.host, this.resultAt, -EINTR);
      this.restart = 0;
    }
    const oldMask = this.savedMask ?? this.blocked;
    this.savedMask = null;
    this.cpu.clearExclusive();
    if (!process.abi.frame.push(this, info, action, oldMask)) {
      this.end({ signal: SIGSEGV });
      return false;
    }
    if ((action.flags & SA_RESETHAND) >>> 0 !== 0) process.setAction(signo, { ...action, handler: SIG_DFL });
    const self = (action.flags & SA_NODEFER) !== 0 ? 0n : sigmask(signo);
    this.setBlocked(this.blocked | action.mask | self);
    return true;
  }

  private traceSignal(info: SigInfo): void {
    this.process.kernel.strace?.(traceSignal(info));
  }

  /** End the process and say so in the trace. */
  end(status: ExitStatus): void {
    this.process.exit(status);
    this.process.kernel.strace?.(traceEnd(status));
  }

  /** Run the interrupted call once more: back to its instruction, its first argument restored. */
  private repeatCall(): void {
    const { host } = this.space;
    host.setUint32(this.resultAt, this.firstArg[0] ?? 0, true);
    host.setUint32(this.resultAt + 4, this.firstArg[1] ?? 0, true);
    const pc = readU64(host, this.pcAt);
    writeI64(host, this.pcAt, pc - this.process.abi.syscallLength(pc));
  }

  /** Read a structure from guest memory; null = EFAULT. */
  get<F>(type: Struct<F>, address: number): StructValue<F> | null {
    const { abi } = this.process;
    if (!this.space.readable(address, type.size(abi))) return null;
    return type.read(this.space.view, address, abi);
  }

  /** Write a structure to guest memory; 0 or -EFAULT. */
  put<F>(type: Struct<F>, address: number, value: StructValue<F>): number {
    const { abi } = this.process;
    if (!this.space.writable(address, type.size(abi))) return -14;
    type.write(this.space.view, address, value, abi);
    return 0;
  }

  /** Write an int; 0 or -EFAULT. */
  putInt(address: number, value: number): number {
    if (!this.space.writable(address, 4)) return -14;
    this.space.view.setInt32(address, value, true);
    return 0;
  }
}
