import { canonicalPath, normalize } from '../vfs/namespace.ts';
import { type BytePath, type Location, type OpenFile, S_IFLNK, S_IFMT } from '../vfs/types.ts';
import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';

/**
 * Descriptions and working directories have their path as text. What is renamed takes along those that name it or
 * something below it: called before the rename, the result after it has been done.
 */
export function followers(kernel: Kernel, from: Location): (to: Location) => void {
  const stat = from.fs.stat(from.path, false);
  if (typeof stat === 'number' || (stat.mode & S_IFMT) === S_IFLNK) return () => {};
  const names = [...new Set([normalize(from.path), canonicalPath(from)])];
  /** What follows the name that is renamed, or null. */
  const below = (path: BytePath): BytePath | null => {
    const name = names.find((one) => path === one || path.startsWith(`${one}/`));
    return name === undefined ? null : path.slice(name.length);
  };
  const files = new Map<OpenFile, BytePath>();
  const homes: [Process, BytePath][] = [];
  for (const process of kernel.processes.values()) {
    const rest = below(process.cwd);
    if (rest !== null) homes.push([process, rest]);
    for (const fd of process.files.list()) {
      const file = process.files.get(fd) as OpenFile;
      const tail = below(file.path);
      if (tail !== null && (tail !== '' || isSame(file, stat))) files.set(file, tail);
    }
  }
  return (to) => {
    const name = canonicalPath(to);
    for (const [file, tail] of files) file.path = name + tail;
    for (const [process, rest] of homes) process.cwd = name + rest;
  };
}

/** Whether a description is of this very file: another may have had its name before. */
function isSame(file: OpenFile, { dev, ino }: { dev: number; ino: number | bigint }): boolean {
  const stat = file.stat();
  return typeof stat !== 'number' && stat.dev === dev && stat.ino === ino;
}
