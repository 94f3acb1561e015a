import { flags, INT, oneOf, PTR, R_INT, R_SIZE, UINT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EAGAIN, EFAULT, EINVAL, EOPNOTSUPP, EPERM, ERESTARTNOHAND, ERESTARTSYS } from '../errno.ts';
import { CLOCKS } from '../flags.ts';
import { CLOCK_THREAD_CPUTIME_ID, clockMs, fromMs, monotonicMs, readClock } from '../kernel/clock.ts';
import { cpuClockMs } from '../kernel/cpu-clock.ts';
import { SIGALRM } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { ITIMER_REAL } from '../kernel/timers.ts';
import { type Pending, waitFor } from '../kernel/wait.ts';
import { i32, long, struct, wordBits } from '../struct.ts';
import type { Timespec } from '../vfs/types.ts';
import { IN_TIMESPEC, OUT_TIMESPEC, OUT_TIMEVAL, putTimespec, readTimespec, timeSize } from './timespec.ts';

const CLOCK = oneOf(CLOCKS, 'CLOCK_???');

export const clock_gettime: Syscall = syscall(
  'clock_gettime',
  { clockid: CLOCK, tp: OUT_TIMESPEC },
  R_INT,
  (task, { clockid, tp }) => {
    const cpu = cpuClockMs(task, clockid);
    const now = cpu === undefined ? readClock(clockid) : cpu === null ? null : fromMs(cpu);
    return now === null ? -EINVAL : putTimespec(task, tp, now.sec, now.nsec);
  },
);

export const clock_getres: Syscall = syscall(
  'clock_getres',
  { clockid: CLOCK, res: OUT_TIMESPEC },
  R_INT,
  (task, { clockid, res }) => {
    const known = cpuClockMs(task, clockid) ?? readClock(clockid);
    if (known === null) return -EINVAL;
    if (res === 0) return 0;
    const coarse = clockid === 5 || clockid === 6;
    return putTimespec(task, res, 0, coarse ? 4_000_000 : 1);
  },
);

export const clock_settime: Syscall = syscall(
  'clock_settime',
  { clockid: CLOCK, tp: IN_TIMESPEC },
  R_INT,
  () => -EPERM,
);

export const gettimeofday: Syscall = syscall(
  'gettimeofday',
  { tv: OUT_TIMEVAL, tz: PTR },
  R_INT,
  (task, { tv, tz }) => {
    if (tv !== 0) {
      const now = readClock(0) ?? { sec: 0, nsec: 0 };
      if (putTimespec(task, tv, now.sec, Math.floor(now.nsec / 1000)) !== 0) return -EFAULT;
    }
    return tz === 0 ? 0 : task.putInt(tz, 0) || task.putInt(tz + 4, 0);
  },
);

export const time: Syscall = syscall('time', { tloc: PTR }, R_SIZE, (task, { tloc }) => {
  const { sec } = readClock(0) ?? { sec: 0 };
  if (tloc === 0) return sec;
  return task.put(LONG, tloc, { value: sec }) || sec;
});
const LONG = struct('time_t', { value: long });

const TIMER_ABSTIME = 1;

/** Sleep until a monotonic deadline; what is left goes to `rem` when a signal ends it. */
function sleepUntil(task: Task, deadline: number, rem: number): number | Pending {
  const finish = (result: number): number => {
    if (result !== -ERESTARTSYS) return result;
    // No handler: run the call again, to the same deadline. With one, EINTR and the rest: see deliverSignals.
    task.sleepDeadline = deadline;
    if (rem !== 0) {
      const left = fromMs(Math.max(0, deadline - monotonicMs()));
      if (putTimespec(task, rem, left.sec, left.nsec) !== 0) return -EFAULT;
    }
    return -ERESTARTNOHAND;
  };
  const result = waitFor(task, () => -EAGAIN, { deadline, onTimeout: 0 });
  return typeof result === 'number' ? finish(result) : result.after(finish);
}

function readSleep(task: Task, address: number): Timespec | number {
  const t = readTimespec(task, address);
  if (t === null) return -EFAULT;
  return t.sec < 0 || t.nsec < 0 || t.nsec > 999_999_999 ? -EINVAL : t;
}

