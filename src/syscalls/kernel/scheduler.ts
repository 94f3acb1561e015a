import { Exit } from '../../cpu/memory/layout.ts';
import { hostWatches } from '../vfs/host-watch.ts';
import { monotonicMs } from './clock.ts';
import type { Kernel } from './kernel.ts';
import type { Task } from './task.ts';
import { Ticker } from './ticker.ts';

/** A task's turn while others are ready, and the longest the host's event loop is kept waiting. */
const TURN_MS = 8;
/** Tasks compete this long before a thread is started to end their turns: most end them by themselves. */
const CONTENTION_MS = 100;
/** The alarm clock is left running for so long though nobody needs it: to stop it costs a system call. */
const CALM_MS = 50;
const LONGEST_TIMEOUT = 0x7fff_ffff;

/** Something that happens at a time: interval timers, timerfds. */
export interface Alarm {
  /** Monotonic milliseconds when it is due. */
  next(): number;
  /** Look whether it is. */
  check(): void;
}

const cell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Runs the tasks of all processes on this thread, one after the other. A task is ready (in the queue),
 * running, or blocked: out of the queue until something wakes it. When nothing is ready the thread sleeps,
 * in the event loop if something of the host may wake a task.
 */
export class Scheduler {
  private readonly kernel: Kernel;
  private readonly ready: Task[] = [];
  /** Blocked tasks that look again by themselves at some time. */
  private readonly timed: Set<Task> = new Set();
  /** Timers that run. */
  readonly timers: Set<Alarm> = new Set();
  private readonly ticker: Ticker = new Ticker();
  /** What of the host may wake a task: promises. Watched streams and signal listeners come on top. */
  private hostSources = 0;
  private wakeHost: (() => void) | null = null;
  private lastHostTurn = 0;
  private contended = 0;
  private lastArmed = 0;
  private armed = Number.POSITIVE_INFINITY;
  private running: Task | null = null;
  private turnStart = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** The task whose guest code or call is being run. */
  get current(): Task | null {
    return this.running;
  }

  /** Milliseconds of processor time that a task has used, the turn under way included. */
  cpuMsOf(task: Task): number {
    return task === this.running ? task.cpuMs + performance.now() - this.turnStart : task.cpuMs;
  }

  /** A task can go on: put it at the end of the queue. */
  enqueue(task: Task): void {
    if (task.queued) return;
    task.queued = true;
    this.ready.push(task);
    this.wakeHost?.();
    // whoever runs had the processor for itself so far
    if (this.ready.length === 1) this.retime();
  }

  /** Others became ready, a timer was set, a host signal is listened for: the turn under way may have to end earlier. */
  retime(): void {
    const task = this.running ?? this.kernel.currentTask;
    task?.cpu.endBy(this.turnEnd(task, performance.now()));
  }

  /** A task has ended or blocks in another way. */
  remove(task: Task): void {
    this.timed.delete(task);
    if (!task.queued) return;
    task.queued = false;
    this.ready.splice(this.ready.indexOf(task), 1);
  }

  /** Something of the host may wake tasks: the event loop must live. The returned function ends that. */
  hold(): () => void {
    this.hostSources++;
    let held = true;
    return () => {
      if (held) this.hostSources--;
      held = false;
    };
  }

  /** Whether the event loop must get its turns. */
  get hostBusy(): boolean {
    return this.hostSources > 0 || hostWatches.active > 0 || (this.kernel.hostSignals?.needed ?? false);
  }

  /** Something changed that an idle scheduler should look at. */
  nudge(): void {
    this.wakeHost?.();
  }

  /** Run until the machine has ended. */
  async run(): Promise<void> {
    while (!this.kernel.over()) {
      if (this.timed.size > 0 || this.timers.size > 0) this.expire();
      const task = this.ready.shift();
      if (task === undefined) {
        const sleep = this.idle();
        if (sleep !== null) await sleep;
        continue;
      }
      task.queued = false;
      this.turn(task);
      if (this.hostBusy && performance.now() - this.lastHostTurn > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        this.lastHostTurn = performance.now();
      }
    }
    this.ticker.stop();
  }

