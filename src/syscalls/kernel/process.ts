import { readFileSync, readlinkSync } from 'node:fs';
import type { GuestAddressSpace } from '../../cpu/memory/address-space.ts';
import { PAGE_SIZE } from '../../cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../cpu/memory/types.ts';
import type { Abi } from '../abi/types.ts';
import { EBADF, ENOTDIR } from '../errno.ts';
import type { Guard } from '../vfs/guarded-fs.ts';
import { inheritedFile } from '../vfs/host-stream.ts';
import { canonicalPath } from '../vfs/namespace.ts';
import { type Location, O_APPEND, type OpenFile, S_IFDIR, S_IFMT } from '../vfs/types.ts';
import { dropNotice } from './async-notice.ts';
import type { GuestCpu } from './cpu.ts';
import { dropWatches } from './epoll.ts';
import { exitProcess } from './exit.ts';
import { FdTable } from './fd-table.ts';
import { isOrphanedGroup } from './groups.ts';
import { IN_ACCESS, IN_MODIFY } from './inotify.ts';
import type { Kernel } from './kernel.ts';
import { defaultLimits, type Limits, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_STACK } from './limits.ts';
import { notifyParent } from './notify.ts';
import {
  CLD_CONTINUED,
  CLD_STOPPED,
  DEFAULT_ACTION,
  defaultAction,
  isIgnored,
  NSIG,
  PendingSignals,
  SIG_IGN,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  type SigAction,
  type SigInfo,
} from './signals.ts';
import { Task } from './task.ts';
import { Timers } from './timers.ts';
import { WaitQueue } from './wait-queue.ts';

export const AT_FDCWD = -100;

const IGNORING: SigAction = { ...DEFAULT_ACTION, handler: SIG_IGN };

/** What clone(2) lets a new process share instead of copying. */
export const CLONE_VM = 0x100;
export const CLONE_FS = 0x200;
export const CLONE_FILES = 0x400;
export const CLONE_SIGHAND = 0x800;

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
  /** Where the vDSO returns from signals; 0: such code is mapped when it is needed. */
  readonly trampoline?: number;
  readonly cwd: string;
  /** Descriptors 0, 1, 2 …; by default the host's own standard descriptors. */
  readonly stdio?: readonly (OpenFile | null)[];
}

/** Processor time and page counts that a process has used or waited for (man 2 getrusage). */
export interface Usage {
  cpuMs: number;
}

/** A guest process: what its tasks share. */
export class Process {
  readonly kernel: Kernel;
  abi: Abi;
  space: GuestAddressSpace;
  program: ProgramInfo;
  readonly pid: number;
  /** Who waits for it; null: the host process, or nobody of ours. */
  parent: Process | null;
  readonly children: Set<Process> = new Set();
  pgid: number;
  sid: number;
  files: FdTable;
  readonly limits: Limits;
  readonly timers: Timers;
  readonly pending: PendingSignals = new PendingSignals();
  readonly tasks: Task[] = [];
  readonly startMs: number;
  uids: [number, number, number];
  gids: [number, number, number];
  /** Canonical path of the executable. */
  exe: string;
  comm: string;
  personality = 0;
  dumpable = 1;
  noNewPrivs = false;
  nice = 0;
  /** Orphans below it become its children (prctl PR_SET_CHILD_SUBREAPER). */
  subreaper = false;
  /** Signal it sends itself when its parent ends (prctl PR_SET_PDEATHSIG). */
  deathSignal = 0;
  exited: ExitStatus | null = null;
  /** Signal its end sends to the parent (clone's flags). */
  exitSignal = SIGCHLD;
  /** Stopped by job control. */
  stopped = false;
  /** What wait4 has not told the parent yet: the signal that stopped it, or that it goes on. */
  stopSignal = 0;
  continued = false;
  /** It has called execve since its parent made it: setpgid by the parent is EACCES. */
  execed = false;
  /** Parents wait here for a child to end, stop or go on. */
  readonly childQueue: WaitQueue = new WaitQueue();
  /** Woken when this process has ended: pidfds. */
  readonly exitQueue: WaitQueue = new WaitQueue();
  /** vfork's parent waits here until the child no longer uses its memory. */
  readonly vforkQueue: WaitQueue = new WaitQueue();
  borrowsMemory = false;
  /** Used by tasks that have ended, and by children that were waited for. */
  readonly ended: Usage = { cpuMs: 0 };
  readonly reaped: Usage = { cpuMs: 0 };
  private fs: { cwd: string; umask: number };
  private actions: SigAction[];
  private trampoline = 0;

