import { CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID } from './clock.ts';
import type { Task } from './task.ts';

/** Bits of a CPU clock's id (man 3 clock_getcpuclockid): the complement of the id above them. */
const PER_THREAD = 4;

/**
 * Milliseconds of a CPU clock: the caller's own process or thread, or of the one in a negative id. Null: no such
 * clock; undefined: not a CPU clock.
 */
export function cpuClockMs(task: Task, id: number): number | null | undefined {
  const { process } = task;
  const { kernel } = process;
  const ofThread = (t: Task): number =>
    t.process.tasks.length === 1 ? kernel.cpuMsOf(t.process) : kernel.scheduler.cpuMsOf(t);
  if (id === CLOCK_PROCESS_CPUTIME_ID) return kernel.cpuMsOf(process);
  if (id === CLOCK_THREAD_CPUTIME_ID) return ofThread(task);
  if (id >= 0) return undefined;
  const pid = ~(id >> 3);
  if ((id & PER_THREAD) !== 0) {
    const thread = pid === 0 ? task : kernel.tasks.get(pid);
    return thread === undefined || thread.process !== process ? null : ofThread(thread);
  }
  const target = pid === 0 ? process : kernel.processes.get(pid);
  return target === undefined ? null : kernel.cpuMsOf(target);
}
