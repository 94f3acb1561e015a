import { FD, flags, PTR, R_SIZE, SIZE } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EAGAIN, EBADF, EFAULT, EINVAL, EPIPE, ESPIPE } from '../errno.ts';
import { PipeEnd } from '../kernel/pipe.ts';
import type { Task } from '../kernel/task.ts';
import { type Pending, type WaitOptions, waitFor } from '../kernel/wait.ts';
import { readI64, writeI64 } from '../struct.ts';
import { O_ACCMODE, O_APPEND, O_NONBLOCK, O_RDONLY, O_WRONLY, type OpenFile } from '../vfs/types.ts';
import { gatherWrite, MAX_RW_COUNT, readInto, readIoVecs, scatterRead, writeFrom } from './transfer.ts';

const SPLICE_F_NONBLOCK = 2;
const HOW = flags([
  ['SPLICE_F_MOVE', 1],
  ['SPLICE_F_NONBLOCK', SPLICE_F_NONBLOCK],
  ['SPLICE_F_MORE', 4],
  ['SPLICE_F_GIFT', 8],
]);
const KNOWN = 15;
/** At most so much is moved at once, as a pipe's usual size. */
const PIECE = 65536;

const canRead = (file: OpenFile): boolean => (file.flags & O_ACCMODE) !== O_WRONLY;
const canWrite = (file: OpenFile): boolean => (file.flags & O_ACCMODE) !== O_RDONLY;

/** Woken when either may be ready; what tells nobody is looked at from time to time. */
function readiness(...files: readonly OpenFile[]): WaitOptions {
  const on = files.flatMap(({ waitQueue }) => (waitQueue === null ? [] : [waitQueue]));
  return { on, poll: files.some((file) => file.mayBlock && file.waitQueue === null) };
}

/** Move what is there: bytes, 0 at the end, -EAGAIN when one side is not ready. */
function moveOnce(from: OpenFile, to: OpenFile, fromAt: number | null, toAt: number | null, length: number): number {
  const room = to instanceof PipeEnd ? to.room() : PIECE;
  if (room <= 0) return room === 0 ? -EAGAIN : room;
  const bytes = new Uint8Array(Math.min(length, room, PIECE));
  const put = (part: Uint8Array): number => (toAt === null ? to.write(part) : to.pwrite(part, toAt));
  if (from instanceof PipeEnd) {
    const n = from.peek(bytes);
    if (n <= 0) return n;
    const written = put(bytes.subarray(0, n));
    if (written > 0) from.skip(written);
    return written;
  }
  const n = fromAt === null ? from.read(bytes) : from.pread(bytes, fromAt);
  return n <= 0 ? n : put(bytes.subarray(0, n));
}

/** A loff_t in guest memory; null without one, undefined for EFAULT. */
function offsetAt(task: Task, address: number): number | null | undefined {
  if (address === 0) return null;
  return task.space.writable(address, 8) ? readI64(task.space.view, address) : undefined;
}

export const splice: Syscall = syscall(
  'splice',
  { fd_in: FD, off_in: PTR, fd_out: FD, off_out: PTR, len: SIZE, flags: HOW },
  R_SIZE,
  (task, { fd_in, off_in, fd_out, off_out, len, flags: how }) => {
    if ((how & ~KNOWN) !== 0) return -EINVAL;
    if (len === 0) return 0;
    const from = task.process.files.get(fd_in);
    const to = task.process.files.get(fd_out);
    if (from === null || to === null || !canRead(from) || !canWrite(to)) return -EBADF;
    const pipes = [from instanceof PipeEnd, to instanceof PipeEnd];
    if ((pipes[0] && off_in !== 0) || (pipes[1] && off_out !== 0)) return -ESPIPE;
    if (!pipes.includes(true) || (to.flags & O_APPEND) !== 0) return -EINVAL;
    if (from instanceof PipeEnd && to instanceof PipeEnd && from.sameAs(to)) return -EINVAL;
    const [fromAt, toAt] = [offsetAt(task, off_in), offsetAt(task, off_out)];
    if (fromAt === undefined || toAt === undefined) return -EFAULT;
    const length = Math.min(len, MAX_RW_COUNT);
    task.process.beforeAccess(from);
    task.process.beforeAccess(to);
    const attempt = (): number => moveOnce(from, to, fromAt, toAt, length);
    const end = (n: number): number => {
      if (n === -EPIPE) task.brokenPipe();
      if (n > 0 && fromAt !== null) writeI64(task.space.view, off_in, fromAt + n);
      if (n > 0 && toAt !== null) writeI64(task.space.view, off_out, toAt + n);
      if (n > 0) {
        task.process.afterRead(from);
        task.process.afterWrite(to);
      }
      return n;
    };
    return waiting(task, attempt, end, how, from, to);
  },
);

function waiting(
  task: Task,
  attempt: () => number,
  end: (n: number) => number,
  how: number,
  from: OpenFile,
  to: OpenFile,
): number | Pending {
  const now = (how & SPLICE_F_NONBLOCK) !== 0 || ((from.flags | to.flags) & O_NONBLOCK) !== 0;
  if (now) return end(attempt());
  const waited = waitFor(task, attempt, readiness(from, to));
  return typeof waited === 'number' ? end(waited) : waited.after(end);
}

export const tee: Syscall = syscall(
  'tee',
  { fd_in: FD, fd_out: FD, len: SIZE, flags: HOW },
  R_SIZE,
  (task, { fd_in, fd_out, len, flags: how }) => {
    if ((how & ~KNOWN) !== 0) return -EINVAL;
    if (len === 0) return 0;
    const from = task.process.files.get(fd_in);
    const to = task.process.files.get(fd_out);
    if (from === null || to === null || !canRead(from) || !canWrite(to)) return -EBADF;
    if (!(from instanceof PipeEnd && to instanceof PipeEnd) || from.sameAs(to)) return -EINVAL;
    const attempt = (): number => {
      const room = to.room();
      if (room <= 0) return room === 0 ? -EAGAIN : room;
      const bytes = new Uint8Array(Math.min(len, room, PIECE));
      const n = from.peek(bytes);
      return n <= 0 ? n : to.write(bytes.subarray(0, n));
    };
    const end = (n: number): number => {
      if (n === -EPIPE) task.brokenPipe();
      return n;
    };
    return waiting(task, attempt, end, how, from, to);
  },
);

export const vmsplice: Syscall = syscall(
  'vmsplice',
  { fd: FD, iov: PTR, nr_segs: SIZE, flags: HOW },
  R_SIZE,
  (task, { fd, iov, nr_segs, flags: how }) => {
    if ((how & ~KNOWN) !== 0) return -EINVAL;
    const file = task.process.files.get(fd);
    if (!(file instanceof PipeEnd)) return -EBADF;
    const list = readIoVecs(task, iov, nr_segs);
    if (typeof list === 'number') return list;
    // Pages are copied, which a program cannot tell but by changing a gift.
    const now = (how & SPLICE_F_NONBLOCK) !== 0;
    if (canWrite(file)) {
      return gatherWrite(task, list, (bytes) => (now ? file.write(bytes) : writeFrom(task, file, bytes)));
    }
    return scatterRead(task, list, (bytes) => (now ? file.read(bytes) : readInto(task, file, bytes)));
  },
);

export const calls: readonly Syscall[] = [splice, tee, vmsplice];
