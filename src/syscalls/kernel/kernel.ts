import fs from 'node:fs';
import os from 'node:os';
import type { GuestAddressSpace } from '../../cpu/memory/address-space.ts';
import { GUEST_TOP } from '../../cpu/memory/layout.ts';
import type { MapSource } from '../../cpu/memory/types.ts';
import { cpuMs } from '../../uptime.ts';
import type { Abi } from '../abi/types.ts';
import { EACCES } from '../errno.ts';
import { DevFs, devClaims } from '../vfs/dev.ts';
import { Guard } from '../vfs/guarded-fs.ts';
import { HostFs } from '../vfs/host.ts';
import { canonicalPath, Namespace } from '../vfs/namespace.ts';
import { SysrootOverlay } from '../vfs/overlay.ts';
import { type FileIds, hostProtections, type Protections, permission, USUAL_PROTECTIONS } from '../vfs/permissions.ts';
import { ProcFs } from '../vfs/proc.ts';
import { type BytePath, type FileSystem, type OpenFile, S_IFCHR, S_IFMT, S_IFREG } from '../vfs/types.ts';
import { monotonicMs, realtimeMs } from './clock.ts';
import type { GuestCpu } from './cpu.ts';
import { FileWatches } from './file-watches.ts';
import { Futexes } from './futex.ts';
import { HostSignals } from './host-signals.ts';
import { FileLocks } from './locks.ts';
import { PosixQueues } from './mqueue.ts';
import { Network } from './network.ts';
import type { Process } from './process.ts';
import { Ptys } from './pty.ts';
import { Scheduler } from './scheduler.ts';
import { SharedFiles } from './shared-files.ts';
import { SIGKILL } from './signals.ts';
import { SysvIpc } from './sysv-objects.ts';
import type { Task } from './task.ts';
import { Tty } from './tty.ts';

const SIGXCPU = 24;
/** pid_max of a 64-bit kernel. */
const MAX_PID = 4194304;

/** A program that execve(2) starts: a fresh memory with it, and a thread at its entry. */
export interface LoadedImage {
  readonly abi: Abi;
  readonly cpu: GuestCpu;
  /** As the program is known: the script's path for a script. */
  readonly comm: string;
  /** Canonical path of the ELF file. */
  readonly exe: string;
  readonly argv: readonly string[];
  readonly auxv: Uint8Array;
  /** See ProgramInfo. */
  readonly trampoline: number;
}

/** What execve(2) asks the emulator for; strings are byte strings. */
export interface ExecRequest {
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly ids: { readonly uid: number; readonly euid: number; readonly gid: number; readonly egid: number };
  readonly stack: number;
  /** See Process.guard. */
  readonly guard?: Guard | null;
}

/** Load a program: the image, a negative errno, or a promise while its guest's front end is being loaded. */
export type ProgramLoader = (request: ExecRequest) => LoadedImage | number | Promise<LoadedImage | number>;

/** What the emulator may set; every field has a default. */
export interface KernelOptions {
  /** Root file system of a sandbox (see createMemRoot); absent = the host's tree. */
  readonly root?: FileSystem | undefined;
  /** qemu's -L: looked up before the host. */
  readonly sysroot?: string | undefined;
  /** Sink of -strace lines. */
  readonly strace?: ((text: string) => void) | undefined;
  /** Sink of one-line diagnostics; stderr by default. */
  readonly warn?: ((line: string) => void) | undefined;
  /** uname -r */
  readonly release?: string | undefined;
  readonly hostname?: string | undefined;
  readonly cpus?: number | undefined;
  /** Bytes of RAM that the guest machine claims to have. */
  readonly memory?: number | undefined;
  readonly pid?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Whether sockets reach the host's network; else there is a loopback only. Default: not in a sandbox. */
  readonly network?: boolean | undefined;
  /** Makes getrandom and /dev/urandom repeat (qemu's -seed). */
  readonly seed?: number | undefined;
  /** Whether host signals reach the guest, and stopping the guest stops us. Default true. */
  readonly hostSignals?: boolean | undefined;
  /** Stack limit in bytes (qemu's -s). Default 8 MiB. */
  readonly stack?: number | undefined;
  /** RSS and such of /proc/cpuinfo: text of the guest machine's processors, one block per CPU. */
  readonly cpuinfo?: ((cpu: number) => string) | undefined;
}

