import { FD, INT, inBuffer, OFF, OUT_BUFFER, oneOf, PTR, quote, R_SIZE, SIZE, UINT, WORD_OFF } from '../args.ts';
import { byteString } from '../cursor.ts';
import { type ArgType, type FormatContext, type Syscall, syscall } from '../define.ts';
import { EBADF, EFAULT, EINVAL, EOPNOTSUPP, EOVERFLOW, ESPIPE, EXDEV } from '../errno.ts';
import { SEEK_WHENCE } from '../flags.ts';
import type { Task } from '../kernel/task.ts';
import type { Pending } from '../kernel/wait.ts';
import { readI64, writeI64 } from '../struct.ts';
import {
  O_ACCMODE,
  O_APPEND,
  O_NONBLOCK,
  O_PATH,
  O_WRONLY,
  type OpenFile,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  SEEK_CUR,
} from '../vfs/types.ts';
import {
  gatherWrite,
  MAX_RW_COUNT,
  readAt,
  readInto,
  readIoVecs,
  scatterRead,
  transfer,
  writablePrefix,
  writeAt,
  writeFrom,
} from './transfer.ts';

/** struct iovec[]: shown with the bytes that were moved. */
function ioVecs(countArg: string, out: boolean): ArgType<number> {
  return {
    doc: 'struct iovec *',
    read: (c) => c.ulong(),
    format: (v, context: FormatContext) => {
      const list = readIoVecs(context.task, v, Number(context.args[countArg]));
      if (typeof list === 'number' || (out && (context.result ?? -1) < 0)) return `0x${v.toString(16)}`;
      let left = out ? (context.result ?? 0) : Number.POSITIVE_INFINITY;
      const shown = list.map(({ base, length }) => {
        const bytes = context.task.space.readRange(base, Math.min(length, left, 33));
        left -= Math.min(left, length);
        return `{iov_base=${bytes === null ? `0x${base.toString(16)}` : quote(byteString(bytes))}, iov_len=${length}}`;
      });
      return `[${shown.join(', ')}]`;
    },
  };
}

export const read: Syscall = syscall(
  'read',
  { fd: FD, buf: OUT_BUFFER, count: SIZE },
  R_SIZE,
  (task, { fd, buf, count }) => transfer(task, fd, buf, count, false),
);

export const write: Syscall = syscall(
  'write',
  { fd: FD, buf: inBuffer('count'), count: SIZE },
  R_SIZE,
  (task, { fd, buf, count }) => transfer(task, fd, buf, count, true),
);

function readVectors(
  task: Task,
  fd: number,
  iov: number,
  count: number,
  get: (file: OpenFile, bytes: Uint8Array) => number | Pending,
): number | Pending {
  const file = task.process.files.get(fd);
  if (file === null) return -EBADF;
  const list = readIoVecs(task, iov, count);
  return typeof list === 'number' ? list : scatterRead(task, list, (bytes) => get(file, bytes));
}

function writeVectors(
  task: Task,
  fd: number,
  iov: number,
  count: number,
  put: (file: OpenFile, bytes: Uint8Array) => number | Pending,
): number | Pending {
  const file = task.process.files.get(fd);
  if (file === null) return -EBADF;
  const list = readIoVecs(task, iov, count);
  return typeof list === 'number' ? list : gatherWrite(task, list, (bytes) => put(file, bytes));
}

export const readv: Syscall = syscall(
  'readv',
  { fd: FD, iov: ioVecs('iovcnt', true), iovcnt: INT },
  R_SIZE,
  (task, { fd, iov, iovcnt }) => readVectors(task, fd, iov, iovcnt, (file, bytes) => readInto(task, file, bytes)),
);

export const writev: Syscall = syscall(
  'writev',
  { fd: FD, iov: ioVecs('iovcnt', false), iovcnt: INT },
  R_SIZE,
  (task, { fd, iov, iovcnt }) => writeVectors(task, fd, iov, iovcnt, (file, bytes) => writeFrom(task, file, bytes)),
);

export const pread64: Syscall = syscall(
  'pread64',
  { fd: FD, buf: OUT_BUFFER, count: SIZE, offset: OFF },
  R_SIZE,
  (task, { fd, buf, count, offset }) => {
    const file = task.process.files.get(fd);
    if (file === null) return -EBADF;
    if (offset < 0) return -EINVAL;
    const bytes = writablePrefix(task, buf, Math.min(count, MAX_RW_COUNT));
    if (bytes === null) return -EFAULT;
    return readAt(task, file, bytes, offset);
  },
);

