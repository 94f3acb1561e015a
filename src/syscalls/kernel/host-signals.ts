import { signalGroup } from './groups.ts';
import { foregroundGroup } from './job-control.ts';
import type { Kernel } from './kernel.ts';
import { defaultAction, SI_KERNEL, SI_USER, SIG_DFL, SIG_IGN, type SigAction, signalName } from './signals.ts';

/** Signals another host process or the terminal may send us that mean something to a guest. */
const FORWARDED: ReadonlySet<number> = new Set([1, 2, 3, 10, 12, 15, 18, 20, 21, 22, 23, 24, 28, 29]);
/** What a terminal sends to its foreground group: INT, QUIT, TSTP, WINCH. */
const FROM_TERMINAL: ReadonlySet<number> = new Set([2, 3, 20, 28]);

const RECENT_MS = 1000;

/**
 * Carries host signals to guests. A listener exists only while some guest process has a handler or ignores the
 * signal: otherwise the host's default action is the guests'. Terminal signals go to the foreground process
 * group, others to the group of the first process, as if the host had sent them to that group.
 */
export class HostSignals {
  private readonly kernel: Kernel;
  private readonly listeners: Map<number, () => void> = new Map();
  /** Processes with another action than the host's, and with a handler, by signal. */
  private readonly wanted: number[] = [];
  private handlers = 0;
  private lastMs = Number.NEGATIVE_INFINITY;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** Whether the event loop must live: a handler may be called. */
  get needed(): boolean {
    return this.handlers > 0;
  }

  /** The action of one process for a signal changed. */
  change(signal: number, old: SigAction, action: SigAction): void {
    if (!FORWARDED.has(signal)) return;
    const count = (this.wanted[signal] ?? 0) + (differs(signal, action) ? 1 : 0) - (differs(signal, old) ? 1 : 0);
    this.wanted[signal] = count;
    this.handlers += (handled(action) ? 1 : 0) - (handled(old) ? 1 : 0);
    const listener = this.listeners.get(signal);
    if (count > 0 && listener === undefined) {
      const deliver = (): void => this.deliver(signal);
      process.on(signalName(signal) as NodeJS.Signals, deliver);
      this.listeners.set(signal, deliver);
      this.kernel.scheduler.retime();
    } else if (count === 0 && listener !== undefined) {
      process.off(signalName(signal) as NodeJS.Signals, listener);
      this.listeners.delete(signal);
    }
  }

  /** Whether the host sent a signal just now: whoever did may wait for the end. */
  get recent(): boolean {
    return performance.now() - this.lastMs < RECENT_MS;
  }

  private deliver(signal: number): void {
    const { kernel } = this;
    this.lastMs = performance.now();
    const terminal = FROM_TERMINAL.has(signal);
    const info = { signo: signal, code: terminal ? SI_KERNEL : SI_USER, pid: 0, uid: 0 };
    const group = terminal ? foregroundGroup(kernel) : (kernel.first?.pgid ?? 0);
    if (!signalGroup(kernel, group, info)) for (const p of kernel.processes.values()) p.raise(info);
  }

  /** The machine has ended: the host's default actions are back. */
  removeAll(): void {
    for (const [signal, listener] of this.listeners) process.off(signalName(signal) as NodeJS.Signals, listener);
    this.listeners.clear();
    this.handlers = 0;
  }

  /** A guest that stops: stop the host process, so that its shell sees it. */
  stop(): void {
    process.kill(process.pid, 'SIGSTOP');
  }
}

const handled = (action: SigAction): boolean => action.handler !== SIG_DFL && action.handler !== SIG_IGN;
const differs = (signal: number, action: SigAction): boolean =>
  action.handler !== SIG_DFL && !(action.handler === SIG_IGN && defaultAction(signal) === 'ignore');
