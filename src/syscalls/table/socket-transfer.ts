import { FD, flags, INT, inBuffer, inStruct, OUT_BUFFER, outStruct, PTR, R_SIZE, SIZE } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EAGAIN, EFAULT, EISCONN, EMSGSIZE, EOPNOTSUPP, EPIPE, ERESTARTSYS } from '../errno.ts';
import type { FlagTable } from '../flags.ts';
import type { Task } from '../kernel/task.ts';
import { findSocket } from '../kernel/unix-names.ts';
import {
  dropAll,
  type Passed,
  type Received,
  SOCK_DGRAM,
  SOCK_STREAM,
  type UnixSocket,
} from '../kernel/unix-socket.ts';
import { type Pending, waitFor } from '../kernel/wait.ts';
import {
  IN_ADDRESS,
  MSGHDR,
  putAddress,
  readAddress,
  readControl,
  socketOf,
  writeAddress,
  writeControl,
} from './socket-args.ts';
import { MAX_RW_COUNT, readIoVecs } from './transfer.ts';

const MSG_PEEK = 2;
const MSG_CTRUNC = 8;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const MSG_WAITALL = 0x100;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const MSG_FLAGS: FlagTable = [
  ['MSG_OOB', 1],
  ['MSG_PEEK', MSG_PEEK],
  ['MSG_CTRUNC', MSG_CTRUNC],
  ['MSG_TRUNC', MSG_TRUNC],
  ['MSG_DONTWAIT', MSG_DONTWAIT],
  ['MSG_EOR', 0x80],
  ['MSG_WAITALL', MSG_WAITALL],
  ['MSG_NOSIGNAL', MSG_NOSIGNAL],
  ['MSG_MORE', 0x8000],
  ['MSG_CMSG_CLOEXEC', MSG_CMSG_CLOEXEC],
];
const HOW = flags(MSG_FLAGS);

/** Send everything, waiting for room unless the socket or MSG_DONTWAIT says not to. */
function send(
  task: Task,
  socket: UnixSocket,
  bytes: Uint8Array,
  how: number,
  address: string | null,
  passed: Passed | null,
): number | Pending {
  const fail = (error: number): number => {
    dropAll(passed);
    return error;
  };
  let to: UnixSocket | null = null;
  if (address !== null) {
    if (socket.type !== SOCK_DGRAM) return fail(socket.peer === null ? -EOPNOTSUPP : -EISCONN);
    const target = findSocket(task, address);
    if (typeof target === 'number') return fail(target);
    to = target;
  }
  let done = 0;
  const attempt = (): number => {
    const n = socket.send(bytes.subarray(done), done === 0 ? passed : null, to);
    if (n === -EAGAIN) return n;
    if (n < 0) {
      if (done > 0) return done;
      if (n === -EPIPE && (how & MSG_NOSIGNAL) === 0 && socket.type !== SOCK_DGRAM) task.brokenPipe();
      return n;
    }
    done += n;
    return done < bytes.length ? -EAGAIN : done;
  };
  const end = (result: number): number => {
    if (done > 0 && result < 0) return done;
    return result < 0 ? fail(result) : result;
  };
  const result = attempt();
  if (result !== -EAGAIN || socket.nonBlocking || (how & MSG_DONTWAIT) !== 0) return end(result);
  const on = to === null ? [socket.waitQueue] : [socket.waitQueue, to.waitQueue];
  const waited = waitFor(task, attempt, { on });
  return typeof waited === 'number' ? end(waited) : waited.after(end);
}

/** Receive into a buffer; `done` takes what came and makes the result of it. */
function receive(
  task: Task,
  socket: UnixSocket,
  into: Uint8Array,
  how: number,
  done: (got: Received) => number,
): number | Pending {
  const all = (how & MSG_WAITALL) !== 0 && (how & MSG_PEEK) === 0 && socket.type === SOCK_STREAM;
  let count = 0;
  let last: Received = { count: 0, whole: 0, from: '', passed: null };
  const attempt = (): number => {
    const got = socket.receive(into.subarray(count), (how & MSG_PEEK) !== 0);
    if (typeof got === 'number') return got;
    count += got.count;
    last = got;
    const more = all && got.count > 0 && got.passed === null && count < into.length;
    return more ? -EAGAIN : 0;
  };
  const end = (result: number): number => {
    if (result < 0 && count === 0) return result;
    return result < 0 && result !== -EAGAIN && result !== -ERESTARTSYS ? count : done({ ...last, count });
  };
  const result = attempt();
  if (result !== -EAGAIN || socket.nonBlocking || (how & MSG_DONTWAIT) !== 0) return end(result);
  const waited = waitFor(task, attempt, { on: [socket.waitQueue] });
  return typeof waited === 'number' ? end(waited) : waited.after(end);
}

function sendTo(
  task: Task,
  a: { fd: number; buf: number; len: number; flags: number },
  addr: number,
  addrlen: number,
): number | Pending {
  const socket = socketOf(task, a.fd);
  if (typeof socket === 'number') return socket;
  const bytes = task.space.readRange(a.buf, Math.min(a.len, MAX_RW_COUNT));
  if (bytes === null) return -EFAULT;
  const address = addr === 0 ? null : readAddress(task, addr, addrlen);
  return typeof address === 'number' ? address : send(task, socket, bytes, a.flags, address, null);
}

