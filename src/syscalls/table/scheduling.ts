import { HEX, INT, PTR, R_INT, R_SIZE, SIZE, UINT } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EAGAIN, EFAULT, EINVAL, ENOSYS, EPERM, ERESTARTSYS, ESRCH, ETIMEDOUT } from '../errno.ts';
import { clockMs, monotonicMs } from '../kernel/clock.ts';
import type { Task } from '../kernel/task.ts';
import { waitFor } from '../kernel/wait.ts';
import { putTimespec, readTimespec } from './timespec.ts';

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const FUTEX_REQUEUE = 3;
const FUTEX_CMP_REQUEUE = 4;
const FUTEX_WAKE_OP = 5;
const FUTEX_LOCK_PI = 6;
const FUTEX_UNLOCK_PI = 7;
const FUTEX_TRYLOCK_PI = 8;
const FUTEX_WAIT_BITSET = 9;
const FUTEX_WAKE_BITSET = 10;
const FUTEX_PRIVATE = 128;
const FUTEX_CLOCK_REALTIME = 256;

const OPS = 'WAIT WAKE FD REQUEUE CMP_REQUEUE WAKE_OP LOCK_PI UNLOCK_PI TRYLOCK_PI WAIT_BITSET WAKE_BITSET'.split(' ');
const OP: ArgType<number> = {
  doc: 'futex op',
  read: (c) => c.int(),
  format: (v) =>
    `FUTEX_${OPS[v & 127] ?? v & 127}${v & FUTEX_PRIVATE ? '_PRIVATE' : ''}${v & FUTEX_CLOCK_REALTIME ? '|FUTEX_CLOCK_REALTIME' : ''}`,
};

/** Wait while the word has the value. With one task only a signal or the timeout can end it. */
function wait(task: Task, uaddr: number, value: number, timeout: number, op: number): number | Promise<number> {
  let deadline = Number.POSITIVE_INFINITY;
  if (timeout !== 0) {
    const t = readTimespec(task, timeout);
    if (t === null) return -EFAULT;
    if (t.sec < 0 || t.nsec < 0 || t.nsec > 999_999_999) return -EINVAL;
    const ms = t.sec * 1000 + t.nsec / 1e6;
    const absolute = (op & 127) === FUTEX_WAIT_BITSET;
    const clock = (op & FUTEX_CLOCK_REALTIME) !== 0 ? 0 : 1;
    deadline = monotonicMs() + (absolute ? ms - clockMs(clock) : ms);
  }
  if (task.space.view.getInt32(uaddr, true) !== value) return -EAGAIN;
  const result = waitFor(task, () => -EAGAIN, { deadline, onTimeout: -ETIMEDOUT, poll: false });
  const end = (r: number): number => (r === -EAGAIN ? -ERESTARTSYS : r);
  return typeof result === 'number' ? end(result) : result.then(end);
}

export const futex: Syscall = syscall(
  'futex',
  { uaddr: PTR, op: OP, val: INT, timeout: PTR, uaddr2: PTR, val3: UINT },
  R_INT,
  (task, { uaddr, op, val, timeout, val3 }) => {
    if (uaddr % 4 !== 0) return -EINVAL;
    if (!task.space.readable(uaddr, 4)) return -EFAULT;
    const { view } = task.space;
    switch (op & 127) {
      case FUTEX_WAIT:
        return wait(task, uaddr, val, timeout, op);
      case FUTEX_WAIT_BITSET:
        return val3 === 0 ? -EINVAL : wait(task, uaddr, val, timeout, op);
      case FUTEX_WAKE:
      case FUTEX_REQUEUE:
      case FUTEX_WAKE_OP:
        return 0;
      case FUTEX_WAKE_BITSET:
        return val3 === 0 ? -EINVAL : 0;
      case FUTEX_CMP_REQUEUE:
        return view.getUint32(uaddr, true) === val3 ? 0 : -EAGAIN;
      case FUTEX_LOCK_PI:
      case FUTEX_TRYLOCK_PI: {
        if (!task.space.writable(uaddr, 4)) return -EFAULT;
        const owner = view.getUint32(uaddr, true) & 0x3fff_ffff;
        if (owner === task.tid) return -35;
        if (owner !== 0) return -ESRCH;
        view.setUint32(uaddr, task.tid, true);
        return 0;
      }
      case FUTEX_UNLOCK_PI:
        if ((view.getUint32(uaddr, true) & 0x3fff_ffff) !== task.tid) return -EPERM;
        if (!task.space.writable(uaddr, 4)) return -EFAULT;
        view.setUint32(uaddr, 0, true);
        return 0;
      default:
        return -ENOSYS;
    }
  },
  { support: 'partial', note: 'One task: nobody else waits, so wakes find no one.' },
);

export const sched_yield: Syscall = syscall('sched_yield', {}, R_INT, () => 0);

function isSelf(task: Task, pid: number): boolean {
  return pid === 0 || pid === task.tid || pid === task.process.pid;
}

