import { INT, PTR, R_INT, SIZE, UINT } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EAGAIN, EBADF, EFAULT, EINVAL, ERESTARTNOHAND, ERESTARTSYS } from '../errno.ts';
import { type FlagTable, formatFlags } from '../flags.ts';
import { fromMs, monotonicMs } from '../kernel/clock.ts';
import type { Task } from '../kernel/task.ts';
import { type Pending, type WaitOptions, waitFor } from '../kernel/wait.ts';
import type { WaitQueue } from '../kernel/wait-queue.ts';
import { struct, ulong } from '../struct.ts';
import { POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, pollEvents } from '../vfs/types.ts';
import { IN_TIMESPEC, putTimespec, readTimespec } from './timespec.ts';

const EVENTS: FlagTable = [
  ['POLLIN', POLLIN],
  ['POLLPRI', POLLPRI],
  ['POLLOUT', POLLOUT],
  ['POLLERR', POLLERR],
  ['POLLHUP', POLLHUP],
  ['POLLNVAL', POLLNVAL],
  ['POLLRDNORM', 0x40],
  ['POLLWRNORM', 0x100],
];

const POLLFDS: ArgType<number> = {
  doc: 'struct pollfd *',
  read: (c) => c.ulong(),
  format: (v, { task, args }) => {
    const count = Number(args.nfds);
    if (v === 0 || !task.space.readable(v, count * 8)) return v === 0 ? 'NULL' : `0x${v.toString(16)}`;
    const { view } = task.space;
    const shown = Array.from(
      { length: count },
      (_, i) =>
        `{fd=${view.getInt32(v + 8 * i, true)}, events=${formatFlags(view.getInt16(v + 8 * i + 4, true), EVENTS)}}`,
    );
    return `[${shown.join(', ')}]`;
  },
};

/** Readiness of a descriptor as poll events; the RDNORM and WRNORM bits follow IN and OUT. */
function readiness(task: Task, fd: number): number {
  const file = task.process.files.get(fd);
  return file === null ? POLLNVAL : pollEvents(file);
}

/** What wakes a wait for these descriptors. */
function wakers(task: Task, fds: readonly number[]): WaitOptions {
  const on: WaitQueue[] = [];
  let poll = false;
  for (const fd of fds) {
    const file = task.process.files.get(fd);
    if (file === null) continue;
    if (file.waitQueue !== null) on.push(file.waitQueue);
    else poll ||= file.mayBlock;
  }
  return { on, poll };
}

/** Wait with another signal mask if one is given; the mask is back afterwards unless a handler's frame has it. */
export function waitMasked(
  task: Task,
  options: WaitOptions,
  mask: bigint | null,
  attempt: () => number,
  deadline: number,
  done: (result: number) => number,
): number | Pending {
  if (mask !== null) {
    task.savedMask = task.blocked;
    task.setBlocked(mask);
  }
  const end = (result: number): number => {
    if (result === -ERESTARTSYS) return done(-ERESTARTNOHAND);
    if (mask !== null && task.savedMask !== null) {
      task.setBlocked(task.savedMask);
      task.savedMask = null;
    }
    return done(result);
  };
  const result = waitFor(task, attempt, { ...options, deadline, onTimeout: 0 });
  return typeof result === 'number' ? end(result) : result.after(end);
}

function doPoll(
  task: Task,
  fds: number,
  nfds: number,
  deadline: number,
  mask: bigint | null,
  done: (result: number) => number,
): number | Pending {
  if (nfds > task.process.files.limit) return -EINVAL;
  if (!task.space.writable(fds, nfds * 8)) return -EFAULT;
  const { view } = task.space;
  const attempt = (): number => {
    let ready = 0;
    for (let i = 0; i < nfds; i++) {
      const at = fds + 8 * i;
      const fd = view.getInt32(at, true);
      const wanted = view.getUint16(at + 4, true) | POLLERR | POLLHUP | POLLNVAL;
      const events = fd < 0 ? 0 : readiness(task, fd) & wanted;
      view.setUint16(at + 6, events, true);
      if (events !== 0) ready++;
    }
    return ready > 0 ? ready : -EAGAIN;
  };
  const watched = Array.from({ length: nfds }, (_, i) => view.getInt32(fds + 8 * i, true));
  return waitMasked(task, wakers(task, watched), mask, attempt, deadline, done);
}

/** A signal mask in guest memory: null without one, undefined for EFAULT. */
export function readMask(task: Task, address: number): bigint | null | undefined {
  if (address === 0) return null;
  return task.space.readable(address, 8) ? task.space.view.getBigUint64(address, true) : undefined;
}

/** A relative timeout in guest memory as a deadline; negative errno for a bad one. */
export function readDeadline(task: Task, address: number): number {
  if (address === 0) return Number.POSITIVE_INFINITY;
  const t = readTimespec(task, address);
  if (t === null) return -EFAULT;
  if (t.sec < 0 || t.nsec < 0 || t.nsec > 999_999_999) return -EINVAL;
  return monotonicMs() + t.sec * 1000 + t.nsec / 1e6;
}

/** Linux writes the time left back (man 2 select, "Linux"). */
function writeLeft(task: Task, address: number, deadline: number): void {
  if (address === 0) return;
  const left = fromMs(Math.max(0, deadline - monotonicMs()));
  putTimespec(task, address, left.sec, left.nsec);
}

