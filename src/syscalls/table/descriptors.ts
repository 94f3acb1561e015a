import {
  FD,
  FD_AT,
  flags,
  fromGenericOpen,
  INT,
  MODE,
  OPEN,
  outInts,
  PATH,
  R_FD,
  R_INT,
  toGenericOpen,
  UINT,
} from '../args.ts';
import { type ArgType, type ResultType, type Syscall, syscall } from '../define.ts';
import { EAGAIN, EBADF, EFAULT, EINVAL, ENXIO } from '../errno.ts';
import { type FlagTable, formatOpenFlags } from '../flags.ts';
import { noticeMask } from '../kernel/dnotify.ts';
import { EventFile } from '../kernel/eventfd.ts';
import { openedTty } from '../kernel/job-control.ts';
import { createMemoryFile } from '../kernel/memfd.ts';
import { QueueFile } from '../kernel/mqueue.ts';
import { createPipe, PipeEnd } from '../kernel/pipe.ts';
import { AT_FDCWD, SETTABLE_FLAGS } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import { type Pending, waitFor } from '../kernel/wait.ts';
import {
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_LARGEFILE,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  type OpenFile,
  S_IFIFO,
  S_IFMT,
} from '../vfs/types.ts';
import { dropLocks, getLock, type LockCommand, setLock } from './locks.ts';

/** A FIFO inside our kernel is open when somebody is at its other end (man 7 fifo). */
function meetPartner(task: Task, file: PipeEnd, install: (file: OpenFile) => number): number | Pending {
  const way = file.flags & O_ACCMODE;
  if (way === O_RDWR || file.hasPartner) return install(file);
  if ((file.flags & O_NONBLOCK) !== 0) {
    if (way === O_RDONLY) return install(file);
    file.close();
    return -ENXIO;
  }
  const end = (result: number): number => {
    if (result === 0) return install(file);
    file.close();
    return result;
  };
  const waited = waitFor(task, () => (file.hasPartner ? 0 : -EAGAIN), { on: [file.waitQueue] });
  return typeof waited === 'number' ? end(waited) : waited.after(end);
}

/** open at a directory descriptor; flags are generic. */
function openAt(task: Task, dirfd: number, path: string, openFlags: number, mode: number): number | Pending {
  const { process } = task;
  if ((openFlags & O_TMPFILE) === (O_TMPFILE & ~O_DIRECTORY)) return -EINVAL;
  if ((openFlags & O_PATH) !== 0) openFlags &= O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;
  // O_CREAT|O_EXCL never follows a symlink in the last place (man 2 open).
  const follow = (openFlags & O_NOFOLLOW) === 0 && (openFlags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL);
  const at = process.resolve(dirfd, path, follow);
  if (typeof at === 'number') return at;
  const permissions = mode & 0o7777 & ~process.umask;
  // 64-bit kernels set O_LARGEFILE on every open, and F_GETFL shows it.
  const wanted = (openFlags & ~O_CLOEXEC) | (task.abi.wordSize === 8 ? O_LARGEFILE : 0);
  if (at.fs.beginOpen !== undefined && (openFlags & (O_PATH | O_TRUNC)) === 0) {
    const opening = at.fs.beginOpen(at.path, wanted, permissions);
    if (typeof opening !== 'number') return process.files.install(opening, (openFlags & O_CLOEXEC) !== 0);
    if (opening !== -ENXIO) return opening;
  }
  const install = (file: OpenFile | number): number => {
    if (typeof file === 'number') return file;
    if ((openFlags & O_TRUNC) !== 0) process.kernel.sharedFiles.afterWrite(file);
    if ((openFlags & O_NOCTTY) === 0) openedTty(task, file);
    return process.files.install(file, (openFlags & O_CLOEXEC) !== 0);
  };
  const file = at.fs.open(at.path, wanted, permissions);
  if (file instanceof PipeEnd) return meetPartner(task, file, install);
  if (file !== -ENXIO || (openFlags & O_NONBLOCK) !== 0 || (openFlags & O_ACCMODE) !== O_WRONLY) return install(file);
  const now = at.fs.stat(at.path, true);
  if (typeof now === 'number' || (now.mode & S_IFMT) !== S_IFIFO) return install(file);
  // Opening a FIFO for writing waits for its reader.
  const attempt = (): number => {
    const opened = at.fs.open(at.path, wanted, permissions);
    return opened === -ENXIO ? -EAGAIN : install(opened);
  };
  return waitFor(task, attempt, { poll: true });
}

