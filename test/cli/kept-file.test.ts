import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KeptFile } from '../../src/kept-file.ts';

function fileOf(text: string): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kept-file-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true }));
  const file = path.join(dir, 'kept');
  fs.writeFileSync(file, text);
  return file;
}

const textOf = (file: KeptFile | null, at: number, length: number): string | undefined => {
  const bytes = new Uint8Array(length);
  return file?.read(at, [bytes.subarray(0, 1), bytes.subarray(1)]) ? Buffer.from(bytes).toString() : undefined;
};

test('a file stays as it was while it is open, and is another one after that', () => {
  const path = fileOf('before');
  const file = KeptFile.find(path);
  expect([file?.size, textOf(file, 0, 3), textOf(file, 2, 4)]).toEqual([6, 'bef', 'fore']);
  fs.writeFileSync(`${path}.aside`, 'after');
  fs.renameSync(`${path}.aside`, path);
  expect(textOf(file, 0, 6)).toBe('before');
  file?.close();
  file?.close();
  expect([textOf(file, 0, 5), textOf(file, 0, 6)]).toEqual(['after', undefined]);
  file?.close();
  fs.rmSync(path);
  expect(textOf(file, 0, 5)).toBeUndefined();
  expect(KeptFile.find(path)).toBeNull();
});

test('what goes beyond the end is not there', () => {
  const file = KeptFile.find(fileOf('short'));
  expect([textOf(file, 1, 4), textOf(file, 1, 5), textOf(file, 9, 2)]).toEqual(['hort', undefined, undefined]);
  file?.close();
});
