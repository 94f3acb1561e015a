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
import { Fifo } from '../kernel/pipe.ts';
import { MemDirectory, MemRegular } from './mem-file.ts';
import { DEVICE, type MemLimits, MemNodes, type Meta, now } from './mem-nodes.ts';
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

/**
 * A file tree in memory on the package memfs, which holds names and contents; everything Linux
 * checks is checked here. Paths come in resolved: the namespace walks them, so nothing of the host
 * can be reached. The guest is root in it.
 */
export class MemFs implements FileSystem {
  readonly type = 'tmpfs';
  readonly opaque = false;
  readonly vol: IFs;
  readonly nodes: MemNodes;
  private readonly fifos: Map<number, Fifo> = new Map();
  private tmpCount = 0;

  constructor(vol: IFs, limits: MemLimits) {
    this.vol = vol;
    this.nodes = new MemNodes(limits);
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

  private born(path: BytePath, mode: number): void {
    this.nodes.born(this.ino(path), mode, this.ino(parentOf(path)));
  }

  private touchParent(path: BytePath): void {
    const ino = this.ino(parentOf(path));
    if (ino >= 0) this.nodes.modified(ino, true);
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
      const stat = this.nodes.statOf(this.vol.lstatSync(trim(path)));
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
      if (this.nodes.isFull) return -ENOSPC;
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
      const meta = this.nodes.metaOf(ino, false);
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
    const mode = this.mode(parentOf(path));
    if (mode < 0) return mode;
    return (mode & S_IFMT) === S_IFDIR ? 0 : -ENOTDIR;
  }

  /** Checks before a name is made; 0 or -errno. */
  private fresh(path: BytePath): number {
    if (this.mode(path) >= 0) return -EEXIST;
    if (this.nodes.isFull) return -ENOSPC;
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
      this.nodes.gone();
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
        this.nodes.gone();
        this.fifos.delete(Number(stat.ino));
        if ((stat.mode & S_IFMT) === S_IFREG) this.nodes.reserve(-stat.size);
      } else this.nodes.metaOf(Number(stat.ino), false).ctime = now();
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
      this.nodes.metaOf(this.ino(from), false).ctime = now();
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
    if (result === 0) this.nodes.moved(old, this.ino(to));
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
    if (type === S_IFIFO || type === S_IFSOCK) this.nodes.metaOf(ino, false).mode = type | (mode & 0o7777);
    if (type === S_IFIFO) this.fifos.set(ino, new Fifo());
    return file.close();
  }

  truncate(path: BytePath, size: number): number {
    const stat = this.stat(path, true);
    if (typeof stat === 'number') return stat;
    if ((stat.mode & S_IFMT) === S_IFDIR) return -EISDIR;
    if (!this.nodes.reserve(size - stat.size)) return -ENOSPC;
    const result = this.run(() => this.vol.truncateSync(path, size));
    this.nodes.modified(Number(stat.ino), false);
    return result;
  }

  private change(path: BytePath, apply: (meta: Meta) => void): number {
    const ino = this.ino(path);
    if (ino < 0) return ino;
    this.nodes.change(ino, apply);
    return 0;
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
    this.nodes.setOwner(ino, uid, gid);
    return 0;
  }

  utimes(path: BytePath, atime: Timespec | null, mtime: Timespec | null, _follow: boolean): number {
    return this.change(path, (meta) => {
      if (atime !== null) meta.atime = atime;
      if (mtime !== null) meta.mtime = mtime;
    });
  }

  statfs(_path: BytePath): Statfs {
    return this.nodes.statfs();
  }
}

/** Without trailing slashes, but for the root itself. */
function trim(path: BytePath): BytePath {
  return path.length > 1 && path.endsWith('/') ? path.replace(/\/+$/, '') || '/' : path;
}

/** The directory that a name is in. */
function parentOf(path: BytePath): BytePath {
  const clean = trim(path);
  return clean.slice(0, clean.lastIndexOf('/')) || '/';
}
