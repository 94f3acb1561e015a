import { readFileSync, readlinkSync } from 'node:fs';
import type { GuestAddressSpace } from '../../cpu/memory/address-space.ts';
import { PAGE_SIZE } from '../../cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../cpu/memory/types.ts';
import type { Abi } from '../abi/types.ts';
import { EBADF, ENOTDIR } from '../errno.ts';
import { inheritedFile } from '../vfs/host-stream.ts';
import { canonicalPath } from '../vfs/namespace.ts';
import { type Location, O_APPEND, type OpenFile, S_IFDIR, S_IFMT } from '../vfs/types.ts';
import { monotonicMs } from './clock.ts';
import type { GuestCpu } from './cpu.ts';
import { FdTable } from './fd-table.ts';
import { HostSignals } from './host-signals.ts';
import type { Kernel } from './kernel.ts';
import { defaultLimits, type Limits, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_STACK } from './limits.ts';
import { FileLocks } from './locks.ts';
import {
  DEFAULT_ACTION,
  defaultAction,
  NSIG,
  PendingSignals,
  SIG_DFL,
  SIG_IGN,
  SIGCONT,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  type SigAction,
  type SigInfo,
} from './signals.ts';
import { Task } from './task.ts';
import { Ticker } from './ticker.ts';
import { Timers } from './timers.ts';

export const AT_FDCWD = -100;

/** How a process ended (man 2 wait). */
export type ExitStatus = { readonly code: number } | { readonly signal: number };

/** The program a process runs, for /proc/self. All strings are byte strings. */
export interface ProgramInfo {
  /** Absolute guest path of the executable. */
  readonly exe: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  /** The auxiliary vector's bytes. */
  readonly auxv?: Uint8Array;
  readonly cwd: string;
  /** Descriptors 0, 1, 2 …; by default the host's own standard descriptors. */
  readonly stdio?: readonly (OpenFile | null)[];
}

const RUNNING_MS = 10;

/** A guest process: what its tasks share. */
export class Process {
  readonly kernel: Kernel;
  readonly abi: Abi;
  readonly space: GuestAddressSpace;
  readonly program: ProgramInfo;
  readonly pid: number;
  readonly ppid: number;
  pgid: number;
  sid: number;
  readonly files: FdTable = new FdTable();
  readonly locks: FileLocks = new FileLocks();
  readonly limits: Limits;
  readonly timers: Timers;
  readonly pending: PendingSignals = new PendingSignals();
  readonly tasks: Task[] = [];
  readonly startMs: number;
  uids: [number, number, number];
  gids: [number, number, number];
  cwd: string;
  /** Canonical path of the executable. */
  readonly exe: string;
  umask = 0o022;
  comm: string;
  personality = 0;
  dumpable = 1;
  noNewPrivs = false;
  exited: ExitStatus | null = null;
  /** Something may be pending: looked at after every call, so that the usual case is one test. */
  signalsDirty = false;
  private readonly actions: SigAction[] = [];
  private readonly hostSignals: HostSignals | null;
  private ticker: Ticker | null = null;
  private wakers: (() => void)[] = [];
  private trampoline = 0;

  constructor(kernel: Kernel, abi: Abi, space: GuestAddressSpace, program: ProgramInfo) {
    this.kernel = kernel;
    this.abi = abi;
    this.space = space;
    this.program = program;
    this.pid = kernel.firstPid + kernel.processes.size;
    kernel.processes.set(this.pid, this);
    this.ppid = kernel.sandboxed ? 0 : process.ppid;
    this.pgid = this.pid;
    this.sid = kernel.sandboxed ? this.pid : this.ppid;
    this.cwd = program.cwd;
    const exe = kernel.namespace.resolve(program.cwd, program.exe, true);
    this.exe = typeof exe === 'number' ? program.exe : canonicalPath(exe);
    this.uids = [kernel.uid, kernel.uid, kernel.uid];
    this.gids = [kernel.gid, kernel.gid, kernel.gid];
    this.comm = (program.exe.split('/').pop() ?? '').slice(0, 15);
    this.startMs = kernel.uptimeMs();
    this.limits = defaultLimits(kernel.options.stack ?? 8 << 20);
    this.applyLimits();
    this.timers = new Timers(this);
    this.hostSignals = kernel.options.hostSignals === false ? null : new HostSignals(this);
    for (let signal = 0; signal <= NSIG; signal++) this.actions.push(DEFAULT_ACTION);
    const stdio = program.stdio ?? [0, 1, 2].map((fd) => inheritedFile(fd, standardPath(fd, kernel.sandboxed)));
    for (const [fd, file] of stdio.entries()) if (file !== null) this.files.install(file, false, fd);
  }

