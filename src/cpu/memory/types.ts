/** Linux PROT_ bits (man 2 mmap). */
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

/**
 * What stands behind a file mapping. The address space calls it; the vfs implements it.
 * Offsets and lengths in bytes. Errors: a negative errno, never an exception.
 */
export interface MapSource {
  /** Name for /proc/self/maps and messages. */
  readonly name: string;
  readonly dev: number;
  readonly ino: number;
  /** Fill `into` from file offset `offset`; returns the bytes read (short at end of file) or -errno. */
  read(into: Uint8Array, offset: number): number;
  /** Write back part of a MAP_SHARED mapping; returns bytes written or -errno. */
  write(from: Uint8Array, offset: number): number;
  /** Numbers that tell the file as it was when it was opened; null or none: another would have the same. */
  readonly stamp?: readonly number[] | null;
  /** Whether it is still the same. */
  isUnchanged?(): boolean;
  /** Current size, for pages past the end of file (SIGBUS). */
  size(): number;
  /** The mapping keeps the file alive: taken at map, dropped when its last page goes. */
  ref(): void;
  unref(): void;
}

/** One line of /proc/self/maps. */
export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly prot: number;
  readonly shared: boolean;
  readonly source: MapSource | null;
  /** Names anonymous shared memory; 0: not such. */
  readonly share: number;
  readonly offset: number;
  /** `[heap]`, `[stack]` … or the file's name. */
  readonly name: string;
}

export interface MapRequest {
  /** Page-aligned guest address: a hint, or the exact place with `fixed`. 0 = anywhere. */
  addr: number;
  /** Bytes; rounded up to pages. */
  length: number;
  prot: number;
  fixed?: boolean;
  /** MAP_FIXED_NOREPLACE: fail with EEXIST instead of replacing. */
  noReplace?: boolean;
  shared?: boolean;
  /** Whether mprotect may make it writable: not where a file was opened for reading and is mapped shared. */
  mayWrite?: boolean;
  /** MAP_GROWSDOWN: an access just below extends it, up to the stack limit. */
  growsDown?: boolean;
  source?: MapSource;
  /** Page-aligned file offset. */
  offset?: number;
  name?: string;
}

/**
 * The guest's address space: page map, page bytes, and access to guest memory for the kernel side.
 * Addresses are guest addresses as plain numbers (< 4 GiB). Kernel-side accessors return null or
 * false where Linux would answer EFAULT; they honour protections like the guest's own accesses.
 */
export interface AddressSpace {
  readonly memory: WebAssembly.Memory;
  /** Views of the *guest* part: index = guest address. For use after a check only. */
  readonly u8: Uint8Array;
  readonly view: DataView;
  /** The guest part as words, for atomic access: index = guest address / 4. */
  readonly words: Int32Array;
  /** View of the whole wasm memory: index = wasm offset (CPU states, page bytes …). */
  readonly host: DataView;

  /** Returns the address mapped, or -errno (ENOMEM, EINVAL, EEXIST, ENODEV, EACCES). */
  map(request: MapRequest): number;
  unmap(addr: number, length: number): number;
  protect(addr: number, length: number, prot: number): number;
  /** mremap (man 2): returns the new address or -errno. */
  remap(addr: number, oldLength: number, newLength: number, flags: number, newAddr: number): number;
  /** brk (man 2): returns the (possibly unchanged) break. */
  brk(addr: number): number;
  /** The loader tells where the heap starts. */
  setBrkStart(addr: number): void;
  /** msync / exit: write dirty shared file pages back. 0 or -errno. */
  sync(addr: number, length: number): number;
  madvise(addr: number, length: number, advice: number): number;
  mappings(): Mapping[];
  findMapping(addr: number): Mapping | null;

  /** Whether [addr, addr+length) may be read / written; grows stacks and settles lazy pages on the way. */
  readable(addr: number, length: number): boolean;
  writable(addr: number, length: number): boolean;
  /** Views into guest memory without copying, or null (EFAULT). Zero length is always fine. */
  readRange(addr: number, length: number): Uint8Array | null;
  writeRange(addr: number, length: number): Uint8Array | null;
  /** Whether a view got from writeRange can be stored to even now that others have run, or there were other views. */
  stillWritable(view: Uint8Array): boolean;
  /** NUL-terminated bytes without the NUL, or null (EFAULT, or longer than max). */
  cstring(addr: number, max?: number): string | null;

  /**
   * An access of translated code met a page byte ≠ 0. Grows a stack, etc.
   * Returns 0 when the access may be done now (slowly, through `u8`), else the signal to raise.
   */
  resolveFault(addr: number, size: number, access: 1 | 2 | 4): { signal: number; code: number; addr: number } | 0;
  /** Whether instructions may be fetched from the page of addr (PROT_EXEC), which is in memory then. */
  executable(addr: number): boolean;
  /** The same of a page that may still be in its file alone. */
  mayExecute(addr: number): boolean;
  /** The page holds code that is in use: call onCodeStore before stores to it, until that says otherwise. */
  watchCode(page: number): void;
  /** Called when bytes that may hold translated code change or vanish: munmap, mprotect, map over, … */
  onCodeChange: (start: number, end: number) => void;
  /**
   * Called before [start, end) in a page that holds code (see watchCode) is stored to; false: none of it is code, and other
   * stores to the page are to be told of as well.
   */
  onCodeStore: (start: number, end: number) => boolean;
  /** Called before a page is read from its file, when its page byte tells nobody else any more to wait. */
  onFetch: () => void;
  /** Called when pages in a range that were plain cease to be so: runs with some of them must be looked up anew. */
  onPlainLoss: (start: number, end: number) => void;
}
