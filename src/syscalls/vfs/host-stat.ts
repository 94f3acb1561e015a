import fs from 'node:fs';
import { ENOENT, fromNodeError } from '../errno.ts';
import { type BytePath, S_IFLNK, S_IFMT, type Stat, type Statfs, type Timespec } from './types.ts';

const NS = 1_000_000_000;
const ns64 = new BigInt64Array(1);
const ns32 = new Int32Array(ns64.buffer);

/** Nanoseconds as a Timespec, without the divisions of BigInt, which are most of what a stat costs us. */
function timespec(ns: bigint): Timespec {
  ns64[0] = ns;
  const low = (ns32[0] as number) >>> 0;
  let sec = Math.floor(((ns32[1] as number) * 0x1_0000_0000 + low) / NS);
  // The quotient is off by one at most, so the rest is right in 32 bits.
  let nsec = (low - Math.imul(sec, NS)) | 0;
  if (nsec < 0) {
    sec--;
    nsec += NS;
  } else if (nsec >= NS) {
    sec++;
    nsec -= NS;
  }
  return { sec, nsec };
}

/** Node's bigint stat as ours; times keep their nanoseconds. */
export function fromBigIntStats(s: fs.BigIntStats): Stat {
  return {
    dev: Number(s.dev),
    ino: s.ino,
    mode: Number(s.mode),
    nlink: Number(s.nlink),
    uid: Number(s.uid),
    gid: Number(s.gid),
    rdev: Number(s.rdev),
    size: Number(s.size),
    blksize: Number(s.blksize),
    blocks: Number(s.blocks),
    atime: timespec(s.atimeNs),
    mtime: timespec(s.mtimeNs),
    ctime: timespec(s.ctimeNs),
    btime: s.birthtimeNs > 0n ? timespec(s.birthtimeNs) : null,
  };
}

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

const EXACT = { bigint: true } as const;
/** Missing files are looked for all the time, and an exception costs four times what the look does. */
const MAYBE = { bigint: true, throwIfNoEntry: false } as const;

/**
 * stat(2) or lstat(2) of a host path. Both begin with an lstat, as that alone tells a missing file (ENOENT) from one
 * below a file (ENOTDIR) without an exception.
 */
export function hostStat(path: BytePath, follow: boolean): Stat | number {
  if (path === '') return -ENOENT;
  const p = hostPath(path);
  let found: fs.BigIntStats | undefined;
  try {
    found = fs.lstatSync(p, MAYBE);
  } catch (error) {
    return fromNodeError(error);
  }
  if (found === undefined) return -ENOENT;
  const stat = fromBigIntStats(found);
  if (!follow || (stat.mode & S_IFMT) !== S_IFLNK) return stat;
  let behind = stat;
  const error = quietly(() => {
    behind = fromBigIntStats(fs.statSync(p, EXACT));
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
