import { INT, PTR, R_INT, UINT } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EAGAIN, EDEADLK, EFAULT, EINTR, EINVAL, ENOSYS, EPERM, ERESTARTSYS, ESRCH } from '../errno.ts';
import { clockMs, monotonicMs } from '../kernel/clock.ts';
import {
  FUTEX_BITSET_ALL,
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
  futexKey,
  updateWord,
} from '../kernel/futex.ts';
import type { Task } from '../kernel/task.ts';
import type { Pending } from '../kernel/wait.ts';
import { readTimespec } from './timespec.ts';

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
const FUTEX_LOCK_PI2 = 13;
const FUTEX_PRIVATE = 128;
const FUTEX_CLOCK_REALTIME = 256;

const OPS =
  'WAIT WAKE FD REQUEUE CMP_REQUEUE WAKE_OP LOCK_PI UNLOCK_PI TRYLOCK_PI WAIT_BITSET WAKE_BITSET WAIT_REQUEUE_PI CMP_REQUEUE_PI LOCK_PI2'.split(
    ' ',
  );
const OP: ArgType<number> = {
  doc: 'futex op',
  read: (c) => c.int(),
  format: (v) =>
    `FUTEX_${OPS[v & 127] ?? v & 127}${v & FUTEX_PRIVATE ? '_PRIVATE' : ''}${v & FUTEX_CLOCK_REALTIME ? '|FUTEX_CLOCK_REALTIME' : ''}`,
};

/** The timeout as a monotonic deadline: relative for WAIT only. A negative errno for a bad one. */
function deadlineOf(task: Task, address: number, op: number): number {
  if (address === 0) return Number.POSITIVE_INFINITY;
  const t = readTimespec(task, address);
  if (t === null) return -EFAULT;
  if (t.sec < 0 || t.nsec < 0 || t.nsec > 999_999_999) return -EINVAL;
  const ms = t.sec * 1000 + t.nsec / 1e6;
  const command = op & 127;
  if (command === FUTEX_WAIT) return monotonicMs() + ms;
  const realtime = command === FUTEX_LOCK_PI || (op & FUTEX_CLOCK_REALTIME) !== 0;
  return Math.max(0, monotonicMs() + (ms - clockMs(realtime ? 0 : 1)));
}

function wait(task: Task, uaddr: number, op: number, value: number, timeout: number, bitset: number): number | Pending {
  const deadline = deadlineOf(task, timeout, op);
  if (deadline < 0) return deadline;
  if (Atomics.load(task.space.words, uaddr / 4) !== value) return -EAGAIN;
  const key = futexKey(task, uaddr, (op & FUTEX_PRIVATE) !== 0);
  const result = task.process.kernel.futexes.wait(task, key, bitset, deadline);
  // With a timeout the call cannot be run again as it was.
  const end = (r: number): number => (r === -ERESTARTSYS && timeout !== 0 && (op & 127) === FUTEX_WAIT ? -EINTR : r);
  return typeof result === 'number' ? end(result) : result.after(end);
}

/** FUTEX_WAKE_OP's arithmetic: (what to store, whether the comparison with the old value holds). */
function wakeOp(old: number, code: number): { value: number; holds: boolean } {
  const op = (code >>> 28) & 7;
  const compare = (code >>> 24) & 15;
  let arg = (code << 8) >> 20;
  const against = (code << 20) >> 20;
  // FUTEX_OP_ARG_SHIFT
  if ((code & 0x8000_0000) !== 0) arg = 1 << (arg & 31);
  const values = [arg, old + arg, old | arg, old & ~arg, old ^ arg];
  const holds = [old === against, old !== against, old < against, old <= against, old > against, old >= against];
  return { value: (values[op] ?? old) | 0, holds: holds[compare] ?? false };
}

