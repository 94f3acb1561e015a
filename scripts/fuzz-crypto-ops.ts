/** The cryptographic and CRC instructions that have recorded answers of their own: more of them than the other rows. */

/** Destination v0 (also an input), sources v1 and v2; CRC: x0, x1 and x2. */
export interface CryptoOp {
  readonly name: string;
  readonly word: number;
}

/** Operations on vector registers. */
export const CRYPTO_OPS: readonly CryptoOp[] = [
  { name: 'aese', word: 0x4e284820 },
  { name: 'aesd', word: 0x4e285820 },
  { name: 'aesmc', word: 0x4e286820 },
  { name: 'aesimc', word: 0x4e287820 },
  { name: 'pmull', word: 0x0ee2e020 },
  { name: 'pmull2', word: 0x4ee2e020 },
];

/** Operations on general registers. */
export const CRC_OPS: readonly CryptoOp[] = [
  { name: 'crc32b', word: 0x1ac14040 },
  { name: 'crc32h', word: 0x1ac14440 },
  { name: 'crc32w', word: 0x1ac14840 },
  { name: 'crc32x', word: 0x9ac14c40 },
  { name: 'crc32cb', word: 0x1ac15040 },
  { name: 'crc32ch', word: 0x1ac15440 },
  { name: 'crc32cw', word: 0x1ac15840 },
  { name: 'crc32cx', word: 0x9ac15c40 },
];