export const openat: Syscall = syscall(
  'openat',
  { dirfd: FD_AT, pathname: PATH, flags: OPEN, mode: openMode() },
  R_FD,
  (task, { dirfd, pathname, flags: openFlags, mode }) => openAt(task, dirfd, pathname, openFlags, mode),
  {
    support: 'partial',
    note: 'O_DIRECT, O_ASYNC and O_NOATIME are ignored; a FIFO of the host opened for reading does not wait.',
  },
);

export const open: Syscall = syscall('open', { pathname: PATH, flags: OPEN, mode: openMode() }, R_FD, (task, args) =>
  openAt(task, AT_FDCWD, args.pathname, args.flags, args.mode),
);

/** man 2 creat */
export const creat: Syscall = syscall('creat', { pathname: PATH, mode: MODE }, R_FD, (task, { pathname, mode }) =>
  openAt(task, AT_FDCWD, pathname, O_CREAT | O_WRONLY | O_TRUNC, mode),
);

/** The mode is shown only where it counts. */
function openMode(): ArgType<number> {
  return {
    ...MODE,
    format: (v, context) =>
      Number(context.args.flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? MODE.format(v, context) : '',
  };
}

/** What closing a descriptor ends for its process, whoever else has the file open: record locks, mq_notify, F_NOTIFY. */
function flush(task: Task, fd: number): void {
  const { locks } = task.process.kernel;
  if (!locks.any && task.process.files.isUnused(fd)) return;
  dropLocks(task, fd);
  const file = task.process.files.get(fd);
  if (file instanceof QueueFile) file.queue.forget(task.process);
  if (file !== null) task.process.kernel.watches.unnotify(task.process, file);
}

export const close: Syscall = syscall('close', { fd: FD }, R_INT, (task, { fd }) => {
  flush(task, fd);
  return task.process.files.close(fd);
});

export const close_range: Syscall = syscall(
  'close_range',
  {
    first: UINT,
    last: UINT,
    flags: flags([
      ['CLOSE_RANGE_UNSHARE', 2],
      ['CLOSE_RANGE_CLOEXEC', 4],
    ]),
  },
  R_INT,
  (task, { first, last, flags: how }) => {
    if ((how & ~6) !== 0 || first > last) return -EINVAL;
    const { process } = task;
    if ((how & 2) !== 0 && process.files.shared) {
      const own = process.files.copy();
      process.files.leave();
      process.files = own;
    }
    const { files } = process;
    for (const fd of files.list()) {
      if (fd < first || fd > last) continue;
      if ((how & 4) !== 0) files.setCloexec(fd, true);
      else {
        flush(task, fd);
        files.close(fd);
      }
    }
    return 0;
  },
);

export const dup: Syscall = syscall('dup', { oldfd: FD }, R_FD, (task, { oldfd }) =>
  task.process.files.dup(oldfd, 0, false),
);

export const dup2: Syscall = syscall('dup2', { oldfd: FD, newfd: FD }, R_FD, (task, { oldfd, newfd }) => {
  const { files } = task.process;
  if (oldfd === newfd) return files.get(oldfd) === null ? -EBADF : newfd;
  flush(task, newfd);
  return files.dupTo(oldfd, newfd, false);
});

export const dup3: Syscall = syscall(
  'dup3',
  { oldfd: FD, newfd: FD, flags: OPEN },
  R_FD,
  (task, { oldfd, newfd, flags: how }) => {
    if (oldfd === newfd || (how & ~O_CLOEXEC) !== 0) return -EINVAL;
    flush(task, newfd);
    return task.process.files.dupTo(oldfd, newfd, (how & O_CLOEXEC) !== 0);
  },
);

const F_DUPFD = 0;
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_GETLK = 5;
const F_SETLK = 6;
const F_SETLKW = 7;
const F_SETOWN = 8;
const F_GETOWN = 9;
/** 32-bit ABIs' commands with 64-bit offsets. */
const F_GETLK64 = 12;
const F_SETLK64 = 13;
const F_SETLKW64 = 14;
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_OFD_SETLKW = 38;
const F_NOTIFY = 1026;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;

const FCNTL: FlagTable = [
  ['F_DUPFD', F_DUPFD],
  ['F_GETFD', F_GETFD],
  ['F_SETFD', F_SETFD],
  ['F_GETFL', F_GETFL],
  ['F_SETFL', F_SETFL],
  ['F_GETLK', F_GETLK],
  ['F_SETLK', F_SETLK],
  ['F_SETLKW', F_SETLKW],
  ['F_SETOWN', F_SETOWN],
  ['F_GETOWN', F_GETOWN],
  ['F_GETLK64', F_GETLK64],
  ['F_SETLK64', F_SETLK64],
  ['F_SETLKW64', F_SETLKW64],
  ['F_OFD_GETLK', F_OFD_GETLK],
  ['F_OFD_SETLK', F_OFD_SETLK],
  ['F_OFD_SETLKW', F_OFD_SETLKW],
  ['F_NOTIFY', F_NOTIFY],
  ['F_DUPFD_CLOEXEC', F_DUPFD_CLOEXEC],
  ['F_SETPIPE_SZ', F_SETPIPE_SZ],
  ['F_GETPIPE_SZ', F_GETPIPE_SZ],
];

const fcntlArg: ArgType<number> = {
  doc: 'arg',
  read: (c) => c.ulong(),
  format: (v, context) => {
    const command = context.args.cmd;
    if (command === F_SETFL) return formatOpenFlags(toGenericOpen(v, context.task.abi.openFlags));
    if (command === F_SETFD) return v === 1 ? 'FD_CLOEXEC' : String(v);
    if (command === F_GETFD || command === F_GETFL || command === F_GETOWN) return '';
    return command === F_DUPFD || command === F_DUPFD_CLOEXEC ? String(v) : `0x${v.toString(16)}`;
  },
};

/** How a lock command has its argument; null: the ABI has no such command. */
const lockCommand = (cmd: number, wordSize: 4 | 8): LockCommand | null => {
  if (cmd >= F_GETLK64 && cmd <= F_SETLKW64) return wordSize === 4 ? { ofd: false, old: false } : null;
  return { ofd: cmd >= F_OFD_GETLK, old: cmd <= F_SETLKW };
};

function fcntlHandler(task: Task, { fd, cmd, arg }: { fd: number; cmd: number; arg: number }): number | Pending {
  const { abi } = task;
  const { files } = task.process;
  const file = files.get(fd);
  if (file === null) return -EBADF;
  const lock = lockCommand(cmd, abi.wordSize);
  switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      return files.dup(fd, arg | 0, cmd === F_DUPFD_CLOEXEC);
    case F_GETFD:
      return files.getCloexec(fd) ? 1 : 0;
    case F_SETFD:
      files.setCloexec(fd, (arg & 1) !== 0);
      return 0;
    case F_GETFL:
      return fromGenericOpen(file.flags & ~(O_CREAT | O_EXCL | O_TRUNC), abi.openFlags);
    case F_SETFL:
      file.flags = (file.flags & ~SETTABLE_FLAGS) | (toGenericOpen(arg | 0, abi.openFlags) & SETTABLE_FLAGS);
      return 0;
    case F_GETLK:
    case F_GETLK64:
    case F_OFD_GETLK:
      return lock ? getLock(task, file, arg, lock) : -EINVAL;
    case F_SETLK:
    case F_SETLK64:
    case F_OFD_SETLK:
      return lock ? setLock(task, file, arg, lock, false) : -EINVAL;
    case F_SETLKW:
    case F_SETLKW64:
    case F_OFD_SETLKW:
      return lock ? setLock(task, file, arg, lock, true) : -EINVAL;
    case F_SETOWN:
      return 0;
    case F_GETOWN:
      return 0;
    case F_NOTIFY:
      return task.process.kernel.watches.notify(task.process, file, noticeMask(arg));
    case F_GETPIPE_SZ:
      return file instanceof PipeEnd ? file.capacity : -EBADF;
    case F_SETPIPE_SZ:
      return file instanceof PipeEnd ? file.resize(arg, task.process.uids[1] === 0) : -EBADF;
    case F_ADD_SEALS:
      return file.path.startsWith('/memfd:') ? 0 : -EINVAL;
    case F_GET_SEALS:
      return file.path.startsWith('/memfd:') ? 0 : -EINVAL;
    default:
      return -EINVAL;
  }
}

