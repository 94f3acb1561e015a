import type { GuestAddressSpace } from '../../cpu/memory/address-space.ts';
import { State } from '../../cpu/memory/layout.ts';
import type { Abi } from '../abi/types.ts';
import { Cursor } from '../cursor.ts';
import { LEAVE, type Syscall, type SyscallResult } from '../define.ts';
import { EINTR, ENOSYS, ERESTARTNOHAND, ERESTARTSYS } from '../errno.ts';
import { traceEnd, traceNoReturn, traceReturn, traceSignal, traceUnknown } from '../strace.ts';
import { readI64, readU64, type Struct, type StructAbi, type StructValue, writeI64 } from '../struct.ts';
import { type CallTable, callTable } from '../table/index.ts';
import { monotonicMs } from './clock.ts';
import type { GuestCpu } from './cpu.ts';
import { exitProcess } from './exit.ts';
import type { FutexWaiter } from './futex.ts';
import type { ExitStatus, Process } from './process.ts';
import {
  defaultAction,
  PendingSignals,
  SA_NODEFER,
  SA_RESETHAND,
  SA_RESTART,
  SIG_DFL,
  SIG_IGN,
  SIGILL,
  SIGKILL,
  SIGPIPE,
  SIGSEGV,
  SIGTRAP,
  SIGXFSZ,
  type SigInfo,
  sigmask,
  UNBLOCKABLE,
} from './signals.ts';
import { vsyscall } from './vsyscall.ts';
import type { Pending } from './wait.ts';

const SIGKILL_MASK = sigmask(SIGKILL);
/** si_code of a call that no kernel has. */
const ILL_ILLTRP = 4;
const TRAP_BRKPT = 1;

const WIDE: StructAbi = { wordSize: 8, align64: 8 };

/** Nanoseconds (man 2 prctl, PR_SET_TIMERSLACK). */
export const DEFAULT_TIMER_SLACK = 50_000;

/** A guest thread: its CPU, signal mask, and the call it is in. */
export class Task {
  readonly process: Process;
  cpu: GuestCpu;
  space: GuestAddressSpace;
  tid: number;
  readonly pending: PendingSignals = new PendingSignals();
  /** Blocked signals. */
  blocked = 0n;
  /** Mask to put back after sigsuspend, ppoll …, once a handler's frame has saved it. */
  savedMask: bigint | null = null;
  altStack: { sp: number; size: number; flags: number } = { sp: 0, size: 0, flags: 2 };
  clearChildTid = 0;
  /** CPUs it may run on (sched_setaffinity); null: all. */
  affinity: ReadonlySet<number> | null = null;
  /** SCHED_OTHER, SCHED_BATCH or SCHED_IDLE. */
  policy = 0;
  /** The futex it waits on. */
  futexWaiter: FutexWaiter | null = null;
  robustList: { head: number; length: number } = { head: 0, length: 0 };

  /** Name of the thread (prctl PR_SET_NAME). */
  comm: string;
  /** Processor time used, in milliseconds. */
  cpuMs = 0;
  /** Whether the scheduler has it in its queue. */
  queued = false;
  /** A worker thread runs it. */
  away = false;
  /** It came back from there with what only the main thread can do. */
  needsMain = false;
  /** Milliseconds that it may still run before others that are ready. */
  headStart = 0;
  /** It makes few calls; so many of them, in so many milliseconds, since that was looked at. */
  computes = false;
  spanMs = 0;
  spanCalls = 0;
  /** The task has ended. */
  dead = false;
  /** Something may be pending: looked at after every call, so that the usual case is one test. */
  signalsDirty = false;
  /** Until when the sleep lasts that a signal without a handler interrupted; NaN: none. */
  sleepDeadline: number = Number.NaN;
  /** The call asked to let others run first (sched_yield). */
  yields = false;

