import { FD_AT, flags, PATH, quote, R_INT } from '../args.ts';
import { type ArgType, LEAVE, type Syscall, type SyscallResult, syscall } from '../define.ts';
import { E2BIG, EBADF, EFAULT, EINVAL, ELOOP, ENOENT } from '../errno.ts';
import { execTask } from '../kernel/exec.ts';
import { AT_FDCWD } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import { readU64 } from '../struct.ts';
import { S_IFLNK, S_IFMT } from '../vfs/types.ts';

/** MAX_ARG_STRLEN: the longest argument. */
const MAX_STRING = 0x2_0000;
const MAX_STRINGS = 0x7f_ffff;

/** char *const[]: read when the call begins, since a successful one leaves nothing to read. */
interface StringList {
  readonly address: number;
  /** The strings, or a negative errno. */
  readonly list: readonly string[] | number;
}

const strings = (shown: boolean): ArgType<StringList> => ({
  doc: 'char *const []',
  read: (c) => {
    const address = c.ulong();
    return { address, list: readStrings(c.space, address, c.abi.wordSize) };
  },
  format: ({ address, list }) => {
    if (typeof list === 'number') return `0x${address.toString(16)}`;
    if (!shown) return `0x${address.toString(16)} /* ${list.length} vars */`;
    return `[${list.map(quote).join(', ')}]`;
  },
});

/** A NULL-terminated array of strings; NULL is an empty one (man 2 execve, NOTES). */
function readStrings(space: Task['space'], address: number, word: number): string[] | number {
  const list: string[] = [];
  if (address === 0) return list;
  for (let at = address; list.length < MAX_STRINGS; at += word) {
    if (!space.readable(at, word)) return -EFAULT;
    const pointer = word === 8 ? readU64(space.view, at) : space.view.getUint32(at, true);
    if (pointer === 0) return list;
    const text = space.cstring(pointer, MAX_STRING - 1);
    if (text === null) return space.readable(pointer, MAX_STRING) ? -E2BIG : -EFAULT;
    list.push(text);
  }
  return -E2BIG;
}

function run(task: Task, path: string, argv: StringList, env: StringList): SyscallResult {
  if (typeof argv.list === 'number') return argv.list;
  if (typeof env.list === 'number') return env.list;
  // Linux makes argc 1 of an empty vector.
  const result = execTask(task, { path, argv: argv.list.length === 0 ? [''] : argv.list, env: env.list });
  return result === 0 ? LEAVE : result;
}

export const execve: Syscall = syscall(
  'execve',
  { pathname: PATH, argv: strings(true), envp: strings(false) },
  R_INT,
  (task, { pathname, argv, envp }) => (pathname === '' ? -ENOENT : run(task, pathname, argv, envp)),
  { support: 'partial', note: 'Set-user-id bits are ignored, as under no_new_privs.' },
);

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;

export const execveat: Syscall = syscall(
  'execveat',
  {
    dirfd: FD_AT,
    pathname: PATH,
    argv: strings(true),
    envp: strings(false),
    flags: flags([
      ['AT_SYMLINK_NOFOLLOW', AT_SYMLINK_NOFOLLOW],
      ['AT_EMPTY_PATH', AT_EMPTY_PATH],
    ]),
  },
  R_INT,
  (task, { dirfd, pathname, argv, envp, flags: how }) => {
    if ((how & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
    if (pathname === '' && (how & AT_EMPTY_PATH) === 0) return -ENOENT;
    const { process } = task;
    if ((how & AT_SYMLINK_NOFOLLOW) !== 0 && pathname !== '') {
      const at = process.resolve(dirfd, pathname, false);
      if (typeof at === 'number') return at;
      const stat = at.fs.stat(at.path, false);
      if (typeof stat !== 'number' && (stat.mode & S_IFMT) === S_IFLNK) return -ELOOP;
    }
    if (pathname.startsWith('/') || dirfd === AT_FDCWD) return run(task, pathname, argv, envp);
    const file = process.files.get(dirfd);
    if (file === null) return -EBADF;
    // The name the kernel gives to scripts and /proc: through the descriptor.
    return run(task, pathname === '' ? `/dev/fd/${dirfd}` : `${file.path}/${pathname}`, argv, envp);
  },
  { support: 'partial', note: 'As execve.' },
);

export const calls: readonly Syscall[] = [execve, execveat];