export const pwrite64: Syscall = syscall(
  'pwrite64',
  { fd: FD, buf: inBuffer('count'), count: SIZE, offset: OFF },
  R_SIZE,
  (task, { fd, buf, count, offset }) => {
    const file = task.process.files.get(fd);
    if (file === null) return -EBADF;
    if (offset < 0) return -EINVAL;
    const bytes = task.space.readRange(buf, Math.min(count, MAX_RW_COUNT));
    if (bytes === null) return -EFAULT;
    return writeAt(task, file, bytes, offset);
  },
);

/** Positioned vector calls: each piece goes behind the last. */
function positioned(
  task: Task,
  call: (task: Task, file: OpenFile, bytes: Uint8Array, offset: number) => number,
  offset: number,
): (file: OpenFile, bytes: Uint8Array) => number {
  let at = offset;
  return (file, bytes) => {
    const n = call(task, file, bytes, at);
    if (n > 0) at += n;
    return n;
  };
}

/** pos_l and pos_h: 64-bit ABIs put everything in the first. */
const position = (task: Task, low: number, high: number): number =>
  task.abi.wordSize === 8 ? low : (low >>> 0) + high * 0x1_0000_0000;

/** The high half of an offset: of 32-bit ABIs only. */
const POS_H: ArgType<number> = {
  ...WORD_OFF,
  format: (v, { task }) => (task.abi.wordSize === 8 ? '' : String(v)),
};

export const preadv: Syscall = syscall(
  'preadv',
  { fd: FD, iov: ioVecs('iovcnt', true), iovcnt: INT, offset: WORD_OFF, pos_h: POS_H },
  R_SIZE,
  (task, { fd, iov, iovcnt, offset, pos_h }) => {
    const at = position(task, offset, pos_h);
    return at < 0 ? -EINVAL : readVectors(task, fd, iov, iovcnt, positioned(task, readAt, at));
  },
);

export const pwritev: Syscall = syscall(
  'pwritev',
  { fd: FD, iov: ioVecs('iovcnt', false), iovcnt: INT, offset: WORD_OFF, pos_h: POS_H },
  R_SIZE,
  (task, { fd, iov, iovcnt, offset, pos_h }) => {
    const at = position(task, offset, pos_h);
    return at < 0 ? -EINVAL : writeVectors(task, fd, iov, iovcnt, positioned(task, writeAt, at));
  },
);

/** RWF_… of preadv2 and pwritev2 (man 2 preadv2). */
const RWF_HIPRI_DSYNC_SYNC = 7;
const RWF_NOWAIT = 8;
const RWF_APPEND = 0x10;

/** One call with status flags that the description does not have: it must not wait then, as they hold for it alone. */
function withStatus<T>(file: OpenFile, extra: number, call: () => T): T {
  const { flags } = file;
  file.flags |= extra;
  try {
    return call();
  } finally {
    file.flags = flags;
  }
}

const V2 = {
  support: 'partial',
  note: 'RWF_HIPRI, RWF_DSYNC and RWF_SYNC change nothing; RWF_NOWAIT and RWF_APPEND are obeyed; others are EOPNOTSUPP.',
} as const;

export const preadv2: Syscall = syscall(
  'preadv2',
  { fd: FD, iov: ioVecs('iovcnt', true), iovcnt: INT, offset: WORD_OFF, pos_h: POS_H, flags: INT },
  R_SIZE,
  (task, { fd, iov, iovcnt, offset, pos_h, flags }) => {
    if ((flags & ~(RWF_HIPRI_DSYNC_SYNC | RWF_NOWAIT)) !== 0) return -EOPNOTSUPP;
    const extra = (flags & RWF_NOWAIT) !== 0 ? O_NONBLOCK : 0;
    const at = position(task, offset, pos_h);
    if (at === -1) {
      const get = (file: OpenFile, bytes: Uint8Array): number | Pending =>
        extra === 0 ? readInto(task, file, bytes) : withStatus(file, extra, () => readInto(task, file, bytes));
      return readVectors(task, fd, iov, iovcnt, get);
    }
    return at < 0 ? -EINVAL : readVectors(task, fd, iov, iovcnt, positioned(task, readAt, at));
  },
  V2,
);