/** The guest machine: what all its processes share. */
export class Kernel {
  readonly options: KernelOptions;
  readonly sandboxed: boolean;
  readonly namespace: Namespace;
  readonly release: string;
  readonly hostname: string;
  readonly cpus: number;
  readonly memory: number;
  readonly uid: number;
  readonly gid: number;
  readonly firstPid: number;
  /** Monotonic milliseconds at "boot". */
  readonly bootMs: number;
  readonly bootTimeMs: number;
  readonly processes: Map<number, Process> = new Map();
  /** Living tasks of all processes by thread id. */
  readonly tasks: Map<number, Task> = new Map();
  readonly scheduler: Scheduler = new Scheduler(this);
  readonly futexes: Futexes = new Futexes();
  readonly locks: FileLocks = new FileLocks();
  readonly sharedFiles: SharedFiles = new SharedFiles(this);
  readonly watches: FileWatches = new FileWatches(this);
  readonly network: Network;
  readonly hostSignals: HostSignals | null;
  /** Starts programs for execve(2); set by the emulator. */
  loadProgram: ProgramLoader | null = null;
  /** Told of instructions that the processor cannot run. */
  onFault: (task: Task) => void = () => {};
  /** Milliseconds of processor time until every guest is killed; null: no limit. */
  cpuLimit: number | null = null;
  /** The host's terminal, which the first session has. */
  readonly console: Tty = new Tty();
  readonly sysv: SysvIpc = new SysvIpc();
  readonly mqueues: PosixQueues = new PosixQueues();
  readonly ptys: Ptys = new Ptys(this);
  private nextId: number;
  private last: Task | null = null;
  private stdio: readonly (OpenFile | null)[] = [];
  readonly strace: ((text: string) => void) | null;
  private readonly warned: Set<string> = new Set();
  private randomState: Uint32Array | null = null;

  constructor(options: KernelOptions = {}) {
    this.options = options;
    this.sandboxed = options.root !== undefined;
    this.release = options.release ?? '6.1.0-tsqemu';
    this.hostname = options.hostname ?? (this.sandboxed ? 'tsqemu' : os.hostname());
    this.cpus = options.cpus ?? (this.sandboxed ? 1 : os.availableParallelism());
    this.memory = options.memory ?? Math.min(os.totalmem(), GUEST_TOP - 0x2000_0000);
    this.uid = options.uid ?? (this.sandboxed ? 0 : (process.getuid?.() ?? 1000));
    this.gid = options.gid ?? (this.sandboxed ? 0 : (process.getgid?.() ?? 1000));
    this.firstPid = options.pid ?? (this.sandboxed ? 1 : process.pid);
    this.network = new Network(options.network ?? !this.sandboxed, this.scheduler);
    this.strace = options.strace ?? null;
    this.nextId = this.firstPid;
    this.hostSignals = options.hostSignals === false ? null : new HostSignals(this);
    this.bootMs = this.sandboxed ? monotonicMs() : 0;
    this.bootTimeMs = realtimeMs() - (monotonicMs() - this.bootMs);
    if (options.seed !== undefined) {
      const s = options.seed >>> 0;
      this.randomState = Uint32Array.of(s ^ 0x9e37_79b9, s + 0x85eb_ca6b, (s * 0xc2b2_ae35) >>> 0, 1);
    }
    const proc = new ProcFs(this);
    const dev = new DevFs(this);
    const root = options.root ?? new HostFs();
    const overlay = options.sysroot === undefined ? null : new SysrootOverlay(options.sysroot);
    this.namespace = this.sandboxed
      ? new Namespace(
          root,
          [
            { point: '/proc', fs: proc },
            { point: '/dev', fs: dev, claims: (path) => !path.startsWith('/dev/shm') },
          ],
          null,
        )
      : new Namespace(
          root,
          [
            { point: '/proc', fs: proc },
            { point: '/dev', fs: dev, claims: (path) => devClaims(path) || dev.ownsPty(path) },
          ],
          overlay,
        );
  }

