import { EAGAIN, EFAULT, EINVAL, EIO, ENOTTY } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import * as R from '../vfs/tty.ts';
import {
  type BytePath,
  type IoctlArg,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  S_IFCHR,
  type Stat,
  type Statfs,
} from '../vfs/types.ts';
import { signalGroup } from './groups.ts';
import type { Kernel } from './kernel.ts';
import { LineDiscipline } from './line-discipline.ts';
import { SI_KERNEL, SIGCONT, SIGHUP, SIGWINCH } from './signals.ts';
import {
  putTermios,
  readTermios,
  TIOCPKT_DATA,
  TIOCPKT_DOSTOP,
  TIOCPKT_FLUSHWRITE,
  TIOCPKT_NOSTOP,
  TIOCPKT_START,
  TIOCPKT_STOP,
} from './termios.ts';
import { Tty } from './tty.ts';
import { WaitQueue } from './wait-queue.ts';

const DEVPTS_SUPER_MAGIC = 0x1cd1;
const PTY_MASTER = (5 << 8) | 2;
const PTY_SLAVE_MAJOR = 136;
/** /proc/sys/kernel/pty/max, as far as numbers fit into one major. */
const MOST = 256;

/** struct stat of /dev/pts/N. */
export const slaveStat = (pty: Pty): Stat =>
  syntheticStat({
    dev: 0x18,
    ino: pty.index + 3,
    mode: S_IFCHR | pty.mode,
    rdev: (PTY_SLAVE_MAJOR << 8) | pty.index,
    uid: pty.uid,
    gid: pty.gid,
    blksize: 1024,
  });

/** struct stat of /dev/ptmx. */
export const masterStat = (): Stat => syntheticStat({ dev: 0x18, ino: 2, mode: S_IFCHR | 0o666, rdev: PTY_MASTER });

/** A pseudoterminal (man 7 pty): what both ends share. */
export class Pty {
  readonly index: number;
  readonly kernel: Kernel;
  /** Its session and foreground group. */
  readonly tty: Tty = new Tty();
  readonly line: LineDiscipline;
  /** Readers and writers of either end wait here. */
  readonly changed: WaitQueue = new WaitQueue();
  locked = true;
  mode = 0o620;
  uid = 0;
  gid = 0;
  /** struct winsize: rows, columns, and the same in pixels. */
  size: number[] = [0, 0, 0, 0];
  slaves = 0;
  /** Somebody had the slave open. */
  used = false;
  /** TIOCPKT: each read of the master begins with a byte that tells what it is. */
  packets = false;
  /** TIOCPKT_* bits that it has not been told. */
  status = 0;
  /** The master is closed. */
  hungUp = false;

  constructor(kernel: Kernel, index: number) {
    this.kernel = kernel;
    this.index = index;
    this.uid = kernel.currentTask?.process.uids[0] ?? kernel.uid;
    this.gid = kernel.currentTask?.process.gids[0] ?? kernel.gid;
    this.line = new LineDiscipline(
      (signo) => this.signal(signo),
      (bits) => this.tell(bits),
    );
  }
  get path(): BytePath {
    return `/dev/pts/${this.index}`;
  }
  private signal(signo: number): void {
    if (this.tty.foreground !== 0) signalGroup(this.kernel, this.tty.foreground, { signo, code: SI_KERNEL });
  }

  /** Packet mode: what happened is kept until the master reads it. */
  private tell(bits: number): void {
    if (!this.packets) return;
    for (const pair of [TIOCPKT_STOP | TIOCPKT_START, TIOCPKT_NOSTOP | TIOCPKT_DOSTOP]) {
      if ((bits & pair) !== 0) this.status &= ~pair;
    }
    this.status |= bits;
    this.changed.wake();
  }

  /** The line is cut (man 3 termios, "Modem disconnect"): the session's leader is told. */
  hangUp(): void {
    this.hungUp = true;
    const leader = this.kernel.processes.get(this.tty.session);
    if (leader !== undefined && leader.exited === null) {
      leader.raise({ signo: SIGHUP, code: SI_KERNEL });
      leader.raise({ signo: SIGCONT, code: SI_KERNEL });
    }
    this.signal(SIGHUP);
    this.tty.session = 0;
    this.tty.foreground = 0;
    this.changed.wake();
  }

