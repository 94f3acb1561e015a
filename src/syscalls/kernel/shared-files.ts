import { type OpenFile, SEEK_CUR, type Stat } from '../vfs/types.ts';
import type { Kernel } from './kernel.ts';

/** What can tell which file it is. */
interface Identified {
  stat(): Stat | number;
}

/**
 * Files that are mapped MAP_SHARED are read and written through their mappings, those of every process.
 * There are few, so the usual cost is one test.
 */
export class SharedFiles {
  private readonly kernel: Kernel;
  private readonly files: Set<string> = new Set();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** A file is mapped MAP_SHARED from now on. */
  note(dev: number, ino: number): void {
    this.files.add(`${dev}:${ino}`);
  }

  /** Before a file is read or written: stores of guests to its shared mappings reach it. */
  beforeAccess(file: Identified): void {
    const id = this.find(file);
    if (id !== null) this.settle(id.dev, id.ino);
  }

  /** The same for what is mapped somewhere. */
  settle(dev: number, ino: number): void {
    // every copy of a page has to be the same, or what one of them lacks would be taken for a store
    for (const space of this.kernel.spaces()) space.publish();
    for (const space of this.kernel.spaces()) space.syncFile(dev, ino);
  }

  /** After a file was written at these offsets, or resized: its shared mappings show it. */
  afterWrite(file: Identified, from = 0, to: number = Number.POSITIVE_INFINITY): void {
    const id = this.find(file);
    if (id !== null) for (const space of this.kernel.spaces()) space.refreshFile(id.dev, id.ino, from, to);
  }

  /** After `count` bytes were written at its position, which is behind them. */
  afterWriteAtPosition(file: OpenFile, count: number): void {
    if (this.files.size === 0) return;
    const end = file.seek(0, SEEK_CUR);
    if (end >= count) this.afterWrite(file, end - count, end);
    else this.afterWrite(file);
  }

  private find(file: Identified): { dev: number; ino: number } | null {
    if (this.files.size === 0) return null;
    const stat = file.stat();
    if (typeof stat === 'number' || !this.files.has(`${stat.dev}:${stat.ino}`)) return null;
    return { dev: stat.dev, ino: Number(stat.ino) };
  }
}