export const pwritev2: Syscall = syscall(
  'pwritev2',
  { fd: FD, iov: ioVecs('iovcnt', false), iovcnt: INT, offset: WORD_OFF, pos_h: POS_H, flags: INT },
  R_SIZE,
  (task, { fd, iov, iovcnt, offset, pos_h, flags }) => {
    if ((flags & ~(RWF_HIPRI_DSYNC_SYNC | RWF_NOWAIT | RWF_APPEND)) !== 0) return -EOPNOTSUPP;
    const extra = ((flags & RWF_NOWAIT) !== 0 ? O_NONBLOCK : 0) | ((flags & RWF_APPEND) !== 0 ? O_APPEND : 0);
    const at = position(task, offset, pos_h);
    if (at < -1) return -EINVAL;
    const write =
      at === -1
        ? (file: OpenFile, bytes: Uint8Array): number | Pending => writeFrom(task, file, bytes)
        : positioned(task, writeAt, at);
    return writeVectors(task, fd, iov, iovcnt, (file, bytes) =>
      extra === 0 ? write(file, bytes) : withStatus(file, extra, () => write(file, bytes)),
    );
  },
  V2,
);

/** lseek(2) */
export function seek(task: Task, fd: number, offset: number, whence: number): number {
  const file = task.process.files.get(fd);
  if (file === null || (file.flags & O_PATH) !== 0) return -EBADF;
  return whence < 0 || whence > 4 ? -EINVAL : file.seek(offset, whence);
}

export const lseek: Syscall = syscall(
  'lseek',
  { fd: FD, offset: WORD_OFF, whence: oneOf(SEEK_WHENCE, 'SEEK_???') },
  R_SIZE,
  (task, { fd, offset, whence }) => seek(task, fd, offset, whence),
);

/** read(2) of what does not wait. */
function takeFrom(task: Task, file: OpenFile, bytes: Uint8Array): number {
  task.process.beforeAccess(file);
  const n = file.read(bytes);
  if (n > 0) task.process.afterRead(file);
  return n;
}

/** Copy between descriptors through a buffer; offsets null = the file's position. */
function copyBetween(
  task: Task,
  from: OpenFile,
  to: OpenFile,
  fromAt: number | null,
  toAt: number | null,
  count: number,
): number | Pending {
  const chunk = new Uint8Array(Math.min(count, 1 << 18));
  let done = 0;
  const fail = (n: number): number => (done > 0 ? done : n);
  // what was read and found no room stays to be read
  const took = (written: number, read: number): void => {
    done += Math.max(0, written);
    if (fromAt === null && written < read) from.seek(Math.max(0, written) - read, SEEK_CUR);
  };
  const loop = (): number | Pending => {
    while (done < count) {
      const want = chunk.subarray(0, Math.min(chunk.length, count - done));
      const n = fromAt === null ? takeFrom(task, from, want) : readAt(task, from, want, fromAt + done);
      if (n <= 0) return fail(n);
      const part = chunk.subarray(0, n);
      const written = toAt === null ? writeFrom(task, to, part) : writeAt(task, to, part, toAt + done);
      if (typeof written !== 'number') {
        return written.after((w) => {
          took(w, n);
          if (w < 0) return fail(w);
          return w < n ? done : loop();
        });
      }
      took(written, n);
      if (written < 0) return fail(written);
      if (written < n) break;
    }
    return done;
  };
  return loop();
}

/** A loff_t in guest memory that the call advances; null pointer = the file's own position. */
function offsetAt(task: Task, address: number): number | null | undefined {
  if (address === 0) return null;
  return task.space.writable(address, 8) ? readI64(task.space.view, address) : undefined;
}

function advance(task: Task, address: number, start: number | null, result: number): void {
  if (start !== null && result > 0) writeI64(task.space.view, address, start + result);
}
/** The same with an off_t of 32 bits. */
function oldOffsetAt(task: Task, address: number): number | null | undefined {
  if (address === 0) return null;
  return task.space.writable(address, 4) ? task.space.view.getInt32(address, true) : undefined;
}
function oldAdvance(task: Task, address: number, start: number | null, result: number): void {
  if (start !== null && result > 0) task.space.view.setInt32(address, start + result, true);
}

const SENDFILE = { out_fd: FD, in_fd: FD, offset: PTR, count: SIZE };

