import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { x87Answer, x87Difference } from '../../../scripts/fuzz-x87.ts';
import { parse, X87_OPS } from '../../../scripts/fuzz-x87-ops.ts';
import { Ext, X87Env } from '../../../src/cpu/softfloat/x87/ext.ts';
import { fyl2xp1 } from '../../../src/cpu/softfloat/x87/transcendental.ts';

const lines = readFileSync(new URL('./x87-vectors.txt', import.meta.url), 'utf8')
  .split('\n')
  .slice(1)
  .filter(Boolean)
  .map((line) => line.split('; ') as [string, string, string, string]);

/** A step of 2^-64 above −1: log2 of it is −64, exactly. */
it('FYL2XP1 ends near −1 too', () => {
  const a = new Ext().set(0xbffe, -1, -1);
  const r = fyl2xp1(new Ext(), a, new Ext().set(0x3fff, -0x8000_0000, 0), new X87Env());
  expect([r.se, r.hi >>> 0, r.lo >>> 0]).toEqual([0xc005, 0x8000_0000, 0]);
});

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