  constructor(kernel: Kernel, abi: Abi, space: GuestAddressSpace, program: ProgramInfo, origin?: Process, share = 0) {
    this.kernel = kernel;
    this.abi = abi;
    this.space = space;
    this.program = program;
    this.pid = kernel.newId();
    kernel.processes.set(this.pid, this);
    this.startMs = kernel.uptimeMs();
    this.timers = new Timers(this);
    this.parent = origin ?? null;
    if (origin === undefined) {
      this.trampoline = program.trampoline ?? 0;
      this.pgid = this.pid;
      this.sid = kernel.sandboxed ? this.pid : process.ppid;
      kernel.console.session = this.sid;
      const exe = kernel.namespace.resolve(program.cwd, program.exe, true);
      this.exe = typeof exe === 'number' ? program.exe : canonicalPath(exe);
      this.uids = [kernel.uid, kernel.uid, kernel.uid];
      this.gids = [kernel.gid, kernel.gid, kernel.gid];
      this.comm = (program.exe.split('/').pop() ?? '').slice(0, 15);
      this.limits = defaultLimits(kernel.options.stack ?? 8 << 20);
      this.fs = { cwd: program.cwd, umask: 0o022 };
      this.files = new FdTable();
      this.files.onLastClose = (file) => {
        if (kernel.locks.any) kernel.locks.release(file);
        dropWatches(file);
        dropNotice(file);
        kernel.watches.onClose(file);
      };
      this.files.closesUnseen = () => !kernel.locks.any && kernel.watches.idle;
      this.actions = Array.from({ length: NSIG + 1 }, () => DEFAULT_ACTION);
      this.applyLimits();
      const stdio = program.stdio ?? [0, 1, 2].map((fd) => inheritedFile(fd, standardPath(fd, kernel.sandboxed)));
      for (const [fd, file] of stdio.entries()) if (file !== null) this.files.install(file, false, fd);
      kernel.noteStdio(stdio);
      this.fileCapabilities = kernel.uid === 0;
      if (kernel.hasOtherIds) this.idsChanged(kernel.uid, kernel.uid);
      return;
    }
    origin.children.add(this);
    this.pgid = origin.pgid;
    this.sid = origin.sid;
    this.exe = origin.exe;
    this.uids = [...origin.uids];
    this.gids = [...origin.gids];
    this.groupList = origin.groupList === null ? null : [...origin.groupList];
    this.comm = origin.comm;
    this.limits = origin.limits.map(([soft, hard]) => [soft, hard]);
    this.personality = origin.personality;
    this.dumpable = origin.dumpable;
    this.noNewPrivs = origin.noNewPrivs;
    this.membarriers = origin.membarriers;
    this.keepCaps = origin.keepCaps;
    this.noHugePages = origin.noHugePages;
    this.fsuid = origin.fsuid;
    this.fsgid = origin.fsgid;
    this.fileCapabilities = origin.fileCapabilities;
    this.guard = origin.guard;
    this.realGuard = origin.realGuard;
    this.nice = origin.nice;
    this.trampoline = origin.trampoline;
    this.fs = (share & CLONE_FS) !== 0 ? origin.fs : { ...origin.fs };
    this.files = (share & CLONE_FILES) !== 0 ? origin.files.share() : origin.files.copy();
    this.actions = (share & CLONE_SIGHAND) !== 0 ? origin.actions : [...origin.actions];
    this.borrowsMemory = (share & CLONE_VM) !== 0;
    for (let signal = 1; signal <= NSIG; signal++) {
      kernel.hostSignals?.change(signal, DEFAULT_ACTION, this.action(signal));
    }
  }

  /** getppid(2): 1 where nobody of ours is the parent any more. */
  get ppid(): number {
    if (this.parent !== null) return this.parent.pid;
    return this === this.kernel.first ? (this.kernel.sandboxed ? 0 : process.ppid) : 1;
  }

  get cwd(): string {
    return this.fs.cwd;
  }
  set cwd(path: string) {
    this.fs.cwd = path;
  }
  get umask(): number {
    return this.fs.umask;
  }
  set umask(mask: number) {
    this.fs.umask = mask;
  }

