import { FD, FD_AT, flags, HEX, MODE, PATH, quote, R_INT, R_MODE, R_SIZE, SIZE, UINT } from '../args.ts';
import { byteString } from '../cursor.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EBADF, EEXIST, EFAULT, EINVAL, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, ERANGE, EXDEV } from '../errno.ts';
import { AT_FLAGS, type FlagTable } from '../flags.ts';
import { AT_FDCWD } from '../kernel/process.ts';
import { followers } from '../kernel/renamed.ts';
import type { Task } from '../kernel/task.ts';
import { writeI64 } from '../struct.ts';
import { canonicalPath, normalize } from '../vfs/namespace.ts';
import { type Location, S_IFDIR, S_IFLNK, S_IFMT } from '../vfs/types.ts';
import { foldInode } from './stat.ts';

const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;
const AT_EMPTY_PATH = 0x1000;

const DIRENTS: ArgType<number> = {
  doc: 'struct linux_dirent64 *',
  read: (c) => c.ulong(),
  format: (v, context) => {
    const { result } = context;
    if (result === undefined || result < 0) return `0x${v.toString(16)}`;
    let entries = 0;
    for (let at = 0; at < result; entries++) at += context.task.space.view.getUint16(v + at + 16, true);
    return `0x${v.toString(16)} /* ${entries} entries */`;
  },
};

/** struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name, 8-aligned (man 2 getdents). */
export const getdents64: Syscall = syscall(
  'getdents64',
  { fd: FD, dirp: DIRENTS, count: UINT },
  R_SIZE,
  (task, { fd, dirp, count }) => {
    const file = task.process.files.get(fd);
    if (file === null) return -EBADF;
    const { space } = task;
    let used = 0;
    let error = 0;
    const result = file.readdir(({ name, ino, type }, nextPosition) => {
      const length = Math.ceil((19 + name.length + 1) / 8) * 8;
      if (used + length > count) {
        if (used === 0) error = -EINVAL;
        return false;
      }
      const at = dirp + used;
      const bytes = space.writeRange(at, length);
      if (bytes === null) {
        if (used === 0) error = -EFAULT;
        return false;
      }
      const { view } = space;
      writeI64(view, at, foldInode(task.abi, ino));
      writeI64(view, at + 8, nextPosition);
      view.setUint16(at + 16, length, true);
      view.setUint8(at + 18, type);
      bytes.fill(0, 19);
      for (let i = 0; i < name.length; i++) bytes[19 + i] = name.charCodeAt(i);
      used += length;
      return true;
    });
    if (result >= 0) task.process.afterRead(file);
    return result < 0 ? result : error !== 0 ? error : used;
  },
);

const CWD_BUFFER: ArgType<number> = {
  doc: 'char *',
  read: (c) => c.ulong(),
  format: (v, { task, result }) => {
    const text = result === undefined || result < 0 ? null : task.space.cstring(v);
    return text === null ? `0x${v.toString(16)}` : quote(text, Number.POSITIVE_INFINITY);
  },
};

export const getcwd: Syscall = syscall('getcwd', { buf: CWD_BUFFER, size: SIZE }, R_SIZE, (task, { buf, size }) => {
  const path = task.process.cwd;
  if (path.length + 1 > size) return -ERANGE;
  const bytes = task.space.writeRange(buf, path.length + 1);
  if (bytes === null) return -EFAULT;
  for (let i = 0; i < path.length; i++) bytes[i] = path.charCodeAt(i);
  bytes[path.length] = 0;
  return path.length + 1;
});