  private groupList: number[] | null = null;

  /** Supplementary groups; looked up when first asked for. Node's own list adds the effective group. */
  get groups(): number[] {
    this.groupList ??= this.kernel.sandboxed ? [] : hostGroups();
    return this.groupList;
  }
  set groups(list: number[]) {
    this.groupList = list;
  }

  /** Hand the limits to those who enforce them; after every setrlimit. */
  applyLimits(): void {
    const soft = (resource: number): number => this.limits[resource]?.[0] ?? Number.POSITIVE_INFINITY;
    this.files.limit = Math.min(soft(RLIMIT_NOFILE), 1048576);
    this.space.limits.stack = soft(RLIMIT_STACK);
    this.space.limits.data = soft(RLIMIT_DATA);
    this.space.limits.as = soft(RLIMIT_AS);
  }

  /** Files with a shared mapping are read and written through it; there are few, so the usual cost is one test. */
  private readonly sharedFiles: Set<string> = new Set();

  /** A file is mapped MAP_SHARED from now on. */
  noteShared(dev: number, ino: number): void {
    this.sharedFiles.add(`${dev}:${ino}`);
  }

  /** Before a file is read: stores of the guest to its shared mappings reach it. */
  beforeRead(file: OpenFile): void {
    if (this.sharedFiles.size === 0) return;
    const stat = file.stat();
    if (typeof stat === 'number' || !this.sharedFiles.has(`${stat.dev}:${stat.ino}`)) return;
    this.space.syncFile(stat.dev, Number(stat.ino));
  }

  /** After a file was written or resized: its shared mappings show it. */
  afterWrite(file: OpenFile): void {
    if (this.sharedFiles.size === 0) return;
    const stat = file.stat();
    if (typeof stat === 'number' || !this.sharedFiles.has(`${stat.dev}:${stat.ino}`)) return;
    this.space.refreshFile(stat.dev, Number(stat.ino));
  }

  /** The first (or another) task on a CPU. */
  createTask(cpu: GuestCpu): Task {
    const task = new Task(this, cpu, this.pid + this.tasks.length);
    this.tasks.push(task);
    return task;
  }

  action(signal: number): SigAction {
    return this.actions[signal] ?? DEFAULT_ACTION;
  }

  setAction(signal: number, action: SigAction): void {
    this.actions[signal] = action;
    const ignored = action.handler === SIG_IGN || (action.handler === SIG_DFL && defaultAction(signal) === 'ignore');
    if (ignored) {
      this.pending.discard(signal);
      for (const task of this.tasks) task.pending.discard(signal);
    }
    this.hostSignals?.update(signal);
  }

  /** Make a signal pending for the process, or for one task (tgkill). */
  raise(info: SigInfo, task?: Task): void {
    const { signo } = info;
    if (signo === SIGCONT) {
      for (const stop of [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]) this.pending.discard(stop);
    } else if (defaultAction(signo) === 'stop') {
      this.pending.discard(SIGCONT);
    }
    const { handler } = this.action(signo);
    const ignored = handler === SIG_IGN || (handler === SIG_DFL && defaultAction(signo) === 'ignore');
    // An ignored signal vanishes unless it is blocked: sigwait may want it.
    if (ignored && !this.tasks.some((t) => t.blocks(signo))) return;
    (task?.pending ?? this.pending).add(info);
    this.signalsDirty = true;
    this.wake();
  }

