import { HEX, INT, inStruct, oneOf, outStruct, PTR, R_INT, R_NONE, SIZE } from '../args.ts';
import { byteString } from '../cursor.ts';
import { LEAVE, type Syscall, syscall } from '../define.ts';
import { EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from '../errno.ts';
import type { FlagTable } from '../flags.ts';
import { exitTask } from '../kernel/exit.ts';
import { RLIMIT_NOFILE } from '../kernel/limits.ts';
import type { Process } from '../kernel/process.ts';
import { DEFAULT_TIMER_SLACK, type Task } from '../kernel/task.ts';
import { bits64, struct, ulong } from '../struct.ts';

const WORD = struct('word', { value: ulong });

export const exit: Syscall = syscall('exit', { status: INT }, R_NONE, (task, { status }) => {
  exitTask(task, { code: status & 0xff });
  return LEAVE;
});
export const exit_group: Syscall = syscall('exit_group', { status: INT }, R_NONE, (task, { status }) => {
  task.process.exit({ code: status & 0xff });
  return LEAVE;
});

export const set_tid_address: Syscall = syscall('set_tid_address', { tidptr: PTR }, R_INT, (task, { tidptr }) => {
  task.clearChildTid = tidptr;
  return task.tid;
});

export const set_robust_list: Syscall = syscall(
  'set_robust_list',
  { head: PTR, len: SIZE },
  R_INT,
  (task, { head, len }) => {
    if (len !== 3 * task.abi.wordSize) return -EINVAL;
    task.robustList = { head, length: len };
    return 0;
  },
);

export const get_robust_list: Syscall = syscall(
  'get_robust_list',
  { pid: INT, head_ptr: PTR, len_ptr: PTR },
  R_INT,
  (task, { pid, head_ptr, len_ptr }) => {
    const target = pid === 0 ? task : task.process.kernel.tasks.get(pid);
    if (target === undefined) return -ESRCH;
    return (
      task.put(WORD, len_ptr, { value: target.robustList.length }) ||
      task.put(WORD, head_ptr, { value: target.robustList.head })
    );
  },
);

export const rseq: Syscall = syscall('rseq', { rseq: PTR, rseq_len: HEX, flags: INT, sig: HEX }, R_INT, () => -ENOSYS, {
  support: 'none',
  note: 'ENOSYS: libc goes without restartable sequences.',
});

const RESOURCES: FlagTable = [
  'RLIMIT_CPU',
  'RLIMIT_FSIZE',
  'RLIMIT_DATA',
  'RLIMIT_STACK',
  'RLIMIT_CORE',
  'RLIMIT_RSS',
  'RLIMIT_NPROC',
  'RLIMIT_NOFILE',
  'RLIMIT_MEMLOCK',
  'RLIMIT_AS',
  'RLIMIT_LOCKS',
  'RLIMIT_SIGPENDING',
  'RLIMIT_MSGQUEUE',
  'RLIMIT_NICE',
  'RLIMIT_RTPRIO',
  'RLIMIT_RTTIME',
].map((name, i) => [name, i] as const);
const RESOURCE = oneOf(RESOURCES, 'RLIMIT_???');

const RLIMIT64 = struct('rlimit64', { rlim_cur: bits64, rlim_max: bits64 });
const RLIMIT = struct('rlimit', { rlim_cur: ulong, rlim_max: ulong });
const INFINITY64 = 0xffff_ffff_ffff_ffffn;
const toLimit = (value: bigint): number => (value > 0x1f_ffff_ffff_ffffn ? Number.POSITIVE_INFINITY : Number(value));
const fromLimit = (value: number): bigint => (value === Number.POSITIVE_INFINITY ? INFINITY64 : BigInt(value));
const showLimit = (value: bigint): string =>
  value === INFINITY64
    ? 'RLIM64_INFINITY'
    : value > 0n && value % 1024n === 0n
      ? `${value / 1024n}*1024`
      : String(value);
const showLimits = (v: { rlim_cur: bigint; rlim_max: bigint }): string =>
  `{rlim_cur=${showLimit(v.rlim_cur)}, rlim_max=${showLimit(v.rlim_max)}}`;

function setLimit(task: Task, target: Process, resource: number, soft: number, hard: number): number {
  const { limits } = target;
  const { uids } = task.process;
  const old = limits[resource];
  if (old === undefined || soft > hard) return -EINVAL;
  if (hard > old[1] && uids[1] !== 0) return -EPERM;
  if (resource === RLIMIT_NOFILE && hard > 1048576) return -EPERM;
  limits[resource] = [soft, hard];
  target.applyLimits();
  return 0;
}

const LIMIT_NOTE = {
  support: 'partial',
  note: 'NOFILE, AS, DATA are enforced; STACK counts at the start; the others are only remembered.',
} as const;

export const prlimit64: Syscall = syscall(
  'prlimit64',
  {
    pid: INT,
    resource: RESOURCE,
    new_limit: inStruct(RLIMIT64, showLimits),
    old_limit: outStruct(RLIMIT64, showLimits),
  },
  R_INT,
  (task, { pid, resource, new_limit, old_limit }) => {
    const target = pid === 0 ? task.process : task.process.kernel.processes.get(pid);
    if (target === undefined || target.exited !== null) return -ESRCH;
    const limit = target.limits[resource];
    if (limit === undefined) return -EINVAL;
    const [soft, hard] = limit;
    if (new_limit !== 0) {
      const wanted = task.get(RLIMIT64, new_limit);
      if (wanted === null) return -EFAULT;
      const result = setLimit(task, target, resource, toLimit(wanted.rlim_cur), toLimit(wanted.rlim_max));
      if (result < 0) return result;
    }
    return old_limit === 0
      ? 0
      : task.put(RLIMIT64, old_limit, { rlim_cur: fromLimit(soft), rlim_max: fromLimit(hard) });
  },
  LIMIT_NOTE,
);

export const getrlimit: Syscall = syscall(
  'getrlimit',
  { resource: RESOURCE, rlim: PTR },
  R_INT,
  (task, { resource, rlim }) => {
    const limit = task.process.limits[resource];
    if (limit === undefined) return -EINVAL;
    // -1 in a long is RLIM_INFINITY.
    const word = (value: number): number => (value === Number.POSITIVE_INFINITY ? -1 : value);
    return task.put(RLIMIT, rlim, { rlim_cur: word(limit[0]), rlim_max: word(limit[1]) });
  },
);
export const setrlimit: Syscall = syscall(
  'setrlimit',
  { resource: RESOURCE, rlim: PTR },
  R_INT,
  (task, { resource, rlim }) => {
    const wanted = task.get(RLIMIT, rlim);
    if (wanted === null) return -EFAULT;
    const top = task.abi.wordSize === 8 ? 2 ** 63 : 2 ** 32 - 1;
    const value = (word: number): number => (word >= top ? Number.POSITIVE_INFINITY : word);
    return setLimit(task, task.process, resource, value(wanted.rlim_cur), value(wanted.rlim_max));
  },
  LIMIT_NOTE,
);

const PR_SET_PDEATHSIG = 1;
const PR_GET_PDEATHSIG = 2;
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const PR_GET_KEEPCAPS = 7;
const PR_SET_KEEPCAPS = 8;
const PR_SET_NAME = 15;
const PR_GET_NAME = 16;
const PR_CAPBSET_READ = 23;
const PR_SET_TIMERSLACK = 29;
const PR_GET_TIMERSLACK = 30;
const PR_SET_CHILD_SUBREAPER = 36;
const PR_GET_CHILD_SUBREAPER = 37;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_GET_NO_NEW_PRIVS = 39;
const PR_GET_SECCOMP = 21;
const PR_GET_SECUREBITS = 27;
const PR_MCE_KILL_GET = 34;
const PR_SET_THP_DISABLE = 41;
const PR_GET_THP_DISABLE = 42;
const PR_CAP_AMBIENT = 47;
const PR_SET_VMA = 0x53564d41;

const OPTIONS: FlagTable = [
  ['PR_SET_PDEATHSIG', PR_SET_PDEATHSIG],
  ['PR_GET_PDEATHSIG', PR_GET_PDEATHSIG],
  ['PR_GET_DUMPABLE', PR_GET_DUMPABLE],
  ['PR_SET_DUMPABLE', PR_SET_DUMPABLE],
  ['PR_SET_NAME', PR_SET_NAME],
  ['PR_GET_NAME', PR_GET_NAME],
  ['PR_CAPBSET_READ', PR_CAPBSET_READ],
  ['PR_SET_CHILD_SUBREAPER', PR_SET_CHILD_SUBREAPER],
  ['PR_GET_CHILD_SUBREAPER', PR_GET_CHILD_SUBREAPER],
  ['PR_SET_NO_NEW_PRIVS', PR_SET_NO_NEW_PRIVS],
  ['PR_GET_SECCOMP', PR_GET_SECCOMP],
  ['PR_GET_SECUREBITS', PR_GET_SECUREBITS],
  ['PR_MCE_KILL_GET', PR_MCE_KILL_GET],
  ['PR_SET_THP_DISABLE', PR_SET_THP_DISABLE],
  ['PR_GET_THP_DISABLE', PR_GET_THP_DISABLE],
  ['PR_CAP_AMBIENT', PR_CAP_AMBIENT],
  ['PR_SET_VMA', PR_SET_VMA],
];

const SECBIT_KEEP_CAPS = 0x10;
/** CAP_CHECKPOINT_RESTORE */
const LAST_CAPABILITY = 40;
const PR_MCE_KILL_DEFAULT = 2;

/** The ambient set is empty, and stays so: what is not inheritable cannot be put into it (man 7 capabilities). */
function ambient(operation: number, capability: number): number {
  const [isSet, raise, lower, clearAll] = [1, 2, 3, 4];
  if (operation === clearAll) return capability === 0 ? 0 : -EINVAL;
  if (capability > LAST_CAPABILITY) return -EINVAL;
  if (operation === raise) return -EPERM;
  return operation === isSet || operation === lower ? 0 : -EINVAL;
}

export const prctl: Syscall = syscall(
  'prctl',
  { option: oneOf(OPTIONS, 'PR_???'), arg2: HEX, arg3: HEX, arg4: HEX, arg5: HEX },
  R_INT,
  (task, { option, arg2, arg3, arg4, arg5 }) => {
    const { process, space } = task;
    switch (option) {
      case PR_SET_NAME: {
        const short = space.cstring(arg2, 16);
        const bytes = short === null ? space.readRange(arg2, 15) : null;
        if (short === null && bytes === null) return -EFAULT;
        task.comm = bytes === null ? (short as string).slice(0, 15) : byteString(bytes);
        if (task.tid === process.pid) process.comm = task.comm;
        return 0;
      }
      case PR_GET_NAME: {
        const out = space.writeRange(arg2, 16);
        if (out === null) return -EFAULT;
        for (let i = 0; i < 16; i++) out[i] = i < task.comm.length ? task.comm.charCodeAt(i) : 0;
        return 0;
      }
      case PR_GET_DUMPABLE:
        return process.dumpable;
      case PR_SET_DUMPABLE:
        if (arg2 > 1) return -EINVAL;
        process.dumpable = arg2;
        return 0;
      case PR_GET_PDEATHSIG:
        return task.putInt(arg2, process.deathSignal);
      case PR_CAPBSET_READ:
        return arg2 <= LAST_CAPABILITY ? 1 : -EINVAL;
      case PR_CAP_AMBIENT:
        return arg4 === 0 && arg5 === 0 ? ambient(arg2, arg3) : -EINVAL;
      case PR_GET_TIMERSLACK:
        return task.timerSlack;
      case PR_SET_TIMERSLACK:
        task.timerSlack = arg2 === 0 ? DEFAULT_TIMER_SLACK : arg2;
        return 0;
      case PR_GET_SECCOMP:
        return 0;
      case PR_GET_SECUREBITS:
        return process.keepCaps ? SECBIT_KEEP_CAPS : 0;
      case PR_MCE_KILL_GET:
        return PR_MCE_KILL_DEFAULT;
      case PR_GET_THP_DISABLE:
        return process.noHugePages ? 1 : 0;
      case PR_SET_THP_DISABLE:
        process.noHugePages = arg2 !== 0;
        return 0;
      case PR_GET_NO_NEW_PRIVS:
        return process.noNewPrivs ? 1 : 0;
      case PR_SET_NO_NEW_PRIVS:
        if (arg2 !== 1) return -EINVAL;
        process.noNewPrivs = true;
        return 0;
      case PR_SET_PDEATHSIG:
        if (arg2 > 64) return -EINVAL;
        process.deathSignal = arg2;
        return 0;
      case PR_SET_CHILD_SUBREAPER:
        process.subreaper = arg2 !== 0;
        return 0;
      case PR_GET_CHILD_SUBREAPER:
        return task.putInt(arg2, process.subreaper ? 1 : 0);
      case PR_GET_KEEPCAPS:
        return process.keepCaps ? 1 : 0;
      case PR_SET_KEEPCAPS:
        if (arg2 > 1) return -EINVAL;
        process.keepCaps = arg2 === 1;
        return 0;
      default:
        return -EINVAL;
    }
  },
  {
    support: 'partial',
    note: 'Names, dumpable, an empty ambient set, no_new_privs, death signal, subreaper; timer slack, kept capabilities and huge pages are remembered; the rest is EINVAL as on a kernel without the option.',
  },
);

export const personality: Syscall = syscall('personality', { persona: HEX }, R_INT, (task, { persona }) => {
  const old = task.process.personality;
  if (persona !== 0xffff_ffff && persona < 2 ** 32) task.process.personality = persona;
  return old;
});

export const calls: readonly Syscall[] = [
  exit,
  exit_group,
  set_tid_address,
  set_robust_list,
  get_robust_list,
  rseq,
  prlimit64,
  getrlimit,
  setrlimit,
  prctl,
  personality,
];
