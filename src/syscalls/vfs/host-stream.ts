import fs from 'node:fs';
import { EAGAIN, EBADF, EFAULT, EINVAL, ESPIPE } from '../errno.ts';
import { WaitQueue } from '../kernel/wait-queue.ts';
import { HostFileBase, HostHandle, HostRegular, hostRead, hostWrite } from './host-file.ts';
import { HostWatch } from './host-watch.ts';
import { Terminal } from './tty.ts';
import {
  type BytePath,
  type IoctlArg,
  O_ACCMODE,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  type OpenFile,
  POLLHUP,
  POLLIN,
  POLLOUT,
} from './types.ts';

const FIONREAD = 0x541b;
const { O_NONBLOCK, O_NOCTTY } = fs.constants;

/** pos and flags of a host descriptor: Node has neither lseek nor fcntl, Linux tells in /proc. */
function fdinfo(fd: number): { pos: number; flags: number } | null {
  try {
    const text = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    const pos = /^pos:\s*(\d+)/m.exec(text)?.[1];
    const flags = /^flags:\s*([0-7]+)/m.exec(text)?.[1];
    return pos === undefined || flags === undefined ? null : { pos: Number(pos), flags: Number.parseInt(flags, 8) };
  } catch {
    // Not Linux: the caller has a default for each standard descriptor.
    return null;
  }
}

/**
 * A regular file inherited as fd 1 or 2 (or 0 for writing): the host's position is used, since others
 * write there too.
 */
class InheritedOutput extends HostRegular {
  private shared = true;

  override read(into: Uint8Array): number {
    if (!this.shared) return super.read(into);
    return this.readable ? hostRead(this.handle.fd, into, null) : -EBADF;
  }

  override write(from: Uint8Array): number {
    if (!this.shared) return super.write(from);
    return this.writable ? hostWrite(this.handle.fd, from, null) : -EBADF;
  }

  override seek(offset: number, whence: number): number {
    if (!this.shared) return super.seek(offset, whence);
    const current = fdinfo(this.handle.fd)?.pos ?? 0;
    this.position = current;
    const target = super.seek(offset, whence);
    // The host's position cannot be set from Node: after a real move the position is ours alone.
    if (target >= 0 && target !== current) this.shared = false;
    return target;
  }
}

/**
 * A regular file inherited for reading. The position is ours, so that it can go back, and the host's
 * is moved up to it at the end: `( head -1; cat ) < file` depends on it. Node cannot seek; it can read.
 */
class InheritedInput extends HostRegular {
  private readonly start: number;

  constructor(handle: HostHandle, path: BytePath, flags: number, start: number) {
    super(handle, path, flags);
    this.start = start;
    this.position = start;
  }

  override close(): number {
    let left = Math.min(this.position, this.size()) - this.start;
    const scratch = new Uint8Array(Math.min(Math.max(left, 0), 1 << 20));
    while (left > 0) {
      const n = hostRead(this.handle.fd, scratch.subarray(0, Math.min(left, scratch.length)), null);
      if (n <= 0) break;
      left -= n;
    }
    return super.close();
  }
}

/** A pipe, FIFO, terminal, socket or character device of the host. */
export class HostStream extends HostFileBase {
  override readonly mayBlock: boolean = true;
  private modes: Terminal | null = null;
  private isTty: boolean | null = null;
  private memoryDevice: boolean | null = null;
  /** The handle in use: a private non-blocking description once polled. */
  private active: HostHandle;
  private blocking: boolean;
  /** A byte read ahead to find out whether there is one, or an end of file seen. */
  private ahead = -1;
  private endAhead = false;
  private watch: HostWatch | null = null;
  private readonly readers: WaitQueue = new WaitQueue({
    start: () => this.watch?.start(),
    stop: () => this.watch?.stop(),
  });
  private watchable = true;
  /** The last write found no room. */
  private full = false;
  /** A FIFO opened for reading has no end of file before its first writer. */
  private awaitsWriter: boolean;

  constructor(handle: HostHandle, path: BytePath, flags: number, blocking: boolean, fifo: boolean) {
    super(handle, path, flags);
    this.active = handle;
    this.blocking = blocking;
    this.awaitsWriter = fifo && this.readable && !this.writable;
  }

  override read(into: Uint8Array): number {
    if (!this.readable) return -EBADF;
    if (into.length === 0) return 0;
    if (this.endAhead) {
      this.endAhead = false;
      return 0;
    }
    if (this.ahead >= 0) {
      into[0] = this.ahead;
      this.ahead = -1;
      const more = into.length > 1 ? hostRead(this.active.fd, into.subarray(1), null) : 0;
      return more > 0 ? more + 1 : 1;
    }
    const n = hostRead(this.active.fd, into, null);
    if (this.awaitsWriter) {
      if (n === 0) return -EAGAIN;
      if (n > 0) this.awaitsWriter = false;
    }
    return n;
  }

