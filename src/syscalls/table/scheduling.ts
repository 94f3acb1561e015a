import { HEX, INT, inStruct, outStruct, PTR, R_INT, R_SIZE, SIZE, UINT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { E2BIG, EACCES, EFAULT, EINVAL, EPERM, ESRCH } from '../errno.ts';
import type { Process } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import { i32, struct, u32, u64 } from '../struct.ts';
import { putTimespec } from './timespec.ts';

export const sched_yield: Syscall = syscall('sched_yield', {}, R_INT, (task) => {
  task.yields = true;
  return 0;
});

/** Whether the id names a thread: 0 is the caller. The first process's parent is the host's, scheduled as usual. */
function exists({ process: { kernel } }: Task, pid: number): boolean {
  return pid === 0 || kernel.tasks.has(pid) || (pid > 0 && pid === kernel.first?.ppid);
}

export const sched_getaffinity: Syscall = syscall(
  'sched_getaffinity',
  { pid: INT, cpusetsize: SIZE, mask: PTR },
  R_SIZE,
  (task, { pid, cpusetsize, mask }) => {
    const word = task.abi.wordSize;
    const { cpus } = task.process.kernel;
    if (!exists(task, pid)) return -ESRCH;
    if (cpusetsize % word !== 0 || cpusetsize * 8 < cpus) return -EINVAL;
    // The kernel answers with the bytes of its own CPU mask: whole words.
    const length = Math.ceil(cpus / (8 * word)) * word;
    const bytes = task.space.writeRange(mask, length);
    if (bytes === null) return -EFAULT;
    const target = pid === 0 ? task : (task.process.kernel.tasks.get(pid) ?? task);
    bytes.fill(0);
    for (let cpu = 0; cpu < cpus; cpu++) {
      if (target.affinity !== null && !target.affinity.has(cpu)) continue;
      bytes[cpu >> 3] = (bytes[cpu >> 3] ?? 0) | (1 << (cpu & 7));
    }
    return length;
  },
);

export const sched_setaffinity: Syscall = syscall(
  'sched_setaffinity',
  { pid: INT, cpusetsize: SIZE, mask: PTR },
  R_INT,
  (task, { pid, cpusetsize, mask }) => {
    if (!exists(task, pid)) return -ESRCH;
    const bytes = task.space.readRange(mask, Math.min(cpusetsize, 128));
    if (bytes === null) return -EFAULT;
    const { cpus } = task.process.kernel;
    const wanted = new Set<number>();
    for (let cpu = 0; cpu < cpus; cpu++) if (((bytes[cpu >> 3] ?? 0) >> (cpu & 7)) & 1) wanted.add(cpu);
    if (wanted.size === 0) return -EINVAL;
    const target = pid === 0 ? task : (task.process.kernel.tasks.get(pid) ?? task);
    target.affinity = wanted;
    return 0;
  },
  { support: 'partial', note: 'Remembered and inherited; nothing is bound to a processor.' },
);

export const getcpu: Syscall = syscall('getcpu', { cpu: PTR, node: PTR, unused: PTR }, R_INT, (task, { cpu, node }) => {
  if (cpu !== 0 && task.putInt(cpu, 0) !== 0) return -EFAULT;
  return node === 0 ? 0 : task.putInt(node, 0);
});

const SCHED_OTHER = 0;
const SCHED_FIFO = 1;
const SCHED_RR = 2;
const SCHED_BATCH = 3;
const SCHED_IDLE = 5;
const SCHED_DEADLINE = 6;
const SCHED_RESET_ON_FORK = 0x4000_0000;

/** 0, or why a thread cannot have a policy and a real-time priority (man 2 sched_setscheduler). */
function checkPolicy(policy: number, realtime: number): number {
  if (policy === SCHED_FIFO || policy === SCHED_RR) return realtime < 1 || realtime > 99 ? -EINVAL : -EPERM;
  const usual = policy === SCHED_OTHER || policy === SCHED_BATCH || policy === SCHED_IDLE;
  return usual && realtime === 0 ? 0 : -EINVAL;
}

/** 0, or why there is no such thread (man 2 sched_setscheduler). */
const checkThread = (task: Task, pid: number): number => (pid < 0 ? -EINVAL : exists(task, pid) ? 0 : -ESRCH);
const threadOf = (task: Task, pid: number): Task => (pid === 0 ? task : (task.process.kernel.tasks.get(pid) ?? task));

export const sched_getscheduler: Syscall = syscall(
  'sched_getscheduler',
  { pid: INT },
  R_INT,
  (task, { pid }) => checkThread(task, pid) || threadOf(task, pid).policy,
);
export const sched_setscheduler: Syscall = syscall(
  'sched_setscheduler',
  { pid: INT, policy: INT, param: PTR },
  R_INT,
  (task, { pid, policy: asked, param }) => {
    if (asked < 0 || pid < 0) return -EINVAL;
    if (!task.space.readable(param, 4)) return -EFAULT;
    const realtime = task.space.view.getInt32(param, true);
    const missing = checkThread(task, pid);
    if (missing !== 0) return missing;
    const policy = asked & ~SCHED_RESET_ON_FORK;
    const refused = checkPolicy(policy, realtime);
    if (refused !== 0) return refused;
    threadOf(task, pid).policy = policy;
    return 0;
  },
  { support: 'partial', note: 'Remembered and inherited; real-time policies are EPERM.' },
);
export const sched_getparam: Syscall = syscall(
  'sched_getparam',
  { pid: INT, param: PTR },
  R_INT,
  (task, { pid, param }) => checkThread(task, pid) || task.putInt(param, 0),
);
export const sched_setparam: Syscall = syscall(
  'sched_setparam',
  { pid: INT, param: PTR },
  R_INT,
  (task, { pid, param }) => {
    const missing = checkThread(task, pid);
    if (missing !== 0) return missing;
    if (!task.space.readable(param, 4)) return -EFAULT;
    return task.space.view.getInt32(param, true) === 0 ? 0 : -EINVAL;
  },
);
/** struct sched_attr as of its first version (linux/sched/types.h): 48 bytes. */
const SCHED_ATTR = struct('sched_attr', {
  size: u32,
  sched_policy: u32,
  sched_flags: u64,
  sched_nice: i32,
  sched_priority: u32,
  sched_runtime: u64,
  sched_deadline: u64,
  sched_period: u64,
});
const ATTR_SIZE = 48;
const SCHED_FLAG_RESET_ON_FORK = 1;

export const sched_getattr: Syscall = syscall(
  'sched_getattr',
  { pid: INT, attr: outStruct(SCHED_ATTR), size: UINT, flags: UINT },
  R_INT,
  (task, { pid, attr, size, flags }) => {
    if (attr === 0 || pid < 0 || size < ATTR_SIZE || size > 4096 || flags !== 0) return -EINVAL;
    const missing = checkThread(task, pid);
    if (missing !== 0) return missing;
    const { policy, process } = threadOf(task, pid);
    const none = { sched_flags: 0, sched_priority: 0, sched_runtime: 0, sched_deadline: 0, sched_period: 0 };
    const value = { ...none, size: ATTR_SIZE, sched_policy: policy, sched_nice: process.nice };
    return task.put(SCHED_ATTR, attr, value);
  },
);

export const sched_setattr: Syscall = syscall(
  'sched_setattr',
  { pid: INT, attr: inStruct(SCHED_ATTR), flags: UINT },
  R_INT,
  (task, { pid, attr, flags }) => {
    if (attr === 0 || pid < 0 || flags !== 0) return -EINVAL;
    const value = task.get(SCHED_ATTR, attr);
    if (value === null) return -EFAULT;
    if (value.size !== 0 && value.size < ATTR_SIZE) return -E2BIG;
    const missing = checkThread(task, pid);
    if (missing !== 0) return missing;
    const { sched_policy: policy, sched_nice: nice, sched_priority: realtime } = value;
    if (Number(value.sched_flags) > SCHED_FLAG_RESET_ON_FORK) return -EINVAL;
    if (policy === SCHED_DEADLINE) return -EPERM;
    const refused = checkPolicy(policy, realtime);
    if (refused !== 0) return refused;
    const target = threadOf(task, pid);
    const asked = Math.max(-20, Math.min(19, nice));
    if (task.process.uids[1] !== 0 && asked < target.process.nice) return -EPERM;
    target.policy = policy;
    target.process.nice = asked;
    return 0;
  },
  { support: 'partial', note: 'Remembered and inherited; real-time policies and deadlines are EPERM.' },
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
  (task, { pid, tp }) => (pid < 0 ? -EINVAL : exists(task, pid) ? putTimespec(task, tp, 0, 0) : -ESRCH),
);

const PRIO_PROCESS = 0;
const PRIO_PGRP = 1;
const PRIO_USER = 2;

/** The processes that which and who name (man 2 getpriority). */
function chosen(task: Task, which: number, who: number): Process[] | number {
  const { process } = task;
  const living = [...process.kernel.processes.values()].filter((p) => p.exited === null);
  if (which === PRIO_PROCESS) {
    const target = who === 0 ? process : process.kernel.tasks.get(who)?.process;
    return target === undefined ? -ESRCH : [target];
  }
  if (which === PRIO_PGRP) return found(living.filter((p) => p.pgid === (who === 0 ? process.pgid : who)));
  if (which === PRIO_USER) return found(living.filter((p) => p.uids[0] === (who === 0 ? process.uids[0] : who)));
  return -EINVAL;
}
const found = (list: Process[]): Process[] | number => (list.length === 0 ? -ESRCH : list);

export const getpriority: Syscall = syscall('getpriority', { which: INT, who: INT }, R_INT, (task, { which, who }) => {
  const targets = chosen(task, which, who);
  return typeof targets === 'number' ? targets : 20 - Math.min(...targets.map((p) => p.nice));
});
export const setpriority: Syscall = syscall(
  'setpriority',
  { which: INT, who: INT, prio: INT },
  R_INT,
  (task, { which, who, prio }) => {
    const targets = chosen(task, which, who);
    if (typeof targets === 'number') return targets;
    const nice = Math.max(-20, Math.min(19, prio));
    if (task.process.uids[1] !== 0 && targets.some((p) => nice < p.nice)) return -EACCES;
    for (const p of targets) p.nice = nice;
    return 0;
  },
  { support: 'partial', note: 'Remembered; turns are of the same length.' },
);
export const ioprio_get: Syscall = syscall('ioprio_get', { which: INT, who: INT }, R_INT, () => 0);
export const ioprio_set: Syscall = syscall('ioprio_set', { which: INT, who: INT, ioprio: HEX }, R_INT, () => 0);

export const calls: readonly Syscall[] = [
  sched_yield,
  sched_getaffinity,
  sched_setaffinity,
  getcpu,
  sched_getscheduler,
  sched_setscheduler,
  sched_getparam,
  sched_setparam,
  sched_getattr,
  sched_setattr,
  sched_get_priority_max,
  sched_get_priority_min,
  sched_rr_get_interval,
  getpriority,
  setpriority,
  ioprio_get,
  ioprio_set,
];
