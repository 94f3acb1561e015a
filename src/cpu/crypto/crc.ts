/** CRC-32 a byte at a time from tables (Arm ARM C6.2 CRC32*). */

/** Reflected byte table of a polynomial. */
const tableOf = (polynomial: number): Int32Array =>
  Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });

/** 0x04C11DB7 of CRC32B … CRC32X, and 0x1EDC6F41 of CRC32CB … CRC32CX. */
const polynomials = [0xedb88320 | 0, 0x82f63b78 | 0] as const;
const tables: (Int32Array | undefined)[] = [];

/** The accumulator (uint32) after `bytes` bytes at `at` of `view`. */
export function crc32(accumulator: number, view: DataView, at: number, bytes: number, castagnoli: 0 | 1): number {
  tables[castagnoli] ??= tableOf(polynomials[castagnoli]);
  const table = tables[castagnoli];
  let crc = accumulator;
  for (let i = 0; i < bytes; i++) crc = (crc >>> 8) ^ (table[(crc ^ view.getUint8(at + i)) & 0xff] as number);
  return crc >>> 0;
}