export const sched_getaffinity: Syscall = syscall(
  'sched_getaffinity',
  { pid: INT, cpusetsize: SIZE, mask: PTR },
  R_SIZE,
  (task, { pid, cpusetsize, mask }) => {
    const word = task.process.abi.wordSize;
    const { cpus } = task.process.kernel;
    if (!isSelf(task, pid)) return -ESRCH;
    if (cpusetsize % word !== 0 || cpusetsize * 8 < cpus) return -EINVAL;
    // The kernel answers with the bytes of its own CPU mask: whole words.
    const length = Math.ceil(cpus / (8 * word)) * word;
    const bytes = task.space.writeRange(mask, length);
    if (bytes === null) return -EFAULT;
    bytes.fill(0);
    for (let cpu = 0; cpu < cpus; cpu++) bytes[cpu >> 3] = (bytes[cpu >> 3] ?? 0) | (1 << (cpu & 7));
    return length;
  },
);

export const sched_setaffinity: Syscall = syscall(
  'sched_setaffinity',
  { pid: INT, cpusetsize: SIZE, mask: PTR },
  R_INT,
  (task, { pid, cpusetsize, mask }) => {
    if (!isSelf(task, pid)) return -ESRCH;
    const bytes = task.space.readRange(mask, Math.min(cpusetsize, 128));
    if (bytes === null) return -EFAULT;
    const { cpus } = task.process.kernel;
    for (let cpu = 0; cpu < cpus; cpu++) if (((bytes[cpu >> 3] ?? 0) >> (cpu & 7)) & 1) return 0;
    return -EINVAL;
  },
  { support: 'partial', note: 'Checked, without effect: the host schedules.' },
);

export const getcpu: Syscall = syscall('getcpu', { cpu: PTR, node: PTR, unused: PTR }, R_INT, (task, { cpu, node }) => {
  if (cpu !== 0 && task.putInt(cpu, 0) !== 0) return -EFAULT;
  return node === 0 ? 0 : task.putInt(node, 0);
});

export const sched_getscheduler: Syscall = syscall('sched_getscheduler', { pid: INT }, R_INT, (task, { pid }) =>
  isSelf(task, pid) ? 0 : -ESRCH,
);
export const sched_setscheduler: Syscall = syscall(
  'sched_setscheduler',
  { pid: INT, policy: INT, param: PTR },
  R_INT,
  (task, a) => {
    if (!isSelf(task, a.pid)) return -ESRCH;
    return a.policy === 0 || a.policy === 3 || a.policy === 5 ? 0 : -EPERM;
  },
);
export const sched_getparam: Syscall = syscall(
  'sched_getparam',
  { pid: INT, param: PTR },
  R_INT,
  (task, { pid, param }) => (isSelf(task, pid) ? task.putInt(param, 0) : -ESRCH),
);
export const sched_setparam: Syscall = syscall(
  'sched_setparam',
  { pid: INT, param: PTR },
  R_INT,
  (task, { pid, param }) => {
    if (!isSelf(task, pid)) return -ESRCH;
    if (!task.space.readable(param, 4)) return -EFAULT;
    return task.space.view.getInt32(param, true) === 0 ? 0 : -EINVAL;
  },
);
const priority = (policy: number, realtime: number): number =>
  policy === 1 || policy === 2 ? realtime : policy === 0 || policy === 3 || policy === 5 || policy === 6 ? 0 : -EINVAL;
export const sched_get_priority_max: Syscall = syscall(
  'sched_get_priority_max',
  { policy: INT },
  R_INT,
  (_t, { policy }) => priority(policy, 99),
);
export const sched_get_priority_min: Syscall = syscall(
  'sched_get_priority_min',
  { policy: INT },
  R_INT,
  (_t, { policy }) => priority(policy, 1),
);
export const sched_rr_get_interval: Syscall = syscall(
  'sched_rr_get_interval',
  { pid: INT, tp: PTR },
  R_INT,
  (task, { pid, tp }) => (isSelf(task, pid) ? putTimespec(task, tp, 0, 0) : -ESRCH),
);

export const getpriority: Syscall = syscall('getpriority', { which: INT, who: INT }, R_INT, (_task, { which }) =>
  which < 0 || which > 2 ? -EINVAL : 20,
);
export const setpriority: Syscall = syscall(
  'setpriority',
  { which: INT, who: INT, prio: INT },
  R_INT,
  (_task, { which }) => (which < 0 || which > 2 ? -EINVAL : 0),
  { support: 'partial', note: 'Without effect.' },
);
export const ioprio_get: Syscall = syscall('ioprio_get', { which: INT, who: INT }, R_INT, () => 0);
export const ioprio_set: Syscall = syscall('ioprio_set', { which: INT, who: INT, ioprio: HEX }, R_INT, () => 0);

export const calls: readonly Syscall[] = [
  futex,
  sched_yield,
  sched_getaffinity,
  sched_setaffinity,
  getcpu,
  sched_getscheduler,
  sched_setscheduler,
  sched_getparam,
  sched_setparam,
  sched_get_priority_max,
  sched_get_priority_min,
  sched_rr_get_interval,
  getpriority,
  setpriority,
  ioprio_get,
  ioprio_set,
];
