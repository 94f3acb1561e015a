import { type Bulk, createBulk } from './bulk.ts';
import { FilePages } from './file-pages.ts';
import { GUEST_BASE, GUEST_TOP, PAGE_SIZE, PageByte } from './layout.ts';
import { PageBytes } from './page-bytes.ts';
import type { AddressSpace, Mapping, MapRequest } from './types.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from './types.ts';
import { STACK_GUARD, type Vma, VmaList } from './vma.ts';

const EPERM = 1;
const ENOMEM = 12;
const EFAULT = 14;
const EEXIST = 17;
const EINVAL = 22;

const SIGBUS = 7;
const SIGSEGV = 11;
const SEGV_MAPERR = 1;
const SEGV_ACCERR = 2;
const BUS_ADRERR = 2;

/** Lowest address a program may map (vm.mmap_min_addr). */
const MIN_ADDR = 0x1_0000;
const PROT_GROWSDOWN = 0x0100_0000;
const PROT_GROWSUP = 0x0200_0000;
/** PROT_READ … PROT_SEM, and arm64's PROT_BTI, which we accept and ignore. */
const PROT_KNOWN = 0x1f;
const MREMAP_MAYMOVE = 1;
const MREMAP_FIXED = 2;
const MREMAP_DONTUNMAP = 4;
const MADV_DONTNEED = 4;
const MADV_FREE = 8;
const MADV_REMOVE = 9;
const MADV_DONTNEED_LOCKED = 24;
const MADV_LAST = 25;
/** MAX_ARG_STRLEN, the longest string the kernel takes anywhere. */
const MAX_STRING = 0x2_0000;

/** Resource limits the address space obeys; read at each use, so setrlimit may change them. */
export interface MemoryLimits {
  /** RLIMIT_STACK: how far a MAP_GROWSDOWN mapping grows. */
  stack: number;
  /** RLIMIT_DATA: heap size. */
  data: number;
  /** RLIMIT_AS: all mappings together. */
  as: number;
}

export interface AddressSpaceOptions {
  /** First address a program cannot use; at most GUEST_TOP. */
  taskSize?: number;
  limits?: MemoryLimits;
}

/** An address space with the parts that only the kernel and the loader use. */
export interface GuestAddressSpace extends AddressSpace {
  readonly taskSize: number;
  readonly limits: MemoryLimits;
  /** Bytes mapped, for RLIMIT_AS and /proc/self/statm. */
  readonly mapped: number;
  /** mincore (man 2): one byte per page, or -errno. */
  mincore(addr: number, length: number): Uint8Array | number;
  /** Write stores to shared mappings of this file back, before someone reads it. */
  syncFile(dev: number, ino: number): void;
  /** The file was written or resized by a system call: re-read the pages of its shared mappings. */
  refreshFile(dev: number, ino: number): void;
  /** Write everything back and release all files: exit and exec. */
  release(): void;
}

type Fault = { signal: number; code: number; addr: number };

const roundUp = (n: number): number => Math.ceil(n / PAGE_SIZE) * PAGE_SIZE;
const roundDown = (n: number): number => n - (n % PAGE_SIZE);
const aligned = (n: number): boolean => n % PAGE_SIZE === 0;

class Space implements GuestAddressSpace {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly view: DataView;
  readonly host: DataView;
  readonly taskSize: number;
  readonly limits: MemoryLimits;
  mapped = 0;
  onCodeChange: (start: number, end: number) => void = () => {};
  get onPlainLoss(): () => void {
    return this.#bytes.onPlainLoss;
  }
  set onPlainLoss(f: () => void) {
    this.#bytes.onPlainLoss = f;
  }
  readonly #bulk: Bulk;
  readonly #vmas: VmaList = new VmaList();
  readonly #bytes: PageBytes;
  readonly #files: FilePages;
  readonly #mmapBase: number;
  #brkStart = 0;
  #brk = 0;

