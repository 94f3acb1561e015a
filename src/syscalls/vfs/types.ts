import type { MapSource } from '../../cpu/memory/types.ts';
import type { WaitQueue } from '../kernel/wait-queue.ts';

/**
 * Paths and names in the vfs are *byte strings*: one character U+0000–U+00FF per byte, since Linux
 * names are bytes and need not be UTF-8. Results are values, or negative errnos; nothing throws.
 */
export type BytePath = string;

/** Seconds and nanoseconds since the epoch. */
export interface Timespec {
  readonly sec: number;
  readonly nsec: number;
}

/** struct stat in no ABI's layout (man 2 stat). */
export interface Stat {
  readonly dev: number;
  readonly ino: number | bigint;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number;
  readonly blocks: number;
  readonly atime: Timespec;
  readonly mtime: Timespec;
  readonly ctime: Timespec;
  /** Birth time where the file system knows it. */
  readonly btime: Timespec | null;
}

/** struct statfs in no ABI's layout (man 2 statfs). */
export interface Statfs {
  readonly type: number;
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly namelen: number;
}

/** One directory entry; type is DT_*. */
export interface Dirent {
  readonly name: BytePath;
  readonly ino: number | bigint;
  readonly type: number;
}

/** What an ioctl handler may touch: guest memory at its argument. */
export interface IoctlArg {
  readonly value: number;
  /** View of n bytes at the argument for writing / reading, or null (EFAULT). */
  out(length: number): DataView | null;
  in(length: number): DataView | null;
}

/**
 * An open file description (man 2 open, "Open file descriptions"): position, status flags, and the
 * object behind it. Reference counted by the descriptor tables.
 */
export interface OpenFile {
  /** Status flags in asm-generic encoding: access mode, O_APPEND, O_NONBLOCK … */
  flags: number;
  /** Guest path, for /proc/self/fd, fchdir and the *at calls; renames change it. */
  path: BytePath;
  refs: number;
  /**
   * Whether a transfer may find nothing (pipes, terminals): read and write then answer -EAGAIN and
   * the kernel waits, whatever O_NONBLOCK says.
   */
  readonly mayBlock: boolean;
  /**
   * Woken whenever what `poll` answers, or what a transfer would find, may have changed. Null: the file is always
   * ready, or (with mayBlock) nobody tells and whoever waits looks again from time to time.
   */
  readonly waitQueue: WaitQueue | null;
  /** Whether it is a terminal: job control applies. */
  readonly terminal: boolean;
  /** From now on reads answer -EAGAIN instead of holding the thread, where the host can do that. */
  unblock(): void;
  read(into: Uint8Array): number;
  write(from: Uint8Array): number;
  pread(into: Uint8Array, offset: number): number;
  pwrite(from: Uint8Array, offset: number): number;
  /** lseek: returns the new position. */
  seek(offset: number, whence: number): number;
  stat(): Stat | number;
  /** Entries from the current position on; `take` returns false when it has no more room. */
  readdir(take: (entry: Dirent, nextPosition: number) => boolean): number;
  truncate(size: number): number;
  allocate(mode: number, offset: number, length: number): number;
  sync(): number;
  chmod(mode: number): number;
  chown(uid: number, gid: number): number;
  utimes(atime: Timespec | null, mtime: Timespec | null): number;
  statfs(): Statfs | number;
  ioctl(request: number, arg: IoctlArg): number;
  /** POLLIN | POLLOUT | POLLERR | POLLHUP that hold now. */
  poll(): number;
  /** What holds with POLLIN and with POLLOUT besides: POLLRDNORM and POLLWRNORM of most. */
  readonly inMeans: number;
  readonly outMeans: number;
  /** For mmap; a negative errno (ENODEV) where the object cannot be mapped. */
  mapSource(): MapSource | number;
  /** The last reference is gone. */
  close(): number;
}

/** A file opened by `beginOpen`: one of `settle`, `settleByStat` and `close` is called, once. */
export interface Opening {
  settle(): OpenFile;
  /** For fstat(2), whose answer tells the kind of file as well. */
  settleByStat(): { readonly file: OpenFile; readonly stat: Stat };
  close(): number;
}

/** A file system. Paths are absolute guest paths, free of `.`, `..` and inner symlinks unless opaque. */
export interface FileSystem {
  /** Name of its type for /proc/mounts and statfs. */
  readonly type: string;
  /** The one that this stands in front of, if it only tells of changes. */
  readonly beneath?: FileSystem;
  /** Resolves symlinks and `..` itself: the host's directories. */
  readonly opaque: boolean;
  /** st_mode or -errno, not following a last symlink. */
  mode(path: BytePath): number;
  /** Where a link leads that is more than its text, /proc/self/fd/N: maybe to itself. Null: it is not one. */
  magic(path: BytePath): Location | null;
  open(path: BytePath, flags: number, mode: number): OpenFile | number;
  /** The same, leaving open what kind of file it is until somebody wants to know. */
  beginOpen?(path: BytePath, flags: number, mode: number): Opening | number;
  stat(path: BytePath, follow: boolean): Stat | number;
  /** man 2 access with the ids of the process; mode of R_OK 4, W_OK 2, X_OK 1. */
  access(path: BytePath, mode: number): number;
  readlink(path: BytePath): BytePath | number;
  mkdir(path: BytePath, mode: number): number;
  rmdir(path: BytePath): number;
  unlink(path: BytePath): number;
  symlink(target: BytePath, path: BytePath): number;
  link(from: BytePath, to: BytePath, follow: boolean): number;
  rename(from: BytePath, to: BytePath, flags: number): number;
  mknod(path: BytePath, mode: number, dev: number): number;
  truncate(path: BytePath, size: number): number;
  chmod(path: BytePath, mode: number, follow: boolean): number;
  chown(path: BytePath, uid: number, gid: number, follow: boolean): number;
  utimes(path: BytePath, atime: Timespec | null, mtime: Timespec | null, follow: boolean): number;
  statfs(path: BytePath): Statfs | number;
}

/** Where a path leads: the file system and the path to give it. */
export interface Location {
  readonly fs: FileSystem;
  readonly path: BytePath;
}

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

export const O_ACCMODE = 3;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DSYNC = 0o10000;
export const O_ASYNC = 0o20000;
export const O_DIRECT = 0o40000;
export const O_LARGEFILE = 0o100000;
export const O_DIRECTORY = 0o200000;
export const O_NOFOLLOW = 0o400000;
export const O_NOATIME = 0o1000000;
export const O_CLOEXEC = 0o2000000;
export const O_SYNC = 0o4010000;
export const O_PATH = 0o10000000;
export const O_TMPFILE = 0o20200000;

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

export const POLLIN = 1;
export const POLLPRI = 2;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;
export const POLLNVAL = 32;
export const POLLRDNORM = 0x40;
export const POLLWRNORM = 0x100;
export const POLLWRBAND = 0x200;

/** Readiness as poll and epoll report it. */
export function pollEvents(file: OpenFile): number {
  return withNorms(file, file.poll());
}
/** The bits that follow those for reading and writing. */
export function withNorms(file: OpenFile, ready: number): number {
  return ready | ((ready & POLLIN) !== 0 ? file.inMeans : 0) | ((ready & POLLOUT) !== 0 ? file.outMeans : 0);
}

/** DT_ value of a mode (man 3 readdir). */
export function direntType(mode: number): number {
  return (mode & S_IFMT) >>> 12;
}
