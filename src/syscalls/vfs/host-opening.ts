import fs from 'node:fs';
import { HostDirectory, type HostHandle, HostPathFile, HostRegular } from './host-file.ts';
import { fromBigIntStats } from './host-stat.ts';
import { HostStream } from './host-stream.ts';
import {
  type BytePath,
  O_NONBLOCK,
  O_PATH,
  type OpenFile,
  S_IFBLK,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  type Stat,
} from './types.ts';

/** What a host descriptor is opened as, by the type of the file. */
export function hostFile(handle: HostHandle, path: BytePath, flags: number, mode: number): OpenFile {
  const type = mode & S_IFMT;
  if (type === S_IFDIR) return new HostDirectory(handle, path, flags);
  if ((flags & O_PATH) !== 0) return new HostPathFile(handle, path, flags);
  if (type === S_IFREG || type === S_IFBLK) return new HostRegular(handle, path, flags);
  return new HostStream(handle, path, flags, false, type === S_IFIFO && (flags & O_NONBLOCK) === 0);
}

/**
 * A file of the host that was opened and not used yet. Its type is asked for when somebody wants to do something with
 * it: most programs ask for it themselves by fstat, whose answer then does for both.
 */
export class HostOpening {
  private readonly handle: HostHandle;
  private readonly path: BytePath;
  private readonly flags: number;

  constructor(handle: HostHandle, path: BytePath, flags: number) {
    this.handle = handle;
    this.path = path;
    this.flags = flags;
  }

  settle(): OpenFile {
    return hostFile(this.handle, this.path, this.flags, fs.fstatSync(this.handle.fd).mode);
  }

  /** The same for fstat(2), with its answer. */
  settleByStat(): { readonly file: OpenFile; readonly stat: Stat } {
    const stat = fromBigIntStats(fs.fstatSync(this.handle.fd, { bigint: true }));
    return { file: hostFile(this.handle, this.path, this.flags, stat.mode), stat };
  }

  /** close(2) of what nobody ever used. */
  close(): number {
    return this.handle.unref();
  }
}
