import fs from 'node:fs';
import { EFAULT, EINVAL, ENOTTY } from '../errno.ts';
import { freshTermios, putTermios, readTermios, type Termios } from '../kernel/termios.ts';
import type { IoctlArg } from './types.ts';

/** Terminal ioctl requests (asm-generic/ioctls.h). */
export const TCGETS = 0x5401;
export const TCSETS = 0x5402;
export const TCSETSW = 0x5403;
export const TCSETSF = 0x5404;
export const TCSBRK = 0x5409;
export const TCFLSH = 0x540b;
export const TIOCGPGRP = 0x540f;
export const TIOCSPGRP = 0x5410;
export const TIOCGWINSZ = 0x5413;
export const TIOCSWINSZ = 0x5414;
export const TIOCSCTTY = 0x540e;
export const TIOCNOTTY = 0x5422;
export const TIOCGSID = 0x5429;
export const TCSETS2 = 0x402c542b;
export const TCSETSW2 = 0x402c542c;
export const TCSETSF2 = 0x402c542d;
export const TCXONC = 0x540a;
export const TCSBRKP = 0x5425;
export const TIOCPKT = 0x5420;
export const TIOCGPKT = 0x80045438;
export const TIOCOUTQ = 0x5411;
export const TIOCGETD = 0x5424;
export const FIONREAD = 0x541b;
export const TIOCGPTN = 0x80045430;
export const TIOCSPTLCK = 0x40045431;
export const TIOCGPTLCK = 0x80045439;
export const TIOCGPTPEER = 0x5441;
export const TCGETS2 = 0x802c542a;

/** Node has no tcgetattr: stty(1) reads and sets the modes in its -g notation. */
function stty(fd: number, args: string[]): string | null {
  const result = process.getBuiltinModule('node:child_process').spawnSync('stty', args, {
    stdio: [fd, 'pipe', 'ignore'],
    encoding: 'latin1',
  });
  return result.status === 0 ? result.stdout.trim() : null;
}

function parse(text: string): Termios | null {
  const words = text.split(':').map((w) => Number.parseInt(w, 16));
  const [iflag, oflag, cflag, lflag, ...cc] = words;
  if (iflag === undefined || oflag === undefined || cflag === undefined || lflag === undefined) return null;
  if (words.some(Number.isNaN)) return null;
  return { iflag, oflag, cflag, lflag, cc };
}

/** The modes of one host terminal; restored when this process exits. */
export class Terminal {
  private readonly fd: number;
  private current: Termios | null = null;
  private original: string | null = null;

  constructor(fd: number) {
    this.fd = fd;
  }

  ioctl(request: number, arg: IoctlArg): number {
    switch (request) {
      case TCGETS:
        return putTermios(this.load(), arg, 36);
      case TCGETS2:
        return putTermios(this.load(), arg, 44);
      case TCSETS:
      case TCSETSW:
      case TCSETSF:
      case TCSETS2:
      case TCSETSW2:
      case TCSETSF2:
        return this.set(arg);
      case TIOCGWINSZ: {
        const view = arg.out(8);
        if (view === null) return -EFAULT;
        const [columns, rows] = this.windowSize();
        view.setUint16(0, rows, true);
        view.setUint16(2, columns, true);
        view.setUint32(4, 0, true);
        return 0;
      }
      case TIOCSWINSZ:
      case TCSBRK:
      case TCFLSH:
        return 0;
      default:
        return -ENOTTY;
    }
  }

  private load(): Termios {
    if (this.current === null) {
      const text = stty(this.fd, ['-g']);
      this.current = (text === null ? null : parse(text)) ?? freshTermios();
      this.original = text;
    }
    return this.current;
  }

  private set(arg: IoctlArg): number {
    const next = readTermios(arg, this.load().cc);
    if (next === null) return -EFAULT;
    const words = [next.iflag, next.oflag, next.cflag, next.lflag, ...next.cc].map((n) => n.toString(16));
    if (this.original !== null) {
      const original = this.original;
      if (!this.restoring) {
        this.restoring = true;
        process.on('exit', () => stty(this.fd, [original]));
      }
      if (stty(this.fd, [words.join(':')]) === null) return -EINVAL;
    }
    this.current = next;
    return 0;
  }
  private restoring = false;

  /** Columns and rows; asked for each time, since windows change. */
  private windowSize(): [number, number] {
    // A private descriptor: libuv makes the one it gets non-blocking and closes it.
    const fd = fs.openSync(`/proc/self/fd/${this.fd}`, fs.constants.O_RDWR | fs.constants.O_NOCTTY);
    const stream = new (process.getBuiltinModule('node:tty').WriteStream)(fd);
    const { columns = 0, rows = 0 } = stream;
    stream.destroy();
    return columns > 0 && rows > 0 ? [columns, rows] : [80, 24];
  }
}
