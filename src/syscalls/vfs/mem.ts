import type { IFs } from 'memfs';
import {
  EACCES,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  fromNodeError,
} from '../errno.ts';
import { fromMs, realtimeMs } from '../kernel/clock.ts';
import { Fifo } from '../kernel/pipe.ts';
import { MemDirectory, MemRegular } from './mem-file.ts';
import { syntheticStat } from './memory-file.ts';
import {
  type BytePath,
  type Dirent,
  direntType,
  type FileSystem,
  type Location,
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  type OpenFile,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  type Stat,
  type Statfs,
  type Timespec,
} from './types.ts';

const TMPFS_MAGIC = 0x01021994;
const BLOCK = 4096;
const DEVICE = 0x19;

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

function now(): Timespec {
  return fromMs(realtimeMs());
}

/**
 * A file tree in memory on the package memfs, which holds names and contents; everything Linux
 * checks is checked here. Paths come in resolved: the namespace walks them, so nothing of the host
 * can be reached. The guest is root in it.
 */
export class MemFs implements FileSystem {
  readonly type = 'tmpfs';
  readonly opaque = false;
  readonly vol: IFs;
  private readonly limits: MemLimits;
  private readonly meta: Map<number, Meta> = new Map();
  private readonly fifos: Map<number, Fifo> = new Map();
  private usedBytes = 0;
  private usedInodes = 1;
  private tmpCount = 0;

  constructor(vol: IFs, limits: MemLimits) {
    this.vol = vol;
    this.limits = limits;
  }

  private run(action: () => void): number {
    try {
      action();
      return 0;
    } catch (error) {
      return fromNodeError(error);
    }
  }

  /** Inode number of a path, not following a last symlink; or -errno. */
  private ino(path: BytePath): number {
    try {
      return Number(this.vol.lstatSync(trim(path)).ino);
    } catch (error) {
      return fromNodeError(error);
    }
  }

