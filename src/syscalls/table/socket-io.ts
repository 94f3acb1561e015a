import { EAGAIN, EFAULT, EINTR, EINVAL, EOPNOTSUPP, EPIPE, ERESTARTSYS } from '../errno.ts';
import { monotonicMs } from '../kernel/clock.ts';
import type { PacketControl } from '../kernel/ip-control.ts';
import {
  type Credentials,
  type Destination,
  dropAll,
  MSG_OOB,
  MSG_PEEK,
  type Passed,
  type Received,
  SOCK_STREAM,
  type Socket,
} from '../kernel/socket.ts';
import type { Task } from '../kernel/task.ts';
import { TcpSocket } from '../kernel/tcp-socket.ts';
import { credentialsOf, UnixSocket } from '../kernel/unix-socket.ts';
import { type Pending, waitFor } from '../kernel/wait.ts';
import type { WaitQueue } from '../kernel/wait-queue.ts';

export const MSG_DONTWAIT = 0x40;
export const MSG_WAITALL = 0x100;
export const MSG_NOSIGNAL = 0x4000;

/**
 * Wait with a socket's timeout (SO_RCVTIMEO, SO_SNDTIMEO in milliseconds): over, the answer is `late`. A call with
 * a timeout is not begun again after a signal (man 7 signal).
 */
export function waitOn(
  task: Task,
  attempt: () => number,
  on: readonly WaitQueue[],
  timeout: number,
  late: number = -EAGAIN,
): number | Pending {
  if (timeout === Number.POSITIVE_INFINITY) return waitFor(task, attempt, { on });
  const interrupted = (result: number): number => (result === -ERESTARTSYS ? -EINTR : result);
  const waited = waitFor(task, attempt, { on, deadline: monotonicMs() + timeout, onTimeout: late });
  return typeof waited === 'number' ? interrupted(waited) : waited.after(interrupted);
}

/** Send everything, waiting for room unless the socket or MSG_DONTWAIT says not to. */
export function sendOn(
  task: Task,
  socket: Socket,
  bytes: Uint8Array,
  how = 0,
  to: Destination | null = null,
  passed: Passed | null = null,
  sender: Credentials | null = null,
  packet?: PacketControl,
): number | Pending {
  // as without CONFIG_AF_UNIX_OOB; TCP sends the byte among the others
  if ((how & MSG_OOB) !== 0 && !(socket instanceof TcpSocket)) return -EOPNOTSUPP;
  const asked = socket instanceof UnixSocket && socket.tellsSender(to);
  const who = sender ?? (asked ? credentialsOf(task) : undefined);
  let done = 0;
  const attempt = (): number => {
    const n = socket.send(done === 0 ? bytes : bytes.subarray(done), done === 0 ? passed : null, to, who, packet);
    if (n === -EAGAIN) return n;
    if (n < 0) {
      if (done > 0) return done;
      if (n === -EPIPE && (how & MSG_NOSIGNAL) === 0 && socket.type === SOCK_STREAM) task.brokenPipe();
      return n;
    }
    done += n;
    return done < bytes.length ? -EAGAIN : done;
  };
  const end = (result: number): number => {
    if (done > 0 && result < 0) return done;
    if (result < 0) dropAll(passed);
    return result;
  };
  const result = attempt();
  if (result !== -EAGAIN || socket.nonBlocking || (how & MSG_DONTWAIT) !== 0) return end(result);
  const other = to?.waitQueue ?? null;
  const waited = waitOn(
    task,
    attempt,
    other === null ? [socket.waitQueue] : [socket.waitQueue, other],
    socket.sendTimeout,
  );
  return typeof waited === 'number' ? end(waited) : waited.after(end);
}

/** Receive into a buffer; `done` takes what came and makes the result of it. */
export function receiveOn(
  task: Task,
  socket: Socket,
  into: Uint8Array,
  how: number,
  done: (got: Received) => number,
): number | Pending {
  if ((how & MSG_OOB) !== 0) return socket instanceof TcpSocket ? -EINVAL : -EOPNOTSUPP;
  const all = (how & MSG_WAITALL) !== 0 && (how & MSG_PEEK) === 0 && socket.type === SOCK_STREAM;
  let count = 0;
  let last: Received = { count: 0, whole: 0, from: null, passed: null };
  const attempt = (): number => {
    if (!task.space.stillWritable(into)) return -EFAULT;
    const got = socket.receive(count === 0 ? into : into.subarray(count), how);
    if (typeof got === 'number') return got;
    count += got.count;
    last = got;
    const more = all && got.count > 0 && got.passed === null && count < into.length;
    return more ? -EAGAIN : 0;
  };
  const end = (result: number): number => {
    if (result < 0 && count === 0) return result;
    return done({ ...last, count });
  };
  const result = attempt();
  if (result !== -EAGAIN || socket.nonBlocking || (how & MSG_DONTWAIT) !== 0) return end(result);
  const waited = waitOn(task, attempt, [socket.waitQueue], socket.receiveTimeout);
  return typeof waited === 'number' ? end(waited) : waited.after(end);
}

/** read(2) of a socket. */
export function readSocket(task: Task, socket: Socket, into: Uint8Array): number | Pending {
  if (into.length === 0) return 0;
  return receiveOn(task, socket, into, 0, (got) => {
    dropAll(got.passed);
    return got.count;
  });
}
