import { EINVAL, EIO, ENOTTY, EPERM, ERESTARTSYS, ESRCH } from '../errno.ts';
import { groupMembers, isOrphanedGroup, signalGroup } from './groups.ts';
import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';
import { SI_KERNEL, SIG_IGN, SIGTTIN, SIGTTOU } from './signals.ts';
import type { Task } from './task.ts';

/** The foreground process group of our terminal (man 3 tcgetpgrp): the first process's until somebody sets it. */
export function foregroundGroup(kernel: Kernel): number {
  return kernel.foreground !== 0 ? kernel.foreground : (kernel.first?.pgid ?? 0);
}

/** Whether the terminal is the controlling one of a process: the first session has it. */
function controls(process: Process): boolean {
  return process.sid === process.kernel.session;
}

/**
 * What a background process gets that uses its terminal: 0 = go on, or -errno after the signal was sent
 * (man 4 termios, POSIX "Terminal Access Control").
 */
function background(task: Task, signal: number): number {
  const { process } = task;
  const { kernel } = process;
  if (!controls(process) || process.pgid === foregroundGroup(kernel)) return 0;
  if (task.blocks(signal) || process.action(signal).handler === SIG_IGN) return signal === SIGTTIN ? -EIO : 0;
  if (isOrphanedGroup(kernel, process.pgid)) return -EIO;
  signalGroup(kernel, process.pgid, { signo: signal, code: SI_KERNEL });
  return -ERESTARTSYS;
}

/** Before a read from a terminal: 0, or what the read answers instead. */
export function checkTerminalRead(task: Task): number {
  return background(task, SIGTTIN);
}

/** Before a change of a terminal's modes. */
export function checkTerminalChange(task: Task): number {
  return background(task, SIGTTOU);
}

/** tcsetpgrp(3). */
export function setForeground(task: Task, pgid: number): number {
  const { process } = task;
  const { kernel } = process;
  if (!controls(process)) return -ENOTTY;
  if (pgid < 0) return -EINVAL;
  const members = groupMembers(kernel, pgid);
  if (members.length === 0) return -ESRCH;
  if (!members.some((p) => p.sid === process.sid)) return -EPERM;
  const stopped = checkTerminalChange(task);
  if (stopped !== 0) return stopped;
  kernel.foreground = pgid;
  return 0;
}

/** tcgetpgrp(3) and tcgetsid(3): the id, or -ENOTTY when the terminal is not the caller's. */
export function terminalIds(task: Task): { group: number; session: number } | null {
  const { process } = task;
  return controls(process) ? { group: foregroundGroup(process.kernel), session: process.sid } : null;
}
