import type { MapSource } from './types.ts';

/** A run of pages with the same backing and protection (Linux's vm_area_struct). */
export interface Vma {
  start: number;
  end: number;
  prot: number;
  readonly shared: boolean;
  readonly mayWrite: boolean;
  readonly growsDown: boolean;
  readonly source: MapSource | null;
  /** Names anonymous shared memory, which fork's copies have in common; 0: not such. */
  readonly share: number;
  /** Offset of `start` in the file or the shared memory. */
  offset: number;
  readonly name: string;
  /** Pages from here on lie past the end of the file; Infinity without a file. */
  eof: number;
}

/** Pages kept free below a stack that may still grow (Linux's stack_guard_gap). */
export const STACK_GUARD = 0x10_0000;

const hasOffset = (vma: Vma): boolean => vma.source !== null || vma.share !== 0;

/** Whether a neighbour `b` continues `a` so that one line of /proc/self/maps shows both. */
function continues(a: Vma, b: Vma): boolean {
  return (
    a.end === b.start &&
    a.prot === b.prot &&
    a.shared === b.shared &&
    a.mayWrite === b.mayWrite &&
    a.growsDown === b.growsDown &&
    a.source === b.source &&
    a.name === b.name &&
    a.share === b.share &&
    ((a.source === null && a.share === 0) ||
      (a.offset + (a.end - a.start) === b.offset && (a.eof >= a.end || b.eof <= b.start)))
  );
}

/** The mappings of one address space, sorted by address, never overlapping. */
export class VmaList {
  readonly items: Vma[] = [];

  /** Index of the first mapping that ends above `addr`. */
  indexAt(addr: number): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if ((this.items[mid] as Vma).end > addr) high = mid;
      else low = mid + 1;
    }
    return low;
  }

  find(addr: number): Vma | undefined {
    const vma = this.items[this.indexAt(addr)];
    return vma !== undefined && vma.start <= addr ? vma : undefined;
  }

  overlaps(start: number, end: number): boolean {
    const vma = this.items[this.indexAt(start)];
    return vma !== undefined && vma.start < end;
  }

  /** Whether every byte of [start, end) is mapped. */
  covered(start: number, end: number): boolean {
    let at = start;
    for (let i = this.indexAt(start); at < end; i++) {
      const vma = this.items[i];
      if (vma === undefined || vma.start > at) return false;
      at = vma.end;
    }
    return true;
  }

  /** Mappings that overlap [start, end), whole. */
  touching(start: number, end: number): Vma[] {
    const first = this.indexAt(start);
    let last = first;
    while (last < this.items.length && (this.items[last] as Vma).start < end) last++;
    return this.items.slice(first, last);
  }

  /** Split at both ends, so that the mappings returned lie wholly in [start, end). */
  carve(start: number, end: number): Vma[] {
    this.#splitAt(start);
    this.#splitAt(end);
    return this.touching(start, end);
  }

  insert(vma: Vma): void {
    this.items.splice(this.indexAt(vma.start), 0, vma);
  }

  /** Take out mappings that {@link carve} returned: neighbours in the list. */
  remove(pieces: readonly Vma[]): void {
    const first = pieces[0];
    if (first !== undefined) this.items.splice(this.indexAt(first.start), pieces.length);
  }

  /** Join equal neighbours around [start, end). */
  merge(start: number, end: number): void {
    let i = Math.max(this.indexAt(start) - 1, 0);
    for (;;) {
      const a = this.items[i];
      const b = this.items[i + 1];
      if (a === undefined || b === undefined || a.start >= end) return;
      if (continues(a, b)) {
        a.end = b.end;
        if (a.eof >= b.start) a.eof = b.eof;
        this.items.splice(i + 1, 1);
        b.source?.unref();
      } else i++;
    }
  }

  /** Highest free place of `length` bytes in [low, high), or -1. */
  gapBelow(length: number, low: number, high: number): number {
    let top = high;
    for (let i = this.indexAt(high - 1); i >= 0; i--) {
      const vma = this.items[i];
      if (vma === undefined || vma.start >= high) continue;
      if (top - vma.end >= length && top - length >= low) return top - length;
      top = Math.min(top, vma.start - (vma.growsDown ? STACK_GUARD : 0));
      if (top - length < low) return -1;
    }
    return top - length >= low ? top - length : -1;
  }

  #splitAt(addr: number): void {
    const i = this.indexAt(addr);
    const vma = this.items[i];
    if (vma === undefined || vma.start >= addr) return;
    const offset = hasOffset(vma) ? vma.offset + (addr - vma.start) : 0;
    const upper: Vma = { ...vma, start: addr, offset };
    vma.end = addr;
    vma.source?.ref();
    this.items.splice(i + 1, 0, upper);
  }
}
