import { BLOCK_INDEX, BLOCK_INDEX_SIZE } from '../memory/layout.ts';

const ENTRIES = BLOCK_INDEX_SIZE / 8;
const MASK = ENTRIES - 1;
/** A fuller table is searched too long; what does not go in is asked of the main thread each time. */
const MOST = ENTRIES / 2;

/**
 * Records of the cold tier by guest pc, for worker threads: an open hash table of (pc, record) in guest memory.
 * The main thread alone writes; entries are added and never changed, until all are dropped while nobody reads.
 */
export class BlockIndex {
  private readonly words: Int32Array;
  private count = 0;

  constructor(memory: WebAssembly.Memory) {
    this.words = new Int32Array(memory.buffer, BLOCK_INDEX, 2 * ENTRIES);
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** Record of the block at pc, or 0. */
  find(pc: number): number {
    for (let i = place(pc); ; i = (i + 1) & MASK) {
      const key = Atomics.load(this.words, 2 * i) >>> 0;
      if (key === pc) return this.words[2 * i + 1] as number;
      if (key === 0) return 0;
    }
  }

  add(pc: number, record: number): void {
    if (this.count >= MOST || this.find(pc) !== 0) return;
    let i = place(pc);
    while (this.words[2 * i] !== 0) i = (i + 1) & MASK;
    this.words[2 * i + 1] = record;
    // the key last: whoever sees it sees the record
    Atomics.store(this.words, 2 * i, pc | 0);
    this.count++;
  }

  clear(): void {
    if (this.count > 0) this.words.fill(0);
    this.count = 0;
  }
}

/** Multiplicative hashing (Knuth, TAOCP 6.4). */
const place = (pc: number): number => (Math.imul(pc, 0x9e37_79b1) >>> 12) & MASK;
