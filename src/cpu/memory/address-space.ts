import { GUEST_BASE, GUEST_TOP, PAGE_SIZE } from './layout.ts';
import { type Fault, MappedPages, type MemoryLimits, MIN_ADDR, roundDown, roundUp } from './mapped-pages.ts';
import type { AddressSpace, Mapping, MapRequest } from './types.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from './types.ts';
import { STACK_GUARD, type Vma } from './vma.ts';

const EPERM = 1;
const ENOMEM = 12;
const EFAULT = 14;
const EEXIST = 17;
const EACCES = 13;
const EINVAL = 22;
const EOPNOTSUPP = 95;

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

export type { MemoryLimits };

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
  /** The file was written at these offsets by a system call, or resized: re-read the pages of its shared mappings. */
  refreshFile(dev: number, ino: number, from?: number, to?: number): void;
  /** Write everything back and release all files: exit and exec. */
  release(): void;
  /** Show what was stored to shared mappings to the other processes: the process's turn is over. */
  publish(): void;
  /** Whether another process sees stores to this memory, or the other way round: then only one of them may run. */
  sharesStores(): boolean;
  /** Empty a released space, so that another process can use it. */
  reset(): void;
  /** Bytes that reset would have to clear: what the memory costs while nobody uses it. */
  readonly touched: number;
  /** How many bytes of a range of whole pages were ever used. */
  usedBytes(start: number, end: number): number;
  /** Become a copy of another, this one being empty: fork. */
  copyFrom(other: GuestAddressSpace): void;
  /** Whether [start, end) can be executed, and holds what the file with this stamp has from an offset on. */
  holdsFile(start: number, end: number, offset: number, stamp: ArrayLike<number>): boolean;
  /** Set bytes of what the processor keeps below the guest: wasm offsets. */
  fillOwn(start: number, length: number, value: number): void;
  /** Copy what the processor keeps below the guest: wasm offsets [start, end) of another memory. */
  copyOwn(other: GuestAddressSpace, start: number, end: number): void;
}

/** See Vma.share. */
let nextShare = 1;

const aligned = (n: number): boolean => n % PAGE_SIZE === 0;

class Space implements GuestAddressSpace {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly view: DataView;
  readonly words: Int32Array;
  readonly host: DataView;
  readonly taskSize: number;
  readonly limits: MemoryLimits;
  get mapped(): number {
    return this.#pages.mapped;
  }
  get onCodeChange(): (start: number, end: number) => void {
    return this.#pages.onCodeChange;
  }
  set onCodeChange(f: (start: number, end: number) => void) {
    this.#pages.onCodeChange = f;
  }
  get onCodeStore(): AddressSpace['onCodeStore'] {
    return this.#pages.onCodeStore;
  }
  set onCodeStore(f: AddressSpace['onCodeStore']) {
    this.#pages.onCodeStore = f;
  }
  get onFetch(): () => void {
    return this.#pages.onFetch;
  }
  set onFetch(f: () => void) {
    this.#pages.onFetch = f;
  }
  get onPlainLoss(): AddressSpace['onPlainLoss'] {
    return this.#pages.bytes.onPlainLoss;
  }
  set onPlainLoss(f: AddressSpace['onPlainLoss']) {
    this.#pages.bytes.onPlainLoss = f;
  }
  readonly #pages: MappedPages;
  /** The guest's bytes once more, for strings: a Buffer for each of them would cost more than the string. */
  readonly #text: Buffer;
  #brkStart = 0;
  #brk = 0;

