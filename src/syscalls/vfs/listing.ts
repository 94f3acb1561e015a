import { EINVAL } from '../errno.ts';
import { type Dirent, SEEK_CUR, SEEK_SET } from './types.ts';

/** An open directory's entries, read as a whole at the first getdents after it was opened or rewound. */
export class Listing {
  private readonly load: () => Dirent[] | number;
  private entries: Dirent[] | null = null;
  private position = 0;

  constructor(load: () => Dirent[] | number) {
    this.load = load;
  }

  /** See OpenFile.readdir. */
  readdir(take: (entry: Dirent, nextPosition: number) => boolean): number {
    if (this.entries === null) {
      const entries = this.load();
      if (typeof entries === 'number') return entries;
      this.entries = entries;
    }
    for (let entry = this.entries[this.position]; entry !== undefined; entry = this.entries[this.position]) {
      if (!take(entry, this.position + 1)) break;
      this.position++;
    }
    return 0;
  }

  /** lseek(2): positions are numbers of entries. */
  seek(offset: number, whence: number): number {
    const target = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.position + offset : -1;
    if (target < 0) return -EINVAL;
    if (target === 0) this.entries = null;
    this.position = target;
    return target;
  }
}