/** Make a resolved directory the current one. */
function enter(task: Task, at: Location): number {
  const stat = at.fs.stat(at.path, true);
  if (typeof stat === 'number') return stat;
  if ((stat.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
  const allowed = at.fs.access(at.path, 1);
  if (allowed < 0) return allowed;
  // The kernel's name of a directory has no symlinks or dots; the host's realpath gives that.
  task.process.cwd = canonicalPath(at);
  return 0;
}

export const chdir: Syscall = syscall('chdir', { path: PATH }, R_INT, (task, { path }) => {
  const at = task.process.resolve(AT_FDCWD, path, true);
  return typeof at === 'number' ? at : enter(task, at);
});

export const fchdir: Syscall = syscall('fchdir', { fd: FD }, R_INT, (task, { fd }) => {
  const file = task.process.files.get(fd);
  if (file === null) return -EBADF;
  const stat = file.stat();
  if (typeof stat === 'number') return stat;
  if ((stat.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
  const denied = task.process.guard?.mayEnter(file) ?? 0;
  if (denied < 0) return denied;
  task.process.cwd = file.path.startsWith('/') ? normalize(file.path) : task.process.cwd;
  return 0;
});

export const chroot: Syscall = syscall(
  'chroot',
  { path: PATH },
  R_INT,
  (task, { path }) => {
    const at = task.process.resolve(AT_FDCWD, path, true);
    if (typeof at === 'number') return at;
    const mode = at.fs.stat(at.path, true);
    return typeof mode === 'number' ? mode : -EPERM;
  },
  { support: 'none', note: 'EPERM, as without CAP_SYS_CHROOT.' },
);

export const umask: Syscall = syscall('umask', { mask: MODE }, R_MODE, (task, { mask }) => {
  const old = task.process.umask;
  task.process.umask = mask & 0o777;
  return old;
});

/** Resolve without following a last symlink, for calls that change the name itself. */
function place(task: Task, dirfd: number, path: string, change: (at: Location) => number): number {
  const at = task.process.resolve(dirfd, path, false);
  return typeof at === 'number' ? at : change(at);
}

/** The last component, for the checks on `.` and `..` that come before the file system's. */
function lastName(path: string): string {
  return path.replace(/\/+$/, '').split('/').pop() ?? '';
}

function mkdirIn(task: Task, dirfd: number, path: string, mode: number): number {
  return place(task, dirfd, path, (at) =>
    at.fs.mkdir(at.path.replace(/(.)\/+$/, '$1'), mode & 0o1777 & ~task.process.umask),
  );
}

export const mkdirat: Syscall = syscall('mkdirat', { dirfd: FD_AT, pathname: PATH, mode: MODE }, R_INT, (task, args) =>
  mkdirIn(task, args.dirfd, args.pathname, args.mode),
);
export const mkdir: Syscall = syscall('mkdir', { pathname: PATH, mode: MODE }, R_INT, (task, args) =>
  mkdirIn(task, AT_FDCWD, args.pathname, args.mode),
);

function removeDirectory(task: Task, dirfd: number, path: string): number {
  const last = lastName(path);
  if (last === '.') return -EINVAL;
  if (last === '..') return -ENOTEMPTY;
  return place(task, dirfd, path, (at) => at.fs.rmdir(at.path.replace(/(.)\/+$/, '$1')));
}

export const unlinkat: Syscall = syscall(
  'unlinkat',
  { dirfd: FD_AT, pathname: PATH, flags: flags(AT_FLAGS) },
  R_INT,
  (task, { dirfd, pathname, flags: how }) => {
    if ((how & ~AT_REMOVEDIR) !== 0) return -EINVAL;
    if (how !== 0) return removeDirectory(task, dirfd, pathname);
    return place(task, dirfd, pathname, (at) => at.fs.unlink(at.path));
  },
);
export const unlink: Syscall = syscall('unlink', { pathname: PATH }, R_INT, (task, { pathname }) =>
  place(task, AT_FDCWD, pathname, (at) => at.fs.unlink(at.path)),
);
export const rmdir: Syscall = syscall('rmdir', { pathname: PATH }, R_INT, (task, { pathname }) =>
  removeDirectory(task, AT_FDCWD, pathname),
);

const RENAME_EXCHANGE = 2;
const RENAME_FLAGS: FlagTable = [
  ['RENAME_NOREPLACE', 1],
  ['RENAME_EXCHANGE', 2],
  ['RENAME_WHITEOUT', 4],
];

function renameIn(task: Task, fromFd: number, from: string, toFd: number, to: string, how: number): number {
  for (const name of [lastName(from), lastName(to)]) if (name === '.' || name === '..') return -16;
  const source = task.process.resolve(fromFd, from, false);
  if (typeof source === 'number') return source;
  const target = task.process.resolve(toFd, to, false);
  if (typeof target === 'number') return target;
  if (source.fs !== target.fs) return -EXDEV;
  if ((how & RENAME_EXCHANGE) !== 0 && how !== RENAME_EXCHANGE) return -EINVAL;
  const { kernel } = task.process;
  const follow = followers(kernel, source);
  const back = how === RENAME_EXCHANGE ? followers(kernel, target) : null;
  const result = source.fs.rename(source.path, target.path, how);
  if (result !== 0) return result;
  follow(target);
  back?.(source);
  return 0;
}

const RENAME_NOTE = {
  support: 'partial',
  note: 'RENAME_WHITEOUT is EINVAL; RENAME_EXCHANGE takes three steps, which the host sees.',
} as const;
export const renameat2: Syscall = syscall(
  'renameat2',
  { olddirfd: FD_AT, oldpath: PATH, newdirfd: FD_AT, newpath: PATH, flags: flags(RENAME_FLAGS) },
  R_INT,
  (task, a) => renameIn(task, a.olddirfd, a.oldpath, a.newdirfd, a.newpath, a.flags),
  RENAME_NOTE,
);
export const renameat: Syscall = syscall(
  'renameat',
  { olddirfd: FD_AT, oldpath: PATH, newdirfd: FD_AT, newpath: PATH },
  R_INT,
  (task, a) => renameIn(task, a.olddirfd, a.oldpath, a.newdirfd, a.newpath, 0),
);
export const rename: Syscall = syscall('rename', { oldpath: PATH, newpath: PATH }, R_INT, (task, a) =>
  renameIn(task, AT_FDCWD, a.oldpath, AT_FDCWD, a.newpath, 0),
);

export const linkat: Syscall = syscall(
  'linkat',
  { olddirfd: FD_AT, oldpath: PATH, newdirfd: FD_AT, newpath: PATH, flags: flags(AT_FLAGS) },
  R_INT,
  (task, a) => {
    if ((a.flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
    const follow = (a.flags & AT_SYMLINK_FOLLOW) !== 0;
    const from = task.process.resolve(a.olddirfd, a.oldpath, follow);
    if (typeof from === 'number') return from;
    const to = task.process.resolve(a.newdirfd, a.newpath, false);
    if (typeof to === 'number') return to;
    return from.fs === to.fs ? from.fs.link(from.path, to.path, follow) : -EXDEV;
  },
  { support: 'partial', note: 'AT_EMPTY_PATH needs a path.' },
);
export const link: Syscall = syscall('link', { oldpath: PATH, newpath: PATH }, R_INT, (task, a) => {
  const from = task.process.resolve(AT_FDCWD, a.oldpath, false);
  if (typeof from === 'number') return from;
  const to = task.process.resolve(AT_FDCWD, a.newpath, false);
  if (typeof to === 'number') return to;
  return from.fs === to.fs ? from.fs.link(from.path, to.path, false) : -EXDEV;
});

function symlinkIn(task: Task, target: string, dirfd: number, path: string): number {
  if (target === '') return -ENOENT;
  return place(task, dirfd, path, (at) => (at.path.endsWith('/') ? -ENOENT : at.fs.symlink(target, at.path)));
}
export const symlinkat: Syscall = syscall(
  'symlinkat',
  { target: PATH, newdirfd: FD_AT, linkpath: PATH },
  R_INT,
  (task, a) => symlinkIn(task, a.target, a.newdirfd, a.linkpath),
);
export const symlink: Syscall = syscall('symlink', { target: PATH, linkpath: PATH }, R_INT, (task, a) =>
  symlinkIn(task, a.target, AT_FDCWD, a.linkpath),
);

const LINK_BUFFER: ArgType<number> = {
  doc: 'char *',
  read: (c) => c.ulong(),
  format: (v, { task, result }) => {
    const bytes = result === undefined || result < 0 ? null : task.space.readRange(v, result);
    return bytes === null ? `0x${v.toString(16)}` : quote(byteString(bytes), Number.POSITIVE_INFINITY);
  },
};

function readLinkIn(task: Task, dirfd: number, path: string, buf: number, size: number): number {
  if (size <= 0) return -EINVAL;
  if (path === '' && dirfd !== AT_FDCWD) return readOpenLink(task, dirfd, buf, size);
  const at = task.process.resolve(dirfd, path, false);
  if (typeof at === 'number') return at;
  const target = at.fs.readlink(at.path);
  return typeof target === 'number' ? target : putTarget(task, target, buf, size);
}

/** readlinkat(2) of a link that was opened itself, by O_PATH and O_NOFOLLOW. */
function readOpenLink(task: Task, fd: number, buf: number, size: number): number {
  const { process } = task;
  const stat = process.files.stat(fd);
  if (typeof stat === 'number') return stat;
  const path = process.files.get(fd)?.path ?? '';
  if ((stat.mode & S_IFMT) !== S_IFLNK) return -ENOENT;
  const at = process.kernel.namespace.resolve('/', path, false);
  if (typeof at === 'number') return at;
  const target = at.fs.readlink(at.path);
  return typeof target === 'number' ? target : putTarget(task, target, buf, size);
}

function putTarget(task: Task, target: string, buf: number, size: number): number {
  const length = Math.min(target.length, size);
  const bytes = task.space.writeRange(buf, length);
  if (bytes === null) return -EFAULT;
  for (let i = 0; i < length; i++) bytes[i] = target.charCodeAt(i);
  return length;
}
export const readlinkat: Syscall = syscall(
  'readlinkat',
  { dirfd: FD_AT, pathname: PATH, buf: LINK_BUFFER, bufsiz: UINT },
  R_SIZE,
  (task, a) => readLinkIn(task, a.dirfd, a.pathname, a.buf, a.bufsiz | 0),
);
export const readlink: Syscall = syscall(
  'readlink',
  { pathname: PATH, buf: LINK_BUFFER, bufsiz: UINT },
  R_SIZE,
  (task, a) => readLinkIn(task, AT_FDCWD, a.pathname, a.buf, a.bufsiz | 0),
);

export const mknodat: Syscall = syscall(
  'mknodat',
  { dirfd: FD_AT, pathname: PATH, mode: MODE, dev: HEX },
  R_INT,
  (task, { dirfd, pathname, mode, dev }) => {
    const type = mode & S_IFMT;
    if (type === S_IFDIR) return -EPERM;
    if (type === S_IFLNK) return -EINVAL;
    return place(task, dirfd, pathname, (at) =>
      at.fs.mode(at.path) >= 0 ? -EEXIST : at.fs.mknod(at.path, mode & ~(task.process.umask & 0o777), dev),
    );
  },
  { support: 'partial', note: 'No devices (EPERM).' },
);

export const calls: readonly Syscall[] = [
  getdents64,
  getcwd,
  chdir,
  fchdir,
  chroot,
  umask,
  mkdirat,
  mkdir,
  unlinkat,
  unlink,
  rmdir,
  renameat2,
  renameat,
  rename,
  linkat,
  link,
  symlinkat,
  symlink,
  readlinkat,
  readlink,
  mknodat,
];
