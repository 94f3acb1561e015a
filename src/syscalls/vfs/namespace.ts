import { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from '../errno.ts';
import type { SysrootOverlay } from './overlay.ts';
import { type BytePath, type FileSystem, type Location, S_IFDIR, S_IFLNK, S_IFMT } from './types.ts';

/** Longest path with its NUL (limits.h). */
export const PATH_MAX = 4096;
export const NAME_MAX = 255;
/** Linux gives up after this many symlinks (man 7 path_resolution). */
export const MAX_LINKS = 40;

/** A file system over a part of the tree. */
export interface Mount {
  /** Absolute, without trailing slash. */
  readonly point: BytePath;
  readonly fs: FileSystem;
  /** Which paths at or below the point it answers for; all when absent. */
  readonly claims?: (path: BytePath) => boolean;
}

/** Remove `//`, `.` and, by text, `..`: right only where no symlink is on the way. */
export function normalize(path: BytePath): BytePath {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') out.pop();
    else out.push(part);
  }
  return `/${out.join('/')}`;
}

/** What the guest sees as `/`: a root file system, mounts, and qemu's `-L` prefix. */
export class Namespace {
  private root: FileSystem;
  private mounts: readonly Mount[];
  private readonly overlay: SysrootOverlay | null;

  constructor(root: FileSystem, mounts: readonly Mount[], overlay: SysrootOverlay | null) {
    this.root = root;
    // Longest first, so that /dev/shm wins over /dev.
    this.mounts = [...mounts].sort((a, b) => b.point.length - a.point.length);
    this.overlay = overlay;
  }

  /** Put something in front of each file system. */
  wrap(around: (fs: FileSystem) => FileSystem): void {
    this.root = around(this.root);
    this.mounts = this.mounts.map((mount) => ({ ...mount, fs: around(mount.fs) }));
  }

  /**
   * Path resolution (man 7 path_resolution). `base` is the directory of relative paths; `follow`
   * tells whether a symlink in the last place counts. A missing last component is no error.
   */
  resolve(base: BytePath, path: BytePath, follow: boolean): Location | number {
    if (path === '') return -ENOENT;
    if (path.length >= PATH_MAX) return -ENAMETOOLONG;
    const absolute = path.charCodeAt(0) === 47;
    const full = absolute ? path : base === '/' ? `/${path}` : `${base}/${path}`;
    if (!this.root.opaque) return this.walk(full, follow);
    // The host resolves its own paths; ours is only to notice what lies under a mount of ours.
    const clean = full.includes('/.') || full.includes('//') ? normalize(full) : full;
    if (this.mountOf(clean) !== null) return this.walk(clean, follow);
    if (absolute && this.overlay !== null) return { fs: this.root, path: this.overlay.redirect(full, follow) };
    return { fs: this.root, path: full };
  }

  /** The directory that has `path`, of one that was opened: below -L's there is less than by absolute paths. */
  baseOf(directory: BytePath, path: BytePath): BytePath {
    return this.overlay?.baseOf(directory, path) ?? directory;
  }

  /**
   * Where the walk of an absolute path begins: `top` is what absolute symlinks on it start from, -L's directory if it
   * has the path, else the root, which is ''; `rest` is walked from `here`, as nobody is asked about what is above -L's.
   */
  start(path: BytePath, follow: boolean): { readonly top: BytePath; readonly here: BytePath; readonly rest: BytePath } {
    const { overlay } = this;
    if (overlay === null || this.mountOf(normalize(path)) !== null) return { top: '', here: '', rest: path };
    const { prefix } = overlay;
    if (path.startsWith(`${prefix}/`)) return { top: '', here: prefix, rest: path.slice(prefix.length) };
    const top = overlay.redirect(path, follow) === path ? '' : prefix;
    return { top, here: top, rest: path };
  }

  private mountOf(path: BytePath): FileSystem | null {
    for (const mount of this.mounts) {
      const { point } = mount;
      if (!path.startsWith(point)) continue;
      if (path.length > point.length && path.charCodeAt(point.length) !== 47) continue;
      if (mount.claims === undefined || mount.claims(path)) return mount.fs;
    }
    return null;
  }

  /** The file system that answers for a symlink-free absolute path. */
  fsAt(path: BytePath): FileSystem {
    return this.mountOf(path) ?? this.root;
  }

  /** Component by component, never above the root whatever `..` and symlinks say. */
  private walk(path: BytePath, follow: boolean): Location | number {
    let links = 0;
    let todo = path.split('/').filter((part) => part !== '' && part !== '.');
    let mustBeDir = path.endsWith('/') || path.endsWith('/.');
    let here = '';
    for (let i = 0; i < todo.length; i++) {
      const part = todo[i] ?? '';
      if (part === '..') {
        here = here.slice(0, here.lastIndexOf('/'));
        continue;
      }
      if (part.length > NAME_MAX) return -ENAMETOOLONG;
      const next = `${here}/${part}`;
      const fs = this.fsAt(next);
      const last = i === todo.length - 1;
      if (fs.opaque) {
        const rest = [next, ...todo.slice(i + 1)].join('/');
        if (last || this.mountOf(normalize(rest)) === null) return { fs, path: mustBeDir ? `${rest}/` : rest };
        // A host directory on the way to something of ours (/dev on the way to /dev/fd).
        here = next;
        continue;
      }
      if (last && !follow && !mustBeDir) return { fs, path: next };
      const mode = fs.mode(next);
      if (mode < 0) {
        if (last && mode === -ENOENT) return { fs, path: mustBeDir ? `${next}/` : next };
        return mode;
      }
      if ((mode & S_IFMT) === S_IFLNK) {
        const place = last ? fs.magic(next) : null;
        if (place !== null) return place;
        if (++links > MAX_LINKS) return -ELOOP;
        const target = fs.readlink(next);
        if (typeof target === 'number') return target;
        if (target === '') return -ENOENT;
        if (target.endsWith('/') && last) mustBeDir = true;
        todo = [...target.split('/').filter((p) => p !== '' && p !== '.'), ...todo.slice(i + 1)];
        if (target.startsWith('/')) here = '';
        i = -1;
        // An absolute link into the host's tree is the host's to resolve.
        if (this.root.opaque && this.mountOf(`${here}/${todo[0] ?? ''}`) === null && here === '') {
          return this.resolve('/', `/${todo.join('/')}`, follow);
        }
        continue;
      }
      if ((!last || mustBeDir) && (mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
      here = next;
    }
    const final = here === '' ? '/' : here;
    return { fs: this.fsAt(final), path: final };
  }
}

/** The path without symlinks and dots, as the kernel names what it has resolved (/proc/self/exe, getcwd). */
export function canonicalPath(at: Location): BytePath {
  if (!at.fs.opaque) return at.path;
  let here = '';
  let parts = at.path.split('/').filter((p) => p !== '' && p !== '.');
  let links = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? '';
    if (part === '..') {
      here = here.slice(0, Math.max(0, here.lastIndexOf('/')));
      continue;
    }
    const next = `${here}/${part}`;
    const mode = at.fs.mode(next);
    const target = mode > 0 && (mode & S_IFMT) === S_IFLNK ? at.fs.readlink(next) : -ENOENT;
    if (typeof target === 'number' || ++links > 40) {
      here = next;
      continue;
    }
    parts = [...target.split('/').filter((p) => p !== '' && p !== '.'), ...parts.slice(i + 1)];
    if (target.startsWith('/')) here = '';
    i = -1;
  }
  return normalize(here);
}
