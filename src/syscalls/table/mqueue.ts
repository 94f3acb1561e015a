import {
  FD,
  inBuffer,
  inStruct,
  MODE,
  OPEN,
  OUT_BUFFER,
  outStruct,
  PATH,
  PTR,
  R_FD,
  R_INT,
  R_SIZE,
  SIZE,
  UINT,
} from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EAGAIN, EFAULT, EINVAL, EMSGSIZE, ETIMEDOUT } from '../errno.ts';
import { PRIORITIES, type QueueFile, type QueueSize, queueOf, type Receiver } from '../kernel/mqueue.ts';
import { NetlinkSocket } from '../kernel/netlink-socket.ts';
import type { Task } from '../kernel/task.ts';
import { type Pending, waitFor } from '../kernel/wait.ts';
import { long, struct } from '../struct.ts';
import { O_CREAT, O_NONBLOCK } from '../vfs/types.ts';
import { socketOf } from './socket-args.ts';
import { SIGEV_NONE, SIGEV_SIGNAL, SIGEVENT } from './time.ts';
import { IN_TIMESPEC, readRealtimeDeadline } from './timespec.ts';

/** struct mq_attr (man 3 mq_getattr). */
const MQ_ATTR = struct('mq_attr', {
  mq_flags: long,
  mq_maxmsg: long,
  mq_msgsize: long,
  mq_curmsgs: long,
  _r0: long,
  _r1: long,
  _r2: long,
  _r3: long,
});

export const mq_open: Syscall = syscall(
  'mq_open',
  { name: PATH, oflag: OPEN, mode: MODE, attr: inStruct(MQ_ATTR) },
  R_FD,
  (task, { name, oflag, mode, attr }) => {
    let size: QueueSize = null;
    if (attr !== 0 && (oflag & O_CREAT) !== 0) {
      const value = task.get(MQ_ATTR, attr);
      if (value === null) return -EFAULT;
      size = { maxmsg: value.mq_maxmsg, msgsize: value.mq_msgsize };
    }
    const { process } = task;
    const file = process.kernel.mqueues.open(process, name, oflag, mode & 0o777 & ~process.umask, size);
    return typeof file === 'number' ? file : process.files.install(file, true);
  },
);

export const mq_unlink: Syscall = syscall('mq_unlink', { name: PATH }, R_INT, ({ process }, { name }) =>
  process.kernel.mqueues.unlink(process, name),
);

/** Repeat until it does not answer -EAGAIN, unless the description is non-blocking. */
function wait(task: Task, { queue, flags }: QueueFile, timeout: number, attempt: () => number): number | Pending {
  if ((flags & O_NONBLOCK) !== 0) return attempt();
  return waitFor(task, attempt, { on: [queue.changed], deadline: timeout, onTimeout: -ETIMEDOUT });
}

export const mq_timedsend: Syscall = syscall(
  'mq_timedsend',
  { mqdes: FD, msg_ptr: inBuffer('msg_len'), msg_len: SIZE, msg_prio: UINT, abs_timeout: IN_TIMESPEC },
  R_INT,
  (task, { mqdes, msg_ptr, msg_len, msg_prio, abs_timeout }) => {
    const deadline = readRealtimeDeadline(task, abs_timeout);
    if (msg_prio >= PRIORITIES) return -EINVAL;
    if (deadline < 0) return deadline;
    const file = queueOf(task.process, mqdes, 1);
    if (typeof file === 'number') return file;
    if (msg_len > file.queue.messageSize) return -EMSGSIZE;
    const bytes = task.space.readRange(msg_ptr, msg_len)?.slice();
    if (bytes === undefined) return -EFAULT;
    return wait(task, file, deadline, () => file.queue.send(task.process, bytes, msg_prio));
  },
);

