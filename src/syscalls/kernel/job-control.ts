import { EINVAL, EIO, ENOTTY, EPERM, ERESTARTSYS, ESRCH } from '../errno.ts';
import type { OpenFile } from '../vfs/types.ts';
import { groupMembers, isOrphanedGroup, signalGroup } from './groups.ts';
import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';
import { PtyMaster, PtySlave } from './pty.ts';
import { SI_KERNEL, SIG_IGN, SIGCONT, SIGHUP, SIGTTIN, SIGTTOU } from './signals.ts';
import type { Task } from './task.ts';
import type { Tty } from './tty.ts';

/** The terminal behind a file; the host's, if it is no pty of ours. */
export function ttyOf(kernel: Kernel, file: OpenFile): Tty {
  return file instanceof PtySlave || file instanceof PtyMaster ? file.pty.tty : kernel.console;
}

/** The foreground process group of a terminal (man 3 tcgetpgrp); of the host's the first process's until somebody sets it. */
export function foregroundGroup(kernel: Kernel, tty: Tty = kernel.console): number {
  if (tty.foreground !== 0 || tty !== kernel.console) return tty.foreground;
  return kernel.first?.pgid ?? 0;
}

/** The controlling terminal of a process, or null. */
export function controllingTty({ kernel, sid }: Process): Tty | null {
  if (kernel.console.session === sid) return kernel.console;
  return kernel.ptys.list().find(({ tty }) => tty.session === sid)?.tty ?? null;
}

/**
 * What a background process gets that uses its terminal: 0 = go on, or -errno after the signal was sent
 * (man 4 termios, POSIX "Terminal Access Control").
 */
function background(task: Task, tty: Tty, signal: number): number {
  const { process } = task;
  const { kernel } = process;
  const group = foregroundGroup(kernel, tty);
  if (tty.session !== process.sid || group === 0 || process.pgid === group) return 0;
  if (task.blocks(signal) || process.action(signal).handler === SIG_IGN) return signal === SIGTTIN ? -EIO : 0;
  if (isOrphanedGroup(kernel, process.pgid)) return -EIO;
  signalGroup(kernel, process.pgid, { signo: signal, code: SI_KERNEL });
  return -ERESTARTSYS;
}

/** Before a read from a terminal: 0, or what the read answers instead. */
export function checkTerminalRead(task: Task, file: OpenFile): number {
  return background(task, ttyOf(task.process.kernel, file), SIGTTIN);
}

/** Before a change of a terminal's modes, and a write to one that asks for that (TOSTOP). */
export function checkTerminalChange(task: Task, file: OpenFile): number {
  return background(task, ttyOf(task.process.kernel, file), SIGTTOU);
}

/** tcsetpgrp(3). */
export function setForeground(task: Task, file: OpenFile, pgid: number): number {
  const { process } = task;
  const { kernel } = process;
  const tty = ttyOf(kernel, file);
  if (tty.session !== process.sid) return -ENOTTY;
  if (pgid < 0) return -EINVAL;
  const members = groupMembers(kernel, pgid);
  if (members.length === 0) return -ESRCH;
  if (!members.some((p) => p.sid === process.sid)) return -EPERM;
  const stopped = checkTerminalChange(task, file);
  if (stopped !== 0) return stopped;
  tty.foreground = pgid;
  return 0;
}

/** tcgetpgrp(3) and tcgetsid(3): the ids, or null (ENOTTY) when the terminal is not the caller's; a master knows its slave's. */
export function terminalIds(task: Task, file: OpenFile): { group: number; session: number } | null {
  const { process } = task;
  const tty = ttyOf(process.kernel, file);
  if (tty.session !== process.sid && !(file instanceof PtyMaster)) return null;
  return { group: foregroundGroup(process.kernel, tty), session: tty.session };
}

/** TIOCSCTTY: the leader of a session without a terminal gets this one; the superuser may take it from another. */
export function acquireTty(task: Task, file: OpenFile, steal: boolean): number {
  const { process } = task;
  const tty = ttyOf(process.kernel, file);
  if (tty.session === process.sid) return 0;
  if (process.pid !== process.sid || controllingTty(process) !== null) return -EPERM;
  if (tty.session !== 0 && !(steal && process.uids[1] === 0)) return -EPERM;
  tty.session = process.sid;
  tty.foreground = process.pgid;
  return 0;
}

/** open(2) of a terminal without O_NOCTTY: a session's leader that has none gets it. */
export function openedTty(task: Task, file: OpenFile): void {
  if (file instanceof PtySlave && file.pty.tty.session === 0) acquireTty(task, file, false);
}

/** The leader of a session ends or gives its terminal up: the foreground group is hung up on. */
export function releaseTty(process: Process): void {
  const tty = controllingTty(process);
  if (tty === null || tty === process.kernel.console || process.pid !== process.sid) return;
  const group = tty.foreground;
  tty.session = 0;
  tty.foreground = 0;
  if (group === 0) return;
  signalGroup(process.kernel, group, { signo: SIGHUP, code: SI_KERNEL });
  signalGroup(process.kernel, group, { signo: SIGCONT, code: SI_KERNEL });
}
