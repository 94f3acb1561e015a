import type { MapSource } from '../../cpu/memory/types.ts';
import { EBADF, EFBIG, EINVAL, EOPNOTSUPP } from '../errno.ts';
import { BaseFile } from './base-file.ts';
import { seekBytes } from './seek.ts';
import { O_APPEND } from './types.ts';

/** Largest file kept in memory. */
const MAX_BYTES = 2 ** 31;

/** Growable content of a file in memory. */
export class Bytes {
  data: Uint8Array = new Uint8Array(0);
  size = 0;

  read(into: Uint8Array, offset: number): number {
    if (offset >= this.size) return 0;
    const n = Math.min(into.length, this.size - offset);
    into.set(this.data.subarray(offset, offset + n));
    return n;
  }

  write(from: Uint8Array, offset: number): number {
    const end = offset + from.length;
    if (end > MAX_BYTES) return -EFBIG;
    if (from.length === 0) return 0;
    this.reserve(end);
    this.data.set(from, offset);
    if (end > this.size) this.size = end;
    return from.length;
  }

  resize(size: number): number {
    if (size > MAX_BYTES) return -EFBIG;
    if (size < this.size) this.data.fill(0, size, this.size);
    else this.reserve(size);
    this.size = size;
    return 0;
  }

  /** Zero a range: what is not stored reads as zeros. */
  clear(start: number, end: number): void {
    this.data.fill(0, Math.min(start, this.size), Math.min(end, this.size));
  }

  private reserve(end: number): void {
    if (end <= this.data.length) return;
    const grown = new Uint8Array(Math.max(end, Math.min(this.data.length * 2, MAX_BYTES), 256));
    grown.set(this.data.subarray(0, this.size));
    this.data = grown;
  }
}

/** A regular file whose bytes are read and written at offsets; position and access mode are checked here. */
export abstract class SeekableFile extends BaseFile {
  position = 0;
  protected abstract readAt(into: Uint8Array, offset: number): number;
  protected abstract writeAt(from: Uint8Array, offset: number): number;
  /** What a shared mapping was stored to. */
  protected writeMapped(from: Uint8Array, offset: number): number {
    return this.writeAt(from, offset);
  }
  abstract size(): number;
  protected abstract resize(size: number): number;
  /** Make a hole of bytes below the size; 0 or -errno. */
  protected clear(_start: number, _end: number): number {
    return -EOPNOTSUPP;
  }

  override read(into: Uint8Array): number {
    if (!this.readable) return -EBADF;
    const n = this.readAt(into, this.position);
    if (n > 0) this.position += n;
    return n;
  }
  override write(from: Uint8Array): number {
    if (!this.writable) return -EBADF;
    if ((this.flags & O_APPEND) !== 0) this.position = this.size();
    const n = this.writeAt(from, this.position);
    if (n > 0) this.position += n;
    return n;
  }
  override pread(into: Uint8Array, offset: number): number {
    return this.readable ? this.readAt(into, offset) : -EBADF;
  }
  override pwrite(from: Uint8Array, offset: number): number {
    if (!this.writable) return -EBADF;
    // Linux appends whatever the offset says (man 2 pwrite, BUGS).
    return this.writeAt(from, (this.flags & O_APPEND) !== 0 ? this.size() : offset);
  }
  override seek(offset: number, whence: number): number {
    return seekBytes(this, offset, whence);
  }
  override truncate(size: number): number {
    if (!this.writable || size < 0) return -EINVAL;
    return this.resize(size);
  }
  override allocate(mode: number, offset: number, length: number): number {
    if (!this.writable) return -EBADF;
    if (offset < 0 || length <= 0) return -EINVAL;
    if (mode === 1) return 0;
    // FALLOC_FL_PUNCH_HOLE, with FALLOC_FL_KEEP_SIZE as it has to be
    if (mode === 3) return this.clear(offset, offset + length);
    if (mode !== 0) return -EOPNOTSUPP;
    return offset + length > this.size() ? this.resize(offset + length) : 0;
  }
  override sync(): number {
    return 0;
  }
  /** Identity for the mapping source. */
  protected abstract identity(): { name: string; dev: number; ino: number };
  override mapSource(): MapSource | number {
    const { name, dev, ino } = this.identity();
    return {
      name,
      dev,
      ino,
      read: (into, offset) => this.readAt(into, offset),
      write: (from, offset) => this.writeMapped(from, offset),
      size: () => this.size(),
      ref: () => {
        this.refs++;
      },
      unref: () => {
        if (--this.refs === 0) this.close();
      },
    };
  }
}
