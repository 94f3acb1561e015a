import fs from 'node:fs';
import { expect, test } from 'vitest';
import { LONG } from '../support/long-first.ts';

test('the tests that are to begin first exist', () => {
  expect(LONG.filter((name) => !fs.existsSync(new URL(`../../${name}`, import.meta.url)))).toEqual([]);
});
