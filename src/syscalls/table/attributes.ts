import { FD, FD_AT, flags, INT, MODE, OFF, PATH, PATH_OPT, PTR, R_INT, R_SIZE, SIZE, UID, UINT } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EACCES, EBADF, EFAULT, EFBIG, EINVAL, EOPNOTSUPP, ESPIPE } from '../errno.ts';
import { ACCESS_MODES, AT_FLAGS } from '../flags.ts';
import { realtimeMs } from '../kernel/clock.ts';
import { IN_ATTRIB, IN_MODIFY } from '../kernel/inotify.ts';
import { AT_FDCWD } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import type { Guard } from '../vfs/guarded-fs.ts';
import { permission } from '../vfs/permissions.ts';
import { type Location, O_PATH, type OpenFile, type Stat, type Timespec } from '../vfs/types.ts';
import { timesEvent } from '../vfs/watched-fs.ts';
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from './stat.ts';
import { readTimespec, TIMESPEC_PAIR, timeSize } from './timespec.ts';
import { sizeAllowed } from './transfer.ts';

/** Do something to a path, or with AT_EMPTY_PATH to the descriptor itself. */
function target(
  task: Task,
  dirfd: number,
  path: string,
  how: number,
  onPath: (at: Location, follow: boolean) => number,
  onFile: (file: OpenFile) => number,
  guard: Guard | null = task.process.guard,
): number {
  if (path === '' && (how & AT_EMPTY_PATH) !== 0) {
    if (dirfd !== AT_FDCWD) {
      const file = task.process.files.get(dirfd);
      return file === null ? -EBADF : onFile(file);
    }
    path = '.';
  }
  const follow = (how & AT_SYMLINK_NOFOLLOW) === 0;
  const at = task.process.resolve(dirfd, path, follow, guard);
  return typeof at === 'number' ? at : onPath(at, follow);
}

function withFile(task: Task, fd: number, action: (file: OpenFile) => number): number {
  const file = task.process.files.get(fd);
  return file === null ? -EBADF : action(file);
}

/** An open file's attributes were changed, if they were. */
function changed(task: Task, file: OpenFile, result: number, event: number = IN_ATTRIB): number {
  if (result === 0) task.process.kernel.watches.onFile(file, event);
  return result;
}

/** fchmod(2) and fchown(2) of an open file, as far as its process may. */
function chmodFile(task: Task, file: OpenFile, mode: number): number {
  const wanted = task.process.guard?.modeOf(file, mode & 0o7777) ?? mode & 0o7777;
  return wanted < 0 ? wanted : changed(task, file, file.chmod(wanted));
}
function chownFile(task: Task, file: OpenFile, uid: number, gid: number): number {
  const denied = task.process.guard?.mayGive(file, uid, gid) ?? 0;
  return denied < 0 ? denied : changed(task, file, file.chown(uid, gid));
}

function chmodAt(task: Task, dirfd: number, path: string, mode: number, how: number): number {
  return target(
    task,
    dirfd,
    path,
    how,
    (at, follow) => at.fs.chmod(at.path, mode & 0o7777, follow),
    (file) => chmodFile(task, file, mode),
  );
}

export const fchmod: Syscall = syscall('fchmod', { fd: FD, mode: MODE }, R_INT, (task, { fd, mode }) =>
  withFile(task, fd, (file) => chmodFile(task, file, mode)),
);
export const fchmodat: Syscall = syscall('fchmodat', { dirfd: FD_AT, pathname: PATH, mode: MODE }, R_INT, (task, a) =>
  chmodAt(task, a.dirfd, a.pathname, a.mode, 0),
);
export const chmod: Syscall = syscall('chmod', { pathname: PATH, mode: MODE }, R_INT, (task, a) =>
  chmodAt(task, AT_FDCWD, a.pathname, a.mode, 0),
);

