import type { Bulk, Copier } from './bulk.ts';
import { GUEST_BASE, PAGE_SIZE, PageByte, READ_BYTES, READ_PAIRS, WRITE_BYTES, WRITE_PAIRS } from './layout.ts';
import { PROT_READ, PROT_WRITE } from './types.ts';
import type { Vma } from './vma.ts';

const TABLE_SIZE = 0x10_0000;
const SMALL = 64;
/** Pages are looked for in chunks of 256. */
const CHUNK_SHIFT = 8;

/** Whether pages of a mapping may get their contents when they are first wanted: of shared ones others may know. */
export const isDeferrable = (vma: Vma): boolean => !vma.shared;

/**
 * The page byte tables that translated code tests, and which pages may hold old bytes. The tables of pairs
 * follow from them: one look tells that an access is plain even if it crosses into the next page.
 */
export class PageBytes {
  readonly read: Uint8Array;
  readonly write: Uint8Array;
  /** See AddressSpace.onPlainLoss. */
  onPlainLoss: (start: number, end: number) => void = () => {};
  readonly #readPairs: Uint8Array;
  readonly #writePairs: Uint8Array;
  /** 1 = the page was accessible once and may not read as zero. */
  readonly #used: Uint8Array = new Uint8Array(TABLE_SIZE);
  /** 1 = the page is to be read from its file, or zeroed where it was used, when it is first wanted. */
  readonly #absent: Uint8Array = new Uint8Array(TABLE_SIZE);
  /** 1 = the page holds, or will hold, what its file has there. */
  readonly #ofFile: Uint8Array = new Uint8Array(TABLE_SIZE);
  /** 1 = some page of the chunk was used: most of the address space never is. */
  readonly #chunks: Uint8Array = new Uint8Array(TABLE_SIZE >>> CHUNK_SHIFT);
  readonly #bulk: Bulk;

  constructor(memory: WebAssembly.Memory, bulk: Bulk) {
    this.#bulk = bulk;
    this.read = new Uint8Array(memory.buffer, READ_BYTES, TABLE_SIZE);
    this.write = new Uint8Array(memory.buffer, WRITE_BYTES, TABLE_SIZE);
    this.#readPairs = new Uint8Array(memory.buffer, READ_PAIRS, TABLE_SIZE);
    this.#writePairs = new Uint8Array(memory.buffer, WRITE_PAIRS, TABLE_SIZE);
  }

  unmap(start: number, end: number): void {
    this.forget(start, end);
    this.#set(this.read, READ_BYTES, start, end, PageByte.UNMAPPED);
    this.#set(this.write, WRITE_BYTES, start, end, PageByte.UNMAPPED);
  }

  /**
   * Bring the bytes of [start, end), a part of `vma`, in step with it. With `known`, first stores are noticed,
   * except to the pages of which it says that they are known already; with `stale`, all accesses to the pages that it names.
   */
  refresh(
    vma: Vma,
    start: number,
    end: number,
    known: ((page: number) => boolean) | null,
    stale: ((page: number) => boolean) | null = null,
  ): void {
    // A writable page is readable on every architecture that Linux runs on.
    const readable = (vma.prot & (PROT_READ | PROT_WRITE)) !== 0;
    const writable = (vma.prot & PROT_WRITE) !== 0;
    const eof = Math.min(Math.max(vma.eof, start), end);
    if (isDeferrable(vma)) return this.#refreshDeferred(vma, start, eof, end);
    if (stale === null || !readable)
      this.#set(this.read, READ_BYTES, start, eof, readable ? PageByte.PLAIN : PageByte.PROTECTED);
    else {
      for (let at = start; at < eof; at += PAGE_SIZE)
        this.#set(this.read, READ_BYTES, at, at + PAGE_SIZE, stale(at / PAGE_SIZE) ? PageByte.SHARED : PageByte.PLAIN);
    }
    this.#set(this.read, READ_BYTES, eof, end, readable ? PageByte.PAST_EOF : PageByte.PROTECTED);
    const plain = known !== null ? PageByte.SHARED : PageByte.PLAIN;
    this.#set(this.write, WRITE_BYTES, start, eof, writable ? plain : PageByte.PROTECTED);
    this.#set(this.write, WRITE_BYTES, eof, end, writable ? PageByte.PAST_EOF : PageByte.PROTECTED);
    if (known !== null && writable) {
      for (let page = start / PAGE_SIZE; page < eof / PAGE_SIZE; page++) {
        if (known(page)) this.setWritable(page);
      }
    }
    if (readable) this.markUsed(start, eof);
  }

