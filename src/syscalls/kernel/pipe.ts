import { EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, EPERM, EPIPE } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import {
  type IoctlArg,
  O_RDONLY,
  O_WRONLY,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  S_IFIFO,
  type Stat,
  type Statfs,
} from '../vfs/types.ts';
import { WaitQueue } from './wait-queue.ts';

const PIPEFS_MAGIC = 0x50495045;
const CAPACITY = 65536;
/** /proc/sys/fs/pipe-max-size: what F_SETPIPE_SZ allows without privileges. */
const MAX_CAPACITY = 1 << 20;
/** A write up to this goes in whole or waits (man 7 pipe). */
const PIPE_BUF = 4096;
const FIONREAD = 0x541b;

class PipeRing {
  bytes: Uint8Array = new Uint8Array(CAPACITY);
  start = 0;
  length = 0;
  readers = true;
  writers = true;
  /** Readers wait for bytes, writers for room; each also for the end of the others. */
  readonly filled: WaitQueue = new WaitQueue();
  readonly drained: WaitQueue = new WaitQueue();
}

let nextInode = 1000;

/** One end of a pipe (man 7 pipe) inside our kernel. */
export class PipeEnd extends BaseFile {
  override readonly mayBlock: boolean = true;
  private readonly ring: PipeRing;
  private readonly inode: number;

  constructor(ring: PipeRing, inode: number, flags: number) {
    super(`pipe:[${inode}]`, flags);
    this.ring = ring;
    this.inode = inode;
  }
  override get waitQueue(): WaitQueue {
    return this.readable ? this.ring.filled : this.ring.drained;
  }
  stat(): Stat {
    return syntheticStat({ mode: S_IFIFO | 0o600, ino: this.inode, dev: 0xe });
  }
  statfs(): Statfs {
    return syntheticStatfs(PIPEFS_MAGIC);
  }
  override read(into: Uint8Array): number {
    if (!this.readable) return -EBADF;
    const { ring } = this;
    if (into.length === 0) return 0;
    if (ring.length === 0) return ring.writers ? -EAGAIN : 0;
    const n = Math.min(into.length, ring.length);
    const capacity = ring.bytes.length;
    const first = Math.min(n, capacity - ring.start);
    into.set(ring.bytes.subarray(ring.start, ring.start + first));
    into.set(ring.bytes.subarray(0, n - first), first);
    ring.start = (ring.start + n) % capacity;
    ring.length -= n;
    ring.drained.wake();
    return n;
  }
  override write(from: Uint8Array): number {
    if (!this.writable) return -EBADF;
    const { ring } = this;
    if (!ring.readers) return -EPIPE;
    const capacity = ring.bytes.length;
    const room = capacity - ring.length;
    if (room === 0 || (from.length <= PIPE_BUF && room < from.length)) return from.length === 0 ? 0 : -EAGAIN;
    const n = Math.min(room, from.length);
    const at = (ring.start + ring.length) % capacity;
    const first = Math.min(n, capacity - at);
    ring.bytes.set(from.subarray(0, first), at);
    ring.bytes.set(from.subarray(first, n), 0);
    ring.length += n;
    ring.filled.wake();
    return n;
  }
  override poll(): number {
    const { ring } = this;
    if (this.readable) return (ring.length > 0 ? POLLIN : 0) | (ring.writers ? 0 : POLLHUP);
    return (ring.bytes.length - ring.length >= PIPE_BUF ? POLLOUT : 0) | (ring.readers ? 0 : POLLERR);
  }
  /** F_GETPIPE_SZ (man 2 fcntl). */
  get capacity(): number {
    return this.ring.bytes.length;
  }
  /** F_SETPIPE_SZ: the capacity it is then, a power of two of at least a page, or -errno. */
  resize(wanted: number, privileged: boolean): number {
    if (wanted <= 0 || wanted > 0x8000_0000) return -EINVAL;
    let size = 4096;
    while (size < wanted) size *= 2;
    if (size > MAX_CAPACITY && !privileged) return -EPERM;
    const { ring } = this;
    if (size < ring.length) return -EBUSY;
    const { start, length } = ring;
    const bytes = new Uint8Array(size);
    const first = Math.min(length, ring.bytes.length - start);
    bytes.set(ring.bytes.subarray(start, start + first));
    bytes.set(ring.bytes.subarray(0, length - first), first);
    ring.bytes = bytes;
    ring.start = 0;
    ring.drained.wake();
    return size;
  }
  override ioctl(request: number, arg: IoctlArg): number {
    if (request !== FIONREAD) return super.ioctl(request, arg);
    const view = arg.out(4);
    if (view === null) return -EFAULT;
    view.setInt32(0, this.ring.length, true);
    return 0;
  }
  override close(): number {
    const { ring } = this;
    if (this.readable) {
      ring.readers = false;
      ring.drained.wake();
    } else {
      ring.writers = false;
      ring.filled.wake();
    }
    return 0;
  }
}

/** pipe(2): the read end and the write end. */
export function createPipe(flags: number): [PipeEnd, PipeEnd] {
  const ring = new PipeRing();
  const inode = nextInode++;
  return [new PipeEnd(ring, inode, O_RDONLY | flags), new PipeEnd(ring, inode, O_WRONLY | flags)];
}
