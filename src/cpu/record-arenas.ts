import type { GuestAddressSpace } from './memory/address-space.ts';
import { ARENA_SIZE, ARENAS, Arena, CHUNKS, CHUNKS_END, MAX_ARENAS } from './memory/code-layout.ts';

/** A piece of the cold tier's memory, in bytes. */
export interface Chunk {
  /** Wasm offset. */
  readonly start: number;
  readonly size: number;
}

/** A chunk of an arena: the bytes in use at its beginning. */
export interface UsedChunk extends Chunk {
  readonly used: number;
}

/** Sizes of an arena's chunks, each twice the one before as often as this. */
const FIRST_SIZE = 0x4000;
const DOUBLINGS = 5;

/**
 * The memory of records: arenas, each a list of chunks that are filled one after the other. The last chunk's state is in
 * guest memory (see ARENAS), as the composer puts blocks there too.
 */
export class RecordArenas {
  private readonly space: GuestAddressSpace;
  private readonly words: Uint32Array;
  private chunks = new Map<number, UsedChunk[]>();
  /** Pieces for other things. */
  private others: Chunk[] = [];
  /** No room was left for something: all translations have to go. */
  full = false;
  /** From here on nothing was ever written. */
  private high = CHUNKS;
  /** Chunks of others that are to stay free. */
  reserved: () => readonly Chunk[] = () => [];

  constructor(space: GuestAddressSpace, words: Uint32Array) {
    this.space = space;
    this.words = words;
  }

  private at(id: number, field: number): number {
    return (ARENAS + ARENA_SIZE * id) / 4 + field;
  }

  /** Number of blocks. */
  blocks(id: number): number {
    return this.words[this.at(id, Arena.BLOCKS)] as number;
  }

  /** Where a block of this many bytes may be put, or 0; `commit` tells how many it took. */
  room(id: number, bytes: number): number {
    if ((this.words[this.at(id, Arena.END)] as number) - (this.words[this.at(id, Arena.NEXT)] as number) < bytes) {
      if (!this.grow(id, bytes)) return 0;
    }
    return this.words[this.at(id, Arena.NEXT)] as number;
  }

  /** One block more ends at this wasm offset. */
  commit(id: number, end: number): void {
    this.words[this.at(id, Arena.NEXT)] = end;
    this.words[this.at(id, Arena.BLOCKS)] = this.blocks(id) + 1;
  }

  /** A new chunk for at least so many bytes; false: there is no room. */
  grow(id: number, bytes = 0): boolean {
    const chunks = this.of(id);
    const size = Math.max(FIRST_SIZE << Math.min(chunks.length, DOUBLINGS), (bytes + 15) & ~15);
    const start = this.free(size);
    if (start === 0) return false;
    chunks.push({ start, size, used: 0 });
    this.chunks.set(id, chunks);
    this.words.set([start, start + size], this.at(id, Arena.NEXT));
    return true;
  }

  /** The arena's chunks as they are now. */
  of(id: number): UsedChunk[] {
    const chunks = this.chunks.get(id) ?? [];
    const last = chunks.at(-1);
    if (last)
      chunks[chunks.length - 1] = { ...last, used: (this.words[this.at(id, Arena.NEXT)] as number) - last.start };
    return chunks;
  }

  /** The arena has these chunks, with so many blocks. */
  adopt(id: number, chunks: readonly UsedChunk[], blocks: number): void {
    this.chunks.set(id, [...chunks]);
    const last = chunks.at(-1);
    if (last) this.words.set([last.start + last.used, last.start + last.size, blocks], this.at(id, Arena.NEXT));
  }

  /** A piece for something else, which is zeros, or 0. */
  other(size: number): number {
    const { high } = this;
    const start = this.free(size);
    if (start === 0) return 0;
    // to write zeros where they are costs a page fault for each page
    if (start < high) this.space.fillOwn(start, Math.min(start + size, high) - start, 0);
    this.others.push({ start, size });
    return start;
  }

  /** Something is about to be written there. */
  touch(chunks: readonly Chunk[]): void {
    for (const { start, size } of chunks) this.high = Math.max(this.high, start + size);
  }

  /** Whether nothing of ours lies there. */
  isFree({ start, size }: Chunk): boolean {
    return this.taken().every((chunk) => start + size <= chunk.start || start >= chunk.start + chunk.size);
  }

  private taken(): Chunk[] {
    return [...this.others, ...[...this.chunks.values()].flat()];
  }

  /** The first gap that is large enough, or 0. */
  private free(size: number): number {
    const taken = [...this.taken(), ...this.reserved()].sort((a, b) => a.start - b.start);
    let at = CHUNKS;
    for (const chunk of taken) {
      if (chunk.start - at >= size) break;
      at = Math.max(at, chunk.start + chunk.size);
    }
    if (at + size > CHUNKS_END) {
      this.full = true;
      return 0;
    }
    this.touch([{ start: at, size }]);
    return at;
  }

  clear(): void {
    this.chunks = new Map();
    this.others = [];
    this.full = false;
    this.words.fill(0, ARENAS / 4, (ARENAS + ARENA_SIZE * MAX_ARENAS) / 4);
  }

  /** Go on with copies of another process's. */
  inherit(from: RecordArenas): void {
    for (const id of from.chunks.keys()) {
      const chunks = [...from.of(id)];
      this.chunks.set(id, chunks);
      this.touch(chunks);
      for (const { start, used } of chunks) this.space.copyOwn(from.space, start, start + used);
    }
    this.others = [...from.others];
    this.touch(this.others);
    this.full = from.full;
  }
}
