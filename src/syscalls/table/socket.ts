import { FD, INT, oneOf, outInts, PTR, R_FD, R_INT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import {
  EACCES,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from '../errno.ts';
import { type FlagTable, formatEnum, formatFlags } from '../flags.ts';
import { NETLINK_ROUTE, NETLINK_SOCK_DIAG, NetlinkSocket } from '../kernel/netlink-socket.ts';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  type Socket,
} from '../kernel/socket.ts';
import type { Task } from '../kernel/task.ts';
import { TcpSocket } from '../kernel/tcp-socket.ts';
import { IPPROTO_UDPLITE, UdpLiteSocket } from '../kernel/udp-lite-socket.ts';
import { UdpSocket } from '../kernel/udp-socket.ts';
import { credentialsOf, UnixSocket } from '../kernel/unix-socket.ts';
import type { Pending } from '../kernel/wait.ts';
import { O_CLOEXEC, O_NONBLOCK } from '../vfs/types.ts';
import { IN_ADDRESS, isUnspecified, putAddress, readAddress, socketOf } from './socket-args.ts';
import { waitOn } from './socket-io.ts';

const FAMILIES: FlagTable = [
  ['AF_UNIX', AF_UNIX],
  ['AF_INET', AF_INET],
  ['AF_INET6', AF_INET6],
  ['AF_NETLINK', AF_NETLINK],
];
const TYPES: FlagTable = [
  ['SOCK_STREAM', SOCK_STREAM],
  ['SOCK_DGRAM', SOCK_DGRAM],
  ['SOCK_RAW', SOCK_RAW],
  ['SOCK_SEQPACKET', SOCK_SEQPACKET],
];
const TYPE_FLAGS: FlagTable = [
  ['SOCK_CLOEXEC', O_CLOEXEC],
  ['SOCK_NONBLOCK', O_NONBLOCK],
];
const TYPE_MASK = 0xf;
const IPPROTO_ICMP = 1;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;
const DOMAIN = oneOf(FAMILIES, 'AF_???');
const TYPE = {
  ...INT,
  format: (v: number) => {
    const how = v & ~TYPE_MASK;
    return formatEnum(v & TYPE_MASK, TYPES, 'SOCK_???') + (how === 0 ? '' : `|${formatFlags(how, TYPE_FLAGS)}`);
  },
};
const SOME_FAMILIES = {
  support: 'partial',
  note: 'AF_UNIX between guests; AF_INET and AF_INET6 with TCP and UDP, and UDP-Lite between guests; AF_NETLINK tells of interfaces, addresses, routes, rules, neighbours and sockets; other families are EAFNOSUPPORT.',
} as const;

/** What speaks against such a socket: 0 or -errno. */
function refuse(domain: number, type: number, protocol: number): number {
  if ((type & ~(TYPE_MASK | O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const kind = type & TYPE_MASK;
  if (domain === AF_UNIX) {
    if (protocol !== 0 && protocol !== AF_UNIX) return -EPROTONOSUPPORT;
    // SOCK_RAW is a datagram socket here (man 7 unix does not say).
    return [SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET].includes(kind) ? 0 : -ESOCKTNOSUPPORT;
  }
  if (domain === AF_NETLINK) {
    if (kind !== SOCK_RAW && kind !== SOCK_DGRAM) return -ESOCKTNOSUPPORT;
    return protocol === NETLINK_ROUTE || protocol === NETLINK_SOCK_DIAG ? 0 : -EPROTONOSUPPORT;
  }
  if (domain !== AF_INET && domain !== AF_INET6) return -EAFNOSUPPORT;
  if (kind === SOCK_RAW) return protocol === 0 ? -EPROTONOSUPPORT : -EPERM;
  if (kind !== SOCK_STREAM && kind !== SOCK_DGRAM) return -ESOCKTNOSUPPORT;
  if (protocol === IPPROTO_UDPLITE && kind === SOCK_DGRAM) return 0;
  if (protocol === 0 || protocol === (kind === SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP)) return 0;
  // Echo requests are for groups that ping_group_range names: none.
  const echo = protocol === (domain === AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  return echo && kind === SOCK_DGRAM ? -EACCES : -EPROTONOSUPPORT;
}

function makeUnix(task: Task, type: number): UnixSocket {
  const kind = (type & TYPE_MASK) === SOCK_RAW ? SOCK_DGRAM : type & TYPE_MASK;
  return new UnixSocket(kind, type & O_NONBLOCK, credentialsOf(task));
}

function make(task: Task, domain: number, type: number, protocol: number): Socket {
  if (domain === AF_UNIX) return makeUnix(task, type);
  if (domain === AF_NETLINK) return new NetlinkSocket(task, type & TYPE_MASK, protocol, type & O_NONBLOCK);
  const { network } = task.process.kernel;
  const datagrams = protocol === IPPROTO_UDPLITE ? UdpLiteSocket : UdpSocket;
  const kind = (type & TYPE_MASK) === SOCK_STREAM ? TcpSocket : datagrams;
  return new kind(network, domain, type & O_NONBLOCK);
}

export const socket: Syscall = syscall(
  'socket',
  { domain: DOMAIN, type: TYPE, protocol: INT },
  R_FD,
  (task, { domain, type, protocol }) =>
    refuse(domain, type, protocol) ||
    task.process.files.install(make(task, domain, type, protocol), (type & O_CLOEXEC) !== 0),
  SOME_FAMILIES,
);

export const socketpair: Syscall = syscall(
  'socketpair',
  { domain: DOMAIN, type: TYPE, protocol: INT, sv: outInts(2) },
  R_INT,
  (task, { domain, type, protocol, sv }) => {
    const refused = refuse(domain, type, protocol);
    if (refused !== 0) return refused;
    if (domain !== AF_UNIX) return -EOPNOTSUPP;
    if (!task.space.writable(sv, 8)) return -EFAULT;
    const { files } = task.process;
    const [a, b] = [makeUnix(task, type), makeUnix(task, type)];
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
  SOME_FAMILIES,
);

const NAMED = { fd: FD, addr: IN_ADDRESS, addrlen: INT };

export const bind: Syscall = syscall('bind', NAMED, R_INT, (task, { fd, addr, addrlen }) => {
  const found = socketOf(task, fd);
  if (typeof found === 'number') return found;
  const address = readAddress(task, addr, addrlen);
  return typeof address === 'number' ? address : found.bind(task, address);
});

export const listen: Syscall = syscall('listen', { fd: FD, backlog: INT }, R_INT, (task, { fd, backlog }) => {
  const found = socketOf(task, fd);
  return typeof found === 'number' ? found : found.listen(task, backlog < 0 ? 4096 : Math.min(backlog, 4096));
});

export const connect: Syscall = syscall('connect', NAMED, R_INT, (task, { fd, addr, addrlen }) => {
  const found = socketOf(task, fd);
  if (typeof found === 'number') return found;
  const address = readAddress(task, addr, addrlen);
  if (typeof address === 'number') return address;
  if (isUnspecified(address)) return found.disconnect();
  const to = found.destination(task, address);
  if (typeof to === 'number') return to;
  const attempt = (): number => found.connect(task, to);
  const result = attempt();
  if (found.nonBlocking) return result;
  if (result === -EAGAIN) {
    return waitOn(task, attempt, [found.waitQueue, to.waitQueue ?? found.waitQueue], found.sendTimeout);
  }
  if (result !== -EINPROGRESS && result !== -EALREADY) return result;
  return waitOn(task, () => found.connected(), [found.waitQueue], found.sendTimeout, -EINPROGRESS);
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
      const put = putAddress(task, addr, addrlen, end.peerAddress() ?? Uint8Array.of(end.domain, 0));
      if (put < 0) {
        end.close();
        return put;
      }
    }
    return task.process.files.install(end, (how & O_CLOEXEC) !== 0);
  };
  const result = attempt();
  return result !== -EAGAIN || found.nonBlocking
    ? result
    : waitOn(task, attempt, [found.waitQueue], found.receiveTimeout);
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
  return typeof found === 'number' ? found : putAddress(task, a.addr, a.addrlen, found.localAddress());
});

export const getpeername: Syscall = syscall('getpeername', { fd: FD, addr: PTR, addrlen: PTR }, R_INT, (task, a) => {
  const found = socketOf(task, a.fd);
  if (typeof found === 'number') return found;
  const address = found.peerAddress();
  return address === null ? -ENOTCONN : putAddress(task, a.addr, a.addrlen, address);
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
];