  /** Nobody runs on this memory any more. */
  forget(memory: WebAssembly.Memory): void {
    this.ticker.forget(memory);
  }

  /** Let a blocked call look again; false when it still waits. */
  resume(task: Task): boolean {
    this.timed.delete(task);
    const before = this.running;
    this.running = task;
    const done = task.resume();
    if (!done) this.block(task);
    this.running = before;
    return done;
  }

  /** Sleep until a blocked task is due, without the event loop: for tests that have no other task. */
  sleepSync(task: Task): void {
    const ms = Math.min(task.due, this.nextTimer()) - monotonicMs();
    if (ms > 0) Atomics.wait(cell, 0, 0, ms);
  }

  private block(task: Task): void {
    if (task.due !== Number.POSITIVE_INFINITY) this.timed.add(task);
  }

  private turn(task: Task): void {
    this.kernel.enter(task);
    if (task.blockedInCall && !this.resume(task)) return;
    this.running = task;
    task.deliverSignals();
    if (task.runnable) {
      const start = performance.now();
      this.turnStart = start;
      const reason = task.cpu.run(this.turnEnd(task, start));
      const ms = performance.now() - start;
      task.cpuMs += ms;
      if (this.ready.length > 0) this.contended += ms;
      if (reason === Exit.FAULT && !task.dead) this.kernel.fault(task);
    }
    this.running = null;
    this.kernel.leave(task);
    if (task.blockedInCall) this.block(task);
    else if (task.runnable) this.enqueue(task);
  }

  /** When the turn that begins now ends at the latest; sets the alarm clock for code that never looks. */
  private turnEnd(task: Task, now: number): number {
    const shared = this.ready.length > 0 || this.hostBusy;
    const due = this.timed.size > 0 || this.timers.size > 0 ? this.nextDue() : Number.POSITIVE_INFINITY;
    const limited = this.kernel.cpuLimit !== null;
    if (!shared && !limited && due === Number.POSITIVE_INFINITY) {
      this.ticker.enter(task.space.memory, task.cpu.state);
      if (now - this.lastArmed > CALM_MS) this.arm(Number.POSITIVE_INFINITY);
      return due;
    }
    const left = Math.max(0, due - monotonicMs());
    this.ticker.enter(task.space.memory, task.cpu.state);
    if (left < TURN_MS * 4 || this.hostBusy || limited || this.contended > CONTENTION_MS) this.arm(TURN_MS);
    else if (due !== Number.POSITIVE_INFINITY) this.arm(Math.min(left, 50));
    return now + Math.min(left, shared || limited ? TURN_MS : Number.POSITIVE_INFINITY);
  }

  /** Have the alarm clock interrupt every so many milliseconds. */
  private arm(period: number): void {
    if (period !== Number.POSITIVE_INFINITY) this.lastArmed = this.turnStart;
    if (this.armed === period) return;
    this.armed = period;
    this.ticker.set(period, true);
  }

  private nextTimer(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const timers of this.timers) next = Math.min(next, timers.next());
    return next;
  }

  private nextDue(): number {
    let next = this.nextTimer();
    for (const task of this.timed) next = Math.min(next, task.due);
    return next;
  }

  /** Wake what is due. */
  private expire(): void {
    for (const timers of this.timers) timers.check();
    const now = monotonicMs();
    for (const task of this.timed) if (task.due <= now) task.wake();
  }

  /** Nothing is ready: sleep until something may be. Null when the thread has slept already. */
  private idle(): Promise<void> | null {
    const ms = this.nextDue() - monotonicMs();
    if (ms <= 0) return null;
    if (ms > CALM_MS) this.arm(Number.POSITIVE_INFINITY);
    if (!this.hostBusy) {
      Atomics.wait(cell, 0, 0, ms);
      return null;
    }
    return new Promise((resolve) => {
      // Without a timer Node would end the process: signal listeners and paused streams do not hold it.
      const timer = setTimeout(() => done(), Math.min(ms, LONGEST_TIMEOUT));
      const done = (): void => {
        clearTimeout(timer);
        this.wakeHost = null;
        this.lastHostTurn = performance.now();
        resolve();
      };
      this.wakeHost = done;
    });
  }
}
