import { EAGAIN, EINVAL } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { O_RDWR, POLLIN, POLLOUT, type Stat, type Statfs } from '../vfs/types.ts';
import { WaitQueue } from './wait-queue.ts';

const ANON_INODE_FS_MAGIC = 0x09041934;
const ALL_ONES = 0xffff_ffff;

/** Little-endian 32-bit numbers in bytes: a DataView for each call would take as long as all the rest. */
const get32 = (b: Uint8Array, at: number): number =>
  ((b[at] as number) | ((b[at + 1] as number) << 8) | ((b[at + 2] as number) << 16) | ((b[at + 3] as number) << 24)) >>>
  0;
const set32 = (b: Uint8Array, at: number, value: number): void => {
  for (let i = 0; i < 4; i++) b[at + i] = value >>> (8 * i);
};

/** eventfd(2): a counter of 64 bits, 2^64 - 2 at most, as a file. */
export class EventFile extends BaseFile {
  override readonly mayBlock: boolean = true;
  private readonly changed: WaitQueue = new WaitQueue();
  private low: number;
  private high = 0;
  private readonly semaphore: boolean;

  constructor(initial: number, semaphore: boolean, flags: number) {
    super('anon_inode:[eventfd]', O_RDWR | flags);
    this.low = initial >>> 0;
    this.semaphore = semaphore;
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
  override read(into: Uint8Array): number {
    if (into.length < 8) return -EINVAL;
    if (this.low === 0 && this.high === 0) return -EAGAIN;
    set32(into, 0, this.semaphore ? 1 : this.low);
    set32(into, 4, this.semaphore ? 0 : this.high);
    if (!this.semaphore) this.low = this.high = 0;
    else if (this.low > 0) this.low--;
    else {
      this.high--;
      this.low = ALL_ONES;
    }
    this.changed.wake(POLLOUT);
    return 8;
  }
  override write(from: Uint8Array): number {
    if (from.length < 8) return -EINVAL;
    const addLow = get32(from, 0);
    const addHigh = get32(from, 4);
    if (addLow === ALL_ONES && addHigh === ALL_ONES) return -EINVAL;
    const low = this.low + addLow;
    const high = this.high + addHigh + (low > ALL_ONES ? 1 : 0);
    if (high > ALL_ONES || (high === ALL_ONES && low >>> 0 === ALL_ONES)) return -EAGAIN;
    this.low = low >>> 0;
    this.high = high;
    this.changed.wake(POLLIN);
    return 8;
  }
  /** As Linux has it (noop_llseek). */
  override seek(): number {
    return 0;
  }
  /** These know no POLLRDNORM and the like (fs/eventfd.c, fs/signalfd.c, fs/timerfd.c). */
  override get inMeans(): number {
    return 0;
  }
  override get outMeans(): number {
    return 0;
  }
  override poll(): number {
    const full = this.high === ALL_ONES && this.low === ALL_ONES - 1;
    return (this.low > 0 || this.high > 0 ? POLLIN : 0) | (full ? 0 : POLLOUT);
  }
}