export const mq_timedreceive: Syscall = syscall(
  'mq_timedreceive',
  { mqdes: FD, msg_ptr: OUT_BUFFER, msg_len: SIZE, msg_prio: PTR, abs_timeout: IN_TIMESPEC },
  R_SIZE,
  (task, { mqdes, msg_ptr, msg_len, msg_prio, abs_timeout }) => {
    const deadline = readRealtimeDeadline(task, abs_timeout);
    if (deadline < 0) return deadline;
    const file = queueOf(task.process, mqdes, 0);
    if (typeof file === 'number') return file;
    const { queue } = file;
    const receiver: Receiver = { message: null };
    if (msg_len < queue.messageSize) return -EMSGSIZE;
    const attempt = (): number => {
      const message = queue.receive(receiver);
      if (message === null) return -EAGAIN;
      const { bytes, priority } = message;
      const into = task.space.writeRange(msg_ptr, bytes.length);
      if (into === null || (msg_prio !== 0 && task.putInt(msg_prio, priority) !== 0)) return -EFAULT;
      into.set(bytes);
      return bytes.length;
    };
    const end = (result: number): number => {
      queue.leave(receiver);
      return result;
    };
    const result = wait(task, file, deadline, attempt);
    return typeof result === 'number' ? end(result) : result.after(end);
  },
);

/** struct sigevent's way for a thread: signo is a netlink socket, value a cookie that is sent to it. */
const SIGEV_THREAD = 2;
const COOKIE_LENGTH = 32;
/** The cookie's last byte: a message came, or the registration is gone. */
const [NOTIFY_WOKENUP, NOTIFY_REMOVED] = [1, 2];

/** How the C library's thread is told, or -errno. */
const threadOf = (task: Task, fd: number, at: bigint): ((came: boolean) => void) | number => {
  const address = Number(at);
  if (!task.space.readable(address, COOKIE_LENGTH)) return -EFAULT;
  const cookie = task.space.u8.slice(address, address + COOKIE_LENGTH);
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (!(socket instanceof NetlinkSocket)) return -EINVAL;
  return (came) => {
    cookie[COOKIE_LENGTH - 1] = came ? NOTIFY_WOKENUP : NOTIFY_REMOVED;
    socket.deliver(cookie.slice());
  };
};

export const mq_notify: Syscall = syscall(
  'mq_notify',
  { mqdes: FD, sevp: inStruct(SIGEVENT) },
  R_INT,
  (task, { mqdes, sevp }) => {
    const event = sevp === 0 ? null : task.get(SIGEVENT, sevp);
    if (sevp !== 0 && event === null) return -EFAULT;
    const { notify, signo, value } = event ?? { notify: SIGEV_NONE, signo: 0, value: 0n };
    if (notify !== SIGEV_SIGNAL && notify !== SIGEV_NONE && notify !== SIGEV_THREAD) return -EINVAL;
    if (notify === SIGEV_SIGNAL && (signo < 1 || signo > 64)) return -EINVAL;
    const thread = notify === SIGEV_THREAD ? threadOf(task, signo, value) : null;
    if (typeof thread === 'number') return thread;
    const file = queueOf(task.process, mqdes, null);
    if (typeof file === 'number') return file;
    const { process } = task;
    const signal = notify === SIGEV_SIGNAL ? signo : 0;
    if (event !== null) return file.queue.register({ process, signal, value, thread });
    file.queue.forget(process);
    return 0;
  },
);

export const mq_getsetattr: Syscall = syscall(
  'mq_getsetattr',
  { mqdes: FD, newattr: inStruct(MQ_ATTR), oldattr: outStruct(MQ_ATTR) },
  R_INT,
  (task, { mqdes, newattr, oldattr }) => {
    const wanted = newattr === 0 ? null : task.get(MQ_ATTR, newattr);
    if (newattr !== 0 && wanted === null) return -EFAULT;
    if (wanted !== null && (wanted.mq_flags & ~O_NONBLOCK) !== 0) return -EINVAL;
    const file = queueOf(task.process, mqdes, null);
    if (typeof file === 'number') return file;
    const { queue } = file;
    const old = {
      mq_flags: file.flags & O_NONBLOCK,
      mq_maxmsg: queue.capacity,
      mq_msgsize: queue.messageSize,
      mq_curmsgs: queue.messages.length,
    };
    if (wanted !== null) file.flags = (file.flags & ~O_NONBLOCK) | (wanted.mq_flags & O_NONBLOCK);
    return oldattr === 0 ? 0 : task.put(MQ_ATTR, oldattr, { ...old, _r0: 0, _r1: 0, _r2: 0, _r3: 0 });
  },
);

export const calls: readonly Syscall[] = [mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr];
