import fs from 'node:fs';
import type { Stat, Timespec } from './types.ts';

/**
 * Node's calls behind fs.lstatSync and its like, which fill one array for all: the objects that those make of it, with a
 * BigInt for each number, are three quarters of what a look at a file costs in a program's first second.
 */
interface StatBinding {
  lstat(path: string | Buffer, wide: boolean, request: undefined, throws: boolean): Numbers | undefined;
  stat(path: string | Buffer, wide: boolean, request: undefined, throws: boolean): Numbers | undefined;
  fstat(fd: number, wide: boolean, request: undefined, quiet: boolean): Numbers | undefined;
}

/** Node's array of numbers, or the same of BigInts (`wide`). */
type Numbers = ArrayLike<number | bigint>;

/** Where each is. */
const INO = 7;
const TIMES = 10;

const timeAt = (values: ArrayLike<number>, at: number): Timespec => ({
  sec: values[at] as number,
  nsec: values[at + 1] as number,
});

/** The stat in Node's array; `wide` asks for the same in BigInts where an inode number is no exact double. */
export const statOf = (numbers: Numbers, wide: () => Numbers | undefined): Stat => {
  const values = numbers as ArrayLike<number>;
  const ino = values[INO] as number;
  const stat = {
    dev: values[0] as number,
    ino,
    mode: values[1] as number,
    nlink: values[2] as number,
    uid: values[3] as number,
    gid: values[4] as number,
    rdev: values[5] as number,
    size: values[8] as number,
    blksize: values[6] as number,
    blocks: values[9] as number,
    atime: timeAt(values, TIMES),
    mtime: timeAt(values, TIMES + 2),
    ctime: timeAt(values, TIMES + 4),
    btime: (values[TIMES + 6] as number) > 0 ? timeAt(values, TIMES + 6) : null,
  };
  return Number.isSafeInteger(ino) ? stat : { ...stat, ino: wide()?.[INO] ?? ino };
};

const NS = 1_000_000_000n;

const timespec = (ns: bigint): Timespec => {
  // rounded down: before 1970 too the nanoseconds count forward
  const nsec = ((ns % NS) + NS) % NS;
  return { sec: Number((ns - nsec) / NS), nsec: Number(nsec) };
};

/** The stat in what Node's public calls return. */
export const fromBigIntStats = (s: fs.BigIntStats): Stat => ({
  dev: Number(s.dev),
  ino: s.ino <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(s.ino) : s.ino,
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
});

interface StatCalls {
  /** lstat(2); undefined: no such file. Other failures are exceptions of Node's. */
  lstat(path: string | Buffer): Stat | undefined;
  stat(path: string | Buffer): Stat;
  fstat(fd: number): Stat;
  /** st_mode alone of lstat. */
  mode(path: string | Buffer): number | undefined;
}

const EXACT = { bigint: true } as const;
/** Missing files are looked for all the time, and an exception costs four times what the look does. */
const MAYBE = { bigint: true, throwIfNoEntry: false } as const;

export const publicCalls: StatCalls = {
  lstat: (path) => {
    const found = fs.lstatSync(path, MAYBE);
    return found && fromBigIntStats(found);
  },
  stat: (path) => fromBigIntStats(fs.statSync(path, EXACT)),
  fstat: (fd) => fromBigIntStats(fs.fstatSync(fd, EXACT)),
  mode: (path) => fs.lstatSync(path, { throwIfNoEntry: false })?.mode,
};

export const boundCalls = (binding: StatBinding): StatCalls => ({
  lstat: (path) => {
    const found = binding.lstat(path, false, undefined, false);
    return found && statOf(found, () => binding.lstat(path, true, undefined, false));
  },
  stat: (path) =>
    statOf(binding.stat(path, false, undefined, true) as Numbers, () => binding.stat(path, true, undefined, true)),
  fstat: (fd) =>
    statOf(binding.fstat(fd, false, undefined, false) as Numbers, () => binding.fstat(fd, true, undefined, false)),
  mode: (path) => binding.lstat(path, false, undefined, false)?.[1] as number | undefined,
});

/** Whether two looks at one file say the same; it may have been executed in between. */
const agree = (a: Stat | undefined, b: Stat | undefined): boolean =>
  a !== undefined && JSON.stringify({ ...a, atime: 0 }) === JSON.stringify({ ...b, atime: 0 });

/** Node's binding, if it is as we know it. */
const bound = (): StatCalls | null => {
  try {
    const { binding } = process as unknown as { binding(name: string): StatBinding };
    const calls = boundCalls(binding('fs'));
    // a file that is there, with most numbers in use
    return agree(calls.lstat(process.execPath), publicCalls.lstat(process.execPath)) ? calls : null;
  } catch {
    return null;
  }
};

let calls: StatCalls | null = null;

/** The host's stat(2), lstat(2), fstat(2), the cheapest way that this Node has. */
export const nodeStat = (): StatCalls => (calls ??= bound() ?? publicCalls);
