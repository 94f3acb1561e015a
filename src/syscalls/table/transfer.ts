import { EAGAIN, EALREADY, EBADF, EFAULT, EFBIG, EINVAL, EPIPE, ERESTARTSYS, ETIMEDOUT } from '../errno.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { checkTerminalChange, checkTerminalRead } from '../kernel/job-control.ts';
import { RLIMIT_FSIZE } from '../kernel/limits.ts';
import { PtySlave } from '../kernel/pty.ts';
import { Socket } from '../kernel/socket.ts';
import type { Task } from '../kernel/task.ts';
import { TOSTOP } from '../kernel/termios.ts';
import { type Pending, type WaitOptions, waitFor } from '../kernel/wait.ts';
import { O_APPEND, O_NONBLOCK, type OpenFile, S_IFMT, S_IFREG, SEEK_CUR } from '../vfs/types.ts';
import { readSocket, sendOn } from './socket-io.ts';

/** Linux transfers at most this much per call (man 2 read, NOTES). */
export const MAX_RW_COUNT = 0x7fff_f000;
/** Vectors up to this are gathered into one transfer, so that a pipe gets them in one piece. */
const GATHER_LIMIT = 1 << 20;
const IOV_MAX = 1024;

/** The writable start of a buffer: a call may give a length past the mapping and use less. */
export function writablePrefix(task: Task, address: number, length: number): Uint8Array | null {
  const whole = task.space.writeRange(address, length);
  if (whole !== null || length === 0) return whole;
  let good = 0;
  let probe = 4096 - (address % 4096);
  while (probe < length && task.space.writable(address, probe)) {
    good = probe;
    probe += 4096;
  }
  return good === 0 ? null : task.space.writeRange(address, good);
}

function readablePrefix(task: Task, address: number, length: number): Uint8Array | null {
  const whole = task.space.readRange(address, length);
  if (whole !== null || length === 0) return whole;
  let good = 0;
  let probe = 4096 - (address % 4096);
  while (probe < length && task.space.readable(address, probe)) {
    good = probe;
    probe += 4096;
  }
  return good === 0 ? null : task.space.readRange(address, good);
}

/** How to wait for a file: by its queue, else by looking from time to time. */
export function readiness(file: OpenFile): WaitOptions {
  return file.waitQueue === null ? { poll: true } : { on: [file.waitQueue] };
}

/** read(2) into guest memory at the file's position. */
export function readInto(task: Task, file: OpenFile, bytes: Uint8Array): number | Pending {
  if (file instanceof Socket) return readSocket(task, file, bytes);
  if (file.mayBlock && task.process.kernel.mustNotBlock) {
    const stopped = file.terminal ? checkTerminalRead(task, file) : 0;
    if (stopped !== 0) return stopped;
    file.unblock();
  }
  task.process.beforeAccess(file);
  const n = file.read(bytes);
  if (n > 0) task.process.afterRead(file);
  if (n !== -EAGAIN || !file.mayBlock || (file.flags & O_NONBLOCK) !== 0) return n;
  if (file instanceof PtySlave) return readTerminal(task, file, bytes);
  return waitFor(task, () => (task.space.stillWritable(bytes) ? file.read(bytes) : -EFAULT), readiness(file));
}

/** pread(2): at an offset. */
export function readAt(task: Task, file: OpenFile, bytes: Uint8Array, offset: number): number {
  task.process.beforeAccess(file);
  const n = file.pread(bytes, offset);
  if (n > 0) task.process.afterRead(file);
  return n;
}

/** How many bytes RLIMIT_FSIZE lets through at an offset, all but where it is set; -EFBIG, and SIGXFSZ, for none. */
function underSizeLimit(task: Task, file: OpenFile, length: number, offset: () => number): number {
  const [most] = task.process.limits[RLIMIT_FSIZE] ?? [Number.POSITIVE_INFINITY];
  if (most === Number.POSITIVE_INFINITY || length === 0) return length;
  const stat = file.stat();
  if (typeof stat === 'number' || (stat.mode & S_IFMT) !== S_IFREG) return length;
  const left = most - ((file.flags & O_APPEND) !== 0 ? Number(stat.size) : offset());
  if (left > 0) return Math.min(length, left);
  task.tooLarge();
  return -EFBIG;
}

