import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { append, readAt } from '../src/bounce.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bounce-'));
const bytes = Buffer.from(Array.from({ length: 200_001 }, (_, i) => (i * 7 + (i >>> 8)) & 0xff));

const opened = <T>(flags: string, use: (fd: number) => T): T => {
  const fd = fs.openSync(path.join(dir, 'file'), flags);
  try {
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
};

test('what is appended in pieces of any length is what is read again, from anywhere', () => {
  opened('w', (fd) => {
    for (const [from, to] of [[0, 10], [10, 10], [10, 150_000], [150_000, 200_001]]) append(fd, bytes.subarray(from, to)); // biome-ignore format: one line
  });
  expect(fs.readFileSync(path.join(dir, 'file')).equals(bytes)).toBe(true);
  opened('r', (fd) => {
    for (const [at, length] of [
      [0, 200_001],
      [1, 0x1_0000],
      [4095, 0x1_0001],
      [199_000, 100],
      [7, 0],
    ] as const) {
      // biome-ignore format: one line
      const into = Buffer.alloc(length);
      expect(readAt(fd, into, at)).toBe(length);
      expect(into.equals(bytes.subarray(at, at + length))).toBe(true);
    }
  });
});

test('where the file ends before the memory does, the rest of that is left alone', () => {
  opened('r', (fd) => {
    for (const [at, length] of [
      [190_000, 100_000],
      [200_000, 9],
      [200_001, 0x2000],
    ] as const) {
      // biome-ignore format: one line
      const into = Buffer.alloc(length, 0xee);
      const count = 200_001 - at;
      expect(readAt(fd, into, at)).toBe(count);
      expect(into.subarray(0, count).equals(bytes.subarray(at))).toBe(true);
      expect(into.subarray(count).every((byte) => byte === 0xee)).toBe(true);
    }
  });
});

test('what cannot be read is an error', () => {
  const fd = fs.openSync(dir, 'r');
  expect(() => readAt(fd, Buffer.alloc(0x2000), 0)).toThrow('EISDIR');
  fs.closeSync(fd);
});
