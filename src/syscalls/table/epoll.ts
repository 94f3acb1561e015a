import { FD, flags, INT, oneOf, PTR, R_FD, R_INT, SIZE } from '../args.ts';
import { type ArgType, type FormatContext, type Syscall, syscall } from '../define.ts';
import { EAGAIN, EBADF, EFAULT, EINTR, EINVAL, ERESTARTNOHAND } from '../errno.ts';
import { type FlagTable, formatFlags } from '../flags.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP, EpollFile } from '../kernel/epoll.ts';
import type { Task } from '../kernel/task.ts';
import type { Pending } from '../kernel/wait.ts';
import { exact64, packedExact64, type Struct, struct, u32 } from '../struct.ts';
import { O_CLOEXEC } from '../vfs/types.ts';
import { readDeadline, readMask, waitMasked } from './poll.ts';
import { IN_TIMESPEC } from './timespec.ts';

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

const EVENTS: FlagTable = [
  ['EPOLLIN', 1],
  ['EPOLLPRI', 2],
  ['EPOLLOUT', 4],
  ['EPOLLERR', 8],
  ['EPOLLHUP', 16],
  ['EPOLLRDNORM', 0x40],
  ['EPOLLRDBAND', 0x80],
  ['EPOLLWRNORM', 0x100],
  ['EPOLLWRBAND', 0x200],
  ['EPOLLMSG', 0x400],
  ['EPOLLRDHUP', 0x2000],
  ['EPOLLEXCLUSIVE', EPOLLEXCLUSIVE],
  ['EPOLLWAKEUP', EPOLLWAKEUP],
  ['EPOLLONESHOT', EPOLLONESHOT],
  ['EPOLLET', EPOLLET],
];

/** struct epoll_event (man 3 epoll_event): packed on x86-64, which has it from i386. */
const EPOLL_EVENT = struct('epoll_event', { events: u32, data: exact64 });
const PACKED_EVENT = struct('epoll_event_packed', { events: u32, data: packedExact64 });

type EventStruct = Struct<{ events: typeof u32; data: typeof exact64 }>;
const eventOf = (task: Task): EventStruct => (task.abi.name === 'x86_64' ? PACKED_EVENT : EPOLL_EVENT);

function showEvent(task: Task, address: number): string {
  const event = task.get(eventOf(task), address);
  if (event === null) return PTR.format(address, {} as FormatContext);
  return `{events=${formatFlags(event.events, EVENTS)}, data=0x${event.data.toString(16)}}`;
}

const IN_EVENT: ArgType<number> = {
  doc: 'struct epoll_event *',
  read: (c) => c.ulong(),
  format: (v, context) => (v === 0 ? 'NULL' : showEvent(context.task, v)),
};

const OUT_EVENTS: ArgType<number> = {
  doc: 'struct epoll_event *',
  read: (c) => c.ulong(),
  format: (v, context) => {
    const { result, task } = context;
    if (result === undefined || result < 0) return PTR.format(v, context);
    const size = eventOf(task).size(task.abi);
    return `[${Array.from({ length: result }, (_, i) => showEvent(task, v + i * size)).join(', ')}]`;
  },
};

function create(task: Task, how: number): number {
  return task.process.files.install(new EpollFile(), (how & O_CLOEXEC) !== 0);
}

export const epoll_create1: Syscall = syscall(
  'epoll_create1',
  { flags: flags([['EPOLL_CLOEXEC', O_CLOEXEC]]) },
  R_FD,
  (task, args) => ((args.flags & ~O_CLOEXEC) !== 0 ? -EINVAL : create(task, args.flags)),
);

export const epoll_create: Syscall = syscall('epoll_create', { size: INT }, R_FD, (task, { size }) =>
  size <= 0 ? -EINVAL : create(task, 0),
);