  /** What both ends answer alike. */
  ioctl(request: number, arg: IoctlArg): number {
    switch (request) {
      case R.TCGETS:
        return putTermios(this.line.termios, arg, 36);
      case R.TCGETS2:
        return putTermios(this.line.termios, arg, 44);
      case R.TCSETS:
      case R.TCSETSW:
      case R.TCSETSF:
      case R.TCSETS2:
      case R.TCSETSW2:
      case R.TCSETSF2: {
        const next = readTermios(arg);
        if (next === null) return -EFAULT;
        if (request === R.TCSETSF || request === R.TCSETSF2) this.line.flushInput();
        this.line.setTermios(next);
        this.changed.wake();
        return 0;
      }
      case R.TIOCGWINSZ: {
        const view = arg.out(8);
        for (const [i, value] of this.size.entries()) view?.setUint16(2 * i, value, true);
        return view === null ? -EFAULT : 0;
      }
      case R.TIOCSWINSZ: {
        const view = arg.in(8);
        if (view === null) return -EFAULT;
        const next = [0, 2, 4, 6].map((at) => view.getUint16(at, true));
        if (next.some((value, i) => value !== this.size[i])) {
          this.size = next;
          this.signal(SIGWINCH);
        }
        return 0;
      }
      case R.TCFLSH: {
        if (arg.value > 2) return -EINVAL;
        // What was written has reached the master already.
        if (arg.value !== 1) this.line.flushInput();
        if (arg.value !== 0) this.tell(TIOCPKT_FLUSHWRITE);
        this.changed.wake();
        return 0;
      }
      case R.TCXONC:
        if (arg.value > 3) return -EINVAL;
        if (arg.value < 2) this.line.stopped = arg.value === 0;
        this.changed.wake();
        return 0;
      // A pty has no line to drain, and no break.
      case R.TCSBRK:
      case R.TCSBRKP:
        return 0;
      case R.TIOCGETD:
        return putInt(arg, 0);
      default:
        return -ENOTTY;
    }
  }
}

function putInt(arg: IoctlArg, value: number): number {
  const view = arg.out(4);
  view?.setInt32(0, value, true);
  return view === null ? -EFAULT : 0;
}

/** The end that a terminal emulator holds: what it writes is typed, what it reads is shown. */
export class PtyMaster extends BaseFile {
  override readonly mayBlock: boolean = true;
  readonly pty: Pty;

  constructor(pty: Pty, path: BytePath, flags: number) {
    super(path, flags);
    this.pty = pty;
  }
  override get waitQueue(): WaitQueue {
    return this.pty.changed;
  }
  stat(): Stat {
    return masterStat();
  }
  statfs(): Statfs {
    return syntheticStatfs(DEVPTS_SUPER_MAGIC);
  }
  private get abandoned(): boolean {
    return this.pty.used && this.pty.slaves === 0;
  }
  override read(into: Uint8Array): number {
    const { line, changed } = this.pty;
    if (into.length === 0) return 0;
    const head = this.pty.packets ? 1 : 0;
    if (head === 1 && this.pty.status !== 0) {
      into[0] = this.pty.status;
      this.pty.status = 0;
      return 1;
    }
    if (line.output.length === 0) return this.abandoned ? -EIO : -EAGAIN;
    if (head === 1) into[0] = TIOCPKT_DATA;
    const count = line.output.take(into.subarray(head), into.length - head, false);
    changed.wake();
    return count + head;
  }
  override write(from: Uint8Array): number {
    const { line, changed } = this.pty;
    if (from.length === 0) return 0;
    const count = Math.min(line.room, from.length);
    if (count === 0) return -EAGAIN;
    line.type(from.subarray(0, count));
    changed.wake();
    return count;
  }
  override poll(): number {
    const { line } = this.pty;
    const told = this.pty.packets && this.pty.status !== 0 ? POLLIN | POLLPRI : 0;
    const filled = told | (line.output.length > 0 ? POLLIN : 0);
    return filled | (line.room > 0 ? POLLOUT : 0) | (this.abandoned ? POLLHUP : 0);
  }
  override ioctl(request: number, arg: IoctlArg): number {
    const { pty } = this;
    switch (request) {
      case R.TIOCGPTN:
        return putInt(arg, pty.index);
      case R.TIOCGPTLCK:
        return putInt(arg, Number(pty.locked));
      case R.TIOCSPTLCK: {
        const view = arg.in(4);
        if (view === null) return -EFAULT;
        pty.locked = view.getInt32(0, true) !== 0;
        return 0;
      }
      case R.TIOCGPKT:
        return putInt(arg, Number(pty.packets));
      case R.TIOCPKT: {
        const view = arg.in(4);
        if (view === null) return -EFAULT;
        if (!pty.packets) pty.status = 0;
        pty.packets = view.getInt32(0, true) !== 0;
        return 0;
      }
      case R.FIONREAD:
        return putInt(arg, pty.line.output.length);
      default:
        return pty.ioctl(request, arg);
    }
  }
  override close(): number {
    this.pty.hangUp();
    this.pty.kernel.ptys.delete(this.pty);
    return 0;
  }
}

