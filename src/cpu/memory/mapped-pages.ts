import { Aliases, type Range } from './aliases.ts';
import { type Bulk, type Copier, createBulk, createCopier } from './bulk.ts';
import { FilePages } from './file-pages.ts';
import { GUEST_BASE, PAGE_SIZE, PageByte } from './layout.ts';
import { isDeferrable, PageBytes } from './page-bytes.ts';
import { Sharers } from './sharers.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from './types.ts';
import { STACK_GUARD, type Vma, VmaList } from './vma.ts';

const EFAULT = 14;

const SIGBUS = 7;
const SIGSEGV = 11;
const SEGV_MAPERR = 1;
const SEGV_ACCERR = 2;
const BUS_ADRERR = 2;

/** Lowest address a program may map (vm.mmap_min_addr). */
export const MIN_ADDR = 0x1_0000;

/** Pages of a file that are read at once, at least. */
const FETCHED = 8;
/**
 * Pages without a file that are made ready at once, at least and at most: a request of a worker thread costs as much as
 * touching 20.
 */
const CLEARED = 64;
const MOST_CLEARED = 4096;
/**
 * Bytes of a private mapping without a file from which on its pages are made ready when they are wanted: who asks for so
 * much (heaps of JavaScriptCore, Go, the JVM) uses little of it, and every page that was mapped once is looked at when it is
 * mapped again, and copied at fork.
 */
const LARGE = 0x200_0000;

/** Resource limits the address space obeys; read at each use, so setrlimit may change them. */
export interface MemoryLimits {
  /** RLIMIT_STACK: how far a MAP_GROWSDOWN mapping grows. */
  stack: number;
  /** RLIMIT_DATA: heap size. */
  data: number;
  /** RLIMIT_AS: all mappings together. */
  as: number;
}

/** The signal, si_code and si_addr of a bad access. */
export interface Fault {
  readonly signal: number;
  readonly code: number;
  readonly addr: number;
}

export const roundUp = (n: number): number => Math.ceil(n / PAGE_SIZE) * PAGE_SIZE;
export const roundDown = (n: number): number => n - (n % PAGE_SIZE);

/**
 * The pages behind the mappings: page bytes, contents and bookkeeping kept in step. Arguments were
 * checked by the address space, which has the system calls' rules.
 */
export class MappedPages {
  readonly u8: Uint8Array;
  readonly taskSize: number;
  readonly limits: MemoryLimits;
  /** Bytes in mappings. */
  mapped = 0;
  /** See AddressSpace. */
  onCodeChange: (start: number, end: number) => void = () => {};
  onCodeStore: (start: number, end: number) => boolean = () => true;
  onFetch: () => void = () => {};
  readonly bulk: Bulk;
  readonly vmas: VmaList = new VmaList();
  readonly bytes: PageBytes;
  readonly files: FilePages;
  readonly shared: Sharers;
  readonly aliases: Aliases;
  readonly #memory: WebAssembly.Memory;
  #mmapBase = 0;

  constructor(memory: WebAssembly.Memory, u8: Uint8Array, taskSize: number, limits: MemoryLimits) {
    this.#memory = memory;
    this.u8 = u8;
    this.taskSize = taskSize;
    this.limits = limits;
    this.bulk = createBulk(memory);
    this.bytes = new PageBytes(memory, this.bulk);
    this.files = new FilePages(u8);
    this.shared = new Sharers(this);
    this.aliases = new Aliases(this);
    this.clear();
  }

  /** Nothing is mapped; pages used before are cleared when they are mapped again. */
  clear(): void {
    this.drop(0, this.taskSize);
    // As Linux: mappings go down from a gap that leaves the stack room to grow.
    const gap = Math.min(Math.max(this.limits.stack + STACK_GUARD, 0x800_0000), this.taskSize / 6);
    this.#mmapBase = roundDown(this.taskSize - gap);
  }

