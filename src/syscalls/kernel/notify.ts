import type { Process } from './process.ts';
import { SA_NOCLDSTOP, SIGCHLD } from './signals.ts';

/** Tell the parent that a child stopped or goes on (man 2 sigaction, SA_NOCLDSTOP). */
export function notifyParent(child: Process, code: number, status: number): void {
  const { parent } = child;
  if (parent === null) return;
  if ((parent.action(SIGCHLD).flags & SA_NOCLDSTOP) === 0) {
    parent.raise({ signo: SIGCHLD, code, pid: child.pid, uid: child.uids[0], value: BigInt(status) });
  }
  parent.childQueue.wake();
}
