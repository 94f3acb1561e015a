import { expect, test } from 'vitest';
import { PAGE_SIZE } from '../../src/cpu/memory/layout.ts';
import { Translations } from '../../src/cpu/translations.ts';

test('whole pages of code are told from parts of others, in copies too', () => {
  const first = new Translations(null);
  first.noteBytes(1, 0, PAGE_SIZE);
  first.noteBytes(1, 8, 12);
  first.noteBytes(2, 4, 8);
  let last = first;
  // the fourth copies what it inherits
  for (let i = 0; i < 5; i++) last = new Translations(last);
  last.noteBytes(3, 0, 4);
  const held = (of: Translations): boolean[] =>
    [1, 2, 2, 3].map((page, i) => of.holdsBytes(page, [4000, 0, 7, 5][i] as number, [4001, 4, 9, 9][i] as number));
  expect([held(first), held(last)]).toEqual([
    [true, false, true, false],
    [true, false, true, false],
  ]);
  first.pages.add(1);
  expect(first.without(1, 2)).not.toBe(first);
  expect(last.holdsBytes(3, 0, 1)).toBe(true);
  const other = new Translations(null);
  other.noteBytes(5, 0, 4);
  expect(other.holdsBytes(5, 4, PAGE_SIZE)).toBe(false);
});
