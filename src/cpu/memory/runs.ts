import { PAGE_SHIFT, PAGE_SIZE, PageByte, READ_BYTES, RUNS, RUNS_SIZE, WRITE_BYTES } from './layout.ts';

/** Bytes of one slot: read lo, read len, write lo, write len. Regions of 32-bit guests read the lower halves. */
export const RUN_SLOT = 32;
export const RUN_WRITE = 16;
/** Where an empty run begins, for `forgetAt`: its length lets nothing through. */
const NOWHERE = 1n << 63n;
/**
 * The end of a run is kept back by this many bytes, so that one compare of the lowest address covers
 * accesses up to RUN_REACH bytes above it.
 */
export const RUN_REACH = 128;
/** The same for the stack, whose top holds arguments and environment anyway. */
export const STACK_REACH = 256;

/**
 * Runs of neighbouring plain pages, a software TLB. A region checks an address against one run with one
 * unsigned compare (address - lo < len); the page bytes stay the truth, and a run forgets itself when they change.
 */
export class RunTable {
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  /** Slots in use: those below; slot 0 is none. */
  private next = 1;

  constructor(memory: WebAssembly.Memory) {
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer, 0, RUNS);
  }

  /** Wasm offset of slot `n`. */
  offset(n: number): number {
    return RUNS + RUN_SLOT * n;
  }

  /** Have slots below `count`, new ones empty; false when there is no room (callers fall back to page bytes). */
  reserve(count: number): boolean {
    if (count * RUN_SLOT > RUNS_SIZE) return false;
    for (; this.next < count; this.next++) {
      this.clear(this.offset(this.next));
      this.clear(this.offset(this.next) + RUN_WRITE);
    }
    return true;
  }

  clear(at: number): void {
    this.view.setBigUint64(at, NOWHERE, true);
    this.view.setBigUint64(at + 8, 0n, true);
  }

  /** Point the pair at `at` to the run around a guest address; false when its page is not plain. */
  aim(at: number, addr: number, write: boolean, reach: number = RUN_REACH): boolean {
    const table = write ? WRITE_BYTES : READ_BYTES;
    let first = table + (addr >>> PAGE_SHIFT);
    if (this.bytes[first] !== PageByte.PLAIN) return false;
    let last = first;
    while (first > table && this.bytes[first - 1] === PageByte.PLAIN) first--;
    while (last + 1 < table + 0x10_0000 && this.bytes[last + 1] === PageByte.PLAIN) last++;
    const length = BigInt(last + 1 - first) * BigInt(PAGE_SIZE);
    this.view.setBigUint64(at, BigInt(first - table) << BigInt(PAGE_SHIFT), true);
    this.view.setBigUint64(at + 8, length - BigInt(reach), true);
    return true;
  }

  /** Pages in [start, end) ceased to be plain: every slot handed out whose run has some of them is empty again. */
  forget(start: number, end: number): void {
    for (let i = 1; i < this.next; i++) {
      this.forgetAt(this.offset(i), start, end);
      this.forgetAt(this.offset(i) + RUN_WRITE, start, end);
    }
  }

  /** The same for the pair at `at`. */
  forgetAt(at: number, start: number, end: number): void {
    // an address of 2^63 and more is none
    if (this.view.getUint32(at + 4, true) !== 0) return;
    const first = this.view.getUint32(at, true);
    const length = Number(this.view.getBigUint64(at + 8, true)) + STACK_REACH;
    if (first < end && start < first + length) this.clear(at);
  }
}