  /** Make translated code leave: for signals that come while it runs. */
  interrupt(): void {
    for (const task of this.tasks) task.interrupt();
  }

  /** Whether waits must keep the event loop alive: a host signal may have to reach a guest handler. */
  get needsEventLoop(): boolean {
    return this.hostSignals?.needed ?? false;
  }

  /** Wait on the event loop for up to `ms`, or until a signal comes. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(0, ms), 0x7fff_ffff));
      this.wakers.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private wake(): void {
    const wakers = this.wakers;
    this.wakers = [];
    for (const waker of wakers) waker();
  }

  /** Set the alarm clock thread for the next timer, or to ticks while host signals may come. */
  updateTicker(): void {
    const task = this.tasks[0];
    if (task === undefined || this.exited !== null) return;
    const next = this.timers.next() - monotonicMs();
    if (this.ticker === null) {
      if (next === Number.POSITIVE_INFINITY && !this.needsEventLoop) return;
      this.ticker = new Ticker(this.space.memory, task.cpu.state);
    }
    if (this.needsEventLoop) this.ticker.set(RUNNING_MS, true);
    else this.ticker.set(next, false);
  }

  /** Stop signals: the whole host process stops with us. */
  stop(): void {
    this.hostSignals?.stop();
  }

  /** Address of the signal return trampoline, mapped when first needed (a handler without SA_RESTORER). */
  sigreturnTrampoline(): number {
    if (this.trampoline === 0) {
      const { space } = this;
      const addr = space.map({ addr: 0, length: PAGE_SIZE, prot: PROT_READ | PROT_WRITE, name: '[vdso]' });
      if (addr < 0) return 0;
      space.u8.set(this.abi.sigreturnCode, addr);
      space.protect(addr, PAGE_SIZE, PROT_READ | PROT_EXEC);
      this.trampoline = addr;
    }
    return this.trampoline;
  }

  /** End the process: shared mappings are written back, descriptors closed. */
  exit(status: ExitStatus): void {
    if (this.exited !== null) return;
    this.exited = status;
    this.ticker?.stop();
    this.hostSignals?.removeAll();
    this.space.release();
    this.files.closeAll();
  }

  kill(signal: number): void {
    this.exit({ signal });
  }

  /** Resolve a path of an *at call: relative ones against `dirfd`. */
  resolve(dirfd: number, path: string, follow: boolean): Location | number {
    const { namespace } = this.kernel;
    if (path.charCodeAt(0) === 47 || dirfd === AT_FDCWD) return namespace.resolve(this.cwd, path, follow);
    const file = this.files.get(dirfd);
    if (file === null) return -EBADF;
    if (path !== '') {
      const stat = file.stat();
      if (typeof stat === 'number') return stat;
      if ((stat.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
    }
    return namespace.resolve(file.path, path, follow);
  }
}

function hostGroups(): number[] {
  try {
    const line = /^Groups:(.*)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
    return line.split(/\s+/).filter(Boolean).map(Number);
  } catch {
    // Not Linux.
    return process.getgroups?.() ?? [];
  }
}

/** What /proc/self/fd/N shows for a standard descriptor; a sandbox must not learn host paths. */
function standardPath(fd: number, sandboxed: boolean): string {
  if (sandboxed) return `pipe:[${fd + 1}]`;
  try {
    return readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' });
  } catch {
    // Not Linux, or closed: a name that leads back to the descriptor.
    return ['/dev/stdin', '/dev/stdout', '/dev/stderr'][fd] ?? '';
  }
}

/** Status flags kept with a description. */
export const SETTABLE_FLAGS: number = O_APPEND | 0o4000 | 0o20000 | 0o40000 | 0o1000000;
