import { toByteString } from '../cursor.ts';
import { EACCES, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR } from '../errno.ts';
import { MAX_INSTANCES, MAX_QUEUED_EVENTS, MAX_WATCHES } from '../kernel/inotify.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { MQ_LIMITS } from '../kernel/mqueue.ts';
import type { Process } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import {
  directoryStat,
  inodeOf,
  ListDirectory,
  syntheticStat,
  syntheticStatfs,
  TextFile,
  textStat,
} from './memory-file.ts';
import * as ipc from './proc-ipc.ts';
import { maps, smaps, smapsRollup } from './proc-maps.ts';
import * as net from './proc-net.ts';
import * as text from './proc-text.ts';
import { ReadOnlyFs } from './read-only.ts';
import {
  type BytePath,
  type Location,
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  type OpenFile,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Stat,
  type Statfs,
} from './types.ts';

const PROC_MAGIC = 0x9fa0;

/** What a path below /proc is. */
type Node = (
  | { readonly kind: 'dir'; readonly list: () => { name: string; mode: number }[]; readonly mode?: number }
  | { readonly kind: 'file'; readonly content: () => string | Uint8Array; readonly mode?: number }
  | { readonly kind: 'link'; readonly target: () => string; readonly open?: () => OpenFile | null }
) & {
  /** Whose it is; such links are followed, and such files opened if they are `inner`, by who may trace it. */
  readonly owner?: Process;
  readonly inner?: boolean;
};

/** Files of a process that tell of its memory (man 5 proc: PTRACE_MODE_READ); those of 0400 are asked for as files are. */
const INNER = new Set(['maps', 'smaps', 'smaps_rollup', 'environ', 'auxv']);
const OWNERS_MODE: Readonly<Record<string, number>> = { environ: 0o400, auxv: 0o400, io: 0o400 };

/** man 2 ptrace, "Ptrace access mode checking", with the file system's ids. */
function mayInspect(by: Process, target: Process): boolean {
  const uid = by.fsuid ?? by.uids[1];
  const gid = by.fsgid ?? by.gids[1];
  // CAP_SYS_PTRACE goes by the effective user
  if (by === target || by.uids[1] === 0) return true;
  return target.uids.every((id) => id === uid) && target.gids.every((id) => id === gid);
}

type Files<T> = Readonly<Record<string, (subject: T) => string | Uint8Array>>;

const zeroTerminated = (list: readonly string[]): string => list.map((item) => `${item}\0`).join('');

/** Files of /proc/PID. */
const PROCESS_FILES: Files<Process> = {
  maps,
  smaps,
  smaps_rollup: smapsRollup,
  cmdline: (p) => (p.exited === null ? zeroTerminated(p.program.argv) : ''),
  environ: (p) => (p.exited === null ? zeroTerminated(p.program.env) : ''),
  auxv: (p) => p.program.auxv ?? new Uint8Array(0),
  stat: (p) => text.stat(p),
  statm: text.statm,
  status: (p) => text.status(p),
  limits: text.limits,
  comm: (p) => `${p.comm}\n`,
  mounts: (p) => text.mounts(p.kernel, 'mounts'),
  mountinfo: (p) => text.mounts(p.kernel, 'mountinfo'),
  cgroup: () => '0::/\n',
  oom_score: () => '0\n',
  oom_score_adj: () => '0\n',
  loginuid: () => '4294967295',
  sessionid: () => '4294967295',
  wchan: () => '0',
  io: () => 'rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n',
  uid_map: () => '         0          0 4294967295\n',
  gid_map: () => '         0          0 4294967295\n',
};

/** Files of /proc/PID/task/TID that tell of the thread; the others are the process's. */
const THREAD_FILES: Files<Task> = {
  stat: (t) => text.stat(t.process, t),
  status: (t) => text.status(t.process, t),
  comm: (t) => `${t.comm}\n`,
  // children belong to the process; those of its first thread are all there are
  children: (t) => (t.tid === t.process.pid ? [...t.process.children].map((child) => `${child.pid} `).join('') : ''),
};

