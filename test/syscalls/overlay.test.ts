import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { SysrootOverlay } from '../../src/syscalls/vfs/overlay.ts';

const top = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-overlay-'));
afterAll(() => fs.rmSync(top, { recursive: true, force: true }));

test('a directory below -L that was opened has what the one it stands before has', () => {
  const host = path.join(top, 'host');
  const sysroot = path.join(top, 'root');
  const inside = sysroot + host;
  fs.mkdirSync(host);
  fs.mkdirSync(inside, { recursive: true });
  for (const file of [`${host}/both`, `${inside}/both`, `${host}/outside`]) fs.writeFileSync(file, '');
  const overlay = new SysrootOverlay(`${sysroot}/`);
  // a program opens the directory, and finds there what it made by an absolute path before (MariaDB's tables in /tmp)
  expect(overlay.redirect(host, true)).toBe(inside);
  expect(overlay.redirect(`${host}/outside`, true)).toBe(`${host}/outside`);
  expect(overlay.baseOf(inside, 'outside')).toBe(host);
  expect(overlay.baseOf(inside, 'both')).toBe(inside);
  expect(overlay.baseOf(inside, 'neither')).toBe(inside);
  expect(overlay.baseOf(host, 'outside')).toBe(host);
});
