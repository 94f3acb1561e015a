import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CRC_OPS, CRYPTO_OPS, cryptoAnswer } from '../../../scripts/fuzz-crypto-ops.ts';

const lines = readFileSync(new URL('./vectors.txt', import.meta.url), 'utf8')
  .split('\n')
  .slice(1)
  .filter(Boolean);
const vectors = Map.groupBy(lines, (line) => line.slice(0, line.indexOf(';')));

describe('cryptographic steps answer as recorded from qemu-aarch64', () => {
  const rows = [...CRYPTO_OPS.map((op) => ({ op, words: 2 })), ...CRC_OPS.map((op) => ({ op, words: 1 }))];
  it.each(rows.map((row) => [row.op.name, row] as const))('%s', (name, { op, words }) => {
    const own = vectors.get(name) ?? [];
    expect(own.length).toBeGreaterThan(0);
    for (const line of own) {
      const numbers = line.split('; ').slice(1).map((s) => BigInt(`0x${s}`)); // biome-ignore format: one line
      expect(cryptoAnswer(op, numbers.slice(0, 6)).slice(0, words), line).toEqual(numbers.slice(6));
    }
  });
});