/** The end that programs use as their terminal. */
export class PtySlave extends BaseFile {
  override readonly mayBlock: boolean = true;
  readonly pty: Pty;

  constructor(pty: Pty, flags: number) {
    super(pty.path, flags);
    this.pty = pty;
    pty.slaves++;
    pty.used = true;
  }
  override get waitQueue(): WaitQueue {
    return this.pty.changed;
  }
  override get terminal(): boolean {
    return true;
  }
  stat(): Stat {
    return slaveStat(this.pty);
  }
  statfs(): Statfs {
    return syntheticStatfs(DEVPTS_SUPER_MAGIC);
  }
  override read(into: Uint8Array): number {
    if (this.pty.hungUp) return 0;
    if (into.length === 0) return 0;
    const count = this.pty.line.read(into);
    if (count === null) return -EAGAIN;
    this.pty.changed.wake();
    return count;
  }
  override write(from: Uint8Array): number {
    if (this.pty.hungUp) return -EIO;
    if (from.length === 0) return 0;
    const count = this.pty.line.write(from);
    if (count === 0) return -EAGAIN;
    this.pty.changed.wake();
    return count;
  }
  override poll(): number {
    const { line, hungUp } = this.pty;
    if (hungUp) return POLLIN | POLLOUT | POLLERR | POLLHUP;
    return (line.readable ? POLLIN : 0) | (line.writable ? POLLOUT : 0);
  }
  override chmod(mode: number): number {
    this.pty.mode = mode & 0o7777;
    return 0;
  }
  override chown(uid: number, gid: number): number {
    if (uid !== -1) this.pty.uid = uid >>> 0;
    if (gid !== -1) this.pty.gid = gid >>> 0;
    return 0;
  }
  override utimes(): number {
    return 0;
  }
  override ioctl(request: number, arg: IoctlArg): number {
    if (this.pty.hungUp) return -EIO;
    if (request === R.FIONREAD) return putInt(arg, this.pty.line.unread);
    if (request === R.TIOCOUTQ) return putInt(arg, 0);
    return this.pty.ioctl(request, arg);
  }
  override close(): number {
    this.pty.slaves--;
    this.pty.changed.wake();
    return 0;
  }
}

/** The pseudoterminals of a machine. */
export class Ptys {
  private readonly kernel: Kernel;
  private readonly open: Map<number, Pty> = new Map();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** Open /dev/ptmx; `taken`: numbers that the host's terminals have. Null: there are no more. */
  create(path: BytePath, flags: number, taken: (index: number) => boolean): PtyMaster | null {
    for (let index = 0; index < MOST; index++) {
      if (this.open.has(index) || taken(index)) continue;
      const pty = new Pty(this.kernel, index);
      this.open.set(index, pty);
      return new PtyMaster(pty, path, flags);
    }
    return null;
  }
  /** By the number in the slave's name. */
  get(name: string): Pty | undefined {
    return /^(0|[1-9]\d*)$/.test(name) ? this.open.get(Number(name)) : undefined;
  }
  list(): Pty[] {
    return [...this.open.values()];
  }
  delete(pty: Pty): void {
    this.open.delete(pty.index);
  }
}
