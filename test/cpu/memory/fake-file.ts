import type { MapSource } from '../../../src/cpu/memory/types.ts';

/** A file in memory behind a mapping; counts its references and write-backs. */
export class MemoryFile implements MapSource {
  readonly name = '/file';
  readonly dev = 1;
  readonly ino: number;
  bytes: Uint8Array;
  refs = 0;
  /** Bytes that were read. */
  bytesRead = 0;
  readonly writes: { offset: number; length: number }[] = [];

  stamp: readonly number[] | null = null;
  unchanged = true;

  constructor(bytes: Uint8Array, ino: number = 1) {
    this.bytes = bytes;
    this.ino = ino;
  }

  isUnchanged(): boolean {
    return this.unchanged;
  }

  read(into: Uint8Array, offset: number): number {
    const part = this.bytes.subarray(offset, offset + into.length);
    into.set(part);
    this.bytesRead += part.length;
    return part.length;
  }

  write(from: Uint8Array, offset: number): number {
    this.writes.push({ offset, length: from.length });
    this.bytes.set(from, offset);
    return from.length;
  }

  size(): number {
    return this.bytes.length;
  }

  ref(): void {
    this.refs++;
  }

  unref(): void {
    this.refs--;
  }
}
