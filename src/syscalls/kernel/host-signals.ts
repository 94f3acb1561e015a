import type { Process } from './process.ts';
import { defaultAction, SI_USER, SIG_DFL, SIG_IGN, signalName } from './signals.ts';

/** Signals another host process or the terminal may send us that mean something to a guest. */
const FORWARDED: readonly number[] = [1, 2, 3, 10, 12, 15, 18, 20, 21, 22, 23, 24, 28, 29];

/**
 * Carries host signals to guest handlers. A listener exists only while the guest has a handler or
 * ignores the signal: otherwise the host's default action is the guest's.
 */
export class HostSignals {
  private readonly process: Process;
  private readonly listeners: Map<number, () => void> = new Map();
  /** Guest handlers installed: only they need the event loop. */
  private handlers = 0;

  constructor(process: Process) {
    this.process = process;
  }

  /** Whether a wait must leave the event loop alive. */
  get needed(): boolean {
    return this.handlers > 0;
  }

  /** The guest's action for a signal changed. */
  update(signal: number): void {
    if (!FORWARDED.includes(signal)) return;
    const wanted =
      this.process.action(signal).handler !== SIG_DFL &&
      !(this.process.action(signal).handler === SIG_IGN && defaultAction(signal) === 'ignore');
    const listener = this.listeners.get(signal);
    if (wanted && listener === undefined) {
      const deliver = (): void => {
        this.process.raise({ signo: signal, code: SI_USER, pid: 0, uid: 0 });
        this.process.interrupt();
      };
      process.on(signalName(signal) as NodeJS.Signals, deliver);
      this.listeners.set(signal, deliver);
    } else if (!wanted && listener !== undefined) {
      process.off(signalName(signal) as NodeJS.Signals, listener);
      this.listeners.delete(signal);
    }
    this.handlers = 0;
    for (const s of this.listeners.keys()) if (this.process.action(s).handler !== SIG_IGN) this.handlers++;
    this.process.updateTicker();
  }

  /** Process exit: the host's default actions are back. */
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