/** Files of /proc itself and of /proc/sys, by path. */
const MACHINE_FILES: Files<Kernel> = {
  cpuinfo: text.cpuinfo,
  meminfo: text.meminfo,
  stat: text.machineStat,
  uptime: text.uptime,
  version: (k) => `Linux version ${k.release} (tsqemu-user) #1 SMP\n`,
  loadavg: () => '0.00 0.00 0.00 1/1 1\n',
  filesystems: () => 'nodev\tproc\nnodev\ttmpfs\nnodev\tdevtmpfs\n',
  cmdline: () => '\n',
  devices: () => 'Character devices:\n  1 mem\n  5 /dev/tty\n\nBlock devices:\n',
  swaps: () => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n',
  'net/sockstat': net.sockstat,
  'net/sockstat6': net.sockstat6,
  'net/snmp': net.snmp,
  'sysvipc/shm': (k) => ipc.shm(k.sysv),
  'sysvipc/sem': (k) => ipc.sem(k.sysv),
  'sysvipc/msg': (k) => ipc.msg(k.sysv),
  'sys/kernel/osrelease': (k) => `${k.release}\n`,
  'sys/kernel/ostype': () => 'Linux\n',
  'sys/kernel/hostname': (k) => `${toByteString(k.hostname)}\n`,
  'sys/kernel/domainname': () => '(none)\n',
  'sys/kernel/version': () => '#1 SMP\n',
  'sys/kernel/pid_max': () => '4194304\n',
  'sys/kernel/threads-max': () => '15000\n',
  'sys/kernel/ngroups_max': () => '65536\n',
  'sys/kernel/cap_last_cap': () => '40\n',
  'sys/kernel/randomize_va_space': () => '2\n',
  'sys/kernel/core_pattern': () => 'core\n',
  'sys/kernel/random/boot_id': () => '6d0f3d4c-7d8e-4a53-9f26-0a4be36f2f0e\n',
  'sys/kernel/random/uuid': (k) => `${uuid(k)}\n`,
  'sys/kernel/random/entropy_avail': () => '256\n',
  'sys/fs/file-max': () => '9223372036854775807\n',
  'sys/fs/inotify/max_queued_events': () => `${MAX_QUEUED_EVENTS}\n`,
  'sys/fs/inotify/max_user_instances': () => `${MAX_INSTANCES}\n`,
  'sys/fs/inotify/max_user_watches': () => `${MAX_WATCHES}\n`,
  ...Object.fromEntries(
    Object.entries(MQ_LIMITS).map(([name, value]) => [`sys/fs/mqueue/${name}`, () => `${value}\n`]),
  ),
  'sys/fs/nr_open': () => '1048576\n',
  'sys/fs/pipe-max-size': () => '1048576\n',
  'sys/vm/overcommit_memory': () => '0\n',
  'sys/vm/max_map_count': () => '65530\n',
  'sys/vm/mmap_min_addr': () => '65536\n',
  'sys/net/core/somaxconn': () => '4096\n',
};

