import { EINVAL, ENOPROTOOPT, EOPNOTSUPP } from '../errno.ts';
import { AF_INET6, AF_NETLINK, AF_UNIX, SOCK_STREAM, type Socket } from './socket.ts';

export const SOL_SOCKET = 1;
export const SOL_IP = 0;
export const SOL_TCP = 6;
export const SOL_IPV6 = 41;
const SOL_UDPLITE = 136;
export const SOL_NETLINK = 270;

export const LEVELS: readonly (readonly [string, number])[] = [
  ['SOL_SOCKET', SOL_SOCKET],
  ['SOL_IP', SOL_IP],
  ['SOL_TCP', SOL_TCP],
  ['SOL_UDP', 17],
  ['SOL_IPV6', SOL_IPV6],
  ['SOL_NETLINK', SOL_NETLINK],
];

/**
 * How an option that is an int behaves: `flag`s become 0 or 1, `number`s are kept as they are, `fixed` ones cannot
 * be set. The value is what a new socket has.
 */
interface OptionRow {
  readonly name: string;
  readonly number: number;
  readonly kind: 'flag' | 'number' | 'fixed';
  readonly value: number;
  /** Least and greatest number; others are EINVAL. */
  readonly range?: readonly [number, number];
}

const flag = (name: string, number: number, value = 0): OptionRow => ({ name, number, kind: 'flag', value });
const int = (name: string, number: number, value: number, range?: readonly [number, number]): OptionRow => ({
  name,
  number,
  kind: 'number',
  value,
  ...(range ? { range } : {}),
});
const fixed = (name: string, number: number, value = 0): OptionRow => ({ name, number, kind: 'fixed', value });

/** When what is received came; the newer ones have 64-bit seconds in all ABIs. One holds at a time. */
export const [SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW] = [29, 35, 63, 64] as const;
const STAMPS: readonly number[] = [SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW];
const SO_PEEK_OFF = 42;

/** man 7 socket, ip, tcp, ipv6. Those without an effect in here are kept and told. */
const ROWS: Readonly<Record<number, readonly OptionRow[]>> = {
  [SOL_SOCKET]: [
    flag('SO_REUSEADDR', 2),
    fixed('SO_TYPE', 3),
    fixed('SO_ERROR', 4),
    flag('SO_DONTROUTE', 5),
    flag('SO_BROADCAST', 6),
    int('SO_SNDBUF', 7, 0),
    int('SO_RCVBUF', 8, 0),
    flag('SO_KEEPALIVE', 9),
    flag('SO_OOBINLINE', 10),
    int('SO_PRIORITY', 12, 0),
    fixed('SO_LINGER', 13),
    flag('SO_REUSEPORT', 15),
    flag('SO_PASSCRED', 16),
    fixed('SO_PEERCRED', 17),
    int('SO_RCVLOWAT', 18, 1),
    fixed('SO_SNDLOWAT', 19, 1),
    fixed('SO_RCVTIMEO', 20),
    fixed('SO_SNDTIMEO', 21),
    fixed('SO_ACCEPTCONN', 30),
    fixed('SO_PROTOCOL', 38),
    fixed('SO_DOMAIN', 39),
    flag('SO_TIMESTAMP', SO_TIMESTAMP),
    flag('SO_TIMESTAMPNS', SO_TIMESTAMPNS),
    flag('SO_TIMESTAMP_NEW', SO_TIMESTAMP_NEW),
    flag('SO_TIMESTAMPNS_NEW', SO_TIMESTAMPNS_NEW),
    int('SO_PEEK_OFF', SO_PEEK_OFF, -1),
    fixed('SO_RCVTIMEO_NEW', 66),
    fixed('SO_SNDTIMEO_NEW', 67),
  ],
  [SOL_TCP]: [
    flag('TCP_NODELAY', 1),
    int('TCP_MAXSEG', 2, 536, [88, 32767]),
    flag('TCP_CORK', 3),
    int('TCP_KEEPIDLE', 4, 7200, [1, 32767]),
    int('TCP_KEEPINTVL', 5, 75, [1, 32767]),
    int('TCP_KEEPCNT', 6, 9, [1, 127]),
    int('TCP_SYNCNT', 7, 6, [1, 127]),
    int('TCP_LINGER2', 8, 60),
    int('TCP_DEFER_ACCEPT', 9, 0),
    int('TCP_QUICKACK', 12, 1),
    int('TCP_USER_TIMEOUT', 18, 0),
  ],
  [SOL_IP]: [
    int('IP_TOS', 1, 0),
    int('IP_TTL', 2, 64, [1, 255]),
    flag('IP_RECVERR', 11),
    int('IP_MTU_DISCOVER', 10, 1, [0, 5]),
    flag('IP_PKTINFO', 8),
    flag('IP_RECVTTL', 12),
    flag('IP_RECVTOS', 13),
    flag('IP_FREEBIND', 15),
    flag('IP_BIND_ADDRESS_NO_PORT', 24),
    int('IP_MULTICAST_TTL', 33, 1, [0, 255]),
    flag('IP_MULTICAST_LOOP', 34, 1),
  ],
  [SOL_UDPLITE]: [int('UDPLITE_SEND_CSCOV', 10, 0, [0, 65535]), int('UDPLITE_RECV_CSCOV', 11, 0, [0, 65535])],
  [SOL_NETLINK]: [
    int('NETLINK_ADD_MEMBERSHIP', 1, 0),
    int('NETLINK_DROP_MEMBERSHIP', 2, 0),
    flag('NETLINK_PKTINFO', 3),
    flag('NETLINK_BROADCAST_ERROR', 4),
    flag('NETLINK_NO_ENOBUFS', 5),
    flag('NETLINK_CAP_ACK', 10),
    flag('NETLINK_EXT_ACK', 11),
    flag('NETLINK_GET_STRICT_CHK', 12),
  ],
  [SOL_IPV6]: [
    int('IPV6_UNICAST_HOPS', 16, 64, [-1, 255]),
    int('IPV6_MULTICAST_HOPS', 18, 1, [-1, 255]),
    flag('IPV6_MULTICAST_LOOP', 19, 1),
    int('IPV6_MTU_DISCOVER', 23, 1, [0, 5]),
    flag('IPV6_RECVERR', 25),
    flag('IPV6_V6ONLY', 26),
    flag('IPV6_RECVPKTINFO', 49),
    flag('IPV6_RECVHOPLIMIT', 51),
    flag('IPV6_RECVTCLASS', 66),
    int('IPV6_TCLASS', 67, 0, [-1, 255]),
  ],
};
const SO_TYPE = 3;
const SO_ERROR = 4;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_PEERCRED = 17;
const SO_ACCEPTCONN = 30;
const SO_PROTOCOL = 38;
const SO_DOMAIN = 39;
/** /proc/sys/net/core/wmem_max; the kernel doubles what is asked for and has a least size of each. */
const MAX_BUFFER = 212992;
const MIN_SEND = 4608;
const MIN_RECEIVE = 2304;
const IPV6_V6ONLY = 26;

