/** Flag words and enumerations by name, for strace: [name, value], larger combinations first. */
export type FlagTable = readonly (readonly [string, number])[];

/** `A|B|0x…`; `zero` is shown for no bits at all. */
export function formatFlags(value: number, table: FlagTable, zero = '0'): string {
  const unsigned = value >>> 0;
  if (unsigned === 0) return zero;
  const parts: string[] = [];
  let rest = unsigned;
  for (const [name, bits] of table) {
    if (bits !== 0 && (rest & bits) >>> 0 === bits >>> 0) {
      parts.push(name);
      rest = (rest & ~bits) >>> 0;
    }
  }
  if (rest !== 0) parts.push(`0x${rest.toString(16)}`);
  return parts.join('|');
}

/** The name of a value, or its number with the prefix strace comments. */
export function formatEnum(value: number, table: FlagTable, prefix: string): string {
  for (const [name, number] of table) if (number === value) return name;
  return `0x${(value >>> 0).toString(16)} /* ${prefix} */`;
}

export const OPEN_FLAGS: FlagTable = [
  ['O_CREAT', 0o100],
  ['O_EXCL', 0o200],
  ['O_NOCTTY', 0o400],
  ['O_TRUNC', 0o1000],
  ['O_APPEND', 0o2000],
  ['O_NONBLOCK', 0o4000],
  ['O_SYNC', 0o4010000],
  ['O_DSYNC', 0o10000],
  ['O_ASYNC', 0o20000],
  ['O_DIRECT', 0o40000],
  ['O_LARGEFILE', 0o100000],
  ['O_NOFOLLOW', 0o400000],
  ['O_NOATIME', 0o1000000],
  ['O_CLOEXEC', 0o2000000],
  ['O_PATH', 0o10000000],
  ['O_TMPFILE', 0o20200000],
  ['O_DIRECTORY', 0o200000],
];

/** open(2) flags with their access mode first. */
export function formatOpenFlags(flags: number): string {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_ACCMODE'][flags & 3] ?? '';
  const rest = flags & ~3;
  return rest === 0 ? access : `${access}|${formatFlags(rest, OPEN_FLAGS)}`;
}

export const AT_FLAGS: FlagTable = [
  ['AT_SYMLINK_NOFOLLOW', 0x100],
  ['AT_REMOVEDIR', 0x200],
  ['AT_SYMLINK_FOLLOW', 0x400],
  ['AT_NO_AUTOMOUNT', 0x800],
  ['AT_EMPTY_PATH', 0x1000],
  ['AT_STATX_FORCE_SYNC', 0x2000],
  ['AT_STATX_DONT_SYNC', 0x4000],
];
export const PROT_FLAGS: FlagTable = [
  ['PROT_READ', 1],
  ['PROT_WRITE', 2],
  ['PROT_EXEC', 4],
  ['PROT_GROWSDOWN', 0x1000000],
];
export const MAP_FLAGS: FlagTable = [
  ['MAP_SHARED_VALIDATE', 3],
  ['MAP_SHARED', 1],
  ['MAP_PRIVATE', 2],
  ['MAP_FIXED_NOREPLACE', 0x100000],
  ['MAP_FIXED', 0x10],
  ['MAP_ANONYMOUS', 0x20],
  ['MAP_GROWSDOWN', 0x100],
  ['MAP_DENYWRITE', 0x800],
  ['MAP_EXECUTABLE', 0x1000],
  ['MAP_LOCKED', 0x2000],
  ['MAP_NORESERVE', 0x4000],
  ['MAP_POPULATE', 0x8000],
  ['MAP_NONBLOCK', 0x10000],
  ['MAP_STACK', 0x20000],
  ['MAP_HUGETLB', 0x40000],
];
export const MADVISE: FlagTable = [
  ['MADV_NORMAL', 0],
  ['MADV_RANDOM', 1],
  ['MADV_SEQUENTIAL', 2],
  ['MADV_WILLNEED', 3],
  ['MADV_DONTNEED', 4],
  ['MADV_FREE', 8],
  ['MADV_DONTFORK', 10],
  ['MADV_DOFORK', 11],
  ['MADV_HUGEPAGE', 14],
  ['MADV_NOHUGEPAGE', 15],
  ['MADV_DONTDUMP', 16],
];
export const SEEK_WHENCE: FlagTable = [
  ['SEEK_SET', 0],
  ['SEEK_CUR', 1],
  ['SEEK_END', 2],
  ['SEEK_DATA', 3],
  ['SEEK_HOLE', 4],
];
export const CLOCKS: FlagTable = [
  ['CLOCK_REALTIME', 0],
  ['CLOCK_MONOTONIC', 1],
  ['CLOCK_PROCESS_CPUTIME_ID', 2],
  ['CLOCK_THREAD_CPUTIME_ID', 3],
  ['CLOCK_MONOTONIC_RAW', 4],
  ['CLOCK_REALTIME_COARSE', 5],
  ['CLOCK_MONOTONIC_COARSE', 6],
  ['CLOCK_BOOTTIME', 7],
];
export const ACCESS_MODES: FlagTable = [
  ['R_OK', 4],
  ['W_OK', 2],
  ['X_OK', 1],
];