  /** The same for a mapping whose pages may be absent. */
  #refreshDeferred(vma: Vma, start: number, eof: number, end: number): void {
    const readable = (vma.prot & (PROT_READ | PROT_WRITE)) !== 0;
    const writable = (vma.prot & PROT_WRITE) !== 0;
    if (writable) this.#ofFile.fill(0, start / PAGE_SIZE, end / PAGE_SIZE);
    const set = (from: number, to: number, value: number): void => {
      this.#set(this.read, READ_BYTES, from, to, readable ? value : PageByte.PROTECTED);
      this.#set(this.write, WRITE_BYTES, from, to, writable ? value : PageByte.PROTECTED);
    };
    for (let at = start; at < eof; ) {
      const absent = this.isAbsent(at);
      const to = this.presenceEnd(at, eof);
      set(at, to, absent ? PageByte.ABSENT : PageByte.PLAIN);
      if (!absent && readable) this.markUsed(at, to);
      at = to;
    }
    set(eof, end, PageByte.PAST_EOF);
  }

  /** Whether the page at an address does not hold yet what it is to hold. */
  isAbsent(address: number): boolean {
    return this.#absent[Math.floor(address / PAGE_SIZE)] === 1;
  }

  /** Where the pages end, at `end` at the latest, that are absent as the one at `start` is, or are not. */
  presenceEnd(start: number, end: number): number {
    const first = start / PAGE_SIZE;
    const other = this.#absent.subarray(first, end / PAGE_SIZE).indexOf(1 - (this.#absent[first] as number));
    return other < 0 ? end : start + other * PAGE_SIZE;
  }

  /** From where on, at `start` at the earliest, all pages below `end` are present. */
  presentFrom(start: number, end: number): number {
    const last = this.#absent.subarray(start / PAGE_SIZE, end / PAGE_SIZE).lastIndexOf(1);
    return start + (last + 1) * PAGE_SIZE;
  }

  /** What [start, end) holds is what the file has, to be read when it is wanted if it was not yet. */
  setFile(start: number, end: number, absent: boolean): void {
    this.#absent.fill(absent ? 1 : 0, start / PAGE_SIZE, end / PAGE_SIZE);
    this.#ofFile.fill(1, start / PAGE_SIZE, end / PAGE_SIZE);
  }

  /** [start, end) is to read as zero: see to it when it is wanted. */
  setFresh(start: number, end: number): void {
    this.#absent.fill(1, start / PAGE_SIZE, end / PAGE_SIZE);
  }

  /** Whether some page of [start, end) may not read as zero. */
  isUsed(start: number, end: number): boolean {
    return !this.#runs(start / PAGE_SIZE, end / PAGE_SIZE).next().done;
  }

  /** Absent pages got their contents. */
  present(start: number, end: number): void {
    this.#absent.fill(0, start / PAGE_SIZE, end / PAGE_SIZE);
  }

  /** [start, end) has nothing of a file any more. */
  forget(start: number, end: number): void {
    this.present(start, end);
    this.#ofFile.fill(0, start / PAGE_SIZE, end / PAGE_SIZE);
  }

  /** Whether all of [start, end) is as the file has it. */
  isOfFile(start: number, end: number): boolean {
    return !this.#ofFile.subarray(start / PAGE_SIZE, end / PAGE_SIZE).includes(0);
  }

  /** The page may be written from now on. */
  setWritable(page: number): void {
    this.write[page] = PageByte.PLAIN;
    this.#pair(this.write, this.#writePairs, page - 1);
    this.#pair(this.write, this.#writePairs, page);
  }

  /** Notice the next store to a page that may be written as any other. */
  watch(page: number): void {
    if (this.write[page] !== PageByte.PLAIN) return;
    this.#set(this.write, WRITE_BYTES, page * PAGE_SIZE, (page + 1) * PAGE_SIZE, PageByte.CODE);
  }

  markUsed(start: number, end: number): void {
    const first = start / PAGE_SIZE;
    const last = end / PAGE_SIZE;
    this.#used.fill(1, first, last);
    for (let chunk = first >>> CHUNK_SHIFT; chunk << CHUNK_SHIFT < last; chunk++) this.#chunks[chunk] = 1;
  }

  /** Make [start, end) read as zero. Pages never accessible before cost nothing. */
  zero(start: number, end: number): void {
    for (const [page, count] of this.#runs(start / PAGE_SIZE, end / PAGE_SIZE)) this.#zeroRun(page, count);
  }

  #zeroRun(page: number, count: number): void {
    this.#bulk.zeroPages(GUEST_BASE + page * PAGE_SIZE, count);
    this.#used.fill(0, page, page + count);
  }

  /** Runs of pages that may not read as zero. */
  usedRuns(): Iterable<readonly [page: number, count: number]> {
    return this.#runs(0, TABLE_SIZE);
  }

  *#runs(first: number, last: number): Generator<readonly [page: number, count: number]> {
    const used = this.#used;
    let page = first;
    while (page < last) {
      const chunk = page >>> CHUNK_SHIFT;
      if (this.#chunks[chunk] === 0) {
        const next = this.#chunks.indexOf(1, chunk + 1);
        if (next < 0) return;
        page = next << CHUNK_SHIFT;
        continue;
      }
      if (used[page] === 0) {
        page++;
        continue;
      }
      let end = page + 1;
      while (end < last && used[end] === 1) end++;
      yield [page, end - page];
      page = end;
    }
  }

  /**
   * Become a copy of the pages of another process, mapping by mapping: what it has used is copied, what only
   * an earlier user of this memory has is cleared.
   */
  copyMapping(from: PageBytes, start: number, end: number, { copy, copyPages }: Copier): void {
    const first = start / PAGE_SIZE;
    const last = end / PAGE_SIZE;
    this.#absent.set(from.#absent.subarray(first, last), first);
    this.#ofFile.set(from.#ofFile.subarray(first, last), first);
    for (const base of [READ_BYTES, WRITE_BYTES]) copy(base + first, base + first, last - first);
    for (const base of [READ_PAIRS, WRITE_PAIRS]) copy(base + first, base + first, last - first - 1);
    for (const page of [first - 1, last - 1]) {
      this.#pair(this.read, this.#readPairs, page);
      this.#pair(this.write, this.#writePairs, page);
    }
    for (const [page, count] of this.#runs(first, last)) {
      for (let p = page; p < page + count; p++) if (from.#used[p] === 0 && from.#absent[p] === 0) this.#zeroRun(p, 1);
    }
    // most of what is mapped was never stored to, a stack for instance
    for (const [page, count] of from.#runs(first, last)) {
      for (let p = page; p < page + count; ) {
        const end = from.presenceEnd(p * PAGE_SIZE, (page + count) * PAGE_SIZE) / PAGE_SIZE;
        if (from.#absent[p] === 0) this.#copyRun(p, end, copyPages);
        p = end;
      }
    }
  }

  #copyRun(first: number, last: number, copyPages: Copier['copyPages']): void {
    for (let p = first; p < last; ) {
      const used = this.#used[p] as number;
      const change = this.#used.subarray(p, last).indexOf(1 - used);
      const part = change < 0 ? last - p : change;
      const at = GUEST_BASE + p * PAGE_SIZE;
      copyPages(at, at, part, used !== 0);
      p += part;
    }
    this.markUsed(first * PAGE_SIZE, last * PAGE_SIZE);
  }

  #set(table: Uint8Array, base: number, start: number, end: number, value: number): void {
    const first = start / PAGE_SIZE;
    const count = end / PAGE_SIZE - first;
    if (count <= 0) return;
    const last = first + count - 1;
    if (value !== PageByte.PLAIN && table.subarray(first, last + 1).includes(PageByte.PLAIN))
      this.onPlainLoss(start, end);
    const pairs = table === this.read ? this.#readPairs : this.#writePairs;
    const pair = value === PageByte.PLAIN ? 1 : 0;
    if (count > SMALL) {
      this.#bulk.fill(base + first, value, count);
      this.#bulk.fill(pairs.byteOffset + first, pair, count - 1);
    } else {
      for (let page = first; page <= last; page++) table[page] = value;
      for (let page = first; page < last; page++) pairs[page] = pair;
    }
    this.#pair(table, pairs, first - 1);
    this.#pair(table, pairs, last);
  }

  #pair(table: Uint8Array, pairs: Uint8Array, page: number): void {
    if (page >= 0) pairs[page] = table[page] === PageByte.PLAIN && table[page + 1] === PageByte.PLAIN ? 1 : 0;
  }
}
