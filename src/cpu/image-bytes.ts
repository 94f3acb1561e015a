/** What was kept in a file, of which no more is read than is wanted. */
export interface ImageBytes {
  readonly size: number;
  /** Fill these arrays, one after the other, from a byte on; whether there was as much. */
  read(at: number, into: readonly Uint8Array[]): boolean;
}

/** The bytes of words. */
export const bytesOf = (words: Uint32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

/** The same as it would be written. */
export const inMemory = (pieces: readonly Uint32Array[]): ImageBytes => ({
  size: pieces.reduce((sum, { byteLength }) => sum + byteLength, 0),
  read: (at, into) => {
    // of a unit that its stamp tells the pages are an empty piece
    const sources = pieces.filter(({ length }) => length > 0).map(bytesOf);
    const skip = (count: number): void => {
      for (let left = count; left > 0; ) {
        const first = sources[0] as Uint8Array;
        sources[0] = first.subarray(Math.min(left, first.length));
        left -= Math.min(left, first.length);
        if (sources[0].length === 0) sources.shift();
      }
    };
    const length = into.reduce((sum, part) => sum + part.length, at);
    if (length > sources.reduce((sum, source) => sum + source.length, 0)) return false;
    skip(at);
    for (const part of into) {
      for (let done = 0; done < part.length; ) {
        const some = (sources[0] as Uint8Array).subarray(0, part.length - done);
        part.set(some, done);
        done += some.length;
        skip(some.length);
      }
    }
    return true;
  },
});
