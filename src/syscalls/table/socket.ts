import { FD, INT, PTR, R_FD, R_INT, SIZE } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EBADF } from '../errno.ts';
import type { Task } from '../kernel/task.ts';

const ENOTSOCK = 88;
const EAFNOSUPPORT = 97;
const AF_UNIX = 1;

const NONE = { support: 'none', note: 'No sockets yet: EAFNOSUPPORT, as on a kernel without networking.' } as const;

/** libc asks its name service daemon over AF_UNIX first and does without: nothing worth a message. */
function refuse(task: Task, { domain }: { domain: number }): number {
  if (domain !== AF_UNIX) task.process.kernel.warnOnce('socket', `sockets (family ${domain}) are not supported`);
  return -EAFNOSUPPORT;
}

export const socket: Syscall = syscall('socket', { domain: INT, type: INT, protocol: INT }, R_FD, refuse, NONE);
export const socketpair: Syscall = syscall(
  'socketpair',
  { domain: INT, type: INT, protocol: INT, sv: PTR },
  R_INT,
  (task) => {
    task.process.kernel.warnOnce('socketpair', 'socket pairs are not supported');
    return -EAFNOSUPPORT;
  },
  NONE,
);

/** No descriptor is a socket: what the other calls say to that. */
const notSocket = (task: Task, { fd }: { fd: number }): number =>
  task.process.files.get(fd) === null ? -EBADF : -ENOTSOCK;

const ADDRESS = { fd: FD, addr: PTR, addrlen: PTR };
const others: readonly Syscall[] = [
  syscall('bind', ADDRESS, R_INT, notSocket, NONE),
  syscall('connect', ADDRESS, R_INT, notSocket, NONE),
  syscall('listen', { fd: FD, backlog: INT }, R_INT, notSocket, NONE),
  syscall('accept', ADDRESS, R_FD, notSocket, NONE),
  syscall('accept4', { ...ADDRESS, flags: INT }, R_FD, notSocket, NONE),
  syscall('getsockname', ADDRESS, R_INT, notSocket, NONE),
  syscall('getpeername', ADDRESS, R_INT, notSocket, NONE),
  syscall('sendto', { fd: FD, buf: PTR, len: SIZE, flags: INT, addr: PTR, addrlen: INT }, R_INT, notSocket, NONE),
  syscall('recvfrom', { fd: FD, buf: PTR, len: SIZE, flags: INT, addr: PTR, addrlen: PTR }, R_INT, notSocket, NONE),
  syscall('sendmsg', { fd: FD, msg: PTR, flags: INT }, R_INT, notSocket, NONE),
  syscall('recvmsg', { fd: FD, msg: PTR, flags: INT }, R_INT, notSocket, NONE),
  syscall('setsockopt', { fd: FD, level: INT, optname: INT, optval: PTR, optlen: INT }, R_INT, notSocket, NONE),
  syscall('getsockopt', { fd: FD, level: INT, optname: INT, optval: PTR, optlen: PTR }, R_INT, notSocket, NONE),
  syscall('shutdown', { fd: FD, how: INT }, R_INT, notSocket, NONE),
];

export const calls: readonly Syscall[] = [socket, socketpair, ...others];
