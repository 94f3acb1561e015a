import { leaveFutexes } from './futex.ts';
import { groupMembers, isOrphanedGroup, signalGroup } from './groups.ts';
import { releaseTty } from './job-control.ts';
import type { ExitStatus, Process } from './process.ts';
import {
  CLD_EXITED,
  CLD_KILLED,
  DEFAULT_ACTION,
  NSIG,
  SA_NOCLDWAIT,
  SI_KERNEL,
  SI_USER,
  SIG_IGN,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
} from './signals.ts';
import type { Task } from './task.ts';

/** End one thread (man 2 exit): its locks are passed on, and who joins it is woken. */
export function endTask(task: Task): void {
  if (task.dead) return;
  const { process } = task;
  // first: it may be running
  process.kernel.scheduler.remove(task);
  leaveFutexes(task);
  task.dead = true;
  task.abandon();
  process.kernel.tasks.delete(task.tid);
  process.tasks.splice(process.tasks.indexOf(task), 1);
  if (process.exited === null && process.pending.set !== 0n) process.retarget(task);
  process.ended.cpuMs += task.cpuMs;
  task.cpu.discard();
}

/** exit(2): of the last thread, it ends the process. */
export function exitTask(task: Task, status: ExitStatus): void {
  if (task.process.tasks.length === 1) exitProcess(task.process, status);
  else endTask(task);
}

/** End a process: its threads, its descriptors; its children get another parent, its own is told. */
export function exitProcess(process: Process, status: ExitStatus): void {
  if (process.exited !== null) return;
  const { kernel } = process;
  process.exited = status;
  process.exitQueue.wake();
  for (const task of [...process.tasks]) endTask(task);
  releaseMemory(process);
  process.timers.clear();
  releaseTty(process);
  process.files.leave();
  kernel.locks.release(process);
  kernel.sysv.leave(process);
  for (let signal = 1; signal <= NSIG; signal++) {
    kernel.hostSignals?.change(signal, process.action(signal), DEFAULT_ACTION);
  }
  for (const child of [...process.children]) adopt(child, process);
  wakeStoppedJobs(process);
  tellParent(process, status);
}

/** The process has no more use for the memory it had: who lent it (vfork) goes on. */
export function releaseMemory(process: Process): void {
  if (process.borrowsMemory) {
    process.borrowsMemory = false;
    process.vforkQueue.wake();
  }
}

/** The end of `process` makes this child an orphan: the nearest subreaper, or nobody, is its parent then. */
function adopt(child: Process, process: Process): void {
  const { kernel } = process;
  let heir = process.parent;
  while (heir !== null && !(heir.subreaper && heir.exited === null)) heir = heir.parent;
  // In a sandbox the first process has pid 1.
  if (heir === null && kernel.sandboxed && kernel.first?.exited === null && process !== kernel.first)
    heir = kernel.first;
  child.parent = heir;
  process.children.delete(child);
  if (child.deathSignal !== 0)
    child.raise({ signo: child.deathSignal, code: SI_USER, pid: process.pid, uid: process.uids[0] });
  if (heir === null) {
    if (child.exited !== null) kernel.processes.delete(child.pid);
    return;
  }
  heir.children.add(child);
  if (child.exited !== null) tellParent(child, child.exited);
}

/** Groups that nobody can let go on any more get SIGHUP and SIGCONT (man 2 exit, setpgid). */
function wakeStoppedJobs(process: Process): void {
  const { kernel } = process;
  const groups = new Set([process.pgid]);
  for (const p of kernel.processes.values()) if (p.parent === null || p.parent === process) groups.add(p.pgid);
  for (const pgid of groups) {
    if (!groupMembers(kernel, pgid).some((p) => p.stopped)) continue;
    if (!isOrphanedGroup(kernel, pgid, process)) continue;
    signalGroup(kernel, pgid, { signo: SIGHUP, code: SI_KERNEL });
    signalGroup(kernel, pgid, { signo: SIGCONT, code: SI_KERNEL });
  }
}

function tellParent(process: Process, status: ExitStatus): void {
  const { kernel, parent } = process;
  if (parent === null) {
    kernel.processes.delete(process.pid);
    kernel.scheduler.nudge();
    return;
  }
  const action = parent.action(SIGCHLD);
  if (process.exitSignal !== 0) {
    const killed = 'signal' in status;
    parent.raise({
      signo: process.exitSignal,
      code: killed ? CLD_KILLED : CLD_EXITED,
      pid: process.pid,
      uid: process.uids[0],
      value: BigInt(killed ? status.signal : status.code),
    });
  }
  // Children of who ignores SIGCHLD leave nothing to wait for (man 2 wait, NOTES).
  if (process.exitSignal === SIGCHLD && (action.handler === SIG_IGN || (action.flags & SA_NOCLDWAIT) !== 0)) {
    parent.children.delete(process);
    kernel.processes.delete(process.pid);
  }
  parent.childQueue.wake();
}
