/** Carry-less products and CRC-32 (Arm ARM C7.2 PMULL, C6.2 CRC32*). */

/** Low 64 bits of the carry-less product of two 32-bit words, as [low, high]. */
function carryless32(a: number, b: number): [low: number, high: number] {
  let low = 0;
  let high = 0;
  for (let bit = 0; bit < 32; bit++) {
    if ((b >>> bit) & 1) {
      low ^= a << bit;
      if (bit > 0) high ^= a >>> (32 - bit);
    }
  }
  return [low, high];
}

/** PMULL 64 → 128: the 8 bytes at n and at m give 16 bytes at d. */
export function pmull64(view: DataView, d: number, n: number, m: number): void {
  const [a0, a1, b0, b1] = [
    view.getInt32(n, true),
    view.getInt32(n + 4, true),
    view.getInt32(m, true),
    view.getInt32(m + 4, true),
  ];
  const [l0, l1] = carryless32(a0, b0);
  const [h0, h1] = carryless32(a1, b1);
  // Karatsuba: the middle product from the sum of the halves.
  const [s0, s1] = carryless32(a0 ^ a1, b0 ^ b1);
  view.setInt32(d, l0, true);
  view.setInt32(d + 4, l1 ^ s0 ^ l0 ^ h0, true);
  view.setInt32(d + 8, h0 ^ s1 ^ l1 ^ h1, true);
  view.setInt32(d + 12, h1, true);
}

const tables = new Map<number, Int32Array>();

/** Reflected byte table of a CRC polynomial. */
function crcTable(polynomial: number): Int32Array {
  let table = tables.get(polynomial);
  if (!table) {
    table = new Int32Array(256);
    for (let i = 0; i < 256; i++) {
      let crc = i;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
      table[i] = crc;
    }
    tables.set(polynomial, table);
  }
  return table;
}

function crc(accumulator: number, value: number, bytes: number, table: Int32Array): number {
  let result = accumulator;
  for (let i = 0; i < bytes; i++) result = (result >>> 8) ^ (table[(result ^ (value >>> (i * 8))) & 0xff] as number);
  return result >>> 0;
}

/** CRC32B, CRC32H, CRC32W (polynomial 0x04C11DB7): the low `bytes` (1, 2, 4) of value; doublewords are two calls, low word first. */
export const crc32 = (accumulator: number, value: number, bytes: number): number =>
  crc(accumulator, value, bytes, crcTable(0xedb88320 | 0));

/** CRC32CB, CRC32CH, CRC32CW (polynomial 0x1EDC6F41). */
export const crc32c = (accumulator: number, value: number, bytes: number): number =>
  crc(accumulator, value, bytes, crcTable(0x82f63b78 | 0));