const sendfileBy =
  (load: typeof offsetAt, store: typeof advance) =>
  (task: Task, a: { out_fd: number; in_fd: number; offset: number; count: number }): number | Pending => {
    const from = task.process.files.get(a.in_fd);
    const to = task.process.files.get(a.out_fd);
    if (from === null || to === null) return -EBADF;
    if ((from.flags & O_ACCMODE) === O_WRONLY || (to.flags & O_ACCMODE) === 0) return -EBADF;
    if (from.mayBlock || (to.flags & O_APPEND) !== 0) return -EINVAL;
    const stat = from.stat();
    if (typeof stat !== 'number' && (stat.mode & S_IFMT) === S_IFDIR) return -EINVAL;
    const at = load(task, a.offset);
    if (at === undefined) return -EFAULT;
    if (at !== null && at < 0) return -EINVAL;
    const done = copyBetween(task, from, to, at, null, Math.min(a.count, MAX_RW_COUNT));
    if (typeof done === 'number') {
      store(task, a.offset, at, done);
      return done;
    }
    return done.after((n) => {
      store(task, a.offset, at, n);
      return n;
    });
  };

export const sendfile: Syscall = syscall('sendfile', SENDFILE, R_SIZE, sendfileBy(offsetAt, advance));
export const oldSendfile: Syscall = syscall('old sendfile', SENDFILE, R_SIZE, sendfileBy(oldOffsetAt, oldAdvance));

export const copy_file_range: Syscall = syscall(
  'copy_file_range',
  { fd_in: FD, off_in: PTR, fd_out: FD, off_out: PTR, len: SIZE, flags: UINT },
  R_SIZE,
  (task, { fd_in, off_in, fd_out, off_out, len, flags }) => {
    const from = task.process.files.get(fd_in);
    const to = task.process.files.get(fd_out);
    if (from === null || to === null) return -EBADF;
    const inStat = from.stat();
    const outStat = to.stat();
    if (typeof inStat === 'number' || typeof outStat === 'number') return -EBADF;
    if ((inStat.mode & S_IFMT) === S_IFDIR || (outStat.mode & S_IFMT) === S_IFDIR) return -21;
    if ((inStat.mode & S_IFMT) !== S_IFREG || (outStat.mode & S_IFMT) !== S_IFREG) return -EINVAL;
    if (flags !== 0) return -EINVAL;
    if ((from.flags & O_ACCMODE) === O_WRONLY || (to.flags & O_ACCMODE) === 0) return -EBADF;
    if ((to.flags & O_APPEND) !== 0) return -EBADF;
    // Files of /proc say size 0: the kernel copies nothing of them this way either.
    if (inStat.dev === 0x15) return -EXDEV;
    const fromAt = offsetAt(task, off_in);
    const toAt = offsetAt(task, off_out);
    if (fromAt === undefined || toAt === undefined) return -EFAULT;
    const start = fromAt ?? from.seek(0, SEEK_CUR);
    const end = toAt ?? to.seek(0, SEEK_CUR);
    if (start < 0 || end < 0) return -EOVERFLOW;
    const count = Math.min(len, MAX_RW_COUNT, Math.max(0, Number(inStat.size) - start));
    const same = inStat.dev === outStat.dev && inStat.ino === outStat.ino;
    if (same && start < end + count && end < start + count) return -EINVAL;
    const done = copyBetween(task, from, to, fromAt, toAt, count) as number;
    advance(task, off_in, fromAt, done);
    advance(task, off_out, toAt, done);
    return done;
  },
);

export const readahead: Syscall = syscall('readahead', { fd: FD, offset: OFF, count: SIZE }, R_SIZE, (task, { fd }) => {
  const file = task.process.files.get(fd);
  return file === null ? -EBADF : file.mayBlock ? -EINVAL : 0;
});

export const fadvise64: Syscall = syscall(
  'fadvise64',
  { fd: FD, offset: OFF, len: OFF, advice: INT },
  R_SIZE,
  (task, { fd, len, advice }) => {
    const file = task.process.files.get(fd);
    if (file === null) return -EBADF;
    if (file.mayBlock) return -ESPIPE;
    return advice < 0 || advice > 5 || len < 0 ? -EINVAL : 0;
  },
);

export const calls: readonly Syscall[] = [
  read,
  write,
  readv,
  writev,
  pread64,
  pwrite64,
  preadv,
  pwritev,
  preadv2,
  pwritev2,
  lseek,
  sendfile,
  oldSendfile,
  copy_file_range,
  readahead,
  fadvise64,
];
