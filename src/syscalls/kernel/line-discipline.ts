import { ByteQueue } from './byte-queue.ts';
import { SIGINT, SIGQUIT, SIGTSTP } from './signals.ts';
import * as T from './termios.ts';

const NEWLINE = 10;
const RETURN = 13;
const TAB = 9;
const BACKSPACE = 8;
const BELL = 7;
const SPACE = 32;
/** A line that is being typed, and what waits for the reader, is no longer than this (N_TTY_BUF_SIZE). */
const MOST = 4096;
/** How much may wait for the master; a writer waits beyond. */
const OUTPUT = 65536;

/** The terminal line discipline N_TTY (man 3 termios): what is typed becomes lines, signals and echo. */
export class LineDiscipline {
  termios: T.Termios = T.freshTermios();
  /** For the master: what was written and echoed. */
  readonly output: ByteQueue = new ByteQueue();
  private held = false;
  /** A signal for the foreground group. */
  private readonly signal: (signo: number) => void;
  /** Something of TIOCPKT_* happened. */
  private readonly status: (bits: number) => void;
  /** Whole lines that wait to be read; an empty one is an end of file. */
  private readonly lines: Uint8Array[] = [];
  /** What was typed of the line that is not whole; in raw mode all that waits. */
  private typed: number[] = [];
  /** Echo of what is being typed at this moment; a signal takes it back. */
  private echoes: number[] | null = null;
  private literal = false;
  private column = 0;

  constructor(signal: (signo: number) => void, status: (bits: number) => void) {
    this.signal = signal;
    this.status = status;
  }

  /** Output is held by STOP or TCOOFF. */
  get stopped(): boolean {
    return this.held;
  }
  set stopped(on: boolean) {
    if (on !== this.held) this.status(on ? T.TIOCPKT_STOP : T.TIOCPKT_START);
    this.held = on;
  }

  private get canonical(): boolean {
    return (this.termios.lflag & T.ICANON) !== 0;
  }
  private is(flag: number): boolean {
    return (this.termios.lflag & flag) !== 0;
  }
  private matches(byte: number, ...places: number[]): boolean {
    return byte !== 0 && places.some((place) => this.termios.cc[place] === byte);
  }

  /** New modes: what waits is kept, as a line or as bytes. */
  setTermios(termios: T.Termios): void {
    const before = this.canonical;
    const external = ((this.termios.lflag | termios.lflag) & T.EXTPROC) !== 0;
    const flow = usesFlow(termios);
    const changed = usesFlow(this.termios) === flow ? 0 : flow ? T.TIOCPKT_DOSTOP : T.TIOCPKT_NOSTOP;
    if (external || changed !== 0) this.status(changed | (external ? T.TIOCPKT_IOCTL : 0));
    this.termios = termios;
    if (before && !this.canonical) {
      this.typed = [...this.lines.flatMap((line) => [...line]), ...this.typed];
      this.lines.length = 0;
    } else if (!before && this.canonical && this.typed.length > 0) this.endLine();
  }

  /** Throw away what waits to be read. */
  flushInput(): void {
    this.lines.length = 0;
    this.typed = [];
    this.status(T.TIOCPKT_FLUSHREAD);
  }

  /** Bytes that fit into the input; in canonical mode more are taken, and lost beyond the longest line. */
  get room(): number {
    if (this.canonical) return this.waiting >= MOST && this.lines.length > 0 ? 0 : MOST;
    return Math.max(0, MOST - this.typed.length);
  }
  private get waiting(): number {
    return this.lines.reduce((sum, line) => sum + line.length, this.typed.length);
  }

  /** What the master writes, as if typed. */
  type(bytes: Uint8Array): void {
    this.echoes = [];
    for (const byte of bytes) this.key(byte);
    this.output.push(Uint8Array.from(this.echoes));
    this.echoes = null;
  }

  private key(given: number): void {
    const { iflag } = this.termios;
    let byte = (iflag & T.ISTRIP) !== 0 ? given & 0x7f : given;
    if (this.literal) {
      this.literal = false;
      this.accept(byte);
      return;
    }
    if ((iflag & T.IXON) !== 0) {
      if (this.matches(byte, T.VSTART)) {
        this.stopped = false;
        return;
      }
      if (this.matches(byte, T.VSTOP)) {
        this.stopped = true;
        return;
      }
      if (this.stopped && (iflag & T.IXANY) !== 0) this.stopped = false;
    }
    if (this.is(T.ISIG) && this.interrupts(byte)) return;
    if (byte === RETURN) {
      if ((iflag & T.IGNCR) !== 0) return;
      if ((iflag & T.ICRNL) !== 0) byte = NEWLINE;
    } else if (byte === NEWLINE && (iflag & T.INLCR) !== 0) byte = RETURN;
    if (this.canonical && this.edits(byte)) return;
    this.accept(byte);
  }