/** Names of a level's options, for strace. */
export const optionNames = (level: number): readonly (readonly [string, number])[] =>
  (ROWS[level] ?? []).map(({ name, number }) => [name, number] as const);

/** Whether a socket has options of that level. */
export function hasLevel({ domain, type, protocol }: Socket, level: number): boolean {
  if (level === SOL_SOCKET) return true;
  if (domain === AF_NETLINK) return level === SOL_NETLINK;
  if (level === SOL_UDPLITE) return protocol === SOL_UDPLITE;
  if (level === SOL_TCP) return domain !== AF_UNIX && type === SOCK_STREAM;
  return level === SOL_IP ? domain !== AF_UNIX : level === SOL_IPV6 && domain === AF_INET6;
}

/** The row of an option that a socket has. */
function rowOf(socket: Socket, level: number, name: number): OptionRow | undefined {
  if (!hasLevel(socket, level)) return undefined;
  return ROWS[level]?.find(({ number }) => number === name);
}

/** SO_PEEK_OFF is for AF_UNIX here; Linux has it for UDP too, and of late for TCP. */
const peeksAt = (socket: Socket): boolean => socket.domain === AF_UNIX;

/** Set an option that is an int (man 2 setsockopt): 0 or -errno. */
export function setOption(socket: Socket, level: number, name: number, value: number): number {
  const row = rowOf(socket, level, name);
  if (row === undefined || row.kind === 'fixed') return -ENOPROTOOPT;
  if (row.range !== undefined && (value < row.range[0] || value > row.range[1])) return -EINVAL;
  if (level === SOL_SOCKET && name === SO_SNDBUF) {
    socket.sendBuffer = Math.max(MIN_SEND, Math.min(value >>> 0, MAX_BUFFER) * 2);
    return 0;
  }
  if (level === SOL_SOCKET && name === SO_RCVBUF) {
    socket.receiveBuffer = Math.max(MIN_RECEIVE, Math.min(value >>> 0, MAX_BUFFER) * 2);
    return 0;
  }
  if (level === SOL_SOCKET && STAMPS.includes(name)) {
    socket.stampOption = value !== 0 ? name : 0;
    return 0;
  }
  if (level === SOL_SOCKET && name === SO_PEEK_OFF) {
    if (!peeksAt(socket)) return -EOPNOTSUPP;
    socket.peekOffset = Math.max(-1, value);
    return 0;
  }
  // The port has been taken with or without IPv4's.
  if (level === SOL_IPV6 && name === IPV6_V6ONLY && socket.hasPort) return -EINVAL;
  const kept = row.kind === 'flag' ? Number(value !== 0) : value;
  const refused = socket.optionSet(level, name, kept);
  if (refused !== 0) return refused;
  socket.options.set((level << 16) | name, kept);
  return 0;
}

/** The value of an option that is an int, or -errno as `error`. */
export function getOption(socket: Socket, level: number, name: number): { value: number } | { error: number } {
  if (level === SOL_SOCKET) {
    if (name === SO_TYPE) return { value: socket.type };
    if (name === SO_ERROR) return { value: socket.takeError() };
    if (name === SO_SNDBUF) return { value: socket.sendBuffer };
    if (name === SO_RCVBUF) return { value: socket.receiveBuffer };
    if (name === SO_ACCEPTCONN) return { value: Number(socket.listening) };
    if (name === SO_PROTOCOL) return { value: socket.protocol };
    if (name === SO_DOMAIN) return { value: socket.domain };
    if (STAMPS.includes(name)) return { value: Number(socket.stampOption === name) };
    if (name === SO_PEEK_OFF) return peeksAt(socket) ? { value: socket.peekOffset } : { error: -EOPNOTSUPP };
    if (name === SO_PEERCRED) return { error: -EINVAL };
  }
  const row = rowOf(socket, level, name);
  if (row === undefined) return { error: -ENOPROTOOPT };
  return { value: socket.options.get((level << 16) | name) ?? row.value };
}