  /** What stands before the files for these ids; null where they are those that the emulator works with. */
  guardFor(ids: FileIds): Guard | null {
    const { uid, gid } = this.ownIds;
    if (ids.uid === uid && ids.gid === gid && ids.privileged === (uid === 0)) return null;
    this.protections ??= this.sandboxed ? USUAL_PROTECTIONS : hostProtections();
    return new Guard(this.namespace, ids, this.protections, uid === 0);
  }
  /** The ids by which the host, or the tree in memory, does what the emulator asks for. */
  private get ownIds(): { readonly uid: number; readonly gid: number } {
    if (this.sandboxed) return { uid: 0, gid: 0 };
    return { uid: process.geteuid?.() ?? this.uid, gid: process.getegid?.() ?? this.gid };
  }
  /** Whether the first process begins with ids that are not the emulator's. */
  get hasOtherIds(): boolean {
    return this.uid !== this.ownIds.uid || this.gid !== this.ownIds.gid;
  }
  private protections: Protections | null = null;

  /** The first process: its end is the machine's. */
  first: Process | null = null;

  /** A process or thread id that is free. */
  newId(): number {
    const id = this.nextId;
    do this.nextId = this.nextId >= MAX_PID ? 300 : this.nextId + 1;
    while (this.processes.has(this.nextId) || this.tasks.has(this.nextId));
    return id;
  }

  /** Ids given so far: processes and threads since the machine's boot. */
  get started(): number {
    return this.nextId - this.firstPid;
  }

  /** The task whose call or code is being run, for /proc/self. */
  get currentTask(): Task | null {
    return this.scheduler.current ?? this.last ?? this.tasks.values().next().value ?? null;
  }

  /** A task's turn begins. */
  enter(task: Task): void {
    const { last } = this;
    if (last === task) return;
    // Another task may have stored to what this one had marked.
    task.cpu.clearExclusive();
    if (last !== null && last.space !== task.space) last.space.publish();
    this.last = task;
  }

  /** A task's turn is over. */
  leave(_task: Task): void {
    this.checkLimit();
  }

  /** Kill all guests when they have used the processor time that they may. */
  checkLimit(): void {
    if (this.cpuLimit === null) return;
    if (cpuMs() < this.cpuLimit) return;
    for (const p of [...this.processes.values()]) p.exit({ signal: SIGXCPU });
  }

  /** The processor met a synchronous fault. */
  fault(task: Task): void {
    const { signal, code, addr, trap, error } = task.cpu.fault;
    this.onFault(task);
    task.fault(signal, code, addr, trap, error);
  }

  /** Whether a read of the host's may not hold the thread: others run, or a signal must get through. */
  get mustNotBlock(): boolean {
    return this.tasks.size > 1 || this.scheduler.timers.size > 0 || this.scheduler.hostBusy;
  }

  /** Address spaces in use, each once. */
  spaces(): Set<GuestAddressSpace> {
    const spaces = new Set<GuestAddressSpace>();
    for (const p of this.processes.values()) if (p.exited === null) spaces.add(p.space);
    return spaces;
  }

  /** The descriptions of the host's standard streams, which tell how long orphans may go on. */
  noteStdio(files: readonly (OpenFile | null)[]): void {
    this.stdio = files;
  }

