import { FD, fromGenericOpen, INT, toGenericOpen } from '../args.ts';
import { type ArgType, type ResultType, type Syscall, syscall } from '../define.ts';
import { EBADF, EFAULT, EINVAL } from '../errno.ts';
import { type FlagTable, formatOpenFlags } from '../flags.ts';
import { asyncSignalOf, ownerOf, setAsync, setAsyncSignal, setOwner } from '../kernel/async-notice.ts';
import { noticeMask } from '../kernel/dnotify.ts';
import { MemoryFile } from '../kernel/memfd.ts';
import { PipeEnd } from '../kernel/pipe.ts';
import { SETTABLE_FLAGS } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import type { Pending } from '../kernel/wait.ts';
import { i32, struct } from '../struct.ts';
import { O_ASYNC, O_CREAT, O_EXCL, O_PATH, O_TRUNC, type OpenFile } from '../vfs/types.ts';
import { getLock, type LockCommand, setLock } from './locks.ts';

const F_DUPFD = 0;
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_GETLK = 5;
const F_SETLK = 6;
const F_SETLKW = 7;
const F_SETOWN = 8;
const F_GETOWN = 9;
const F_SETSIG = 10;
const F_GETSIG = 11;
/** What C libraries make of F_GETOWN, as a group's number could be an errno. */
const F_SETOWN_EX = 15;
const F_GETOWN_EX = 16;
/** 32-bit ABIs' commands with 64-bit offsets. */
const F_GETLK64 = 12;
const F_SETLK64 = 13;
const F_SETLKW64 = 14;
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_OFD_SETLKW = 38;
const F_NOTIFY = 1026;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;

const F_OWNER_EX = struct('f_owner_ex', { type: i32, pid: i32 });
const F_OWNER_TID = 0;
const F_OWNER_PID = 1;
const F_OWNER_PGRP = 2;

const FCNTL: FlagTable = [
  ['F_DUPFD', F_DUPFD],
  ['F_GETFD', F_GETFD],
  ['F_SETFD', F_SETFD],
  ['F_GETFL', F_GETFL],
  ['F_SETFL', F_SETFL],
  ['F_GETLK', F_GETLK],
  ['F_SETLK', F_SETLK],
  ['F_SETLKW', F_SETLKW],
  ['F_SETOWN', F_SETOWN],
  ['F_GETOWN', F_GETOWN],
  ['F_SETSIG', F_SETSIG],
  ['F_GETSIG', F_GETSIG],
  ['F_SETOWN_EX', F_SETOWN_EX],
  ['F_GETOWN_EX', F_GETOWN_EX],
  ['F_GETLK64', F_GETLK64],
  ['F_SETLK64', F_SETLK64],
  ['F_SETLKW64', F_SETLKW64],
  ['F_OFD_GETLK', F_OFD_GETLK],
  ['F_OFD_SETLK', F_OFD_SETLK],
  ['F_OFD_SETLKW', F_OFD_SETLKW],
  ['F_NOTIFY', F_NOTIFY],
  ['F_DUPFD_CLOEXEC', F_DUPFD_CLOEXEC],
  ['F_SETPIPE_SZ', F_SETPIPE_SZ],
  ['F_GETPIPE_SZ', F_GETPIPE_SZ],
  ['F_ADD_SEALS', F_ADD_SEALS],
  ['F_GET_SEALS', F_GET_SEALS],
];

const fcntlArg: ArgType<number> = {
  doc: 'arg',
  read: (c) => c.ulong(),
  format: (v, context) => {
    const command = context.args.cmd;
    if (command === F_SETFL) return formatOpenFlags(toGenericOpen(v, context.task.abi.openFlags));
    if (command === F_SETFD) return v === 1 ? 'FD_CLOEXEC' : String(v);
    if (command === F_GETSIG || command === F_GET_SEALS || command === F_GETPIPE_SZ) return '';
    if (command === F_GETFD || command === F_GETFL || command === F_GETOWN) return '';
    return command === F_DUPFD || command === F_DUPFD_CLOEXEC ? String(v) : `0x${v.toString(16)}`;
  },
};

/** How a lock command has its argument; null: the ABI has no such command. */
const lockCommand = (cmd: number, wordSize: 4 | 8): LockCommand | null => {
  if (cmd >= F_GETLK64 && cmd <= F_SETLKW64) return wordSize === 4 ? { ofd: false, old: false } : null;
  return { ofd: cmd >= F_OFD_GETLK, old: cmd <= F_SETLKW };
};

