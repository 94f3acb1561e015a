import { FD, INT, oneOf, outInts, PTR, R_FD, R_INT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import {
  EAFNOSUPPORT,
  EAGAIN,
  EFAULT,
  EINVAL,
  EISCONN,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from '../errno.ts';
import { type FlagTable, formatEnum, formatFlags } from '../flags.ts';
import type { Task } from '../kernel/task.ts';
import { bindName, findSocket } from '../kernel/unix-names.ts';
import { type Credentials, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM, UnixSocket } from '../kernel/unix-socket.ts';
import { type Pending, waitFor } from '../kernel/wait.ts';
import { i32, struct } from '../struct.ts';
import { O_CLOEXEC, O_NONBLOCK } from '../vfs/types.ts';
import { AF_UNIX, IN_ADDRESS, isUnspecified, putAddress, readAddress, SOL_SOCKET, socketOf } from './socket-args.ts';

const FAMILIES: FlagTable = [
  ['AF_UNIX', AF_UNIX],
  ['AF_INET', 2],
  ['AF_INET6', 10],
  ['AF_NETLINK', 16],
];
const TYPES: FlagTable = [
  ['SOCK_STREAM', SOCK_STREAM],
  ['SOCK_DGRAM', SOCK_DGRAM],
  ['SOCK_RAW', 3],
  ['SOCK_SEQPACKET', SOCK_SEQPACKET],
];
const TYPE_FLAGS: FlagTable = [
  ['SOCK_CLOEXEC', O_CLOEXEC],
  ['SOCK_NONBLOCK', O_NONBLOCK],
];
const TYPE_MASK = 0xf;
const DOMAIN = oneOf(FAMILIES, 'AF_???');
const TYPE = {
  ...INT,
  format: (v: number) => {
    const how = v & ~TYPE_MASK;
    return formatEnum(v & TYPE_MASK, TYPES, 'SOCK_???') + (how === 0 ? '' : `|${formatFlags(how, TYPE_FLAGS)}`);
  },
};
const NO_NETWORK = {
  support: 'partial',
  note: 'AF_UNIX between guests; other families are EAFNOSUPPORT, as on a kernel without networking.',
} as const;

/** struct ucred (man 7 unix). */
const UCRED = struct('ucred', { pid: i32, uid: i32, gid: i32 });

function credentialsOf(task: Task): Credentials {
  return { pid: task.process.pid, uid: task.process.uids[1], gid: task.process.gids[1] };
}

/** What speaks against such a socket: 0 or -errno. */
function refuse(task: Task, domain: number, type: number, protocol: number): number {
  if ((type & ~(TYPE_MASK | O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  if (domain !== AF_UNIX) {
    task.process.kernel.warnOnce('socket', `sockets (family ${domain}) are not supported`);
    return -EAFNOSUPPORT;
  }
  if (protocol !== 0 && protocol !== AF_UNIX) return -EPROTONOSUPPORT;
  // SOCK_RAW is a datagram socket here (man 7 unix does not say).
  return [SOCK_STREAM, SOCK_DGRAM, 3, SOCK_SEQPACKET].includes(type & TYPE_MASK) ? 0 : -ESOCKTNOSUPPORT;
}

function make(task: Task, type: number): UnixSocket {
  const kind = (type & TYPE_MASK) === 3 ? SOCK_DGRAM : type & TYPE_MASK;
  return new UnixSocket(kind, type & O_NONBLOCK, credentialsOf(task));
}

export const socket: Syscall = syscall(
  'socket',
  { domain: DOMAIN, type: TYPE, protocol: INT },
  R_FD,
  (task, { domain, type, protocol }) =>
    refuse(task, domain, type, protocol) || task.process.files.install(make(task, type), (type & O_CLOEXEC) !== 0),
  NO_NETWORK,
);

export const socketpair: Syscall = syscall(
  'socketpair',
  { domain: DOMAIN, type: TYPE, protocol: INT, sv: outInts(2) },
  R_INT,
  (task, { domain, type, protocol, sv }) => {
    const refused = refuse(task, domain, type, protocol);
    if (refused !== 0) return refused;
    if (!task.space.writable(sv, 8)) return -EFAULT;
    const { files } = task.process;
    const [a, b] = [make(task, type), make(task, type)];
    a.pair(b);
    const cloexec = (type & O_CLOEXEC) !== 0;
    const first = files.install(a, cloexec);
    if (first < 0) return first;
    const second = files.install(b, cloexec);
    if (second < 0) {
      files.close(first);
      return second;
    }
    return task.putInt(sv, first) || task.putInt(sv + 4, second);
  },
  NO_NETWORK,
);

const NAMED = { fd: FD, addr: IN_ADDRESS, addrlen: INT };

export const bind: Syscall = syscall(
  'bind',
  NAMED,
  R_INT,
  (task, { fd, addr, addrlen }) => {
    const found = socketOf(task, fd);
    if (typeof found === 'number') return found;
    const name = readAddress(task, addr, addrlen);
    return typeof name === 'number' ? name : bindName(task, found, name);
  },
  { support: 'partial', note: 'A path becomes a regular file that stands for the socket.' },
);

export const listen: Syscall = syscall('listen', { fd: FD, backlog: INT }, R_INT, (task, { fd, backlog }) => {
  const found = socketOf(task, fd);
  if (typeof found === 'number') return found;
  found.credentials = credentialsOf(task);
  return found.listen(backlog < 0 ? 4096 : Math.min(backlog, 4096));
});

export const connect: Syscall = syscall('connect', NAMED, R_INT, (task, { fd, addr, addrlen }) => {
  const found = socketOf(task, fd);
  if (typeof found === 'number') return found;
  if (isUnspecified(task, addr, addrlen)) {
    if (found.type !== SOCK_DGRAM) return -EINVAL;
    found.disconnect();
    return 0;
  }
  const name = readAddress(task, addr, addrlen);
  if (typeof name === 'number') return name;
  if (found.type !== SOCK_DGRAM && found.peer !== null) return -EISCONN;
  const to = findSocket(task, name);
  if (typeof to === 'number') return to;
  found.credentials = credentialsOf(task);
  const attempt = (): number => found.connect(to);
  const result = attempt();
  return result !== -EAGAIN || found.nonBlocking ? result : waitFor(task, attempt, { on: [to.waitQueue] });
});

function accepting(task: Task, fd: number, addr: number, addrlen: number, how: number): number | Pending {
  if ((how & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const found = socketOf(task, fd);
  if (typeof found === 'number') return found;
  const attempt = (): number => {
    const end = found.accept();
    if (typeof end === 'number') return end;
    end.flags |= how & O_NONBLOCK;
    if (addr !== 0) {
      const put = putAddress(task, addr, addrlen, end.peer?.name ?? '');
      if (put < 0) {
        end.close();
        return put;
      }
    }
    return task.process.files.install(end, (how & O_CLOEXEC) !== 0);
  };
  const result = attempt();
  return result !== -EAGAIN || found.nonBlocking ? result : waitFor(task, attempt, { on: [found.waitQueue] });
}

export const accept4: Syscall = syscall(
  'accept4',
  {
    fd: FD,
    addr: PTR,
    addrlen: PTR,
    flags: { ...INT, format: (v: number) => formatFlags(v, TYPE_FLAGS) },
  },
  R_FD,
  (task, { fd, addr, addrlen, flags }) => accepting(task, fd, addr, addrlen, flags),
);
export const accept: Syscall = syscall('accept', { fd: FD, addr: PTR, addrlen: PTR }, R_FD, (task, a) =>
  accepting(task, a.fd, a.addr, a.addrlen, 0),
);

export const getsockname: Syscall = syscall('getsockname', { fd: FD, addr: PTR, addrlen: PTR }, R_INT, (task, a) => {
  const found = socketOf(task, a.fd);
  return typeof found === 'number' ? found : putAddress(task, a.addr, a.addrlen, found.name);
});

export const getpeername: Syscall = syscall('getpeername', { fd: FD, addr: PTR, addrlen: PTR }, R_INT, (task, a) => {
  const found = socketOf(task, a.fd);
  if (typeof found === 'number') return found;
  return found.peer === null ? -ENOTCONN : putAddress(task, a.addr, a.addrlen, found.peer.name);
});

export const shutdown: Syscall = syscall(
  'shutdown',
  {
    fd: FD,
    how: oneOf(
      [
        ['SHUT_RD', 0],
        ['SHUT_WR', 1],
        ['SHUT_RDWR', 2],
      ],
      'SHUT_???',
    ),
  },
  R_INT,
  (task, { fd, how }) => {
    const found = socketOf(task, fd);
    return typeof found === 'number' ? found : found.shutdown(how);
  },
);

const SO_TYPE = 3;
const SO_ERROR = 4;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_PEERCRED = 17;
const OPTIONS: FlagTable = [
  ['SO_REUSEADDR', 2],
  ['SO_TYPE', SO_TYPE],
  ['SO_ERROR', SO_ERROR],
  ['SO_SNDBUF', SO_SNDBUF],
  ['SO_RCVBUF', SO_RCVBUF],
  ['SO_KEEPALIVE', 9],
  ['SO_PASSCRED', 16],
  ['SO_PEERCRED', SO_PEERCRED],
  ['SO_ACCEPTCONN', 30],
  ['SO_PROTOCOL', 38],
  ['SO_DOMAIN', 39],
];
const LEVEL = { ...INT, format: (v: number) => (v === SOL_SOCKET ? 'SOL_SOCKET' : String(v)) };
const OPTION = oneOf(OPTIONS, 'SO_???');
const MAX_BUFFER = 212992;
const MIN_BUFFER = 2304;
const SOME_OPTIONS = { support: 'partial', note: 'Buffer sizes, type, error, credentials; no timeouts.' } as const;

export const setsockopt: Syscall = syscall(
  'setsockopt',
  { fd: FD, level: LEVEL, optname: OPTION, optval: PTR, optlen: INT },
  R_INT,
  (task, { fd, level, optname, optval, optlen }) => {
    const found = socketOf(task, fd);
    if (typeof found === 'number') return found;
    if (level !== SOL_SOCKET || !OPTIONS.some(([, n]) => n === optname)) return -ENOPROTOOPT;
    if (optlen < 4) return -EINVAL;
    if (!task.space.readable(optval, 4)) return -EFAULT;
    const size = Math.max(MIN_BUFFER, Math.min(task.space.view.getUint32(optval, true), MAX_BUFFER)) * 2;
    if (optname === SO_SNDBUF) found.sendBuffer = size;
    else if (optname === SO_RCVBUF) found.receiveBuffer = size;
    else if (optname === SO_TYPE || optname === SO_ERROR || optname >= SO_PEERCRED) return -ENOPROTOOPT;
    return 0;
  },
  SOME_OPTIONS,
);

/** The value of an option that is an int; null for one we do not have. */
function option(found: UnixSocket, name: number): number | null {
  switch (name) {
    case SO_TYPE:
      return found.type;
    case SO_ERROR:
      return found.takeError();
    case SO_SNDBUF:
      return found.sendBuffer;
    case SO_RCVBUF:
      return found.receiveBuffer;
    case 30:
      return found.listening ? 1 : 0;
    case 39:
      return AF_UNIX;
    default:
      return OPTIONS.some(([, n]) => n === name) ? 0 : null;
  }
}

export const getsockopt: Syscall = syscall(
  'getsockopt',
  { fd: FD, level: LEVEL, optname: OPTION, optval: PTR, optlen: PTR },
  R_INT,
  (task, { fd, level, optname, optval, optlen }) => {
    const found = socketOf(task, fd);
    if (typeof found === 'number') return found;
    if (!task.space.readable(optlen, 4)) return -EFAULT;
    const room = task.space.view.getInt32(optlen, true);
    if (room < 0) return -EINVAL;
    const bytes = new DataView(new ArrayBuffer(12));
    let size = 4;
    if (level === SOL_SOCKET && optname === SO_PEERCRED) {
      size = 12;
      UCRED.write(bytes, 0, found.peerCredentials ?? { pid: 0, uid: -1, gid: -1 }, task.process.abi);
    } else {
      const value = level === SOL_SOCKET ? option(found, optname) : null;
      if (value === null) return level === SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
      bytes.setInt32(0, value, true);
    }
    const count = Math.min(room, size);
    const into = task.space.writeRange(optval, count);
    if (into === null) return -EFAULT;
    into.set(new Uint8Array(bytes.buffer, 0, count));
    return task.putInt(optlen, count);
  },
  SOME_OPTIONS,
);

export const calls: readonly Syscall[] = [
  socket,
  socketpair,
  bind,
  listen,
  connect,
  accept,
  accept4,
  getsockname,
  getpeername,
  shutdown,
  setsockopt,
  getsockopt,
];