  /**
   * Whether the machine has ended: the first process has, and no other can still write where somebody outside may
   * wait for the end of file. Daemons that let go of the standard streams, and what runs on a terminal, are killed.
   */
  over(): boolean {
    const { first } = this;
    if (first === null || first.exited === null) return false;
    const living = [...this.processes.values()].filter((p) => p.exited === null);
    const streams = this.stdio.slice(1).filter((file) => file !== null && file.refs > 0 && !isTerminal(file));
    const holds = (p: Process): boolean => p.files.list().some((fd) => streams.includes(p.files.get(fd)));
    if ('code' in first.exited && living.some(holds)) return false;
    for (const p of living) p.exit({ signal: SIGKILL });
    this.hostSignals?.removeAll();
    return true;
  }

  /** Milliseconds of processor time that a process has used. */
  cpuMsOf(target: Process): number {
    // Alone, everything is its own: our translator and calls too.
    return target === this.first && this.nextId === this.firstPid + 1 ? cpuMs() : target.cpuMs;
  }

  /** A line of the trace; with the thread's id as soon as there is more than one. */
  trace(task: Task, text: string): void {
    this.strace?.(this.nextId === this.firstPid + 1 ? text : `[pid ${String(task.tid).padStart(5)}] ${text}`);
  }

  /** Milliseconds since the guest machine's boot. */
  uptimeMs(): number {
    return monotonicMs() - this.bootMs;
  }

  /** One diagnostic line, once per key. */
  warnOnce(key: string, line: string): void {
    if (this.warned.has(key)) return;
    this.warned.add(key);
    (this.options.warn ?? ((text: string) => console.error(text)))(`tsqemu-user: ${line}`);
  }

  /**
   * Open a program as execve(2) would: a regular file with execute permission. For the loader's
   * OpenFileFn, which needs the file before there is a process.
   */
  openProgram(cwd: BytePath, path: BytePath, guard: Guard | null = null): MapSource | number {
    const at = guard === null ? this.namespace.resolve(cwd, path, true) : guard.walk(cwd, path, true);
    if (typeof at === 'number') return at;
    const stat = at.fs.stat(at.path, true);
    if (typeof stat === 'number') return stat;
    if ((stat.mode & S_IFMT) !== S_IFREG) return -EACCES;
    const allowed = guard === null ? at.fs.access(at.path, 1) : permission(guard.ids, stat, 1);
    if (allowed < 0) return allowed;
    const file = at.fs.open(at.path, 0, 0);
    return typeof file === 'number' ? file : file.mapSource();
  }

  /** The canonical name of a program that was opened. */
  canonical(cwd: BytePath, path: BytePath): BytePath {
    const at = this.namespace.resolve(cwd, path, true);
    return typeof at === 'number' ? path : canonicalPath(at);
  }

  /** Random bytes for getrandom(2), /dev/urandom; repeatable under a seed. */
  random(into: Uint8Array): void {
    const state = this.randomState;
    if (state === null) {
      hostRandom(into);
      return;
    }
    // sfc32 (PractRand's small fast counter generator): only repeatability matters here.
    for (let i = 0; i < into.length; i++) {
      const [a = 0, b = 0, c = 0, d = 0] = state;
      const t = (a + b + d) | 0;
      state[3] = d + 1;
      state[0] = b ^ (b >>> 9);
      state[1] = c + (c << 3);
      state[2] = ((c << 21) | (c >>> 11)) + t;
      into[i] = t;
    }
  }
}

function isTerminal(file: OpenFile): boolean {
  const stat = file.stat();
  return typeof stat !== 'number' && (stat.mode & S_IFMT) === S_IFCHR;
}

/** Random bytes of the host. Node's crypto costs a short program a tenth of its time, the device nothing. */
function hostRandom(into: Uint8Array): void {
  try {
    const fd = fs.openSync('/dev/urandom', 'r');
    try {
      if (fs.readSync(fd, into) === into.length) return;
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    // no such device here
  }
  process.getBuiltinModule('node:crypto').randomFillSync(into);
}
