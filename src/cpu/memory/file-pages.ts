import { PAGE_SIZE } from './layout.ts';
import type { Vma } from './vma.ts';

const EIO = 5;

/**
 * Contents of file mappings: reading pages in, and writing stores to MAP_SHARED pages back.
 *
 * A page of a shared file mapping is write-protected until its first store; then a snapshot is taken,
 * and a write-back writes only what differs from it, so that bytes others wrote meanwhile survive.
 */
export class FilePages {
  readonly #u8: Uint8Array;
  readonly #snapshots: Map<number, Uint8Array> = new Map();

  constructor(u8: Uint8Array) {
    this.#u8 = u8;
  }

  /** Read the file into [start, end) of a mapping; returns the end of what the file covers, or -errno. */
  load(vma: Vma, start: number, end: number): number {
    if (vma.source === null) return end;
    let at = start;
    while (at < end) {
      const n = vma.source.read(this.#u8.subarray(at, end), vma.offset + (at - vma.start));
      if (n < 0) return n;
      if (n === 0) break;
      at += n;
    }
    return at;
  }

  isDirty(page: number): boolean {
    return this.#snapshots.has(page);
  }

  /** First store to a page of a shared file mapping. */
  markDirty(page: number): void {
    if (!this.#snapshots.has(page)) this.#snapshots.set(page, this.#u8.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE));
  }

  /** Write changed bytes of [start, end) back to the file. 0 or the first -errno. */
  writeBack(vma: Vma, start: number, end: number): number {
    if (!vma.shared || vma.source === null || this.#snapshots.size === 0) return 0;
    const size = vma.source.size();
    let status = 0;
    for (const page of this.#dirtyIn(start, end)) {
      const addr = page * PAGE_SIZE;
      const offset = vma.offset + (addr - vma.start);
      const snapshot = this.#snapshots.get(page) as Uint8Array;
      // A mapping never makes its file longer: bytes past the end are lost, as on Linux.
      let last = Math.min(PAGE_SIZE, size - offset) - 1;
      let first = 0;
      while (first <= last && this.#u8[addr + first] === snapshot[first]) first++;
      while (last > first && this.#u8[addr + last] === snapshot[last]) last--;
      while (first <= last) {
        const n = vma.source.write(this.#u8.slice(addr + first, addr + last + 1), offset + first);
        if (n <= 0) {
          status ||= n < 0 ? n : -EIO;
          break;
        }
        snapshot.set(this.#u8.subarray(addr + first, addr + first + n), first);
        first += n;
      }
    }
    return status;
  }

  /** Forget the snapshots of pages that go away. */
  drop(start: number, end: number): void {
    for (const page of this.#dirtyIn(start, end)) this.#snapshots.delete(page);
  }

  /** The pages [start, end) have moved by `delta` bytes. */
  move(start: number, end: number, delta: number): void {
    const moved = this.#dirtyIn(start, end).map((page) => [page, this.#snapshots.get(page) as Uint8Array] as const);
    for (const [page] of moved) this.#snapshots.delete(page);
    for (const [page, snapshot] of moved) this.#snapshots.set(page + delta / PAGE_SIZE, snapshot);
  }

  #dirtyIn(start: number, end: number): number[] {
    const first = start / PAGE_SIZE;
    const last = end / PAGE_SIZE;
    if (this.#snapshots.size === 0) return [];
    if (last - first > this.#snapshots.size) return [...this.#snapshots.keys()].filter((p) => p >= first && p < last);
    const pages: number[] = [];
    for (let page = first; page < last; page++) if (this.#snapshots.has(page)) pages.push(page);
    return pages;
  }
}
