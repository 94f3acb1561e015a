import fs from 'node:fs';
import type { MapSource } from '../../cpu/memory/types.ts';
import { EBADF, EEXIST, EIO, EISDIR, ENODEV, ENOENT, ENOSPC, ENOTDIR, ENXIO } from '../errno.ts';
import { controllingTty } from '../kernel/job-control.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { masterStat, type Pty, PtySlave, slaveStat } from '../kernel/pty.ts';
import { BaseFile } from './base-file.ts';
import { hostStat } from './host-stat.ts';
import { inheritedFile } from './host-stream.ts';
import { directoryStat, inodeOf, ListDirectory, syntheticStat, syntheticStatfs } from './memory-file.ts';
import { ReadOnlyFs } from './read-only.ts';
import {
  type BytePath,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOCTTY,
  type OpenFile,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  type Stat,
  type Statfs,
} from './types.ts';

const TMPFS_MAGIC = 0x01021994;

/** Character devices we are: name → [major, minor] (Documentation/admin-guide/devices.txt). */
const DEVICES: Readonly<Record<string, readonly [number, number]>> = {
  null: [1, 3],
  zero: [1, 5],
  full: [1, 7],
  random: [1, 8],
  urandom: [1, 9],
  tty: [5, 0],
  ptmx: [5, 2],
};
const LINKS: Readonly<Record<string, string>> = {
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  fd: '/proc/self/fd',
};

/** Paths of /dev that are ours even on the host's tree. */
export function devClaims(path: BytePath): boolean {
  const name = path.split('/')[2];
  return name !== undefined && (name in DEVICES || name in LINKS);
}

/** null, zero, full, random, urandom (man 4 null, full, random). */
class DeviceFile extends BaseFile {
  private readonly kernel: Kernel;
  private readonly name: string;
  constructor(kernel: Kernel, name: string, path: BytePath, flags: number) {
    super(path, flags);
    this.kernel = kernel;
    this.name = name;
  }
  stat(): Stat {
    return deviceStat(this.name);
  }
  statfs(): Statfs {
    return syntheticStatfs(TMPFS_MAGIC);
  }
  override read(into: Uint8Array): number {
    if (!this.readable) return -EBADF;
    switch (this.name) {
      case 'null':
        return 0;
      case 'zero':
      case 'full':
        into.fill(0);
        return into.length;
      default:
        this.kernel.random(into);
        return into.length;
    }
  }
  override write(from: Uint8Array): number {
    if (!this.writable) return -EBADF;
    return this.name === 'full' ? -ENOSPC : from.length;
  }
  override pread(into: Uint8Array, _offset: number): number {
    return this.read(into);
  }
  override pwrite(from: Uint8Array, _offset: number): number {
    return this.write(from);
  }
  override seek(_offset: number, _whence: number): number {
    return 0;
  }
  override chmod(_mode: number): number {
    return 0;
  }
  override utimes(): number {
    return 0;
  }
  /** A mapping of /dev/zero is anonymous memory. */
  override mapSource(): MapSource | number {
    if (this.name !== 'zero') return -ENODEV;
    return {
      name: '/dev/zero',
      dev: 5,
      ino: inodeOf('/dev/zero'),
      read: (into) => {
        into.fill(0);
        return into.length;
      },
      write: (from) => from.length,
      size: () => Number.MAX_SAFE_INTEGER,
      ref: () => {},
      unref: () => {},
    };
  }
}

function deviceStat(name: string): Stat {
  const [major, minor] = DEVICES[name] ?? [0, 0];
  return syntheticStat({
    dev: 5,
    mode: S_IFCHR | 0o666,
    ino: inodeOf(`/dev/${name}`),
    rdev: (major << 8) | minor,
  });
}

/** /dev of the guest machine: memory devices of our own, the terminal and standard streams by link. */
export class DevFs extends ReadOnlyFs {
  readonly type = 'devtmpfs';
  private readonly kernel: Kernel;

  constructor(kernel: Kernel) {
    super();
    this.kernel = kernel;
  }

