import { fromMs, realtimeMs } from '../kernel/clock.ts';
import { S_IFDIR, S_IFMT, S_IFREG, type Stat, type Statfs, type Timespec } from './types.ts';

const TMPFS_MAGIC = 0x01021994;
const BLOCK = 4096;
export const DEVICE = 0x19;

/** How much a memory root may hold. */
export interface MemLimits {
  readonly bytes: number;
  readonly inodes: number;
}

/** What memfs does not keep as Linux does: owner, all mode bits, nanoseconds. By inode number. */
export interface Meta {
  mode: number;
  uid: number;
  gid: number;
  atime: Timespec;
  mtime: Timespec;
  ctime: Timespec;
  readonly btime: Timespec;
}

export function now(): Timespec {
  return fromMs(realtimeMs());
}

/** The records of a memory root's nodes, and how much they take. */
export class MemNodes {
  private readonly limits: MemLimits;
  private readonly records: Map<number, Meta> = new Map();
  private usedBytes = 0;
  private usedInodes = 1;

  constructor(limits: MemLimits) {
    this.limits = limits;
  }

  /** Whether there may be no more of them. */
  get isFull(): boolean {
    return this.usedInodes >= this.limits.inodes;
  }

  /** Our record of a node; made on first sight for what memfs itself made (the root). */
  metaOf(ino: number, isDirectory: boolean): Meta {
    let found = this.records.get(ino);
    if (found === undefined) {
      const t = now();
      found = {
        mode: isDirectory ? S_IFDIR | 0o755 : S_IFREG | 0o644,
        uid: 0,
        gid: 0,
        atime: t,
        mtime: t,
        ctime: t,
        btime: t,
      };
      this.records.set(ino, found);
    }
    return found;
  }

  /** A node was made in a directory. */
  born(ino: number, mode: number, directory: number): void {
    const t = now();
    const parent = this.metaOf(directory, true);
    // a set-group-ID directory gives its group, and the bit to directories (man 7 inode)
    const inherits = (parent.mode & 0o2000) !== 0;
    const gid = inherits ? parent.gid : 0;
    if (inherits && (mode & S_IFMT) === S_IFDIR) mode |= 0o2000;
    this.records.set(ino, { mode, uid: 0, gid, atime: t, mtime: t, ctime: t, btime: t });
    this.usedInodes++;
    this.modified(directory, true);
  }

  /** A node's last name is gone. */
  gone(): void {
    this.usedInodes--;
  }

  /** A node was made again as another one. */
  moved(from: number, to: number): void {
    const meta = this.records.get(from);
    if (meta === undefined) return;
    this.records.delete(from);
    this.records.set(to, { ...meta, ctime: now() });
  }

  /** Content changed. */
  modified(ino: number, isDirectory: boolean): void {
    const meta = this.metaOf(ino, isDirectory);
    meta.mtime = now();
    meta.ctime = meta.mtime;
  }

  /** Account for a file that grows (or shrinks, negative); false = no space. */
  reserve(bytes: number): boolean {
    if (bytes > 0 && this.usedBytes + bytes > this.limits.bytes) return false;
    this.usedBytes += bytes;
    return true;
  }

  /** stat of a node by its memfs fields. */
  statOf(s: { ino: number | bigint; nlink: number | bigint; size: number | bigint; isDirectory(): boolean }): Stat {
    const meta = this.metaOf(Number(s.ino), s.isDirectory());
    const size = s.isDirectory() ? BLOCK : Number(s.size);
    return {
      dev: DEVICE,
      ino: Number(s.ino),
      mode: meta.mode,
      nlink: Number(s.nlink),
      uid: meta.uid,
      gid: meta.gid,
      rdev: 0,
      size,
      blksize: BLOCK,
      blocks: s.isDirectory() ? 0 : Math.ceil(size / BLOCK) * 8,
      atime: meta.atime,
      mtime: meta.mtime,
      ctime: meta.ctime,
      btime: meta.btime,
    };
  }

  /** Change a node's record, and so its ctime. */
  change(ino: number, apply: (meta: Meta) => void): void {
    const meta = this.metaOf(ino, false);
    apply(meta);
    meta.ctime = now();
  }

  /** chown(2): of what is no directory, set-user-ID and set-group-ID bits go, whoever asks. */
  setOwner(ino: number, uid: number, gid: number): void {
    this.change(ino, (meta) => {
      if (uid !== -1) meta.uid = uid >>> 0;
      if (gid !== -1) meta.gid = gid >>> 0;
      if ((meta.mode & S_IFMT) !== S_IFDIR) meta.mode &= (meta.mode & 0o010) !== 0 ? ~0o6000 : ~0o4000;
    });
  }

  statfs(): Statfs {
    const blocks = Math.floor(this.limits.bytes / BLOCK);
    const free = Math.max(0, Math.floor((this.limits.bytes - this.usedBytes) / BLOCK));
    const { inodes } = this.limits;
    return {
      type: TMPFS_MAGIC,
      bsize: BLOCK,
      blocks,
      bfree: free,
      bavail: free,
      files: inodes,
      ffree: Math.max(0, inodes - this.usedInodes),
      namelen: 255,
    };
  }
}
