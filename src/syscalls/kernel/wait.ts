import { EAGAIN, ERESTARTSYS } from '../errno.ts';
import { monotonicMs } from './clock.ts';
import type { Task } from './task.ts';
import type { Waiter, WaitQueue } from './wait-queue.ts';

/** Looking again at what only the host can change, and tells nobody of: first after this, then less often. */
const FIRST_STEP_MS = 0.05;
const LAST_STEP_MS = 10;

/** What ends a wait besides the attempt's success. */
export interface WaitOptions {
  /** Woken when it is worth while to look again. */
  readonly on?: readonly WaitQueue[];
  /** Monotonic milliseconds until when to wait, and what a timeout returns. */
  readonly deadline?: number;
  readonly onTimeout?: number;
  /** Look again from time to time besides. */
  readonly poll?: boolean;
  /** Signals do not end the wait, except one that kills. */
  readonly killable?: boolean;
}

/** A call that waits: what is tried again whenever a queue is woken, and what becomes of its result. */
export class Pending implements Waiter {
  readonly task: Task;
  private readonly attempt: () => number;
  private readonly options: WaitOptions;
  private steps: ((result: number) => number | Pending)[] = [];
  private step = FIRST_STEP_MS;
  private nextLook: number;

  constructor(task: Task, attempt: () => number, options: WaitOptions) {
    this.task = task;
    this.attempt = attempt;
    this.options = options;
    this.nextLook = options.poll === true ? monotonicMs() + this.step : Number.POSITIVE_INFINITY;
    for (const queue of options.on ?? []) queue.add(this);
  }

  /** What becomes of the result: another one, or another wait. */
  after(step: (result: number) => number | Pending): Pending {
    this.steps.push(step);
    return this;
  }

  wake(): void {
    this.task.wake();
  }

  /** Monotonic milliseconds when to look again without being woken. */
  get due(): number {
    return Math.min(this.options.deadline ?? Number.POSITIVE_INFINITY, this.nextLook);
  }

  /** Look again: the wait's result, or null when there is still nothing. */
  look(): number | null {
    const { options, task } = this;
    const result = this.attempt();
    if (result !== -EAGAIN) return result;
    task.process.timers.check();
    if (options.killable === true ? task.killed : task.hasDeliverable()) return -ERESTARTSYS;
    if (options.deadline === undefined && options.poll !== true) return null;
    const now = monotonicMs();
    if (options.deadline !== undefined && now >= options.deadline) return options.onTimeout ?? -EAGAIN;
    if (now >= this.nextLook) {
      this.step = Math.min(this.step * 2, LAST_STEP_MS);
      this.nextLook = now + this.step;
    }
    return null;
  }

  /** The wait is over: nobody wakes it any more. */
  cancel(): void {
    for (const queue of this.options.on ?? []) queue.remove(this);
  }

  /** The call's result after the wait's, or another wait. */
  settle(result: number): number | Pending {
    let value = result;
    for (let i = 0; i < this.steps.length; i++) {
      const next = (this.steps[i] as (result: number) => number | Pending)(value);
      if (typeof next !== 'number') {
        next.steps.push(...this.steps.slice(i + 1));
        return next;
      }
      value = next;
    }
    return value;
  }
}

/**
 * Repeat `attempt` until it answers something else than -EAGAIN, a signal comes (-ERESTARTSYS), or the
 * deadline passes. The answer is a number when nothing had to be waited for, else what the task waits with.
 */
export function waitFor(task: Task, attempt: () => number, options: WaitOptions = {}): number | Pending {
  const result = attempt();
  if (result !== -EAGAIN) return result;
  task.process.timers.check();
  if (options.killable === true ? task.killed : task.hasDeliverable()) return -ERESTARTSYS;
  if (options.deadline !== undefined && monotonicMs() >= options.deadline) return options.onTimeout ?? -EAGAIN;
  return new Pending(task, attempt, options);
}