/** Whether a file may get this size; else the caller has SIGXFSZ. */
export function sizeAllowed(task: Task, size: number): boolean {
  const [most] = task.process.limits[RLIMIT_FSIZE] ?? [Number.POSITIVE_INFINITY];
  if (size <= most) return true;
  task.tooLarge();
  return false;
}

/** pwrite(2): at an offset. */
export function writeAt(task: Task, file: OpenFile, all: Uint8Array, offset: number): number {
  const length = underSizeLimit(task, file, all.length, () => offset);
  if (length < 0) return length;
  const bytes = length < all.length ? all.subarray(0, length) : all;
  task.process.beforeAccess(file);
  const n = file.pwrite(bytes, offset);
  // on Linux O_APPEND goes before the offset
  if (n > 0 && (file.flags & O_APPEND) !== 0) task.process.afterWrite(file);
  else if (n > 0) task.process.afterWrite(file, offset, offset + n);
  return n;
}

/** A raw read with VTIME ends when that has passed, since the call or the last byte (man 3 termios). */
function readTerminal(task: Task, file: PtySlave, bytes: Uint8Array): number | Pending {
  const { line } = file.pty;
  const { patience } = line;
  let seen = line.unread;
  const wait = (): number | Pending => {
    const counts = patience !== null && (!patience.afterFirst || seen > 0);
    const deadline = counts ? monotonicMs() + patience.ms : Number.POSITIVE_INFINITY;
    const attempt = (): number => {
      const n = task.space.stillWritable(bytes) ? file.read(bytes) : -EFAULT;
      // Another byte: the time begins anew.
      return n === -EAGAIN && patience?.afterFirst && line.unread !== seen ? -EALREADY : n;
    };
    const waited = waitFor(task, attempt, { on: [file.waitQueue], deadline, onTimeout: -ETIMEDOUT });
    const next = (n: number): number | Pending => {
      if (n === -ETIMEDOUT) return task.space.stillWritable(bytes) ? line.takeTyped(bytes) : -EFAULT;
      if (n !== -EALREADY) return n;
      seen = line.unread;
      return wait();
    };
    return typeof waited === 'number' ? next(waited) : waited.after(next);
  };
  return wait();
}

/** write(2) at the file's position; a blocking stream takes everything before the call returns. */
export function writeFrom(task: Task, file: OpenFile, all: Uint8Array): number | Pending {
  if (file instanceof Socket) return sendOn(task, file, all);
  if (file instanceof PtySlave && (file.pty.line.termios.lflag & TOSTOP) !== 0) {
    const stopped = checkTerminalChange(task, file);
    if (stopped !== 0) return stopped;
  }
  // A slow reader of the host must not hold the thread that others need.
  if (file.mayBlock && task.process.kernel.mustNotBlock) file.unblock();
  const length = underSizeLimit(task, file, all.length, () => file.seek(0, SEEK_CUR));
  if (length < 0) return length;
  const bytes = length < all.length ? all.subarray(0, length) : all;
  task.process.beforeAccess(file);
  const n = file.write(bytes);
  if (n > 0) task.process.afterWriteAtPosition(file, n);
  if (n === bytes.length) return n;
  if (n === -EPIPE) task.brokenPipe();
  if (!file.mayBlock || (file.flags & O_NONBLOCK) !== 0 || (n < 0 && n !== -EAGAIN)) return n;
  let done = Math.max(0, n);
  const attempt = (): number => {
    const more = file.write(bytes.subarray(done));
    if (more === -EAGAIN) return more;
    if (more < 0) {
      if (more === -EPIPE) task.brokenPipe();
      return done > 0 ? done : more;
    }
    done += more;
    return done < bytes.length ? -EAGAIN : done;
  };
  const settle = (result: number): number => (result === -ERESTARTSYS && done > 0 ? done : result);
  const result = waitFor(task, attempt, readiness(file));
  return typeof result === 'number' ? settle(result) : result.after(settle);
}

