import fs from 'node:fs';
import { EEXIST, EINVAL, ENOENT, EOPNOTSUPP, EPERM, EXDEV, fromNodeError } from '../errno.ts';
import { HostHandle } from './host-file.ts';
import { makeFifo, makeSocket } from './host-nodes.ts';
import { HostOpening } from './host-opening.ts';
import { fromStatFs, hostPath, hostStat, quietly, toSeconds } from './host-stat.ts';
import {
  type BytePath,
  type FileSystem,
  type Location,
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_SYNC,
  O_TMPFILE,
  O_TRUNC,
  type OpenFile,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  type Stat,
  type Statfs,
  type Timespec,
} from './types.ts';

const C = fs.constants;
/** O_PATH and O_TMPFILE have the same value on every architecture Node runs Linux on; Node does not name them. */
const HOST_O_PATH = process.platform === 'linux' ? O_PATH : 0;

/** Open flags of ours as the host's. */
function hostFlags(flags: number): number {
  let out = (flags & O_ACCMODE) | C.O_NOCTTY | C.O_NONBLOCK;
  if (flags & O_CREAT) out |= C.O_CREAT;
  if (flags & O_EXCL) out |= C.O_EXCL;
  if (flags & O_TRUNC) out |= C.O_TRUNC;
  if (flags & O_APPEND) out |= C.O_APPEND;
  if (flags & O_DIRECTORY) out |= C.O_DIRECTORY;
  if (flags & O_NOFOLLOW) out |= C.O_NOFOLLOW;
  if ((flags & O_SYNC) === O_SYNC) out |= C.O_SYNC;
  if ((flags & O_TMPFILE) === O_TMPFILE) out |= (O_TMPFILE & ~O_DIRECTORY) | C.O_DIRECTORY;
  if (flags & O_PATH) out |= HOST_O_PATH;
  return out;
}

const RENAME_EXCHANGE = 2;
let exchanges = 0;

/**
 * Two names change places, by a third one beside the first, as Node has no renameat2: guests see nothing in between,
 * programs of the host may.
 */
function exchange(from: BytePath, to: BytePath): number {
  const [a, b] = [hostStat(from, false), hostStat(to, false)];
  if (typeof a === 'number') return a;
  if (typeof b === 'number') return b;
  if (a.ino === b.ino && a.dev === b.dev) return 0;
  if (a.dev !== b.dev) return -EXDEV;
  const aside = `${from.replace(/\/+$/, '')}.${process.pid}-${exchanges++}.exchange`;
  const move = (source: BytePath, target: BytePath): number =>
    quietly(() => fs.renameSync(hostPath(source), hostPath(target)));
  // the way back of each step, should the next fail
  const first = move(from, aside);
  if (first !== 0) return first;
  const second = move(to, from);
  // what was there has gone with the first: it lies below
  if (second !== 0) return move(aside, from) || (second === -ENOENT ? -EINVAL : second);
  const third = move(aside, to);
  return third === 0 ? 0 : move(from, to) || move(aside, from) || third;
}

/** The host's file tree. The host kernel resolves symlinks and checks permissions. */
export class HostFs implements FileSystem {
  readonly type = 'host';
  readonly opaque = true;
  /** The host's umask is kept at 0 (see constructor): the guest's own is applied before we get here. */
  constructor() {
    process.umask(0);
  }

  mode(path: BytePath): number {
    let mode = -ENOENT;
    const error = quietly(() => {
      mode = fs.lstatSync(hostPath(path), { throwIfNoEntry: false })?.mode ?? -ENOENT;
    });
    return error !== 0 ? error : mode;
  }

  magic(_path: BytePath): Location | null {
    return null;
  }

  open(path: BytePath, flags: number, mode: number): OpenFile | number {
    const opening = this.beginOpen(path, flags, mode);
    return typeof opening === 'number' ? opening : opening.settle();
  }

