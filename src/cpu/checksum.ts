type Crc32 = (data: Uint8Array, from: number) => number;

/** Node's CRC-32 without the rest of node:zlib, whose loading costs a start more than all checksums. */
function nativeCrc32(): Crc32 {
  try {
    const { crc32 } = (process as unknown as { binding(name: string): { crc32?: Crc32 } }).binding('zlib');
    if (crc32) return crc32;
  } catch {
    // a Node without such bindings
  }
  return process.getBuiltinModule('node:zlib').crc32;
}

let crc32: Crc32 | null = null;

/** CRC-32 of arrays, one after the other: tells a file that is damaged, not one that is forged. */
export const checksumOf = (parts: readonly Uint8Array[]): number => {
  crc32 ??= nativeCrc32();
  let sum = 0;
  for (const part of parts) sum = crc32(part, sum);
  return sum;
};

/** The same of words from index `from` on. */
export const checksum = (words: Uint32Array, from: number): number =>
  checksumOf([new Uint8Array(words.buffer, words.byteOffset + 4 * from, 4 * (words.length - from))]);