/** A random UUID (RFC 9562, version 4). */
function uuid(kernel: Kernel): string {
  const bytes = new Uint8Array(16);
  kernel.random(bytes);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const digits = Buffer.from(bytes).toString('hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** procfs of the guest machine: its processes only, nothing of the host's. */
export class ProcFs extends ReadOnlyFs {
  readonly type = 'proc';
  private readonly kernel: Kernel;

  constructor(kernel: Kernel) {
    super();
    this.kernel = kernel;
  }

  /** The process whose call is being run. */
  private get current(): Process | undefined {
    return this.kernel.currentTask?.process;
  }

  private find(path: BytePath): Node | null {
    const parts = path.split('/').slice(2);
    const [first = '', ...rest] = parts;
    if (first === '') return { kind: 'dir', list: () => this.listRoot() };
    if (first === 'self' && rest.length === 0) return { kind: 'link', target: () => String(this.current?.pid ?? 0) };
    if (first === 'thread-self' && rest.length === 0) {
      return { kind: 'link', target: () => `${this.current?.pid}/task/${this.kernel.currentTask?.tid}` };
    }
    if (first === 'mounts' && rest.length === 0) return { kind: 'link', target: () => 'self/mounts' };
    if (/^\d+$/.test(first)) {
      // threads have such a directory too, though it is not listed
      const target = this.kernel.processes.get(Number(first)) ?? this.kernel.tasks.get(Number(first))?.process;
      const node = target === undefined ? null : processNode(target, rest);
      return node === null || target === undefined ? null : { ...node, owner: target };
    }
    const name = parts.join('/');
    const make = MACHINE_FILES[name];
    if (make !== undefined) return { kind: 'file', content: () => make(this.kernel) };
    const below = machineChildren(`${name}/`);
    return below.length > 0 ? { kind: 'dir', list: () => below } : null;
  }

  /** Whether a node shows what only who may trace its process sees. */
  private hides(node: Node): boolean {
    const { owner } = node;
    if (owner === undefined || (node.kind !== 'link' && node.inner !== true)) return false;
    return this.current !== undefined && !mayInspect(this.current, owner);
  }

  private listRoot(): { name: string; mode: number }[] {
    return [
      ...[...this.kernel.processes.keys()].map((pid) => ({ name: String(pid), mode: S_IFDIR })),
      { name: 'self', mode: S_IFLNK },
      { name: 'thread-self', mode: S_IFLNK },
      { name: 'mounts', mode: S_IFLNK },
      ...machineChildren(''),
    ];
  }

  override magic(path: BytePath): Location | null {
    const node = this.find(path);
    if (node?.kind !== 'link' || this.hides(node)) return null;
    const file = node.open?.();
    if (file == null) return null;
    const itself = { fs: this, path };
    const stat = file.stat();
    if (typeof stat === 'number' || !file.path.startsWith('/') || file.path.startsWith('/dev/std')) return itself;
    if (![S_IFREG, S_IFDIR].includes(stat.mode & S_IFMT)) return itself;
    const place = this.kernel.namespace.resolve('/', file.path, true);
    if (typeof place === 'number') return itself;
    const there = place.fs.stat(place.path, true);
    return typeof there !== 'number' && there.ino === stat.ino && there.dev === stat.dev ? place : itself;
  }

  open(path: BytePath, flags: number, _mode: number): OpenFile | number {
    const node = this.find(path);
    if (node === null) return -ENOENT;
    if (this.hides(node)) return -EACCES;
    if (node.kind === 'dir') {
      if ((flags & O_ACCMODE) !== 0 || (flags & O_CREAT) !== 0) return -EISDIR;
      return new ListDirectory(path, flags, node.list, PROC_MAGIC, statOf(node, path));
    }
    if (node.kind === 'link') return this.openLink(node, flags);
    if ((flags & O_DIRECTORY) !== 0) return -ENOTDIR;
    if ((flags & O_ACCMODE) !== 0) return -EACCES;
    const content = node.content();
    const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
    return new TextFile(path, flags & ~O_CREAT, bytes, statOf(node, path), PROC_MAGIC);
  }

  /** /proc/self/fd/N of a stream, or of a file that has no name any more: there is but the one description to give. */
  private openLink(node: Node & { kind: 'link' }, flags: number): OpenFile | number {
    if ((flags & O_NOFOLLOW) !== 0) return -ELOOP;
    const file = node.open?.();
    if (file == null) return -ENOENT;
    if ((flags & O_DIRECTORY) !== 0) return -ENOTDIR;
    file.refs++;
    return file;
  }

  stat(path: BytePath, follow: boolean): Stat | number {
    const node = this.find(path);
    if (node === null) return -ENOENT;
    // a process's own descriptors are open to it, whatever its file system's user (fs/proc/fd.c)
    const own = node.kind === 'dir' && node.inner === true && node.owner === this.current;
    if (own) return { ...statOf(node, path), uid: node.owner?.fsuid ?? node.owner?.uids[1] ?? 0 };
    if (node.kind !== 'link') return statOf(node, path);
    if (follow && this.hides(node)) return -EACCES;
    if (follow && node.open !== undefined) {
      const file = node.open();
      return file === null ? -ENOENT : file.stat();
    }
    return statOf(node, path);
  }

  override readlink(path: BytePath): BytePath | number {
    const node = this.find(path);
    if (node === null) return -ENOENT;
    if (this.hides(node)) return -EACCES;
    return node.kind === 'link' ? node.target() : -EINVAL;
  }

  statfs(_path: BytePath): Statfs {
    return syntheticStatfs(PROC_MAGIC);
  }
}

/** What lstat tells of a node. */
function statOf(node: Node, path: BytePath): Stat {
  const ids = node.owner && { uid: node.owner.uids[1], gid: node.owner.gids[1] };
  if (node.kind === 'dir') return { ...directoryStat(path), mode: S_IFDIR | (node.mode ?? 0o555), ...ids };
  if (node.kind === 'file') return { ...textStat(path, node.mode), ...ids };
  const size = node.open === undefined ? 0 : 64;
  return syntheticStat({ mode: S_IFLNK | 0o777, ino: inodeOf(path), size, ...ids });
}

function machineChildren(prefix: string): { name: string; mode: number }[] {
  const found = new Map<string, number>();
  for (const path of Object.keys(MACHINE_FILES)) {
    if (!path.startsWith(prefix)) continue;
    const [name = '', ...rest] = path.slice(prefix.length).split('/');
    found.set(name, rest.length > 0 ? S_IFDIR : S_IFREG);
  }
  return [...found].map(([name, mode]) => ({ name, mode }));
}

/** A path below /proc/PID or /proc/PID/task/TID. */
function processNode(target: Process, rest: string[]): Node | null {
  const [name = '', second, ...deeper] = rest;
  if (name === '') return { kind: 'dir', list: () => processChildren() };
  if (name === 'task') {
    if (second === undefined) {
      return { kind: 'dir', list: () => target.tasks.map((task) => ({ name: String(task.tid), mode: S_IFDIR })) };
    }
    const task = target.tasks.find((t) => String(t.tid) === second);
    if (task === undefined || deeper[0] === 'task') return null;
    const make = deeper.length === 1 ? THREAD_FILES[deeper[0] ?? ''] : undefined;
    return make === undefined ? processNode(target, deeper) : { kind: 'file', content: () => make(task) };
  }
  // A zombie has neither descriptors nor a program.
  if (target.exited !== null && ['fd', 'fdinfo', 'exe', 'cwd', 'root'].includes(name)) return null;
  if (name === 'fd' || name === 'fdinfo') return descriptorNode(target, name, second, deeper.length);
  if (second !== undefined) return null;
  if (name === 'exe') return { kind: 'link', target: () => target.exe };
  if (name === 'cwd') return { kind: 'link', target: () => target.cwd };
  if (name === 'root') return { kind: 'link', target: () => '/' };
  const make = PROCESS_FILES[name];
  if (make === undefined) return null;
  return { kind: 'file', content: () => make(target), mode: OWNERS_MODE[name] ?? 0o444, inner: INNER.has(name) };
}

function descriptorNode(target: Process, name: string, fd: string | undefined, deeper: number): Node | null {
  const mode = name === 'fd' ? S_IFLNK : S_IFREG;
  if (fd === undefined) {
    const list = () => target.files.list().map((n) => ({ name: String(n), mode }));
    return { kind: 'dir', list, mode: name === 'fd' ? 0o500 : 0o555, inner: true };
  }
  if (!/^\d+$/.test(fd) || deeper > 0) return null;
  const file = target.files.get(Number(fd));
  if (file === null) return null;
  if (name === 'fdinfo') {
    return {
      kind: 'file',
      inner: true,
      content: () =>
        `pos:\t${Math.max(0, file.seek(0, 1))}\nflags:\t0${file.flags.toString(8)}\nmnt_id:\t20\nino:\t1\n`,
    };
  }
  return { kind: 'link', target: () => file.path, open: () => file };
}

function processChildren(): { name: string; mode: number }[] {
  return [
    ...['task', 'fd', 'fdinfo'].map((name) => ({ name, mode: S_IFDIR })),
    ...['exe', 'cwd', 'root'].map((name) => ({ name, mode: S_IFLNK })),
    ...Object.keys(PROCESS_FILES).map((name) => ({ name, mode: S_IFREG })),
  ];
}