  override write(from: Uint8Array): number {
    if (!this.writable) return -EBADF;
    const n = hostWrite(this.active.fd, from, null);
    this.full = n >= 0 ? n < from.length : n === -EAGAIN;
    return n;
  }

  /** The event loop tells when something can be read, but not when there is room to write. */
  override get waitQueue(): WaitQueue | null {
    if (!this.readable || this.full || this.awaitsWriter) return null;
    this.unblock();
    this.openWatch();
    return this.watch === null ? null : this.readers;
  }

  private openWatch(): void {
    if (this.watch !== null || !this.watchable) return;
    try {
      this.watch = new HostWatch(this.handle.fd, (byte) => {
        if (byte === null) this.endAhead = true;
        else this.ahead = byte;
        this.readers.wake();
      });
    } catch {
      // Not a pipe, socket or terminal: whoever waits looks from time to time.
      this.watchable = false;
    }
  }

  /** From now on reads answer EAGAIN instead of holding the thread, if the host lets us reopen the stream. */
  override unblock(): void {
    if (!this.blocking) return;
    this.blocking = false;
    try {
      const mode = this.readable ? (this.writable ? O_RDWR : O_RDONLY) : O_WRONLY;
      const fd = fs.openSync(`/proc/self/fd/${this.handle.fd}`, mode | O_NONBLOCK | O_NOCTTY);
      this.active = new HostHandle(fd);
    } catch {
      // A socket cannot be opened anew; watching it makes it non-blocking.
      if (this.readable) this.openWatch();
    }
  }

  /** Of the host's memory devices (man 4 null): ready at all times. */
  private get alwaysReady(): boolean {
    this.memoryDevice ??= ((stat) => stat.isCharacterDevice() && stat.rdev >> 8 === 1)(fs.fstatSync(this.handle.fd));
    return this.memoryDevice;
  }

  override poll(): number {
    if (this.alwaysReady) return POLLIN | POLLOUT;
    let ready = this.writable ? POLLOUT : 0;
    if (!this.readable) return ready;
    if (this.ahead < 0 && !this.endAhead) {
      this.unblock();
      const byte = new Uint8Array(1);
      const n = this.read(byte);
      if (n === 1) this.ahead = byte[0] ?? 0;
      else if (n === 0) this.endAhead = true;
    }
    if (this.ahead >= 0) ready |= POLLIN;
    if (this.endAhead) ready |= this.tty() ? POLLIN : POLLHUP;
    return ready;
  }

  override ioctl(request: number, arg: IoctlArg): number {
    if (request === FIONREAD) {
      const view = arg.out(4);
      if (view === null) return -EFAULT;
      view.setInt32(0, (this.poll() & POLLIN) !== 0 ? 1 : 0, true);
      return 0;
    }
    if (!this.tty()) return super.ioctl(request, arg);
    this.modes ??= new Terminal(this.handle.fd);
    return this.modes.ioctl(request, arg);
  }

  override sync(): number {
    return -EINVAL;
  }

  override seek(_offset: number, _whence: number): number {
    return -ESPIPE;
  }

  override close(): number {
    this.watch?.close();
    if (this.active !== this.handle) this.active.unref();
    return super.close();
  }

  override get terminal(): boolean {
    return this.tty();
  }

  private tty(): boolean {
    this.isTty ??= isTerminal(this.handle.fd);
    return this.isTty;
  }
}

/** isatty(3) without node:tty, which loads all of Node's streams. */
function isTerminal(fd: number): boolean {
  const { binding } = process as unknown as { binding(name: string): { isTTY(fd: number): boolean } };
  return binding('tty_wrap').isTTY(fd);
}

/** The description behind an inherited host descriptor (`owned`: ours to close), or null when it is closed. */
export function inheritedFile(fd: number, path: BytePath, owned = false): OpenFile | null {
  let stat: fs.Stats;
  try {
    stat = fs.fstatSync(fd);
  } catch {
    return null;
  }
  const handle = new HostHandle(fd);
  // Never close the host's own standard descriptors: others of this Node process may use them.
  if (!owned) handle.ref();
  const info = fdinfo(fd);
  const flags = info === null ? (fd === 0 ? O_RDONLY : O_WRONLY) : info.flags & ~0o2100000;
  if (stat.isFile()) {
    const input = (flags & O_ACCMODE) === O_RDONLY && info !== null;
    return input ? new InheritedInput(handle, path, flags, info.pos) : new InheritedOutput(handle, path, flags);
  }
  return new HostStream(handle, path, flags, (flags & O_NONBLOCK) === 0, false);
}
