/** Files of up to 2 GiB as 32-bit ABIs first had them: stat, truncate (arch/arm uapi asm/stat.h, man 2 stat). */
import { FD, PATH, PTR, R_INT, WORD_OFF } from '../args.ts';
import { type Syscall, type SyscallResult, syscall } from '../define.ts';
import { EBADF, EOVERFLOW } from '../errno.ts';
import { AT_FDCWD } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import { long, struct, u16, ulong } from '../struct.ts';
import type { Stat } from '../vfs/types.ts';
import { ftruncate, truncate } from './attributes.ts';
import { AT_SYMLINK_NOFOLLOW, statAt, statFields } from './stat.ts';

const OLD_STAT = struct('old_stat', {
  st_dev: ulong,
  st_ino: ulong,
  st_mode: u16,
  st_nlink: u16,
  st_uid: u16,
  st_gid: u16,
  st_rdev: ulong,
  st_size: ulong,
  st_blksize: ulong,
  st_blocks: ulong,
  st_atime: long,
  st_atime_nsec: ulong,
  st_mtime: long,
  st_mtime_nsec: ulong,
  st_ctime: long,
  st_ctime_nsec: ulong,
  __unused4: ulong,
  __unused5: ulong,
});

const MAX_SIZE = 0x7fff_ffff;
/** Ids that do not fit show as the overflow id. */
const short = (id: number): number => (id > 0xffff ? 65534 : id);

/** fs/stat.c, cp_new_stat: what does not fit is EOVERFLOW. */
function putOld(task: Task, address: number, s: Stat | number): number {
  if (typeof s === 'number') return s;
  if (s.size > MAX_SIZE || s.nlink > 0xffff) return -EOVERFLOW;
  const ids = { st_uid: short(s.uid), st_gid: short(s.gid) };
  const common = statFields(task.abi, s);
  const ino = Number(common.st_ino);
  return task.put(OLD_STAT, address, { ...common, ...ids, st_ino: ino, __unused4: 0, __unused5: 0 });
}

const BY_PATH = { pathname: PATH, statbuf: PTR };
const oldStat: Syscall = syscall('old stat', BY_PATH, R_INT, (task, { pathname, statbuf }) =>
  putOld(task, statbuf, statAt(task, AT_FDCWD, pathname, 0)),
);
const oldLstat: Syscall = syscall('old lstat', BY_PATH, R_INT, (task, { pathname, statbuf }) =>
  putOld(task, statbuf, statAt(task, AT_FDCWD, pathname, AT_SYMLINK_NOFOLLOW)),
);
const oldFstat: Syscall = syscall('old fstat', { fd: FD, statbuf: PTR }, R_INT, (task, { fd, statbuf }) =>
  putOld(task, statbuf, task.process.files.get(fd)?.stat() ?? -EBADF),
);

type Handler = (task: Task, args: Record<string, unknown>) => SyscallResult;
const oldTruncate: Syscall = syscall('old truncate', { path: PATH, length: WORD_OFF }, R_INT, (task, args) =>
  (truncate.handler as Handler)(task, args),
);
const oldFtruncate: Syscall = syscall('old ftruncate', { fd: FD, length: WORD_OFF }, R_INT, (task, args) =>
  (ftruncate.handler as Handler)(task, args),
);

export const calls: readonly Syscall[] = [oldStat, oldLstat, oldFstat, oldTruncate, oldFtruncate];
