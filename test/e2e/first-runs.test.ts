import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AMD64, hasSysroot, I386 } from './sysroot.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let copy = '';

/** The command line without the translator, with nothing kept. */
beforeAll(() => {
  copy = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-first-'));
  for (const folder of ['bin', 'dist'])
    fs.cpSync(path.join(root, folder), path.join(copy, folder), { recursive: true });
  fs.rmSync(path.join(copy, 'dist/translator.cjs'));
});
afterAll(() => fs.rmSync(copy, { recursive: true, force: true }));

/** Over long before a run compiles anything. */
const PROGRAMS: readonly (readonly [string, ...string[]])[] = [
  ['bash', '-c', 'printf "%d %s\n" 7 $((6 * 7))'],
  ['perl', '-e', 'print "7 42\n"'],
  ['gawk', 'BEGIN { print 7, 6 * 7 }'],
  ['sqlite3', ':memory:', '.separator " "', 'select 7, 42'],
];

for (const guest of [AMD64, I386]) {
  const { arch, sysroot } = guest;
  test.skipIf(!hasSysroot(guest)).each(PROGRAMS)(`${arch}: a first run of %s loads no translator`, (name, ...args) => {
    const cli = [path.join(copy, 'bin/tsqemu-user.js'), '-L', sysroot, path.join(sysroot, 'usr/bin', name), ...args];
    const env = { ...process.env, TSQEMU_CACHE: fs.mkdtempSync(path.join(copy, 'cache-')) };
    const { status, stdout, stderr } = spawnSync(process.execPath, cli, { env, encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '7 42\n', stderr: '' });
  });
}
