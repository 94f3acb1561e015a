import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { boundCalls, fromBigIntStats, nodeStat, publicCalls, statOf } from '../../src/syscalls/vfs/node-stat.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'node-stat-'));
const file = path.join(dir, 'file');
fs.writeFileSync(file, 'some bytes', { mode: 0o604 });
const link = path.join(dir, 'link');
fs.symlinkSync('file', link);
const old = path.join(dir, 'old');
fs.writeFileSync(old, '');
fs.utimesSync(old, new Date(-1500), new Date(-86_400_250));
fs.linkSync(old, path.join(dir, 'old too'));

const { binding } = process as unknown as { binding(name: string): Parameters<typeof boundCalls>[0] };
const bound = boundCalls(binding('fs'));

test("this Node's binding is the one that is used", () => {
  expect(nodeStat()).not.toBe(publicCalls);
});

test.each([dir, file, link, old, '/dev/null', '/proc/self'])(
  'the binding tells of %s what the public calls do',
  (name) => {
    const { atime: _, ...expected } = publicCalls.lstat(name) as NonNullable<ReturnType<typeof bound.lstat>>;
    expect(bound.lstat(name)).toMatchObject(expected);
    expect(bound.stat(name)).toMatchObject((({ atime: _, ...stat }) => stat)(publicCalls.stat(name)));
    expect(bound.mode(name)).toBe(expected.mode);
  },
);

test('by a descriptor too, and of names that are bytes', () => {
  const fd = fs.openSync(file, 'r');
  expect(bound.fstat(fd)).toEqual(publicCalls.fstat(fd));
  fs.closeSync(fd);
  expect(bound.lstat(Buffer.from(file))).toEqual(publicCalls.lstat(file));
});

test('times before 1970 count forward from a second', () => {
  expect(bound.lstat(old)?.mtime).toEqual({ sec: -86_401, nsec: 750_000_000 });
  expect(publicCalls.lstat(old)?.mtime).toEqual({ sec: -86_401, nsec: 750_000_000 });
});

test.each([bound, publicCalls])('a missing file is none, a file below a file an exception', (calls) => {
  expect(calls.lstat(path.join(dir, 'none'))).toBe(undefined);
  expect(calls.mode(path.join(dir, 'none'))).toBe(undefined);
  expect(() => calls.lstat(path.join(file, 'x'))).toThrow('ENOTDIR');
  expect(() => calls.stat(path.join(dir, 'none'))).toThrow('ENOENT');
  expect(() => calls.fstat(-1)).toThrow();
});

test('an inode number that is no exact double is asked for once more', () => {
  const ino = 2n ** 63n + 5n;
  const numbers = [1, 0o100644, 1, 0, 0, 0, 4096, Number(ino), 10, 8, 1, 2, 3, 4, 5, 6, 0, 0];
  const wide = numbers.map((n, i) => (i === 7 ? ino : BigInt(n)));
  const stat = statOf(numbers, () => wide);
  expect(stat).toMatchObject({ ino, size: 10, blksize: 4096, blocks: 8, mtime: { sec: 3, nsec: 4 }, btime: null });
  const found = fs.lstatSync(file, { bigint: true });
  expect(fromBigIntStats(Object.assign(found, { ino })).ino).toBe(ino);
});
