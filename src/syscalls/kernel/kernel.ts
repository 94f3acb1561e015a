import { randomFillSync } from 'node:crypto';
import os from 'node:os';
import { GUEST_TOP } from '../../cpu/memory/layout.ts';
import type { MapSource } from '../../cpu/memory/types.ts';
import { EACCES } from '../errno.ts';
import { DevFs, devClaims } from '../vfs/dev.ts';
import { HostFs } from '../vfs/host.ts';
import { Namespace } from '../vfs/namespace.ts';
import { SysrootOverlay } from '../vfs/overlay.ts';
import { ProcFs } from '../vfs/proc.ts';
import { type BytePath, type FileSystem, S_IFMT, S_IFREG } from '../vfs/types.ts';
import { monotonicMs, realtimeMs } from './clock.ts';
import type { Process } from './process.ts';

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
    this.strace = options.strace ?? null;
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
            { point: '/dev', fs: dev, claims: devClaims },
          ],
          overlay,
        );
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
  openProgram(cwd: BytePath, path: BytePath): MapSource | number {
    const at = this.namespace.resolve(cwd, path, true);
    if (typeof at === 'number') return at;
    const stat = at.fs.stat(at.path, true);
    if (typeof stat === 'number') return stat;
    if ((stat.mode & S_IFMT) !== S_IFREG) return -EACCES;
    const allowed = at.fs.access(at.path, 1);
    if (allowed < 0) return allowed;
    const file = at.fs.open(at.path, 0, 0);
    return typeof file === 'number' ? file : file.mapSource();
  }

  /** Random bytes for getrandom(2), /dev/urandom; repeatable under a seed. */
  random(into: Uint8Array): void {
    const state = this.randomState;
    if (state === null) {
      randomFillSync(into);
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
