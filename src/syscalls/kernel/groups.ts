import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';
import type { SigInfo } from './signals.ts';

/** Living processes of a group. */
export function groupMembers(kernel: Kernel, pgid: number): Process[] {
  return [...kernel.processes.values()].filter((p) => p.pgid === pgid && p.exited === null);
}

/** Send a signal to every process of a group; whether there was one. */
export function signalGroup(kernel: Kernel, pgid: number, info: SigInfo): boolean {
  const members = groupMembers(kernel, pgid);
  for (const member of members) member.raise(info);
  return members.length > 0;
}

/**
 * Whether no member has a parent in the same session and another group (POSIX, "orphaned process group"):
 * nobody could let it go on, so terminal stops do not stop it.
 */
export function isOrphanedGroup(kernel: Kernel, pgid: number, leaving: Process | null = null): boolean {
  for (const member of groupMembers(kernel, pgid)) {
    if (member === leaving) continue;
    const { parent } = member;
    // Who started us is taken for a shell with job control.
    if (parent === null ? member === kernel.first : parent.pgid !== pgid && parent.sid === member.sid) return false;
  }
  return true;
}
