import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CRC_OPS, CRYPTO_OPS } from '../../../scripts/fuzz-crypto-ops.ts';
import { Random } from '../../../scripts/fuzz-random.ts';
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

/** Cases of words on random vectors, v0 first. */
const randomCases = (words: readonly number[], seed: number): ReturnType<typeof emptyCase>[] => {
  const random = new Random(seed);
  return Array.from({ length: 16 }, () => {
    const c = emptyCase([...words]);
    for (let i = 0; i < 4; i++) c.v[i] = random.u64();
    return c;
  });
};

describe('an AES round of two instructions in one block is the two one after the other', () => {
  it.each([
    ['aese v0.16b, v1.16b; aesmc v0.16b, v0.16b', 0x4e284820, 0x4e286800],
    ['aesd v0.16b, v1.16b; aesimc v0.16b, v0.16b', 0x4e285820, 0x4e287800],
  ])('%s', (_, round, mix) => {
    const cases = randomCases([round, mix], 7);
    const once = runBlocks(lifter, randomCases([round], 7));
    const then = once.map((o) => {
      const c = emptyCase([mix]);
      for (let i = 0; i < 4; i++) c.v[i] = o.v[i] as bigint;
      return c;
    });
    const vectors = (outcomes: ReturnType<typeof runBlocks>): bigint[][] => outcomes.map((o) => [...o.v.slice(0, 2)]);
    expect(vectors(runBlocks(lifter, cases))).toEqual(vectors(runBlocks(lifter, then)));
    const view = new DataView(new ArrayBuffer(8));
    for (const [i, word] of [round, mix].entries()) view.setUint32(4 * i, word, true);
    expect(lifter(view, 0, 2).ops.filter(({ info }) => info.name.includes('.aes_')).length).toBe(1);
  });
});