function receiveFrom(
  task: Task,
  a: { fd: number; buf: number; len: number; flags: number },
  addr: number,
  addrlen: number,
): number | Pending {
  const socket = socketOf(task, a.fd);
  if (typeof socket === 'number') return socket;
  const into = task.space.writeRange(a.buf, Math.min(a.len, MAX_RW_COUNT));
  if (into === null) return -EFAULT;
  return receive(task, socket, into, a.flags, (got) => {
    if ((a.flags & MSG_PEEK) === 0) dropAll(got.passed);
    if (addr !== 0) {
      const put = got.from === '' ? task.putInt(addrlen, 0) : putAddress(task, addr, addrlen, got.from);
      if (put < 0) return put;
    }
    return (a.flags & MSG_TRUNC) !== 0 && socket.type !== SOCK_STREAM ? got.whole : got.count;
  });
}

const OUT = { fd: FD, buf: inBuffer('len'), len: SIZE, flags: HOW };
const IN = { fd: FD, buf: OUT_BUFFER, len: SIZE, flags: HOW };

export const sendto: Syscall = syscall('sendto', { ...OUT, addr: IN_ADDRESS, addrlen: INT }, R_SIZE, (task, a) =>
  sendTo(task, a, a.addr, a.addrlen),
);
export const recvfrom: Syscall = syscall('recvfrom', { ...IN, addr: PTR, addrlen: PTR }, R_SIZE, (task, a) =>
  receiveFrom(task, a, a.addr, a.addrlen),
);
/** Of 32-bit ARM and others: no address. */
export const sendCall: Syscall = syscall('send', OUT, R_SIZE, (task, a) => sendTo(task, a, 0, 0));
export const recvCall: Syscall = syscall('recv', IN, R_SIZE, (task, a) => receiveFrom(task, a, 0, 0));

export const sendmsg: Syscall = syscall(
  'sendmsg',
  { fd: FD, msg: inStruct(MSGHDR), flags: HOW },
  R_SIZE,
  (task, { fd, msg, flags: how }) => {
    const socket = socketOf(task, fd);
    if (typeof socket === 'number') return socket;
    const header = task.get(MSGHDR, msg);
    if (header === null) return -EFAULT;
    const list = header.msg_iovlen > 1024 ? -EMSGSIZE : readIoVecs(task, header.msg_iov, header.msg_iovlen);
    if (typeof list === 'number') return list;
    const bytes = new Uint8Array(list.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const { base, length } of list) {
      const piece = task.space.readRange(base, length);
      if (piece === null) return -EFAULT;
      bytes.set(piece, at);
      at += length;
    }
    const named = header.msg_name !== 0 && header.msg_namelen !== 0;
    const address = named ? readAddress(task, header.msg_name, header.msg_namelen) : null;
    if (typeof address === 'number') return address;
    const passed = readControl(task, header.msg_control, header.msg_controllen);
    return typeof passed === 'number' ? passed : send(task, socket, bytes, how, address, passed);
  },
  { support: 'partial', note: 'Control data: SCM_RIGHTS.' },
);

export const recvmsg: Syscall = syscall(
  'recvmsg',
  { fd: FD, msg: outStruct(MSGHDR), flags: HOW },
  R_SIZE,
  (task, { fd, msg, flags: how }) => {
    const socket = socketOf(task, fd);
    if (typeof socket === 'number') return socket;
    const header = task.get(MSGHDR, msg);
    if (header === null) return -EFAULT;
    const list = header.msg_iovlen > 1024 ? -EMSGSIZE : readIoVecs(task, header.msg_iov, header.msg_iovlen);
    if (typeof list === 'number') return list;
    for (const { base, length } of list) if (!task.space.writable(base, length)) return -EFAULT;
    const into = new Uint8Array(list.reduce((sum, { length }) => sum + length, 0));
    return receive(task, socket, into, how, (got) => {
      let at = 0;
      for (const { base, length } of list) {
        const count = Math.min(length, got.count - at);
        if (count <= 0) break;
        task.space.writeRange(base, count)?.set(into.subarray(at, at + count));
        at += count;
      }
      const cut = socket.type !== SOCK_STREAM && got.whole > got.count;
      let marks = (cut ? MSG_TRUNC : 0) | (how & MSG_CMSG_CLOEXEC);
      let controlLength = 0;
      if (got.passed !== null && (how & MSG_PEEK) === 0) {
        const cloexec = (how & MSG_CMSG_CLOEXEC) !== 0;
        const control = writeControl(task, header.msg_control, header.msg_controllen, got.passed, cloexec);
        controlLength = control.length;
        if (control.cut) marks |= MSG_CTRUNC;
      }
      let nameLength = 0;
      if (header.msg_name !== 0 && got.from !== '') {
        nameLength = writeAddress(task, header.msg_name, header.msg_namelen, got.from);
        if (nameLength < 0) return nameLength;
      }
      const result = { ...header, msg_namelen: nameLength, msg_controllen: controlLength, msg_flags: marks };
      const put = task.put(MSGHDR, msg, result);
      if (put < 0) return put;
      return (how & MSG_TRUNC) !== 0 && socket.type !== SOCK_STREAM ? got.whole : got.count;
    });
  },
  { support: 'partial', note: 'Control data: SCM_RIGHTS.' },
);

export const calls: readonly Syscall[] = [sendto, recvfrom, sendCall, recvCall, sendmsg, recvmsg];
