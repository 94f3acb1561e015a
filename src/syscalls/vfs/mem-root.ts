import fs from 'node:fs';
import { errnoName } from '../errno.ts';
import { fromBigIntStats, hostPath } from './host-stat.ts';
import { MemFs } from './mem.ts';
import { Namespace, normalize } from './namespace.ts';
import { decompress, readTar } from './tar.ts';
import { type BytePath, O_CREAT, O_TRUNC, O_WRONLY, type Timespec } from './types.ts';

/** Where a memory root comes from, and how large it may become. */
export interface MemRootOptions {
  /** Host directory, or tar archive (plain, gzip, zstd): a path, or the archive's bytes. */
  readonly from?: string | Uint8Array | undefined;
  readonly maxBytes?: number | undefined;
  readonly maxInodes?: number | undefined;
  /** Told of entries that were left out, with the reason. */
  readonly skipped?: ((name: string, why: string) => void) | undefined;
}

/** What every root has, so that programs find their usual places. */
const DIRECTORIES: readonly (readonly [string, number])[] = [
  ['/dev', 0o755],
  ['/dev/shm', 0o1777],
  ['/proc', 0o555],
  ['/tmp', 0o1777],
  ['/etc', 0o755],
  ['/root', 0o700],
];
const FILES: readonly (readonly [string, string])[] = [
  ['/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'],
  ['/etc/group', 'root:x:0:\n'],
  ['/etc/hostname', 'tsqemu\n'],
];

/** Fills a memory root; every path is walked inside it, so nothing can land elsewhere. */
class Filler {
  private readonly fs: MemFs;
  private readonly tree: Namespace;
  private readonly skipped: (name: string, why: string) => void;

  constructor(fs: MemFs, skipped: (name: string, why: string) => void) {
    this.fs = fs;
    this.tree = new Namespace(fs, [], null);
    this.skipped = skipped;
  }

  /** Where a name leads once the symlinks on its way are followed, inside the root. */
  place(name: string): BytePath | null {
    const at = this.tree.resolve('/', normalize(name), false);
    return typeof at === 'number' ? null : at.path;
  }

  directory(name: string, mode: number): void {
    const clean = normalize(name);
    if (clean === '/') return;
    const parent = clean.slice(0, clean.lastIndexOf('/'));
    if (parent !== '') this.directory(parent, 0o755);
    const at = this.tree.resolve('/', clean, true);
    if (typeof at === 'number') {
      this.skipped(name, errnoName(-at));
      return;
    }
    if (this.fs.mode(at.path) < 0) this.check(name, this.fs.mkdir(at.path, mode));
  }

  private parents(name: string): BytePath | null {
    const clean = normalize(name);
    const parent = clean.slice(0, clean.lastIndexOf('/'));
    if (parent !== '') this.directory(parent, 0o755);
    return this.place(clean);
  }

  file(name: string, mode: number, data: Uint8Array): void {
    const path = this.parents(name);
    if (path === null) {
      this.skipped(name, 'no such place in the root');
      return;
    }
    if (this.fs.mode(path) >= 0) this.fs.unlink(path);
    const file = this.fs.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (typeof file === 'number') {
      this.skipped(name, errnoName(-file));
      return;
    }
    if (data.length > 0) this.check(name, Math.min(0, file.write(data)));
    file.close();
  }

  symlink(name: string, target: BytePath): void {
    const path = this.parents(name);
    if (path === null) {
      this.skipped(name, 'no such place in the root');
      return;
    }
    if (this.fs.mode(path) >= 0) this.fs.unlink(path);
    this.check(name, this.fs.symlink(target, path));
  }

  link(name: string, target: BytePath): void {
    const path = this.parents(name);
    const from = this.place(target);
    if (path === null || from === null) {
      this.skipped(name, 'no such place in the root');
      return;
    }
    if (this.fs.mode(path) >= 0) this.fs.unlink(path);
    this.check(name, this.fs.link(from, path, false));
  }

