import { INT, PTR, R_INT, R_SIZE, UINT } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EAGAIN, EFAULT, EINVAL, ESRCH } from '../errno.ts';
import { type FlagTable, formatFlags } from '../flags.ts';
import {
  byPid,
  type ChildEvent,
  type ChildFilter,
  statusWord,
  WALL,
  WCLONE,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WUNTRACED,
  waitChild,
} from '../kernel/children.ts';
import { CLOCK_MONOTONIC, clockMs } from '../kernel/clock.ts';
import type { Process } from '../kernel/process.ts';
import { CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, SIGCHLD } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { long, struct } from '../struct.ts';
import { O_NONBLOCK } from '../vfs/types.ts';
import { pidFile } from './pidfd.ts';

const RUSAGE = struct('rusage', {
  ru_utime_sec: long,
  ru_utime_usec: long,
  ru_stime_sec: long,
  ru_stime_usec: long,
  ru_maxrss: long,
  ru_ixrss: long,
  ru_idrss: long,
  ru_isrss: long,
  ru_minflt: long,
  ru_majflt: long,
  ru_nswap: long,
  ru_inblock: long,
  ru_oublock: long,
  ru_msgsnd: long,
  ru_msgrcv: long,
  ru_nsignals: long,
  ru_nvcsw: long,
  ru_nivcsw: long,
});

/** User and system time in microseconds: the host's division as long as there was one process only. */
function times(target: Process): { user: number; system: number } {
  const ms = target.kernel.cpuMsOf(target);
  const host = process.cpuUsage();
  const total = host.user + host.system;
  const system = total === 0 ? 0 : Math.floor((ms * 1000 * host.system) / total);
  return { user: Math.floor(ms * 1000) - system, system };
}

function putUsage(task: Task, address: number, cpu: { user: number; system: number }, host: boolean): number {
  const real = process.resourceUsage();
  const value = (n: number): number => (host ? n : 0);
  return task.put(RUSAGE, address, {
    ru_utime_sec: Math.floor(cpu.user / 1e6),
    ru_utime_usec: cpu.user % 1e6,
    ru_stime_sec: Math.floor(cpu.system / 1e6),
    ru_stime_usec: cpu.system % 1e6,
    ru_maxrss: value(real.maxRSS),
    ru_ixrss: 0,
    ru_idrss: 0,
    ru_isrss: 0,
    ru_minflt: value(real.minorPageFault),
    ru_majflt: value(real.majorPageFault),
    ru_nswap: 0,
    ru_inblock: value(real.fsRead),
    ru_oublock: value(real.fsWrite),
    ru_msgsnd: 0,
    ru_msgrcv: 0,
    ru_nsignals: 0,
    ru_nvcsw: value(real.voluntaryContextSwitches),
    ru_nivcsw: value(real.involuntaryContextSwitches),
  });
}

/** Whole microseconds, all of them as user time: children's are not divided. */
const asUser = (ms: number): { user: number; system: number } => ({ user: Math.floor(ms * 1000), system: 0 });

export const getrusage: Syscall = syscall('getrusage', { who: INT, usage: PTR }, R_INT, (task, { who, usage }) => {
  switch (who) {
    case 0:
      return putUsage(task, usage, times(task.process), true);
    case 1:
      return putUsage(task, usage, task.process.tasks.length > 1 ? asUser(task.cpuMs) : times(task.process), true);
    case -1:
      return putUsage(task, usage, asUser(task.process.reaped.cpuMs), false);
    default:
      return -EINVAL;
  }
});

const TMS = struct('tms', { tms_utime: long, tms_stime: long, tms_cutime: long, tms_cstime: long });

export const sys_times: Syscall = syscall('times', { buf: PTR }, R_SIZE, (task, { buf }) => {
  const { user, system } = times(task.process);
  if (buf !== 0) {
    const failed = task.put(TMS, buf, {
      tms_utime: Math.floor(user / 10_000),
      tms_stime: Math.floor(system / 10_000),
      tms_cutime: Math.floor(task.process.reaped.cpuMs / 10),
      tms_cstime: 0,
    });
    if (failed !== 0) return failed;
  }
  return Math.floor(clockMs(CLOCK_MONOTONIC) / 10);
});

