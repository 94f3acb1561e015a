import { quote } from '../args.ts';
import type { ArgType, FormatContext } from '../define.ts';
import { EBADF, EFAULT, EINVAL, ENOTSOCK, EPERM } from '../errno.ts';
import { isV6, readEndpoint } from '../kernel/inet-address.ts';
import type { PacketControl } from '../kernel/ip-control.ts';
import { readPacketControl } from '../kernel/ip-control.ts';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  AF_UNSPEC,
  type ControlMessage,
  type Credentials,
  familyOf,
  type Passed,
  Socket,
  type SocketAddress,
} from '../kernel/socket.ts';
import { SO_TIMESTAMP_NEW, SO_TIMESTAMPNS, SO_TIMESTAMPNS_NEW } from '../kernel/socket-options.ts';
import type { Task } from '../kernel/task.ts';
import { UdpSocket } from '../kernel/udp-socket.ts';
import { unixName } from '../kernel/unix-socket.ts';
import { i32, struct, u32, ulong, writeI64 } from '../struct.ts';
import type { OpenFile } from '../vfs/types.ts';

/** sizeof(struct sockaddr_storage) */
const ADDRESS_MAX = 128;

/** struct msghdr (man 2 recvmsg). */
export const MSGHDR = struct('msghdr', {
  msg_name: ulong,
  msg_namelen: u32,
  msg_iov: ulong,
  msg_iovlen: ulong,
  msg_control: ulong,
  msg_controllen: ulong,
  msg_flags: i32,
});
/** struct cmsghdr (man 3 cmsg). */
export const CMSGHDR = struct('cmsghdr', { cmsg_len: ulong, cmsg_level: i32, cmsg_type: i32 });
export const SOL_SOCKET = 1;
export const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
/** struct ucred (man 7 unix). */
export const UCRED = struct('ucred', { pid: i32, uid: i32, gid: i32 });
const MAX_PASSED = 253;

/** The socket behind a descriptor, or -errno. */
export function socketOf(task: Task, fd: number): Socket | number {
  const file = task.process.files.get(fd);
  if (file === null) return -EBADF;
  return file instanceof Socket ? file : -ENOTSOCK;
}

/** The bytes of a struct sockaddr, or -errno. */
export function readAddress(task: Task, address: number, length: number): SocketAddress | number {
  if (length < 0 || length > ADDRESS_MAX) return -EINVAL;
  return task.space.readRange(address, length)?.slice() ?? -EFAULT;
}

/** Whether an address is AF_UNSPEC: connect dissolves. */
export const isUnspecified = (address: SocketAddress): boolean =>
  address.length >= 2 && familyOf(address) === AF_UNSPEC;

/** Write as much of an address as fits; the length it has, or -EFAULT. */
export function writeAddress(task: Task, address: number, room: number, bytes: SocketAddress): number {
  const count = Math.min(room, bytes.length);
  const into = task.space.writeRange(address, count);
  if (into === null && count > 0) return -EFAULT;
  into?.set(bytes.subarray(0, count));
  return bytes.length;
}

/** The same where the length is an int in guest memory; 0 or -errno. */
export function putAddress(task: Task, address: number, lengthAt: number, bytes: SocketAddress): number {
  if (!task.space.writable(lengthAt, 4)) return -EFAULT;
  const room = task.space.view.getInt32(lengthAt, true);
  if (room < 0) return -EINVAL;
  const length = writeAddress(task, address, room, bytes);
  return length < 0 ? length : task.putInt(lengthAt, length);
}

function showAddress(bytes: SocketAddress): string | null {
  if (bytes.length < 2) return null;
  const family = familyOf(bytes);
  if (family === AF_UNIX) {
    const name = unixName(bytes);
    if (typeof name === 'number') return null;
    return `{sa_family=AF_UNIX, sun_path=${name.startsWith('\0') ? `@${quote(name.slice(1), 108)}` : quote(name, 108)}}`;
  }
  if (family === AF_NETLINK && bytes.length >= 12) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const groups = view.getUint32(8, true).toString(16).padStart(8, '0');
    return `{sa_family=AF_NETLINK, nl_pid=${view.getUint32(4, true)}, nl_groups=${groups}}`;
  }
  if (family !== AF_INET && family !== AF_INET6) return null;
  const at = readEndpoint(bytes, family);
  if (typeof at === 'number') return null;
  const port = `htons(${at.port})`;
  if (family === AF_INET) return `{sa_family=AF_INET, sin_port=${port}, sin_addr=inet_addr("${at.host}")}`;
  const host = isV6(at.host) ? at.host : `::ffff:${at.host}`;
  return `{sa_family=AF_INET6, sin6_port=${port}, sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "${host}", &sin6_addr), sin6_scope_id=${at.scope}}`;
}

/** An address that the call reads, shown as strace does. */
export const IN_ADDRESS: ArgType<number> = {
  doc: 'const struct sockaddr *',
  read: (c) => c.ulong(),
  format: (v, context: FormatContext) => {
    if (v === 0) return 'NULL';
    const bytes = readAddress(context.task, v, Number(context.args.addrlen));
    return (typeof bytes === 'number' ? null : showAddress(bytes)) ?? `0x${v.toString(16)}`;
  },
};

/** What a message's control data ask for. */
export interface Control {
  readonly passed: Passed | null;
  /** SCM_CREDENTIALS as the sender gave them. */
  readonly sender: Credentials | null;
  /** For datagrams of the internet. */
  readonly packet: PacketControl;
}
const NO_CONTROL: Control = { passed: null, sender: null, packet: {} };

/** Who a process may say it is (man 7 unix): itself, unless it is the superuser. */
function mayClaim({ process }: Task, { pid, uid, gid }: Credentials): boolean {
  if (process.uids[1] === 0) return true;
  return pid === process.pid && process.uids.includes(uid) && process.gids.includes(gid);
}

