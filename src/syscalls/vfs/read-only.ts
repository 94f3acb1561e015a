import { EACCES, EEXIST, EINVAL, ENOENT, EPERM, EROFS } from '../errno.ts';
import type { BytePath, FileSystem, Location, OpenFile, Stat, Statfs, Timespec } from './types.ts';

/** A file system whose tree nobody can change: what /proc and /dev have in common. */
export abstract class ReadOnlyFs implements FileSystem {
  abstract readonly type: string;
  readonly opaque = false;
  abstract open(path: BytePath, flags: number, mode: number): OpenFile | number;
  abstract stat(path: BytePath, follow: boolean): Stat | number;
  abstract statfs(path: BytePath): Statfs | number;

  mode(path: BytePath): number {
    const stat = this.stat(path, false);
    return typeof stat === 'number' ? stat : stat.mode;
  }
  magic(_path: BytePath): Location | null {
    return null;
  }
  access(path: BytePath, mode: number): number {
    const stat = this.stat(path, true);
    if (typeof stat === 'number') return stat;
    const bits = stat.mode | (stat.mode >> 3) | (stat.mode >> 6);
    return (mode & ~bits & 7) !== 0 ? -EACCES : 0;
  }
  readlink(path: BytePath): BytePath | number {
    const mode = this.mode(path);
    return mode < 0 ? mode : -EINVAL;
  }
  mkdir(path: BytePath, _mode: number): number {
    return this.refuse(path, -EEXIST);
  }
  rmdir(path: BytePath): number {
    return this.refuse(path, -EPERM);
  }
  unlink(path: BytePath): number {
    return this.refuse(path, -EPERM);
  }
  symlink(_target: BytePath, path: BytePath): number {
    return this.refuse(path, -EEXIST);
  }
  link(_from: BytePath, _to: BytePath, _follow: boolean): number {
    return -EPERM;
  }
  rename(from: BytePath, _to: BytePath, _flags: number): number {
    return this.refuse(from, -EPERM);
  }
  mknod(path: BytePath, _mode: number, _dev: number): number {
    return this.refuse(path, -EEXIST);
  }
  truncate(path: BytePath, _size: number): number {
    const mode = this.mode(path);
    return Math.min(mode, 0);
  }
  chmod(path: BytePath, _mode: number, _follow: boolean): number {
    return this.refuse(path, -EPERM);
  }
  chown(path: BytePath, _uid: number, _gid: number, _follow: boolean): number {
    return this.refuse(path, -EPERM);
  }
  utimes(path: BytePath, _atime: Timespec | null, _mtime: Timespec | null, _follow: boolean): number {
    return this.refuse(path, -EROFS);
  }
  /** A change to a missing file is ENOENT, to an existing one refused. */
  private refuse(path: BytePath, errno: number): number {
    return this.mode(path) === -ENOENT ? -ENOENT : errno;
  }
}