  private interrupts(byte: number): boolean {
    const places = [T.VINTR, T.VQUIT, T.VSUSP];
    const which = places.findIndex((place) => this.matches(byte, place));
    if (which < 0) return false;
    if (!this.is(T.NOFLSH)) {
      this.flushInput();
      this.echoes = [];
      this.status(T.TIOCPKT_FLUSHWRITE);
    }
    this.stopped = false;
    if (this.is(T.ECHO)) this.echo(byte);
    this.signal([SIGINT, SIGQUIT, SIGTSTP][which] ?? SIGINT);
    return true;
  }

  /** Keys that change the line being typed, or end it. */
  private edits(byte: number): boolean {
    const extended = this.is(T.IEXTEN);
    if (this.matches(byte, T.VERASE)) this.erase();
    else if (this.matches(byte, T.VKILL)) this.kill(byte);
    else if (extended && this.matches(byte, T.VWERASE)) this.eraseWord();
    else if (extended && this.matches(byte, T.VLNEXT)) {
      this.literal = true;
      if (this.is(T.ECHO) && this.is(T.ECHOCTL)) this.put([0x5e, BACKSPACE]);
    } else if (extended && this.matches(byte, T.VREPRINT) && this.is(T.ECHO)) {
      this.echo(byte);
      this.post(NEWLINE);
      for (const typed of this.typed) this.echo(typed);
    } else if (byte === NEWLINE) {
      if (this.is(T.ECHO) || this.is(T.ECHONL)) this.post(NEWLINE);
      this.typed.push(byte);
      this.endLine();
    } else if (this.matches(byte, T.VEOF)) this.endLine();
    else if (this.matches(byte, T.VEOL) || (extended && this.matches(byte, T.VEOL2))) {
      if (this.is(T.ECHO)) this.echo(byte);
      this.typed.push(byte);
      this.endLine();
    } else return false;
    return true;
  }

  private accept(byte: number): void {
    if (this.typed.length >= MOST - 1) {
      // The line is full: only its end is still taken.
      if (this.canonical) this.put([BELL]);
      return;
    }
    this.typed.push(byte);
    if (this.is(T.ECHO)) this.echo(byte);
  }

  private endLine(): void {
    this.lines.push(Uint8Array.from(this.typed));
    this.typed = [];
  }

  private erase(): void {
    const byte = this.typed.pop();
    if (byte === undefined || !this.is(T.ECHO)) return;
    if (!this.is(T.ECHOE)) {
      this.echo(this.termios.cc[T.VERASE] ?? 0);
      return;
    }
    if (byte === TAB) {
      this.put(new Array(this.tabWidth()).fill(BACKSPACE));
      return;
    }
    const width = byte < SPACE || byte === 127 ? (this.is(T.ECHOCTL) ? 2 : 0) : 1;
    for (let i = 0; i < width; i++) this.put([BACKSPACE, SPACE, BACKSPACE]);
  }
  /** Columns that the tab took which stood behind what is typed now. */
  private tabWidth(): number {
    let column = 0;
    for (const byte of this.typed) column = byte === TAB ? (column | 7) + 1 : column + (byte < SPACE ? 2 : 1);
    return 8 - (column % 8);
  }
  private eraseWord(): void {
    const word = (): boolean => /\w/.test(String.fromCharCode(this.typed.at(-1) ?? 0));
    while (this.typed.length > 0 && !word()) this.erase();
    while (this.typed.length > 0 && word()) this.erase();
  }
  private kill(byte: number): void {
    if (this.is(T.ECHO) && this.is(T.ECHOK) && this.is(T.ECHOKE) && this.is(T.ECHOE)) {
      while (this.typed.length > 0) this.erase();
      return;
    }
    this.typed = [];
    if (!this.is(T.ECHO)) return;
    this.echo(byte);
    if (this.is(T.ECHOK)) this.post(NEWLINE);
  }

