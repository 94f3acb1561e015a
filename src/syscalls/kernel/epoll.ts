import { EEXIST, EINVAL, ELOOP, ENOENT, EPERM } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import {
  O_RDWR,
  type OpenFile,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  pollEvents,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  type Stat,
  type Statfs,
  withNorms,
} from '../vfs/types.ts';
import { type Waiter, WaitQueue } from './wait-queue.ts';

const ANON_INODE_FS_MAGIC = 0x09041934;
export const EPOLLEXCLUSIVE = 0x1000_0000;
export const EPOLLWAKEUP = 0x2000_0000;
export const EPOLLONESHOT = 0x4000_0000;
export const EPOLLET = 0x8000_0000;
const EVENT_BITS = 0x0fff_ffff;
/** What EPOLLEXCLUSIVE may be used with (man 2 epoll_ctl). */
const EXCLUSIVE_OK = POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLEXCLUSIVE;
/** Epoll instances that watch each other: at most so many levels (EP_MAX_NESTS + 1). */
const MAX_NESTS = 5;

/** Who watches a description: it drops out everywhere when its last descriptor is closed. */
const watchers = new WeakMap<OpenFile, Set<Item>>();

/** The last descriptor of a file is closed: no epoll instance watches it any more (man 7 epoll, question 6). */
export function dropWatches(file: OpenFile): void {
  for (const item of watchers.get(file) ?? []) item.epoll.drop(item);
}

/** One descriptor in the interest list. */
class Item implements Waiter {
  readonly epoll: EpollFile;
  readonly file: OpenFile;
  readonly fd: number;
  /** Nobody tells of its edges while none waits: it is looked at in each call. */
  readonly lazy: boolean;
  /** Wanted events without the modes; 0: disabled by EPOLLONESHOT. */
  wanted = 0;
  modes = 0;
  data = 0n;

  constructor(epoll: EpollFile, file: OpenFile, fd: number) {
    this.epoll = epoll;
    this.file = file;
    this.fd = fd;
    this.lazy = file instanceof EpollFile ? file.lazy : (file.waitQueue?.lazy ?? true);
  }

  arm(events: number, data: bigint): void {
    this.wanted = (events & EVENT_BITS) | POLLERR | POLLHUP;
    this.modes = (events & ~EVENT_BITS) >>> 0;
    this.data = data;
  }

  events(): number {
    return this.wanted === 0 ? 0 : pollEvents(this.file) & this.wanted;
  }

  wake(events = -1): void {
    const changed = withNorms(this.file, events);
    if ((changed & this.wanted) !== 0) this.epoll.becameReady(this);
  }
}

/** An event to report. */
export interface EpollEvent {
  readonly events: number;
  readonly data: bigint;
}

/** An epoll instance (man 7 epoll): the interest list, and the ready list in the order things happened. */
export class EpollFile extends BaseFile {
  private readonly items: Map<OpenFile, Map<number, Item>> = new Map();
  private readonly ready: Set<Item> = new Set();
  private readonly lazyItems: Set<Item> = new Set();
  private readonly changed: WaitQueue = new WaitQueue({
    start: () => {
      for (const item of this.lazyItems) item.file.waitQueue?.add(item);
    },
    stop: () => {
      for (const item of this.lazyItems) item.file.waitQueue?.remove(item);
    },
  });

  constructor() {
    super('anon_inode:[eventpoll]', O_RDWR);
  }
  override get waitQueue(): WaitQueue {
    return this.changed;
  }
  /** Whether it watches something whose edges nobody tells of. */
  get lazy(): boolean {
    return this.lazyItems.size > 0;
  }
  /** Whether what it watches must be looked at from time to time. */
  get mustLook(): boolean {
    for (const { file } of this.lazyItems) {
      if (file instanceof EpollFile ? file.mustLook : file.waitQueue === null) return true;
    }
    return false;
  }
  stat(): Stat {
    return syntheticStat({ mode: 0o600, ino: 1 });
  }
  statfs(): Statfs {
    return syntheticStatfs(ANON_INODE_FS_MAGIC);
  }