function chownAt(task: Task, dirfd: number, path: string, uid: number, gid: number, how: number): number {
  if ((how & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  return target(
    task,
    dirfd,
    path,
    how,
    (at, follow) => at.fs.chown(at.path, uid, gid, follow),
    (file) => chownFile(task, file, uid, gid),
  );
}

export const fchown: Syscall = syscall(
  'fchown',
  { fd: FD, owner: UID, group: UID },
  R_INT,
  (task, { fd, owner, group }) => withFile(task, fd, (file) => chownFile(task, file, owner, group)),
);
export const fchownat: Syscall = syscall(
  'fchownat',
  { dirfd: FD_AT, pathname: PATH, owner: UID, group: UID, flags: flags(AT_FLAGS) },
  R_INT,
  (task, a) => chownAt(task, a.dirfd, a.pathname, a.owner, a.group, a.flags),
);
export const chown: Syscall = syscall('chown', { pathname: PATH, owner: UID, group: UID }, R_INT, (task, a) =>
  chownAt(task, AT_FDCWD, a.pathname, a.owner, a.group, 0),
);
export const lchown: Syscall = syscall('lchown', { pathname: PATH, owner: UID, group: UID }, R_INT, (task, a) =>
  chownAt(task, AT_FDCWD, a.pathname, a.owner, a.group, AT_SYMLINK_NOFOLLOW),
);

const AT_EACCESS = 0x200;
const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;

export function currentTime(): Timespec {
  const now = realtimeMs();
  return { sec: Math.floor(now / 1000), nsec: Math.floor((now % 1000) * 1e6) };
}

/** Access and modification time; null leaves one as it is. */
export function setTimes(
  task: Task,
  dirfd: number,
  pathname: string | null,
  [atime, mtime]: readonly [Timespec | null, Timespec | null],
  how: number,
): number {
  // Both omitted: success without looking at the file (man 2 utimensat).
  if (atime === null && mtime === null) return 0;
  const { guard } = task.process;
  // whoever wants the present for both gives one object for both
  const allowed = (stat: () => Stat | number): number => guard?.mayTouch(stat(), atime === mtime) ?? 0;
  const onFile = (file: OpenFile): number =>
    allowed(() => file.stat()) || changed(task, file, file.utimes(atime, mtime), timesEvent(atime, mtime));
  if (pathname === null) return withFile(task, dirfd, onFile);
  const onPath = (at: Location, follow: boolean): number =>
    allowed(() => at.fs.stat(at.path, follow)) || at.fs.utimes(at.path, atime, mtime, follow);
  return target(task, dirfd, pathname, how, onPath, onFile);
}

export const utimensat: Syscall = syscall(
  'utimensat',
  { dirfd: FD_AT, pathname: PATH_OPT, times: TIMESPEC_PAIR, flags: flags(AT_FLAGS) },
  R_INT,
  (task, { dirfd, pathname, times, flags: how }) => {
    if ((how & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
    const current = currentTime();
    let pair: [Timespec | null, Timespec | null] = [current, current];
    if (times !== 0) {
      const list: (Timespec | null)[] = [];
      for (const at of [times, times + timeSize(task)]) {
        const t = readTimespec(task, at);
        if (t === null) return -EFAULT;
        if (t.nsec === UTIME_NOW) list.push(current);
        else if (t.nsec === UTIME_OMIT) list.push(null);
        else if (t.nsec < 0 || t.nsec > 999_999_999) return -EINVAL;
        else list.push(t);
      }
      pair = [list[0] ?? null, list[1] ?? null];
    }
    return setTimes(task, dirfd, pathname, pair, how);
  },
  { support: 'partial', note: 'On host files times are exact to about 0.3 µs (Node takes doubles).' },
);

function accessAt(task: Task, dirfd: number, path: string, mode: number, how: number): number {
  if ((mode & ~7) !== 0 || (how & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EACCESS)) !== 0) return -EINVAL;
  const guard = (how & AT_EACCESS) !== 0 ? task.process.guard : task.process.realGuard;
  return target(
    task,
    dirfd,
    path,
    how,
    (at, follow) => {
      if (follow) return at.fs.access(at.path, mode);
      const stat = at.fs.stat(at.path, false);
      return typeof stat === 'number' ? stat : at.fs.access(at.path, mode);
    },
    (file) => {
      const stat = file.stat();
      if (typeof stat === 'number') return stat;
      if (guard !== null) return permission(guard.ids, stat, mode);
      const bits = stat.mode | (stat.mode >> 3) | (stat.mode >> 6);
      return task.process.uids[1] !== 0 && (mode & ~bits) !== 0 ? -EACCES : 0;
    },
    guard,
  );
}
const ACCESS = flags(ACCESS_MODES, 'F_OK');
export const faccessat: Syscall = syscall(
  'faccessat',
  { dirfd: FD_AT, pathname: PATH, mode: ACCESS },
  R_INT,
  (task, a) => accessAt(task, a.dirfd, a.pathname, a.mode, 0),
);
export const faccessat2: Syscall = syscall(
  'faccessat2',
  { dirfd: FD_AT, pathname: PATH, mode: ACCESS, flags: flags([['AT_EACCESS', AT_EACCESS], ...AT_FLAGS]) },
  R_INT,
  (task, a) => accessAt(task, a.dirfd, a.pathname, a.mode, a.flags),
);
export const access: Syscall = syscall('access', { pathname: PATH, mode: ACCESS }, R_INT, (task, a) =>
  accessAt(task, AT_FDCWD, a.pathname, a.mode, 0),
);

export const truncate: Syscall = syscall('truncate', { path: PATH, length: OFF }, R_INT, (task, { path, length }) => {
  if (length < 0) return -EINVAL;
  const at = task.process.resolve(AT_FDCWD, path, true);
  if (typeof at === 'number') return at;
  if (!sizeAllowed(task, length)) return -EFBIG;
  const file = { stat: () => at.fs.stat(at.path, true) };
  const { sharedFiles } = task.process.kernel;
  sharedFiles.beforeAccess(file);
  const result = at.fs.truncate(at.path, length);
  if (result === 0) sharedFiles.afterWrite(file);
  return result;
});
export const ftruncate: Syscall = syscall('ftruncate', { fd: FD, length: OFF }, R_INT, (task, { fd, length }) =>
  length < 0
    ? -EINVAL
    : withFile(task, fd, (file) => {
        if ((file.flags & O_PATH) !== 0) return -EBADF;
        if (!sizeAllowed(task, length)) return -EFBIG;
        task.process.beforeAccess(file);
        const result = file.truncate(length);
        if (result === 0) task.process.afterWrite(file);
        return result;
      }),
);
export const fallocate: Syscall = syscall(
  'fallocate',
  {
    fd: FD,
    mode: flags([
      ['FALLOC_FL_KEEP_SIZE', 1],
      ['FALLOC_FL_PUNCH_HOLE', 2],
      ['FALLOC_FL_ZERO_RANGE', 16],
    ]),
    offset: OFF,
    len: OFF,
  },
  R_INT,
  (task, a) =>
    withFile(task, a.fd, (file) => {
      task.process.beforeAccess(file);
      const result = changed(task, file, file.allocate(a.mode, a.offset, a.len), IN_MODIFY);
      if (result === 0) task.process.afterWrite(file);
      return result;
    }),
  { support: 'partial', note: 'Extends the file; holes are punched in memory alone; zeroing ranges is EOPNOTSUPP.' },
);

export const fsync: Syscall = syscall('fsync', { fd: FD }, R_INT, (task, { fd }) =>
  withFile(task, fd, (file) => file.sync()),
);
export const fdatasync: Syscall = syscall('fdatasync', { fd: FD }, R_INT, (task, { fd }) =>
  withFile(task, fd, (file) => file.sync()),
);
export const syncfs: Syscall = syscall('syncfs', { fd: FD }, R_INT, (task, { fd }) => withFile(task, fd, () => 0));
export const sync: Syscall = syscall('sync', {}, R_INT, () => 0, {
  support: 'partial',
  note: 'Returns at once: Node cannot sync a whole file system.',
});
export const sync_file_range: Syscall = syscall(
  'sync_file_range',
  { fd: FD, offset: OFF, nbytes: OFF, flags: UINT },
  R_INT,
  (task, { fd, offset, nbytes, flags }) =>
    withFile(task, fd, (file) =>
      (flags & ~7) !== 0 || offset < 0 || offset + nbytes < offset ? -EINVAL : file.mayBlock ? -ESPIPE : 0,
    ),
);

const XATTR = { support: 'none', note: 'EOPNOTSUPP, as on a file system without extended attributes.' } as const;

/** The path forms check their path, the fd forms their descriptor, before they answer EOPNOTSUPP. */
function xattr(
  name: string,
  args: Record<string, ArgType<number> | ArgType<string>>,
  follow: boolean,
  listing = false,
): Syscall {
  const absent = listing ? 0 : -EOPNOTSUPP;
  const first: Record<string, ArgType<number> | ArgType<string>> = name.startsWith('f') ? { fd: FD } : { path: PATH };
  return syscall(
    name,
    { ...first, ...args } as Record<string, ArgType<unknown>>,
    R_SIZE,
    (task, values) => {
      const v = values as { fd?: number; path?: string };
      if (v.fd !== undefined) return task.process.files.get(v.fd) === null ? -EBADF : absent;
      const at = task.process.resolve(AT_FDCWD, v.path ?? '', follow);
      if (typeof at === 'number') return at;
      const mode = at.fs.stat(at.path, follow);
      return typeof mode === 'number' ? mode : absent;
    },
    XATTR,
  );
}

const SET = { name: PATH, value: PTR, size: SIZE, flags: INT };
const GET = { name: PATH, value: PTR, size: SIZE };
const LIST = { list: PTR, size: SIZE };
const REMOVE = { name: PATH };
const xattrs: readonly Syscall[] = ['', 'l', 'f'].flatMap((prefix) => [
  xattr(`${prefix}setxattr`, SET, prefix === ''),
  xattr(`${prefix}getxattr`, GET, prefix === ''),
  xattr(`${prefix}listxattr`, LIST, prefix === '', true),
  xattr(`${prefix}removexattr`, REMOVE, prefix === ''),
]);

export const calls: readonly Syscall[] = [
  fchmod,
  fchmodat,
  chmod,
  fchown,
  fchownat,
  chown,
  lchown,
  utimensat,
  faccessat,
  faccessat2,
  access,
  truncate,
  ftruncate,
  fallocate,
  fsync,
  fdatasync,
  syncfs,
  sync,
  sync_file_range,
  ...xattrs,
];