  constructor(options: AddressSpaceOptions) {
    this.memory = new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true });
    this.u8 = new Uint8Array(this.memory.buffer, GUEST_BASE);
    this.view = new DataView(this.memory.buffer, GUEST_BASE);
    this.host = new DataView(this.memory.buffer);
    this.taskSize = Math.min(options.taskSize ?? GUEST_TOP, GUEST_TOP);
    this.limits = options.limits ?? { stack: 0x80_0000, data: Infinity, as: Infinity };
    this.#bulk = createBulk(this.memory);
    this.#bytes = new PageBytes(this.memory, this.#bulk);
    this.#files = new FilePages(this.u8);
    // As Linux: mappings go down from a gap that leaves the stack room to grow.
    const gap = Math.min(Math.max(this.limits.stack + STACK_GUARD, 0x800_0000), this.taskSize / 6);
    this.#mmapBase = roundDown(this.taskSize - gap);
  }

  map(request: MapRequest): number {
    const { addr, prot, source = null, offset = 0 } = request;
    const fixed = request.fixed === true || request.noReplace === true;
    if (!(request.length > 0) || !aligned(offset) || offset < 0) return -EINVAL;
    const length = roundUp(request.length);
    if (length > this.taskSize) return -ENOMEM;
    if (fixed) {
      if (!aligned(addr)) return -EINVAL;
      if (addr + length > this.taskSize) return -ENOMEM;
      if (addr < MIN_ADDR) return -EPERM;
      if (request.noReplace && this.#vmas.overlaps(addr, addr + length)) return -EEXIST;
    }
    if (this.mapped + length > this.limits.as) return -ENOMEM;
    const start = fixed ? addr : this.#place(addr, length);
    if (start < 0) return -ENOMEM;
    const end = start + length;
    // Held from here on: the old mapping dropped below may be the last one of the same file.
    source?.ref();
    if (fixed && !request.noReplace) this.#drop(start, end);
    const vma: Vma = {
      start,
      end,
      prot: prot & 7,
      shared: request.shared === true,
      growsDown: request.growsDown === true,
      source,
      offset,
      name: request.name ?? source?.name ?? '',
      eof: source === null ? Infinity : start,
    };
    this.#vmas.insert(vma);
    this.mapped += length;
    const status = this.#populate(vma, start, end);
    if (status < 0) {
      this.#drop(start, end);
      return status;
    }
    this.#bytes.refresh(vma, start, end, this.#files);
    this.#vmas.merge(start, end);
    return start;
  }

  unmap(addr: number, length: number): number {
    if (!aligned(addr) || !(length > 0) || addr + roundUp(length) > this.taskSize) return -EINVAL;
    this.#drop(addr, addr + roundUp(length));
    return 0;
  }

  protect(addr: number, length: number, prot: number): number {
    const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    if (!aligned(addr) || length < 0 || (prot & ~(PROT_KNOWN | grows)) !== 0) return -EINVAL;
    if (length === 0) return 0;
    const end = addr + roundUp(length);
    if (end > this.taskSize) return -ENOMEM;
    let start = addr;
    if (grows !== 0) {
      const vma = this.#vmas.find(addr);
      if (vma === undefined) return -ENOMEM;
      if (grows !== PROT_GROWSDOWN || !vma.growsDown) return -EINVAL;
      start = vma.start;
    }
    let at = start;
    for (const vma of this.#vmas.carve(start, end)) {
      if (vma.start > at) break;
      at = vma.end;
      if (vma.prot === (prot & 7)) continue;
      this.#codeGone(vma, vma.start, vma.end);
      vma.prot = prot & 7;
      this.#bytes.refresh(vma, vma.start, vma.end, this.#files);
    }
    this.#vmas.merge(start, end);
    return at < end ? -ENOMEM : 0;
  }

  remap(addr: number, oldSize: number, newSize: number, flags: number, newAddr: number): number {
    const known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    const mayMove = (flags & MREMAP_MAYMOVE) !== 0;
    const fixed = (flags & MREMAP_FIXED) !== 0;
    const keep = (flags & MREMAP_DONTUNMAP) !== 0;
    if ((flags & ~known) !== 0 || (!mayMove && (fixed || keep)) || !aligned(addr)) return -EINVAL;
    const oldLength = roundUp(oldSize);
    const newLength = roundUp(newSize);
    if (newLength === 0 || newLength > this.taskSize || (keep && oldLength !== newLength)) return -EINVAL;
    // Old size 0 asks for a second view of a shared mapping: nothing can alias in one wasm memory.
    if (oldLength === 0) return -EINVAL;
    if (fixed) {
      if (!aligned(newAddr) || newAddr + newLength > this.taskSize) return -EINVAL;
      if (newAddr < addr + oldLength && addr < newAddr + newLength) return -EINVAL;
      if (newAddr < MIN_ADDR) return -EPERM;
    }
    const found = this.#vmas.find(addr);
    if (found === undefined) return -EFAULT;
    if (!fixed && !keep && newLength <= oldLength) {
      if (newLength < oldLength) this.unmap(addr + newLength, oldLength - newLength);
      return addr;
    }
    if (found.end < addr + oldLength) return -EFAULT;
    if (keep && (found.shared || found.source !== null)) return -EINVAL;
    const grow = Math.max(newLength - oldLength, 0);
    if (this.mapped + grow + (keep ? oldLength : 0) > this.limits.as) return -ENOMEM;
    if (!fixed && !keep && found.end === addr + oldLength && this.#growInPlace(found, addr + newLength)) return addr;
    if (!mayMove) return -ENOMEM;
    if (fixed) this.#drop(newAddr, newAddr + newLength);
    const to = fixed ? newAddr : this.#place(keep ? newAddr : 0, newLength);
    if (to < 0) return -ENOMEM;
    return this.#move(addr, oldLength, to, newLength, keep);
  }

  setBrkStart(addr: number): void {
    this.#brkStart = addr;
    this.#brk = addr;
  }

  brk(addr: number): number {
    if (addr < this.#brkStart || addr > this.taskSize) return this.#brk;
    const oldEnd = roundUp(this.#brk);
    const newEnd = roundUp(addr);
    if (newEnd > oldEnd) {
      const next = this.#vmas.items[this.#vmas.indexAt(oldEnd)];
      const room = next === undefined ? this.taskSize : next.start - (next.growsDown ? STACK_GUARD : 0);
      if (newEnd > room || addr - this.#brkStart > this.limits.data) return this.#brk;
      const prot = PROT_READ | PROT_WRITE;
      if (this.map({ addr: oldEnd, length: newEnd - oldEnd, prot, noReplace: true, name: '[heap]' }) < 0) {
        return this.#brk;
      }
    } else if (newEnd < oldEnd) this.#drop(newEnd, oldEnd);
    this.#brk = addr;
    return addr;
  }

  sync(addr: number, length: number): number {
    if (!aligned(addr) || length < 0) return -EINVAL;
    const end = Math.min(addr + roundUp(length), this.taskSize);
    let status = 0;
    for (const vma of this.#vmas.touching(addr, end)) {
      const error = this.#files.writeBack(vma, Math.max(vma.start, addr), Math.min(vma.end, end));
      status ||= error;
    }
    return status !== 0 ? status : this.#vmas.covered(addr, end) ? 0 : -ENOMEM;
  }

  madvise(addr: number, length: number, advice: number): number {
    if (!aligned(addr) || length < 0 || advice < 0 || (advice > 4 && advice < MADV_FREE) || advice > MADV_LAST) {
      return -EINVAL;
    }
    const end = addr + roundUp(length);
    if (end > this.taskSize) return -ENOMEM;
    for (const vma of this.#vmas.touching(addr, end)) {
      const from = Math.max(vma.start, addr);
      const to = Math.min(vma.end, end);
      if (advice === MADV_FREE && (vma.shared || vma.source !== null)) return -EINVAL;
      if (advice === MADV_REMOVE && (!vma.shared || vma.source !== null)) return -EINVAL;
      const discards = (advice === MADV_DONTNEED || advice === MADV_DONTNEED_LOCKED) && !vma.shared;
      if (!discards && advice !== MADV_REMOVE) continue;
      this.#codeGone(vma, from, to);
      const status = this.#populate(vma, from, to);
      if (status < 0) return status;
      this.#bytes.refresh(vma, from, to, this.#files);
    }
    return this.#vmas.covered(addr, end) ? 0 : -ENOMEM;
  }

  mincore(addr: number, length: number): Uint8Array | number {
    if (!aligned(addr)) return -EINVAL;
    const end = addr + roundUp(length);
    if (end > this.taskSize || !this.#vmas.covered(addr, end)) return -ENOMEM;
    return new Uint8Array((end - addr) / PAGE_SIZE).fill(1);
  }

  syncFile(dev: number, ino: number): void {
    for (const vma of this.#sharedOf(dev, ino)) this.#files.writeBack(vma, vma.start, vma.end);
  }

  refreshFile(dev: number, ino: number): void {
    for (const vma of this.#sharedOf(dev, ino)) {
      this.#files.writeBack(vma, vma.start, vma.end);
      this.#files.drop(vma.start, vma.end);
      this.#codeGone(vma, vma.start, vma.end);
      this.#populate(vma, vma.start, vma.end);
      this.#bytes.refresh(vma, vma.start, vma.end, this.#files);
    }
  }

  release(): void {
    this.#drop(0, this.taskSize);
  }

  mappings(): Mapping[] {
    return this.#vmas.items.map((vma) => ({ ...vma }));
  }

  findMapping(addr: number): Mapping | null {
    const vma = this.#vmas.find(addr);
    return vma === undefined ? null : { ...vma };
  }

  readable(addr: number, length: number): boolean {
    return this.#accessible(addr, length, this.#bytes.read, 1);
  }

  writable(addr: number, length: number): boolean {
    return this.#accessible(addr, length, this.#bytes.write, 2);
  }

  readRange(addr: number, length: number): Uint8Array | null {
    return this.readable(addr, length) ? this.u8.subarray(addr, addr + length) : null;
  }

  writeRange(addr: number, length: number): Uint8Array | null {
    return this.writable(addr, length) ? this.u8.subarray(addr, addr + length) : null;
  }

  cstring(addr: number, max: number = MAX_STRING): Uint8Array | null {
    const limit = addr + max + 1;
    let at = addr;
    while (at < limit) {
      if (!this.readable(at, 1)) return null;
      const stop = Math.min(roundDown(at) + PAGE_SIZE, limit);
      const nul = this.u8.subarray(at, stop).indexOf(0);
      if (nul >= 0) return this.u8.slice(addr, at + nul);
      at = stop;
    }
    return null;
  }

  resolveFault(addr: number, size: number, access: 1 | 2 | 4): Fault | 0 {
    const end = addr + Math.max(size, 1);
    for (let at = addr; at < end; at = roundDown(at) + PAGE_SIZE) {
      const fault = this.#settle(at, access);
      if (fault !== 0) return fault;
    }
    return 0;
  }

  executable(addr: number): boolean {
    const vma = this.#vmas.find(addr);
    return vma !== undefined && (vma.prot & PROT_EXEC) !== 0 && addr < vma.eof;
  }

  /** Make one page ready for an access, or say which signal Linux raises. */
  #settle(addr: number, access: 1 | 2 | 4): Fault | 0 {
    if (!(addr >= 0 && addr < this.taskSize)) return { signal: SIGSEGV, code: SEGV_MAPERR, addr };
    const page = Math.floor(addr / PAGE_SIZE);
    if ((access === 1 && this.#bytes.read[page] === 0) || (access === 2 && this.#bytes.write[page] === 0)) return 0;
    const start = page * PAGE_SIZE;
    const vma = this.#vmas.find(start) ?? this.#growStack(start);
    if (vma === undefined) return { signal: SIGSEGV, code: SEGV_MAPERR, addr };
    const needs = access === 1 ? PROT_READ | PROT_WRITE : access === 2 ? PROT_WRITE : PROT_EXEC;
    if ((vma.prot & needs) === 0) return { signal: SIGSEGV, code: SEGV_ACCERR, addr };
    // The file may have grown since it was mapped.
    if (start >= vma.eof && !this.#extendFile(vma, start)) return { signal: SIGBUS, code: BUS_ADRERR, addr };
    if (access !== 2) return 0;
    const byte = this.#bytes.write[page];
    if (byte === PageByte.SHARED) this.#files.markDirty(page);
    if (byte === PageByte.CODE) this.onCodeChange(start, start + PAGE_SIZE);
    this.#bytes.write[page] = PageByte.PLAIN;
    return 0;
  }

  /** Grow the stack above `page` down to it (Linux's expand_downwards). */
  #growStack(page: number): Vma | undefined {
    const i = this.#vmas.indexAt(page);
    const vma = this.#vmas.items[i];
    if (vma === undefined || !vma.growsDown || page < MIN_ADDR || vma.end - page > this.limits.stack) return undefined;
    const below = this.#vmas.items[i - 1];
    if (below !== undefined && below.end + (below.growsDown ? 0 : STACK_GUARD) > page) return undefined;
    if (this.mapped + vma.start - page > this.limits.as) return undefined;
    this.mapped += vma.start - page;
    this.#bytes.zero(page, vma.start);
    const grownTo = vma.start;
    vma.start = page;
    this.#bytes.refresh(vma, page, grownTo, this.#files);
    return vma;
  }

  #extendFile(vma: Vma, page: number): boolean {
    if (vma.source === null) return true;
    const end = Math.min(vma.end, vma.start + roundUp(Math.max(vma.source.size() - vma.offset, 0)));
    if (end <= page) return false;
    const from = vma.eof;
    if (this.#populate(vma, from, end) < 0) return false;
    this.#bytes.refresh(vma, from, end, this.#files);
    return page < vma.eof;
  }

  /** Where a mapping without MAP_FIXED goes. */
  #place(hint: number, length: number): number {
    const wanted = Math.max(roundDown(hint), MIN_ADDR);
    if (hint > 0 && wanted + length <= this.taskSize && !this.#vmas.overlaps(wanted, wanted + length)) return wanted;
    const at = this.#vmas.gapBelow(length, MIN_ADDR, this.#mmapBase);
    return at >= 0 ? at : this.#vmas.gapBelow(length, MIN_ADDR, this.taskSize);
  }

  /** First contents of [start, end) of a mapping: zeroes or the file's bytes. 0 or -errno. */
  #populate(vma: Vma, start: number, end: number): number {
    if (vma.source === null) {
      this.#bytes.zero(start, end);
      return 0;
    }
    const filled = this.#files.load(vma, start, end);
    if (filled < 0) return filled;
    const next = roundUp(filled);
    this.u8.fill(0, filled, next);
    this.#bytes.zero(next, end);
    this.#bytes.markUsed(start, next);
    if (next < end) vma.eof = next;
    else if (vma.eof <= end) vma.eof = next === vma.end ? Infinity : next;
    return 0;
  }

  /** Unmap whatever lies in [start, end). */
  #drop(start: number, end: number): void {
    const pieces = this.#vmas.carve(start, end);
    if (pieces.length === 0) return;
    for (const vma of pieces) {
      // Write-back errors are lost here as they are on Linux; msync reports them.
      this.#files.writeBack(vma, vma.start, vma.end);
      this.#files.drop(vma.start, vma.end);
      this.mapped -= vma.end - vma.start;
    }
    this.#vmas.remove(pieces);
    for (const vma of pieces) {
      this.#bytes.unmap(vma.start, vma.end);
      this.#codeGone(vma, vma.start, vma.end);
      vma.source?.unref();
    }
  }

  #codeGone(vma: Vma, start: number, end: number): void {
    if ((vma.prot & PROT_EXEC) !== 0) this.onCodeChange(start, end);
  }

  #growInPlace(vma: Vma, end: number): boolean {
    const next = this.#vmas.items[this.#vmas.indexAt(vma.end)];
    const room = next === undefined ? this.taskSize : next.start - (next.growsDown ? STACK_GUARD : 0);
    if (end > room) return false;
    const from = vma.end;
    vma.end = end;
    if (vma.source !== null && vma.eof === Infinity) vma.eof = from;
    if (vma.eof >= from && this.#populate(vma, from, end) < 0) {
      vma.end = from;
      return false;
    }
    this.mapped += end - from;
    this.#bytes.refresh(vma, from, end, this.#files);
    this.#vmas.merge(vma.start, end);
    return true;
  }

  #move(from: number, oldLength: number, to: number, newLength: number, keep: boolean): number {
    const length = Math.min(oldLength, newLength);
    if (length < oldLength) this.#drop(from + length, from + oldLength);
    const [vma] = this.#vmas.carve(from, from + length);
    if (vma === undefined) return -EFAULT;
    const moved: Vma = {
      ...vma,
      start: to,
      end: to + length,
      eof: vma.eof === Infinity ? Infinity : vma.eof + to - from,
    };
    vma.source?.ref();
    this.#bulk.copy(GUEST_BASE + to, GUEST_BASE + from, length);
    this.#bytes.markUsed(to, to + length);
    this.#files.move(from, from + length, to - from);
    if (keep) {
      this.#codeGone(vma, from, from + length);
      this.#bytes.zero(from, from + length);
      this.#bytes.refresh(vma, from, from + length, this.#files);
    } else this.#drop(from, from + length);
    this.#vmas.insert(moved);
    this.mapped += length;
    this.#bytes.refresh(moved, to, to + length, this.#files);
    if (newLength > length) this.#growInPlace(moved, to + newLength);
    else this.#vmas.merge(to, to + length);
    return to;
  }

  #sharedOf(dev: number, ino: number): Vma[] {
    return this.#vmas.items.filter(
      (v) => v.shared && v.source !== null && v.source.dev === dev && v.source.ino === ino,
    );
  }

  #accessible(addr: number, length: number, bytes: Uint8Array, access: 1 | 2): boolean {
    if (length === 0) return true;
    const end = addr + length;
    if (!(addr >= 0 && length > 0 && end <= this.taskSize)) return false;
    const last = Math.floor((end - 1) / PAGE_SIZE);
    for (let page = Math.floor(addr / PAGE_SIZE); page <= last; page++) {
      if (bytes[page] !== 0 && this.#settle(page * PAGE_SIZE, access) !== 0) return false;
    }
    return true;
  }
}

/** A new, empty guest address space. */
export function createAddressSpace(options: AddressSpaceOptions = {}): GuestAddressSpace {
  return new Space(options);
}
