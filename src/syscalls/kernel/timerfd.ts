import { EAGAIN, EINVAL } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { O_RDWR, POLLIN, type Stat, type Statfs } from '../vfs/types.ts';
import { clockMs, monotonicMs } from './clock.ts';
import type { Alarm, Scheduler } from './scheduler.ts';
import { WaitQueue } from './wait-queue.ts';

const ANON_INODE_FS_MAGIC = 0x09041934;

/** timerfd_create(2): a timer whose expirations are counted by a file. */
export class TimerFile extends BaseFile implements Alarm {
  override readonly mayBlock: boolean = true;
  private readonly expired: WaitQueue = new WaitQueue();
  private readonly scheduler: Scheduler;
  private readonly clockId: number;
  /** Monotonic milliseconds of the first expiration that nobody has read; Infinity: disarmed. */
  private deadline = Number.POSITIVE_INFINITY;
  private interval = 0;

  constructor(scheduler: Scheduler, clockId: number, flags: number) {
    super('anon_inode:[timerfd]', O_RDWR | flags);
    this.scheduler = scheduler;
    this.clockId = clockId;
  }
  override get waitQueue(): WaitQueue {
    return this.expired;
  }
  stat(): Stat {
    return syntheticStat({ mode: 0o600, ino: 1 });
  }
  statfs(): Statfs {
    return syntheticStatfs(ANON_INODE_FS_MAGIC);
  }

  /** timerfd_settime: a value of 0 disarms; an interval of 0 makes it expire once. */
  set(absolute: boolean, value: number, interval: number): void {
    this.interval = interval;
    const delay = absolute ? value - clockMs(this.clockId) : value;
    // A time that has passed counts all intervals since then.
    this.deadline = value > 0 ? monotonicMs() + delay : Number.POSITIVE_INFINITY;
    this.rearm();
  }

  /** timerfd_gettime: milliseconds until the next expiration (0: disarmed), and between those. */
  get(): { value: number; interval: number } {
    const { deadline, interval } = this;
    const now = monotonicMs();
    if (deadline === Number.POSITIVE_INFINITY || (interval === 0 && now >= deadline)) return { value: 0, interval };
    const next = deadline + this.passed(now) * interval;
    return { value: Math.max(0.001, next - now), interval };
  }

  override read(into: Uint8Array): number {
    if (into.length < 8) return -EINVAL;
    const count = this.passed(monotonicMs());
    if (count === 0) return -EAGAIN;
    this.deadline = this.interval > 0 ? this.deadline + count * this.interval : Number.POSITIVE_INFINITY;
    this.rearm();
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, BigInt(count), true);
    return 8;
  }
  override write(): number {
    return -EINVAL;
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
    return this.passed(monotonicMs()) > 0 ? POLLIN : 0;
  }
  override close(): number {
    this.scheduler.timers.delete(this);
    return 0;
  }

  /** When the scheduler must look at it. */
  next(): number {
    return this.deadline;
  }

  /** It has run out: whoever waits is told once, until the count is read. */
  check(): void {
    if (monotonicMs() < this.deadline) return;
    this.scheduler.timers.delete(this);
    this.expired.wake(POLLIN);
  }

  /** Expirations since the last read. */
  private passed(now: number): number {
    if (now < this.deadline) return 0;
    return this.interval > 0 ? 1 + Math.floor((now - this.deadline) / this.interval) : 1;
  }

  private rearm(): void {
    if (this.deadline === Number.POSITIVE_INFINITY) {
      this.scheduler.timers.delete(this);
      return;
    }
    this.scheduler.timers.add(this);
    this.scheduler.retime();
  }
}