export const nanosleep: Syscall = syscall('nanosleep', { req: IN_TIMESPEC, rem: PTR }, R_INT, (task, { req, rem }) => {
  const t = readSleep(task, req);
  return typeof t === 'number' ? t : sleepUntil(task, task.takeSleep(t.sec * 1000 + t.nsec / 1e6), rem);
});

export const clock_nanosleep: Syscall = syscall(
  'clock_nanosleep',
  { clockid: CLOCK, flags: flags([['TIMER_ABSTIME', TIMER_ABSTIME]]), request: IN_TIMESPEC, remain: PTR },
  R_INT,
  (task, { clockid, flags: how, request, remain }) => {
    if (clockid === CLOCK_THREAD_CPUTIME_ID) return -EINVAL;
    const now = clockMs(clockid);
    if (Number.isNaN(now)) return readClock(clockid) === null ? -EINVAL : -EOPNOTSUPP;
    const t = readSleep(task, request);
    if (typeof t === 'number') return t;
    const ms = t.sec * 1000 + t.nsec / 1e6;
    const absolute = (how & TIMER_ABSTIME) !== 0;
    return absolute ? sleepUntil(task, monotonicMs() + ms - now, 0) : sleepUntil(task, task.takeSleep(ms), remain);
  },
);

/** struct itimerval: interval, value, in seconds and microseconds. */
const ITIMERVAL = struct('itimerval', { interval_sec: long, interval_usec: long, value_sec: long, value_usec: long });
/** struct itimerspec. */
export const ITIMERSPEC = struct('itimerspec', {
  interval_sec: long,
  interval_nsec: long,
  value_sec: long,
  value_nsec: long,
});

function micros(ms: number): { sec: number; usec: number } {
  const { sec, nsec } = fromMs(ms);
  // Round up: a running timer never shows zero.
  const usec = Math.ceil(nsec / 1000);
  return usec === 1_000_000 ? { sec: sec + 1, usec: 0 } : { sec, usec };
}

export const getitimer: Syscall = syscall(
  'getitimer',
  { which: INT, curr_value: PTR },
  R_INT,
  (task, { which, curr_value }) => {
    const now = task.process.timers.getItimer(which);
    if (typeof now === 'number') return now;
    const value = micros(now.value);
    const interval = micros(now.interval);
    return task.put(ITIMERVAL, curr_value, {
      interval_sec: interval.sec,
      interval_usec: interval.usec,
      value_sec: value.sec,
      value_usec: value.usec,
    });
  },
);

export const setitimer: Syscall = syscall(
  'setitimer',
  { which: INT, new_value: PTR, old_value: PTR },
  R_INT,
  (task, { which, new_value, old_value }) => {
    const old = task.process.timers.getItimer(which);
    if (typeof old === 'number') return old;
    let value = 0;
    let interval = 0;
    if (new_value !== 0) {
      const v = task.get(ITIMERVAL, new_value);
      if (v === null) return -EFAULT;
      if (v.value_usec < 0 || v.value_usec > 999_999 || v.interval_usec < 0 || v.interval_usec > 999_999)
        return -EINVAL;
      value = v.value_sec * 1000 + v.value_usec / 1000;
      interval = v.interval_sec * 1000 + v.interval_usec / 1000;
    }
    task.process.timers.setItimer(which, value, interval);
    if (old_value === 0) return 0;
    const oldValue = micros(old.value);
    const oldInterval = micros(old.interval);
    return task.put(ITIMERVAL, old_value, {
      interval_sec: oldInterval.sec,
      interval_usec: oldInterval.usec,
      value_sec: oldValue.sec,
      value_usec: oldValue.usec,
    });
  },
);

export const alarm: Syscall = syscall('alarm', { seconds: UINT }, R_INT, (task, { seconds }) => {
  const old = task.process.timers.getItimer(ITIMER_REAL);
  task.process.timers.setItimer(ITIMER_REAL, seconds * 1000, 0);
  return typeof old === 'number' ? old : Math.ceil(old.value / 1000);
});

/** struct sigevent: the value, then signal and kind. */
export const SIGEVENT = struct('sigevent', { value: wordBits, signo: i32, notify: i32, tid: i32 });
export const SIGEV_SIGNAL = 0;
export const SIGEV_NONE = 1;
const SIGEV_THREAD_ID = 4;