  /** Become a copy of another process's pages (fork(2)); nothing is mapped here yet. */
  copyFrom(from: MappedPages): void {
    this.#mmapBase = from.#mmapBase;
    this.mapped = from.mapped;
    // Shared file pages start clean on both sides.
    for (const vma of from.vmas.items) {
      if (from.aliases.has(vma)) from.aliases.level(vma);
      if (vma.shared && vma.source !== null) from.clean(vma);
    }
    const copier = this.copierOf(from);
    for (const vma of from.vmas.items) {
      const copied = { ...vma };
      this.vmas.items.push(copied);
      vma.source?.ref();
      this.bytes.copyMapping(from.bytes, vma.start, vma.end, copier);
      this.shared.join(copied);
      if (vma.shared) this.renew(copied);
    }
    for (const vma of this.vmas.items) this.aliases.update(vma);
  }

  readonly #copiers: WeakMap<MappedPages, Copier> = new WeakMap();

  /** Copies from the memory of `from`. Memories are used again, and so is this. */
  copierOf(from: MappedPages): Copier {
    let copier = this.#copiers.get(from);
    if (copier === undefined) {
      copier = createCopier(this.#memory, from.#memory, this.bulk.zeroPages);
      this.#copiers.set(from, copier);
    }
    return copier;
  }

  /** Write the stores to a shared file mapping back, and notice the next ones again. */
  clean(vma: Vma): void {
    this.files.writeBack(vma, vma.start, vma.end);
    this.files.drop(vma.start, vma.end);
    this.renew(vma);
  }

  /** Bring the page bytes of a mapping, or of a part of it, in step with it. */
  renew(vma: Vma, start: number = vma.start, end: number = vma.end): void {
    // those of pages that can be executed alone do not tell that they are absent
    if (isDeferrable(vma) && vma.prot === PROT_EXEC) this.fetchAll(vma, start, end);
    const others = this.shared.hasOthers(vma);
    const aliased = this.aliases.has(vma);
    const noticed = vma.shared && (others || aliased || vma.source !== null);
    const plain = (page: number): boolean =>
      (others ? this.shared.isFresh(page) : vma.source === null || this.files.isDirty(page)) &&
      (!aliased || this.aliases.isOwned(page));
    this.bytes.refresh(
      vma,
      start,
      end,
      noticed ? plain : null,
      aliased ? (page: number): boolean => this.aliases.isStale(page) : null,
    );
  }

  /** A store to a page that others see is about to happen: remember what must be told to whom. */
  noteStore(page: number, vma: Vma): void {
    if (vma.source !== null) this.files.markDirty(page);
    if (this.shared.hasOthers(vma)) this.shared.touch(page);
  }

  /** Pages of a shared mapping are about to be overwritten, whatever it allows: others will see it. */
  overwrite(vma: Vma, start: number, end: number): void {
    for (let from = start; from < end; from += PAGE_SIZE) {
      const page = from / PAGE_SIZE;
      if (this.aliases.has(vma)) this.aliases.settle(page, vma, 2, { from, end: from + PAGE_SIZE });
      this.noteStore(page, vma);
    }
  }

  /** Make the page of `addr` ready for an access of `range`, or say which signal Linux raises. */
  settle(addr: number, access: 1 | 2 | 4, range: Range): Fault | 0 {
    if (!(addr >= 0 && addr < this.taskSize)) return { signal: SIGSEGV, code: SEGV_MAPERR, addr };
    const page = Math.floor(addr / PAGE_SIZE);
    const byte = access === 1 ? this.bytes.read[page] : access === 2 ? this.bytes.write[page] : null;
    if (byte === PageByte.PLAIN) return 0;
    const start = page * PAGE_SIZE;
    const vma = this.vmas.find(start) ?? this.#growStack(start);
    if (vma === undefined) return { signal: SIGSEGV, code: SEGV_MAPERR, addr };
    const needs = access === 1 ? PROT_READ | PROT_WRITE : access === 2 ? PROT_WRITE : PROT_EXEC;
    if ((vma.prot & needs) === 0) return { signal: SIGSEGV, code: SEGV_ACCERR, addr };
    // The file may have grown since it was mapped.
    if (start >= vma.eof && !this.#extendFile(vma, start)) return { signal: SIGBUS, code: BUS_ADRERR, addr };
    if (this.bytes.isAbsent(start)) {
      return this.fetch(vma, start) ? 0 : { signal: SIGBUS, code: BUS_ADRERR, addr };
    }
    if (this.aliases.has(vma) && !this.aliases.settle(page, vma, access, range)) return 0;
    if (access !== 2) return 0;
    const stop = start + PAGE_SIZE;
    if (byte === PageByte.SHARED) {
      this.noteStore(page, vma);
      this.onCodeStore(start, stop);
    }
    if (byte !== PageByte.CODE || this.onCodeStore(addr, Math.min(range.end, stop))) this.bytes.setWritable(page);
    return 0;
  }

  /** Grow the stack above `page` down to it (Linux's expand_downwards). */
  #growStack(page: number): Vma | undefined {
    const i = this.vmas.indexAt(page);
    const vma = this.vmas.items[i];
    if (vma === undefined || !vma.growsDown || page < MIN_ADDR || vma.end - page > this.limits.stack) return undefined;
    const below = this.vmas.items[i - 1];
    if (below !== undefined && below.end + (below.growsDown ? 0 : STACK_GUARD) > page) return undefined;
    if (this.mapped + vma.start - page > this.limits.as) return undefined;
    this.mapped += vma.start - page;
    this.bytes.zero(page, vma.start);
    const grownTo = vma.start;
    vma.start = page;
    this.renew(vma, page, grownTo);
    return vma;
  }

  #extendFile(vma: Vma, page: number): boolean {
    if (vma.source === null) return true;
    const end = Math.min(vma.end, vma.start + roundUp(Math.max(vma.source.size() - vma.offset, 0)));
    if (end <= page) return false;
    const from = vma.eof;
    if (this.populate(vma, from, end) < 0) return false;
    this.renew(vma, from, end);
    return page < vma.eof;
  }