  beginOpen(path: BytePath, flags: number, mode: number): HostOpening | number {
    if (path === '') return -ENOENT;
    let fd = 0;
    // ENXIO, a FIFO without a reader: the kernel waits unless the guest asked not to.
    const error = quietly(() => {
      fd = fs.openSync(hostPath(path), hostFlags(flags), mode);
    });
    if (error !== 0) return error;
    return new HostOpening(new HostHandle(fd), path, flags & ~(O_CREAT | O_EXCL | O_TRUNC | 0o400));
  }

  stat(path: BytePath, follow: boolean): Stat | number {
    return hostStat(path, follow);
  }

  access(path: BytePath, mode: number): number {
    return quietly(() => fs.accessSync(hostPath(path), mode));
  }

  readlink(path: BytePath): BytePath | number {
    let target = '';
    const error = quietly(() => {
      target = fs.readlinkSync(hostPath(path), { encoding: 'latin1' });
    });
    return error !== 0 ? error : target;
  }

  mkdir(path: BytePath, mode: number): number {
    return quietly(() => fs.mkdirSync(hostPath(path), mode));
  }

  rmdir(path: BytePath): number {
    return quietly(() => fs.rmdirSync(hostPath(path)));
  }

  unlink(path: BytePath): number {
    return quietly(() => fs.unlinkSync(hostPath(path)));
  }

  symlink(target: BytePath, path: BytePath): number {
    return quietly(() => fs.symlinkSync(hostPath(target), hostPath(path)));
  }

  link(from: BytePath, to: BytePath, follow: boolean): number {
    if (follow) {
      const error = quietly(() => {
        from = fs.realpathSync(hostPath(from), { encoding: 'latin1' });
      });
      if (error !== 0) return error;
    }
    return quietly(() => fs.linkSync(hostPath(from), hostPath(to)));
  }

  rename(from: BytePath, to: BytePath, flags: number): number {
    // RENAME_NOREPLACE by looking first: Node has no renameat2, so a race with another process remains.
    if (flags === 1) {
      if (typeof hostStat(to, false) !== 'number') return -EEXIST;
    } else if (flags === RENAME_EXCHANGE) {
      return exchange(from, to);
    } else if (flags !== 0) {
      return -EINVAL;
    }
    return quietly(() => fs.renameSync(hostPath(from), hostPath(to)));
  }

  mknod(path: BytePath, mode: number, _dev: number): number {
    const type = mode & S_IFMT;
    if (type === S_IFIFO) return makeFifo(path, mode & 0o7777);
    if (type === S_IFSOCK) return makeSocket(path, mode & 0o7777);
    if (type !== 0 && type !== S_IFREG) return -EPERM;
    return quietly(() => fs.closeSync(fs.openSync(hostPath(path), C.O_CREAT | C.O_EXCL | C.O_WRONLY, mode & 0o7777)));
  }

  truncate(path: BytePath, size: number): number {
    if (size < 0) return -EINVAL;
    return quietly(() => fs.truncateSync(hostPath(path), size));
  }

  chmod(path: BytePath, mode: number, follow: boolean): number {
    if (!follow) {
      const now = this.mode(path);
      if (now < 0) return now;
      if ((now & S_IFMT) === 0o120000) return -EOPNOTSUPP;
    }
    return quietly(() => fs.chmodSync(hostPath(path), mode));
  }

  chown(path: BytePath, uid: number, gid: number, follow: boolean): number {
    const change = follow ? fs.chownSync : fs.lchownSync;
    return quietly(() => change(hostPath(path), uid >>> 0, gid >>> 0));
  }

  utimes(path: BytePath, atime: Timespec | null, mtime: Timespec | null, follow: boolean): number {
    const now = hostStat(path, follow);
    if (typeof now === 'number') return now;
    const change = follow ? fs.utimesSync : fs.lutimesSync;
    return quietly(() => change(hostPath(path), toSeconds(atime ?? now.atime), toSeconds(mtime ?? now.mtime)));
  }

  statfs(path: BytePath): Statfs | number {
    try {
      return fromStatFs(fs.statfsSync(hostPath(path)));
    } catch (error) {
      return fromNodeError(error);
    }
  }
}