export const timer_create: Syscall = syscall(
  'timer_create',
  { clockid: CLOCK, sevp: PTR, timerid: PTR },
  R_INT,
  (task, { clockid, sevp, timerid }) => {
    const cpu = cpuClockMs(task, clockid);
    if (cpu === null || (cpu === undefined && readClock(clockid) === null)) return -EINVAL;
    if (!task.space.writable(timerid, 4)) return -EFAULT;
    let signal = SIGALRM;
    let value: bigint | null = null;
    let target: Task | null = null;
    if (sevp !== 0) {
      const event = task.get(SIGEVENT, sevp);
      if (event === null) return -EFAULT;
      if (event.notify !== SIGEV_SIGNAL && event.notify !== SIGEV_NONE && event.notify !== SIGEV_THREAD_ID)
        return -EINVAL;
      if (event.notify !== SIGEV_NONE && (event.signo < 1 || event.signo > 64)) return -EINVAL;
      if (event.notify === SIGEV_THREAD_ID) {
        target = task.process.kernel.tasks.get(event.tid) ?? null;
        if (target?.process !== task.process) return -EINVAL;
      }
      signal = event.notify === SIGEV_NONE ? 0 : event.signo;
      value = event.value;
    }
    return task.putInt(timerid, task.process.timers.create(task, clockid, signal, value, target));
  },
);

/** A struct itimerspec in milliseconds; -EFAULT, or -EINVAL for a bad time. */
export function readTimer(task: Task, address: number): { value: number; interval: number } | number {
  const interval = readTimespec(task, address);
  const value = readTimespec(task, address + timeSize(task));
  if (interval === null || value === null) return -EFAULT;
  const bad = [interval, value].some(({ sec, nsec }) => sec < 0 || nsec < 0 || nsec > 999_999_999);
  const ms = ({ sec, nsec }: Timespec): number => sec * 1000 + nsec / 1e6;
  return bad ? -EINVAL : { value: ms(value), interval: ms(interval) };
}

/** Write a struct itimerspec from milliseconds; 0 or -EFAULT. */
export function putTimer(task: Task, address: number, now: { value: number; interval: number }): number {
  const value = fromMs(now.value);
  const interval = fromMs(now.interval);
  return task.put(ITIMERSPEC, address, {
    interval_sec: interval.sec,
    interval_nsec: interval.nsec,
    value_sec: value.sec,
    value_nsec: value.nsec,
  });
}

export const timer_settime: Syscall = syscall(
  'timer_settime',
  { timerid: INT, flags: flags([['TIMER_ABSTIME', 1]]), new_value: PTR, old_value: PTR },
  R_INT,
  (task, { timerid, flags: how, new_value, old_value }) => {
    const { timers } = task.process;
    const old = timers.get(timerid);
    if (typeof old === 'number') return old;
    const wanted = readTimer(task, new_value);
    if (typeof wanted === 'number') return wanted;
    timers.set(timerid, (how & 1) !== 0, wanted.value, wanted.interval);
    return old_value === 0 ? 0 : putTimer(task, old_value, old);
  },
);
export const timer_gettime: Syscall = syscall('timer_gettime', { timerid: INT, curr_value: PTR }, R_INT, (task, a) => {
  const now = task.process.timers.get(a.timerid);
  return typeof now === 'number' ? now : putTimer(task, a.curr_value, now);
});
export const timer_getoverrun: Syscall = syscall('timer_getoverrun', { timerid: INT }, R_INT, (task, { timerid }) => {
  const now = task.process.timers.get(timerid);
  return typeof now === 'number' ? now : now.overrun;
});
export const timer_delete: Syscall = syscall('timer_delete', { timerid: INT }, R_INT, (task, { timerid }) =>
  task.process.timers.delete(timerid),
);

export const calls: readonly Syscall[] = [
  clock_gettime,
  clock_getres,
  clock_settime,
  gettimeofday,
  time,
  nanosleep,
  clock_nanosleep,
  getitimer,
  setitimer,
  alarm,
  timer_create,
  timer_settime,
  timer_gettime,
  timer_getoverrun,
  timer_delete,
];
