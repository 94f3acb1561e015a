import { FD, flags, INT, inStruct, oneOf, outStruct, R_FD, R_INT, SIZE } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EBADF, EFAULT, EINVAL } from '../errno.ts';
import { CLOCKS } from '../flags.ts';
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME } from '../kernel/clock.ts';
import { SignalFile } from '../kernel/signalfd.ts';
import type { Task } from '../kernel/task.ts';
import { TimerFile } from '../kernel/timerfd.ts';
import { O_CLOEXEC, O_NONBLOCK } from '../vfs/types.ts';
import { IN_SET, readSet } from './signal.ts';
import { ITIMERSPEC, putTimer, readTimer } from './time.ts';

const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;

export const timerfd_create: Syscall = syscall(
  'timerfd_create',
  {
    clockid: oneOf(CLOCKS, 'CLOCK_???'),
    flags: flags([
      ['TFD_CLOEXEC', O_CLOEXEC],
      ['TFD_NONBLOCK', O_NONBLOCK],
    ]),
  },
  R_FD,
  (task, { clockid, flags: how }) => {
    // The alarm clocks 8 and 9 would wake the machine: EPERM without CAP_WAKE_ALARM, which nobody needs here.
    const known = [CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME].includes(clockid);
    if (!known || (how & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
    const file = new TimerFile(task.process.kernel.scheduler, clockid, how & O_NONBLOCK);
    return task.process.files.install(file, (how & O_CLOEXEC) !== 0);
  },
);

/** The timer behind a descriptor, or -errno. */
function timerOf(task: Task, fd: number): TimerFile | number {
  const file = task.process.files.get(fd);
  if (file === null) return -EBADF;
  return file instanceof TimerFile ? file : -EINVAL;
}

export const timerfd_settime: Syscall = syscall(
  'timerfd_settime',
  {
    fd: FD,
    flags: flags([
      ['TFD_TIMER_ABSTIME', TFD_TIMER_ABSTIME],
      ['TFD_TIMER_CANCEL_ON_SET', TFD_TIMER_CANCEL_ON_SET],
    ]),
    new_value: inStruct(ITIMERSPEC),
    old_value: outStruct(ITIMERSPEC),
  },
  R_INT,
  (task, { fd, flags: how, new_value, old_value }) => {
    const wanted = readTimer(task, new_value);
    if (wanted === -EFAULT) return wanted;
    if ((how & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) !== 0) return -EINVAL;
    if (typeof wanted === 'number') return wanted;
    const timer = timerOf(task, fd);
    if (typeof timer === 'number') return timer;
    const old = timer.get();
    timer.set((how & TFD_TIMER_ABSTIME) !== 0, wanted.value, wanted.interval);
    return old_value === 0 ? 0 : putTimer(task, old_value, old);
  },
  { support: 'partial', note: 'TFD_TIMER_CANCEL_ON_SET has no effect: guests cannot set the clock.' },
);

export const timerfd_gettime: Syscall = syscall(
  'timerfd_gettime',
  { fd: FD, curr_value: outStruct(ITIMERSPEC) },
  R_INT,
  (task, { fd, curr_value }) => {
    const timer = timerOf(task, fd);
    return typeof timer === 'number' ? timer : putTimer(task, curr_value, timer.get());
  },
);

function signalFile(task: Task, fd: number, set: number, size: number, how: number): number {
  const mask = readSet(task, set);
  if (size !== 8) return -EINVAL;
  if (mask === null) return -EFAULT;
  if ((how & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const { files, kernel } = task.process;
  if (fd === -1) {
    const file = new SignalFile(() => kernel.scheduler.current ?? kernel.currentTask ?? task, mask, how & O_NONBLOCK);
    return files.install(file, (how & O_CLOEXEC) !== 0);
  }
  const file = files.get(fd);
  if (file === null) return -EBADF;
  if (!(file instanceof SignalFile)) return -EINVAL;
  file.setMask(mask);
  task.process.signalQueue.wake();
  return fd;
}

export const signalfd4: Syscall = syscall(
  'signalfd4',
  {
    fd: INT,
    mask: IN_SET,
    sizemask: SIZE,
    flags: flags([
      ['SFD_CLOEXEC', O_CLOEXEC],
      ['SFD_NONBLOCK', O_NONBLOCK],
    ]),
  },
  R_FD,
  (task, { fd, mask, sizemask, flags: how }) => signalFile(task, fd, mask, sizemask, how),
);

export const signalfd: Syscall = syscall(
  'signalfd',
  { fd: INT, mask: IN_SET, sizemask: SIZE },
  R_FD,
  (task, { fd, mask, sizemask }) => signalFile(task, fd, mask, sizemask, 0),
);

export const calls: readonly Syscall[] = [timerfd_create, timerfd_settime, timerfd_gettime, signalfd4, signalfd];
