import fs from 'node:fs';
import { ENOENT, fromNodeError } from '../errno.ts';
import type { BytePath, Stat, Statfs, Timespec } from './types.ts';

const NS = 1_000_000_000n;

function timespec(ns: bigint): Timespec {
  const sec = ns / NS;
  const nsec = Number(ns - sec * NS);
  return nsec < 0 ? { sec: Number(sec) - 1, nsec: nsec + 1_000_000_000 } : { sec: Number(sec), nsec };
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

/** stat(2) or lstat(2) of a host path. */
export function hostStat(path: BytePath, follow: boolean): Stat | number {
  if (path === '') return -ENOENT;
  try {
    const p = hostPath(path);
    return fromBigIntStats(follow ? fs.statSync(p, { bigint: true }) : fs.lstatSync(p, { bigint: true }));
  } catch (error) {
    return fromNodeError(error);
  }
}

/** A Timespec as the seconds that Node's utimes takes (a double: precise to about 0.3 µs). */
export function toSeconds(t: Timespec): number {
  // Half a nanosecond more: libuv cuts off what a double has too little.
  return t.sec + (t.nsec + 0.5) / 1e9;
}