/** Descriptors (with a reference to each) and credentials in control data, or -errno. */
export function readControl(task: Task, socket: Socket, address: number, length: number): Control | number {
  if (address === 0 || length === 0) return NO_CONTROL;
  if (!task.space.readable(address, length)) return -EFAULT;
  const { abi } = task;
  const { files: table } = task.process;
  const header = CMSGHDR.size(abi);
  const found: OpenFile[] = [];
  let sender: Credentials | null = null;
  let packet: PacketControl = {};
  for (let at = 0; at + header <= length; ) {
    const { cmsg_len, cmsg_level, cmsg_type } = CMSGHDR.read(task.space.view, address + at, abi);
    if (cmsg_len < header || at + cmsg_len > length) return -EINVAL;
    if (cmsg_level === SOL_SOCKET && cmsg_type === SCM_CREDENTIALS) {
      if (cmsg_len !== header + UCRED.size(abi)) return -EINVAL;
      sender = UCRED.read(task.space.view, address + at + header, abi);
      if (!mayClaim(task, sender)) return -EPERM;
    } else if (cmsg_level === SOL_SOCKET && cmsg_type !== SCM_RIGHTS) return -EINVAL;
    else if (cmsg_level === SOL_SOCKET) {
      for (let i = header; i + 4 <= cmsg_len; i += 4) {
        const file = table.get(task.space.view.getInt32(address + at + i, true));
        if (file === null) return -EBADF;
        found.push(file);
      }
    } else if (socket instanceof UdpSocket) {
      const bytes = task.space.u8.slice(address + at + header, address + at + cmsg_len);
      const asked = readPacketControl(socket, { level: cmsg_level, type: cmsg_type, bytes });
      if (typeof asked === 'number') return asked;
      packet = { ...packet, ...asked };
    }
    at += Math.ceil(cmsg_len / abi.wordSize) * abi.wordSize;
  }
  if (found.length > MAX_PASSED) return -EINVAL;
  if (found.length === 0) return { passed: null, sender, packet };
  for (const file of found) file.refs++;
  return { passed: { files: found, drop: (file) => table.drop(file) }, sender, packet };
}

/** Control data being written into a guest's buffer. */
export class ControlWriter {
  length = 0;
  /** Something did not fit (MSG_CTRUNC). */
  cut = false;
  private readonly task: Task;
  private readonly address: number;
  private readonly room: number;

  constructor(task: Task, address: number, room: number) {
    this.task = task;
    this.address = address;
    this.room = address === 0 ? 0 : room;
  }

  /** Install descriptors that came. */
  files(passed: Passed, cloexec: boolean): void {
    const { task } = this;
    const { files } = task.process;
    const header = CMSGHDR.size(task.abi);
    const fits = Math.max(0, Math.floor((this.room - this.length - header) / 4));
    const usable = fits > 0 && task.space.writable(this.address + this.length, header + 4 * fits) ? fits : 0;
    const at = this.address + this.length + header;
    let count = 0;
    for (const file of passed.files) {
      const fd = count < usable ? files.install(file, cloexec) : -1;
      if (count >= usable) passed.drop(file);
      if (fd >= 0) task.space.view.setInt32(at + 4 * count++, fd, true);
    }
    this.cut ||= count < passed.files.length;
    if (count > 0) this.finish(SOL_SOCKET, SCM_RIGHTS, header + 4 * count);
  }

  /** Tell who sent it. */
  sender(who: Credentials): void {
    const { abi } = this.task;
    const header = CMSGHDR.size(abi);
    const size = header + UCRED.size(abi);
    const at = this.address + this.length;
    if (this.length + size > this.room || !this.task.space.writable(at, size)) {
      this.cut = true;
      return;
    }
    UCRED.write(this.task.space.view, at + header, who, abi);
    this.finish(SOL_SOCKET, SCM_CREDENTIALS, size);
  }

  /** What is told of a packet: cut off where the room ends. */
  message({ level, type, bytes }: ControlMessage): void {
    const { space, abi } = this.task;
    const header = CMSGHDR.size(abi);
    const left = this.room - this.length;
    this.cut ||= left < header + bytes.length;
    if (left < header) return;
    const size = Math.min(left, header + bytes.length);
    const at = this.address + this.length;
    if (!space.writable(at, size)) return;
    space.u8.set(bytes.subarray(0, size - header), at + header);
    this.finish(level, type, size);
  }

  /** When it came, in milliseconds, as the option that asked for it has it (struct timeval or timespec). */
  stamp(option: number, ms: number): void {
    const wide = this.task.abi.wordSize === 8 || option === SO_TIMESTAMP_NEW || option === SO_TIMESTAMPNS_NEW;
    const nano = option === SO_TIMESTAMPNS || option === SO_TIMESTAMPNS_NEW;
    const sec = Math.floor(ms / 1000);
    const part = Math.floor((ms - sec * 1000) * (nano ? 1e6 : 1e3));
    const view = new DataView(new ArrayBuffer(wide ? 16 : 8));
    if (wide) {
      writeI64(view, 0, sec);
      writeI64(view, 8, part);
    } else {
      view.setInt32(0, sec, true);
      view.setInt32(4, part, true);
    }
    this.message({ level: SOL_SOCKET, type: option, bytes: new Uint8Array(view.buffer) });
  }

  private finish(level: number, type: number, size: number): void {
    const { abi } = this.task;
    const value = { cmsg_len: size, cmsg_level: level, cmsg_type: type };
    CMSGHDR.write(this.task.space.view, this.address + this.length, value, abi);
    this.length = Math.min(this.room, this.length + Math.ceil(size / abi.wordSize) * abi.wordSize);
  }
}
