import { FD, INT, PTR, R_INT } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EDOM, EFAULT, EINVAL, EOPNOTSUPP } from '../errno.ts';
import { formatEnum } from '../flags.ts';
import { hostText, parseHost } from '../kernel/inet-address.ts';
import { AF_INET, AF_UNIX, type Socket } from '../kernel/socket.ts';
import {
  getOption,
  hasLevel,
  LEVELS,
  optionNames,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  SOL_TCP,
  setOption,
} from '../kernel/socket-options.ts';
import type { Task } from '../kernel/task.ts';
import { UdpSocket } from '../kernel/udp-socket.ts';
import { readI64, writeI64 } from '../struct.ts';
import { socketOf, UCRED } from './socket-args.ts';

const SO_LINGER = 13;
const SO_PEERCRED = 17;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const SO_RCVTIMEO_NEW = 66;
const SO_SNDTIMEO_NEW = 67;
const TCP_CONGESTION = 13;
const IP_ADD_MEMBERSHIP = 35;
const IP_DROP_MEMBERSHIP = 36;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_DROP_MEMBERSHIP = 21;
const CONGESTION = 'cubic\0';

const LEVEL: ArgType<number> = { ...INT, format: (v) => formatEnum(v, LEVELS, 'SOL_???') };
const OPTION: ArgType<number> = {
  ...INT,
  format: (v, { args }) => formatEnum(v, optionNames(Number(args.level)), 'SO_???'),
};
const SOME_OPTIONS = {
  support: 'partial',
  note: 'Those of man 7 socket, tcp, ip and ipv6 without control data of their own, TCP_INFO and devices.',
} as const;

const isTimeout = (name: number): boolean =>
  name === SO_RCVTIMEO || name === SO_SNDTIMEO || name === SO_RCVTIMEO_NEW || name === SO_SNDTIMEO_NEW;
const receives = (name: number): boolean => name === SO_RCVTIMEO || name === SO_RCVTIMEO_NEW;
/** Whether the option's struct timeval has 64-bit fields. */
const isWide = (task: Task, name: number): boolean =>
  task.abi.wordSize === 8 || name === SO_RCVTIMEO_NEW || name === SO_SNDTIMEO_NEW;

/** SO_RCVTIMEO and SO_SNDTIMEO: a struct timeval, zero for never. */
function setTimeout(task: Task, socket: Socket, name: number, bytes: DataView): number {
  const wide = isWide(task, name);
  if (bytes.byteLength < (wide ? 16 : 8)) return -EINVAL;
  const sec = wide ? readI64(bytes, 0) : bytes.getInt32(0, true);
  const usec = wide ? readI64(bytes, 8) : bytes.getInt32(4, true);
  if (usec < 0 || usec >= 1e6) return -EDOM;
  const ms = sec < 0 ? 0 : sec * 1000 + usec / 1000;
  const timeout = sec === 0 && usec === 0 ? Number.POSITIVE_INFINITY : ms;
  if (receives(name)) socket.receiveTimeout = timeout;
  else socket.sendTimeout = timeout;
  return 0;
}

function getTimeout(task: Task, socket: Socket, name: number): Uint8Array {
  const timeout = receives(name) ? socket.receiveTimeout : socket.sendTimeout;
  const ms = timeout === Number.POSITIVE_INFINITY ? 0 : timeout;
  const wide = isWide(task, name);
  const view = new DataView(new ArrayBuffer(wide ? 16 : 8));
  const sec = Math.floor(ms / 1000);
  const usec = Math.round((ms - sec * 1000) * 1000);
  if (wide) {
    writeI64(view, 0, sec);
    writeI64(view, 8, usec);
  } else {
    view.setInt32(0, sec, true);
    view.setInt32(4, usec, true);
  }
  return new Uint8Array(view.buffer);
}

/** struct ip_mreq and ipv6_mreq: the group, and the interface by address or not at all. */
function membership(socket: UdpSocket, join: boolean, bytes: DataView): number {
  const size = socket.domain === AF_INET ? 4 : 16;
  if (bytes.byteLength < size + 4) return -EINVAL;
  const host = (at: number): string => {
    if (size === 4) return [0, 1, 2, 3].map((i) => bytes.getUint8(at + i)).join('.');
    return Array.from({ length: 8 }, (_, i) => bytes.getUint16(at + 2 * i).toString(16)).join(':');
  };
  const face = size === 4 && bytes.getUint32(4) !== 0 ? host(4) : undefined;
  return socket.member(hostText(parseHost(host(0)), socket.domain), face, join);
}

