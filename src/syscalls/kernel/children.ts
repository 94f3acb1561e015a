import { ECHILD } from '../errno.ts';
import type { ExitStatus, Process } from './process.ts';
import { SIGCHLD } from './signals.ts';
import type { Task } from './task.ts';
import type { Pending } from './wait.ts';
import { waitFor } from './wait.ts';

export const WNOHANG = 1;
export const WUNTRACED = 2;
export const WEXITED = 4;
export const WCONTINUED = 8;
export const WNOWAIT = 0x0100_0000;
export const WCLONE = 0x8000_0000;
export const WALL = 0x4000_0000;

/** Which children a wait is for: wait4's pid. */
export type ChildFilter = (child: Process) => boolean;

/** What a wait found out about a child. */
export interface ChildEvent {
  readonly child: Process;
  readonly kind: 'exited' | 'stopped' | 'continued';
  readonly status: ExitStatus;
}

/** wait4's and waitpid's pid as a filter. */
export function byPid(parent: Process, pid: number): ChildFilter {
  if (pid === -1) return () => true;
  if (pid > 0) return (child) => child.pid === pid;
  const pgid = pid === 0 ? parent.pgid : -pid;
  return (child) => child.pgid === pgid;
}

/** The status word of wait4 (man 2 wait, "WIFEXITED" …). */
export function statusWord({ kind, status }: ChildEvent): number {
  if (kind === 'continued') return 0xffff;
  const signal = 'signal' in status ? status.signal : 0;
  if (kind === 'stopped') return (signal << 8) | 0x7f;
  return 'code' in status ? status.code << 8 : signal;
}

/** A child with news, or null; it is reaped unless the caller only wants to look. */
function findEvent(parent: Process, filter: ChildFilter, options: number): ChildEvent | null | 'none' {
  let any = false;
  const keep = (options & WNOWAIT) !== 0;
  for (const child of parent.children) {
    if (!filter(child)) continue;
    // __WCLONE asks for children that do not send SIGCHLD, its absence for those that do (man 2 wait).
    if ((options & WALL) === 0 && (child.exitSignal !== SIGCHLD) !== ((options & WCLONE) !== 0)) continue;
    any = true;
    if (child.exited !== null) {
      if ((options & WEXITED) === 0) continue;
      if (!keep) reap(parent, child);
      return { child, kind: 'exited', status: child.exited };
    }
    if (child.stopSignal !== 0 && (options & WUNTRACED) !== 0) {
      const signal = child.stopSignal;
      if (!keep) child.stopSignal = 0;
      return { child, kind: 'stopped', status: { signal } };
    }
    if (child.continued && (options & WCONTINUED) !== 0) {
      if (!keep) child.continued = false;
      return { child, kind: 'continued', status: { signal: 18 } };
    }
  }
  return any ? null : 'none';
}

function reap(parent: Process, child: Process): void {
  parent.children.delete(child);
  parent.kernel.processes.delete(child.pid);
  parent.reaped.cpuMs += child.cpuMs + child.reaped.cpuMs;
}

/** Wait for news of a child; `take` makes the call's result of them (0 = there are none yet, with WNOHANG). */
export function waitChild(
  task: Task,
  filter: ChildFilter,
  options: number,
  take: (event: ChildEvent | null) => number,
): number | Pending {
  const { process } = task;
  const attempt = (): number => {
    const event = findEvent(process, filter, options);
    if (event === 'none') return -ECHILD;
    if (event === null) return (options & WNOHANG) !== 0 ? take(null) : -11;
    return take(event);
  };
  return waitFor(task, attempt, { on: [process.childQueue] });
}