  /** Where a mapping without MAP_FIXED goes. */
  place(hint: number, length: number): number {
    const wanted = Math.max(roundDown(hint), MIN_ADDR);
    if (hint > 0 && wanted + length <= this.taskSize && !this.vmas.overlaps(wanted, wanted + length)) return wanted;
    const at = this.vmas.gapBelow(length, MIN_ADDR, this.#mmapBase);
    return at >= 0 ? at : this.vmas.gapBelow(length, MIN_ADDR, this.taskSize);
  }

  /** Where the last pages were fetched up to, and how many they were. */
  #fetchedTo = 0;
  #fetched = 0;

  /** Whether a page follows those that were read last, and how many to read: twice as many as before, if it does. */
  #reading(page: number): readonly [ahead: boolean, count: number] {
    const ahead = page === this.#fetchedTo;
    return [ahead, ahead ? this.#fetched * 2 : FETCHED];
  }

  /** Whether a page follows some that are ready, of any of a program's arrays, and how many to make ready: as many again. */
  #clearing(vma: Vma, page: number): readonly [ahead: boolean, count: number] {
    const ready = (page - this.bytes.presentFrom(vma.start, page)) / PAGE_SIZE;
    return [ready > 0, Math.min(Math.max(ready, CLEARED), MOST_CLEARED)];
  }

