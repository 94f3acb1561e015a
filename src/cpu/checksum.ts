import { crc32 } from 'node:zlib';

/** CRC-32 of words from index `from` on: tells a file that is damaged, not one that is forged. */
export const checksum = (words: Uint32Array, from: number): number =>
  crc32(new Uint8Array(words.buffer, words.byteOffset + 4 * from, 4 * (words.length - from)));