const WAIT_OPTIONS: FlagTable = [
  ['WNOHANG', WNOHANG],
  ['WUNTRACED', WUNTRACED],
  ['WEXITED', WEXITED],
  ['WCONTINUED', WCONTINUED],
  ['WNOWAIT', WNOWAIT],
  ['__WALL', WALL],
  ['__WCLONE', WCLONE],
];
const OPTIONS: ArgType<number> = { ...UINT, format: (v) => (v === 0 ? '0' : formatFlags(v, WAIT_OPTIONS)) };
const WNOTHREAD = 0x2000_0000;

export const wait4: Syscall = syscall(
  'wait4',
  { pid: INT, status: PTR, options: OPTIONS, rusage: PTR },
  R_INT,
  (task, { pid, status, options, rusage }) => {
    const known = (WNOHANG | WUNTRACED | WCONTINUED | WALL | WCLONE | WNOTHREAD) >>> 0;
    if ((options & ~known) !== 0) return -EINVAL;
    if (pid === -0x8000_0000) return -ESRCH;
    return waitChild(task, byPid(task.process, pid), options | WEXITED, (event) => {
      if (event === null) return 0;
      if (status !== 0 && task.putInt(status, statusWord(event)) !== 0) return -EFAULT;
      if (rusage !== 0 && putUsage(task, rusage, asUser(event.child.cpuMs), false) !== 0) return -EFAULT;
      return event.child.pid;
    });
  },
);

const P_ALL = 0;
const P_PID = 1;
const P_PGID = 2;
const P_PIDFD = 3;

function byId(task: Task, idtype: number, id: number): ChildFilter | number {
  if (idtype === P_ALL) return () => true;
  if (idtype === P_PID) return id > 0 ? byPid(task.process, id) : -EINVAL;
  if (idtype === P_PGID && id >= 0) return byPid(task.process, id === 0 ? 0 : -id);
  if (idtype !== P_PIDFD || id < 0) return -EINVAL;
  const file = pidFile(task, id);
  return typeof file === 'number' ? file : (child) => child === file.process;
}

/** siginfo_t of waitid: si_signo, si_errno, si_code, then pid, uid and status, padded to 8 bytes on 64-bit ABIs. */
function putChildInfo(task: Task, address: number, event: ChildEvent | null): number {
  const at = task.abi.wordSize === 8 ? 16 : 12;
  const { view } = task.space;
  if (!task.space.writable(address, at + 12)) return -EFAULT;
  const { kind, status } = event ?? { kind: 'exited', status: { code: 0 } };
  const code =
    kind === 'stopped'
      ? CLD_STOPPED
      : kind === 'continued'
        ? CLD_CONTINUED
        : 'code' in status
          ? CLD_EXITED
          : CLD_KILLED;
  view.setInt32(address, event === null ? 0 : SIGCHLD, true);
  view.setInt32(address + 4, 0, true);
  view.setInt32(address + 8, event === null ? 0 : code, true);
  view.setInt32(address + at, event?.child.pid ?? 0, true);
  view.setUint32(address + at + 4, event?.child.uids[0] ?? 0, true);
  view.setInt32(address + at + 8, 'code' in status ? status.code : status.signal, true);
  return 0;
}

export const waitid: Syscall = syscall(
  'waitid',
  { idtype: INT, id: INT, infop: PTR, options: OPTIONS, rusage: PTR },
  R_INT,
  (task, { idtype, id, infop, options, rusage }) => {
    const kinds = WEXITED | WUNTRACED | WCONTINUED;
    const known = (kinds | WNOHANG | WNOWAIT | WALL | WCLONE | WNOTHREAD) >>> 0;
    if ((options & ~known) !== 0 || (options & kinds) === 0) return -EINVAL;
    const filter = byId(task, idtype, id);
    if (typeof filter === 'number') return filter;
    // Of a non-blocking pidfd nothing yet is an error (man 2 waitid).
    const file = idtype === P_PIDFD ? pidFile(task, id) : 0;
    const at = typeof file !== 'number' && (file.flags & O_NONBLOCK) !== 0 && (options & WNOHANG) === 0;
    let nothing = false;
    const result = waitChild(task, filter, at ? options | WNOHANG : options, (event) => {
      nothing = event === null && at;
      if (rusage !== 0 && event !== null && putUsage(task, rusage, asUser(event.child.cpuMs), false) !== 0) {
        return -EFAULT;
      }
      return infop === 0 ? 0 : putChildInfo(task, infop, event);
    });
    return nothing ? -EAGAIN : result;
  },
);

export const calls: readonly Syscall[] = [getrusage, sys_times, wait4, waitid];
