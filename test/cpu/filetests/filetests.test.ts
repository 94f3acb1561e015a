import fs from 'node:fs';
import { expect, test } from 'vitest';
import { DIRECTORY, fileTests, record } from './filetest.ts';

test('there are some', () => expect(fileTests().length).toBeGreaterThanOrEqual(15));

test.each(fileTests())('%s: IR and wasm are as recorded', (name) => {
  const text = fs.readFileSync(new URL(name, DIRECTORY), 'utf8');
  const actual = record(name, text).split('\n');
  const expected = text.split('\n');
  const at = expected.findIndex((line, i) => line !== actual[i]);
  const near = (lines: string[]): string => lines.slice(Math.max(0, at - 3), at + 4).join('\n');
  // Which part of what is meant to change is decided by reading the new files: npm run filetests, git diff.
  expect(at < 0 ? '' : near(actual)).toBe(at < 0 ? '' : near(expected));
  expect(actual.length).toBe(expected.length);
});
