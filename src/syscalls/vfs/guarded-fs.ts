import { ENOENT, EPERM } from '../errno.ts';
import { guardedWalk } from './guarded-walk.ts';
import { LayeredFs } from './layered-fs.ts';
import type { Namespace } from './namespace.ts';
import {
  born,
  type FileIds,
  lostByWriting,
  MAY_EXEC,
  MAY_READ,
  MAY_WRITE,
  mayChown,
  mayLink,
  mayMake,
  mayRemove,
  mayReuse,
  mayTouch,
  modeToSet,
  owns,
  type Protections,
  permission,
} from './permissions.ts';
import {
  type BytePath,
  type FileSystem,
  type Location,
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  type OpenFile,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Stat,
  type Timespec,
} from './types.ts';

const RENAME_EXCHANGE = 2;
const typeOf = (stat: Stat): number => stat.mode & S_IFMT;

/**
 * What stands between a process whose ids are not the emulator's and the file systems, which do all with those of the
 * emulator: paths are walked, and files opened, made and changed, as the process's own ids allow.
 */
export class Guard {
  readonly ids: FileIds;
  private readonly tree: Namespace;
  private readonly protections: Protections;
  /** Whether new files can be given to the process's ids: the emulator is root. */
  private readonly gives: boolean;
  private readonly guarded: Map<FileSystem, GuardedFs> = new Map();

  constructor(tree: Namespace, ids: FileIds, protections: Protections, gives: boolean) {
    this.tree = tree;
    this.ids = ids;
    this.protections = protections;
    this.gives = gives;
  }

  /** Where a path leads, if its directories may be searched; what is done there is not asked about. */
  walk(base: BytePath, path: BytePath, follow: boolean): Location | number {
    return guardedWalk(this.tree, this.ids, this.protections, base, path, follow);
  }

  /** See Namespace.resolve. */
  resolve(base: BytePath, path: BytePath, follow: boolean): Location | number {
    const at = this.walk(base, path, follow);
    return typeof at === 'number' ? at : { fs: this.before(at.fs), path: at.path };
  }

  private before(fs: FileSystem): GuardedFs {
    let guarded = this.guarded.get(fs);
    if (guarded === undefined) {
      guarded = new GuardedFs(fs, this.ids, this.protections, this.gives);
      this.guarded.set(fs, guarded);
    }
    return guarded;
  }

  /** fchdir(2) */
  mayEnter(file: OpenFile): number {
    return withStat(file.stat(), (stat) => permission(this.ids, stat, MAY_EXEC));
  }
  /** The mode that fchmod(2) sets, or -errno. */
  modeOf(file: OpenFile, mode: number): number {
    return withStat(file.stat(), (stat) => modeToSet(this.ids, stat, mode));
  }
  /** fchown(2) */
  mayGive(file: OpenFile, uid: number, gid: number): number {
    return withStat(file.stat(), (stat) => mayChown(this.ids, stat, uid, gid));
  }
  /** utimensat(2) of a path or an open file; `present`: both times are the current one. */
  mayTouch(stat: Stat | number, present: boolean): number {
    return withStat(stat, (s) => mayTouch(this.ids, s, present));
  }
}

function withStat(stat: Stat | number, rule: (stat: Stat) => number): number {
  return typeof stat === 'number' ? stat : rule(stat);
}

/** A file system as ids may use it. Paths come from guardedWalk: their directories may be searched. */
class GuardedFs extends LayeredFs implements FileSystem {
  private readonly ids: FileIds;
  private readonly protections: Protections;
  private readonly gives: boolean;

  constructor(fs: FileSystem, ids: FileIds, protections: Protections, gives: boolean) {
    super(fs);
    this.ids = ids;
    this.protections = protections;
    this.gives = gives;
  }

  access(path: BytePath, mode: number): number {
    const denied = withStat(this.fs.stat(path, false), (stat) =>
      typeOf(stat) === S_IFLNK ? 0 : permission(this.ids, stat, mode),
    );
    // what the host refuses everybody (EROFS)
    return denied < 0 ? denied : this.fs.access(path, mode);
  }

