import fs from 'node:fs';
import { readAt } from '../../bounce.ts';
import type { MapSource } from '../../cpu/memory/types.ts';
import { EACCES, EBADF, EFBIG, EINVAL, EISDIR, ENOSPC, EOPNOTSUPP, fromNodeError } from '../errno.ts';
import { BaseFile } from './base-file.ts';
import { fromBigIntStats, fromStatFs, hostPath, hostStat, toSeconds } from './host-stat.ts';
import { Listing } from './listing.ts';
import { seekBytes } from './seek.ts';
import {
  type BytePath,
  type Dirent,
  direntType,
  type IoctlArg,
  O_ACCMODE,
  O_APPEND,
  O_PATH,
  O_WRONLY,
  type Stat,
  type Statfs,
  type Timespec,
} from './types.ts';

/** A host descriptor, kept open by descriptions and mappings. */
export class HostHandle {
  readonly fd: number;
  private refs = 1;
  constructor(fd: number) {
    this.fd = fd;
  }
  ref(): void {
    this.refs++;
  }
  unref(): number {
    if (--this.refs > 0) return 0;
    try {
      fs.closeSync(this.fd);
      return 0;
    } catch (error) {
      return fromNodeError(error);
    }
  }
}

/** What all descriptions of host files share: metadata through the descriptor. */
export abstract class HostFileBase extends BaseFile {
  readonly handle: HostHandle;
  constructor(handle: HostHandle, path: BytePath, flags: number) {
    super(path, flags);
    this.handle = handle;
  }

  stat(): Stat | number {
    try {
      return fromBigIntStats(fs.fstatSync(this.handle.fd, { bigint: true }));
    } catch (error) {
      return fromNodeError(error);
    }
  }

  statfs(): Statfs | number {
    try {
      return fromStatFs(fs.statfsSync(hostPath(this.path)));
    } catch (error) {
      return fromNodeError(error);
    }
  }

  override chmod(mode: number): number {
    if ((this.flags & O_PATH) !== 0) return -EBADF;
    try {
      fs.fchmodSync(this.handle.fd, mode);
      return 0;
    } catch (error) {
      return fromNodeError(error);
    }
  }

  override chown(uid: number, gid: number): number {
    if ((this.flags & O_PATH) !== 0) return -EBADF;
    try {
      // Node wants unsigned ids; 2^32-1 is "leave".
      fs.fchownSync(this.handle.fd, uid >>> 0, gid >>> 0);
      return 0;
    } catch (error) {
      return fromNodeError(error);
    }
  }

  override utimes(atime: Timespec | null, mtime: Timespec | null): number {
    const now = this.stat();
    if (typeof now === 'number') return now;
    try {
      fs.futimesSync(this.handle.fd, toSeconds(atime ?? now.atime), toSeconds(mtime ?? now.mtime));
      return 0;
    } catch (error) {
      return fromNodeError(error);
    }
  }

  override sync(): number {
    try {
      fs.fsyncSync(this.handle.fd);
      return 0;
    } catch (error) {
      return fromNodeError(error);
    }
  }

  override close(): number {
    return this.handle.unref();
  }
}

/** A file that was changed so recently may be changed once more without having other times. */
const RECENT_SECONDS = 3;

/** See MapSource.stamp. */
function stampOf({ dev, ino, size, mtime, ctime }: Stat): number[] | null {
  if (Math.max(mtime.sec, ctime.sec) > Date.now() / 1000 - RECENT_SECONDS) return null;
  const wide = [dev, Number(BigInt.asUintN(32, BigInt(ino))), Number(BigInt(ino) >> 32n), size, mtime.sec, ctime.sec];
  return [...wide.flatMap((n) => [n >>> 0, Math.floor(n / 2 ** 32) >>> 0]), mtime.nsec, ctime.nsec];
}

/** Backing of mmap for host files; keeps the descriptor open after the guest closes its own. */
class HostMapSource implements MapSource {
  readonly name: string;
  readonly dev: number;
  readonly ino: number;
  readonly stamp: readonly number[] | null;
  private readonly handle: HostHandle;
  constructor(handle: HostHandle, name: string, stat: Stat) {
    this.handle = handle;
    this.name = name;
    this.dev = stat.dev;
    this.ino = Number(stat.ino);
    this.stamp = stampOf(stat);
  }
  isUnchanged(): boolean {
    try {
      const now = stampOf(fromBigIntStats(fs.fstatSync(this.handle.fd, { bigint: true })));
      return now?.every((n, i) => n === this.stamp?.[i]) === true;
    } catch {
      return false;
    }
  }
  read(into: Uint8Array, offset: number): number {
    try {
      return readAt(this.handle.fd, into, offset);
    } catch (error) {
      return fromNodeError(error);
    }
  }
  write(from: Uint8Array, offset: number): number {
    return hostWrite(this.handle.fd, from, offset);
  }
  size(): number {
    try {
      return fs.fstatSync(this.handle.fd).size;
    } catch (error) {
      return fromNodeError(error);
    }
  }
  ref(): void {
    this.handle.ref();
  }
  unref(): void {
    this.handle.unref();
  }
}

/** Node refuses more than 2^31-1 bytes a call; Linux stops at 0x7ffff000. */
const MAX_RW = 0x7fff_f000;

