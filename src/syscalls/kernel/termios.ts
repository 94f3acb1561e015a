import { EFAULT } from '../errno.ts';
import type { IoctlArg } from '../vfs/types.ts';

/** Bits of struct termios (man 3 termios; asm-generic/termbits.h). */
export const ISTRIP = 0o40;
export const INLCR = 0o100;
export const IGNCR = 0o200;
export const ICRNL = 0o400;
export const IXON = 0o2000;
export const IXANY = 0o4000;
export const OPOST = 1;
export const ONLCR = 4;
export const OCRNL = 8;
export const ONOCR = 0o20;
export const ONLRET = 0o40;
export const TABDLY = 0o14000;
export const ISIG = 1;
export const ICANON = 2;
export const ECHO = 0o10;
export const ECHOE = 0o20;
export const ECHOK = 0o40;
export const ECHONL = 0o100;
export const NOFLSH = 0o200;
export const TOSTOP = 0o400;
export const ECHOCTL = 0o1000;
export const ECHOKE = 0o4000;
export const IEXTEN = 0o100000;
export const EXTPROC = 0o200000;

/** What a master in packet mode is told besides data (man 2 ioctl_tty, TIOCPKT). */
export const TIOCPKT_DATA = 0;
export const TIOCPKT_FLUSHREAD = 1;
export const TIOCPKT_FLUSHWRITE = 2;
export const TIOCPKT_STOP = 4;
export const TIOCPKT_START = 8;
export const TIOCPKT_NOSTOP = 16;
export const TIOCPKT_DOSTOP = 32;
export const TIOCPKT_IOCTL = 64;

/** Places in the array of control characters. */
export const VINTR = 0;
export const VQUIT = 1;
export const VERASE = 2;
export const VKILL = 3;
export const VEOF = 4;
export const VTIME = 5;
export const VMIN = 6;
export const VSTART = 8;
export const VSTOP = 9;
export const VSUSP = 10;
export const VEOL = 11;
export const VREPRINT = 12;
export const VWERASE = 14;
export const VLNEXT = 15;
export const VEOL2 = 16;
const NCCS = 19;
const DEFAULT_CC = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];
const SPEED = 38400;

/** struct termios of the kernel: four flag words and 19 control characters (man 2 ioctl_tty). */
export interface Termios {
  iflag: number;
  oflag: number;
  cflag: number;
  lflag: number;
  cc: number[];
}

/** A fresh terminal's modes: ICRNL | IXON, OPOST | ONLCR, 38400 baud with 8 bits, canonical with echo. */
export const freshTermios = (): Termios => ({
  iflag: ICRNL | IXON,
  oflag: OPOST | ONLCR,
  cflag: 0xbf,
  lflag: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
  cc: [...DEFAULT_CC],
});

/** Store modes as struct termios (36 bytes) or termios2 (44, with speeds): 0 or -EFAULT. */
export function putTermios(t: Termios, arg: IoctlArg, length: 36 | 44): number {
  const view = arg.out(length);
  if (view === null) return -EFAULT;
  view.setUint32(0, t.iflag, true);
  view.setUint32(4, t.oflag, true);
  view.setUint32(8, t.cflag, true);
  view.setUint32(12, t.lflag, true);
  view.setUint8(16, 0);
  for (let i = 0; i < NCCS; i++) view.setUint8(17 + i, t.cc[i] ?? 0);
  if (length === 44) {
    view.setUint32(36, SPEED, true);
    view.setUint32(40, SPEED, true);
  }
  return 0;
}

/** Modes in guest memory; null = EFAULT. `more` are control characters beyond the kernel's. */
export function readTermios(arg: IoctlArg, more: readonly number[] = []): Termios | null {
  const view = arg.in(36);
  if (view === null) return null;
  return {
    iflag: view.getUint32(0, true),
    oflag: view.getUint32(4, true),
    cflag: view.getUint32(8, true),
    lflag: view.getUint32(12, true),
    cc: [...Array.from({ length: NCCS }, (_, i) => view.getUint8(17 + i)), ...more.slice(NCCS)],
  };
}
