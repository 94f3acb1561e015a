import { EBADF, EINVAL, EPERM } from '../errno.ts';
import { BaseFile } from './base-file.ts';
import { Listing } from './listing.ts';
import {
  type BytePath,
  type Dirent,
  direntType,
  S_IFDIR,
  S_IFREG,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
  type Stat,
  type Statfs,
} from './types.ts';

/** A stat of a file that exists only in our kernel. */
export function syntheticStat(fields: Partial<Stat> & { readonly mode: number; readonly ino: number }): Stat {
  const now = { sec: Math.floor(BOOT / 1000), nsec: 0 };
  return {
    dev: 0x15,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size: 0,
    blksize: 4096,
    blocks: 0,
    atime: now,
    mtime: now,
    ctime: now,
    btime: null,
    ...fields,
  };
}
const BOOT = Date.now();

/** A stable inode number for a path of a synthetic file system. */
export function inodeOf(path: BytePath): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  return (hash >>> 0) + 2;
}

/** Statfs of a synthetic file system. */
export function syntheticStatfs(type: number): Statfs {
  return { type, bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 255 };
}

/** A read-only file whose content is made when it is opened: /proc. */
export class TextFile extends BaseFile {
  private readonly content: Uint8Array;
  private readonly info: Stat;
  private readonly fsType: number;
  private position = 0;

  constructor(path: BytePath, flags: number, content: Uint8Array, info: Stat, fsType: number) {
    super(path, flags);
    this.content = content;
    this.info = info;
    this.fsType = fsType;
  }

  stat(): Stat {
    return this.info;
  }
  statfs(): Statfs {
    return syntheticStatfs(this.fsType);
  }
  override read(into: Uint8Array): number {
    const n = this.pread(into, this.position);
    if (n > 0) this.position += n;
    return n;
  }
  override pread(into: Uint8Array, offset: number): number {
    if (!this.readable) return -EBADF;
    if (offset < 0) return -EINVAL;
    const part = this.content.subarray(Math.min(offset, this.content.length), offset + into.length);
    into.set(part);
    return part.length;
  }
  override write(_from: Uint8Array): number {
    return this.writable ? -EPERM : -EBADF;
  }
  override seek(offset: number, whence: number): number {
    const base = whence === SEEK_SET ? 0 : whence === SEEK_CUR ? this.position : whence === SEEK_END ? 0 : Number.NaN;
    const target = base + offset;
    if (!(target >= 0)) return -EINVAL;
    this.position = target;
    return target;
  }
  override sync(): number {
    return -EINVAL;
  }
}

/** A directory listed by a function: /proc, /dev. */
export class ListDirectory extends BaseFile {
  private readonly list: () => { name: BytePath; mode: number }[];
  private readonly fsType: number;
  private readonly info: Stat;
  private readonly listing: Listing = new Listing(() => [
    { name: '.', ino: inodeOf(this.path), type: 4 },
    { name: '..', ino: 1, type: 4 },
    ...this.list().map(({ name, mode }) => ({ name, ino: inodeOf(`${this.path}/${name}`), type: direntType(mode) })),
  ]);

  constructor(
    path: BytePath,
    flags: number,
    list: () => { name: BytePath; mode: number }[],
    fsType: number,
    info: Stat = directoryStat(path),
  ) {
    super(path, flags);
    this.info = info;
    this.list = list;
    this.fsType = fsType;
  }

  stat(): Stat {
    return this.info;
  }
  statfs(): Statfs {
    return syntheticStatfs(this.fsType);
  }
  override read(_into: Uint8Array): number {
    return -21;
  }
  override readdir(take: (entry: Dirent, nextPosition: number) => boolean): number {
    return this.listing.readdir(take);
  }
  override seek(offset: number, whence: number): number {
    return this.listing.seek(offset, whence);
  }
}

/** Stat of a synthetic directory. */
export function directoryStat(path: BytePath): Stat {
  return syntheticStat({ mode: S_IFDIR | 0o555, ino: inodeOf(path), nlink: 2 });
}

/** Stat of a synthetic read-only file. */
export function textStat(path: BytePath, mode = 0o444): Stat {
  return syntheticStat({ mode: S_IFREG | mode, ino: inodeOf(path), blksize: 1024 });
}
