/** A POSIX record lock range; end is exclusive, Infinity = to the end of the file. */
interface LockRange {
  readonly start: number;
  readonly end: number;
  readonly type: number;
}

export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;

/**
 * fcntl(2) record locks of one process. Within a process they never conflict; the table is kept so
 * that a second process can be told of them.
 */
export class FileLocks {
  private readonly byFile: Map<string, LockRange[]> = new Map();

  set(file: string, start: number, end: number, type: number): void {
    const kept: LockRange[] = [];
    for (const range of this.byFile.get(file) ?? []) {
      if (range.end <= start || range.start >= end) kept.push(range);
      else {
        if (range.start < start) kept.push({ ...range, end: start });
        if (range.end > end) kept.push({ ...range, start: end });
      }
    }
    if (type !== F_UNLCK) kept.push({ start, end, type });
    if (kept.length === 0) this.byFile.delete(file);
    else this.byFile.set(file, kept);
  }
}
