import { FD, flags, INT, PTR, R_FD, R_INT, SIGNAL, UINT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EBADF, EFAULT, EINVAL, EPERM, ESRCH } from '../errno.ts';
import { PidFile } from '../kernel/pidfd.ts';
import type { Process } from '../kernel/process.ts';
import { NSIG, SI_USER, type SigInfo } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { O_NONBLOCK } from '../vfs/types.ts';
import { forged, permitted, readInfo, sendTo } from './signal.ts';

/** The process a descriptor stands for, or -EBADF. */
export function pidFile(task: Task, fd: number): PidFile | number {
  const file = task.process.files.get(fd);
  return file instanceof PidFile ? file : -EBADF;
}

/** Whom a descriptor means to pidfd_send_signal: a folder /proc/PID will do as well (man 2 pidfd_send_signal). */
function signalled(task: Task, fd: number): Process | number {
  const file = task.process.files.get(fd);
  if (file instanceof PidFile) return file.process;
  const [, pid] = /^\/proc\/(\d+)\/?$/.exec(file?.path ?? '') ?? [];
  return task.process.kernel.processes.get(Number(pid)) ?? -EBADF;
}

export const pidfd_open: Syscall = syscall(
  'pidfd_open',
  { pid: INT, flags: flags([['PIDFD_NONBLOCK', O_NONBLOCK]]) },
  R_FD,
  (task, { pid, flags: how }) => {
    if ((how & ~O_NONBLOCK) !== 0 || pid <= 0) return -EINVAL;
    const { kernel, files } = task.process;
    const target = kernel.processes.get(pid);
    // A thread that is no leader: newer kernels say ENOENT or want PIDFD_THREAD, ours is a 6.1.
    if (target === undefined) return kernel.tasks.has(pid) ? -EINVAL : -ESRCH;
    return files.install(new PidFile(target, how & O_NONBLOCK), true);
  },
);

export const pidfd_send_signal: Syscall = syscall(
  'pidfd_send_signal',
  { pidfd: FD, sig: SIGNAL, info: PTR, flags: UINT },
  R_INT,
  (task, { pidfd, sig, info, flags: how }) => {
    if (how !== 0) return -EINVAL;
    const target = signalled(task, pidfd);
    if (typeof target === 'number') return target;
    const { process } = task;
    const given = info === 0 ? null : readInfo(task, sig, info);
    if (given === null && info !== 0) return -EFAULT;
    if (given !== null && task.space.view.getInt32(info, true) !== sig) return -EINVAL;
    if (sig < 0 || sig > NSIG) return -EINVAL;
    if (given !== null && forged(given, target === process)) return -EPERM;
    const own: SigInfo = { signo: sig, code: SI_USER, pid: process.pid, uid: process.uids[0] };
    if (!process.kernel.processes.has(target.pid)) return -ESRCH;
    return sendTo(task, [target], given ?? own);
  },
);

export const pidfd_getfd: Syscall = syscall(
  'pidfd_getfd',
  { pidfd: FD, targetfd: FD, flags: UINT },
  R_FD,
  (task, { pidfd, targetfd, flags: how }) => {
    if (how !== 0) return -EINVAL;
    const file = pidFile(task, pidfd);
    if (typeof file === 'number') return file;
    if (file.process.exited !== null) return -ESRCH;
    if (!permitted(task, file.process, 0)) return -EPERM;
    const wanted = file.process.files.get(targetfd);
    if (wanted === null) return -EBADF;
    wanted.refs++;
    return task.process.files.install(wanted, true);
  },
);

export const calls: readonly Syscall[] = [pidfd_open, pidfd_send_signal, pidfd_getfd];
