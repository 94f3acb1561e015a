import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  EBADF,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
} from '../../src/syscalls/errno.ts';
import { HostFs } from '../../src/syscalls/vfs/host.ts';
import { createMemRoot } from '../../src/syscalls/vfs/mem-root.ts';
import { Namespace } from '../../src/syscalls/vfs/namespace.ts';
import {
  type FileSystem,
  type Location,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  type OpenFile,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  type Stat,
} from '../../src/syscalls/vfs/types.ts';

/** One suite that every writable file system must pass; what it expects is what Linux does. */
interface Fixture {
  fs: FileSystem;
  /** Directory the tests work in. */
  top: string;
}

const fixtures: Record<string, () => Promise<Fixture>> = {
  host: async () => ({ fs: new HostFs(), top: fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-vfs-')) }),
  memfs: async () => {
    const root = await createMemRoot();
    root.mkdir('/work', 0o755);
    return { fs: root, top: '/work' };
  },
};

describe.each(Object.keys(fixtures))('file system %s', (kind) => {
  let fixture: Fixture;
  let tree: Namespace;
  let count = 0;
  let dir = '';

  beforeAll(async () => {
    fixture = await (fixtures[kind] as () => Promise<Fixture>)();
    tree = new Namespace(fixture.fs, [], null);
  });
  afterAll(() => {
    if (kind === 'host') fs.rmSync(fixture.top, { recursive: true, force: true });
  });

  /** A fresh directory for one test. */
  const fresh = (): string => {
    dir = `${fixture.top}/t${count++}`;
    expect(fixture.fs.mkdir(dir, 0o755)).toBe(0);
    return dir;
  };
  const at = (name: string, follow = true): Location | number => tree.resolve(dir, name, follow);
  const on = <T = number>(name: string, follow: boolean, action: (place: Location) => T): T | number => {
    const place = at(name, follow);
    return typeof place === 'number' ? place : action(place);
  };
  const open = (name: string, flags: number, mode = 0o644): OpenFile | number => {
    const place = at(name, (flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL));
    return typeof place === 'number' ? place : place.fs.open(place.path, flags, mode);
  };
  const opened = (name: string, flags: number, mode = 0o644): OpenFile => {
    const file = open(name, flags, mode);
    if (typeof file === 'number') throw new Error(`open ${name}: ${file}`);
    return file;
  };
  const put = (name: string, text: string): void => {
    const file = opened(name, O_WRONLY | O_CREAT | O_TRUNC);
    expect(file.write(Buffer.from(text))).toBe(text.length);
    expect(file.close()).toBe(0);
  };
  const get = (name: string): string => {
    const file = opened(name, O_RDONLY);
    const buffer = new Uint8Array(1000);
    const n = file.read(buffer);
    file.close();
    return Buffer.from(buffer.subarray(0, n)).toString('latin1');
  };
  const stat = (name: string, follow = true): Stat => {
    const place = at(name, follow);
    const result = typeof place === 'number' ? place : place.fs.stat(place.path, follow);
    if (typeof result === 'number') throw new Error(`stat ${name}: ${result}`);
    return result;
  };
  const statError = (name: string, follow = true): number => {
    const place = at(name, follow);
    const result = typeof place === 'number' ? place : place.fs.stat(place.path, follow);
    return typeof result === 'number' ? result : 0;
  };
  const names = (name: string): string[] => {
    const list: string[] = [];
    opened(name, O_RDONLY | O_DIRECTORY).readdir((entry) => {
      list.push(entry.name);
      return true;
    });
    return list.sort();
  };

  it('writes, reads, seeks and appends', () => {
    fresh();
    put('f', 'hello');
    expect(get('f')).toBe('hello');
    const file = opened('f', O_RDWR | O_APPEND);
    expect(file.write(Buffer.from(' world'))).toBe(6);
    expect(file.seek(0, 1)).toBe(11);
    expect(file.seek(-5, 2)).toBe(6);
    const buffer = new Uint8Array(10);
    expect(file.read(buffer)).toBe(5);
    expect(Buffer.from(buffer.subarray(0, 5)).toString()).toBe('world');
    expect(file.read(buffer)).toBe(0);
    expect(file.seek(-1, 0)).toBe(-EINVAL);
    expect(file.pread(buffer, 0)).toBe(10);
    expect(file.seek(0, 1)).toBe(11);
    file.close();
  });

  it('reads and writes shared memory, as guest buffers are', () => {
    fresh();
    const shared = new Uint8Array(new SharedArrayBuffer(64), 8, 16);
    shared.set(Buffer.from('sixteen bytes ok'));
    const file = opened('s', O_RDWR | O_CREAT);
    expect(file.write(shared)).toBe(16);
    shared.fill(0);
    expect(file.pread(shared, 0)).toBe(16);
    expect(Buffer.from(shared.slice()).toString()).toBe('sixteen bytes ok');
    file.close();
  });

  it('checks the access mode of a description', () => {
    fresh();
    put('f', 'x');
    const reader = opened('f', O_RDONLY);
    expect(reader.write(Buffer.from('y'))).toBe(-EBADF);
    expect(reader.truncate(0)).toBe(-EINVAL);
    const writer = opened('f', O_WRONLY);
    expect(writer.read(new Uint8Array(1))).toBe(-EBADF);
    reader.close();
    writer.close();
  });

  it('fills holes with zeros and truncates', () => {
    fresh();
    const file = opened('h', O_RDWR | O_CREAT);
    expect(file.pwrite(Buffer.from('end'), 100)).toBe(3);
    const buffer = new Uint8Array(4).fill(7);
    expect(file.pread(buffer, 50)).toBe(4);
    expect([...buffer]).toEqual([0, 0, 0, 0]);
    expect(file.truncate(10)).toBe(0);
    expect(stat('h').size).toBe(10);
    expect(file.truncate(20)).toBe(0);
    expect(file.pread(new Uint8Array(100), 0)).toBe(20);
    file.close();
  });

  it('knows O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW', () => {
    fresh();
    expect(open('f', O_RDONLY)).toBe(-ENOENT);
    put('f', 'abc');
    expect(open('f', O_WRONLY | O_CREAT | O_EXCL)).toBe(-EEXIST);
    expect(open('f', O_RDONLY | O_DIRECTORY)).toBe(-ENOTDIR);
    opened('f', O_WRONLY | O_TRUNC).close();
    expect(stat('f').size).toBe(0);
    expect(open('.', O_WRONLY)).toBe(-EISDIR);
    on('l', false, (p) => p.fs.symlink('f', p.path));
    expect(open('l', O_RDONLY | O_NOFOLLOW)).toBe(-ELOOP);
    expect(open('l', O_WRONLY | O_CREAT | O_EXCL)).toBe(-EEXIST);
    expect(open('f/x', O_WRONLY | O_CREAT)).toBe(-ENOTDIR);
    expect(open('no/x', O_WRONLY | O_CREAT)).toBe(-ENOENT);
  });

  it('keeps modes, times to the microsecond, and link counts', () => {
    fresh();
    opened('f', O_WRONLY | O_CREAT, 0o640).close();
    expect(stat('f').mode).toBe(S_IFREG | 0o640);
    expect(on('f', true, (p) => p.fs.chmod(p.path, 0o4711, true))).toBe(0);
    expect(stat('f').mode & 0o7777).toBe(0o4711);
    const t = { sec: 1_000_000_000, nsec: 500_000_000 };
    expect(on('f', true, (p) => p.fs.utimes(p.path, null, t, true))).toBe(0);
    expect(stat('f').mtime).toEqual(t);
    expect(on('f', false, (p) => p.fs.link(p.path, `${dir}/g`, false))).toBe(0);
    expect(stat('f').nlink).toBe(2);
    expect(stat('g').ino).toBe(stat('f').ino);
    expect(on('f', false, (p) => p.fs.unlink(p.path))).toBe(0);
    expect(stat('g').nlink).toBe(1);
  });

  it('keeps an open file alive when its name is gone', () => {
    fresh();
    put('f', 'still here');
    const file = opened('f', O_RDONLY);
    expect(on('f', false, (p) => p.fs.unlink(p.path))).toBe(0);
    const buffer = new Uint8Array(10);
    expect(file.read(buffer)).toBe(10);
    const now = file.stat();
    expect(typeof now === 'number' ? now : now.nlink).toBe(0);
    file.close();
  });

  it('makes and removes directories', () => {
    fresh();
    expect(on('d', false, (p) => p.fs.mkdir(p.path, 0o750))).toBe(0);
    expect(stat('d').mode).toBe(S_IFDIR | 0o750);
    expect(on('d', false, (p) => p.fs.mkdir(p.path, 0o755))).toBe(-EEXIST);
    put('d/x', '');
    expect(on('d', false, (p) => p.fs.rmdir(p.path))).toBe(-ENOTEMPTY);
    expect(on('d', false, (p) => p.fs.unlink(p.path))).toBe(-EISDIR);
    expect(on('d/x', false, (p) => p.fs.rmdir(p.path))).toBe(-ENOTDIR);
    expect(on('d/x', false, (p) => p.fs.unlink(p.path))).toBe(0);
    expect(on('d', false, (p) => p.fs.rmdir(p.path))).toBe(0);
    expect(on('d', false, (p) => p.fs.rmdir(p.path))).toBe(-ENOENT);
    expect(on('d', false, (p) => p.fs.link(p.path, `${dir}/e`, false))).toBe(-ENOENT);
  });

  it('refuses hard links to directories', () => {
    fresh();
    on('d', false, (p) => p.fs.mkdir(p.path, 0o755));
    expect(on('d', false, (p) => p.fs.link(p.path, `${dir}/e`, false))).toBe(-EPERM);
  });

  it('lists directories with . and .. and every byte of a name', () => {
    fresh();
    put('a', '');
    put('caf\xc3\xa9', '');
    on('sub', false, (p) => p.fs.mkdir(p.path, 0o755));
    expect(names('.')).toEqual(['.', '..', 'a', 'caf\xc3\xa9', 'sub']);
    expect(get('caf\xc3\xa9')).toBe('');
  });

  it('lists on from where the buffer was full', () => {
    fresh();
    for (let i = 0; i < 10; i++) put(`f${i}`, '');
    const directory = opened('.', O_RDONLY | O_DIRECTORY);
    const seen: string[] = [];
    for (let round = 0; round < 20; round++) {
      let room = 1;
      directory.readdir((entry) => {
        if (room-- === 0) return false;
        seen.push(entry.name);
        return true;
      });
    }
    expect(seen.sort()).toEqual(names('.'));
    directory.close();
  });

  it('follows symlinks, also broken and looping ones', () => {
    fresh();
    put('f', 'target');
    on('l', false, (p) => p.fs.symlink('f', p.path));
    expect(get('l')).toBe('target');
    expect(on('l', false, (p) => (p.fs.readlink(p.path) === 'f' ? 1 : 0))).toBe(1);
    expect(on('f', false, (p) => p.fs.readlink(p.path) as number)).toBe(-EINVAL);
    on('broken', false, (p) => p.fs.symlink('nowhere', p.path));
    expect(statError('broken')).toBe(-ENOENT);
    expect(statError('broken', false)).toBe(0);
    put('broken', 'made through the link');
    expect(get('nowhere')).toBe('made through the link');
    on('x', false, (p) => p.fs.symlink('y', p.path));
    on('y', false, (p) => p.fs.symlink('x', p.path));
    expect(statError('x')).toBe(-ELOOP);
    expect(open('x', O_RDONLY)).toBe(-ELOOP);
  });

  it('takes .. of a symlinked directory from where the link leads', () => {
    fresh();
    on('a', false, (p) => p.fs.mkdir(p.path, 0o755));
    on('a/b', false, (p) => p.fs.mkdir(p.path, 0o755));
    put('a/f', 'in a');
    put('f', 'outside');
    on('l', false, (p) => p.fs.symlink('a/b', p.path));
    expect(get('l/../f')).toBe('in a');
  });

  it('renames as Linux does', () => {
    fresh();
    put('f', '1');
    put('g', '2');
    on('d', false, (p) => p.fs.mkdir(p.path, 0o755));
    on('full', false, (p) => p.fs.mkdir(p.path, 0o755));
    put('full/x', '');
    const rename = (a: string, b: string, flags = 0): number =>
      on(a, false, (p) => p.fs.rename(p.path, `${dir}/${b}`, flags));
    expect(rename('f', 'g', 1)).toBe(-EEXIST);
    expect(rename('f', 'g')).toBe(0);
    expect(get('g')).toBe('1');
    expect(rename('g', 'd')).toBe(-EISDIR);
    expect(rename('d', 'g')).toBe(-ENOTDIR);
    expect(rename('d', 'full')).toBe(-ENOTEMPTY);
    expect(rename('full', 'full/inner')).toBe(-EINVAL);
    expect(rename('full', 'd')).toBe(0);
    expect(names('d')).toEqual(['.', '..', 'x']);
    expect(rename('nope', 'g')).toBe(-ENOENT);
    on('g', false, (p) => p.fs.link(p.path, `${dir}/h`, false));
    expect(rename('g', 'h')).toBe(0);
    expect(stat('g').nlink).toBe(2);
    // symlinks themselves, whether they lead anywhere or not
    for (const target of ['g', 'nowhere']) {
      on('link', false, (p) => p.fs.symlink(target, p.path));
      expect(rename('link', 'moved')).toBe(0);
      expect(on('moved', false, (p) => p.fs.readlink(p.path))).toBe(target);
      expect(get('g')).toBe('1');
      expect(names('.')).not.toContain('link');
    }
    const exchanged = 2;
    expect(rename('moved', 'd', exchanged)).toBe(0);
    expect(on('d', false, (p) => p.fs.readlink(p.path))).toBe('nowhere');
    expect(names('moved')).toEqual(['.', '..', 'x']);
    expect(rename('moved', 'nope', exchanged)).toBe(-ENOENT);
    expect(names('.')).toEqual(['.', '..', 'd', 'g', 'h', 'moved']);
  });

  it('treats a trailing slash as a directory, and long names as too long', () => {
    fresh();
    put('f', '');
    expect(statError('f/')).toBe(-ENOTDIR);
    expect(statError('f/x')).toBe(-ENOTDIR);
    expect(statError('no/x')).toBe(-ENOENT);
    expect(statError('n'.repeat(256))).toBe(-ENAMETOOLONG);
    expect(statError('')).toBe(-ENOENT);
    expect(stat('.').mode & S_IFMT).toBe(S_IFDIR);
  });

  it('gives a mapping source that outlives the descriptor', () => {
    fresh();
    put('f', 'mapped');
    const file = opened('f', O_RDWR);
    const source = file.mapSource();
    if (typeof source === 'number') throw new Error(`mapSource: ${source}`);
    source.ref();
    if (--file.refs === 0) file.close();
    const buffer = new Uint8Array(6);
    expect(source.read(buffer, 0)).toBe(6);
    expect(Buffer.from(buffer).toString()).toBe('mapped');
    expect(source.write(Buffer.from('M'), 0)).toBe(1);
    expect(source.size()).toBe(6);
    source.unref();
    expect(get('f')).toBe('Mapped');
  });
});
