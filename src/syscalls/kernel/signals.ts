/** Signals (man 7 signal): numbers shared by arm, aarch64 and x86, default actions, sets as BigInt bit masks. */
export const SIGNAL_NAMES: readonly string[] =
  'NONE HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  );

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGSEGV = 11;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGXFSZ = 25;
export const SIGVTALRM = 26;
export const SIGPROF = 27;
export const SIGWINCH = 28;
export const SIGIO = 29;
export const NSIG = 64;
/** First real-time signal of the kernel; libc keeps 32 and 33 for itself. */
export const SIGRTMIN = 32;

export const SA_NOCLDSTOP = 1;
export const SA_NOCLDWAIT = 2;
export const SA_SIGINFO = 4;
export const SA_RESTORER = 0x04000000;
export const SA_ONSTACK = 0x08000000;
export const SA_RESTART = 0x10000000;
export const SA_NODEFER = 0x40000000;
export const SA_RESETHAND = 0x80000000;

export const SIG_DFL = 0;
export const SIG_IGN = 1;

export const SI_USER = 0;
export const SI_KERNEL = 0x80;
export const SI_QUEUE = -1;
export const SI_TIMER = -2;
export const SI_MESGQ = -3;
export const SI_TKILL = -6;
/** si_code of SIGCHLD (man 2 sigaction). */
export const CLD_EXITED = 1;
export const CLD_KILLED = 2;
export const CLD_STOPPED = 5;
export const CLD_CONTINUED = 6;

/** What comes with a signal: the parts of siginfo_t that its kind fills (man 2 sigaction). */
export interface SigInfo {
  readonly signo: number;
  readonly code: number;
  readonly errno?: number;
  readonly pid?: number;
  readonly uid?: number;
  readonly addr?: bigint;
  /** The processor's number of a fault and its error code, for signal frames. */
  readonly trap?: number;
  readonly error?: number;
  readonly value?: bigint;
  readonly timerId?: number;
  /** Grows while the signal is pending. */
  overrun?: number;
}

/** Whether an action lets the signal vanish. */
export function isIgnored(signal: number, action: SigAction): boolean {
  return action.handler === SIG_IGN || (action.handler === SIG_DFL && defaultAction(signal) === 'ignore');
}

/** struct sigaction of the kernel. */
export interface SigAction {
  readonly handler: number;
  readonly flags: number;
  readonly restorer: number;
  readonly mask: bigint;
}

export const DEFAULT_ACTION: SigAction = { handler: SIG_DFL, flags: 0, restorer: 0, mask: 0n };

/** The set with one signal. */
export function sigmask(signal: number): bigint {
  return 1n << BigInt(signal - 1);
}

/** SIGKILL and SIGSTOP cannot be blocked, caught or ignored. */
export const UNBLOCKABLE: bigint = sigmask(SIGKILL) | sigmask(SIGSTOP);

/** Name as in C: SIGINT, SIGRT_3. */
export function signalName(signal: number): string {
  if (signal >= SIGRTMIN && signal <= NSIG) return `SIGRT_${signal - SIGRTMIN}`;
  const name = SIGNAL_NAMES[signal];
  return name === undefined || signal === 0 ? String(signal) : `SIG${name}`;
}

/** What the kernel does with a signal that has no handler. */
export function defaultAction(signal: number): 'ignore' | 'stop' | 'continue' | 'kill' {
  switch (signal) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
      return 'ignore';
    case SIGCONT:
      return 'continue';
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      return 'stop';
    default:
      return 'kill';
  }
}

/** Pending signals: standard ones once, real-time ones queued (man 7 signal). */
export class PendingSignals {
  set = 0n;
  private queue: SigInfo[] = [];

  add(info: SigInfo): void {
    const bit = sigmask(info.signo);
    if ((this.set & bit) !== 0n && info.signo < SIGRTMIN) return;
    this.set |= bit;
    this.queue.push(info);
  }

  /** Take the next signal outside `blocked`: synchronous ones first, then the lowest number. */
  take(blocked: bigint): SigInfo | null {
    const ready = this.set & ~blocked;
    if (ready === 0n) return null;
    let best: SigInfo | null = null;
    for (const info of this.queue) {
      if ((ready & sigmask(info.signo)) === 0n) continue;
      if (best === null || rank(info.signo) < rank(best.signo)) best = info;
    }
    if (best !== null) {
      const taken = best;
      this.queue.splice(this.queue.indexOf(taken), 1);
      if (!this.queue.some((info) => info.signo === taken.signo)) this.set &= ~sigmask(taken.signo);
    }
    return best;
  }

  /** The pending signal of a POSIX timer. */
  ofTimer(id: number): SigInfo | undefined {
    return this.queue.find((info) => info.timerId === id);
  }

  /** Forget a signal: it became ignored, or SIGCONT cancels stops. */
  discard(signal: number): void {
    this.set &= ~sigmask(signal);
    this.queue = this.queue.filter((info) => info.signo !== signal);
  }
}

function rank(signal: number): number {
  const synchronous =
    signal === SIGSEGV || signal === SIGBUS || signal === SIGILL || signal === SIGTRAP || signal === SIGFPE;
  return synchronous ? signal - NSIG : signal;
}