/** Lock a PI futex: the word holds the owner's thread id (man 2 futex, "Priority-inheritance futexes"). */
function lockPi(task: Task, uaddr: number, op: number, timeout: number): number | Pending {
  const { kernel } = task.process;
  if (!task.space.writable(uaddr, 4)) return -EFAULT;
  let failed = 0;
  let deadline = Number.POSITIVE_INFINITY;
  const before = updateWord(task.space, uaddr, (value) => {
    const owner = value & FUTEX_TID_MASK;
    if (owner === task.tid) failed = -EDEADLK;
    else if (owner === 0) return task.tid | (value & (FUTEX_OWNER_DIED | FUTEX_WAITERS));
    else if (!kernel.tasks.has(owner)) failed = -ESRCH;
    else if ((op & 127) === FUTEX_TRYLOCK_PI) failed = -EAGAIN;
    else {
      deadline = deadlineOf(task, timeout, op);
      if (deadline >= 0) return value | FUTEX_WAITERS;
      failed = deadline;
    }
    return value;
  });
  if (failed !== 0 || (before & FUTEX_TID_MASK) === 0) return failed;
  return kernel.futexes.wait(task, futexKey(task, uaddr, (op & FUTEX_PRIVATE) !== 0), FUTEX_BITSET_ALL, deadline);
}

function unlockPi(task: Task, uaddr: number, op: number): number {
  const { words } = task.space;
  const { futexes } = task.process.kernel;
  if ((Atomics.load(words, uaddr / 4) & FUTEX_TID_MASK) !== task.tid) return -EPERM;
  if (!task.space.writable(uaddr, 4)) return -EFAULT;
  const key = futexKey(task, uaddr, (op & FUTEX_PRIVATE) !== 0);
  const heir = futexes.next(key);
  const waiters = futexes.count(key) > 0 ? FUTEX_WAITERS : 0;
  // the owner's word: others only add the bit that they wait, and that by a call
  Atomics.store(words, uaddr / 4, heir === null ? 0 : heir.task.tid | waiters);
  return 0;
}

export const futex: Syscall = syscall(
  'futex',
  { uaddr: PTR, op: OP, val: INT, timeout: PTR, uaddr2: PTR, val3: UINT },
  R_INT,
  (task, { uaddr, op, val, timeout, uaddr2, val3 }) => {
    if (uaddr % 4 !== 0) return -EINVAL;
    const { space } = task;
    const { futexes } = task.process.kernel;
    const isPrivate = (op & FUTEX_PRIVATE) !== 0;
    const command = op & 127;
    if (command !== FUTEX_WAKE && command !== FUTEX_WAKE_BITSET && !space.readable(uaddr, 4)) return -EFAULT;
    const { words } = space;
    const key = (): string => futexKey(task, uaddr, isPrivate);
    const second = (): string => futexKey(task, uaddr2, isPrivate);
    switch (command) {
      case FUTEX_WAIT:
        return wait(task, uaddr, op, val, timeout, FUTEX_BITSET_ALL);
      case FUTEX_WAIT_BITSET:
        return val3 === 0 ? -EINVAL : wait(task, uaddr, op, val, timeout, val3);
      case FUTEX_WAKE:
        return futexes.wake(key(), Math.max(1, val));
      case FUTEX_WAKE_BITSET:
        return val3 === 0 ? -EINVAL : futexes.wake(key(), Math.max(1, val), val3);
      case FUTEX_REQUEUE:
      case FUTEX_CMP_REQUEUE: {
        if (uaddr2 % 4 !== 0) return -EINVAL;
        if (command === FUTEX_CMP_REQUEUE && Atomics.load(words, uaddr / 4) >>> 0 !== val3) return -EAGAIN;
        // The fourth argument is a count here.
        const [woken, moved] = futexes.requeue(key(), second(), val, timeout);
        return command === FUTEX_REQUEUE ? woken : woken + moved;
      }
      case FUTEX_WAKE_OP: {
        if (uaddr2 % 4 !== 0) return -EINVAL;
        if (!space.writable(uaddr2, 4)) return -EFAULT;
        const { holds } = wakeOp(
          updateWord(space, uaddr2, (old) => wakeOp(old, val3).value),
          val3,
        );
        const woken = futexes.wake(key(), val);
        return woken + (holds ? futexes.wake(second(), timeout) : 0);
      }
      case FUTEX_LOCK_PI:
      case FUTEX_LOCK_PI2:
      case FUTEX_TRYLOCK_PI:
        return lockPi(task, uaddr, op, timeout);
      case FUTEX_UNLOCK_PI:
        return unlockPi(task, uaddr, op);
      default:
        return -ENOSYS;
    }
  },
  { support: 'partial', note: 'No requeueing to PI futexes; nobody inherits a priority.' },
);

export const calls: readonly Syscall[] = [futex];