  private parent(path: BytePath): Stat | number {
    const clean = path.replace(/(.)\/+$/, '$1');
    return this.fs.stat(clean.slice(0, clean.lastIndexOf('/')) || '/', true);
  }

  open(path: BytePath, flags: number, mode: number): OpenFile | number {
    const stat = this.fs.stat(path, false);
    if (typeof stat === 'number') return this.create(stat, path, flags, mode);
    if ((flags & O_TMPFILE) === O_TMPFILE && typeOf(stat) === S_IFDIR) {
      const denied = mayMake(this.ids, stat);
      return denied < 0 ? denied : this.opened(path, flags, mode, stat);
    }
    const denied = this.mayOpen(path, stat, flags);
    if (denied < 0) return denied;
    const file = this.fs.open(path, flags, mode);
    const writes = (flags & O_PATH) === 0 && (flags & (O_ACCMODE | O_TRUNC)) !== 0;
    // Linux takes the bits away at the first write; until then nobody can run what was written.
    const lost = writes ? lostByWriting(this.ids, stat) : 0;
    if (lost !== 0 && typeof file !== 'number') file.chmod(stat.mode & 0o7777 & ~lost);
    return file;
  }

  /** What makes the file system itself answer with an error goes there; so only what would succeed is asked about. */
  private mayOpen(path: BytePath, stat: Stat, flags: number): number {
    const type = typeOf(stat);
    if ((flags & O_PATH) !== 0 || type === S_IFLNK) return 0;
    if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return 0;
    const way = flags & O_ACCMODE;
    if (type === S_IFDIR && (way !== O_RDONLY || (flags & O_CREAT) !== 0)) return 0;
    if (type !== S_IFDIR && (flags & O_DIRECTORY) !== 0) return 0;
    const reads = way === O_WRONLY ? 0 : MAY_READ;
    const writes = way !== O_RDONLY || (flags & O_TRUNC) !== 0 ? MAY_WRITE : 0;
    if ((flags & O_CREAT) !== 0) {
      const reuse = withStat(this.parent(path), (dir) => mayReuse(this.ids, this.protections, dir, stat));
      if (reuse < 0) return reuse;
    }
    const denied = permission(this.ids, stat, reads | writes);
    if (denied < 0) return denied;
    return (flags & O_NOATIME) !== 0 && !owns(this.ids, stat) ? -EPERM : 0;
  }

  private create(missing: number, path: BytePath, flags: number, mode: number): OpenFile | number {
    if (missing !== -ENOENT || (flags & O_CREAT) === 0 || path.endsWith('/')) return this.fs.open(path, flags, mode);
    const dir = this.parent(path);
    if (typeof dir === 'number') return dir;
    const denied = mayMake(this.ids, dir);
    return denied < 0 ? denied : this.opened(path, flags, mode, dir);
  }

  /** A new file, which belongs to the ids. */
  private opened(path: BytePath, flags: number, mode: number, dir: Stat): OpenFile | number {
    const file = this.fs.open(path, flags, mode);
    if (typeof file === 'number' || !this.gives) return file;
    const { uid, gid, mode: bits } = born(this.ids, dir, S_IFREG | mode);
    const failed = file.chown(uid, gid) || file.chmod(bits & 0o7777);
    if (failed >= 0) return file;
    file.close();
    return failed;
  }

