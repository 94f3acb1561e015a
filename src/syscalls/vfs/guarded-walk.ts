import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from '../errno.ts';
import { MAX_LINKS, NAME_MAX, type Namespace, PATH_MAX } from './namespace.ts';
import { type FileIds, MAY_EXEC, mayFollow, type Protections, permission } from './permissions.ts';
import { type BytePath, type Location, S_IFDIR, S_IFLNK, S_IFMT, type Stat } from './types.ts';

const parentOf = (path: BytePath): BytePath => path.slice(0, path.lastIndexOf('/'));

/**
 * Path resolution with the permissions of a guest's ids: every directory in which a name is looked up is asked
 * (man 7 path_resolution). The host's paths are walked here too, as the host would ask for the emulator's ids. The
 * answer has no symlinks, but for the last component where they are not followed. Directories above `base` and above
 * -L's are not asked, as Linux does not ask those above a working directory or a root.
 */
export function guardedWalk(
  tree: Namespace,
  ids: FileIds,
  protections: Protections,
  base: BytePath,
  path: BytePath,
  follow: boolean,
): Location | number {
  if (path === '') return -ENOENT;
  if (path.length >= PATH_MAX) return -ENAMETOOLONG;
  const start = path.startsWith('/')
    ? tree.start(path, follow)
    : { top: '', here: base === '/' ? '' : base, rest: path };
  const { top } = start;
  let { here } = start;
  let todo = start.rest.split('/').filter((part) => part !== '');
  let mustBeDirectory = path.endsWith('/');
  let links = 0;
  for (let i = 0; i < todo.length; i++) {
    const part = todo[i] ?? '';
    const dir = directory(tree, here);
    if (typeof dir === 'number') return dir;
    if (permission(ids, dir, MAY_EXEC) < 0) return -EACCES;
    if (part === '.') continue;
    if (part === '..') {
      if (here !== top) here = parentOf(here);
      continue;
    }
    if (part.length > NAME_MAX) return -ENAMETOOLONG;
    const next = `${here}/${part}`;
    const fs = tree.fsAt(next);
    const last = i === todo.length - 1;
    const mode = fs.mode(next);
    if (mode < 0) {
      if (last && mode === -ENOENT) return { fs, path: mustBeDirectory ? `${next}/` : next };
      return mode;
    }
    if (last && !follow && !mustBeDirectory) return { fs, path: next };
    if ((mode & S_IFMT) !== S_IFLNK) {
      if ((!last || mustBeDirectory) && (mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
      here = next;
      continue;
    }
    const place = last ? fs.magic(next) : null;
    if (place !== null) return place;
    if (++links > MAX_LINKS) return -ELOOP;
    const link = fs.stat(next, false);
    const denied = typeof link === 'number' ? link : last ? mayFollow(ids, protections, dir, link) : 0;
    if (denied < 0) return denied;
    const target = fs.readlink(next);
    if (typeof target === 'number') return target;
    if (target === '') return -ENOENT;
    if (last && target.endsWith('/')) mustBeDirectory = true;
    todo = [...target.split('/').filter((p) => p !== ''), ...todo.slice(i + 1)];
    if (target.startsWith('/')) here = top;
    i = -1;
  }
  const final = here === '' ? '/' : here;
  return { fs: tree.fsAt(final), path: final };
}

function directory(tree: Namespace, path: BytePath): Stat | number {
  const real = path === '' ? '/' : path;
  const stat = tree.fsAt(real).stat(real, true);
  return typeof stat !== 'number' && (stat.mode & S_IFMT) !== S_IFDIR ? -ENOTDIR : stat;
}