  /** That of the call at hand: the process's, or an older one (Abi.compat). */
  abi!: Abi;
  private cursor!: Cursor;
  private calls!: CallTable;
  private numberAt = 0;
  private resultAt = 0;
  private pcAt = 0;
  /** First argument and restart code of the call just made: a signal may have to repeat it. */
  private restart = 0;
  /** The call at hand has 64-bit times on a 32-bit ABI. */
  wideTime = false;
  /** PR_SET_TIMERSLACK: remembered. */
  timerSlack: number = DEFAULT_TIMER_SLACK;
  private readonly firstArg: Uint32Array = new Uint32Array(2);
  private waiting: { readonly call: Syscall; readonly args: Record<string, unknown>; pending: Pending } | null = null;

  constructor(process: Process, cpu: GuestCpu, tid: number, comm: string) {
    this.process = process;
    this.cpu = cpu;
    this.space = cpu.space;
    this.tid = tid;
    this.comm = comm;
    this.bind(cpu);
  }

  /** Run on this CPU from now on: at the start, and after execve(2). */
  bind(cpu: GuestCpu): void {
    const { abi } = this.process;
    this.cpu = cpu;
    this.space = cpu.space;
    cpu.onSyscall = () => this.syscall();
    this.use(abi);
    this.numberAt = cpu.state + State.REGS + 8 * abi.registers.number;
    this.resultAt = cpu.state + State.REGS + 8 * abi.registers.result;
    this.pcAt = cpu.state + State.PC;
    this.restart = 0;
  }

  private use(abi: Abi): void {
    this.abi = abi;
    this.cursor = new Cursor(this.cpu, abi);
    this.calls = callTable(abi);
  }

  /** Set once the process has ended. */
  get exited(): ExitStatus | null {
    return this.process.exited;
  }

  /** Whether guest code may go on. */
  get runnable(): boolean {
    return !this.dead && !this.process.stopped;
  }

  /** What the task waits for may be there, or a signal: let it look. */
  wake(): void {
    if (this.runnable) this.process.kernel.scheduler.enqueue(this);
  }

  /** A signal is there for it: before those that had their turns, as Linux lets a sleeper run before who computes. */
  hurry(): void {
    if (this.runnable) this.process.kernel.scheduler.enqueue(this, true);
  }

  /**
   * Run the system call in the registers; the pc is behind the instruction already. Returns 0 when
   * translated code may go on, else 1: see `exited`, `wait`, `deliverSignals`.
   */
  syscall(): number {
    const { host } = this.space;
    const { abi } = this.process;
    if (abi.compat !== undefined) {
      const called = this.byInterrupt() ? abi.compat : abi;
      if (called !== this.abi) this.use(called);
    }
    const nr = host.getUint32(this.numberAt, true);
    const call = this.calls.byNumber[nr];
    this.restart = 0;
    this.spanCalls++;
    this.wideTime = call?.wideTime ?? false;
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
    this.waiting = { call, args, pending: result as Pending };
    return 1;
  }

  /** Whether the instruction in front of the pc is `int 0x80`, not `syscall`. */
  private byInterrupt(): boolean {
    const { host, view } = this.space;
    const at = host.getUint32(this.pcAt, true) - 1;
    // kept translations run before the code is in memory, where something else may lie meanwhile
    this.space.executable(at);
    return view.getUint8(at) === 0x80;
  }

  /** Whether guest code goes on next: there is nothing that the kernel has to do first. */
  get isUserMode(): boolean {
    return this.waiting === null && this.restart === 0 && !this.signalsDirty && this.savedMask === null;
  }

  /** Let the blocked call look again; true when it is over and its result is in the registers. */
  resume(): boolean {
    const { waiting } = this;
    if (waiting === null) return true;
    const looked = waiting.pending.look();
    if (looked === null) return false;
    waiting.pending.cancel();
    const result = waiting.pending.settle(looked);
    if (this.dead) return true;
    if (typeof result !== 'number') {
      waiting.pending = result;
      return false;
    }
    this.waiting = null;
    this.finish(waiting.call, waiting.args, result);
    return true;
  }