  /** Our record of a node; made on first sight for what memfs itself made (the root). */
  metaOf(ino: number, isDirectory: boolean): Meta {
    let found = this.meta.get(ino);
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
      this.meta.set(ino, found);
    }
    return found;
  }

  private born(path: BytePath, mode: number): void {
    const t = now();
    const clean = trim(path);
    const parent = this.metaOf(this.ino(clean.slice(0, clean.lastIndexOf('/')) || '/'), true);
    // a set-group-ID directory gives its group, and the bit to directories (man 7 inode)
    const inherits = (parent.mode & 0o2000) !== 0;
    const gid = inherits ? parent.gid : 0;
    if (inherits && (mode & S_IFMT) === S_IFDIR) mode |= 0o2000;
    this.meta.set(this.ino(path), { mode, uid: 0, gid, atime: t, mtime: t, ctime: t, btime: t });
    this.usedInodes++;
    this.touchParent(path);
  }

  private touchParent(path: BytePath): void {
    const clean = trim(path);
    const parent = clean.slice(0, clean.lastIndexOf('/')) || '/';
    const ino = this.ino(parent);
    if (ino < 0) return;
    const meta = this.metaOf(ino, true);
    meta.mtime = now();
    meta.ctime = meta.mtime;
  }

  /** Content changed. */
  modified(ino: number): void {
    const meta = this.metaOf(ino, false);
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

  mode(path: BytePath): number {
    const stat = this.stat(path, false);
    return typeof stat === 'number' ? stat : stat.mode;
  }

  magic(_path: BytePath): Location | null {
    return null;
  }

  stat(path: BytePath, _follow: boolean): Stat | number {
    try {
      const stat = this.statOf(this.vol.lstatSync(trim(path)));
      return path.length > 1 && path.endsWith('/') && (stat.mode & S_IFMT) !== S_IFDIR ? -ENOTDIR : stat;
    } catch (error) {
      return fromNodeError(error);
    }
  }

  access(path: BytePath, mode: number): number {
    const stat = this.stat(path, true);
    if (typeof stat === 'number') return stat;
    // Root may do everything but execute a file without any x bit.
    const executable = (stat.mode & S_IFMT) === S_IFDIR || (stat.mode & 0o111) !== 0;
    return (mode & 1) !== 0 && !executable ? -EACCES : 0;
  }

  open(path: BytePath, flags: number, mode: number): OpenFile | number {
    if ((flags & O_TMPFILE) === O_TMPFILE) return this.openTemporary(path, flags, mode);
    const now = this.mode(path);
    if (now >= 0 && (flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
    const kept = flags & ~(O_CREAT | O_EXCL | O_TRUNC | 0o400);
    if (now < 0) {
      if (now !== -ENOENT || (flags & O_CREAT) === 0) return now;
      if (path.endsWith('/')) return -EISDIR;
      if ((flags & O_DIRECTORY) !== 0) return -EINVAL;
      if (this.usedInodes >= this.limits.inodes) return -ENOSPC;
      const parent = this.parentError(path);
      if (parent < 0) return parent;
      const made = this.run(() => this.vol.closeSync(this.vol.openSync(path, 'wx')));
      if (made < 0) return made;
      this.born(path, S_IFREG | (mode & 0o7777));
      return this.openRegular(path, kept);
    }
    const type = now & S_IFMT;
    if (type === S_IFLNK) {
      if ((flags & O_PATH) !== 0) return new MemDirectory(this, path, kept);
      return (flags & O_NOFOLLOW) !== 0 ? -ELOOP : -ENOENT;
    }
    if (type === S_IFDIR) {
      if ((flags & O_ACCMODE) !== 0 || (flags & O_CREAT) !== 0) return -EISDIR;
      return new MemDirectory(this, trim(path), kept);
    }
    if ((flags & O_DIRECTORY) !== 0 || path.endsWith('/')) return -ENOTDIR;
    if ((flags & O_PATH) === 0 && type === S_IFSOCK) return -ENXIO;
    const fifo = (flags & O_PATH) === 0 ? this.fifos.get(this.ino(path)) : undefined;
    if (fifo !== undefined) {
      const ino = this.ino(path);
      const meta = this.metaOf(ino, false);
      return fifo.open(path, kept, () => syntheticStat({ ...meta, ino, dev: DEVICE }));
    }
    if ((flags & O_TRUNC) !== 0 && (flags & O_PATH) === 0) {
      const cut = this.truncate(path, 0);
      if (cut < 0) return cut;
    }
    return this.openRegular(path, kept);
  }

  private openRegular(path: BytePath, flags: number): OpenFile | number {
    try {
      // Always read-write towards memfs: the access mode is the description's, checked there.
      return new MemRegular(this, this.vol.openSync(path, 'r+'), path, flags);
    } catch (error) {
      return fromNodeError(error);
    }
  }

  /** O_TMPFILE: a file whose name is gone before anyone sees it. */
  private openTemporary(path: BytePath, flags: number, mode: number): OpenFile | number {
    if ((flags & O_ACCMODE) === 0) return -EINVAL;
    const name = `${trim(path) === '/' ? '' : trim(path)}/#tmp${this.tmpCount++}`;
    const file = this.open(name, (flags & ~O_TMPFILE) | O_CREAT | O_EXCL, mode);
    if (typeof file !== 'number') this.unlink(name);
    return file;
  }

  /** Error of the directory a new name would go into. */
  private parentError(path: BytePath): number {
    const clean = trim(path);
    const mode = this.mode(clean.slice(0, clean.lastIndexOf('/')) || '/');
    if (mode < 0) return mode;
    return (mode & S_IFMT) === S_IFDIR ? 0 : -ENOTDIR;
  }

  /** Checks before a name is made; 0 or -errno. */
  private fresh(path: BytePath): number {
    if (this.mode(path) >= 0) return -EEXIST;
    if (this.usedInodes >= this.limits.inodes) return -ENOSPC;
    return this.parentError(path);
  }

  entries(path: BytePath): Dirent[] | number {
    try {
      const names = this.vol.readdirSync(path) as string[];
      const base = path === '/' ? '/' : `${path}/`;
      const parent = path.slice(0, path.lastIndexOf('/')) || '/';
      const list: Dirent[] = [
        { name: '.', ino: this.ino(path), type: 4 },
        { name: '..', ino: this.ino(parent), type: 4 },
      ];
      for (const name of names) {
        const stat = this.stat(base + name, false);
        if (typeof stat !== 'number') list.push({ name, ino: stat.ino, type: direntType(stat.mode) });
      }
      return list;
    } catch (error) {
      return fromNodeError(error);
    }
  }

  readlink(path: BytePath): BytePath | number {
    const mode = this.mode(path);
    if (mode < 0) return mode;
    if ((mode & S_IFMT) !== S_IFLNK) return -EINVAL;
    try {
      return String(this.vol.readlinkSync(path));
    } catch (error) {
      return fromNodeError(error);
    }
  }

  mkdir(path: BytePath, mode: number): number {
    const problem = this.fresh(path);
    if (problem < 0) return problem;
    const made = this.run(() => this.vol.mkdirSync(trim(path)));
    if (made === 0) this.born(path, S_IFDIR | mode);
    return made;
  }

  rmdir(path: BytePath): number {
    const mode = this.mode(path);
    if (mode < 0) return mode;
    if ((mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
    if (trim(path) === '/') return -16;
    const entries = this.entries(trim(path));
    if (typeof entries === 'number') return entries;
    if (entries.length > 2) return -ENOTEMPTY;
    const result = this.run(() => this.vol.rmdirSync(trim(path)));
    if (result === 0) {
      this.usedInodes--;
      this.touchParent(path);
    }
    return result;
  }

  unlink(path: BytePath): number {
    const stat = this.stat(path, false);
    if (typeof stat === 'number') return stat;
    if ((stat.mode & S_IFMT) === S_IFDIR) return -EISDIR;
    const result = this.run(() => this.vol.unlinkSync(path));
    if (result === 0) {
      if (stat.nlink <= 1) {
        this.usedInodes--;
        this.fifos.delete(Number(stat.ino));
        if ((stat.mode & S_IFMT) === S_IFREG) this.reserve(-stat.size);
      } else this.metaOf(Number(stat.ino), false).ctime = now();
      this.touchParent(path);
    }
    return result;
  }

  symlink(target: BytePath, path: BytePath): number {
    const problem = this.fresh(path);
    if (problem < 0) return problem;
    const made = this.run(() => this.vol.symlinkSync(target, path));
    if (made === 0) this.born(path, S_IFLNK | 0o777);
    return made;
  }

  link(from: BytePath, to: BytePath, _follow: boolean): number {
    const mode = this.mode(from);
    if (mode < 0) return mode;
    if ((mode & S_IFMT) === S_IFDIR) return -EPERM;
    // memfs links what a symlink points at; Linux links the symlink.
    if ((mode & S_IFMT) === S_IFLNK) return -EOPNOTSUPP;
    const problem = this.fresh(to);
    if (problem < 0) return problem;
    const result = this.run(() => this.vol.linkSync(from, to));
    if (result === 0) {
      this.metaOf(this.ino(from), false).ctime = now();
      this.touchParent(to);
    }
    return result;
  }

  rename(from: BytePath, to: BytePath, flags: number): number {
    if (flags === 2) return this.exchange(from, to);
    if ((flags & ~1) !== 0) return -EINVAL;
    const source = this.stat(from, false);
    if (typeof source === 'number') return source;
    const [a, b] = [trim(from), trim(to)];
    if (a === '/' || b === '/') return -16;
    const target = this.stat(b, false);
    const isDirectory = (source.mode & S_IFMT) === S_IFDIR;
    if (!isDirectory && to.endsWith('/')) return -ENOTDIR;
    if (isDirectory && (b === a || b.startsWith(`${a}/`))) return b === a ? 0 : -EINVAL;
    if (typeof target === 'number') {
      if (target !== -ENOENT) return target;
      const problem = this.parentError(b);
      if (problem < 0) return problem;
    } else {
      if ((flags & 1) !== 0) return -EEXIST;
      // Two names of one file: nothing happens (man 2 rename).
      if (target.ino === source.ino) return 0;
      const ontoDirectory = (target.mode & S_IFMT) === S_IFDIR;
      if (ontoDirectory && !isDirectory) return -EISDIR;
      if (!ontoDirectory && isDirectory) return -ENOTDIR;
      const removed = ontoDirectory ? this.rmdir(b) : this.unlink(b);
      if (removed < 0) return removed;
    }
    const isLink = (source.mode & S_IFMT) === S_IFLNK;
    const result = isLink ? this.moveLink(a, b) : this.run(() => this.vol.renameSync(a, b));
    if (result === 0) {
      this.touchParent(a);
      this.touchParent(b);
    }
    return result;
  }

  /** memfs renames what a symlink leads to: the link is made again, with its record. */
  private moveLink(from: BytePath, to: BytePath): number {
    const old = this.ino(from);
    const result = this.run(() => {
      this.vol.symlinkSync(this.vol.readlinkSync(from) as string, to);
      this.vol.unlinkSync(from);
    });
    const meta = this.meta.get(old);
    if (result === 0 && meta !== undefined) {
      this.meta.delete(old);
      this.meta.set(this.ino(to), { ...meta, ctime: now() });
    }
    return result;
  }

  /** RENAME_EXCHANGE: by a third name, which nobody can see in between. */
  private exchange(from: BytePath, to: BytePath): number {
    const [a, b] = [trim(from), trim(to)];
    const [source, target] = [this.stat(a, false), this.stat(b, false)];
    if (typeof source === 'number') return source;
    if (typeof target === 'number') return target;
    if (a === '/' || b === '/') return -EBUSY;
    if (b.startsWith(`${a}/`) || a.startsWith(`${b}/`)) return -EINVAL;
    if (source.ino === target.ino) return 0;
    const aside = `${a}.${this.tmpCount++}.exchange`;
    return this.rename(a, aside, 0) || this.rename(b, a, 0) || this.rename(aside, b, 0);
  }

  mknod(path: BytePath, mode: number, _dev: number): number {
    const type = mode & S_IFMT;
    if (![0, S_IFREG, S_IFIFO, S_IFSOCK].includes(type)) return -EPERM;
    const file = this.open(path, O_CREAT | O_EXCL | 1, mode & 0o7777);
    if (typeof file === 'number') return file;
    // memfs knows no such nodes: an empty file stands for one.
    const ino = this.ino(path);
    if (type === S_IFIFO || type === S_IFSOCK) this.metaOf(ino, false).mode = type | (mode & 0o7777);
    if (type === S_IFIFO) this.fifos.set(ino, new Fifo());
    return file.close();
  }

  truncate(path: BytePath, size: number): number {
    const stat = this.stat(path, true);
    if (typeof stat === 'number') return stat;
    if ((stat.mode & S_IFMT) === S_IFDIR) return -EISDIR;
    if (!this.reserve(size - stat.size)) return -ENOSPC;
    const result = this.run(() => this.vol.truncateSync(path, size));
    this.modified(Number(stat.ino));
    return result;
  }

  private change(path: BytePath, apply: (meta: Meta) => void): number {
    const ino = this.ino(path);
    if (ino < 0) return ino;
    this.changeMeta(ino, apply);
    return 0;
  }

  /** Change a node's record, and so its ctime. */
  changeMeta(ino: number, apply: (meta: Meta) => void): void {
    const meta = this.metaOf(ino, false);
    apply(meta);
    meta.ctime = now();
  }

  chmod(path: BytePath, mode: number, follow: boolean): number {
    const old = this.mode(path);
    if (old >= 0 && !follow && (old & S_IFMT) === S_IFLNK) return -EOPNOTSUPP;
    return this.change(path, (meta) => {
      meta.mode = (meta.mode & S_IFMT) | (mode & 0o7777);
    });
  }

  chown(path: BytePath, uid: number, gid: number, _follow: boolean): number {
    const ino = this.ino(path);
    if (ino < 0) return ino;
    this.setOwner(ino, uid, gid);
    return 0;
  }

  /** chown(2): of what is no directory, set-user-ID and set-group-ID bits go, whoever asks. */
  setOwner(ino: number, uid: number, gid: number): void {
    this.changeMeta(ino, (meta) => {
      if (uid !== -1) meta.uid = uid >>> 0;
      if (gid !== -1) meta.gid = gid >>> 0;
      if ((meta.mode & S_IFMT) !== S_IFDIR) meta.mode &= (meta.mode & 0o010) !== 0 ? ~0o6000 : ~0o4000;
    });
  }

  utimes(path: BytePath, atime: Timespec | null, mtime: Timespec | null, _follow: boolean): number {
    return this.change(path, (meta) => {
      if (atime !== null) meta.atime = atime;
      if (mtime !== null) meta.mtime = mtime;
    });
  }

  statfs(_path: BytePath): Statfs {
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

/** Without trailing slashes, but for the root itself. */
function trim(path: BytePath): BytePath {
  return path.length > 1 && path.endsWith('/') ? path.replace(/\/+$/, '') || '/' : path;
}
