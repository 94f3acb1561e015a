import { describe, expect, test } from 'vitest';
import { RowGenerator } from '../../../scripts/fuzz-generate.ts';
import { Random } from '../../../scripts/fuzz-random.ts';
import { flagUse, readsFlagsAt } from '../../../src/cpu/frontend/aarch64/flag-reads.ts';
import { createAarch64 } from '../../../src/cpu/frontend/aarch64/frontend.ts';
import { rows } from '../../../src/cpu/frontend/aarch64/table.ts';
import type { SingleLift } from '../../../src/cpu/frontend/frontend.ts';

const single = createAarch64().single as SingleLift;

test('what instructions do with the flags is what their rows do', () => {
  const random = new Random(7);
  let readers = 0;
  let setters = 0;
  for (const row of rows) {
    const generator = new RowGenerator(row);
    for (let i = 0; i < 20; i++) {
      const word = generator.word(random, 0);
      const { reads, sets, block } = single.lift(word, 0, 0x1000, -1);
      // reserved words raise SIGILL
      if (block.terminal.kind === 'exit') continue;
      const use = flagUse(word);
      const what = `${row.syntax} ${word.toString(16)}`;
      // rows say nothing of flags that a condition of AL or NV does not need
      if (reads !== 0) expect(use.reads, what).toBe(true);
      if (use.sets) expect(sets, what).not.toBe(0);
      readers += reads;
      setters += use.sets ? 1 : 0;
    }
  }
  expect(readers).toBeGreaterThan(100);
  expect(setters).toBeGreaterThan(100);
});

describe('code that may read the flags it finds', () => {
  const asks = (...words: number[]): boolean => {
    const code = new DataView(Uint32Array.from(words).buffer);
    return readsFlagsAt(code, 0, (pc) => pc >= 0 && pc < code.byteLength);
  };
  const [bEq, cmp, nop, ret, br] = [0x54000040, 0xeb01001f, 0xd503201f, 0xd65f03c0, 0xd61f0120];

  test('reads before it sets', () => {
    expect(asks(nop, bEq)).toBe(true);
    expect(asks(cmp, bEq)).toBe(false);
    expect(asks(nop, ret, bEq)).toBe(false);
    expect(asks(br, bEq)).toBe(false);
  });
  test('behind jumps, on either way, but not in what it calls, which is asked about by itself', () => {
    const [b2, cbz2, bl2] = [0x14000002, 0xb4000040, 0x94000002];
    expect(asks(b2, ret, bEq)).toBe(true);
    expect(asks(cbz2, ret, bEq)).toBe(true);
    expect(asks(cbz2, bEq, ret)).toBe(true);
    expect(asks(bl2, ret, bEq)).toBe(false);
    expect(asks(bl2, bEq, ret)).toBe(false);
    expect(asks(b2, bEq, cmp)).toBe(false);
  });
  test('ends, whatever loops there are', () => {
    expect(asks(0x14000000)).toBe(false);
    expect(asks(...new Array(1000).fill(nop))).toBe(false);
    expect(asks(...new Array(5000).fill(nop))).toBe(true);
  });
});
