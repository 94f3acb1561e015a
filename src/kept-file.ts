import fs from 'node:fs';
import { readAt } from './bounce.ts';
import type { ImageBytes } from './cpu/image-bytes.ts';

/**
 * A file to be read when something of it is wanted. What it was when it was first read stays to be had until `close`,
 * though another run puts another one in its place; after that it is found by name again, and checksums tell.
 */
export class KeptFile implements ImageBytes {
  readonly size: number;
  private readonly path: string;
  private fd: number | null = null;

  private constructor(path: string, size: number) {
    this.path = path;
    this.size = size;
  }

  /** Null: not there. */
  static find(path: string): KeptFile | null {
    const size = fs.statSync(path, { throwIfNoEntry: false })?.size;
    return size === undefined ? null : new KeptFile(path, size);
  }

  read(at: number, into: readonly Uint8Array[]): boolean {
    try {
      this.fd ??= fs.openSync(this.path, 'r');
      let from = at;
      for (const part of into) {
        if (readAt(this.fd, part, from) !== part.length) return false;
        from += part.length;
      }
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.fd !== null) fs.closeSync(this.fd);
    this.fd = null;
  }
}