  open(path: BytePath, flags: number, _mode: number): OpenFile | number {
    const name = path.slice(5);
    if (path === '/dev' || name === 'pts' || name === 'shm') {
      if ((flags & 3) !== 0 || (flags & O_CREAT) !== 0) return -EISDIR;
      return new ListDirectory(path, flags, () => this.list(path), TMPFS_MAGIC);
    }
    const pty = this.ptyOf(path);
    if (pty !== undefined) return pty.locked || pty.hungUp ? -EIO : new PtySlave(pty, flags & ~O_NOCTTY);
    if (!(name in DEVICES)) return -ENOENT;
    if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
    if ((flags & O_DIRECTORY) !== 0) return -ENOTDIR;
    if (name === 'tty') return this.openTerminal(path, flags);
    if (name === 'ptmx') return this.openMaster(path, flags);
    return new DeviceFile(this.kernel, name, path, flags & ~(O_CREAT | O_EXCL | 0o1000));
  }

  stat(path: BytePath, _follow: boolean): Stat | number {
    const name = path.slice(5);
    if (path === '/dev' || name === 'pts' || name === 'shm') return directoryStat(path);
    const target = LINKS[name];
    if (target !== undefined) {
      return syntheticStat({ mode: S_IFLNK | 0o777, ino: inodeOf(path), dev: 5, size: target.length });
    }
    const pty = this.ptyOf(path);
    if (pty !== undefined) return slaveStat(pty);
    if (name === 'pts/ptmx') return masterStat();
    if (!(name in DEVICES)) return -ENOENT;
    // The host's numbers and owner, so that `ls -l /dev/null` shows what the machine has.
    const real = this.kernel.sandboxed ? -ENOENT : hostStat(path, true);
    return typeof real === 'number' ? deviceStat(name) : real;
  }

  override readlink(path: BytePath): BytePath | number {
    return LINKS[path.slice(5)] ?? super.readlink(path);
  }

  statfs(_path: BytePath): Statfs {
    return syntheticStatfs(TMPFS_MAGIC);
  }

  private ptyOf(path: BytePath): Pty | undefined {
    return path.startsWith('/dev/pts/') ? this.kernel.ptys.get(path.slice(9)) : undefined;
  }
  /** Whether a path is that of a terminal of ours: the host's own have theirs beside them. */
  ownsPty(path: BytePath): boolean {
    return this.ptyOf(path) !== undefined;
  }

  private openMaster(path: BytePath, flags: number): OpenFile | number {
    const taken = (index: number): boolean =>
      !this.kernel.sandboxed && typeof hostStat(`/dev/pts/${index}`, true) !== 'number';
    return this.kernel.ptys.create(path, flags & ~O_NOCTTY, taken) ?? -ENOSPC;
  }

  override chmod(path: BytePath, mode: number): number {
    const pty = this.ptyOf(path);
    if (pty === undefined) return super.chmod(path, mode, true);
    pty.mode = mode & 0o7777;
    return 0;
  }
  override chown(path: BytePath, uid: number, gid: number): number {
    const pty = this.ptyOf(path);
    if (pty === undefined) return super.chown(path, uid, gid, true);
    if (uid !== -1) pty.uid = uid >>> 0;
    if (gid !== -1) pty.gid = gid >>> 0;
    return 0;
  }

  /** The controlling terminal of who asks: a pty of ours, or the host's, which a sandbox has not. */
  private openTerminal(path: BytePath, flags: number): OpenFile | number {
    const { currentTask } = this.kernel;
    const tty = currentTask === null ? null : controllingTty(currentTask.process);
    if (tty === null) return -ENXIO;
    const pty = this.kernel.ptys.list().find((candidate) => candidate.tty === tty);
    if (pty !== undefined) return new PtySlave(pty, flags & ~O_NOCTTY);
    if (this.kernel.sandboxed) return -ENXIO;
    try {
      const fd = fs.openSync('/dev/tty', (flags & 3) | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY);
      return inheritedFile(fd, path, true) ?? -ENXIO;
    } catch {
      // No controlling terminal, whatever the host calls it.
      return -ENXIO;
    }
  }

  private list(path: BytePath): { name: string; mode: number }[] {
    if (path === '/dev/pts') {
      const slaves = this.kernel.ptys.list().map(({ index }) => ({ name: String(index), mode: S_IFCHR }));
      return [...slaves, { name: 'ptmx', mode: S_IFCHR }];
    }
    if (path !== '/dev') return [];
    return [
      ...Object.keys(DEVICES).map((name) => ({ name, mode: S_IFCHR })),
      ...Object.keys(LINKS).map((name) => ({ name, mode: S_IFLNK })),
      { name: 'pts', mode: S_IFDIR },
      { name: 'shm', mode: S_IFDIR },
    ];
  }
}
