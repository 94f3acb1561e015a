import fs from 'node:fs';
import { hostPath } from './host-stat.ts';
import type { BytePath } from './types.ts';

const MAX_LINKS = 40;

/**
 * qemu's `-L DIR`: an absolute path is looked up under DIR first and on the host when it is not
 * there. Unlike qemu's, absolute symlinks inside DIR (Debian's alternatives) stay inside it.
 */
export class SysrootOverlay {
  /** DIR without a slash at its end. */
  readonly prefix: BytePath;
  /** First components that DIR lacks: most paths of a program are decided by this one look. */
  private readonly top: Map<string, boolean> = new Map();

  constructor(directory: BytePath) {
    this.prefix = directory.replace(/\/+$/, '');
  }

  /** The host path for an absolute guest path. */
  redirect(path: BytePath, follow: boolean): BytePath {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    const first = parts[0];
    if (first === undefined) return path;
    let present = this.top.get(first);
    if (present === undefined) {
      present = this.lstat(`${this.prefix}/${first}`) !== null;
      this.top.set(first, present);
    }
    if (!present) return path;
    return this.walk(parts, follow) ?? path;
  }

  /** Of a directory that was opened and the one that it stands before, the one that has a file: its own, if neither has. */
  baseOf(directory: BytePath, path: BytePath): BytePath {
    if (!directory.startsWith(`${this.prefix}/`) || this.lstat(`${directory}/${path}`) !== null) return directory;
    const hidden = directory.slice(this.prefix.length);
    return this.lstat(`${hidden}/${path}`) === null ? directory : hidden;
  }

  private walk(parts: string[], follow: boolean): BytePath | null {
    let here = '';
    let links = 0;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] ?? '';
      if (part === '..') {
        here = here.slice(0, Math.max(0, here.lastIndexOf('/')));
        continue;
      }
      const next = `${here}/${part}`;
      const stat = this.lstat(this.prefix + next);
      if (stat === null) return null;
      if (stat.isSymbolicLink() && (i < parts.length - 1 || follow)) {
        if (++links > MAX_LINKS) return null;
        const target = fs.readlinkSync(hostPath(this.prefix + next), { encoding: 'latin1' });
        parts = [...target.split('/').filter((p) => p !== '' && p !== '.'), ...parts.slice(i + 1)];
        if (target.startsWith('/')) here = '';
        i = -1;
        continue;
      }
      here = next;
    }
    return this.prefix + (here === '' ? '/' : here);
  }

  private lstat(path: BytePath): fs.Stats | null {
    try {
      return fs.lstatSync(hostPath(path), { throwIfNoEntry: false }) ?? null;
    } catch {
      // Not to be looked at (EACCES, ELOOP …) means not there: the host's own path then says why.
      return null;
    }
  }
}
