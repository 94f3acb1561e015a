import { EAGAIN, EINVAL } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { FIONREAD } from '../vfs/tty.ts';
import { type IoctlArg, O_RDONLY, POLLIN, type Stat, type Statfs } from '../vfs/types.ts';
import { WaitQueue } from './wait-queue.ts';

/** Events and flags (man 7 inotify). */
export const IN_ACCESS = 0x1;
export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_CLOSE_NOWRITE = 0x10;
export const IN_OPEN = 0x20;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
export const IN_ALL_EVENTS = 0xfff;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x100_0000;
export const IN_DONT_FOLLOW = 0x200_0000;
export const IN_EXCL_UNLINK = 0x400_0000;
export const IN_MASK_CREATE = 0x1000_0000;
export const IN_MASK_ADD = 0x2000_0000;
export const IN_ISDIR = 0x4000_0000;
export const IN_ONESHOT = 0x8000_0000;

/** /proc/sys/fs/inotify/max_queued_events, max_user_instances, max_user_watches. */
export const MAX_QUEUED_EVENTS = 16384;
export const MAX_INSTANCES = 128;
export const MAX_WATCHES = 65536;

const ANON_INODE_FS_MAGIC = 0x09041934;
/** struct inotify_event without its name, and what a name is padded to. */
const HEADER = 16;

interface Event {
  readonly wd: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}
const sizeOf = ({ name }: Event): number => HEADER + (name === '' ? 0 : Math.ceil((name.length + 1) / HEADER) * HEADER);

/** Who is told of events. */
export interface Listener {
  /** By watch descriptor. */
  readonly watches: Map<number, Watch>;
  watch(key: string, mask: number): Watch;
  push(event: Event): void;
}

/** What one listener wants to know of one inode. */
export interface Watch {
  readonly instance: Listener;
  readonly wd: number;
  /** Which inode: `dev:ino`. */
  readonly key: string;
  mask: number;
}

/** inotify_init1(2): a queue of events. */
export class InotifyFile extends BaseFile implements Listener {
  override readonly mayBlock: boolean = true;
  readonly watches: Map<number, Watch> = new Map();
  private readonly changed: WaitQueue = new WaitQueue();
  private readonly queue: Event[] = [];
  private readonly closed: (instance: InotifyFile) => void;
  private lastWd = 0;

  /** `closed` is told when the last descriptor goes. */
  constructor(flags: number, closed: (instance: InotifyFile) => void) {
    super('anon_inode:inotify', O_RDONLY | flags);
    this.closed = closed;
  }
  override get waitQueue(): WaitQueue {
    return this.changed;
  }
  stat(): Stat {
    return syntheticStat({ mode: 0o600, ino: 1 });
  }
  statfs(): Statfs {
    return syntheticStatfs(ANON_INODE_FS_MAGIC);
  }

  /** A watch of an inode; descriptors are not used again until they have run out. */
  watch(key: string, mask: number): Watch {
    const watch = { instance: this, wd: ++this.lastWd, key, mask };
    this.watches.set(watch.wd, watch);
    return watch;
  }

  /** An event; one that is like the last that waits is dropped, and so is what is too much. */
  push(event: Event): void {
    const last = this.queue.at(-1);
    if (last?.wd === event.wd && last.mask === event.mask && last.name === event.name) return;
    if (this.queue.length > MAX_QUEUED_EVENTS) return;
    const full = this.queue.length === MAX_QUEUED_EVENTS;
    this.queue.push(full ? { wd: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: '' } : event);
    this.changed.wake(POLLIN);
  }

  /** As many whole events as there is room for. */
  override read(into: Uint8Array): number {
    let used = 0;
    let count = 0;
    for (const event of this.queue) {
      const size = sizeOf(event);
      if (used + size > into.length) break;
      const view = new DataView(into.buffer, into.byteOffset + used, size);
      view.setInt32(0, event.wd, true);
      view.setUint32(4, event.mask, true);
      view.setUint32(8, event.cookie, true);
      view.setUint32(12, size - HEADER, true);
      into.fill(0, used + HEADER, used + size);
      for (let i = 0; i < event.name.length; i++) into[used + HEADER + i] = event.name.charCodeAt(i);
      used += size;
      count++;
    }
    if (count === 0) return this.queue.length === 0 ? -EAGAIN : -EINVAL;
    this.queue.splice(0, count);
    return used;
  }
  override poll(): number {
    return this.queue.length > 0 ? POLLIN : 0;
  }
  override ioctl(request: number, arg: IoctlArg): number {
    if (request !== FIONREAD) return super.ioctl(request, arg);
    const out = arg.out(4);
    if (out === null) return -14;
    out.setInt32(
      0,
      this.queue.reduce((sum, event) => sum + sizeOf(event), 0),
      true,
    );
    return 0;
  }
  override close(): number {
    this.closed(this);
    return 0;
  }
}
