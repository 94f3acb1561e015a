import type { MapSource } from '../../cpu/memory/types.ts';
import { EBADF, EINVAL, ENODEV, ENOTDIR, ENOTTY, EOPNOTSUPP, ESPIPE } from '../errno.ts';
import type { WaitQueue } from '../kernel/wait-queue.ts';
import {
  type BytePath,
  type Dirent,
  type IoctlArg,
  O_ACCMODE,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  type OpenFile,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  type Stat,
  type Statfs,
  type Timespec,
} from './types.ts';

/** An open file description that can do nothing: kinds of files override what they can. */
export abstract class BaseFile implements OpenFile {
  flags: number;
  path: BytePath;
  refs = 1;
  readonly mayBlock: boolean = false;

  constructor(path: BytePath, flags: number) {
    this.path = path;
    this.flags = flags;
  }

  /** Whether the access mode allows reading. */
  get readable(): boolean {
    return (this.flags & O_ACCMODE) !== O_WRONLY && (this.flags & O_PATH) === 0;
  }

  /** Whether the access mode allows writing. */
  get writable(): boolean {
    return (this.flags & O_ACCMODE) !== O_RDONLY && (this.flags & O_PATH) === 0;
  }

  abstract stat(): Stat | number;

  get waitQueue(): WaitQueue | null {
    return null;
  }
  get terminal(): boolean {
    return false;
  }
  unblock(): void {}
  read(_into: Uint8Array): number {
    return this.readable ? -EINVAL : -EBADF;
  }
  write(_from: Uint8Array): number {
    return this.writable ? -EINVAL : -EBADF;
  }
  pread(_into: Uint8Array, _offset: number): number {
    return -ESPIPE;
  }
  pwrite(_from: Uint8Array, _offset: number): number {
    return -ESPIPE;
  }
  seek(_offset: number, _whence: number): number {
    return -ESPIPE;
  }
  readdir(_take: (entry: Dirent, nextPosition: number) => boolean): number {
    return -ENOTDIR;
  }
  truncate(_size: number): number {
    return -EINVAL;
  }
  allocate(_mode: number, _offset: number, _length: number): number {
    return -ENODEV;
  }
  sync(): number {
    return -EINVAL;
  }
  chmod(_mode: number): number {
    return -EOPNOTSUPP;
  }
  chown(_uid: number, _gid: number): number {
    return -EOPNOTSUPP;
  }
  utimes(_atime: Timespec | null, _mtime: Timespec | null): number {
    return -EOPNOTSUPP;
  }
  abstract statfs(): Statfs | number;
  ioctl(_request: number, _arg: IoctlArg): number {
    return -ENOTTY;
  }
  poll(): number {
    return POLLIN | POLLOUT;
  }
  get inMeans(): number {
    return POLLRDNORM;
  }
  get outMeans(): number {
    return POLLWRNORM;
  }
  mapSource(): MapSource | number {
    return -ENODEV;
  }
  close(): number {
    return 0;
  }
}
