import type { Abi } from '../abi/types.ts';
import { FD, FD_AT, flags, outStruct, PATH, PATH_OPT, PTR, R_INT, SIZE, type StructFormat } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { EBADF, EFAULT, EINVAL, ENOENT, EOVERFLOW } from '../errno.ts';
import { AT_FLAGS, type FlagTable } from '../flags.ts';
import { AT_FDCWD } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import { array, i32, i64, long, packed64, type Struct, struct, u16, u32, u64, ulong } from '../struct.ts';
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  type Stat,
  type Statfs,
  type Timespec,
} from '../vfs/types.ts';

export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;

/** struct stat of asm-generic/stat.h (arm64, riscv64 …). */
const STAT = struct('stat', {
  st_dev: u64,
  st_ino: u64,
  st_mode: u32,
  st_nlink: u32,
  st_uid: u32,
  st_gid: u32,
  st_rdev: u64,
  __pad1: ulong,
  st_size: long,
  st_blksize: i32,
  __pad2: i32,
  st_blocks: long,
  st_atime: long,
  st_atime_nsec: ulong,
  st_mtime: long,
  st_mtime_nsec: ulong,
  st_ctime: long,
  st_ctime_nsec: ulong,
  __unused4: u32,
  __unused5: u32,
});

/** struct stat of x86-64 (arch/x86 uapi asm/stat.h). */
const STAT_X86_64 = struct('stat', {
  st_dev: u64,
  st_ino: u64,
  st_nlink: ulong,
  st_mode: u32,
  st_uid: u32,
  st_gid: u32,
  __pad0: u32,
  st_rdev: u64,
  st_size: long,
  st_blksize: long,
  st_blocks: long,
  st_atime: long,
  st_atime_nsec: ulong,
  st_mtime: long,
  st_mtime_nsec: ulong,
  st_ctime: long,
  st_ctime_nsec: ulong,
  __unused: array(long, 3),
});

/** struct stat64 of ARM and i386 (arch/arm uapi asm/stat.h); a 64-bit inode number stands at its end. */
const STAT64 = struct('stat64', {
  st_dev: u64,
  __pad0: u32,
  __st_ino: u32,
  st_mode: u32,
  st_nlink: u32,
  st_uid: u32,
  st_gid: u32,
  st_rdev: u64,
  __pad3: u32,
  st_size: i64,
  st_blksize: u32,
  st_blocks: u64,
  st_atime: u32,
  st_atime_nsec: u32,
  st_mtime: u32,
  st_mtime_nsec: u32,
  st_ctime: u32,
  st_ctime_nsec: u32,
  st_ino: u64,
});

const STATX_TIMESTAMP = struct('statx_timestamp', { tv_sec: i64, tv_nsec: u32, __reserved: i32 });
/** struct statx (linux/stat.h): the same everywhere. */
const STATX = struct('statx', {
  stx_mask: u32,
  stx_blksize: u32,
  stx_attributes: u64,
  stx_nlink: u32,
  stx_uid: u32,
  stx_gid: u32,
  stx_mode: u16,
  __spare0: u16,
  stx_ino: u64,
  stx_size: u64,
  stx_blocks: u64,
  stx_attributes_mask: u64,
  stx_atime: STATX_TIMESTAMP,
  stx_btime: STATX_TIMESTAMP,
  stx_ctime: STATX_TIMESTAMP,
  stx_mtime: STATX_TIMESTAMP,
  stx_rdev_major: u32,
  stx_rdev_minor: u32,
  stx_dev_major: u32,
  stx_dev_minor: u32,
  stx_mnt_id: u64,
  __spare2: array(u64, 13),
});

/** struct statfs (asm-generic/statfs.h). */
const STATFS = struct('statfs', {
  f_type: ulong,
  f_bsize: ulong,
  f_blocks: ulong,
  f_bfree: ulong,
  f_bavail: ulong,
  f_files: ulong,
  f_ffree: ulong,
  f_fsid: array(i32, 2),
  f_namelen: long,
  f_frsize: long,
  f_flags: long,
  f_spare: array(long, 4),
});

/** struct statfs64, packed on ARM (arch/arm uapi asm/statfs.h). */
const STATFS64 = struct('statfs64', {
  f_type: u32,
  f_bsize: u32,
  f_blocks: packed64,
  f_bfree: packed64,
  f_bavail: packed64,
  f_files: packed64,
  f_ffree: packed64,
  f_fsid: array(i32, 2),
  f_namelen: u32,
  f_frsize: u32,
  f_flags: u32,
  f_spare: array(i32, 4),
});