/** read or write of a descriptor's whole range. */
export function transfer(task: Task, fd: number, address: number, count: number, write: boolean): number | Pending {
  const file = task.process.files.get(fd);
  if (file === null) return -EBADF;
  const length = Math.min(count, MAX_RW_COUNT);
  const bytes = write ? readablePrefix(task, address, length) : writablePrefix(task, address, length);
  if (bytes === null) return -EFAULT;
  return write ? writeFrom(task, file, bytes) : readInto(task, file, bytes);
}

/** One element of a struct iovec array. */
export interface IoVec {
  readonly base: number;
  readonly length: number;
}

/** Read an iovec array; a negative errno for a bad one. */
export function readIoVecs(task: Task, address: number, count: number): IoVec[] | number {
  if (count < 0 || count > IOV_MAX) return -EINVAL;
  const word = task.abi.wordSize;
  const { space } = task;
  if (!space.readable(address, count * 2 * word)) return -EFAULT;
  const { view } = space;
  const at = (offset: number): number =>
    word === 4
      ? view.getUint32(offset, true)
      : view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
  const list: IoVec[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const base = at(address + i * 2 * word);
    let length = at(address + i * 2 * word + word);
    // A length with the sign bit is an error; a sum beyond the limit is cut.
    if (length >= (word === 4 ? 2 ** 31 : 2 ** 63)) return -EINVAL;
    length = Math.min(length, MAX_RW_COUNT - total);
    total += length;
    list.push({ base, length });
  }
  return list;
}

/** writev and pwritev: `put` writes one piece. */
export function gatherWrite(
  task: Task,
  vectors: readonly IoVec[],
  put: (bytes: Uint8Array) => number | Pending,
): number | Pending {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for (const { base, length } of vectors) {
    if (length === 0) continue;
    const bytes = task.space.readRange(base, length);
    if (bytes === null) {
      if (total === 0) return -EFAULT;
      break;
    }
    pieces.push(bytes);
    total += length;
  }
  const [only] = pieces;
  if (only === undefined) return put(new Uint8Array(0));
  if (pieces.length === 1) return put(only);
  if (total <= GATHER_LIMIT) {
    const all = new Uint8Array(total);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return put(all);
  }
  return sequence(pieces, put);
}

/** readv and preadv: `get` fills one piece; a short one ends the call. */
export function scatterRead(
  task: Task,
  vectors: readonly IoVec[],
  get: (bytes: Uint8Array) => number | Pending,
): number | Pending {
  const pieces: Uint8Array[] = [];
  for (const { base, length } of vectors) {
    if (length === 0) continue;
    const bytes = writablePrefix(task, base, length);
    if (bytes === null) {
      if (pieces.length === 0) return -EFAULT;
      break;
    }
    pieces.push(bytes);
  }
  const [only] = pieces;
  if (only === undefined) return get(new Uint8Array(0));
  if (pieces.length === 1) return get(only);
  let total = 0;
  for (const piece of pieces) total += piece.length;
  const { space } = task;
  if (total > GATHER_LIMIT) return sequence(pieces, (piece) => (space.stillWritable(piece) ? get(piece) : -EFAULT));
  // One read, then scattered: a stream must not be asked twice, it might block the second time.
  const all = new Uint8Array(total);
  const spread = (n: number): number => {
    let at = 0;
    for (const piece of pieces) {
      if (at >= n) break;
      if (!space.stillWritable(piece)) return at === 0 ? -EFAULT : at;
      piece.set(all.subarray(at, Math.min(n, at + piece.length)));
      at += piece.length;
    }
    return n;
  };
  const n = get(all);
  return typeof n === 'number' ? spread(n) : n.after(spread);
}

function sequence(pieces: readonly Uint8Array[], step: (bytes: Uint8Array) => number | Pending): number | Pending {
  let done = 0;
  const from = (index: number): number | Pending => {
    for (let i = index; i < pieces.length; i++) {
      const piece = pieces[i] as Uint8Array;
      const n = step(piece);
      if (typeof n !== 'number') {
        return n.after((value) => {
          if (value < 0) return done > 0 ? done : value;
          done += value;
          return value < piece.length ? done : from(i + 1);
        });
      }
      if (n < 0) return done > 0 ? done : n;
      done += n;
      if (n < piece.length) break;
    }
    return done;
  };
  return from(0);
}
