import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMemRoot } from '../../src/syscalls/vfs/mem-root.ts';
import { Machine } from './machine.ts';

const AT_FDCWD = -100;
const IN_NONBLOCK = 0o4000;
const ALL = 0xfff;

/** Events as `wd mask cookie name`. */
function events(m: Machine, fd: number): string[] {
  const buffer = m.alloc(4096);
  const n = m.call('read', fd, buffer, 4096);
  const list: string[] = [];
  for (let at = buffer; at < buffer + n; ) {
    const length = m.view.getUint32(at + 12, true);
    const name = m.bytes(at + 16, length).replace(/\0+$/, '');
    list.push(
      `${m.view.getInt32(at, true)} ${m.view.getUint32(at + 4, true).toString(16)} ${m.view.getUint32(at + 8, true)} ${name}`,
    );
    at += 16 + length;
  }
  return list;
}

describe.each(['memory', 'host'])('inotify in the %s tree', (kind) => {
  it('tells of a file that is made, written, moved, opened long before, and removed', async () => {
    const top = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-inotify-'));
    const root = kind === 'memory' ? await createMemRoot() : undefined;
    const m = new Machine({ root }, { cwd: kind === 'memory' ? '/' : top });
    expect(m.call('mkdirat', AT_FDCWD, 'dir', 0o755)).toBe(0);
    const early = m.call('openat', AT_FDCWD, 'dir/early', 0o102, 0o644);
    const fd = m.call('inotify_init1', IN_NONBLOCK);
    expect(m.call('inotify_add_watch', fd, 'dir', ALL)).toBe(1);
    m.call('write', early, 'x', 1);
    m.call('renameat2', AT_FDCWD, 'dir/early', AT_FDCWD, 'dir/later', 0);
    m.call('write', early, 'x', 1);
    m.call('unlinkat', AT_FDCWD, 'dir/later', 0);
    m.call('close', early);
    expect(events(m, fd)).toEqual([
      '1 2 0 early',
      '1 40 1 early',
      '1 80 1 later',
      '1 2 0 later',
      '1 200 0 later',
      '1 8 0 later',
    ]);
    expect(m.call('unlinkat', AT_FDCWD, 'dir', 0x200)).toBe(0);
    expect(events(m, fd)).toEqual(['1 400 0 ', '1 8000 0 ']);
    expect(m.call('inotify_rm_watch', fd, 1)).toBe(-22);
    expect(m.call('close', fd)).toBe(0);
    fs.rmSync(top, { recursive: true });
  });
});
