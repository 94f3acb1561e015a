import { EAGAIN, EDEADLK } from '../errno.ts';
import { WaitQueue } from './wait-queue.ts';

export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;

/** Who holds locks: a process (fcntl record locks), or an open file description (flock, OFD locks). */
export type LockOwner = object;

/** A lock on the bytes [start, end); Infinity = to the end of the file. */
export interface LockRange {
  readonly owner: LockOwner;
  /** Process id that F_GETLK tells; -1 for descriptions. */
  readonly pid: number;
  readonly start: number;
  readonly end: number;
  readonly type: number;
}

interface LockedFile {
  ranges: LockRange[];
  readonly queue: WaitQueue;
}

/** Locks of one owner by place, neighbours of one type made one (fs/locks.c does the same). */
function joined(ranges: LockRange[]): LockRange[] {
  const out: LockRange[] = [];
  for (const range of ranges.sort((a, b) => a.start - b.start)) {
    const last = out.at(-1);
    if (last?.type === range.type && last.end === range.start) out[out.length - 1] = { ...last, end: range.end };
    else out.push(range);
  }
  return out;
}

/** Advisory locks of files, known by device and inode, between the processes of the guest machine (man 2 fcntl, flock). */
export class FileLocks {
  private readonly files: Map<string, LockedFile> = new Map();
  /** Whom an owner waits for, to find rings of them. */
  private readonly waitsFor: Map<LockOwner, LockOwner> = new Map();

  private file(key: string): LockedFile {
    let file = this.files.get(key);
    if (file === undefined) {
      file = { ranges: [], queue: new WaitQueue() };
      this.files.set(key, file);
    }
    return file;
  }

  /** Woken whenever a lock of the file is given back. */
  queue(key: string): WaitQueue {
    return this.file(key).queue;
  }

  /** A lock of another owner that is in the way, or null. */
  conflict(key: string, wanted: LockRange): LockRange | null {
    return (
      this.files
        .get(key)
        ?.ranges.find(
          (r) =>
            r.owner !== wanted.owner &&
            r.start < wanted.end &&
            wanted.start < r.end &&
            (r.type === F_WRLCK || wanted.type === F_WRLCK),
        ) ?? null
    );
  }

  /** Set or clear; 0, or -EAGAIN while another owner's lock is in the way. */
  set(key: string, wanted: LockRange): number {
    if (wanted.type !== F_UNLCK && this.conflict(key, wanted) !== null) return -EAGAIN;
    const { owner, start, end, type } = wanted;
    const file = this.file(key);
    const own: LockRange[] = type === F_UNLCK ? [] : [wanted];
    const first = file.ranges.findIndex((range) => range.owner === owner);
    for (const range of file.ranges) {
      if (range.owner !== owner) continue;
      if (range.end <= start || range.start >= end) own.push(range);
      else {
        if (range.start < start) own.push({ ...range, end: start });
        if (range.end > end) own.push({ ...range, start: end });
      }
    }
    // An owner's locks lie together, in the order of their places; F_GETLK tells of the first that is in the way.
    const others = file.ranges.filter((range) => range.owner !== owner);
    others.splice(first < 0 ? others.length : first, 0, ...joined(own));
    file.ranges = others;
    file.queue.wake();
    return 0;
  }

  /** As `set`, for a caller that waits: -EDEADLK when it would wait for itself. */
  setOrWait(key: string, wanted: LockRange): number {
    const result = this.set(key, wanted);
    if (result !== -EAGAIN) {
      this.waitsFor.delete(wanted.owner);
      return result;
    }
    const blocker = this.conflict(key, wanted)?.owner;
    for (let o = blocker; o !== undefined; o = this.waitsFor.get(o)) {
      if (o === wanted.owner) return -EDEADLK;
    }
    if (blocker !== undefined) this.waitsFor.set(wanted.owner, blocker);
    return -EAGAIN;
  }

  /** A wait for a lock was given up. */
  forgetWait(owner: LockOwner): void {
    this.waitsFor.delete(owner);
  }

  /** All locks of an owner, on one file or on all, are given back. */
  release(owner: LockOwner, key?: string): void {
    this.waitsFor.delete(owner);
    for (const [name, file] of this.files) {
      if (key !== undefined && name !== key) continue;
      const left = file.ranges.filter((r) => r.owner !== owner);
      if (left.length === file.ranges.length) continue;
      file.ranges = left;
      file.queue.wake();
    }
  }

  /** Whether anybody holds a lock: closing a descriptor looks first. */
  get any(): boolean {
    return this.files.size > 0;
  }
}
