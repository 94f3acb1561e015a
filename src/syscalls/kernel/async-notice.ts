import { EINVAL, ESRCH } from '../errno.ts';
import { O_ASYNC, type OpenFile, POLLERR, POLLHUP, POLLIN, POLLOUT } from '../vfs/types.ts';
import { signalGroup } from './groups.ts';
import type { Process } from './process.ts';
import { NSIG, SI_KERNEL, SIGIO } from './signals.ts';
import type { Waiter } from './wait-queue.ts';

/** si_code and si_band of what happened (man 2 sigaction, SIGPOLL), the first that holds. */
const BANDS: readonly (readonly [number, number, number])[] = [
  [POLLERR, 4, 0x8],
  [POLLHUP, 6, 0x218],
  [POLLIN, 1, 0x41],
  [POLLOUT, 2, 0x304],
];

/** Signal-driven I/O of an open file: whom O_ASYNC tells, and how (man 2 fcntl, "Managing signals"). */
class AsyncNotice implements Waiter {
  /** F_SETOWN: a process, below 0 a group. */
  owner = 0;
  /** F_SETSIG: 0 is SIGIO without details. */
  signal = 0;
  private readonly file: OpenFile;
  private process: Process | null = null;
  private fd = -1;

  constructor(file: OpenFile) {
    this.file = file;
  }

  start(process: Process, fd: number): void {
    this.process = process;
    this.fd = fd;
    this.file.waitQueue?.add(this);
  }
  stop(): void {
    this.file.waitQueue?.remove(this);
  }

  wake(events = -1): void {
    const { process, owner } = this;
    if (process === null || owner === 0) return;
    const now = this.file.poll();
    const band = BANDS.find(([poll]) => (now & poll) !== 0 && ((events & poll) !== 0 || poll === POLLHUP));
    if (band === undefined) return;
    const [, code, mask] = band;
    const info =
      this.signal === 0
        ? { signo: SIGIO, code: SI_KERNEL }
        : process.abi.wordSize === 8
          ? { signo: this.signal, code, pid: mask, uid: 0, value: BigInt(this.fd) }
          : { signo: this.signal, code, pid: mask, uid: this.fd };
    if (owner < 0) signalGroup(process.kernel, -owner, info);
    else process.kernel.processes.get(owner)?.raise(info);
  }
}

const notices: WeakMap<OpenFile, AsyncNotice> = new WeakMap();

function noticeFor(file: OpenFile): AsyncNotice {
  const notice = notices.get(file) ?? new AsyncNotice(file);
  notices.set(file, notice);
  return notice;
}

/** F_SETOWN: 0 or -errno. */
export function setOwner(process: Process, file: OpenFile, owner: number): number {
  if (owner === -0x8000_0000) return -EINVAL;
  const { processes } = process.kernel;
  const known = owner < 0 ? [...processes.values()].some((p) => p.pgid === -owner) : processes.has(owner);
  if (owner !== 0 && !known) return -ESRCH;
  noticeFor(file).owner = owner;
  return 0;
}

/** F_GETOWN */
export function ownerOf(file: OpenFile): number {
  return notices.get(file)?.owner ?? 0;
}

/** F_SETSIG: 0 or -errno. */
export function setAsyncSignal(file: OpenFile, signal: number): number {
  if (signal < 0 || signal > NSIG) return -EINVAL;
  noticeFor(file).signal = signal;
  return 0;
}

/** F_GETSIG */
export function asyncSignalOf(file: OpenFile): number {
  return notices.get(file)?.signal ?? 0;
}

/** O_ASYNC is set or cleared, by F_SETFL or FIOASYNC. */
export function setAsync(process: Process, file: OpenFile, fd: number, on: boolean): void {
  const was = (file.flags & O_ASYNC) !== 0;
  file.flags = on ? file.flags | O_ASYNC : file.flags & ~O_ASYNC;
  if (on && !was) noticeFor(file).start(process, fd);
  if (!on && was) notices.get(file)?.stop();
}

/** The last descriptor of a file is closed. */
export function dropNotice(file: OpenFile): void {
  if ((file.flags & O_ASYNC) !== 0) notices.get(file)?.stop();
}
