import { EAGAIN, ERESTARTSYS } from '../errno.ts';
import { monotonicMs } from './clock.ts';
import type { Task } from './task.ts';

const cell = new Int32Array(new SharedArrayBuffer(4));
/** Looking again at something only the host can change: first after this, then less often. */
const FIRST_STEP_MS = 0.05;
const LAST_STEP_MS = 10;

/** How to wait: until when (monotonic milliseconds), what a timeout returns, and whether to look in between. */
export interface WaitOptions {
  readonly deadline?: number;
  readonly onTimeout?: number;
  /** False when only a signal or the deadline can end the wait: no polling. */
  readonly poll?: boolean;
}

/**
 * Repeat `attempt` until it answers something else than -EAGAIN, a signal comes (-ERESTARTSYS), or
 * the deadline passes. Blocks the thread, except while host signals must be able to reach a guest
 * handler: then it answers a promise and the event loop lives.
 */
export function waitFor(task: Task, attempt: () => number, options: WaitOptions = {}): number | Promise<number> {
  const deadline = options.deadline ?? Number.POSITIVE_INFINITY;
  const poll = options.poll ?? true;
  let step = poll ? FIRST_STEP_MS : Number.POSITIVE_INFINITY;
  for (;;) {
    const result = attempt();
    if (result !== -EAGAIN) return result;
    task.process.timers.check();
    if (task.hasDeliverable()) return -ERESTARTSYS;
    const now = monotonicMs();
    if (now >= deadline) return options.onTimeout ?? -EAGAIN;
    if (task.process.needsEventLoop) return waitAsync(task, attempt, deadline, poll, options.onTimeout ?? -EAGAIN);
    const pause = Math.min(step, deadline - now, task.process.timers.next() - now);
    if (pause > 0) Atomics.wait(cell, 0, 0, pause);
    if (poll) step = Math.min(step * 2, LAST_STEP_MS);
  }
}

async function waitAsync(
  task: Task,
  attempt: () => number,
  deadline: number,
  poll: boolean,
  onTimeout: number,
): Promise<number> {
  let step = poll ? 1 : Number.POSITIVE_INFINITY;
  for (;;) {
    const now = monotonicMs();
    const pause = Math.min(step, deadline - now, task.process.timers.next() - now);
    await task.process.sleep(pause);
    if (poll) step = Math.min(step * 2, LAST_STEP_MS);
    const result = attempt();
    if (result !== -EAGAIN) return result;
    task.process.timers.check();
    if (task.hasDeliverable()) return -ERESTARTSYS;
    if (monotonicMs() >= deadline) return onTimeout;
  }
}