  /** Make the absent page at an address ready, and some around or behind it. False: its file has it no more, or cannot be read. */
  fetch(vma: Vma, page: number): boolean {
    const [ahead, count] = vma.source === null ? this.#clearing(vma, page) : this.#reading(page);
    let from = ahead ? page : Math.max(page - (page % (count * PAGE_SIZE)), vma.start);
    for (let to = from; to <= page; to = this.bytes.presenceEnd(from, page + PAGE_SIZE)) from = to;
    const end = this.bytes.presenceEnd(from, Math.min(from + count * PAGE_SIZE, vma.end));
    // nobody may run while bytes change
    if (vma.source !== null || this.bytes.isUsed(from, end)) this.onFetch();
    if (vma.source !== null) [this.#fetched, this.#fetchedTo] = [count, end];
    const next = this.#fill(vma, from, end);
    if (next <= page) return false;
    this.bytes.present(from, next);
    this.renew(vma, from, next);
    return true;
  }

  /** Give absent pages their contents, as far as their file has any; returns where that is. */
  #fill(vma: Vma, start: number, end: number): number {
    if (vma.source === null) {
      this.bytes.zero(start, end);
      return end;
    }
    const filled = Math.min(Math.max(this.files.load(vma, start, end), start), end);
    const next = roundUp(filled);
    this.u8.fill(0, filled, next);
    return next;
  }

  /** Make ready what is absent of [start, end). */
  fetchAll(vma: Vma, start: number, end: number): void {
    for (let at = start; at < end; at = this.bytes.presenceEnd(at, end)) {
      if (!this.bytes.isAbsent(at)) continue;
      const to = this.bytes.presenceEnd(at, end);
      const filled = this.#fill(vma, at, to);
      this.u8.fill(0, filled, to);
      this.bytes.present(at, to);
      this.bytes.markUsed(at, to);
    }
  }