  constructor(options: AddressSpaceOptions) {
    this.memory = new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true });
    this.u8 = new Uint8Array(this.memory.buffer, GUEST_BASE);
    this.#text = Buffer.from(this.memory.buffer, GUEST_BASE);
    this.view = new DataView(this.memory.buffer, GUEST_BASE);
    this.words = new Int32Array(this.memory.buffer, GUEST_BASE);
    this.host = new DataView(this.memory.buffer);
    this.taskSize = Math.min(options.taskSize ?? GUEST_TOP, GUEST_TOP);
    this.limits = options.limits ?? { stack: 0x80_0000, data: Infinity, as: Infinity };
    this.#pages = new MappedPages(this.memory, this.u8, this.taskSize, this.limits);
  }

  map(request: MapRequest): number {
    const { addr, source = null, offset = 0 } = request;
    const fixed = request.fixed === true || request.noReplace === true;
    if (!(request.length > 0) || !aligned(offset) || offset < 0) return -EINVAL;
    const length = roundUp(request.length);
    if (length > this.taskSize) return -ENOMEM;
    if (fixed) {
      if (!aligned(addr)) return -EINVAL;
      if (addr + length > this.taskSize) return -ENOMEM;
      if (addr < MIN_ADDR) return -EPERM;
      if (request.noReplace && this.#pages.vmas.overlaps(addr, addr + length)) return -EEXIST;
    }
    if (this.mapped + length > this.limits.as) return -ENOMEM;
    const start = fixed ? addr : this.#pages.place(addr, length);
    if (start < 0) return -ENOMEM;
    const end = start + length;
    // Held from here on: the old mapping dropped below may be the last one of the same file.
    source?.ref();
    if (fixed && !request.noReplace) this.#pages.drop(start, end);
    return this.#insert(request, start, length, request.shared === true && source === null ? nextShare++ : 0);
  }

  /** Map at a free place; `share` names anonymous shared memory. */
  #insert(request: MapRequest, start: number, length: number, share: number): number {
    const { source = null, offset = 0 } = request;
    const end = start + length;
    const vma: Vma = {
      start,
      end,
      prot: request.prot & 7,
      shared: request.shared === true,
      mayWrite: request.mayWrite !== false,
      growsDown: request.growsDown === true,
      source,
      share,
      offset,
      name: request.name ?? source?.name ?? '',
      eof: source === null ? Infinity : start,
    };
    this.#pages.aliases.level(vma);
    this.#pages.vmas.insert(vma);
    this.#pages.shared.join(vma);
    this.#pages.mapped += length;
    const status = this.#pages.populate(vma, start, end);
    if (status < 0) {
      this.#pages.drop(start, end);
      return status;
    }
    this.#pages.aliases.adopt(vma, start, end);
    this.#pages.aliases.update(vma);
    this.#pages.renew(vma, start, end);
    this.#pages.vmas.merge(start, end);
    return start;
  }

  unmap(addr: number, length: number): number {
    if (!aligned(addr) || !(length > 0) || addr + roundUp(length) > this.taskSize) return -EINVAL;
    this.#pages.drop(addr, addr + roundUp(length));
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
      const vma = this.#pages.vmas.find(addr);
      if (vma === undefined) return -ENOMEM;
      if (grows !== PROT_GROWSDOWN || !vma.growsDown) return -EINVAL;
      start = vma.start;
    }
    let at = start;
    for (const vma of this.#pages.vmas.carve(start, end)) {
      if (vma.start > at) break;
      if ((prot & PROT_WRITE) !== 0 && !vma.mayWrite) return -EACCES;
      at = vma.end;
      if (vma.prot === (prot & 7)) continue;
      this.#pages.codeGone(vma, vma.start, vma.end);
      vma.prot = prot & 7;
      this.#pages.renew(vma, vma.start, vma.end);
    }
    this.#pages.vmas.merge(start, end);
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
    if (fixed) {
      if (!aligned(newAddr) || newAddr + newLength > this.taskSize) return -EINVAL;
      if (newAddr < addr + oldLength && addr < newAddr + newLength) return -EINVAL;
      if (newAddr < MIN_ADDR) return -EPERM;
    }
    const found = this.#pages.vmas.find(addr);
    if (found === undefined) return -EFAULT;
    if (oldLength === 0)
      return found.shared && mayMove ? this.#double(found, addr, newLength, fixed, newAddr) : -EINVAL;
    this.#pages.aliases.level(found);
    if (!fixed && !keep && newLength <= oldLength) {
      if (newLength < oldLength) this.unmap(addr + newLength, oldLength - newLength);
      return addr;
    }
    if (found.end < addr + oldLength) return -EFAULT;
    if (keep && (found.shared || found.source !== null)) return -EINVAL;
    const grow = Math.max(newLength - oldLength, 0);
    if (this.mapped + grow + (keep ? oldLength : 0) > this.limits.as) return -ENOMEM;
    if (!fixed && !keep && found.end === addr + oldLength && this.#pages.growInPlace(found, addr + newLength))
      return addr;
    if (!mayMove) return -ENOMEM;
    if (fixed) this.#pages.drop(newAddr, newAddr + newLength);
    const to = fixed ? newAddr : this.#pages.place(keep ? newAddr : 0, newLength);
    if (to < 0) return -ENOMEM;
    return this.#pages.move(addr, oldLength, to, newLength, keep);
  }

  /** A second place for a shared mapping from `addr` on: mremap with an old size of 0. */
  #double(vma: Vma, addr: number, length: number, fixed: boolean, newAddr: number): number {
    if (this.mapped + length > this.limits.as) return -ENOMEM;
    const start = fixed ? newAddr : this.#pages.place(0, length);
    if (start < 0) return -ENOMEM;
    vma.source?.ref();
    if (fixed) this.#pages.drop(start, start + length);
    const { prot, source, name } = vma;
    const offset = vma.offset + addr - vma.start;
    const request = { addr: start, length, prot, shared: true, offset, name };
    return this.#insert(source === null ? request : { ...request, source }, start, length, vma.share);
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
      const next = this.#pages.vmas.items[this.#pages.vmas.indexAt(oldEnd)];
      const room = next === undefined ? this.taskSize : next.start - (next.growsDown ? STACK_GUARD : 0);
      if (newEnd > room || addr - this.#brkStart > this.limits.data) return this.#brk;
      const prot = PROT_READ | PROT_WRITE;
      if (this.map({ addr: oldEnd, length: newEnd - oldEnd, prot, noReplace: true, name: '[heap]' }) < 0) {
        return this.#brk;
      }
    } else if (newEnd < oldEnd) this.#pages.drop(newEnd, oldEnd);
    this.#brk = addr;
    return addr;
  }

  sync(addr: number, length: number): number {
    if (!aligned(addr) || length < 0) return -EINVAL;
    const end = Math.min(addr + roundUp(length), this.taskSize);
    let status = 0;
    this.#pages.aliases.mend();
    for (const vma of this.#pages.vmas.touching(addr, end)) {
      // what another place of the mapping stored is written as well
      const twice = this.#pages.aliases.has(vma);
      for (const place of twice && vma.source !== null ? this.#pages.sharedOf(vma.source.dev, vma.source.ino) : [vma]) {
        const [from, to] = twice ? [place.start, place.end] : [Math.max(vma.start, addr), Math.min(vma.end, end)];
        status ||= this.#pages.files.writeBack(place, from, to);
      }
    }
    return status !== 0 ? status : this.#pages.vmas.covered(addr, end) ? 0 : -ENOMEM;
  }

  madvise(addr: number, length: number, advice: number): number {
    if (!aligned(addr) || length < 0 || advice < 0 || (advice > 4 && advice < MADV_FREE) || advice > MADV_LAST) {
      return -EINVAL;
    }
    const end = addr + roundUp(length);
    if (end > this.taskSize) return -ENOMEM;
    for (const vma of this.#pages.vmas.touching(addr, end)) {
      const from = Math.max(vma.start, addr);
      const to = Math.min(vma.end, end);
      if (advice === MADV_FREE && (vma.shared || vma.source !== null)) return -EINVAL;
      if (advice === MADV_REMOVE && vma.source === null && !vma.shared) return -EINVAL;
      if (advice === MADV_REMOVE && !(vma.shared && vma.mayWrite)) return -EACCES;
      // files have no holes here: see fallocate
      if (advice === MADV_REMOVE && vma.source !== null) return -EOPNOTSUPP;
      const discards = (advice === MADV_DONTNEED || advice === MADV_DONTNEED_LOCKED) && !vma.shared;
      if (!discards && advice !== MADV_REMOVE) continue;
      this.#pages.codeGone(vma, from, to);
      // zeroes are stored where all see the same
      if (vma.shared) this.#pages.overwrite(vma, from, to);
      const status = this.#pages.populate(vma, from, to);
      if (status < 0) return status;
      this.#pages.renew(vma, from, to);
    }
    return this.#pages.vmas.covered(addr, end) ? 0 : -ENOMEM;
  }

  mincore(addr: number, length: number): Uint8Array | number {
    if (!aligned(addr)) return -EINVAL;
    const end = addr + roundUp(length);
    if (end > this.taskSize || !this.#pages.vmas.covered(addr, end)) return -ENOMEM;
    return new Uint8Array((end - addr) / PAGE_SIZE).fill(1);
  }

  fillOwn(start: number, length: number, value: number): void {
    this.#pages.bulk.fill(start, value, length);
  }

  copyOwn(other: GuestAddressSpace, start: number, end: number): void {
    if (!(other instanceof Space)) throw new TypeError('another kind of address space');
    this.#pages.copierOf(other.#pages).copy(start, start, end - start);
  }

  syncFile(dev: number, ino: number): void {
    this.#pages.aliases.mend();
    for (const vma of this.#pages.sharedOf(dev, ino)) this.#pages.files.writeBack(vma, vma.start, vma.end);
  }

  refreshFile(dev: number, ino: number, from = 0, to = Infinity): void {
    this.syncFile(dev, ino);
    for (const vma of this.#pages.sharedOf(dev, ino)) {
      const at = (offset: number): number => vma.start + offset - vma.offset;
      // what the file has grown by is shown as well
      const start = Math.max(Math.min(roundDown(at(from)), vma.eof), vma.start);
      const end = Math.min(roundUp(at(to)), vma.end);
      if (start >= end) continue;
      this.#pages.files.drop(start, end);
      this.#pages.aliases.forget({ start, end });
      this.#pages.codeGone(vma, start, end);
      this.#pages.populate(vma, start, end);
      this.#pages.renew(vma, start, end);
    }
  }

  release(): void {
    this.#pages.drop(0, this.taskSize);
  }

  publish(): void {
    this.#pages.shared.publish();
  }

  sharesStores(): boolean {
    return this.#pages.shared.sharesStores();
  }

  reset(): void {
    this.#pages.clear();
    this.#brkStart = 0;
    this.#brk = 0;
  }

  get touched(): number {
    return this.usedBytes(0, Number.POSITIVE_INFINITY);
  }

  usedBytes(start: number, end: number): number {
    let bytes = 0;
    for (const [page, count] of this.#pages.bytes.usedRuns()) {
      const first = Math.max(start, page * PAGE_SIZE);
      bytes += Math.max(0, Math.min(end, (page + count) * PAGE_SIZE) - first);
    }
    return bytes;
  }

  copyFrom(other: GuestAddressSpace): void {
    if (!(other instanceof Space)) throw new TypeError('another kind of address space');
    this.#brkStart = other.#brkStart;
    this.#brk = other.#brk;
    this.limits.stack = other.limits.stack;
    this.limits.data = other.limits.data;
    this.limits.as = other.limits.as;
    this.#pages.copyFrom(other.#pages);
  }

  mappings(): Mapping[] {
    return this.#pages.vmas.items.map((vma) => ({ ...vma }));
  }

  findMapping(addr: number): Mapping | null {
    const vma = this.#pages.vmas.find(addr);
    return vma === undefined ? null : { ...vma };
  }

  readable(addr: number, length: number): boolean {
    return this.#pages.accessible(addr, length, this.#pages.bytes.read, 1);
  }

  writable(addr: number, length: number): boolean {
    return this.#pages.accessible(addr, length, this.#pages.bytes.write, 2);
  }

  readRange(addr: number, length: number): Uint8Array | null {
    return this.readable(addr, length) ? this.u8.subarray(addr, addr + length) : null;
  }

  writeRange(addr: number, length: number): Uint8Array | null {
    return this.writable(addr, length) ? this.u8.subarray(addr, addr + length) : null;
  }

  stillWritable(view: Uint8Array): boolean {
    return view.buffer !== this.memory.buffer || this.writable(view.byteOffset - GUEST_BASE, view.length);
  }

  cstring(addr: number, max: number = MAX_STRING): string | null {
    const limit = addr + max + 1;
    const { u8 } = this;
    let at = addr;
    while (at < limit) {
      if (!this.readable(at, 1)) return null;
      const stop = Math.min(roundDown(at) + PAGE_SIZE, limit);
      while (at < stop && u8[at] !== 0) at++;
      if (at < stop) return this.#text.toString('latin1', addr, at);
    }
    return null;
  }

  resolveFault(addr: number, size: number, access: 1 | 2 | 4): Fault | 0 {
    const range = { from: addr, end: addr + Math.max(size, 1) };
    for (let at = addr; at < range.end; at = roundDown(at) + PAGE_SIZE) {
      const fault = this.#pages.settle(at, access, range);
      if (fault !== 0) return fault;
    }
    return 0;
  }

  watchCode(page: number): void {
    this.#pages.bytes.watch(page);
  }

  holdsFile(start: number, end: number, offset: number, stamp: ArrayLike<number>): boolean {
    const vma = this.#pages.vmas.find(start);
    if (vma === undefined || end > vma.end || end > vma.eof || (vma.prot & PROT_EXEC) === 0) return false;
    const known = vma.source?.stamp ?? [];
    if (vma.offset + start - vma.start !== offset || stamp.length === 0 || stamp.length !== known.length) return false;
    return known.every((n, i) => n === stamp[i]) && this.#pages.bytes.isOfFile(start, end);
  }

  mayExecute(addr: number): boolean {
    const vma = this.#pages.vmas.find(addr);
    return vma !== undefined && (vma.prot & PROT_EXEC) !== 0 && addr < vma.eof;
  }

  executable(addr: number): boolean {
    const vma = this.#pages.vmas.find(addr);
    if (vma === undefined || (vma.prot & PROT_EXEC) === 0 || addr >= vma.eof) return false;
    if (this.#pages.bytes.isAbsent(addr) && !this.#pages.fetch(vma, roundDown(addr))) return false;
    const range = { from: addr, end: addr + 1 };
    if (this.#pages.aliases.has(vma)) this.#pages.aliases.settle(Math.floor(addr / PAGE_SIZE), vma, 4, range);
    return true;
  }
}

/** A new, empty guest address space. */
export function createAddressSpace(options: AddressSpaceOptions = {}): GuestAddressSpace {
  return new Space(options);
}
