import { quote } from '../args.ts';
import type { ArgType, FormatContext } from '../define.ts';
import { EAFNOSUPPORT, EBADF, EFAULT, EINVAL, ENOTSOCK } from '../errno.ts';
import type { Task } from '../kernel/task.ts';
import type { Passed } from '../kernel/unix-socket.ts';
import { UnixSocket } from '../kernel/unix-socket.ts';
import { i32, struct, u32, ulong } from '../struct.ts';
import type { OpenFile } from '../vfs/types.ts';

export const AF_UNIX = 1;
const PATH_AT = 2;
const ADDRESS_MAX = 110;

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
const MAX_PASSED = 253;

/** The socket behind a descriptor, or -errno. */
export function socketOf(task: Task, fd: number): UnixSocket | number {
  const file = task.process.files.get(fd);
  if (file === null) return -EBADF;
  return file instanceof UnixSocket ? file : -ENOTSOCK;
}

/** struct sockaddr_un as the name in it ('' when it has none), or -errno. */
export function readAddress(task: Task, address: number, length: number): string | number {
  if (length < PATH_AT || length > ADDRESS_MAX) return -EINVAL;
  const bytes = task.space.readRange(address, length);
  if (bytes === null) return -EFAULT;
  if (((bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8)) !== AF_UNIX) return -EAFNOSUPPORT;
  const text = String.fromCharCode(...bytes.subarray(PATH_AT));
  return text.startsWith('\0') ? text : (text.split('\0', 1)[0] ?? '');
}

/** Whether an address is AF_UNSPEC: connect dissolves. */
export function isUnspecified(task: Task, address: number, length: number): boolean {
  const bytes = length >= 2 ? task.space.readRange(address, 2) : null;
  return bytes !== null && bytes[0] === 0 && bytes[1] === 0;
}

/** Write as much of a name's sockaddr_un as fits; the length it has, or -EFAULT. */
export function writeAddress(task: Task, address: number, room: number, name: string): number {
  const path = name === '' || name.startsWith('\0') ? name : `${name}\0`;
  const bytes = new Uint8Array(PATH_AT + path.length);
  bytes[0] = AF_UNIX;
  for (let i = 0; i < path.length; i++) bytes[PATH_AT + i] = path.charCodeAt(i);
  const count = Math.min(room, bytes.length);
  const into = task.space.writeRange(address, count);
  if (into === null && count > 0) return -EFAULT;
  into?.set(bytes.subarray(0, count));
  return bytes.length;
}

/** The same where the length is an int in guest memory; 0 or -errno. */
export function putAddress(task: Task, address: number, lengthAt: number, name: string): number {
  if (!task.space.writable(lengthAt, 4)) return -EFAULT;
  const room = task.space.view.getInt32(lengthAt, true);
  if (room < 0) return -EINVAL;
  const length = writeAddress(task, address, room, name);
  return length < 0 ? length : task.putInt(lengthAt, length);
}

/** An address that the call reads, shown as strace does. */
export const IN_ADDRESS: ArgType<number> = {
  doc: 'const struct sockaddr *',
  read: (c) => c.ulong(),
  format: (v, context: FormatContext) => {
    if (v === 0) return 'NULL';
    const name = readAddress(context.task, v, Number(context.args.addrlen));
    if (typeof name === 'number') return `0x${v.toString(16)}`;
    const shown = name.startsWith('\0') ? `@${quote(name.slice(1), 108)}` : quote(name, 108);
    return `{sa_family=AF_UNIX, sun_path=${shown}}`;
  },
};

/** Descriptors in control data (SCM_RIGHTS), with a reference to each; null without any, or -errno. */
export function readControl(task: Task, address: number, length: number): Passed | null | number {
  if (address === 0 || length === 0) return null;
  if (!task.space.readable(address, length)) return -EFAULT;
  const { abi, files: table } = task.process;
  const header = CMSGHDR.size(abi);
  const found: OpenFile[] = [];
  for (let at = 0; at + header <= length; ) {
    const { cmsg_len, cmsg_level, cmsg_type } = CMSGHDR.read(task.space.view, address + at, abi);
    if (cmsg_len < header || at + cmsg_len > length) return -EINVAL;
    if (cmsg_level === SOL_SOCKET && cmsg_type !== SCM_RIGHTS) return -EINVAL;
    for (let i = header; cmsg_level === SOL_SOCKET && i + 4 <= cmsg_len; i += 4) {
      const file = table.get(task.space.view.getInt32(address + at + i, true));
      if (file === null) return -EBADF;
      found.push(file);
    }
    at += Math.ceil(cmsg_len / abi.wordSize) * abi.wordSize;
  }
  if (found.length > MAX_PASSED) return -EINVAL;
  if (found.length === 0) return null;
  for (const file of found) file.refs++;
  return { files: found, drop: (file) => table.drop(file) };
}

/** Install descriptors that came and write them as control data: the bytes used, and whether some did not fit. */
export function writeControl(
  task: Task,
  address: number,
  room: number,
  passed: Passed,
  cloexec: boolean,
): { length: number; cut: boolean } {
  const { abi, files } = task.process;
  const header = CMSGHDR.size(abi);
  const fits = Math.max(0, Math.floor((room - header) / 4));
  const usable = address !== 0 && fits > 0 && task.space.writable(address, header + 4 * fits) ? fits : 0;
  let count = 0;
  for (const file of passed.files) {
    const fd = count < usable ? files.install(file, cloexec) : -1;
    if (count >= usable) passed.drop(file);
    if (fd >= 0) task.space.view.setInt32(address + header + 4 * count++, fd, true);
  }
  if (count === 0) return { length: 0, cut: true };
  const length = header + 4 * count;
  CMSGHDR.write(task.space.view, address, { cmsg_len: length, cmsg_level: SOL_SOCKET, cmsg_type: SCM_RIGHTS }, abi);
  const padded = Math.min(room, Math.ceil(length / abi.wordSize) * abi.wordSize);
  return { length: padded, cut: count < passed.files.length };
}