  attributes(name: string, mode: number, uid: number, gid: number, mtime: Timespec, link: boolean): void {
    const path = this.place(name);
    if (path === null) return;
    this.fs.chown(path, uid, gid, false);
    // a new owner takes set-user-ID bits away
    if (!link) this.fs.chmod(path, mode, true);
    this.fs.utimes(path, mtime, mtime, false);
  }

  private check(name: string, result: number): void {
    if (result < 0) this.skipped(name, errnoName(-result));
  }
}

function fillFromArchive(filler: Filler, archive: Uint8Array, skipped: (name: string, why: string) => void): void {
  // Directories get their modes and times last: filling them changes both.
  const late: (() => void)[] = [];
  for (const entry of readTar(decompress(archive))) {
    const mtime = { sec: Math.floor(entry.mtime), nsec: Math.floor((entry.mtime % 1) * 1e9) };
    switch (entry.type) {
      case 'dir':
        filler.directory(entry.name, entry.mode);
        break;
      case 'file':
        filler.file(entry.name, entry.mode, entry.data);
        break;
      case 'symlink':
        filler.symlink(entry.name, entry.target);
        break;
      case 'link':
        filler.link(entry.name, entry.target);
        continue;
      default:
        skipped(entry.name, 'a device or FIFO');
        continue;
    }
    const isLink = entry.type === 'symlink';
    late.push(() => filler.attributes(entry.name, entry.mode, entry.uid, entry.gid, mtime, isLink));
  }
  for (const apply of late.reverse()) apply();
}

function fillFromDirectory(filler: Filler, top: BytePath, skipped: (name: string, why: string) => void): void {
  const seen = new Map<string, string>();
  const visit = (path: BytePath, name: string): void => {
    const stat = fromBigIntStats(fs.lstatSync(hostPath(path), { bigint: true }));
    const type = stat.mode & 0o170000;
    const key = `${stat.dev}:${stat.ino}`;
    const first = seen.get(key);
    if (type === 0o100000 && first !== undefined) {
      filler.link(name, first);
      return;
    }
    if (type === 0o040000) {
      if (name !== '/') filler.directory(name, stat.mode & 0o7777);
      for (const child of fs.readdirSync(hostPath(path), { encoding: 'latin1' })) {
        visit(`${path}/${child}`, name === '/' ? `/${child}` : `${name}/${child}`);
      }
    } else if (type === 0o120000) {
      filler.symlink(name, fs.readlinkSync(hostPath(path), { encoding: 'latin1' }));
    } else if (type === 0o100000) {
      filler.file(name, stat.mode & 0o7777, fs.readFileSync(hostPath(path)));
      if (stat.nlink > 1) seen.set(key, name);
    } else {
      skipped(name, 'a device, FIFO or socket');
      return;
    }
    filler.attributes(name, stat.mode & 0o7777, stat.uid, stat.gid, stat.mtime, type === 0o120000);
  };
  visit(top.replace(/(.)\/+$/, '$1'), '/');
}

/**
 * Make the root file system of a sandbox. The host is read here and never again. Loads memfs only
 * now: it takes longer to import than a small guest to run.
 */
export async function createMemRoot(options: MemRootOptions = {}): Promise<MemFs> {
  const { Volume, createFsFromVolume } = await import('memfs');
  const memory = new MemFs(createFsFromVolume(new Volume()), {
    bytes: options.maxBytes ?? 2 ** 30,
    inodes: options.maxInodes ?? 1_000_000,
  });
  const skipped = options.skipped ?? ((): void => {});
  const filler = new Filler(memory, skipped);
  const { from } = options;
  if (typeof from === 'string') {
    if (fs.statSync(hostPath(from)).isDirectory()) fillFromDirectory(filler, from, skipped);
    else fillFromArchive(filler, fs.readFileSync(hostPath(from)), skipped);
  } else if (from !== undefined) {
    fillFromArchive(filler, from, skipped);
  }
  for (const [path, mode] of DIRECTORIES) {
    const place = filler.place(path);
    if (place !== null && memory.mode(place) < 0) filler.directory(path, mode);
  }
  for (const [path, content] of FILES) {
    const place = filler.place(path);
    if (place !== null && memory.mode(place) < 0) filler.file(path, 0o644, Buffer.from(content));
  }
  return memory;
}