export const epoll_ctl: Syscall = syscall(
  'epoll_ctl',
  {
    epfd: FD,
    op: oneOf(
      [
        ['EPOLL_CTL_ADD', EPOLL_CTL_ADD],
        ['EPOLL_CTL_DEL', EPOLL_CTL_DEL],
        ['EPOLL_CTL_MOD', EPOLL_CTL_MOD],
      ],
      'EPOLL_CTL_???',
    ),
    fd: FD,
    event: IN_EVENT,
  },
  R_INT,
  (task, { epfd, op, fd, event }) => {
    const wanted = op === EPOLL_CTL_DEL ? { events: 0, data: 0n } : task.get(eventOf(task), event);
    if (wanted === null) return -EFAULT;
    const epoll = task.process.files.get(epfd);
    const file = task.process.files.get(fd);
    if (epoll === null || file === null) return -EBADF;
    if (!(epoll instanceof EpollFile) || file === epoll) return -EINVAL;
    switch (op) {
      case EPOLL_CTL_ADD:
        return epoll.add(file, fd, wanted.events, wanted.data);
      case EPOLL_CTL_MOD:
        return epoll.modify(file, fd, wanted.events, wanted.data);
      case EPOLL_CTL_DEL:
        return epoll.remove(file, fd);
      default:
        return -EINVAL;
    }
  },
);

function wait(
  task: Task,
  epfd: number,
  events: number,
  maxevents: number,
  deadline: number,
  mask: bigint | null,
): number | Pending {
  const type = eventOf(task);
  const size = type.size(task.abi);
  if (maxevents <= 0 || maxevents > 0x7fff_ffff / size) return -EINVAL;
  const epoll = task.process.files.get(epfd);
  if (epoll === null) return -EBADF;
  if (!(epoll instanceof EpollFile)) return -EINVAL;
  // A bad address is no error as long as no event comes that would go there.
  let room = maxevents;
  while (room > 0 && !task.space.writable(events, room * size)) room = Math.floor(room / 2);
  const attempt = (): number => {
    if (room === 0) return epoll.poll() === 0 ? -EAGAIN : -EFAULT;
    const taken = epoll.take(room);
    for (const [i, event] of taken.entries()) task.put(type, events + i * size, event);
    return taken.length > 0 ? taken.length : -EAGAIN;
  };
  // Never run again after a signal, whatever SA_RESTART says (man 7 signal).
  const done = (result: number): number => (result === -ERESTARTNOHAND ? -EINTR : result);
  return waitMasked(task, { on: [epoll.waitQueue], poll: epoll.mustLook }, mask, attempt, deadline, done);
}

const fromTimeout = (ms: number): number => (ms < 0 ? Number.POSITIVE_INFINITY : monotonicMs() + ms);

export const epoll_wait: Syscall = syscall(
  'epoll_wait',
  { epfd: FD, events: OUT_EVENTS, maxevents: INT, timeout: INT },
  R_INT,
  (task, { epfd, events, maxevents, timeout }) => wait(task, epfd, events, maxevents, fromTimeout(timeout), null),
);

export const epoll_pwait: Syscall = syscall(
  'epoll_pwait',
  { epfd: FD, events: OUT_EVENTS, maxevents: INT, timeout: INT, sigmask: PTR, sigsetsize: SIZE },
  R_INT,
  (task, { epfd, events, maxevents, timeout, sigmask, sigsetsize }) => {
    if (sigmask !== 0 && sigsetsize !== 8) return -EINVAL;
    const mask = readMask(task, sigmask);
    if (mask === undefined) return -EFAULT;
    return wait(task, epfd, events, maxevents, fromTimeout(timeout), mask);
  },
);

/** Its timeout has 64-bit fields on every ABI. */
export const epoll_pwait2: Syscall = {
  ...syscall(
    'epoll_pwait2',
    { epfd: FD, events: OUT_EVENTS, maxevents: INT, timeout: IN_TIMESPEC, sigmask: PTR, sigsetsize: SIZE },
    R_INT,
    (task, { epfd, events, maxevents, timeout, sigmask, sigsetsize }) => {
      if (sigmask !== 0 && sigsetsize !== 8) return -EINVAL;
      const mask = readMask(task, sigmask);
      if (mask === undefined) return -EFAULT;
      const deadline = readDeadline(task, timeout);
      return deadline < 0 ? deadline : wait(task, epfd, events, maxevents, deadline, mask);
    },
  ),
  wideTime: true,
};

export const calls: readonly Syscall[] = [
  epoll_create1,
  epoll_create,
  epoll_ctl,
  epoll_wait,
  epoll_pwait,
  epoll_pwait2,
];
