/** Calls that newer architectures have only in a form with more arguments. */
import { FD, FD_AT, INT, MODE, PATH, PATH_OPT, PTR, R_FD, R_INT, R_SIZE, UINT } from '../args.ts';
import { type Syscall, type SyscallResult, syscall } from '../define.ts';
import { EBADF, EFAULT, EINVAL } from '../errno.ts';
import { AT_FDCWD } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import type { Timespec } from '../vfs/types.ts';
import { currentTime, setTimes } from './attributes.ts';
import { eventfd2 } from './descriptors.ts';
import { mknodat } from './directories.ts';
import { setpriority } from './scheduling.ts';
import { foldInode } from './stat.ts';
import { readTimespec, timeSize } from './timespec.ts';

type Handler = (task: Task, args: Record<string, unknown>) => SyscallResult;

const eventfd: Syscall = syscall('eventfd', { initval: UINT }, R_FD, (task, { initval }) =>
  (eventfd2.handler as Handler)(task, { initval, flags: 0 }),
);
const mknod: Syscall = syscall('mknod', { pathname: PATH, mode: MODE, dev: UINT }, R_INT, (task, args) =>
  (mknodat.handler as Handler)(task, { ...args, dirfd: AT_FDCWD }),
);
/** man 2 nice: relative to what it is. */
const nice: Syscall = syscall('nice', { inc: INT }, R_INT, (task, { inc }) => {
  const PRIO_PROCESS = 0;
  const prio = task.process.nice + Math.max(-40, Math.min(40, inc));
  const result = (setpriority.handler as Handler)(task, { which: PRIO_PROCESS, who: 0, prio });
  // man 2 nice: not privileged is EPERM here
  return result === -13 ? -1 : result;
});

/** A pair of timevals as times of a file, or -errno. */
function readPair(task: Task, address: number): readonly [Timespec, Timespec] | number {
  if (address === 0) {
    const now = currentTime();
    return [now, now];
  }
  const pair: Timespec[] = [];
  for (const at of [address, address + timeSize(task)]) {
    const t = readTimespec(task, at);
    if (t === null) return -EFAULT;
    if (t.nsec < 0 || t.nsec >= 1_000_000) return -EINVAL;
    pair.push({ sec: t.sec, nsec: t.nsec * 1000 });
  }
  return pair as [Timespec, Timespec];
}

const utimes: Syscall = syscall('utimes', { filename: PATH, times: PTR }, R_INT, (task, { filename, times }) => {
  const pair = readPair(task, times);
  return typeof pair === 'number' ? pair : setTimes(task, AT_FDCWD, filename, pair, 0);
});
const futimesat: Syscall = syscall(
  'futimesat',
  { dirfd: FD_AT, pathname: PATH_OPT, times: PTR },
  R_INT,
  (task, { dirfd, pathname, times }) => {
    const pair = readPair(task, times);
    return typeof pair === 'number' ? pair : setTimes(task, dirfd, pathname, pair, 0);
  },
);

/** struct linux_dirent: d_ino, d_off, d_reclen, d_name; d_type is the record's last byte (man 2 getdents). */
const getdents: Syscall = syscall(
  'getdents',
  { fd: FD, dirp: PTR, count: UINT },
  R_SIZE,
  (task, { fd, dirp, count }) => {
    const file = task.process.files.get(fd);
    if (file === null) return -EBADF;
    const { space } = task;
    const { abi } = task;
    const word = abi.wordSize;
    let used = 0;
    let error = 0;
    const result = file.readdir(({ name, ino, type }, next) => {
      const length = Math.ceil((2 * word + 2 + name.length + 2) / word) * word;
      const bytes = used + length > count ? null : space.writeRange(dirp + used, length);
      if (bytes === null) {
        if (used === 0) error = used + length > count ? -EINVAL : -EFAULT;
        return false;
      }
      const put = (at: number, n: number | bigint): void => {
        if (word === 8) space.view.setBigUint64(dirp + used + at, BigInt(n), true);
        else space.view.setUint32(dirp + used + at, Number(n), true);
      };
      bytes.fill(0);
      put(0, foldInode(abi, ino));
      put(word, next);
      space.view.setUint16(dirp + used + 2 * word, length, true);
      for (let i = 0; i < name.length; i++) bytes[2 * word + 2 + i] = name.charCodeAt(i);
      bytes[length - 1] = type;
      used += length;
      return true;
    });
    if (result >= 0) task.process.afterRead(file);
    return result < 0 ? result : error !== 0 ? error : used;
  },
);

export const calls: readonly Syscall[] = [eventfd, mknod, nice, utimes, futimesat, getdents];
