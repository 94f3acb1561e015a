import { EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, EPERM, EPIPE } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import {
  type BytePath,
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
  readers = 0;
  writers = 0;
  /** Ends opened so far: who waits for a partner looks whether one came. */
  readerOpens = 0;
  writerOpens = 0;
  /** Readers wait for bytes, writers for room; each also for the end of the others. */
  readonly filled: WaitQueue = new WaitQueue();
  readonly drained: WaitQueue = new WaitQueue();
}

let nextInode = 1000;

/** One end of a pipe, or an opened FIFO (man 7 pipe, fifo), inside our kernel. */
export class PipeEnd extends BaseFile {
  override readonly mayBlock: boolean = true;
  private readonly ring: PipeRing;
  private readonly info: () => Stat | number;
  /** Writers, for a reader, and readers that there had been when this end was opened. */
  private readonly met: number;

  constructor(ring: PipeRing, path: BytePath, flags: number, info: () => Stat | number) {
    super(path, flags);
    this.ring = ring;
    this.info = info;
    this.met = this.readable ? ring.writerOpens : ring.readerOpens;
    if (this.readable) {
      ring.readers++;
      ring.readerOpens++;
      ring.drained.wake();
    }
    if (this.writable) {
      ring.writers++;
      ring.writerOpens++;
      ring.filled.wake();
    }
  }
  override get waitQueue(): WaitQueue {
    return this.readable ? this.ring.filled : this.ring.drained;
  }
  /** Whether there is somebody at the other end of a FIFO, or was since this end was opened. */
  get hasPartner(): boolean {
    const { ring } = this;
    if (this.readable) return ring.writers > 0 || ring.writerOpens > this.met;
    return ring.readers > 0 || ring.readerOpens > this.met;
  }
  stat(): Stat | number {
    return this.info();
  }
  statfs(): Statfs {
    return syntheticStatfs(PIPEFS_MAGIC);
  }
  override read(into: Uint8Array): number {
    const n = this.peek(into);
    if (n > 0) this.skip(n);
    return n;
  }
  /** What read would give, which stays there: splice(2), tee(2). */
  peek(into: Uint8Array): number {
    if (!this.readable) return -EBADF;
    const { ring } = this;
    if (into.length === 0) return 0;
    if (ring.length === 0) return ring.writers > 0 ? -EAGAIN : 0;
    const n = Math.min(into.length, ring.length);
    const first = Math.min(n, ring.bytes.length - ring.start);
    into.set(ring.bytes.subarray(ring.start, ring.start + first));
    into.set(ring.bytes.subarray(0, n - first), first);
    return n;
  }
  /** Take away what was peeked at. */
  skip(n: number): void {
    const { ring } = this;
    ring.start = (ring.start + n) % ring.bytes.length;
    // Who waits for room finds less than PIPE_BUF; others would take it for an edge (EPOLLET).
    const full = ring.bytes.length - ring.length < PIPE_BUF;
    ring.length -= n;
    if (full) ring.drained.wake();
    // Who has a FIFO open for both waits there.
    if (ring.readers > 0 && ring.writers > 0) ring.filled.wake(POLLOUT);
  }
  /** Bytes that fit now; -EPIPE without readers. */
  room(): number {
    return this.ring.readers > 0 ? this.ring.bytes.length - this.ring.length : -EPIPE;
  }
  /** Whether both are ends of one pipe. */
  sameAs(other: PipeEnd): boolean {
    return this.ring === other.ring;
  }
  override write(from: Uint8Array): number {
    if (!this.writable) return -EBADF;
    const { ring } = this;
    if (from.length === 0) return 0;
    if (ring.readers === 0) return -EPIPE;
    const capacity = ring.bytes.length;
    const room = capacity - ring.length;
    if (room === 0 || (from.length <= PIPE_BUF && room < from.length)) return -EAGAIN;
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
    const filled = this.readable && ring.length > 0 ? POLLIN : 0;
    // Nobody has hung up before the first writer came.
    const left = this.readable && ring.writers === 0 && ring.writerOpens > 0 ? POLLHUP : 0;
    const room = this.writable && ring.bytes.length - ring.length >= PIPE_BUF ? POLLOUT : 0;
    return filled | left | room | (this.writable && ring.readers === 0 ? POLLERR : 0);
  }
  /** F_GETPIPE_SZ (man 2 fcntl). */
  get capacity(): number {
    return this.ring.bytes.length;
  }
  /** F_SETPIPE_SZ: the capacity it is then, a power of two of at least a page, or -errno. */
  resize(wanted: number, privileged: boolean): number {
    if (wanted < 0 || wanted > 0x8000_0000) return -EINVAL;
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
    if (this.readable) ring.readers--;
    if (this.writable) ring.writers--;
    ring.drained.wake();
    ring.filled.wake();
    // What nobody took from a FIFO is gone with its last end.
    if (ring.readers === 0 && ring.writers === 0) ring.length = 0;
    return 0;
  }
}

/** pipe(2): the read end and the write end. */
export function createPipe(flags: number): [PipeEnd, PipeEnd] {
  const ring = new PipeRing();
  const ino = nextInode++;
  const path = `pipe:[${ino}]`;
  const info = (): Stat => syntheticStat({ mode: S_IFIFO | 0o600, ino, dev: 0xe });
  return [new PipeEnd(ring, path, O_RDONLY | flags, info), new PipeEnd(ring, path, O_WRONLY | flags, info)];
}

/** The pipe behind a FIFO's name, which lives as long as the name or a descriptor does. */
export class Fifo {
  private readonly ring: PipeRing = new PipeRing();

  /** open(2) without the wait for a partner (see `hasPartner`). */
  open(path: BytePath, flags: number, info: () => Stat | number): PipeEnd {
    return new PipeEnd(this.ring, path, flags, info);
  }
}