  private echo(byte: number): void {
    if (this.is(T.ECHOCTL) && (byte < SPACE || byte === 127) && byte !== TAB && byte !== NEWLINE) {
      this.put([0x5e, byte ^ 0x40]);
    } else this.post(byte);
  }

  /** A byte through output processing (OPOST). */
  private post(byte: number): void {
    const { oflag } = this.termios;
    if ((oflag & T.OPOST) === 0) {
      this.put([byte]);
      return;
    }
    if (byte === NEWLINE) {
      if ((oflag & T.ONLRET) !== 0) this.column = 0;
      this.put((oflag & T.ONLCR) !== 0 ? [RETURN, NEWLINE] : [NEWLINE]);
    } else if (byte === RETURN) {
      if ((oflag & T.ONOCR) !== 0 && this.column === 0) return;
      this.put([(oflag & T.OCRNL) !== 0 ? NEWLINE : RETURN]);
    } else if (byte === TAB && (oflag & T.TABDLY) === T.TABDLY) {
      this.put(new Array(8 - (this.column % 8)).fill(SPACE));
    } else this.put([byte]);
  }
  private put(bytes: readonly number[]): void {
    for (const byte of bytes) {
      if (byte === RETURN) this.column = 0;
      else if (byte === BACKSPACE) this.column = Math.max(0, this.column - 1);
      else if (byte === TAB) this.column = (this.column | 7) + 1;
      else if (byte >= SPACE) this.column++;
    }
    if (this.echoes !== null) this.echoes.push(...bytes);
    else this.output.push(Uint8Array.from(bytes));
  }

  /** A program writes: the bytes taken, 0 when there is no room. */
  write(bytes: Uint8Array): number {
    if (this.stopped || this.output.length >= OUTPUT) return 0;
    const count = Math.min(bytes.length, OUTPUT - this.output.length);
    if ((this.termios.oflag & T.OPOST) === 0) this.output.push(bytes.slice(0, count));
    else for (const byte of bytes.subarray(0, count)) this.post(byte);
    return count;
  }
  get writable(): boolean {
    return !this.stopped && this.output.length < OUTPUT;
  }

  /** A program reads: bytes, 0 at an end of file, null when it has to wait. */
  read(into: Uint8Array): number | null {
    if (!this.canonical) {
      const least = Math.min(this.termios.cc[T.VMIN] ?? 1, into.length);
      if (this.typed.length < Math.max(least, 1)) return this.waitless() ? 0 : null;
      return this.takeTyped(into);
    }
    const line = this.lines[0];
    if (line === undefined) return null;
    const count = Math.min(into.length, line.length);
    into.set(line.subarray(0, count));
    if (count === line.length) this.lines.shift();
    else this.lines[0] = line.subarray(count);
    return count;
  }
  /** VMIN 0 and VTIME 0: what is there, or nothing, at once. */
  private waitless(): boolean {
    return this.typed.length === 0 && this.termios.cc[T.VMIN] === 0 && this.termios.cc[T.VTIME] === 0;
  }
  /** Raw mode: take what there is, which may be less than VMIN (VTIME has passed). */
  takeTyped(into: Uint8Array): number {
    const count = Math.min(into.length, this.typed.length);
    into.set(this.typed.splice(0, count));
    return count;
  }
  /** Milliseconds that a raw read waits (VTIME): for the first byte, or once one has come; null: for ever. */
  get patience(): { readonly ms: number; readonly afterFirst: boolean } | null {
    const time = this.termios.cc[T.VTIME] ?? 0;
    if (this.canonical || time === 0) return null;
    return { ms: time * 100, afterFirst: (this.termios.cc[T.VMIN] ?? 0) > 0 };
  }

  /** Whether a read would not wait. */
  get readable(): boolean {
    if (this.canonical) return this.lines.length > 0;
    const min = this.termios.cc[T.VTIME] === 0 ? (this.termios.cc[T.VMIN] ?? 1) : 1;
    return this.typed.length >= Math.max(min, 1);
  }
  /** FIONREAD */
  get unread(): number {
    return this.canonical ? this.lines.reduce((sum, line) => sum + line.length, 0) : this.typed.length;
  }
}

/** Whether ^S and ^Q hold and release the output: what a remote login may do by itself then. */
const usesFlow = ({ iflag, cc }: T.Termios): boolean =>
  (iflag & T.IXON) !== 0 && cc[T.VSTOP] === 0x13 && cc[T.VSTART] === 0x11;
