import { EBADF, EFBIG, EISDIR, ENOSPC, fromNodeError } from '../errno.ts';
import { BaseFile } from './base-file.ts';
import { SeekableFile } from './bytes-file.ts';
import { Listing } from './listing.ts';
import type { MemFs } from './mem.ts';
import type { BytePath, Dirent, Stat, Statfs, Timespec } from './types.ts';

/** Larger files would need one buffer longer than Node allows. */
const MAX_FILE = 2 ** 32 - 1;

/** A regular file of a memory root; the memfs descriptor keeps it alive when its name is gone. */
export class MemRegular extends SeekableFile {
  private readonly fs: MemFs;
  private readonly fd: number;

  constructor(fs: MemFs, fd: number, path: BytePath, flags: number) {
    super(path, flags);
    this.fs = fs;
    this.fd = fd;
  }

  stat(): Stat | number {
    try {
      return this.fs.nodes.statOf(this.fs.vol.fstatSync(this.fd));
    } catch (error) {
      return fromNodeError(error);
    }
  }
  statfs(): Statfs {
    return this.fs.statfs(this.path);
  }
  private ino(): number {
    return Number(this.fs.vol.fstatSync(this.fd).ino);
  }
  override chmod(mode: number): number {
    this.fs.nodes.change(this.ino(), (meta) => {
      meta.mode = (meta.mode & 0o170000) | (mode & 0o7777);
    });
    return 0;
  }
  override chown(uid: number, gid: number): number {
    this.fs.nodes.setOwner(this.ino(), uid, gid);
    return 0;
  }
  override utimes(atime: Timespec | null, mtime: Timespec | null): number {
    this.fs.nodes.change(this.ino(), (meta) => {
      if (atime !== null) meta.atime = atime;
      if (mtime !== null) meta.mtime = mtime;
    });
    return 0;
  }
  protected readAt(into: Uint8Array, offset: number): number {
    if (into.length === 0) return 0;
    try {
      return this.fs.vol.readSync(this.fd, into, 0, into.length, offset);
    } catch (error) {
      return fromNodeError(error);
    }
  }
  protected writeAt(from: Uint8Array, offset: number): number {
    if (from.length === 0) return 0;
    if (offset + from.length > MAX_FILE) return -EFBIG;
    const growth = offset + from.length - this.size();
    if (growth > 0 && !this.fs.nodes.reserve(growth)) return -ENOSPC;
    try {
      const n = this.fs.vol.writeSync(this.fd, from, 0, from.length, offset);
      this.fs.nodes.modified(this.ino(), false);
      return n;
    } catch (error) {
      return fromNodeError(error);
    }
  }
  size(): number {
    return Number(this.fs.vol.fstatSync(this.fd).size);
  }
  protected resize(size: number): number {
    if (size > MAX_FILE) return -EFBIG;
    if (!this.fs.nodes.reserve(size - this.size())) return -ENOSPC;
    try {
      this.fs.vol.ftruncateSync(this.fd, size);
      this.fs.nodes.modified(this.ino(), false);
      return 0;
    } catch (error) {
      return fromNodeError(error);
    }
  }
  protected identity(): { name: string; dev: number; ino: number } {
    return { name: this.path, dev: 0x19, ino: this.ino() };
  }
  override close(): number {
    try {
      this.fs.vol.closeSync(this.fd);
      return 0;
    } catch (error) {
      return fromNodeError(error);
    }
  }
}

/** A directory (or, with O_PATH, any other node) of a memory root. */
export class MemDirectory extends BaseFile {
  private readonly fs: MemFs;
  private readonly listing: Listing = new Listing(() => this.fs.entries(this.path));

  constructor(fs: MemFs, path: BytePath, flags: number) {
    super(path, flags);
    this.fs = fs;
  }
  stat(): Stat | number {
    return this.fs.stat(this.path, false);
  }
  statfs(): Statfs {
    return this.fs.statfs(this.path);
  }
  override read(_into: Uint8Array): number {
    return this.readable ? -EISDIR : -EBADF;
  }
  override pread(_into: Uint8Array, _offset: number): number {
    return this.readable ? -EISDIR : -EBADF;
  }
  override pwrite(_from: Uint8Array, _offset: number): number {
    return -EBADF;
  }
  override readdir(take: (entry: Dirent, nextPosition: number) => boolean): number {
    return this.listing.readdir(take);
  }
  override seek(offset: number, whence: number): number {
    return this.listing.seek(offset, whence);
  }
  override sync(): number {
    return 0;
  }
  override chmod(mode: number): number {
    return this.fs.chmod(this.path, mode, true);
  }
  override chown(uid: number, gid: number): number {
    return this.fs.chown(this.path, uid, gid, true);
  }
  override utimes(atime: Timespec | null, mtime: Timespec | null): number {
    return this.fs.utimes(this.path, atime, mtime, true);
  }
}