/** pread(2), or read(2) at the host's position with offset null. */
export function hostRead(fd: number, into: Uint8Array, offset: number | null): number {
  if (into.length === 0) return 0;
  try {
    return fs.readSync(fd, into, 0, Math.min(into.length, MAX_RW), offset);
  } catch (error) {
    return fromNodeError(error);
  }
}

/** pwrite(2), or write(2) at the host's position with offset null. */
export function hostWrite(fd: number, from: Uint8Array, offset: number | null): number {
  try {
    return fs.writeSync(fd, from, 0, Math.min(from.length, MAX_RW), offset);
  } catch (error) {
    return fromNodeError(error);
  }
}

/** A regular file opened by us: positions are ours, so nothing of the host's is shared. */
export class HostRegular extends HostFileBase {
  position = 0;
  override read(into: Uint8Array): number {
    if (!this.readable) return -EBADF;
    const n = hostRead(this.handle.fd, into, this.position);
    if (n > 0) this.position += n;
    return n;
  }

  override write(from: Uint8Array): number {
    if (!this.writable) return -EBADF;
    // O_APPEND may have come by fcntl after the host's open: the end is looked up, not left to the host.
    if ((this.flags & O_APPEND) !== 0) this.position = this.size();
    const n = hostWrite(this.handle.fd, from, this.position);
    if (n > 0) this.position = (this.flags & O_APPEND) !== 0 ? this.size() : this.position + n;
    return n;
  }

  override pread(into: Uint8Array, offset: number): number {
    if (!this.readable) return -EBADF;
    return hostRead(this.handle.fd, into, offset);
  }

  override pwrite(from: Uint8Array, offset: number): number {
    if (!this.writable) return -EBADF;
    // Linux appends whatever the offset says (man 2 pwrite, BUGS).
    return hostWrite(this.handle.fd, from, (this.flags & O_APPEND) !== 0 ? this.size() : offset);
  }

  override seek(offset: number, whence: number): number {
    return seekBytes(this, offset, whence);
  }

  override truncate(size: number): number {
    if (!this.writable) return -EINVAL;
    if (size < 0) return -EINVAL;
    try {
      fs.ftruncateSync(this.handle.fd, size);
      return 0;
    } catch (error) {
      return fromNodeError(error);
    }
  }

  override allocate(mode: number, offset: number, length: number): number {
    if (!this.writable) return -EBADF;
    if (offset < 0 || length <= 0) return -EINVAL;
    // FALLOC_FL_KEEP_SIZE reserves only; hole punching and the rest have no call in Node.
    if (mode === 1) return 0;
    if (mode !== 0) return -EOPNOTSUPP;
    if (offset + length > Number.MAX_SAFE_INTEGER) return -EFBIG;
    const room = this.statfs();
    if (typeof room !== 'number' && length > room.bavail * room.bsize) return -ENOSPC;
    return offset + length > this.size() ? this.truncate(offset + length) : 0;
  }

  override mapSource(): MapSource | number {
    if ((this.flags & O_ACCMODE) === O_WRONLY) return -EACCES;
    const stat = this.stat();
    return typeof stat === 'number' ? stat : new HostMapSource(this.handle, this.path, stat);
  }

  size(): number {
    return fs.fstatSync(this.handle.fd).size;
  }
}

/** A host directory. */
export class HostDirectory extends HostFileBase {
  private readonly listing: Listing = new Listing(() => this.load());

  override read(_into: Uint8Array): number {
    return (this.flags & O_PATH) !== 0 ? -EBADF : -EISDIR;
  }
  override pread(_into: Uint8Array, _offset: number): number {
    return -EISDIR;
  }
  override write(_from: Uint8Array): number {
    return -EBADF;
  }
  override pwrite(_from: Uint8Array, _offset: number): number {
    return -EBADF;
  }

  override seek(offset: number, whence: number): number {
    return this.listing.seek(offset, whence);
  }

  override readdir(take: (entry: Dirent, nextPosition: number) => boolean): number {
    return this.listing.readdir(take);
  }

  private load(): Dirent[] | number {
    try {
      const names = fs.readdirSync(hostPath(this.path), { encoding: 'latin1' });
      const base = this.path === '/' ? '/' : `${this.path}/`;
      const entries: Dirent[] = [];
      for (const name of ['.', '..', ...names]) {
        // Node's entries carry no inode number, and fts-based tools sort by it.
        const stat = hostStat(base + name, false);
        if (typeof stat !== 'number') entries.push({ name, ino: stat.ino, type: direntType(stat.mode) });
        else entries.push({ name, ino: 1, type: 0 });
      }
      return entries;
    } catch (error) {
      return fromNodeError(error);
    }
  }
}

/** O_PATH or an otherwise opaque host file (block device): metadata only. */
export class HostPathFile extends HostFileBase {
  override read(_into: Uint8Array): number {
    return -EBADF;
  }
  override write(_from: Uint8Array): number {
    return -EBADF;
  }
  override pread(_into: Uint8Array, _offset: number): number {
    return -EBADF;
  }
  override pwrite(_from: Uint8Array, _offset: number): number {
    return -EBADF;
  }
  override sync(): number {
    return -EBADF;
  }
  override ioctl(_request: number, _arg: IoctlArg): number {
    return -EBADF;
  }
  override mapSource(): MapSource | number {
    return -EBADF;
  }
}
