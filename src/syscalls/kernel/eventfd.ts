import { EAGAIN, EINVAL } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { O_RDWR, POLLIN, POLLOUT, type Stat, type Statfs } from '../vfs/types.ts';
import { WaitQueue } from './wait-queue.ts';

const ANON_INODE_FS_MAGIC = 0x09041934;
const MAX = 0xffff_ffff_ffff_fffen;

/** eventfd(2): a 64-bit counter as a file. */
export class EventFile extends BaseFile {
  override readonly mayBlock: boolean = true;
  private readonly changed: WaitQueue = new WaitQueue();
  private count: bigint;
  private readonly semaphore: boolean;

  constructor(initial: number, semaphore: boolean, flags: number) {
    super('anon_inode:[eventfd]', O_RDWR | flags);
    this.count = BigInt(initial >>> 0);
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
    if (this.count === 0n) return -EAGAIN;
    const value = this.semaphore ? 1n : this.count;
    this.count -= value;
    this.changed.wake(POLLOUT);
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, value, true);
    return 8;
  }
  override write(from: Uint8Array): number {
    if (from.length < 8) return -EINVAL;
    const add = new DataView(from.buffer, from.byteOffset).getBigUint64(0, true);
    if (add > MAX) return -EINVAL;
    if (this.count + add > MAX) return -EAGAIN;
    this.count += add;
    this.changed.wake(POLLIN);
    return 8;
  }
  override poll(): number {
    return (this.count > 0n ? POLLIN : 0) | (this.count < MAX ? POLLOUT : 0);
  }
}
