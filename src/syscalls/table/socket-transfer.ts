import { FD, flags, INT, inBuffer, inStruct, OUT_BUFFER, outStruct, PTR, R_INT, R_SIZE, SIZE, UINT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EAGAIN, EFAULT, EINVAL, EMSGSIZE } from '../errno.ts';
import type { FlagTable } from '../flags.ts';
import { monotonicMs, realtimeMs } from '../kernel/clock.ts';
import {
  AF_UNIX,
  type Destination,
  dropAll,
  MSG_PEEK,
  MSG_TRUNC,
  type Received,
  SO_PASSCRED,
  SOCK_STREAM,
  type Socket,
} from '../kernel/socket.ts';
import type { Task } from '../kernel/task.ts';
import type { Pending } from '../kernel/wait.ts';
import {
  ControlWriter,
  IN_ADDRESS,
  MSGHDR,
  putAddress,
  readAddress,
  readControl,
  socketOf,
  writeAddress,
} from './socket-args.ts';
import { MSG_DONTWAIT, MSG_NOSIGNAL, MSG_WAITALL, receiveOn, sendOn } from './socket-io.ts';
import { IN_TIMESPEC, readTimespec } from './timespec.ts';
import { MAX_RW_COUNT, readIoVecs } from './transfer.ts';

const MSG_CTRUNC = 8;
const MSG_WAITFORONE = 0x10000;
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
  ['MSG_WAITFORONE', MSG_WAITFORONE],
  ['MSG_CMSG_CLOEXEC', MSG_CMSG_CLOEXEC],
];
const HOW = flags(MSG_FLAGS);
/** UIO_MAXIOV: vectors of a message, messages of a call. */
const MAX_VECTORS = 1024;

/** Where an address in guest memory leads; null: none is given. */
function target(task: Task, socket: Socket, addr: number, length: number): Destination | null | number {
  if (addr === 0) return null;
  // A stream that is connected needs none.
  if (socket.type === SOCK_STREAM && socket.domain !== AF_UNIX) return null;
  const address = readAddress(task, addr, length);
  return typeof address === 'number' ? address : socket.destination(task, address);
}

interface Transfer {
  readonly fd: number;
  readonly buf: number;
  readonly len: number;
  readonly flags: number;
}

function sendTo(task: Task, a: Transfer, addr: number, addrlen: number): number | Pending {
  const socket = socketOf(task, a.fd);
  if (typeof socket === 'number') return socket;
  const bytes = task.space.readRange(a.buf, Math.min(a.len, MAX_RW_COUNT));
  if (bytes === null) return -EFAULT;
  const to = target(task, socket, addr, addrlen);
  return typeof to === 'number' ? to : sendOn(task, socket, bytes, a.flags, to);
}

/** What a receiving call answers: MSG_TRUNC asks for a datagram's real length. */
const answer = (socket: Socket, how: number, got: Received): number =>
  (how & MSG_TRUNC) !== 0 && socket.type !== SOCK_STREAM ? got.whole : got.count;

