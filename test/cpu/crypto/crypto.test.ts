import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CRC_OPS, CRYPTO_OPS } from '../../../scripts/fuzz-crypto-ops.ts';
import { emptyCase } from '../../../scripts/fuzz-record.ts';
import { rows } from '../../../src/cpu/frontend/aarch64/table.ts';
import { rowLifter, runBlocks } from '../../fuzz/block-runner.ts';

const lines = readFileSync(new URL('./vectors.txt', import.meta.url), 'utf8')
  .split('\n')
  .slice(1)
  .filter(Boolean);
const vectors = Map.groupBy(lines, (line) => line.slice(0, line.indexOf(';')));
const lifter = rowLifter(rows, false);

describe('cryptographic steps answer as recorded from qemu-aarch64', () => {
  const ops = [...CRYPTO_OPS.map((op) => ({ op, crc: false })), ...CRC_OPS.map((op) => ({ op, crc: true }))];
  it.each(ops.map((entry) => [entry.op.name, entry] as const))('%s', (name, { op, crc }) => {
    const own = (vectors.get(name) ?? []).map((line) =>
      line
        .split('; ')
        .slice(1)
        .map((s) => BigInt(`0x${s}`)),
    );
    expect(own.length).toBeGreaterThan(0);
    const cases = own.map((numbers) => {
      const c = emptyCase([op.word]);
      for (let i = 0; i < 6; i++) c.v[i] = numbers[i] as bigint;
      for (let i = 0; i < 3; i++) c.x[i] = numbers[i * 2] as bigint;
      return c;
    });
    const answers = runBlocks(lifter, cases).map((o) => (crc ? [o.x[0]] : [o.v[0], o.v[1]]));
    expect(answers).toEqual(own.map((numbers) => numbers.slice(6)));
  });
});
