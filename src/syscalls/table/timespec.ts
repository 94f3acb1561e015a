import { inStruct, outStruct } from '../args.ts';
import type { ArgType } from '../define.ts';
import { EFAULT, EINVAL } from '../errno.ts';
import { CLOCK_REALTIME, clockMs, monotonicMs } from '../kernel/clock.ts';
import type { Task } from '../kernel/task.ts';
import { long, readI64, struct, writeI64 } from '../struct.ts';
import type { Timespec } from '../vfs/types.ts';

const TIMESPEC = struct('timespec', { tv_sec: long, tv_nsec: long });
const TIMEVAL = struct('timeval', { tv_sec: long, tv_usec: long });

/** struct timespec the call reads / fills; the same as timeval but for the field name. */
export const IN_TIMESPEC: ArgType<number> = inStruct(TIMESPEC);
export const OUT_TIMESPEC: ArgType<number> = outStruct(TIMESPEC);
export const OUT_TIMEVAL: ArgType<number> = outStruct(TIMEVAL);

/** Whether seconds and their fractions are 64-bit integers in the call at hand. */
const isWide = (task: Task): boolean => task.abi.wordSize === 8 || task.wideTime;

/** Bytes of a timespec or timeval in the call at hand. */
export const timeSize = (task: Task): number => (isWide(task) ? 16 : 8);

/** Read two longs: seconds and nano- or microseconds; null = EFAULT. */
export function readTimespec(task: Task, address: number): Timespec | null {
  const { space } = task;
  if (isWide(task)) {
    if (!space.readable(address, 16)) return null;
    // the upper half of a 64-bit fraction is padding on 32-bit ABIs
    const narrow = task.abi.wordSize === 4;
    const nsec = narrow ? space.view.getInt32(address + 8, true) : readI64(space.view, address + 8);
    return { sec: readI64(space.view, address), nsec };
  }
  if (!space.readable(address, 8)) return null;
  return { sec: space.view.getInt32(address, true), nsec: space.view.getInt32(address + 4, true) };
}

/** An absolute time of CLOCK_REALTIME as a monotonic deadline; infinity without one, a negative errno for a bad one. */
export function readRealtimeDeadline(task: Task, address: number): number {
  if (address === 0) return Number.POSITIVE_INFINITY;
  const t = readTimespec(task, address);
  if (t === null) return -EFAULT;
  if (t.sec < 0 || t.nsec < 0 || t.nsec > 999_999_999) return -EINVAL;
  return Math.max(0, monotonicMs() + t.sec * 1000 + t.nsec / 1e6 - clockMs(CLOCK_REALTIME));
}

/** Write two longs; 0 or -EFAULT. */
export function putTimespec(task: Task, address: number, sec: number, fraction: number): number {
  const { space } = task;
  if (isWide(task)) {
    if (!space.writable(address, 16)) return -EFAULT;
    writeI64(space.view, address, sec);
    writeI64(space.view, address + 8, fraction);
    return 0;
  }
  if (!space.writable(address, 8)) return -EFAULT;
  space.view.setInt32(address, sec, true);
  space.view.setInt32(address + 4, fraction, true);
  return 0;
}

const special = (nsec: number): string | null =>
  nsec === 0x3fffffff ? 'UTIME_NOW' : nsec === 0x3ffffffe ? 'UTIME_OMIT' : null;

/** struct timespec[2] of utimensat. */
export const TIMESPEC_PAIR: ArgType<number> = {
  doc: 'const struct timespec[2]',
  read: (c) => c.ulong(),
  format: (v, { task }) => {
    if (v === 0) return 'NULL';
    const shown = [v, v + timeSize(task)].map((at) => {
      const t = readTimespec(task, at);
      return t === null ? '???' : (special(t.nsec) ?? `{tv_sec=${t.sec}, tv_nsec=${t.nsec}}`);
    });
    return `[${shown.join(', ')}]`;
  },
};