  /** Make a name: existing ones are the file system's to refuse, before permissions (fs/namei.c's order). */
  private make(path: BytePath, mode: number, action: () => number): number {
    if (this.fs.mode(path) >= 0) return action();
    const dir = this.parent(path);
    if (typeof dir === 'number') return dir;
    const denied = mayMake(this.ids, dir);
    if (denied < 0) return denied;
    const result = action();
    if (result < 0 || !this.gives) return result;
    const { uid, gid, mode: bits } = born(this.ids, dir, mode);
    // beneath what tells of changes: the file is made so
    const fs = this.fs.beneath ?? this.fs;
    const name = path.replace(/(.)\/+$/, '$1');
    const given = fs.chown(name, uid, gid, false);
    if (given < 0 || typeOf({ mode } as Stat) === S_IFLNK) return given;
    return fs.chmod(name, bits & 0o7777, true);
  }
  mkdir(path: BytePath, mode: number): number {
    return this.make(path, S_IFDIR | mode, () => this.fs.mkdir(path, mode));
  }
  symlink(target: BytePath, path: BytePath): number {
    return this.make(path, S_IFLNK, () => this.fs.symlink(target, path));
  }
  mknod(path: BytePath, mode: number, dev: number): number {
    return this.make(path, (mode & S_IFMT) === 0 ? S_IFREG | mode : mode, () => this.fs.mknod(path, mode, dev));
  }
  link(from: BytePath, to: BytePath, follow: boolean): number {
    if (this.fs.mode(to) >= 0) return this.fs.link(from, to, follow);
    const denied =
      withStat(this.fs.stat(from, false), (stat) => mayLink(this.ids, this.protections, stat)) ||
      withStat(this.parent(to), (dir) => mayMake(this.ids, dir));
    // the path has been followed
    return denied < 0 ? denied : this.fs.link(from, to, false);
  }

  private mayRemove(path: BytePath): number {
    return withStat(this.fs.stat(path, false), (victim) =>
      withStat(this.parent(path), (dir) => mayRemove(this.ids, dir, victim)),
    );
  }
  rmdir(path: BytePath): number {
    return this.mayRemove(path) || this.fs.rmdir(path);
  }
  unlink(path: BytePath): number {
    return this.mayRemove(path) || this.fs.unlink(path);
  }
  rename(from: BytePath, to: BytePath, flags: number): number {
    const [source, target] = [this.fs.stat(from, false), this.fs.stat(to, false)];
    const replaces = typeof target !== 'number';
    // two names of one file: nothing happens, whoever asks
    const same = typeof source !== 'number' && replaces && source.ino === target.ino && source.dev === target.dev;
    if (same) return this.fs.rename(from, to, flags);
    const denied =
      this.mayRemove(from) ||
      (replaces ? this.mayRemove(to) : withStat(this.parent(to), (dir) => mayMake(this.ids, dir))) ||
      this.mayMove(from, to) ||
      (flags === RENAME_EXCHANGE ? this.mayMove(to, from) : 0);
    return denied < 0 ? denied : this.fs.rename(from, to, flags);
  }
  /** A directory that gets another parent is written to: its `..` changes. */
  private mayMove(from: BytePath, to: BytePath): number {
    const [stat, here, there] = [this.fs.stat(from, false), this.parent(from), this.parent(to)];
    if (typeof stat === 'number' || typeof here === 'number' || typeof there === 'number') return 0;
    if (typeOf(stat) !== S_IFDIR || (here.ino === there.ino && here.dev === there.dev)) return 0;
    return permission(this.ids, stat, MAY_WRITE);
  }

  truncate(path: BytePath, size: number): number {
    const stat = this.fs.stat(path, true);
    if (typeof stat === 'number' || typeOf(stat) !== S_IFREG) return this.fs.truncate(path, size);
    const denied = permission(this.ids, stat, MAY_WRITE);
    if (denied < 0) return denied;
    const lost = lostByWriting(this.ids, stat);
    return this.fs.truncate(path, size) || (lost === 0 ? 0 : this.fs.chmod(path, stat.mode & 0o7777 & ~lost, true));
  }
  chmod(path: BytePath, mode: number, follow: boolean): number {
    const wanted = withStat(this.fs.stat(path, false), (stat) => modeToSet(this.ids, stat, mode));
    return wanted < 0 ? wanted : this.fs.chmod(path, wanted, follow);
  }
  chown(path: BytePath, uid: number, gid: number, _follow: boolean): number {
    const denied = withStat(this.fs.stat(path, false), (stat) => mayChown(this.ids, stat, uid, gid));
    return denied < 0 ? denied : this.fs.chown(path, uid, gid, false);
  }
  /** Asked for before, by Guard.mayTouch: which times are the present is not seen here. */
  utimes(path: BytePath, atime: Timespec | null, mtime: Timespec | null, follow: boolean): number {
    return this.fs.utimes(path, atime, mtime, follow);
  }
}
