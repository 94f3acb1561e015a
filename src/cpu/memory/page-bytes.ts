import type { Bulk } from './bulk.ts';
import { GUEST_BASE, PAGE_SIZE, PageByte, READ_BYTES, WRITE_BYTES } from './layout.ts';
import { PROT_READ, PROT_WRITE } from './types.ts';
import type { Vma } from './vma.ts';

const TABLE_SIZE = 0x10_0000;
const SMALL = 64;

/** The two page byte tables that translated code tests, and which pages may hold old bytes. */
export class PageBytes {
  readonly read: Uint8Array;
  readonly write: Uint8Array;
  /** 1 = the page was accessible once and may not read as zero. */
  readonly #used: Uint8Array = new Uint8Array(TABLE_SIZE);
  readonly #bulk: Bulk;
  /** See AddressSpace.onPlainLoss. */
  onPlainLoss: () => void = () => {};

  constructor(memory: WebAssembly.Memory, bulk: Bulk) {
    this.#bulk = bulk;
    this.read = new Uint8Array(memory.buffer, READ_BYTES, TABLE_SIZE);
    this.write = new Uint8Array(memory.buffer, WRITE_BYTES, TABLE_SIZE);
    this.unmap(0, TABLE_SIZE * PAGE_SIZE);
  }

  unmap(start: number, end: number): void {
    this.#set(this.read, READ_BYTES, start, end, PageByte.UNMAPPED);
    this.#set(this.write, WRITE_BYTES, start, end, PageByte.UNMAPPED);
  }

  /**
   * Bring the bytes of [start, end), a part of `vma`, in step with it. With `known`, first stores are noticed,
   * except to the pages of which it says that they are known already.
   */
  refresh(vma: Vma, start: number, end: number, known: ((page: number) => boolean) | null): void {
    // A writable page is readable on every architecture that Linux runs on.
    const readable = (vma.prot & (PROT_READ | PROT_WRITE)) !== 0;
    const writable = (vma.prot & PROT_WRITE) !== 0;
    const eof = Math.min(Math.max(vma.eof, start), end);
    this.#set(this.read, READ_BYTES, start, eof, readable ? PageByte.PLAIN : PageByte.PROTECTED);
    this.#set(this.read, READ_BYTES, eof, end, readable ? PageByte.PAST_EOF : PageByte.PROTECTED);
    const plain = known !== null ? PageByte.SHARED : PageByte.PLAIN;
    this.#set(this.write, WRITE_BYTES, start, eof, writable ? plain : PageByte.PROTECTED);
    this.#set(this.write, WRITE_BYTES, eof, end, writable ? PageByte.PAST_EOF : PageByte.PROTECTED);
    if (known !== null && writable) {
      for (let page = start / PAGE_SIZE; page < eof / PAGE_SIZE; page++) {
        if (known(page)) this.write[page] = PageByte.PLAIN;
      }
    }
    if (readable) this.markUsed(start, eof);
  }

  markUsed(start: number, end: number): void {
    this.#used.fill(1, start / PAGE_SIZE, end / PAGE_SIZE);
  }

  /** Make [start, end) read as zero. Pages never accessible before cost nothing. */
  zero(start: number, end: number): void {
    const last = end / PAGE_SIZE;
    let page = start / PAGE_SIZE;
    while (page < last) {
      const skip = this.#used.subarray(page, last).indexOf(1);
      if (skip < 0) return;
      page += skip;
      const run = this.#used.subarray(page, last).indexOf(0);
      const count = run < 0 ? last - page : run;
      this.#bulk.zeroPages(GUEST_BASE + page * PAGE_SIZE, count);
      this.#used.fill(0, page, page + count);
      page += count;
    }
  }

  /** Runs of pages that may not read as zero. */
  *usedRuns(): Generator<readonly [page: number, count: number]> {
    for (let page = this.#used.indexOf(1); page >= 0; ) {
      const end = this.#used.indexOf(0, page);
      const last = end < 0 ? TABLE_SIZE : end;
      yield [page, last - page];
      page = end < 0 ? -1 : this.#used.indexOf(1, last);
    }
  }

  /** Take over the bytes of [start, end) from the tables of another process. */
  copyRange(from: PageBytes, start: number, end: number): void {
    const first = start / PAGE_SIZE;
    const last = end / PAGE_SIZE;
    this.read.set(from.read.subarray(first, last), first);
    this.write.set(from.write.subarray(first, last), first);
  }

  #set(table: Uint8Array, base: number, start: number, end: number, value: number): void {
    const first = start / PAGE_SIZE;
    const count = end / PAGE_SIZE - first;
    if (count > 0 && value !== PageByte.PLAIN) this.onPlainLoss();
    if (count > SMALL) this.#bulk.fill(base + first, value, count);
    else for (let page = first; page < first + count; page++) table[page] = value;
  }
}