  /** Give the blocked call up: the task ends. */
  abandon(): void {
    this.waiting?.pending.cancel();
    this.waiting = null;
  }

  /** Monotonic milliseconds when the blocked call looks again without being woken. */
  get due(): number {
    return this.waiting?.pending.due ?? Number.POSITIVE_INFINITY;
  }

  /** Address of a path that could not be read, for the trace. */
  get badPointer(): number {
    return this.cursor.badPointer;
  }

  /** Whether the task is in a call that waits. */
  get blockedInCall(): boolean {
    return this.waiting !== null;
  }

  private finish(call: Syscall, args: Record<string, unknown>, result: number): number {
    const { process } = this;
    if (process.kernel.strace !== null) process.kernel.trace(this, traceReturn(this, call, args, result));
    writeI64(this.space.host, this.resultAt, result);
    if (result === -ERESTARTSYS || result === -ERESTARTNOHAND) {
      this.restart = result;
      return 1;
    }
    if (this.yields) {
      this.yields = false;
      return 1;
    }
    return this.signalsDirty ? 1 : 0;
  }

  private traceLeave(call: Syscall, args: Record<string, unknown>): void {
    const { kernel } = this.process;
    if (kernel.strace === null) return;
    const { exited } = this.process;
    if (this.dead) {
      kernel.trace(this, traceNoReturn(this, call, args));
      if (exited !== null) kernel.trace(this, traceEnd(exited));
    } else kernel.trace(this, traceReturn(this, call, args, readI64(this.space.host, this.resultAt)));
  }

  private unsupported(nr: number): number {
    const { kernel } = this.process;
    if (nr >= (this.abi.illegalNumbers ?? Number.POSITIVE_INFINITY)) {
      this.badCall();
      return 1;
    }
    const name = this.calls.nameOf(nr);
    kernel.warnOnce(`syscall ${nr}`, `unsupported syscall ${name} (${nr})`);
    if (kernel.strace !== null) {
      this.cursor.start();
      const values = this.abi.registers.args.map(() => this.cursor.ulong());
      kernel.trace(this, traceUnknown(name, values));
    }
    writeI64(this.space.host, this.resultAt, -ENOSYS);
    return 0;
  }

  /** SIGILL for a call behind all tables, at the instruction that made it. */
  badCall(): void {
    this.fault(SIGILL, ILL_ILLTRP, this.callAddress);
  }

  /** Where the system call's instruction lies. */
  private get callAddress(): bigint {
    const pc = readU64(this.space.host, this.pcAt);
    const at = pc - this.process.abi.syscallLength(pc);
    // bit 0 is T32's
    return BigInt(at - (at % 2));
  }

  /** SIGTRAP at the call, which will be made again. */
  breakpoint(): void {
    const at = this.callAddress;
    this.repeatCall();
    this.fault(SIGTRAP, TRAP_BRKPT, at);
  }

  /** When a sleep of so many milliseconds ends: an interrupted one goes on. */
  takeSleep(ms: number): number {
    const deadline = this.sleepDeadline;
    this.sleepDeadline = Number.NaN;
    return Number.isNaN(deadline) ? monotonicMs() + ms : deadline;
  }

  /** Whether a signal is blocked by this task. */
  blocks(signal: number): boolean {
    return (this.blocked & sigmask(signal)) !== 0n;
  }

  setBlocked(mask: bigint): void {
    const { process } = this;
    const before = this.blocked;
    this.blocked = BigInt.asUintN(64, mask) & ~UNBLOCKABLE;
    // Something pending may have become deliverable.
    if (((this.pending.set | process.pending.set) & ~this.blocked) !== 0n) this.signalsDirty = true;
    if ((process.pending.set & this.blocked & ~before) !== 0n) process.retarget(this);
  }

  /** Whether a signal waits that deliverSignals would act on (ignored ones never get that far). */
  hasDeliverable(): boolean {
    return this.signalsDirty && ((this.pending.set | this.process.pending.set) & ~this.blocked) !== 0n;
  }

