import { FD, R_INT } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EBADF, EFAULT, EIO, ENOTTY } from '../errno.ts';
import type { FlagTable } from '../flags.ts';
import { setAsync } from '../kernel/async-notice.ts';
import { acquireTty, checkTerminalChange, releaseTty, setForeground, terminalIds } from '../kernel/job-control.ts';
import { PtyMaster, PtySlave } from '../kernel/pty.ts';
import { Socket } from '../kernel/socket.ts';
import type { Task } from '../kernel/task.ts';
import * as T from '../vfs/tty.ts';
import { type IoctlArg, O_CLOEXEC, O_NONBLOCK, type OpenFile, S_IFMT, S_IFREG } from '../vfs/types.ts';
import { INTERFACE_REQUESTS, interfaceCall } from './interface-ioctl.ts';

const FIONBIO = 0x5421;
const FIONCLEX = 0x5450;
const FIOCLEX = 0x5451;
const FIOASYNC = 0x5452;

const NAMES: FlagTable = [
  ['TCGETS', T.TCGETS],
  ['TCSETS', T.TCSETS],
  ['TCSETSW', T.TCSETSW],
  ['TCSETSF', T.TCSETSF],
  ['TCSBRK', T.TCSBRK],
  ['TCFLSH', T.TCFLSH],
  ['TCGETS2', T.TCGETS2],
  ['TIOCGPGRP', T.TIOCGPGRP],
  ['TIOCSPGRP', T.TIOCSPGRP],
  ['TIOCGWINSZ', T.TIOCGWINSZ],
  ['TIOCSWINSZ', T.TIOCSWINSZ],
  ['TIOCGSID', T.TIOCGSID],
  ['TIOCGPTN', T.TIOCGPTN],
  ['TIOCSPTLCK', T.TIOCSPTLCK],
  ['TIOCGPTPEER', T.TIOCGPTPEER],
  ['TIOCPKT', T.TIOCPKT],
  ['TIOCGPKT', T.TIOCGPKT],
  ['TCXONC', T.TCXONC],
  ['TIOCOUTQ', T.TIOCOUTQ],
  ['TIOCSCTTY', T.TIOCSCTTY],
  ['TIOCNOTTY', T.TIOCNOTTY],
  ['FIONREAD', T.FIONREAD],
  ['FIONBIO', FIONBIO],
  ['FIONCLEX', FIONCLEX],
  ['FIOCLEX', FIOCLEX],
  ['FIOASYNC', FIOASYNC],
  ...INTERFACE_REQUESTS,
  ['FICLONE', 0x40049409],
  ['FICLONERANGE', 0x4020940d],
  ['FS_IOC_GETFLAGS', 0x80086601],
  ['FS_IOC_SETFLAGS', 0x40086602],
  ['FS_IOC_FIEMAP', 0xc020660b],
];

const REQUEST: ArgType<number> = {
  doc: 'unsigned long',
  read: (c) => c.ulong() >>> 0,
  format: (v) => NAMES.find(([, n]) => n === v)?.[0] ?? `0x${v.toString(16)}`,
};

const ARGUMENT: ArgType<number> = {
  doc: 'argument',
  read: (c) => c.ulong(),
  format: (v, { task, args, result }) => {
    const { view } = task.space;
    if (args.request === T.TIOCGWINSZ && result === 0) {
      return `{ws_row=${view.getUint16(v, true)}, ws_col=${view.getUint16(v + 2, true)}, ws_xpixel=0, ws_ypixel=0}`;
    }
    if (args.request === T.FIONREAD && result === 0) return `[${view.getInt32(v, true)}]`;
    return v === 0 ? 'NULL' : `0x${v.toString(16)}`;
  },
};

function argument(task: Task, value: number): IoctlArg {
  const { space } = task;
  const view = (length: number): DataView => new DataView(space.view.buffer, space.view.byteOffset + value, length);
  return {
    value,
    out: (length) => (space.writable(value, length) ? view(length) : null),
    in: (length) => (space.readable(value, length) ? view(length) : null),
  };
}

/** The requests on a terminal that are about processes; null: another one, which its modes answer. */
function terminalCall(task: Task, file: OpenFile, request: number, arg: number): number | null {
  switch (request) {
    case T.TIOCGPGRP:
    case T.TIOCGSID: {
      const ids = terminalIds(task, file);
      if (ids === null) return -ENOTTY;
      return task.putInt(arg, request === T.TIOCGPGRP ? ids.group : ids.session);
    }
    case T.TIOCSPGRP:
      return task.space.readable(arg, 4) ? setForeground(task, file, task.space.view.getInt32(arg, true)) : -EFAULT;
    case T.TIOCSCTTY:
      return acquireTty(task, file, arg === 1);
    case T.TIOCNOTTY:
      if (terminalIds(task, file) === null) return -ENOTTY;
      releaseTty(task.process);
      return 0;
    case T.TCSETS:
    case T.TCSETSW:
    case T.TCSETSF:
    case T.TCSETS2:
    case T.TCSETSW2:
    case T.TCSETSF2: {
      const stopped = checkTerminalChange(task, file);
      return stopped === 0 ? null : stopped;
    }
    default:
      return null;
  }
}

export const ioctl: Syscall = syscall(
  'ioctl',
  { fd: FD, request: REQUEST, arg: ARGUMENT },
  R_INT,
  (task, { fd, request, arg }) => {
    const { files } = task.process;
    const file = files.get(fd);
    if (file === null) return -EBADF;
    switch (request) {
      case FIOCLEX:
        files.setCloexec(fd, true);
        return 0;
      case FIONCLEX:
        files.setCloexec(fd, false);
        return 0;
      case FIONBIO:
      case FIOASYNC: {
        if (!task.space.readable(arg, 4)) return -EFAULT;
        const on = task.space.view.getInt32(arg, true) !== 0;
        if (request === FIOASYNC) {
          setAsync(task.process, file, fd, on);
          return 0;
        }
        file.flags = on ? file.flags | O_NONBLOCK : file.flags & ~O_NONBLOCK;
        return 0;
      }
      case T.FIONREAD: {
        const stat = file.stat();
        if (typeof stat === 'number' || (stat.mode & S_IFMT) !== S_IFREG) break;
        return task.putInt(arg, stat.size - Math.max(0, file.seek(0, 1)));
      }
      default:
    }
    if (request === T.TIOCGPTPEER && file instanceof PtyMaster) {
      if (file.pty.locked) return -EIO;
      return files.install(new PtySlave(file.pty, arg & ~O_CLOEXEC), (arg & O_CLOEXEC) !== 0);
    }
    if (file instanceof Socket) {
      const result = interfaceCall(task, request, arg);
      if (result !== null) return result;
    }
    if (file.terminal || file instanceof PtyMaster) {
      const result = terminalCall(task, file, request, arg);
      if (result !== null) return result;
    }
    return file.ioctl(request, argument(task, arg));
  },
  {
    support: 'partial',
    note: 'Terminal modes, window size, FIONREAD, FIONBIO, FIOCLEX, what is asked of interfaces; others are ENOTTY.',
  },
);

export const calls: readonly Syscall[] = [ioctl];
