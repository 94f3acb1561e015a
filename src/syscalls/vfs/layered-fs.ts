import type { BytePath, FileSystem, Location, Stat, Statfs } from './types.ts';

/** What a file system that stands before another one leaves to it. */
export abstract class LayeredFs {
  protected readonly fs: FileSystem;

  constructor(fs: FileSystem) {
    this.fs = fs;
  }
  get type(): string {
    return this.fs.type;
  }
  get opaque(): boolean {
    return this.fs.opaque;
  }
  mode(path: BytePath): number {
    return this.fs.mode(path);
  }
  magic(path: BytePath): Location | null {
    return this.fs.magic(path);
  }
  stat(path: BytePath, follow: boolean): Stat | number {
    return this.fs.stat(path, follow);
  }
  readlink(path: BytePath): BytePath | number {
    return this.fs.readlink(path);
  }
  statfs(path: BytePath): Statfs | number {
    return this.fs.statfs(path);
  }
}
