import { Exit } from '../../cpu/memory/layout.ts';
import { uptimeMs } from '../../uptime.ts';
import { hostWatches } from '../vfs/host-watch.ts';
import { monotonicMs } from './clock.ts';
import type { GuestCpu, GuestProcessors } from './cpu.ts';
import type { Kernel } from './kernel.ts';
import type { Task } from './task.ts';

/** A task's turn while others are ready, and the longest the host's event loop is kept waiting. */
const TURN_MS = 8;
/** Milliseconds of processor time that tasks which compute take turns for, until a worker thread is started, which costs 50 to 100. */
const BOOT_AFTER_MS = 100;
/** A task computes if it makes fewer calls than this while it runs for a turn: from a worker one costs 30 µs or more. */
const FEW_CALLS = 40;
/** How long a task stays on a worker thread while others that compute wait for one. */
const ROTATE_MS = 50;
/** How often the limit of processor time is looked at while worker threads run. */
const LIMIT_MS = 50;
/** So many tasks may be put first in a row: who waits for a turn gets it. */
const MOST_HURRIED = 8;
/** How long who got a signal goes before others, turn after turn: as on Linux, where a sleeper has run less than who computes. */
const HEAD_START_MS = 50;
const LONGEST_TIMEOUT = 0x7fff_ffff;

/** Something that happens at a time: interval timers, timerfds. */
export interface Alarm {
  /** Monotonic milliseconds when it is due. */
  next(): number;
  /** Look whether it is. */
  check(): void;
}

/** Milliseconds of processor time that this thread has used. */
const threadMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

const cell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Runs the tasks of all processes on this thread, one after the other. A task is ready (in the queue),
 * running, away, or blocked: out of the queue until something wakes it. When nothing is ready the thread sleeps,
 * in the event loop if something of the host may wake a task.
 *
 * Tasks that compute while others are ready go away to worker threads, where calls are dear: a task comes back with
 * each call or fault, and is sent again if it was away for long. What runs alone never leaves.
 */
