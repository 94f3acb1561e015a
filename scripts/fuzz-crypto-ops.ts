/** The cryptographic and CRC instructions that src/cpu/crypto is compared on. */
import * as aes from '../src/cpu/crypto/aes.ts';
import * as polynomial from '../src/cpu/crypto/polynomial.ts';

/** Destination v0 (also an input), sources v1 and v2, as offsets 0, 16, 32 of the view. */
export interface CryptoOp {
  readonly name: string;
  readonly word: number;
  readonly run: (view: DataView) => void;
}

/** CRC of x1 (w1) with accumulator w2 into w0: sizes 1, 2, 4, 8. */
const crcOf =
  (step: (accumulator: number, value: number, bytes: number) => number, bytes: number) =>
  (view: DataView): void => {
    const first = step(view.getUint32(32, true), view.getUint32(16, true), Math.min(bytes, 4));
    view.setBigUint64(0, BigInt(bytes === 8 ? step(first, view.getUint32(20, true), 4) : first), true);
  };

/** Operations on vector registers. */
export const CRYPTO_OPS: readonly CryptoOp[] = [
  { name: 'aese', word: 0x4e284820, run: (v) => aes.aese(v, 0, 0, 16) },
  { name: 'aesd', word: 0x4e285820, run: (v) => aes.aesd(v, 0, 0, 16) },
  { name: 'aesmc', word: 0x4e286820, run: (v) => aes.aesmc(v, 0, 16) },
  { name: 'aesimc', word: 0x4e287820, run: (v) => aes.aesimc(v, 0, 16) },
  { name: 'pmull', word: 0x0ee2e020, run: (v) => polynomial.pmull64(v, 0, 16, 32) },
  { name: 'pmull2', word: 0x4ee2e020, run: (v) => polynomial.pmull64(v, 0, 24, 40) },
];

/** Operations on general registers: x0 at 0, x1 at 16, x2 at 32. */
export const CRC_OPS: readonly CryptoOp[] = [
  { name: 'crc32b', word: 0x1ac14040, run: crcOf(polynomial.crc32, 1) },
  { name: 'crc32h', word: 0x1ac14440, run: crcOf(polynomial.crc32, 2) },
  { name: 'crc32w', word: 0x1ac14840, run: crcOf(polynomial.crc32, 4) },
  { name: 'crc32x', word: 0x9ac14c40, run: crcOf(polynomial.crc32, 8) },
  { name: 'crc32cb', word: 0x1ac15040, run: crcOf(polynomial.crc32c, 1) },
  { name: 'crc32ch', word: 0x1ac15440, run: crcOf(polynomial.crc32c, 2) },
  { name: 'crc32cw', word: 0x1ac15840, run: crcOf(polynomial.crc32c, 4) },
  { name: 'crc32cx', word: 0x9ac15c40, run: crcOf(polynomial.crc32c, 8) },
];

/** Our answer: the 16 bytes at 0 after the operation, as two words. */
export function cryptoAnswer(op: CryptoOp, inputs: readonly bigint[]): [bigint, bigint] {
  const view = new DataView(new ArrayBuffer(48));
  inputs.forEach((value, i) => {
    view.setBigUint64(i * 8, value, true);
  });
  op.run(view);
  return [view.getBigUint64(0, true), view.getBigUint64(8, true)];
}
