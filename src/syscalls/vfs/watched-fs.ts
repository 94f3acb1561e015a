import type { FileWatches } from '../kernel/file-watches.ts';
import { IN_ACCESS, IN_ATTRIB, IN_CREATE, IN_ISDIR, IN_MODIFY, IN_OPEN } from '../kernel/inotify.ts';
import { LayeredFs } from './layered-fs.ts';
import { placeOf } from './place.ts';
import {
  type BytePath,
  type FileSystem,
  type Location,
  O_CREAT,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  type OpenFile,
  type Timespec,
} from './types.ts';

const RENAME_EXCHANGE = 2;

/** A file system that tells of what is done to its paths; each change goes to the one it stands for. */
export class WatchedFs extends LayeredFs implements FileSystem {
  private readonly watches: FileWatches;

  constructor(fs: FileSystem, watches: FileWatches) {
    super(fs);
    this.watches = watches;
  }
  get beneath(): FileSystem {
    return this.fs;
  }

  private at(path: BytePath): Location {
    return { fs: this.fs, path };
  }
  /** A name was made. */
  private made(result: number, path: BytePath, flags = 0): number {
    const place = result === 0 ? placeOf(this.at(path)) : null;
    if (place !== null) this.watches.inDirectory(place, IN_CREATE | flags);
    return result;
  }
  /** What a path names was changed. */
  private changed(result: number, path: BytePath, follow: boolean, mask: number): number {
    if (result === 0) this.watches.onPath(this.at(path), follow, mask);
    return result;
  }
  private removing(path: BytePath, remove: () => number): number {
    const stat = this.fs.stat(path, false);
    const result = remove();
    if (result === 0 && typeof stat !== 'number') this.watches.removed(stat, placeOf(this.at(path)));
    return result;
  }

  access(path: BytePath, mode: number): number {
    return this.fs.access(path, mode);
  }

  open(path: BytePath, flags: number, mode: number): OpenFile | number {
    const named = (flags & O_TMPFILE) !== O_TMPFILE;
    const isNew = named && (flags & O_CREAT) !== 0 && typeof this.fs.stat(path, true) === 'number';
    const file = this.fs.open(path, flags, mode);
    if (typeof file === 'number' || (flags & O_PATH) !== 0) return file;
    const { watches } = this;
    if (named) watches.opened(file, this.at(path));
    if (isNew) this.made(0, path);
    watches.onFile(file, IN_OPEN);
    if ((flags & O_TRUNC) !== 0 && !isNew) watches.onFile(file, IN_MODIFY);
    return file;
  }
  mkdir(path: BytePath, mode: number): number {
    return this.made(this.fs.mkdir(path, mode), path, IN_ISDIR);
  }
  rmdir(path: BytePath): number {
    return this.removing(path, () => this.fs.rmdir(path));
  }
  unlink(path: BytePath): number {
    return this.removing(path, () => this.fs.unlink(path));
  }
  symlink(target: BytePath, path: BytePath): number {
    return this.made(this.fs.symlink(target, path), path);
  }
  link(from: BytePath, to: BytePath, follow: boolean): number {
    const result = this.fs.link(from, to, follow);
    const stat = result === 0 ? this.fs.stat(to, false) : result;
    if (typeof stat !== 'number') this.watches.onNode(stat, null, IN_ATTRIB);
    return this.made(result, to);
  }
  rename(from: BytePath, to: BytePath, flags: number): number {
    const source = this.fs.stat(from, false);
    const target = this.fs.stat(to, false);
    const result = this.fs.rename(from, to, flags);
    if (result !== 0 || typeof source === 'number') return result;
    const replaced = typeof target === 'number' ? null : target;
    // two names of one file: nothing happens
    if (replaced?.ino === source.ino) return result;
    const [here, there] = [placeOf(this.at(from)), placeOf(this.at(to))];
    if (flags === RENAME_EXCHANGE && replaced !== null) {
      this.watches.moved(source, here, there, null);
      this.watches.moved(replaced, there, here, null);
      return result;
    }
    this.watches.moved(source, here, there, replaced);
    return result;
  }
  mknod(path: BytePath, mode: number, dev: number): number {
    return this.made(this.fs.mknod(path, mode, dev), path);
  }
  truncate(path: BytePath, size: number): number {
    return this.changed(this.fs.truncate(path, size), path, true, IN_MODIFY);
  }
  chmod(path: BytePath, mode: number, follow: boolean): number {
    return this.changed(this.fs.chmod(path, mode, follow), path, follow, IN_ATTRIB);
  }
  chown(path: BytePath, uid: number, gid: number, follow: boolean): number {
    return this.changed(this.fs.chown(path, uid, gid, follow), path, follow, IN_ATTRIB);
  }
  utimes(path: BytePath, atime: Timespec | null, mtime: Timespec | null, follow: boolean): number {
    return this.changed(this.fs.utimes(path, atime, mtime, follow), path, follow, timesEvent(atime, mtime));
  }
}

/** utimensat(2) of one time alone counts as reading or writing. */
export function timesEvent(atime: Timespec | null, mtime: Timespec | null): number {
  if (atime !== null && mtime !== null) return IN_ATTRIB;
  return atime !== null ? IN_ACCESS : IN_MODIFY;
}
