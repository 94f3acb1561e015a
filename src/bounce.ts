import fs from 'node:fs';

/**
 * Reading and writing files by a bounce buffer, which is used again and again: for memory that nobody has touched yet, or
 * the kernel not yet. Where page tables are shadowed (a virtual machine without nested paging, with the kernel's apart from
 * the process's) a page's first access costs 10 to 17 µs on each side, and a copy within the process a tenth of a µs.
 */
const SIZE = 0x1_0000;
/** Shorter ones go straight. */
const LEAST = 0x1000;

let buffer: Uint8Array | null = null;

/** pread(2) until all is read or the file ends; the number of bytes. Throws what Node does for the first of them. */
export const readAt = (fd: number, into: Uint8Array, at: number): number => {
  if (into.length < LEAST) return fs.readSync(fd, into, 0, into.length, at);
  buffer ??= new Uint8Array(SIZE);
  let done = 0;
  while (done < into.length) {
    let count: number;
    try {
      count = fs.readSync(fd, buffer, 0, Math.min(into.length - done, SIZE), at + done);
    } catch (error) {
      if (done === 0) throw error;
      break;
    }
    if (count === 0) break;
    into.set(count === SIZE ? buffer : buffer.subarray(0, count), done);
    done += count;
  }
  return done;
};

/** Append all of `from` to what was written to a file. */
export const append = (fd: number, from: Uint8Array): void => {
  buffer ??= new Uint8Array(SIZE);
  for (let done = 0; done < from.length; ) {
    const count = Math.min(from.length - done, SIZE);
    buffer.set(from.subarray(done, done + count));
    done += fs.writeSync(fd, buffer, 0, count);
  }
};
