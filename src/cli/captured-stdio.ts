import { BaseFile } from '../syscalls/vfs/base-file.ts';
import { O_RDONLY, O_WRONLY, type OpenFile, S_IFIFO, type Stat, type Statfs } from '../syscalls/vfs/types.ts';
import type { CapturedStdio } from './options.ts';

const PIPEFS_MAGIC = 0x5049_5045;
const NOW = { sec: 0, nsec: 0 };

/** A pipe whose other end is the embedding program. */
abstract class CapturedFile extends BaseFile {
  override stat(): Stat {
    return {
      dev: 0,
      ino: 1,
      mode: S_IFIFO | 0o600,
      nlink: 1,
      uid: 0,
      gid: 0,
      rdev: 0,
      size: 0,
      blksize: 4096,
      blocks: 0,
      atime: NOW,
      mtime: NOW,
      ctime: NOW,
      btime: null,
    };
  }

  override statfs(): Statfs {
    return { type: PIPEFS_MAGIC, bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, namelen: 255 };
  }
}

class Source extends CapturedFile {
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    super('pipe:[1]', O_RDONLY);
    this.#rest = bytes;
  }

  override read(into: Uint8Array): number {
    const part = this.#rest.subarray(0, into.length);
    into.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }
}

class Sink extends CapturedFile {
  readonly #take: (bytes: Uint8Array) => void;

  constructor(take: (bytes: Uint8Array) => void) {
    super('pipe:[2]', O_WRONLY);
    this.#take = take;
  }

  override write(from: Uint8Array): number {
    // A copy: guest memory is shared, and the program goes on writing to it.
    this.#take(Uint8Array.from(from));
    return from.length;
  }
}

/** Descriptors 0, 1 and 2 that read and write the embedder's bytes. */
export function capturedFiles(stdio: CapturedStdio): OpenFile[] {
  return [new Source(stdio.stdin), new Sink(stdio.stdout), new Sink(stdio.stderr)];
}