const FILE_TYPES: FlagTable = [
  ['S_IFSOCK', S_IFSOCK],
  ['S_IFLNK', S_IFLNK],
  ['S_IFREG', S_IFREG],
  ['S_IFBLK', S_IFBLK],
  ['S_IFDIR', S_IFDIR],
  ['S_IFCHR', S_IFCHR],
  ['S_IFIFO', S_IFIFO],
];

/** `S_IFREG|0644` */
export function formatMode(mode: number): string {
  const type = FILE_TYPES.find(([, bits]) => bits === (mode & S_IFMT))?.[0];
  const rest = mode & ~S_IFMT;
  let bits = '';
  if (rest & 0o4000) bits += 'S_ISUID|';
  if (rest & 0o2000) bits += 'S_ISGID|';
  if (rest & 0o1000) bits += 'S_ISVTX|';
  return `${type ?? `0${(mode & S_IFMT).toString(8)}`}|${bits}0${(rest & 0o777).toString(8).padStart(3, '0')}`;
}

const shortStat = (v: { st_mode: number; st_size: number; st_rdev: number | bigint }): string => {
  const type = v.st_mode & S_IFMT;
  const rdev = Number(v.st_rdev);
  return type === S_IFCHR || type === S_IFBLK
    ? `{st_mode=${formatMode(v.st_mode)}, st_rdev=makedev(0x${devMajor(rdev).toString(16)}, 0x${devMinor(rdev).toString(16)}), ...}`
    : `{st_mode=${formatMode(v.st_mode)}, st_size=${v.st_size}, ...}`;
};
const STAT_OUT: ArgType<number> = {
  doc: 'struct stat *',
  read: (c) => c.ulong(),
  format: (v, context) =>
    context.task.abi.statLayout === 'x86_64'
      ? outStruct(STAT_X86_64, shortStat).format(v, context)
      : context.task.abi.statLayout === 'stat64'
        ? outStruct(STAT64, shortStat).format(v, context)
        : outStruct(STAT, shortStat).format(v, context),
};
const showStatx: StructFormat<{ stx_mask: typeof u32; stx_mode: typeof u16; stx_size: typeof u64 }> = (v) =>
  `{stx_mask=0x${v.stx_mask.toString(16)}, stx_attributes=0, stx_mode=${formatMode(v.stx_mode)}, stx_size=${v.stx_size}, ...}`;

/** Major number of a dev_t as the kernel encodes it (linux/kdev_t.h, new_decode_dev). */
export function devMajor(dev: number): number {
  return (dev >>> 8) & 0xfff;
}
/** Minor number of a dev_t. */
export function devMinor(dev: number): number {
  return (dev & 0xff) | ((dev >>> 12) & 0xfff00);
}

/** stat at a directory descriptor and path, with the AT_ flags. */
export function statAt(task: Task, dirfd: number, path: string | null, atFlags: number): Stat | number {
  if (path === null || path === '') {
    if ((atFlags & AT_EMPTY_PATH) === 0) return path === null ? -EFAULT : -ENOENT;
    if (dirfd !== AT_FDCWD) return task.process.files.stat(dirfd);
    path = '.';
  }
  const follow = (atFlags & AT_SYMLINK_NOFOLLOW) === 0;
  const at = task.process.resolve(dirfd, path, follow);
  return typeof at === 'number' ? at : at.fs.stat(at.path, follow);
}

/**
 * The inode number as guests see it. Programs of 32-bit ABIs built without large files get EOVERFLOW from their C
 * library when one does not fit, so those see both halves folded into one.
 */
export function foldInode(abi: Abi, ino: number | bigint): number | bigint {
  if (abi.wordSize === 8 || (typeof ino === 'number' && ino <= 0xffff_ffff)) return ino;
  const bits = BigInt(ino);
  return Number(BigInt.asUintN(32, bits ^ (bits >> 32n))) || 1;
}

/** Fields that all layouts have. */
export const statFields = (abi: Abi, s: Stat) => ({
  st_dev: s.dev,
  st_ino: foldInode(abi, s.ino),
  st_mode: s.mode,
  st_nlink: s.nlink,
  st_uid: s.uid,
  st_gid: s.gid,
  st_rdev: s.rdev,
  st_size: s.size,
  st_blksize: s.blksize,
  st_blocks: s.blocks,
  st_atime: s.atime.sec,
  st_atime_nsec: s.atime.nsec,
  st_mtime: s.mtime.sec,
  st_mtime_nsec: s.mtime.nsec,
  st_ctime: s.ctime.sec,
  st_ctime_nsec: s.ctime.nsec,
});

const TWO32 = 0x1_0000_0000;