  private groupList: number[] | null = null;
  /** MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED was called. */
  membarriers = false;
  /** prctl's PR_SET_KEEPCAPS and PR_SET_THP_DISABLE. */
  keepCaps = false;
  noHugePages = false;
  /** setfsuid(2), setfsgid(2): null, as the effective one. */
  fsuid: number | null = null;
  fsgid: number | null = null;

  /** Asked before files are touched; null: the emulator's own ids allow and forbid the same. */
  guard: Guard | null = null;
  /** See `insists` of mmap. */
  hugeRequests = 0;
  /** The same for the real ids: access(2). */
  realGuard: Guard | null = null;

  /** Whether the effective capabilities have those for files: setfsuid(2) takes and gives them by themselves. */
  private fileCapabilities: boolean;

  /** Ids or groups were set, while the effective user, or that of the file system, was `old` (man 7 capabilities). */
  idsChanged(old: number, now: number): void {
    const { kernel, uids, gids, groups } = this;
    if ((old === 0) !== (now === 0)) this.fileCapabilities = now === 0;
    const [uid, gid] = [this.fsuid ?? uids[1], this.fsgid ?? gids[1]];
    this.guard = kernel.guardFor({ uid, gid, groups, privileged: this.fileCapabilities });
    this.realGuard = kernel.guardFor({ uid: uids[0], gid: gids[0], groups, privileged: uids[0] === 0 });
  }

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

  /** Before a file is read or written: stores of guests to its shared mappings reach it. */
  beforeAccess(file: OpenFile): void {
    this.kernel.sharedFiles.beforeAccess(file);
  }

  /** After a file was written at these offsets, or resized: its shared mappings show it. */
  afterWrite(file: OpenFile, from?: number, to?: number): void {
    this.kernel.sharedFiles.afterWrite(file, from, to);
    this.kernel.watches.onFile(file, IN_MODIFY);
  }

  /** After `count` bytes were written at a file's position, which is behind them now. */
  afterWriteAtPosition(file: OpenFile, count: number): void {
    this.kernel.sharedFiles.afterWriteAtPosition(file, count);
    this.kernel.watches.onFile(file, IN_MODIFY);
  }

  /** After something of a file was read. */
  afterRead(file: OpenFile): void {
    this.kernel.watches.onFile(file, IN_ACCESS);
  }

  /** Another task on a CPU; the first has the process's id. */
  createTask(cpu: GuestCpu): Task {
    const task = new Task(this, cpu, this.tasks.length === 0 ? this.pid : this.kernel.newId(), this.comm);
    this.tasks.push(task);
    this.kernel.tasks.set(task.tid, task);
    return task;
  }

  /** Go on with another program's memory: execve(2). */
  replace(abi: Abi, space: GuestAddressSpace, program: ProgramInfo, exe: string): void {
    this.abi = abi;
    this.space = space;
    this.program = program;
    this.exe = exe;
    this.trampoline = program.trampoline ?? 0;
    this.execed = true;
    this.dumpable = 1;
    this.membarriers = false;
    this.keepCaps = false;
    // the saved ids, and the file system's, are the effective ones (man 2 execve)
    const { uids, gids } = this;
    if (this.guard !== null || uids[2] !== uids[1] || gids[2] !== gids[1]) {
      uids[2] = uids[1];
      gids[2] = gids[1];
      this.fsuid = null;
      this.fsgid = null;
      this.fileCapabilities = uids[1] === 0;
      this.idsChanged(uids[1], uids[1]);
    }
    this.clearHandlers();
    this.applyLimits();
  }

  /** Caught signals get their default action: execve(2), and clone3's CLONE_CLEAR_SIGHAND. */
  clearHandlers(): void {
    const ignored = this.actions.map((a) => (a.handler === SIG_IGN ? IGNORING : DEFAULT_ACTION));
    for (const [signal, action] of ignored.entries()) this.actionChanged(signal, this.action(signal), action);
    this.actions = ignored;
  }

  action(signal: number): SigAction {
    return this.actions[signal] ?? DEFAULT_ACTION;
  }

  setAction(signal: number, action: SigAction): void {
    const old = this.action(signal);
    this.actions[signal] = action;
    if (isIgnored(signal, action)) {
      this.pending.discard(signal);
      for (const task of this.tasks) task.pending.discard(signal);
    }
    this.actionChanged(signal, old, action);
  }

