import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SOFTFLOAT_OPS } from '../../../scripts/fuzz-softfloat-ops.ts';
import { FpEnv } from '../../../src/cpu/softfloat/env.ts';

const lines = readFileSync(new URL('./vectors.txt', import.meta.url), 'utf8')
  .split('\n')
  .slice(1)
  .filter(Boolean);
const vectors = Map.groupBy(lines, (line) => line.slice(0, line.indexOf(';')));

describe('soft-float answers as recorded from qemu-aarch64', () => {
  it('has vectors for every operation', () => {
    expect([...vectors.keys()].sort()).toEqual(SOFTFLOAT_OPS.map((op) => op.name).sort());
  });

  it.each(SOFTFLOAT_OPS.map((op) => [op.name, op] as const))('%s', (name, op) => {
    for (const line of vectors.get(name) ?? []) {
      const [fpcr, a, b, c] = line
        .split('; ')
        .slice(1, 5)
        .map((s) => BigInt(`0x${s}`)) as [bigint, bigint, bigint, bigint];
      const env = new FpEnv(Number(fpcr));
      const width = op.input === 'int' ? 64 : op.input.bits;
      const cut = (n: bigint): bigint => BigInt.asUintN(width, n);
      const value = op.run(env, cut(a), cut(b), cut(c));
      const answer = `${value.toString(16)}; ${env.flags.toString(16)}`;
      expect(`${line.split('; ').slice(0, 5).join('; ')}; ${answer}`).toBe(line);
    }
  });
});