export class Scheduler {
  private readonly kernel: Kernel;
  private readonly ready: Task[] = [];
  /** Tasks that were put first, less those that were put last since. */
  private hurried = 0;
  /** Blocked tasks that look again by themselves at some time. */
  private readonly timed: Set<Task> = new Set();
  /** Timers that run. */
  readonly timers: Set<Alarm> = new Set();
  /** Worker threads; null: there are none. */
  processors: GuestProcessors | null = null;
  /** Tasks that worker threads run. */
  private readonly away: Map<GuestCpu, Task> = new Map();
  /** What of the host may wake a task: promises. Watched streams and signal listeners come on top. */
  private hostSources = 0;
  private wakeHost: (() => void) | null = null;
  private lastHostTurn = 0;
  /** This thread's processor time when tasks which compute began to take turns; NaN: it has slept since. */
  private pressedSince = Number.NaN;
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
    if (task === this.running) return task.cpuMs + uptimeMs() - this.turnStart;
    return task.away ? task.cpuMs + (this.processors?.runningMs(task.cpu) ?? 0) : task.cpuMs;
  }

  /** A task can go on: put it at the end of the queue, or (`first`) give it a head start unless too many came first already. */
  enqueue(task: Task, first = false): void {
    if (task.away) return;
    if (first) task.headStart = HEAD_START_MS;
    const ahead = task.headStart > 0 && this.hurried < MOST_HURRIED;
    if (task.queued) {
      if (!ahead) return;
      this.ready.splice(this.ready.indexOf(task), 1);
    }
    task.queued = true;
    if (ahead) this.ready.unshift(task);
    else this.ready.push(task);
    this.hurried = ahead ? this.hurried + 1 : Math.max(0, this.hurried - 1);
    this.wakeHost?.();
    // whoever runs had the processor for itself so far
    if (this.ready.length === 1) this.retime();
  }

  /** Others became ready, a timer was set, a host signal is listened for: the turn under way may have to end earlier. */
  retime(): void {
    const task = this.running ?? this.kernel.currentTask;
    if (!task) return;
    task.cpu.endBy(this.turnEnd(uptimeMs()));
  }

  /** A task has ended. */
  remove(task: Task): void {
    if (task.away) {
      task.cpuMs += this.processors?.recall(task.cpu) ?? 0;
      this.back(task);
    }
    this.suspend(task);
  }

  /** A task is not to run: its process was stopped. */
  suspend(task: Task): void {
    this.interrupt(task);
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

  /** A task that runs on a worker thread should come back: a signal waits. */
  interrupt(task: Task): void {
    if (task.away) this.processors?.interrupt(task.cpu);
  }

  /** Run until the machine has ended. */
  async run(): Promise<void> {
    if (this.processors) this.processors.onRing = () => this.nudge();
    while (!this.kernel.over()) {
      if (this.timed.size > 0 || this.timers.size > 0) this.expire();
      if (this.processors?.rung()) this.collect();
      if (this.ready.length > 1) this.spread();
      const task = this.ready.shift();
      if (task === undefined) {
        const sleep = this.idle();
        if (sleep !== null) await sleep;
        continue;
      }
      task.queued = false;
      this.turn(task);
      if (this.hostBusy && uptimeMs() - this.lastHostTurn > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        this.lastHostTurn = uptimeMs();
      }
    }
    this.processors?.stop();
  }

  // ── worker threads ──

  /** Send tasks that compute to worker threads, all but one. */
  private spread(): void {
    const { processors } = this;
    if (processors === null) return;
    while (this.ready.length > 1 && processors.free) {
      const i = this.ready.findIndex((task) => this.mayLeave(task));
      const task = this.ready[i];
      if (task === undefined) return;
      this.ready.splice(i, 1);
      task.queued = false;
      this.send(task);
    }
  }

  private mayLeave(task: Task): boolean {
    return (
      task.computes &&
      !task.needsMain &&
      task.runnable &&
      task.isUserMode &&
      (this.processors?.accepts(task.cpu) ?? false)
    );
  }

  private send(task: Task): void {
    this.kernel.enter(task);
    task.away = true;
    this.away.set(task.cpu, task);
    this.processors?.start(task.cpu);
  }

  private back(task: Task): void {
    task.away = false;
    this.away.delete(task.cpu);
  }

  /** Go on with what came back from worker threads. */
  private collect(): void {
    for (const { thread, reason, ms } of this.processors?.returned() ?? []) {
      const task = this.away.get(thread);
      if (task === undefined) continue;
      this.back(task);
      this.account(task, ms);
      this.kernel.enter(task);
      this.running = task;
      this.turnStart = uptimeMs();
      let again = false;
      if (reason === Exit.SYSCALL) again = task.syscall() === 0;
      else if (reason === Exit.FAULT) this.kernel.fault(task);
      else if (reason === Exit.KERNEL) task.needsMain = true;
      this.running = null;
      this.kernel.leave(task);
      if (task.blockedInCall) this.block(task);
      else if (!task.runnable) continue;
      else if (again && this.ready.length > 0 && this.mayLeave(task) && this.processors?.free) this.send(task);
      else this.enqueue(task);
    }
  }

  /** A task ran for so long: whether it computes is seen by its calls. */
  private account(task: Task, ms: number): void {
    task.cpuMs += ms;
    task.headStart -= ms;
    task.spanMs += ms;
    if (task.spanMs < TURN_MS && task.spanCalls < FEW_CALLS) return;
    task.computes = task.spanCalls < FEW_CALLS;
    task.spanMs = 0;
    task.spanCalls = 0;
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
      const start = uptimeMs();
      this.turnStart = start;
      this.processors?.mainRuns(task.cpu);
      const reason = task.cpu.run(this.turnEnd(start));
      this.processors?.mainRuns(null);
      const ms = uptimeMs() - start;
      this.account(task, ms);
      // it may have been interrupted before it did what it came back for
      if (reason !== Exit.INTERRUPT || ms > 0.1) task.needsMain = false;
      if (this.ready.length > 0) this.compete(task);
      if (reason === Exit.FAULT && !task.dead) this.kernel.fault(task);
    }
    this.running = null;
    this.kernel.leave(task);
    if (task.blockedInCall) this.block(task);
    else if (task.runnable) this.enqueue(task);
  }

  /** A turn is over that others had to wait for. */
  private compete(task: Task): void {
    const { processors } = this;
    if (processors === null || processors.free || !task.computes || !this.ready.some((t) => t.computes)) return;
    // not the time that passes: that says little on a busy host
    const now = threadMs();
    if (Number.isNaN(this.pressedSince)) this.pressedSince = now;
    processors.interruptOldest(ROTATE_MS);
    if (now - this.pressedSince > BOOT_AFTER_MS) processors.grow();
  }

  /** When the turn that begins now ends at the latest. */
  private turnEnd(now: number): number {
    const shared = this.ready.length > 0 || this.hostBusy || this.kernel.cpuLimit !== null;
    const due = this.timed.size > 0 || this.timers.size > 0 ? this.nextDue() : Number.POSITIVE_INFINITY;
    const left = Math.max(0, due - monotonicMs());
    return now + Math.min(left, shared ? TURN_MS : Number.POSITIVE_INFINITY);
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
    // on a busy host it may take a worker long to wake up
    const waiting = this.away.size > 0 ? this.processors?.reclaim() : null;
    const task = waiting ? this.away.get(waiting) : undefined;
    if (task !== undefined) {
      this.back(task);
      this.enqueue(task);
      return null;
    }
    const ms = this.nextDue() - monotonicMs();
    if (ms <= 0) return null;
    this.pressedSince = Number.NaN;
    const limit = this.away.size > 0 && this.kernel.cpuLimit !== null ? LIMIT_MS : ms;
    const { processors } = this;
    if (!this.hostBusy) {
      if (this.away.size > 0) processors?.sleep(Math.min(ms, limit));
      else Atomics.wait(cell, 0, 0, ms);
      if (limit !== ms) this.kernel.checkLimit();
      return null;
    }
    if (this.away.size > 0 && processors?.sleepInLoop(true) === false) {
      processors.sleepInLoop(false);
      return null;
    }
    return new Promise((resolve) => {
      // Without a timer Node would end the process: signal listeners and paused streams do not hold it.
      const timer = setTimeout(() => done(), Math.min(ms, limit, LONGEST_TIMEOUT));
      const done = (): void => {
        clearTimeout(timer);
        processors?.sleepInLoop(false);
        if (limit !== ms) this.kernel.checkLimit();
        this.wakeHost = null;
        this.lastHostTurn = uptimeMs();
        resolve();
      };
      this.wakeHost = done;
    });
  }
}