/** Whether some process has a shared mapping of a file. */
function isShared(task: Task, file: MemoryFile): boolean {
  for (const { space } of task.process.kernel.processes.values()) {
    for (const { shared, source } of space.mappings()) {
      if (shared && source !== null && file.isSourceOf(source)) return true;
    }
  }
  return false;
}

function setFlags(task: Task, file: OpenFile, fd: number, flags: number): number {
  file.flags = (file.flags & ~SETTABLE_FLAGS) | (flags & SETTABLE_FLAGS);
  setAsync(task.process, file, fd, (flags & O_ASYNC) !== 0);
  return 0;
}

function fcntlHandler(task: Task, { fd, cmd, arg }: { fd: number; cmd: number; arg: number }): number | Pending {
  const { abi } = task;
  const { files } = task.process;
  const file = files.get(fd);
  if (file === null) return -EBADF;
  const lock = lockCommand(cmd, abi.wordSize);
  switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      return files.dup(fd, arg | 0, cmd === F_DUPFD_CLOEXEC);
    case F_GETFD:
      return files.getCloexec(fd) ? 1 : 0;
    case F_SETFD:
      files.setCloexec(fd, (arg & 1) !== 0);
      return 0;
    case F_GETFL:
      return fromGenericOpen(file.flags & ~(O_CREAT | O_EXCL | O_TRUNC), abi.openFlags);
    case F_SETFL:
      if ((file.flags & O_PATH) !== 0) return -EBADF;
      return setFlags(task, file, fd, toGenericOpen(arg | 0, abi.openFlags));
    case F_GETLK:
    case F_GETLK64:
    case F_OFD_GETLK:
      return lock ? getLock(task, file, arg, lock) : -EINVAL;
    case F_SETLK:
    case F_SETLK64:
    case F_OFD_SETLK:
      return lock ? setLock(task, file, arg, lock, false) : -EINVAL;
    case F_SETLKW:
    case F_SETLKW64:
    case F_OFD_SETLKW:
      return lock ? setLock(task, file, arg, lock, true) : -EINVAL;
    case F_SETOWN:
      return setOwner(task.process, file, arg | 0);
    case F_GETOWN:
      return ownerOf(file);
    case F_SETOWN_EX: {
      const owner = task.get(F_OWNER_EX, arg);
      if (owner === null) return -EFAULT;
      if (owner.type < F_OWNER_TID || owner.type > F_OWNER_PGRP || owner.pid < 0) return -EINVAL;
      return setOwner(task.process, file, owner.type === F_OWNER_PGRP ? -owner.pid : owner.pid);
    }
    case F_GETOWN_EX: {
      const owner = ownerOf(file);
      return task.put(F_OWNER_EX, arg, { type: owner < 0 ? F_OWNER_PGRP : F_OWNER_PID, pid: Math.abs(owner) });
    }
    case F_SETSIG:
      return setAsyncSignal(file, arg | 0);
    case F_GETSIG:
      return asyncSignalOf(file);
    case F_NOTIFY:
      return task.process.kernel.watches.notify(task.process, file, noticeMask(arg));
    case F_GETPIPE_SZ:
      return file instanceof PipeEnd ? file.capacity : -EBADF;
    case F_SETPIPE_SZ:
      return file instanceof PipeEnd ? file.resize(arg, task.process.uids[1] === 0) : -EBADF;
    case F_ADD_SEALS:
      return file instanceof MemoryFile ? file.addSeals(arg, () => isShared(task, file)) : -EINVAL;
    case F_GET_SEALS:
      return file instanceof MemoryFile ? file.seals : -EINVAL;
    default:
      return -EINVAL;
  }
}

const fcntlArgs = {
  fd: FD,
  cmd: { ...INT, format: (v: number) => FCNTL.find(([, n]) => n === v)?.[0] ?? `0x${v.toString(16)} /* F_??? */` },
  arg: fcntlArg,
};
const FCNTL_NOTE = {
  support: 'partial',
  note: 'Record locks hold between guests, not against host processes. F_OWNER_TID tells the process; leases and hints are EINVAL.',
} as const;

/** F_GETFD and F_GETFL answer flags, which strace names. */
const R_FCNTL: ResultType = {
  doc: 'int',
  format: (v, { args, task }) => {
    if (args.cmd === F_GETFD) return v === 1 ? '0x1 (flags FD_CLOEXEC)' : String(v);
    if (args.cmd === F_GETFL) {
      return `0x${v.toString(16)} (flags ${formatOpenFlags(toGenericOpen(v, task.abi.openFlags))})`;
    }
    return String(v);
  },
};

export const fcntl: Syscall = syscall('fcntl', fcntlArgs, R_FCNTL, fcntlHandler, FCNTL_NOTE);

export const calls: readonly Syscall[] = [fcntl];
