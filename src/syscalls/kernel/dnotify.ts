import * as I from './inotify.ts';
import type { Process } from './process.ts';
import { SI_KERNEL, SIGIO } from './signals.ts';

/** DN_* of fcntl F_NOTIFY (man 2 fcntl) and what they are to inotify. */
const EVENTS: readonly (readonly [number, number])[] = [
  [0x1, I.IN_ACCESS],
  [0x2, I.IN_MODIFY],
  [0x4, I.IN_CREATE | I.IN_MOVED_TO],
  [0x8, I.IN_DELETE | I.IN_MOVED_FROM],
  [0x10, I.IN_MOVED_FROM | I.IN_MOVED_TO],
  [0x20, I.IN_ATTRIB],
];
const DN_MULTISHOT = 0x8000_0000;

/** The watch that F_NOTIFY's argument asks for; 0: none. */
export function noticeMask(dn: number): number {
  const events = EVENTS.reduce((mask, [bit, wanted]) => ((dn & bit) !== 0 ? mask | wanted : mask), 0);
  return events === 0 || (dn & DN_MULTISHOT) !== 0 ? events : (events | I.IN_ONESHOT) >>> 0;
}

/** Sends a process SIGIO when the entries of a directory change: F_NOTIFY. */
export class DirectoryNotice implements I.Listener {
  readonly watches: Map<number, I.Watch> = new Map();
  readonly process: Process;

  constructor(process: Process) {
    this.process = process;
  }
  watch(key: string, mask: number): I.Watch {
    const watch = { instance: this, wd: 1, key, mask };
    this.watches.set(watch.wd, watch);
    return watch;
  }
  push({ mask }: { readonly mask: number }): void {
    if (mask !== I.IN_IGNORED) this.process.raise({ signo: SIGIO, code: SI_KERNEL });
  }
}
