import { EAGAIN, EINVAL } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { O_RDWR, POLLIN, type Stat, type Statfs } from '../vfs/types.ts';
import { SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, type SigInfo, UNBLOCKABLE } from './signals.ts';
import type { Task } from './task.ts';
import type { WaitQueue } from './wait-queue.ts';

const ANON_INODE_FS_MAGIC = 0x09041934;
/** sizeof(struct signalfd_siginfo), the same on every ABI. */
const RECORD = 128;
const FAULTS: readonly number[] = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE];

/** signalfd(2): the signals of a set that wait for whoever reads, as a file. */
export class SignalFile extends BaseFile {
  override readonly mayBlock: boolean = true;
  private mask = 0n;
  private readonly reader: () => Task;

  /** `reader`: the task that makes the call at hand; its signals are the ones to be read. */
  constructor(reader: () => Task, mask: bigint, flags: number) {
    super('anon_inode:[signalfd]', O_RDWR | flags);
    this.reader = reader;
    this.setMask(mask);
  }
  /** Take these signals from now on; SIGKILL and SIGSTOP silently never. */
  setMask(mask: bigint): void {
    this.mask = mask & ~UNBLOCKABLE;
  }
  override get waitQueue(): WaitQueue {
    return this.reader().process.signalQueue;
  }
  stat(): Stat {
    return syntheticStat({ mode: 0o600, ino: 1 });
  }
  statfs(): Statfs {
    return syntheticStatfs(ANON_INODE_FS_MAGIC);
  }
  override read(into: Uint8Array): number {
    if (into.length < RECORD) return -EINVAL;
    const task = this.reader();
    const view = new DataView(into.buffer, into.byteOffset, into.length);
    let done = 0;
    while (done + RECORD <= into.length) {
      const info = task.pending.take(~this.mask) ?? task.process.pending.take(~this.mask);
      if (info === null) break;
      into.fill(0, done, done + RECORD);
      writeRecord(view, done, info);
      done += RECORD;
    }
    return done === 0 ? -EAGAIN : done;
  }
  override write(): number {
    return -EINVAL;
  }
  /** These know no POLLRDNORM and the like (fs/eventfd.c, fs/signalfd.c, fs/timerfd.c). */
  override get inMeans(): number {
    return 0;
  }
  override get outMeans(): number {
    return 0;
  }
  override poll(): number {
    const task = this.reader();
    task.process.timers.check();
    return ((task.pending.set | task.process.pending.set) & this.mask) !== 0n ? POLLIN : 0;
  }
}

/** struct signalfd_siginfo (man 2 signalfd). */
function writeRecord(view: DataView, at: number, info: SigInfo): void {
  view.setUint32(at, info.signo, true);
  view.setInt32(at + 4, info.errno ?? 0, true);
  view.setInt32(at + 8, info.code, true);
  if (info.timerId !== undefined) {
    view.setUint32(at + 24, info.timerId, true);
    view.setUint32(at + 32, info.overrun ?? 0, true);
  } else {
    view.setUint32(at + 12, info.pid ?? 0, true);
    view.setUint32(at + 16, info.uid ?? 0, true);
  }
  if (FAULTS.includes(info.signo)) view.setBigUint64(at + 72, info.addr ?? 0n, true);
  const value = info.value ?? 0n;
  if (info.signo === SIGCHLD && info.code > 0) {
    view.setInt32(at + 40, Number(BigInt.asIntN(32, value)), true);
  } else {
    view.setInt32(at + 44, Number(BigInt.asIntN(32, value)), true);
    view.setBigUint64(at + 48, BigInt.asUintN(64, value), true);
  }
}
