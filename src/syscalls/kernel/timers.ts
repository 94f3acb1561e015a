import { EINVAL } from '../errno.ts';
import { clockMs, monotonicMs } from './clock.ts';
import { cpuClockMs } from './cpu-clock.ts';
import type { Process } from './process.ts';
import { SI_KERNEL, SI_TIMER, SIGALRM, SIGPROF, SIGVTALRM } from './signals.ts';
import type { Task } from './task.ts';

export const ITIMER_REAL = 0;
export const ITIMER_VIRTUAL = 1;
export const ITIMER_PROF = 2;

/** CPU time is looked at this often while such a timer runs (the kernel's jiffy at HZ=100). */
const CPU_TICK_MS = 10;

interface Timer {
  /** Signal to raise, 0 for none. */
  readonly signal: number;
  readonly clock: 'wall' | 'cpu';
  /** Milliseconds of its clock: since boot, or of processor time. */
  readonly now: () => number;
  /** POSIX timers carry their id and value. */
  readonly id: number;
  readonly value: bigint;
  /** The thread that gets the signal (SIGEV_THREAD_ID); null: the process. */
  readonly task: Task | null;
  deadline: number;
  interval: number;
  overrun: number;
}

/** The timers of a process: setitimer(2) and timer_create(2). Deadlines are checked, never called back. */
export class Timers {
  private readonly process: Process;
  private readonly itimers: Timer[];
  private readonly posix: Map<number, { timer: Timer; clockId: number }> = new Map();
  private nextId = 0;
  private readonly cpuMs = (): number => this.process.kernel.cpuMsOf(this.process);

  constructor(process: Process) {
    this.process = process;
    const make = (signal: number, clock: 'wall' | 'cpu'): Timer => ({
      signal,
      clock,
      now: clock === 'wall' ? monotonicMs : this.cpuMs,
      id: -1,
      value: 0n,
      task: null,
      deadline: Number.POSITIVE_INFINITY,
      interval: 0,
      overrun: 0,
    });
    this.itimers = [make(SIGALRM, 'wall'), make(SIGVTALRM, 'cpu'), make(SIGPROF, 'cpu')];
  }

  /** Monotonic milliseconds of the next look that is due; Infinity when no timer runs. */
  next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const timer of this.all()) {
      if (timer.deadline === Number.POSITIVE_INFINITY) continue;
      next = Math.min(next, timer.clock === 'wall' ? timer.deadline : monotonicMs() + CPU_TICK_MS);
    }
    return next;
  }

  /** Raise the signals of the timers that have run out. */
  check(): void {
    if (!this.armed) return;
    for (const timer of this.all()) {
      if (timer.deadline === Number.POSITIVE_INFINITY) continue;
      const late = timer.now() - timer.deadline;
      if (late < 0) continue;
      let missed = 0;
      if (timer.interval > 0) {
        missed = Math.floor(late / timer.interval);
        timer.deadline += timer.interval * (missed + 1);
      } else {
        timer.deadline = Number.POSITIVE_INFINITY;
      }
      if (timer.signal === 0) continue;
      // one signal of each timer is pending at most (man 2 timer_getoverrun)
      const waiting = timer.id < 0 ? undefined : (timer.task ?? this.process).pending.ofTimer(timer.id);
      timer.overrun = waiting === undefined ? missed : (waiting.overrun ?? 0) + missed + 1;
      if (waiting !== undefined) {
        waiting.overrun = timer.overrun;
        continue;
      }
      this.process.raise(
        timer.id < 0
          ? { signo: timer.signal, code: SI_KERNEL }
          : { signo: timer.signal, code: SI_TIMER, timerId: timer.id, overrun: timer.overrun, value: timer.value },
        timer.task !== null && !timer.task.dead ? timer.task : undefined,
      );
    }
    this.rearm();
  }

  /** Whether any timer runs. */
  armed = false;

  private rearm(): void {
    const next = this.next();
    this.armed = next !== Number.POSITIVE_INFINITY;
    const { scheduler } = this.process.kernel;
    if (this.armed) {
      scheduler.timers.add(this);
      scheduler.retime();
    } else scheduler.timers.delete(this);
  }

  /** Stop all and forget those of timer_create: the process ends, or runs another program (`keep`: setitimer's go on). */
  clear(keep = false): void {
    this.posix.clear();
    if (!keep) for (const timer of this.itimers) timer.deadline = Number.POSITIVE_INFINITY;
    this.rearm();
  }

  private *all(): Generator<Timer> {
    yield* this.itimers;
    for (const { timer } of this.posix.values()) yield timer;
  }

  /** Remaining time and interval of an interval timer in milliseconds. */
  getItimer(which: number): { value: number; interval: number } | number {
    const timer = this.itimers[which];
    if (timer === undefined) return -EINVAL;
    return { value: this.remaining(timer), interval: timer.interval };
  }

  setItimer(which: number, value: number, interval: number): number {
    const timer = this.itimers[which];
    if (timer === undefined) return -EINVAL;
    timer.interval = interval;
    timer.deadline = value > 0 ? timer.now() + value : Number.POSITIVE_INFINITY;
    this.rearm();
    return 0;
  }

  /** timer_create(2) by `owner`, whose clocks of processor time are meant; its id. */
  create(owner: Task, clockId: number, signal: number, value: bigint | null, task: Task | null): number {
    const id = this.nextId++;
    const cpu = cpuClockMs(owner, clockId) !== undefined;
    const timer: Timer = {
      signal,
      clock: cpu ? 'cpu' : 'wall',
      now: cpu ? () => cpuClockMs(owner, clockId) ?? Number.NEGATIVE_INFINITY : monotonicMs,
      id,
      value: value ?? BigInt(id),
      task,
      deadline: Number.POSITIVE_INFINITY,
      interval: 0,
      overrun: 0,
    };
    this.posix.set(id, { timer, clockId });
    return id;
  }

  get(id: number): { value: number; interval: number; overrun: number } | number {
    const entry = this.posix.get(id);
    if (entry === undefined) return -EINVAL;
    return { value: this.remaining(entry.timer), interval: entry.timer.interval, overrun: entry.timer.overrun };
  }

  set(id: number, absolute: boolean, value: number, interval: number): number {
    const entry = this.posix.get(id);
    if (entry === undefined) return -EINVAL;
    const { timer, clockId } = entry;
    timer.interval = interval;
    const delay = absolute ? value - (timer.clock === 'cpu' ? timer.now() : clockMs(clockId)) : value;
    timer.deadline = value > 0 ? timer.now() + Math.max(0, delay) : Number.POSITIVE_INFINITY;
    this.rearm();
    return 0;
  }

  delete(id: number): number {
    if (!this.posix.delete(id)) return -EINVAL;
    this.rearm();
    return 0;
  }

  private remaining(timer: Timer): number {
    // A running timer never shows 0: that would mean it is off.
    return timer.deadline === Number.POSITIVE_INFINITY ? 0 : Math.max(0.001, timer.deadline - timer.now());
  }
}