const fcntlArgs = {
  fd: FD,
  cmd: { ...INT, format: (v: number) => FCNTL.find(([, n]) => n === v)?.[0] ?? `0x${v.toString(16)} /* F_??? */` },
  arg: fcntlArg,
};
const FCNTL_NOTE = {
  support: 'partial',
  note: 'Record locks hold between guests, not against host processes. Seals and owners have no effect.',
} as const;

/** F_GETFD and F_GETFL answer flags, which strace names. */
const R_FCNTL: ResultType = {
  doc: 'int',
  format: (v, { args, task }) => {
    if (args.cmd === F_GETFD) return v === 1 ? '0x1 (flags FD_CLOEXEC)' : String(v);
    if (args.cmd === F_GETFL) {
      return `0x${v.toString(16)} (flags ${formatOpenFlags(toGenericOpen(v, task.abi.openFlags))})`;
    }
    return String(v);
  },
};

export const fcntl: Syscall = syscall('fcntl', fcntlArgs, R_FCNTL, fcntlHandler, FCNTL_NOTE);

function pipePair(task: Task, address: number, pipeFlags: number): number {
  if ((pipeFlags & ~(O_CLOEXEC | O_NONBLOCK | 0o40000)) !== 0) return -EINVAL;
  if (!task.space.writable(address, 8)) return -EFAULT;
  const { files } = task.process;
  const [reader, writer] = createPipe(pipeFlags & O_NONBLOCK);
  const cloexec = (pipeFlags & O_CLOEXEC) !== 0;
  const first = files.install(reader, cloexec);
  if (first < 0) {
    writer.close();
    return first;
  }
  const second = files.install(writer, cloexec);
  if (second < 0) {
    files.close(first);
    return second;
  }
  task.space.view.setInt32(address, first, true);
  task.space.view.setInt32(address + 4, second, true);
  return 0;
}