function receiveFrom(task: Task, a: Transfer, addr: number, addrlen: number): number | Pending {
  const socket = socketOf(task, a.fd);
  if (typeof socket === 'number') return socket;
  const into = task.space.writeRange(a.buf, Math.min(a.len, MAX_RW_COUNT));
  if (into === null) return -EFAULT;
  return receiveOn(task, socket, into, a.flags, (got) => {
    if ((a.flags & MSG_PEEK) === 0) dropAll(got.passed);
    if (addr !== 0) {
      const put = got.from === null ? task.putInt(addrlen, 0) : putAddress(task, addr, addrlen, got.from);
      if (put < 0) return put;
    }
    return answer(socket, a.flags, got);
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

/** A struct msghdr, or null (EFAULT): of the ABI's own layout also where the call's times are wide. */
function readHeader({ space, process: { abi } }: Task, msg: number): ReturnType<typeof MSGHDR.read> | null {
  return space.readable(msg, MSGHDR.size(abi)) ? MSGHDR.read(space.view, msg, abi) : null;
}

function sendMessage(task: Task, socket: Socket, msg: number, how: number): number | Pending {
  const header = readHeader(task, msg);
  if (header === null) return -EFAULT;
  const list = header.msg_iovlen > MAX_VECTORS ? -EMSGSIZE : readIoVecs(task, header.msg_iov, header.msg_iovlen);
  if (typeof list === 'number') return list;
  const bytes = new Uint8Array(list.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const { base, length } of list) {
    const piece = task.space.readRange(base, length);
    if (piece === null) return -EFAULT;
    bytes.set(piece, at);
    at += length;
  }
  const to = header.msg_namelen === 0 ? null : target(task, socket, header.msg_name, header.msg_namelen);
  if (typeof to === 'number') return to;
  const control = readControl(task, socket, header.msg_control, header.msg_controllen);
  if (typeof control === 'number') return control;
  return sendOn(task, socket, bytes, how, to, control.passed, control.sender, control.packet);
}

/** Nobody is known to have sent it: what the kernel tells of an unknown user. */
const NO_SENDER = { pid: 0, uid: 65534, gid: 65534 };

function receiveMessage(task: Task, socket: Socket, msg: number, how: number): number | Pending {
  const header = readHeader(task, msg);
  if (header === null) return -EFAULT;
  const list = header.msg_iovlen > MAX_VECTORS ? -EMSGSIZE : readIoVecs(task, header.msg_iov, header.msg_iovlen);
  if (typeof list === 'number') return list;
  for (const { base, length } of list) if (!task.space.writable(base, length)) return -EFAULT;
  const into = new Uint8Array(list.reduce((sum, { length }) => sum + length, 0));
  return receiveOn(task, socket, into, how, (got) => {
    let at = 0;
    for (const { base, length } of list) {
      const count = Math.min(length, got.count - at);
      if (count <= 0) break;
      task.space.writeRange(base, count)?.set(into.subarray(at, at + count));
      at += count;
    }
    const cut = socket.type !== SOCK_STREAM && got.whole > got.count;
    const control = new ControlWriter(task, header.msg_control, header.msg_controllen);
    if (socket.stampOption !== 0 && got.arrival !== undefined) {
      control.stamp(socket.stampOption, got.arrival ?? realtimeMs());
    }
    if ((socket.options.get(SO_PASSCRED) ?? 0) !== 0) control.sender(got.sender ?? NO_SENDER);
    if (got.passed !== null) {
      // who only looks gets descriptors of its own
      if ((how & MSG_PEEK) !== 0) for (const file of got.passed.files) file.refs++;
      control.files(got.passed, (how & MSG_CMSG_CLOEXEC) !== 0);
    }
    for (const told of got.control ?? []) control.message(told);
    const marks = (cut ? MSG_TRUNC : 0) | (control.cut ? MSG_CTRUNC : 0) | (how & MSG_CMSG_CLOEXEC);
    let nameLength = 0;
    if (header.msg_name !== 0 && got.from !== null) {
      nameLength = writeAddress(task, header.msg_name, header.msg_namelen, got.from);
      if (nameLength < 0) return nameLength;
    }
    if (!task.space.writable(msg, MSGHDR.size(task.abi))) return -EFAULT;
    const result = { ...header, msg_namelen: nameLength, msg_controllen: control.length, msg_flags: marks };
    MSGHDR.write(task.space.view, msg, result, task.abi);
    return answer(socket, how, got);
  });
}

const CONTROL = {
  support: 'partial',
  note: 'Control data: SCM_RIGHTS, SCM_CREDENTIALS, SCM_TIMESTAMP and SCM_TIMESTAMPNS of datagrams; packet information, hop limit and traffic class of datagrams between guests.',
} as const;

export const sendmsg: Syscall = syscall(
  'sendmsg',
  { fd: FD, msg: inStruct(MSGHDR), flags: HOW },
  R_SIZE,
  (task, { fd, msg, flags: how }) => {
    const socket = socketOf(task, fd);
    return typeof socket === 'number' ? socket : sendMessage(task, socket, msg, how);
  },
  CONTROL,
);

export const recvmsg: Syscall = syscall(
  'recvmsg',
  { fd: FD, msg: outStruct(MSGHDR), flags: HOW },
  R_SIZE,
  (task, { fd, msg, flags: how }) => {
    const socket = socketOf(task, fd);
    return typeof socket === 'number' ? socket : receiveMessage(task, socket, msg, how);
  },
  CONTROL,
);

/** struct mmsghdr: a msghdr and the bytes of it that were moved. */
function eachMessage(
  task: Task,
  vector: number,
  count: number,
  move: (msg: number, index: number) => number | Pending,
): number | Pending {
  const { abi } = task;
  const size = MSGHDR.size(abi);
  const stride = Math.ceil((size + 4) / abi.wordSize) * abi.wordSize;
  const total = Math.min(count, MAX_VECTORS);
  const from = (start: number): number | Pending => {
    for (let i = start; i < total; i++) {
      const msg = vector + i * stride;
      const n = move(msg, i);
      const next = (value: number): number | null => {
        if (value < 0) return i > 0 ? i : value;
        const put = task.putInt(msg + size, value);
        return put < 0 ? put : null;
      };
      if (typeof n !== 'number') return n.after((value) => next(value) ?? from(i + 1));
      const over = next(n);
      if (over !== null) return over;
    }
    return total;
  };
  return from(0);
}

export const sendmmsg: Syscall = syscall(
  'sendmmsg',
  { fd: FD, msgvec: PTR, vlen: UINT, flags: HOW },
  R_INT,
  (task, { fd, msgvec, vlen, flags: how }) => {
    const socket = socketOf(task, fd);
    if (typeof socket === 'number') return socket;
    return eachMessage(task, msgvec, vlen, (msg) => sendMessage(task, socket, msg, how));
  },
  CONTROL,
);

export const recvmmsg: Syscall = syscall(
  'recvmmsg',
  { fd: FD, msgvec: PTR, vlen: UINT, flags: HOW, timeout: IN_TIMESPEC },
  R_INT,
  (task, { fd, msgvec, vlen, flags: how, timeout }) => {
    const socket = socketOf(task, fd);
    if (typeof socket === 'number') return socket;
    const limit = timeout === 0 ? { sec: Number.POSITIVE_INFINITY, nsec: 0 } : readTimespec(task, timeout);
    if (limit === null) return -EFAULT;
    if (limit.sec < 0 || limit.nsec < 0 || limit.nsec >= 1e9) return -EINVAL;
    const end = monotonicMs() + limit.sec * 1000 + limit.nsec / 1e6;
    return eachMessage(task, msgvec, vlen, (msg, index) => {
      // The timeout is looked at between messages only (man 2 recvmmsg, BUGS).
      if (index > 0 && monotonicMs() >= end) return -EAGAIN;
      const now = index > 0 && (how & MSG_WAITFORONE) !== 0 ? MSG_DONTWAIT : 0;
      return receiveMessage(task, socket, msg, (how & ~MSG_WAITFORONE) | now);
    });
  },
  CONTROL,
);

export const calls: readonly Syscall[] = [sendto, recvfrom, sendCall, recvCall, sendmsg, recvmsg, sendmmsg, recvmmsg];