/** Write a stat in the ABI's layout. By hand, not by the structure's own writer: it is among the calls most made. */
export function putStat(task: Task, address: number, s: Stat): number {
  const { abi, space } = task;
  const wide = abi.statLayout !== 'stat64';
  const { size, offsets: o } = (!wide ? STAT64 : abi.statLayout === 'x86_64' ? STAT_X86_64 : STAT).layout(abi);
  if (!space.writable(address, size)) return -EFAULT;
  const { view } = space;
  // padding is 0; TypedArray.fill takes longer in shared memory
  for (let at = address; at < address + size; at += 4) view.setUint32(at, 0, true);
  const ino = foldInode(abi, s.ino);
  if (typeof ino === 'bigint') view.setBigUint64(address + o.st_ino, ino, true);
  else put64(view, address + o.st_ino, ino);
  if (!wide) view.setUint32(address + STAT64.layout(abi).offsets.__st_ino, Number(ino), true);
  put64(view, address + o.st_dev, s.dev);
  put64(view, address + o.st_rdev, s.rdev);
  put64(view, address + o.st_size, s.size);
  put64(view, address + o.st_blocks, s.blocks);
  view.setUint32(address + o.st_mode, s.mode, true);
  view.setUint32(address + o.st_nlink, s.nlink, true);
  view.setUint32(address + o.st_uid, s.uid, true);
  view.setUint32(address + o.st_gid, s.gid, true);
  view.setUint32(address + o.st_blksize, s.blksize, true);
  putTime(view, address + o.st_atime, address + o.st_atime_nsec, s.atime, wide);
  putTime(view, address + o.st_mtime, address + o.st_mtime_nsec, s.mtime, wide);
  putTime(view, address + o.st_ctime, address + o.st_ctime_nsec, s.ctime, wide);
  return 0;
}

function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, Math.floor(value / TWO32), true);
}

function putTime(view: DataView, secAt: number, nsecAt: number, time: Timespec, wide: boolean): void {
  view.setUint32(secAt, time.sec, true);
  if (wide) view.setInt32(secAt + 4, Math.floor(time.sec / TWO32), true);
  view.setUint32(nsecAt, time.nsec, true);
}

export const newfstatat: Syscall = syscall(
  'newfstatat',
  { dirfd: FD_AT, pathname: PATH_OPT, statbuf: STAT_OUT, flags: flags(AT_FLAGS) },
  R_INT,
  (task, { dirfd, pathname, statbuf, flags: atFlags }) => {
    if ((atFlags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | 0x6000)) !== 0) return -EINVAL;
    const stat = statAt(task, dirfd, pathname, atFlags);
    return typeof stat === 'number' ? stat : putStat(task, statbuf, stat);
  },
);

export const fstat: Syscall = syscall('fstat', { fd: FD, statbuf: STAT_OUT }, R_INT, (task, { fd, statbuf }) => {
  const stat = task.process.files.stat(fd);
  return typeof stat === 'number' ? stat : putStat(task, statbuf, stat);
});

export const stat: Syscall = syscall(
  'stat',
  { pathname: PATH, statbuf: STAT_OUT },
  R_INT,
  (task, { pathname, statbuf }) => {
    const found = statAt(task, AT_FDCWD, pathname, 0);
    return typeof found === 'number' ? found : putStat(task, statbuf, found);
  },
);

export const lstat: Syscall = syscall(
  'lstat',
  { pathname: PATH, statbuf: STAT_OUT },
  R_INT,
  (task, { pathname, statbuf }) => {
    const found = statAt(task, AT_FDCWD, pathname, AT_SYMLINK_NOFOLLOW);
    return typeof found === 'number' ? found : putStat(task, statbuf, found);
  },
);

const STATX_MASKS: FlagTable = [
  ['STATX_ALL', 0xfff],
  ['STATX_BASIC_STATS', 0x7ff],
  ['STATX_TYPE', 1],
  ['STATX_MODE', 2],
  ['STATX_NLINK', 4],
  ['STATX_UID', 8],
  ['STATX_GID', 0x10],
  ['STATX_ATIME', 0x20],
  ['STATX_MTIME', 0x40],
  ['STATX_CTIME', 0x80],
  ['STATX_INO', 0x100],
  ['STATX_SIZE', 0x200],
  ['STATX_BLOCKS', 0x400],
  ['STATX_BTIME', 0x800],
  ['STATX_MNT_ID', 0x1000],
];