export const ppoll: Syscall = syscall(
  'ppoll',
  { fds: POLLFDS, nfds: UINT, tmo_p: IN_TIMESPEC, sigmask: PTR, sigsetsize: SIZE },
  R_INT,
  (task, { fds, nfds, tmo_p, sigmask, sigsetsize }) => {
    if (sigmask !== 0 && sigsetsize !== 8) return -EINVAL;
    const mask = readMask(task, sigmask);
    if (mask === undefined) return -EFAULT;
    const deadline = readDeadline(task, tmo_p);
    if (deadline < 0) return deadline;
    return doPoll(task, fds, nfds, deadline, mask, (result) => {
      writeLeft(task, tmo_p, deadline);
      return result;
    });
  },
);

export const poll: Syscall = syscall(
  'poll',
  { fds: POLLFDS, nfds: UINT, timeout: INT },
  R_INT,
  (task, { fds, nfds, timeout }) =>
    doPoll(task, fds, nfds, timeout < 0 ? Number.POSITIVE_INFINITY : monotonicMs() + timeout, null, (result) => result),
);

/** One fd_set: which descriptors are asked for and which are ready. */
function select(
  task: Task,
  nfds: number,
  sets: readonly [number, number, number],
  deadline: number,
  mask: bigint | null,
  done: (result: number) => number,
): number | Pending {
  if (nfds < 0) return -EINVAL;
  const count = Math.min(nfds, task.process.files.limit);
  const word = task.abi.wordSize;
  const bytes = Math.ceil(count / (8 * word)) * word;
  const wanted: (Uint8Array | null)[] = [];
  for (const address of sets) {
    const range = address === 0 ? null : task.space.writeRange(address, bytes);
    if (address !== 0 && range === null) return -EFAULT;
    wanted.push(range === null ? null : range.slice());
  }
  const has = (set: Uint8Array | null | undefined, fd: number): boolean =>
    set != null && (((set[fd >> 3] ?? 0) >> (fd & 7)) & 1) === 1;
  for (let fd = 0; fd < count; fd++) {
    if (wanted.some((set) => has(set, fd)) && task.process.files.get(fd) === null) return -EBADF;
  }
  const events = [POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI];
  const attempt = (): number => {
    const ready = wanted.map((set) => (set === null ? null : new Uint8Array(bytes)));
    let total = 0;
    for (let fd = 0; fd < count; fd++) {
      if (!wanted.some((set) => has(set, fd))) continue;
      const now = readiness(task, fd);
      for (let i = 0; i < 3; i++) {
        const out = ready[i];
        if (!has(wanted[i], fd) || (now & (events[i] ?? 0)) === 0 || out == null) continue;
        out[fd >> 3] = (out[fd >> 3] ?? 0) | (1 << (fd & 7));
        total++;
      }
    }
    if (total === 0 && monotonicMs() < deadline) return -EAGAIN;
    for (const [i, out] of ready.entries()) if (out !== null) task.space.writeRange(sets[i] ?? 0, bytes)?.set(out);
    return total;
  };
  const watched: number[] = [];
  for (let fd = 0; fd < count; fd++) if (wanted.some((set) => has(set, fd))) watched.push(fd);
  return waitMasked(task, wakers(task, watched), mask, attempt, deadline, done);
}

/** select with a timeval that gets the time left; no mask. */
export function selectUntil(
  task: Task,
  nfds: number,
  sets: readonly [number, number, number],
  timeout: number,
): number | Pending {
  let deadline = Number.POSITIVE_INFINITY;
  if (timeout !== 0) {
    const t = readTimespec(task, timeout);
    if (t === null) return -EFAULT;
    if (t.sec < 0 || t.nsec < 0) return -EINVAL;
    deadline = monotonicMs() + t.sec * 1000 + t.nsec / 1000;
  }
  return select(task, nfds, sets, deadline, null, (result) => {
    if (timeout !== 0) {
      const left = fromMs(Math.max(0, deadline - monotonicMs()));
      putTimespec(task, timeout, left.sec, Math.floor(left.nsec / 1000));
    }
    return result;
  });
}

/** What the sixth argument of pselect6 points at. */
const MASK_AND_SIZE = struct('pselect6_mask', { mask: ulong, size: ulong });

export const pselect6: Syscall = syscall(
  'pselect6',
  { nfds: INT, readfds: PTR, writefds: PTR, exceptfds: PTR, timeout: IN_TIMESPEC, sigmask: PTR },
  R_INT,
  (task, { nfds, readfds, writefds, exceptfds, timeout, sigmask }) => {
    // The sixth argument points at { mask address, mask size }.
    let mask: bigint | null = null;
    if (sigmask !== 0) {
      const { abi } = task;
      const bytes = MASK_AND_SIZE.size(abi);
      const pair = task.space.readable(sigmask, bytes) ? MASK_AND_SIZE.read(task.space.view, sigmask, abi) : null;
      if (pair === null) return -EFAULT;
      if (pair.mask !== 0 && pair.size !== 8) return -EINVAL;
      const found = readMask(task, pair.mask);
      if (found === undefined) return -EFAULT;
      mask = found;
    }
    const deadline = readDeadline(task, timeout);
    if (deadline < 0) return deadline;
    return select(task, nfds, [readfds, writefds, exceptfds], deadline, mask, (result) => {
      writeLeft(task, timeout, deadline);
      return result;
    });
  },
);

export const calls: readonly Syscall[] = [ppoll, poll, pselect6];