  /** Whether SIGKILL waits, which ends even calls that other signals do not. */
  get killed(): boolean {
    return this.signalsDirty && ((this.pending.set | this.process.pending.set) & SIGKILL_MASK) !== 0n;
  }

  /** EPIPE on a write: the guest gets SIGPIPE as well (man 2 write). */
  brokenPipe(): void {
    this.process.raise({ signo: SIGPIPE, code: 0, pid: this.process.pid, uid: this.process.uids[0] }, this);
  }

  /** EFBIG, as a file would grow beyond RLIMIT_FSIZE: the guest gets SIGXFSZ as well (man 2 setrlimit). */
  tooLarge(): void {
    this.process.raise({ signo: SIGXFSZ, code: 0, pid: this.process.pid, uid: this.process.uids[0] }, this);
  }

  /** Before guest code goes on: build frames for pending signals, or end, stop, restart the call. */
  deliverSignals(): void {
    const { process } = this;
    process.timers.check();
    if (this.dead) return;
    if (!this.signalsDirty && this.restart === 0 && this.savedMask === null) return;
    let delivered = false;
    for (;;) {
      const info = this.pending.take(this.blocked) ?? process.pending.take(this.blocked);
      if (info === null) break;
      if (this.act(info)) delivered = true;
      if (this.dead) return;
      if (process.stopped) break;
    }
    this.signalsDirty = process.stopped;
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
   * Blocked or ignored, it kills the process (force_sig of the kernel). `trap`, `error`: the processor's number of it and its error code.
   */
  fault(signal: number, code: number, addr: bigint, trap?: number, error = 0): void {
    const { abi } = this.process;
    if (abi.vsyscallPage !== undefined) {
      if (this.abi !== abi) this.use(abi);
      const info = vsyscall(this, addr);
      if (info === null) return;
      if (info !== false) return this.signalFault(info);
    }
    this.signalFault({ signo: signal, code, addr, ...(trap !== undefined && { trap, error }) });
  }

  private signalFault(info: SigInfo): void {
    const { signo: signal } = info;
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
          process.stopBy(signo);
          break;
        default:
      }
      return false;
    }
    if (this.restart !== 0) {
      const again = this.restart === -ERESTARTSYS && (action.flags & SA_RESTART) !== 0;
      if (again) this.repeatCall();
      else writeI64(this.space.host, this.resultAt, -EINTR);
      this.sleepDeadline = Number.NaN;
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
    const { kernel } = this.process;
    if (kernel.strace !== null) kernel.trace(this, traceSignal(info));
  }

  /** End the process and say so in the trace. */
  end(status: ExitStatus): void {
    const { process } = this;
    exitProcess(process, status);
    if (process.kernel.strace !== null) process.kernel.trace(this, traceEnd(status));
  }

  /** Run the interrupted call once more: back to its instruction, its first argument restored. */
  private repeatCall(): void {
    const { host } = this.space;
    host.setUint32(this.resultAt, this.firstArg[0] ?? 0, true);
    host.setUint32(this.resultAt + 4, this.firstArg[1] ?? 0, true);
    const pc = readU64(host, this.pcAt);
    writeI64(host, this.pcAt, pc - this.process.abi.syscallLength(pc));
  }

  /** Structures of calls with wide times are laid out as on 64-bit ABIs. */
  private get structAbi(): StructAbi {
    return this.wideTime ? WIDE : this.abi;
  }

  /** Read a structure from guest memory; null = EFAULT. */
  get<F>(type: Struct<F>, address: number): StructValue<F> | null {
    const abi = this.structAbi;
    if (!this.space.readable(address, type.size(abi))) return null;
    return type.read(this.space.view, address, abi);
  }

  /** Write a structure to guest memory; 0 or -EFAULT. */
  put<F>(type: Struct<F>, address: number, value: StructValue<F>): number {
    const abi = this.structAbi;
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
