/** Calls of i386 that newer ABIs have in another form: arguments in memory, old structures. */
import { FD, HEX, INT, OFF, PATH, PTR, R_INT, R_PTR, SIGNAL, SIZE, UINT } from '../args.ts';
import { type Syscall, type SyscallResult, syscall } from '../define.ts';
import { EBADF, EFAULT, EINVAL, EPERM } from '../errno.ts';
import { getThreadArea, setThreadArea } from '../kernel/descriptors.ts';
import { AT_FDCWD } from '../kernel/process.ts';
import { SA_NODEFER, SA_RESETHAND } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { currentTime, setTimes } from './attributes.ts';
import { mmap } from './memory.ts';
import { callAt } from './multiplexed.ts';
import { selectUntil } from './poll.ts';
import { fadvise64 } from './read-write.ts';
import { foldInode } from './stat.ts';
import { wait4 } from './wait.ts';

type Handler = (task: Task, args: Record<string, unknown>) => SyscallResult;

/** struct mmap_arg_struct (arch/x86/kernel/sys_ia32.c): the offset is in bytes. */
const oldMmap: Syscall = syscall('old mmap', { arg: PTR }, R_PTR, (task, { arg }) => callAt(task, mmap, arg));
const selectCall: Syscall = syscall(
  'sel_arg_struct',
  { nfds: INT, readfds: PTR, writefds: PTR, exceptfds: PTR, timeout: PTR },
  R_INT,
  (task, a) => selectUntil(task, a.nfds, [a.readfds, a.writefds, a.exceptfds], a.timeout),
);
const oldSelect: Syscall = syscall('old select', { arg: PTR }, R_INT, (task, { arg }) => callAt(task, selectCall, arg));

const waitpid: Syscall = syscall('waitpid', { pid: INT, status: PTR, options: UINT }, R_INT, (task, args) =>
  (wait4.handler as Handler)(task, { ...args, rusage: 0 }),
);

/** What does not fit is the largest number that does (kernel/sys.c, old_getrlimit). */
const oldGetrlimit: Syscall = syscall(
  'old getrlimit',
  { resource: INT, rlim: PTR },
  R_INT,
  (task, { resource, rlim }) => {
    const limit = task.process.limits[resource];
    if (limit === undefined) return -EINVAL;
    const [current, most] = limit.map((n) => Math.min(n, 0x7fff_ffff));
    return task.putInt(rlim, current as number) || task.putInt(rlim + 4, most as number);
  },
);

const oldFadvise: Syscall = syscall(
  'old fadvise64',
  { fd: FD, offset: OFF, len: SIZE, advice: INT },
  R_INT,
  (task, args) => (fadvise64.handler as Handler)(task, args),
);

const SIG_ERR_FLAGS = (SA_RESETHAND | SA_NODEFER) >>> 0;
/** man 2 signal, as the kernel has it: the handler is reset, and not blocked; the old one is the result. */
const signal: Syscall = syscall('signal', { signum: SIGNAL, handler: PTR }, R_PTR, (task, { signum, handler }) => {
  const SIGKILL = 9;
  const SIGSTOP = 19;
  if (signum < 1 || signum > 64 || signum === SIGKILL || signum === SIGSTOP) return -EINVAL;
  const old = task.process.action(signum);
  task.process.setAction(signum, { handler, flags: SIG_ERR_FLAGS, restorer: 0, mask: 0n });
  return old.handler | 0;
});
const sgetmask: Syscall = syscall('sgetmask', {}, R_INT, (task) => Number(BigInt.asIntN(32, task.blocked)));
const ssetmask: Syscall = syscall('ssetmask', { newmask: HEX }, R_INT, (task, { newmask }) => {
  const old = Number(BigInt.asIntN(32, task.blocked));
  task.setBlocked(BigInt(newmask));
  return old;
});

const stime: Syscall = syscall('stime', { t: PTR }, R_INT, () => -EPERM);

/** man 2 utime: struct utimbuf has seconds. */
const utime: Syscall = syscall('utime', { filename: PATH, times: PTR }, R_INT, (task, { filename, times }) => {
  const { space } = task;
  const now = currentTime();
  let pair = [now, now] as const;
  if (times !== 0) {
    const word = task.abi.wordSize;
    if (!space.readable(times, 2 * word)) return -EFAULT;
    const at = (where: number): { sec: number; nsec: number } => ({
      sec: word === 8 ? Number(space.view.getBigInt64(where, true)) : space.view.getInt32(where, true),
      nsec: 0,
    });
    pair = [at(times), at(times + word)];
  }
  return setTimes(task, AT_FDCWD, filename, pair, 0);
});

/** man 2 readdir: one entry; struct old_linux_dirent { d_ino; d_offset; u16 d_namlen; d_name }. */
const readdir: Syscall = syscall('readdir', { fd: FD, dirp: PTR, count: UINT }, R_INT, (task, { fd, dirp }) => {
  const file = task.process.files.get(fd);
  if (file === null) return -EBADF;
  const { space } = task;
  let [found, error] = [0, 0];
  const result = file.readdir(({ name, ino }, next) => {
    if (found === 1) return false;
    const bytes = space.writeRange(dirp, 10 + name.length + 1);
    if (bytes === null) {
      error = -EFAULT;
      return false;
    }
    space.view.setUint32(dirp, Number(foldInode(task.abi, ino)), true);
    space.view.setUint32(dirp + 4, next, true);
    space.view.setUint16(dirp + 8, name.length, true);
    for (let i = 0; i < name.length; i++) bytes[10 + i] = name.charCodeAt(i);
    bytes[10 + name.length] = 0;
    found = 1;
    return true;
  });
  return result < 0 ? result : error !== 0 ? error : found;
});

const set_thread_area: Syscall = syscall('set_thread_area', { u_info: PTR }, R_INT, (task, { u_info }) =>
  setThreadArea(task, u_info),
);
const get_thread_area: Syscall = syscall('get_thread_area', { u_info: PTR }, R_INT, (task, { u_info }) =>
  getThreadArea(task, u_info),
);

export const calls: readonly Syscall[] = [
  oldMmap,
  oldSelect,
  waitpid,
  oldGetrlimit,
  oldFadvise,
  signal,
  sgetmask,
  ssetmask,
  stime,
  utime,
  readdir,
  set_thread_area,
  get_thread_area,
];
