import { EEXIST, EMFILE, ENOSPC, ENOTDIR } from '../errno.ts';
import { HostChanges } from '../vfs/host-changes.ts';
import { canonicalPath } from '../vfs/namespace.ts';
import { keyOf, type Place, placeOf } from '../vfs/place.ts';
import {
  type BytePath,
  type Location,
  O_ACCMODE,
  O_PATH,
  O_RDONLY,
  type OpenFile,
  S_IFDIR,
  S_IFMT,
  type Stat,
} from '../vfs/types.ts';
import { WatchedFs } from '../vfs/watched-fs.ts';
import { DirectoryNotice } from './dnotify.ts';
import * as I from './inotify.ts';
import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';

const isDirectory = (stat: Stat): boolean => (stat.mode & S_IFMT) === S_IFDIR;

/**
 * The watches of all inotify instances of a machine, by inode, and what happens to files. Until the first instance
 * is made nothing is looked at: only then do the file systems tell of what is done to paths (WatchedFs).
 */
export class FileWatches {
  private readonly kernel: Kernel;
  private readonly byNode: Map<string, Set<I.Watch>> = new Map();
  /** Where open files have their names. */
  private readonly places: WeakMap<OpenFile, Place> = new WeakMap();
  /** Watched inodes without a name that are still open. */
  private readonly doomed: Set<string> = new Set();
  private readonly host: Map<string, HostChanges> = new Map();
  /** F_NOTIFY by open directory. */
  private readonly notices: WeakMap<OpenFile, DirectoryNotice> = new WeakMap();
  private instances = 0;
  private count = 0;
  private cookie = 0;
  private listening = false;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** Whether nothing is watched. */
  get idle(): boolean {
    return this.byNode.size === 0;
  }

  /** inotify_init1(2) */
  create(flags: number): I.InotifyFile | number {
    if (this.instances >= I.MAX_INSTANCES) return -EMFILE;
    this.instances++;
    this.listen();
    return new I.InotifyFile(flags, (instance) => {
      this.instances--;
      for (const watch of instance.watches.values()) this.forget(watch);
    });
  }

  private listen(): void {
    if (!this.listening) this.kernel.namespace.wrap((fs) => new WatchedFs(fs, this));
    this.listening = true;
  }

  /** F_NOTIFY of an open directory: events are added, a mask of 0 ends it. 0 or -errno. */
  notify(process: Process, file: OpenFile, mask: number): number {
    const stat = file.stat();
    if (typeof stat === 'number' || !isDirectory(stat)) return -ENOTDIR;
    if (mask === 0) {
      this.unnotify(process, file);
      return 0;
    }
    this.listen();
    const at = this.kernel.namespace.resolve('/', file.path, true);
    if (typeof at === 'number') return at;
    const notice = this.notices.get(file) ?? new DirectoryNotice(process);
    this.notices.set(file, notice);
    const added = this.add(notice, at, stat, (mask | I.IN_MASK_ADD) >>> 0);
    return Math.min(added, 0);
  }

  /** A process closes a directory: it is told no more. */
  unnotify(process: Process, file: OpenFile): void {
    const notice = this.notices.get(file);
    if (notice?.process !== process) return;
    for (const watch of notice.watches.values()) this.forget(watch);
    this.notices.delete(file);
  }

  /** inotify_add_watch(2) for an inode that was found: the watch descriptor or -errno. */
  add(instance: I.Listener, at: Location, stat: Stat, mask: number): number {
    const key = keyOf(stat);
    const wanted = (mask & ~(I.IN_MASK_ADD | I.IN_MASK_CREATE | I.IN_ONLYDIR | I.IN_DONT_FOLLOW)) >>> 0;
    const old = [...instance.watches.values()].find((watch) => watch.key === key);
    if (old !== undefined) {
      if ((mask & I.IN_MASK_CREATE) !== 0) return -EEXIST;
      old.mask = (mask & I.IN_MASK_ADD) !== 0 ? (old.mask | wanted) >>> 0 : wanted;
      return old.wd;
    }
    if (this.count >= I.MAX_WATCHES) return -ENOSPC;
    this.count++;
    const watch = instance.watch(key, wanted);
    const watches = this.byNode.get(key);
    if (watches === undefined) {
      this.byNode.set(key, new Set([watch]));
      this.watchHost(key, at, stat);
    } else watches.add(watch);
    return watch.wd;
  }

  /** A watch ends: inotify_rm_watch(2), its inode is gone, IN_ONESHOT. */
  remove(watch: I.Watch): void {
    this.forget(watch);
    watch.instance.watches.delete(watch.wd);
    watch.instance.push({ wd: watch.wd, mask: I.IN_IGNORED, cookie: 0, name: '' });
  }

  private forget(watch: I.Watch): void {
    this.count--;
    const { key } = watch;
    const watches = this.byNode.get(key);
    watches?.delete(watch);
    if (watches?.size !== 0) return;
    this.byNode.delete(key);
    this.doomed.delete(key);
    this.host.get(key)?.close();
    this.host.delete(key);
  }

  /** Where a file is that was opened by a path. */
  opened(file: OpenFile, at: Location): void {
    const place = placeOf({ fs: at.fs, path: canonicalPath(at) });
    if (place !== null) this.places.set(file, place);
  }

  /** Something was done to an open file. */
  onFile(file: OpenFile, mask: number): void {
    if (this.byNode.size === 0 || (file.flags & O_PATH) !== 0 || !file.path.startsWith('/')) return;
    const stat = file.stat();
    if (typeof stat === 'number') return;
    let place = this.places.get(file);
    if (place === undefined) {
      const at = this.kernel.namespace.resolve('/', file.path, true);
      if (typeof at !== 'number') this.opened(file, at);
      place = this.places.get(file);
    }
    this.onNode(stat, place ?? null, mask);
  }

