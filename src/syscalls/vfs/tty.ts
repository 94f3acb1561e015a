import fs from 'node:fs';
import { EFAULT, EINVAL, ENOTTY } from '../errno.ts';
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
export const TCGETS2 = 0x802c542a;

/** struct termios of the kernel: four flag words, line discipline, 19 control characters (man 2 ioctl_tty). */
interface Termios {
  iflag: number;
  oflag: number;
  cflag: number;
  lflag: number;
  cc: number[];
}

const NCCS = 19;
/** A fresh terminal, for hosts without stty(1). */
const DEFAULT_CC = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];
const fallback = (): Termios => ({
  iflag: 0x4500,
  oflag: 5,
  cflag: 0xbf,
  lflag: 0x8a3b,
  cc: [...DEFAULT_CC],
});

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
  private size: [number, number] | null = null;

  constructor(fd: number) {
    this.fd = fd;
  }

  ioctl(request: number, arg: IoctlArg): number {
    switch (request) {
      case TCGETS:
        return this.get(arg, 36);
      case TCGETS2:
        return this.get(arg, 44);
      case TCSETS:
      case TCSETSW:
      case TCSETSF:
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
      this.current = (text === null ? null : parse(text)) ?? fallback();
      this.original = text;
    }
    return this.current;
  }

  private get(arg: IoctlArg, length: number): number {
    const view = arg.out(length);
    if (view === null) return -EFAULT;
    const t = this.load();
    view.setUint32(0, t.iflag, true);
    view.setUint32(4, t.oflag, true);
    view.setUint32(8, t.cflag, true);
    view.setUint32(12, t.lflag, true);
    view.setUint8(16, 0);
    for (let i = 0; i < NCCS; i++) view.setUint8(17 + i, t.cc[i] ?? 0);
    if (length === 44) {
      view.setUint32(36, 38400, true);
      view.setUint32(40, 38400, true);
    }
    return 0;
  }

  private set(arg: IoctlArg): number {
    const view = arg.in(36);
    if (view === null) return -EFAULT;
    const old = this.load();
    const cc = old.cc.slice();
    for (let i = 0; i < NCCS; i++) cc[i] = view.getUint8(17 + i);
    const next: Termios = {
      iflag: view.getUint32(0, true),
      oflag: view.getUint32(4, true),
      cflag: view.getUint32(8, true),
      lflag: view.getUint32(12, true),
      cc,
    };
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

  private windowSize(): [number, number] {
    if (this.size === null) {
      this.size = [80, 24];
      // A private descriptor: libuv makes the one it gets non-blocking and closes it.
      const fd = fs.openSync(`/proc/self/fd/${this.fd}`, fs.constants.O_RDWR | fs.constants.O_NOCTTY);
      const stream = new (process.getBuiltinModule('node:tty').WriteStream)(fd);
      if (stream.columns > 0 && stream.rows > 0) this.size = [stream.columns, stream.rows];
      stream.destroy();
    }
    return this.size;
  }
}