  /** The file's bytes in [start, end) will be read when they are wanted; returns where they end, or -errno. */
  #defer(vma: Vma, start: number, end: number): number {
    const size = vma.source?.size() ?? 0;
    if (size < 0) return size;
    const filled = Math.min(Math.max(start, vma.start + size - vma.offset), end);
    this.bytes.setFile(start, roundUp(filled), true);
    return filled;
  }

  /** First contents of [start, end) of a mapping: zeroes or the file's bytes. 0 or -errno. */
  populate(vma: Vma, start: number, end: number): number {
    this.bytes.forget(start, end);
    if (vma.source === null) {
      // a stack is written by the loader, which asks nobody
      if (isDeferrable(vma) && !vma.growsDown && end - start >= LARGE) this.bytes.setFresh(start, end);
      else this.bytes.zero(start, end);
      return 0;
    }
    if (isDeferrable(vma) && end - start > FETCHED * PAGE_SIZE) {
      const filled = this.#defer(vma, start, end);
      return filled < 0 ? filled : this.#filled(vma, roundUp(filled), end);
    }
    const filled = this.files.load(vma, start, end);
    if (filled < 0) return filled;
    const next = roundUp(filled);
    this.u8.fill(0, filled, next);
    this.bytes.markUsed(start, next);
    if (isDeferrable(vma)) this.bytes.setFile(start, next, false);
    return this.#filled(vma, next, end);
  }

  /** The file reaches up to the page at `next`, as far as `end` at least if it is that. */
  #filled(vma: Vma, next: number, end: number): 0 {
    this.bytes.zero(next, end);
    if (next < end) vma.eof = next;
    else if (vma.eof <= end) vma.eof = next === vma.end ? Infinity : next;
    return 0;
  }

  /** Unmap whatever lies in [start, end). */
  drop(start: number, end: number): void {
    this.shared.publish();
    const pieces = this.vmas.carve(start, end);
    if (pieces.length === 0) return;
    for (const vma of pieces) if (this.aliases.has(vma)) this.aliases.level(vma);
    for (const vma of pieces) {
      // Write-back errors are lost here as they are on Linux; msync reports them.
      this.files.writeBack(vma, vma.start, vma.end);
      this.files.drop(vma.start, vma.end);
      this.mapped -= vma.end - vma.start;
    }
    this.vmas.remove(pieces);
    this.shared.leave(pieces);
    for (const vma of pieces) {
      this.bytes.unmap(vma.start, vma.end);
      this.aliases.forget(vma);
      this.aliases.update(vma);
      this.codeGone(vma, vma.start, vma.end);
      vma.source?.unref();
    }
  }

  codeGone(vma: Vma, start: number, end: number): void {
    if ((vma.prot & PROT_EXEC) !== 0) this.onCodeChange(start, end);
  }

  growInPlace(vma: Vma, end: number): boolean {
    const next = this.vmas.items[this.vmas.indexAt(vma.end)];
    const room = next === undefined ? this.taskSize : next.start - (next.growsDown ? STACK_GUARD : 0);
    if (end > room) return false;
    const from = vma.end;
    vma.end = end;
    if (vma.source !== null && vma.eof === Infinity) vma.eof = from;
    if (vma.eof >= from && this.populate(vma, from, end) < 0) {
      vma.end = from;
      return false;
    }
    this.aliases.adopt(vma, from, end);
    this.aliases.update(vma);
    this.mapped += end - from;
    this.renew(vma, from, end);
    this.vmas.merge(vma.start, end);
    return true;
  }

  move(from: number, oldLength: number, to: number, newLength: number, keep: boolean): number {
    const length = Math.min(oldLength, newLength);
    if (length < oldLength) this.drop(from + length, from + oldLength);
    const [vma] = this.vmas.carve(from, from + length);
    if (vma === undefined) return -EFAULT;
    const moved: Vma = {
      ...vma,
      start: to,
      end: to + length,
      eof: vma.eof === Infinity ? Infinity : vma.eof + to - from,
    };
    vma.source?.ref();
    // nobody may store to the old place any more
    this.bytes.onPlainLoss(from, from + length);
    if (isDeferrable(vma) && vma.source !== null) this.fetchAll(vma, from, from + length);
    this.#copyContents(from, length, to);
    this.files.move(from, from + length, to - from);
    if (keep) {
      this.codeGone(vma, from, from + length);
      this.bytes.zero(from, from + length);
      this.renew(vma, from, from + length);
    } else this.drop(from, from + length);
    this.vmas.insert(moved);
    this.shared.join(moved);
    this.aliases.update(moved);
    this.mapped += length;
    this.renew(moved, to, to + length);
    if (newLength > length) this.growInPlace(moved, to + newLength);
    else this.vmas.merge(to, to + length);
    return to;
  }

  /** Copy pages to where nothing is mapped: what is fresh stays so. */
  #copyContents(from: number, length: number, to: number): void {
    const end = from + length;
    for (let at = from; at < end; ) {
      const next = this.bytes.presenceEnd(at, end);
      const [start, stop] = [at + to - from, next + to - from];
      if (this.bytes.isAbsent(at)) this.bytes.setFresh(start, stop);
      else {
        this.bulk.copy(GUEST_BASE + start, GUEST_BASE + at, next - at);
        this.bytes.markUsed(start, stop);
      }
      at = next;
    }
  }

  sharedOf(dev: number, ino: number): Vma[] {
    return this.vmas.items.filter((v) => v.shared && v.source !== null && v.source.dev === dev && v.source.ino === ino);
  }

  accessible(addr: number, length: number, bytes: Uint8Array, access: 1 | 2): boolean {
    if (length === 0) return true;
    const end = addr + length;
    if (!(addr >= 0 && length > 0 && end <= this.taskSize)) return false;
    const last = Math.floor((end - 1) / PAGE_SIZE);
    const range = { from: addr, end };
    for (let page = Math.floor(addr / PAGE_SIZE); page <= last; page++) {
      if (bytes[page] !== PageByte.PLAIN && this.settle(Math.max(addr, page * PAGE_SIZE), access, range) !== 0)
        return false;
    }
    return true;
  }
}