  /** The last descriptor of a file goes. */
  onClose(file: OpenFile): void {
    if (this.byNode.size === 0) return;
    this.onFile(file, (file.flags & O_ACCMODE) === O_RDONLY ? I.IN_CLOSE_NOWRITE : I.IN_CLOSE_WRITE);
    const stat = this.doomed.size > 0 ? file.stat() : 0;
    if (typeof stat !== 'number' && this.doomed.has(keyOf(stat)) && !this.isOpen(keyOf(stat))) this.gone(keyOf(stat));
  }

  /** Something was done to what a path names. */
  onPath(at: Location, follow: boolean, mask: number): void {
    if (this.byNode.size === 0) return;
    const to = follow ? { fs: at.fs, path: canonicalPath(at) } : at;
    const stat = to.fs.stat(to.path, false);
    if (typeof stat !== 'number') this.onNode(stat, placeOf(to), mask);
  }

  /** Something was done to an inode: its directory is told first. */
  onNode(stat: Stat, place: Place | null, mask: number): void {
    const flags = isDirectory(stat) ? I.IN_ISDIR : 0;
    if (place !== null) this.inDirectory(place, mask | flags, 0, stat.nlink === 0);
    this.onSelf(keyOf(stat), mask | flags);
  }

  /** Something happened to a name in a directory. */
  inDirectory({ dir, name }: Place, mask: number, cookie = 0, unlinked = false): void {
    this.host.get(dir)?.expect(name);
    for (const watch of this.byNode.get(dir) ?? []) {
      if (!unlinked || (watch.mask & I.IN_EXCL_UNLINK) === 0) this.deliver(watch, mask, cookie, name);
    }
  }

  private onSelf(key: string, mask: number): void {
    this.host.get(key)?.expect(null);
    for (const watch of this.byNode.get(key) ?? []) this.deliver(watch, mask, 0, '');
  }

  private deliver(watch: I.Watch, mask: number, cookie: number, name: string): void {
    if ((mask & watch.mask & I.IN_ALL_EVENTS) === 0) return;
    const shown = (mask & (I.IN_DELETE_SELF | I.IN_MOVE_SELF)) !== 0 ? mask & ~I.IN_ISDIR : mask;
    watch.instance.push({ wd: watch.wd, mask: shown >>> 0, cookie, name });
    if ((watch.mask & I.IN_ONESHOT) !== 0) this.remove(watch);
  }

  /** A name was removed of an inode that was `stat` before. */
  removed(stat: Stat, place: Place | null): void {
    const directory = isDirectory(stat);
    const key = keyOf(stat);
    if (!directory) this.onSelf(key, I.IN_ATTRIB);
    if (place !== null) this.inDirectory(place, I.IN_DELETE | (directory ? I.IN_ISDIR : 0));
    if (directory || stat.nlink <= 1) this.dying(key);
  }

  /** A name was moved; `replaced` is what had the new one before. */
  moved(stat: Stat, from: Place | null, to: Place | null, replaced: Stat | null): void {
    const flags = isDirectory(stat) ? I.IN_ISDIR : 0;
    this.cookie++;
    if (from !== null) this.inDirectory(from, I.IN_MOVED_FROM | flags, this.cookie);
    if (to !== null) this.inDirectory(to, I.IN_MOVED_TO | flags, this.cookie);
    if (replaced !== null && !isDirectory(replaced)) this.onSelf(keyOf(replaced), I.IN_ATTRIB);
    this.onSelf(keyOf(stat), I.IN_MOVE_SELF | flags);
    if (replaced !== null && (isDirectory(replaced) || replaced.nlink <= 1)) this.dying(keyOf(replaced));
    if (from === null || to === null) return;
    for (const file of this.openFiles()) {
      const place = this.places.get(file);
      if (place?.dir === from.dir && place.name === from.name) this.places.set(file, to);
    }
  }

  /** The last name of an inode is gone: it goes itself when nobody has it open any more. */
  private dying(key: string): void {
    if (!this.byNode.has(key)) return;
    if (this.isOpen(key)) this.doomed.add(key);
    else this.gone(key);
  }

  private gone(key: string): void {
    this.doomed.delete(key);
    this.onSelf(key, I.IN_DELETE_SELF);
    for (const watch of this.byNode.get(key) ?? []) this.remove(watch);
  }

  private isOpen(key: string): boolean {
    for (const file of this.openFiles()) {
      const stat = file.path.startsWith('/') ? file.stat() : 0;
      if (typeof stat !== 'number' && keyOf(stat) === key) return true;
    }
    return false;
  }

  private openFiles(): Set<OpenFile> {
    const files = new Set<OpenFile>();
    for (const p of this.kernel.processes.values()) {
      for (const fd of p.exited === null ? p.files.list() : []) files.add(p.files.get(fd) as OpenFile);
    }
    return files;
  }

  /** What the host's programs do is told by the host. */
  private watchHost(key: string, at: Location, stat: Stat): void {
    if (!at.fs.opaque) return;
    const release = this.kernel.scheduler.hold();
    const told = (name: BytePath | null, mask: number): void => {
      if (name !== null) this.inDirectory({ dir: key, name }, mask);
      else if (mask === I.IN_DELETE_SELF) this.dying(key);
      else this.onSelf(key, mask);
    };
    try {
      this.host.set(key, new HostChanges(canonicalPath(at), isDirectory(stat), told, release));
    } catch (error) {
      release();
      this.kernel.warnOnce('inotify', `changes by the host's programs are not noticed (${(error as Error).message})`);
    }
  }
}