  /** EPOLL_CTL_ADD. */
  add(file: OpenFile, fd: number, events: number, data: bigint): number {
    if (!pollable(file)) return -EPERM;
    if ((events & EPOLLEXCLUSIVE) !== 0) {
      if (file instanceof EpollFile || (events & ~(EXCLUSIVE_OK | EPOLLET)) !== 0) return -EINVAL;
    }
    if (file instanceof EpollFile && (file.reaches(this) || this.height() + file.depth() > MAX_NESTS)) return -ELOOP;
    const ofFile = this.items.get(file) ?? new Map<number, Item>();
    if (ofFile.has(fd)) return -EEXIST;
    const item = new Item(this, file, fd);
    item.arm(events, data);
    ofFile.set(fd, item);
    this.items.set(file, ofFile);
    const watching = watchers.get(file) ?? new Set();
    watchers.set(file, watching.add(item));
    if (item.lazy) this.lazyItems.add(item);
    if (!item.lazy || this.changed.busy) file.waitQueue?.add(item);
    if (item.events() !== 0) this.becameReady(item);
    return 0;
  }

  /** EPOLL_CTL_MOD. */
  modify(file: OpenFile, fd: number, events: number, data: bigint): number {
    const item = this.items.get(file)?.get(fd);
    if (item === undefined) return -ENOENT;
    if (((events | item.modes) & EPOLLEXCLUSIVE) !== 0) return -EINVAL;
    item.arm(events, data);
    if (item.events() !== 0) this.becameReady(item);
    return 0;
  }

  /** EPOLL_CTL_DEL. */
  remove(file: OpenFile, fd: number): number {
    const item = this.items.get(file)?.get(fd);
    if (item === undefined) return -ENOENT;
    this.drop(item);
    return 0;
  }

  /** Watch a descriptor no more. */
  drop(item: Item): void {
    const { file, fd } = item;
    file.waitQueue?.remove(item);
    this.ready.delete(item);
    this.lazyItems.delete(item);
    watchers.get(file)?.delete(item);
    const ofFile = this.items.get(file);
    ofFile?.delete(fd);
    if (ofFile?.size === 0) this.items.delete(file);
  }

  /** Something happened to a watched file. */
  becameReady(item: Item): void {
    this.ready.add(item);
    this.changed.wake(POLLIN);
  }

  /** epoll_wait: take what is ready, at most `max`; edges and one-shots only once. */
  take(max: number): EpollEvent[] {
    for (const item of this.lazyItems) this.ready.add(item);
    const taken: EpollEvent[] = [];
    for (const item of [...this.ready]) {
      if (taken.length === max) break;
      this.ready.delete(item);
      const events = item.events();
      if (events === 0) continue;
      taken.push({ events, data: item.data });
      if ((item.modes & EPOLLONESHOT) !== 0) item.wanted = 0;
      else if ((item.modes & EPOLLET) === 0) this.ready.add(item);
    }
    return taken;
  }

  override poll(): number {
    for (const item of this.lazyItems) this.ready.add(item);
    for (const item of [...this.ready]) {
      if (item.events() !== 0) return POLLIN;
      this.ready.delete(item);
    }
    return 0;
  }

  override close(): number {
    for (const ofFile of [...this.items.values()]) for (const item of [...ofFile.values()]) this.drop(item);
    return 0;
  }

  /** Whether it watches that one, by others perhaps. */
  private reaches(other: EpollFile): boolean {
    if (this === other) return true;
    for (const file of this.items.keys()) if (file instanceof EpollFile && file.reaches(other)) return true;
    return false;
  }

  /** Levels of epoll instances below it, itself included. */
  private depth(): number {
    let deepest = 0;
    for (const file of this.items.keys()) if (file instanceof EpollFile) deepest = Math.max(deepest, file.depth());
    return deepest + 1;
  }

  /** Levels of epoll instances above it, itself included. */
  private height(): number {
    let highest = 0;
    for (const { epoll } of watchers.get(this) ?? []) highest = Math.max(highest, epoll.height());
    return highest + 1;
  }
}

/** Regular files, directories and simple devices are always ready: epoll refuses them. */
function pollable(file: OpenFile): boolean {
  const stat = file.stat();
  const kind = typeof stat === 'number' ? 0 : stat.mode & S_IFMT;
  return kind !== S_IFREG && kind !== S_IFDIR && (kind !== S_IFCHR || file.mayBlock || file.terminal);
}