export const statx: Syscall = syscall(
  'statx',
  {
    dirfd: FD_AT,
    pathname: PATH_OPT,
    flags: flags(AT_FLAGS, 'AT_STATX_SYNC_AS_STAT'),
    mask: flags(STATX_MASKS),
    statxbuf: outStruct(STATX as unknown as Struct<never>, showStatx as unknown as StructFormat<never>),
  },
  R_INT,
  (task, { dirfd, pathname, flags: atFlags, mask, statxbuf }) => {
    if (mask < 0 || (atFlags & ~0x7900) !== 0 || (atFlags & 0x6000) === 0x6000) return -EINVAL;
    const s = statAt(task, dirfd, pathname, atFlags);
    if (typeof s === 'number') return s;
    const time = (t: { sec: number; nsec: number }): { tv_sec: number; tv_nsec: number; __reserved: number } => ({
      tv_sec: t.sec,
      tv_nsec: t.nsec,
      __reserved: 0,
    });
    return task.put(STATX, statxbuf, {
      stx_mask: s.btime === null ? 0x7ff : 0xfff,
      stx_blksize: s.blksize,
      stx_attributes: 0,
      stx_nlink: s.nlink,
      stx_uid: s.uid,
      stx_gid: s.gid,
      stx_mode: s.mode,
      __spare0: 0,
      stx_ino: foldInode(task.abi, s.ino),
      stx_size: s.size,
      stx_blocks: s.blocks,
      stx_attributes_mask: 0,
      stx_atime: time(s.atime),
      stx_btime: time(s.btime ?? { sec: 0, nsec: 0 }),
      stx_ctime: time(s.ctime),
      stx_mtime: time(s.mtime),
      stx_rdev_major: devMajor(s.rdev),
      stx_rdev_minor: devMinor(s.rdev),
      stx_dev_major: devMajor(s.dev),
      stx_dev_minor: devMinor(s.dev),
      stx_mnt_id: 0,
      __spare2: new Array<number>(13).fill(0),
    });
  },
  { support: 'partial', note: 'stx_attributes are always 0.' },
);

function putStatfs(task: Task, address: number, s: Statfs | number, type: typeof STATFS | typeof STATFS64): number {
  if (typeof s === 'number') return s;
  // fs/statfs.c, do_statfs_native: block counts that do not fit are no answer
  const widest = Math.max(s.blocks, s.bfree, s.bavail);
  if (type === STATFS && task.abi.wordSize === 4 && widest > 0xffff_ffff) return -EOVERFLOW;
  return task.put(type as typeof STATFS, address, {
    f_type: s.type,
    f_bsize: s.bsize,
    f_blocks: s.blocks,
    f_bfree: s.bfree,
    f_bavail: s.bavail,
    f_files: s.files,
    f_ffree: s.ffree,
    f_fsid: [0, 0],
    f_namelen: s.namelen,
    f_frsize: s.bsize,
    // ST_VALID | ST_RELATIME
    f_flags: 0x1020,
    f_spare: [0, 0, 0, 0],
  });
}

export const statfs: Syscall = syscall('statfs', { pathname: PATH, buf: PTR }, R_INT, (task, { pathname, buf }) => {
  const at = task.process.resolve(AT_FDCWD, pathname, true);
  return typeof at === 'number' ? at : putStatfs(task, buf, at.fs.statfs(at.path), STATFS);
});

export const fstatfs: Syscall = syscall('fstatfs', { fd: FD, buf: PTR }, R_INT, (task, { fd, buf }) => {
  const file = task.process.files.get(fd);
  return file === null ? -EBADF : putStatfs(task, buf, file.statfs(), STATFS);
});

/** The size given must be that of the structure, with or without padding to 8 bytes (arch/arm/kernel/sys_arm.c). */
const goodSize = (size: number): boolean => size === 84 || size === 88;

export const statfs64: Syscall = syscall(
  'statfs64',
  { pathname: PATH, size: SIZE, buf: PTR },
  R_INT,
  (task, { pathname, size, buf }) => {
    if (!goodSize(size)) return -EINVAL;
    const at = task.process.resolve(AT_FDCWD, pathname, true);
    return typeof at === 'number' ? at : putStatfs(task, buf, at.fs.statfs(at.path), STATFS64);
  },
);
export const fstatfs64: Syscall = syscall(
  'fstatfs64',
  { fd: FD, size: SIZE, buf: PTR },
  R_INT,
  (task, { fd, size, buf }) => {
    if (!goodSize(size)) return -EINVAL;
    const file = task.process.files.get(fd);
    return file === null ? -EBADF : putStatfs(task, buf, file.statfs(), STATFS64);
  },
);

export const calls: readonly Syscall[] = [newfstatat, fstat, stat, lstat, statx, statfs, fstatfs];
