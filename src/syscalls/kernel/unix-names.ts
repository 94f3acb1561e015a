import { EADDRINUSE, ECONNREFUSED, EEXIST, EINVAL } from '../errno.ts';
import { S_IFSOCK } from '../vfs/types.ts';
import type { Kernel } from './kernel.ts';
import type { Task } from './task.ts';
import type { UnixSocket } from './unix-socket.ts';

const AT_FDCWD = -100;

/** Bound sockets of a machine: abstract names, and files by device and inode. */
const bound = new WeakMap<Kernel, Map<string, UnixSocket>>();
let nextAutobind = 1;

function namesOf(kernel: Kernel): Map<string, UnixSocket> {
  const names = bound.get(kernel) ?? new Map();
  bound.set(kernel, names);
  return names;
}

/** What a name stands for: itself for an abstract one, else the file; or -errno. */
function keyOf(task: Task, name: string, connects: boolean): string | number {
  if (name.startsWith('\0')) return name;
  const at = task.process.resolve(AT_FDCWD, name, true);
  if (typeof at === 'number') return at;
  const stat = at.fs.stat(at.path, true);
  if (typeof stat === 'number') return stat;
  // who connects must be able to write to the file (man 7 unix)
  const denied = connects && (stat.mode & 0o222) !== 0o222 ? at.fs.access(at.path, 2) : 0;
  return denied < 0 ? denied : `${stat.dev}:${stat.ino}`;
}

/** bind(2): an empty name asks for an abstract one. A path becomes a file that stands for the socket. */
export function bindName(task: Task, socket: UnixSocket, wanted: string): number {
  // who has a name keeps it
  if (wanted === '' && socket.name !== '') return 0;
  const names = namesOf(task.process.kernel);
  const name = wanted === '' ? `\0${(nextAutobind++).toString(16).padStart(5, '0')}` : wanted;
  if (!name.startsWith('\0')) {
    const at = task.process.resolve(AT_FDCWD, name, false);
    if (typeof at === 'number') return at;
    if (at.fs.mode(at.path) >= 0) return -EADDRINUSE;
    if (socket.name !== '') return -EINVAL;
    const made = at.fs.mknod(at.path, S_IFSOCK | (0o777 & ~task.process.umask), 0);
    if (made < 0) return made === -EEXIST ? -EADDRINUSE : made;
  } else if (socket.name !== '') return -EINVAL;
  const key = keyOf(task, name, false);
  if (typeof key === 'number') return key;
  if (name.startsWith('\0') && names.has(key)) return -EADDRINUSE;
  socket.name = name;
  names.set(key, socket);
  socket.onClose = () => {
    if (names.get(key) === socket) names.delete(key);
  };
  return 0;
}

/** The socket that is bound to a name, or -errno. */
export function findSocket(task: Task, name: string): UnixSocket | number {
  if (name === '') return -EINVAL;
  const key = keyOf(task, name, true);
  if (typeof key === 'number') return key;
  return namesOf(task.process.kernel).get(key) ?? -ECONNREFUSED;
}
