import type fs from 'node:fs';
import { ENOENT, fromNodeError } from '../errno.ts';
import { nodeStat } from './node-stat.ts';
import { type BytePath, S_IFLNK, S_IFMT, type Stat, type Statfs, type Timespec } from './types.ts';

/** Node's statfs as ours. */
export function fromStatFs(s: fs.StatsFs): Statfs {
  return {
    type: Number(s.type),
    bsize: Number(s.bsize),
    blocks: Number(s.blocks),
    bfree: Number(s.bfree),
    bavail: Number(s.bavail),
    files: Number(s.files),
    ffree: Number(s.ffree),
    namelen: 255,
  };
}

const NON_ASCII = /[^\0-\x7f]/;

/** A byte string as Node's fs wants it: text when ASCII (the fast way), else the bytes. */
export function hostPath(path: BytePath): string | Buffer {
  return NON_ASCII.test(path) ? Buffer.from(path, 'latin1') : path;
}

/** What a call of Node's answers, 0 or -errno. Where it failed is of no interest: a stack trace costs more than the call. */
export function quietly(action: () => void): number {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    action();
    return 0;
  } catch (error) {
    return fromNodeError(error);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * stat(2) or lstat(2) of a host path. Both begin with an lstat, as that alone tells a missing file (ENOENT) from one
 * below a file (ENOTDIR) without an exception.
 */
export function hostStat(path: BytePath, follow: boolean): Stat | number {
  if (path === '') return -ENOENT;
  const p = hostPath(path);
  let stat: Stat | undefined;
  try {
    stat = nodeStat().lstat(p);
  } catch (error) {
    return fromNodeError(error);
  }
  if (stat === undefined) return -ENOENT;
  if (!follow || (stat.mode & S_IFMT) !== S_IFLNK) return stat;
  let behind = stat;
  const error = quietly(() => {
    behind = nodeStat().stat(p);
  });
  return error !== 0 ? error : behind;
}

/**
 * A Timespec as Node's utimes takes it: seconds, a double, which is precise to about 0.3 µs. Those before 1970 have to
 * be a Date, precise to 1 ms, because Node takes numbers below 0 for the present time.
 */
export function toSeconds(t: Timespec): number | Date {
  if (t.sec < 0) return new Date(t.sec * 1000 + Math.floor(t.nsec / 1e6));
  // Half a nanosecond more: libuv cuts off what a double has too little.
  return t.sec + (t.nsec + 0.5) / 1e9;
}
