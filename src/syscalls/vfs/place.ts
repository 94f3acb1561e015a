import type { Location, Stat } from './types.ts';

/** A name in a directory: the directory's inode, and the last component. */
export interface Place {
  readonly dir: string;
  readonly name: string;
}

/** What watches go by: an inode is its device and number. */
export const keyOf = (stat: Stat): string => `${stat.dev}:${stat.ino}`;

/** A path's place; null where its directory cannot be looked at. */
export function placeOf({ fs, path }: Location): Place | null {
  const clean = path.replace(/(.)\/+$/, '$1');
  const cut = clean.lastIndexOf('/');
  const dir = fs.stat(clean.slice(0, cut) || '/', true);
  return typeof dir === 'number' || clean === '/' ? null : { dir: keyOf(dir), name: clean.slice(cut + 1) };
}
