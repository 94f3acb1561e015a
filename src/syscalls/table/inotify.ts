import { FD, flags, INT, PATH, R_FD, R_INT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EBADF, EINVAL, ENOTDIR } from '../errno.ts';
import type { FlagTable } from '../flags.ts';
import * as I from '../kernel/inotify.ts';
import { AT_FDCWD } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import { O_CLOEXEC, O_NONBLOCK, S_IFDIR, S_IFMT } from '../vfs/types.ts';

const MASK: FlagTable = [
  ['IN_ALL_EVENTS', I.IN_ALL_EVENTS],
  ['IN_ACCESS', I.IN_ACCESS],
  ['IN_MODIFY', I.IN_MODIFY],
  ['IN_ATTRIB', I.IN_ATTRIB],
  ['IN_CLOSE_WRITE', I.IN_CLOSE_WRITE],
  ['IN_CLOSE_NOWRITE', I.IN_CLOSE_NOWRITE],
  ['IN_OPEN', I.IN_OPEN],
  ['IN_MOVED_FROM', I.IN_MOVED_FROM],
  ['IN_MOVED_TO', I.IN_MOVED_TO],
  ['IN_CREATE', I.IN_CREATE],
  ['IN_DELETE', I.IN_DELETE],
  ['IN_DELETE_SELF', I.IN_DELETE_SELF],
  ['IN_MOVE_SELF', I.IN_MOVE_SELF],
  ['IN_ONLYDIR', I.IN_ONLYDIR],
  ['IN_DONT_FOLLOW', I.IN_DONT_FOLLOW],
  ['IN_EXCL_UNLINK', I.IN_EXCL_UNLINK],
  ['IN_MASK_CREATE', I.IN_MASK_CREATE],
  ['IN_MASK_ADD', I.IN_MASK_ADD],
  ['IN_ISDIR', I.IN_ISDIR],
  ['IN_ONESHOT', I.IN_ONESHOT],
];
/** ALL_INOTIFY_BITS: one of them has to be there. */
const KNOWN = MASK.reduce((all, [, bit]) => all | bit, 0xe000);
const R_OK = 4;
const NOTE = {
  support: 'partial',
  note: "Of what the host's programs do, only creating, deleting, modifying and changed attributes are seen. Stores to mappings, and what execve opens and closes, are not told of.",
} as const;

function create(task: Task, how: number): number {
  if ((how & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const file = task.process.kernel.watches.create(how & O_NONBLOCK);
  return typeof file === 'number' ? file : task.process.files.install(file, (how & O_CLOEXEC) !== 0);
}

export const inotify_init1: Syscall = syscall(
  'inotify_init1',
  {
    flags: flags([
      ['IN_CLOEXEC', O_CLOEXEC],
      ['IN_NONBLOCK', O_NONBLOCK],
    ]),
  },
  R_FD,
  (task, { flags: how }) => create(task, how),
  NOTE,
);
export const inotify_init: Syscall = syscall('inotify_init', {}, R_FD, (task) => create(task, 0), NOTE);

export const inotify_add_watch: Syscall = syscall(
  'inotify_add_watch',
  { fd: FD, pathname: PATH, mask: flags(MASK) },
  R_INT,
  (task, { fd, pathname, mask }) => {
    if ((mask & KNOWN) === 0) return -EINVAL;
    const { files, kernel } = task.process;
    const instance = files.get(fd);
    if (instance === null) return -EBADF;
    const both = I.IN_MASK_ADD | I.IN_MASK_CREATE;
    if ((mask & both) === both || !(instance instanceof I.InotifyFile)) return -EINVAL;
    const follow = (mask & I.IN_DONT_FOLLOW) === 0;
    const at = task.process.resolve(AT_FDCWD, pathname, follow);
    if (typeof at === 'number') return at;
    const stat = at.fs.stat(at.path, follow);
    if (typeof stat === 'number') return stat;
    if ((mask & I.IN_ONLYDIR) !== 0 && (stat.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
    const denied = at.fs.access(at.path, R_OK);
    return denied < 0 && follow ? denied : kernel.watches.add(instance, at, stat, mask);
  },
  NOTE,
);

export const inotify_rm_watch: Syscall = syscall('inotify_rm_watch', { fd: FD, wd: INT }, R_INT, (task, { fd, wd }) => {
  const instance = task.process.files.get(fd);
  if (instance === null) return -EBADF;
  const watch = instance instanceof I.InotifyFile ? instance.watches.get(wd) : undefined;
  if (watch === undefined) return -EINVAL;
  task.process.kernel.watches.remove(watch);
  return 0;
});

export const calls: readonly Syscall[] = [inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch];
