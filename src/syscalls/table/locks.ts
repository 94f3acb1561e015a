import { FD, INT, R_INT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EBADF, EFAULT, EINVAL, EOVERFLOW } from '../errno.ts';
import { formatFlags } from '../flags.ts';
import { F_RDLCK, F_UNLCK, F_WRLCK, type LockRange } from '../kernel/locks.ts';
import type { Task } from '../kernel/task.ts';
import { type Pending, waitFor } from '../kernel/wait.ts';
import { i16, i32, i64, long, struct } from '../struct.ts';
import { O_ACCMODE, O_WRONLY, type OpenFile } from '../vfs/types.ts';

const FLOCK = struct('flock64', { l_type: i16, l_whence: i16, l_start: i64, l_len: i64, l_pid: i32 });
/** What F_GETLK, F_SETLK and F_SETLKW take: of 32-bit ABIs, offsets of 32 bits. */
const OLD_FLOCK = struct('flock', { l_type: i16, l_whence: i16, l_start: long, l_len: long, l_pid: i32 });
const MAX_OLD_OFFSET = 0x7fff_ffff;

/** Which fcntl lock command it is. */
export interface LockCommand {
  /** Of the open file description. */
  readonly ofd: boolean;
  /** With `struct flock` as the ABI has it, not `struct flock64`. */
  readonly old: boolean;
}
const layoutOf = ({ old }: LockCommand): typeof FLOCK => (old ? (OLD_FLOCK as typeof FLOCK) : FLOCK);

/** The file's key in the lock table, or -errno. */
function keyOf(file: OpenFile): string | number {
  const stat = file.stat();
  return typeof stat === 'number' ? stat : `${stat.dev}:${stat.ino}`;
}

/** A struct flock in guest memory as a range, or -errno (man 2 fcntl, "Advisory record locking"). */
function readRange(task: Task, file: OpenFile, address: number, command: LockCommand): LockRange | number {
  const { ofd } = command;
  const request = task.get(layoutOf(command), address);
  if (request === null) return -EFAULT;
  if (request.l_type < F_RDLCK || request.l_type > F_UNLCK) return -EINVAL;
  if (request.l_whence < 0 || request.l_whence > 2) return -EINVAL;
  if (ofd && request.l_pid !== 0) return -EINVAL;
  const stat = file.stat();
  if (typeof stat === 'number') return stat;
  const base = request.l_whence === 1 ? Math.max(0, file.seek(0, 1)) : request.l_whence === 2 ? stat.size : 0;
  let start = base + request.l_start;
  let end = request.l_len === 0 ? Number.POSITIVE_INFINITY : start + request.l_len;
  if (request.l_len < 0) [start, end] = [end, start];
  if (start < 0) return -EINVAL;
  const { process } = task;
  return { owner: ofd ? file : process, pid: ofd ? -1 : process.pid, start, end, type: request.l_type };
}

/** F_GETLK and F_OFD_GETLK: the lock that is in the way, or F_UNLCK. */
export function getLock(task: Task, file: OpenFile, address: number, command: LockCommand): number {
  const wanted = readRange(task, file, address, command);
  if (typeof wanted === 'number') return wanted;
  if (wanted.type === F_UNLCK) return -EINVAL;
  const key = keyOf(file);
  if (typeof key === 'number') return key;
  const found = task.process.kernel.locks.conflict(key, wanted);
  const layout = layoutOf(command);
  const request = task.get(layout, address);
  if (request === null) return -EFAULT;
  if (found === null) return task.put(layout, address, { ...request, l_type: F_UNLCK });
  const length = found.end === Number.POSITIVE_INFINITY ? 0 : found.end - found.start;
  const narrow = command.old && task.abi.wordSize === 4;
  if (narrow && found.start + Math.max(length - 1, 0) > MAX_OLD_OFFSET) return -EOVERFLOW;
  return task.put(layout, address, {
    l_type: found.type,
    l_whence: 0,
    l_start: found.start,
    l_len: length,
    l_pid: found.pid,
  });
}

/** F_SETLK, F_SETLKW (`wait`) and their OFD forms. */
export function setLock(
  task: Task,
  file: OpenFile,
  address: number,
  command: LockCommand,
  wait: boolean,
): number | Pending {
  const wanted = readRange(task, file, address, command);
  if (typeof wanted === 'number') return wanted;
  if (wanted.type !== F_UNLCK) {
    const access = file.flags & O_ACCMODE;
    if (wanted.type === F_RDLCK ? access === O_WRONLY : access === 0) return -EBADF;
  }
  const key = keyOf(file);
  if (typeof key === 'number') return key;
  const { locks } = task.process.kernel;
  if (!wait) return locks.set(key, wanted);
  const result = waitFor(task, () => locks.setOrWait(key, wanted), { on: [locks.queue(key)] });
  if (typeof result === 'number') return result;
  return result.after((r) => {
    locks.forgetWait(wanted.owner);
    return r;
  });
}

/** Closing any descriptor of a file gives the process's record locks on it back (man 2 fcntl). */
export function dropLocks(task: Task, fd: number): void {
  const { locks } = task.process.kernel;
  if (!locks.any) return;
  const file = task.process.files.get(fd);
  const key = file === null ? 0 : keyOf(file);
  if (typeof key === 'string') locks.release(task.process, key);
}

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
/** Linux ignores what asks for a share mode since 5.18. */
const LOCK_MAND = 32;

export const flock: Syscall = syscall(
  'flock',
  {
    fd: FD,
    operation: {
      ...INT,
      format: (v: number) =>
        formatFlags(v, [
          ['LOCK_SH', LOCK_SH],
          ['LOCK_EX', LOCK_EX],
          ['LOCK_NB', LOCK_NB],
          ['LOCK_UN', LOCK_UN],
        ]),
    },
  },
  R_INT,
  (task, { fd, operation }) => {
    const file = task.process.files.get(fd);
    if (file === null) return -EBADF;
    if ((operation & LOCK_MAND) !== 0) return 0;
    const kind = operation & ~LOCK_NB;
    const type = kind === LOCK_SH ? F_RDLCK : kind === LOCK_EX ? F_WRLCK : kind === LOCK_UN ? F_UNLCK : -1;
    if (type < 0) return -EINVAL;
    const stat = keyOf(file);
    if (typeof stat === 'number') return stat;
    // flock and fcntl locks do not see each other (man 2 flock, NOTES).
    const key = `flock ${stat}`;
    const { locks } = task.process.kernel;
    const wanted: LockRange = { owner: file, pid: -1, start: 0, end: Number.POSITIVE_INFINITY, type };
    // A conversion gives the old lock up first.
    if (type !== F_UNLCK && locks.conflict(key, wanted) !== null) locks.set(key, { ...wanted, type: F_UNLCK });
    if ((operation & LOCK_NB) !== 0) return locks.set(key, wanted);
    return waitFor(task, () => locks.set(key, wanted), { on: [locks.queue(key)] });
  },
  { support: 'partial', note: 'Holds between guests, not against host processes.' },
);

export const calls: readonly Syscall[] = [flock];
