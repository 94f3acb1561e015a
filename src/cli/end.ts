import os from 'node:os';
import type { ExitResult } from './options.ts';

/** Signals whose default action dumps core, with strsignal(3)'s text. */
// biome-ignore format: one signal per line
const CORE_SIGNALS: Readonly<Record<number, string>> = {
  3: 'Quit',
  4: 'Illegal instruction',
  5: 'Trace/breakpoint trap',
  6: 'Aborted',
  7: 'Bus error',
  8: 'Floating point exception',
  11: 'Segmentation fault',
  24: 'CPU time limit exceeded',
  25: 'File size limit exceeded',
  31: 'Bad system call',
};

/** The line qemu-user prints for a program that died of a signal; null where it prints none. */
export function signalMessage(signal: number): string | null {
  const text = CORE_SIGNALS[signal];
  return text === undefined ? null : `uncaught target signal ${signal} (${text}) - core dumped`;
}

/** End this process as the guest ended, so that the shell sees the same status. Does not return. */
export async function endLike(result: ExitResult): Promise<never> {
  if ('exitCode' in result) return process.exit(result.exitCode);
  const { signal } = result;
  const name = Object.entries(os.constants.signals).find(([, number]) => number === signal)?.[0];
  if (name !== undefined && name !== 'SIGKILL' && name !== 'SIGSTOP') {
    // Node ignores SIGPIPE and uses SIGUSR1; taking a listener away brings the default action back.
    process.once(name as NodeJS.Signals, () => {});
    process.removeAllListeners(name);
  }
  process.kill(process.pid, signal);
  // Still here: the signal is blocked or ignored in a way we cannot undo.
  await new Promise((resolve) => setTimeout(resolve, 200));
  return process.exit(128 + signal);
}