  private actionChanged(signal: number, old: SigAction, action: SigAction): void {
    if (old.handler !== action.handler) this.kernel.hostSignals?.change(signal, old, action);
  }

  /** Make a signal pending for the process, or for one task (tgkill). */
  raise(info: SigInfo, task?: Task): void {
    const { signo } = info;
    if (this.exited !== null) return;
    if (signo === SIGCONT) {
      for (const stop of [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]) this.discardPending(stop);
      this.goOn();
    } else if (defaultAction(signo) === 'stop') {
      this.discardPending(SIGCONT);
    }
    // An ignored signal vanishes unless it is blocked: sigwait may want it.
    if (isIgnored(signo, this.action(signo)) && !this.tasks.some((t) => t.blocks(signo))) return;
    (task?.pending ?? this.pending).add(info);
    if (signo === SIGKILL && this.stopped) this.goOn(false);
    for (const t of task === undefined ? this.tasks : [task]) t.signalsDirty = true;
    this.wakeFor(signo, task);
  }

  private discardPending(signal: number): void {
    this.pending.discard(signal);
    for (const task of this.tasks) task.pending.discard(signal);
  }

  /** Let a blocked task see the signal: the one it is for, or the first that does not block it. */
  private wakeFor(signal: number, task: Task | undefined): void {
    const target = task ?? this.tasks.find((t) => !t.blocks(signal)) ?? null;
    if (target?.away === true) this.kernel.scheduler.interrupt(target);
    else if (target?.blockedInCall === true || target?.queued === true) target.hurry();
    // sigtimedwait and signalfd look at signals that are blocked
    for (const t of this.tasks) if (t.blockedInCall && t.blocks(signal)) t.wake();
    this.signalQueue.wake();
  }

  /** This thread will not take what is pending for the process (it blocks it now, or ends): others may have to. */
  retarget(from: Task): void {
    for (const task of this.tasks) {
      if (task === from || (this.pending.set & ~task.blocked) === 0n) continue;
      task.signalsDirty = true;
      if (task.away) this.kernel.scheduler.interrupt(task);
      else if (task.blockedInCall) task.hurry();
    }
  }

  /** Woken when a signal becomes pending, blocked or not: for signalfd. */
  readonly signalQueue: WaitQueue = new WaitQueue();

  /** A stop signal with its default action: job control. */
  stopBy(signal: number): void {
    if (signal !== SIGSTOP && isOrphanedGroup(this.kernel, this.pgid)) return;
    if (this.parent === null) {
      // Our own parent is of the host: it should see us stop.
      this.kernel.hostSignals?.stop();
      return;
    }
    this.stopped = true;
    this.stopSignal = signal;
    this.continued = false;
    for (const task of this.tasks) this.kernel.scheduler.suspend(task);
    notifyParent(this, CLD_STOPPED, signal);
  }

  /** SIGCONT, or SIGKILL (`tell` false): a stopped process runs again. */
  private goOn(tell = true): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.stopSignal = 0;
    for (const task of this.tasks) task.wake();
    if (!tell) return;
    this.continued = true;
    notifyParent(this, CLD_CONTINUED, SIGCONT);
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

  /** End the process: see exitProcess. */
  exit(status: ExitStatus): void {
    exitProcess(this, status);
  }

  /** Processor time of the process so far, in milliseconds. */
  get cpuMs(): number {
    const { scheduler } = this.kernel;
    return this.tasks.reduce((sum, task) => sum + scheduler.cpuMsOf(task), this.ended.cpuMs);
  }

  /** Resolve a path of an *at call: relative ones against `dirfd`. */
  resolve(dirfd: number, path: string, follow: boolean, guard: Guard | null = this.guard): Location | number {
    const namespace = guard ?? this.kernel.namespace;
    if (path.charCodeAt(0) === 47 || dirfd === AT_FDCWD) return namespace.resolve(this.cwd, path, follow);
    const file = this.files.get(dirfd);
    if (file === null) return -EBADF;
    if (path !== '') {
      const stat = file.stat();
      if (typeof stat === 'number') return stat;
      if ((stat.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
    }
    return namespace.resolve(this.kernel.namespace.baseOf(file.path, path), path, follow);
  }
}

function hostGroups(): number[] {
  try {
    const line = /^Groups:(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
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
export const SETTABLE_FLAGS: number = O_APPEND | 0o4000 | 0o40000 | 0o1000000;
