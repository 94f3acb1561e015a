import { FD, FD_AT, flags, MODE, OPEN, outInts, PATH, R_FD, R_INT, UINT } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EAGAIN, EBADF, EFAULT, EINVAL, ENXIO } from '../errno.ts';
import { EventFile } from '../kernel/eventfd.ts';
import { openedTty } from '../kernel/job-control.ts';
import { createMemoryFile, F_SEAL_EXEC, F_SEAL_SEAL } from '../kernel/memfd.ts';
import { QueueFile } from '../kernel/mqueue.ts';
import { createPipe, PipeEnd } from '../kernel/pipe.ts';
import { AT_FDCWD } from '../kernel/process.ts';
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
import { dropLocks } from './locks.ts';

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
    // others may have renamed directories meanwhile
    const again = process.resolve(dirfd, path, follow);
    const opened = typeof again === 'number' ? again : again.fs.open(again.path, wanted, permissions);
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
    note: 'O_DIRECT and O_NOATIME are ignored; a FIFO of the host opened for reading does not wait.',
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

const MFD_ALLOW_SEALING = 2;
const MFD_NOEXEC_SEAL = 8;
const MFD_EXEC = 0x10;

export const memfd_create: Syscall = syscall(
  'memfd_create',
  { name: PATH, flags: UINT },
  R_FD,
  (task, { name, flags: how }) => {
    if ((how & ~0x1f) !== 0 || name.length > 249) return -EINVAL;
    if ((how & MFD_EXEC) !== 0 && (how & MFD_NOEXEC_SEAL) !== 0) return -EINVAL;
    const maySeal = (how & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL)) !== 0;
    const seals = (maySeal ? 0 : F_SEAL_SEAL) | ((how & MFD_NOEXEC_SEAL) !== 0 ? F_SEAL_EXEC : 0);
    return task.process.files.install(createMemoryFile(name, seals), (how & 1) !== 0);
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
  pipe2,
  pipe,
  eventfd2,
  memfd_create,
];
