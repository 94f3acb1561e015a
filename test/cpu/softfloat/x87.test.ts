import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { x87Answer, x87Difference } from '../../../scripts/fuzz-x87.ts';
import { parse, X87_OPS } from '../../../scripts/fuzz-x87-ops.ts';

const lines = readFileSync(new URL('./x87-vectors.txt', import.meta.url), 'utf8')
  .split('\n')
  .slice(1)
  .filter(Boolean)
  .map((line) => line.split('; ') as [string, string, string, string]);

describe('x87 arithmetic answers as the processor did', () => {
  it.each(X87_OPS.map((op) => [op.name, op] as const))('%s', (name, op) => {
    const own = lines.filter(([n]) => n === name);
    expect(own.length).toBeGreaterThan(20);
    for (const [, cw, before, after] of own) {
      const answer = x87Answer(op, Number.parseInt(cw, 16), parse(before).s);
      expect([cw, before, x87Difference(op, answer, parse(after))]).toEqual([cw, before, null]);
    }
  });
});