export const pipe2: Syscall = syscall('pipe2', { pipefd: outInts(2), flags: OPEN }, R_INT, (task, args) =>
  pipePair(task, args.pipefd, args.flags),
);

export const pipe: Syscall = syscall('pipe', { pipefd: outInts(2) }, R_INT, (task, { pipefd }) =>
  pipePair(task, pipefd, 0),
);

export const eventfd2: Syscall = syscall(
  'eventfd2',
  { initval: UINT, flags: OPEN },
  R_FD,
  (task, { initval, flags: how }) => {
    if ((how & ~(O_CLOEXEC | O_NONBLOCK | 1)) !== 0) return -EINVAL;
    return task.process.files.install(
      new EventFile(initval, (how & 1) !== 0, how & O_NONBLOCK),
      (how & O_CLOEXEC) !== 0,
    );
  },
);

export const memfd_create: Syscall = syscall(
  'memfd_create',
  { name: PATH, flags: UINT },
  R_FD,
  (task, { name, flags: how }) => {
    if ((how & ~0x1f) !== 0 || name.length > 249) return -EINVAL;
    return task.process.files.install(createMemoryFile(name), (how & 1) !== 0);
  },
);

export const calls: readonly Syscall[] = [
  creat,
  openat,
  open,
  close,
  close_range,
  dup,
  dup2,
  dup3,
  fcntl,
  pipe2,
  pipe,
  eventfd2,
  memfd_create,
];