/** Options that are no int; undefined: it is another one. */
function setStructure(task: Task, socket: Socket, level: number, name: number, bytes: DataView): number | undefined {
  if (level === SOL_SOCKET && isTimeout(name)) return setTimeout(task, socket, name, bytes);
  if (level === SOL_SOCKET && name === SO_LINGER) {
    if (bytes.byteLength < 8) return -EINVAL;
    socket.linger = bytes.getInt32(0, true) === 0 ? -1 : Math.max(0, bytes.getInt32(4, true));
    return 0;
  }
  const joins = level === SOL_IP ? IP_ADD_MEMBERSHIP : IPV6_ADD_MEMBERSHIP;
  const leaves = level === SOL_IP ? IP_DROP_MEMBERSHIP : IPV6_DROP_MEMBERSHIP;
  if ((level === SOL_IP || level === SOL_IPV6) && (name === joins || name === leaves)) {
    return socket instanceof UdpSocket ? membership(socket, name === joins, bytes) : -EINVAL;
  }
  return undefined;
}

export const setsockopt: Syscall = syscall(
  'setsockopt',
  { fd: FD, level: LEVEL, optname: OPTION, optval: PTR, optlen: INT },
  R_INT,
  (task, { fd, level, optname, optval, optlen }) => {
    const found = socketOf(task, fd);
    if (typeof found === 'number') return found;
    if (optlen < 0) return -EINVAL;
    if (level !== SOL_SOCKET && found.domain === AF_UNIX) return -EOPNOTSUPP;
    const raw = task.space.readRange(optval, Math.min(optlen, 128));
    if (raw === null) return -EFAULT;
    const bytes = new DataView(raw.slice().buffer);
    const structure = setStructure(task, found, level, optname, bytes);
    if (structure !== undefined) return structure;
    // The options of IP may be a single byte (man 7 ip).
    const short = level === SOL_IP && optlen > 0 && optlen < 4;
    if (optlen < 4 && !short) return -EINVAL;
    return setOption(found, level, optname, short ? bytes.getUint8(0) : bytes.getInt32(0, true));
  },
  SOME_OPTIONS,
);

/** The bytes of an option, or -errno. */
function optionBytes(task: Task, found: Socket, level: number, name: number): Uint8Array | number {
  const view = new DataView(new ArrayBuffer(12));
  if (level === SOL_SOCKET && isTimeout(name)) return getTimeout(task, found, name);
  if (level === SOL_SOCKET && name === SO_LINGER) {
    view.setInt32(0, found.linger < 0 ? 0 : 1, true);
    view.setInt32(4, Math.max(0, found.linger), true);
    return new Uint8Array(view.buffer, 0, 8);
  }
  if (level === SOL_SOCKET && name === SO_PEERCRED) {
    UCRED.write(view, 0, found.peerCredentials ?? { pid: 0, uid: -1, gid: -1 }, task.abi);
    return new Uint8Array(view.buffer);
  }
  if (level !== SOL_SOCKET && found.domain === AF_UNIX) return -EOPNOTSUPP;
  if (level === SOL_TCP && name === TCP_CONGESTION) return Buffer.from(CONGESTION.padEnd(16, '\0'), 'latin1');
  // What TCP and UDP do not know is asked of IP, which has no such level.
  if (level !== SOL_SOCKET && !hasLevel(found, level)) return -EOPNOTSUPP;
  const option = getOption(found, level, name);
  if ('error' in option) return option.error;
  view.setInt32(0, option.value, true);
  return new Uint8Array(view.buffer, 0, 4);
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
    const bytes = optionBytes(task, found, level, optname);
    if (typeof bytes === 'number') return bytes;
    const count = Math.min(room, bytes.length);
    const into = task.space.writeRange(optval, count);
    if (into === null) return -EFAULT;
    into.set(bytes.subarray(0, count));
    return task.putInt(optlen, count);
  },
  SOME_OPTIONS,
);

export const calls: readonly Syscall[] = [setsockopt, getsockopt];
