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
  // divides numbers of 128 bits
  ['perl', '-e', 'print 7, " ", length(sprintf "%.40g", 1e300 / 7) - 4, "\n"'],
  ['gawk', 'BEGIN { print 7, 6 * 7 }'],
  ['sqlite3', ':memory:', '.separator " "', 'select 7, 42'],
];

/** What a first run with these arguments does. */
const run = (...args: readonly string[]): { status: number | null; stdout: string; stderr: string } => {
  const env = { ...process.env, TSQEMU_CACHE: fs.mkdtempSync(path.join(copy, 'cache-')) };
  const cli = path.join(copy, 'bin/tsqemu-user.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
};
const EXPECTED = { status: 0, stdout: '7 42\n', stderr: '' };

for (const guest of [AMD64, I386]) {
  const { arch, sysroot } = guest;
  test.skipIf(!hasSysroot(guest)).each(PROGRAMS)(`${arch}: a first run of %s loads no translator`, (name, ...args) => {
    expect(run('-L', sysroot, path.join(sysroot, 'usr/bin', name), ...args)).toEqual(EXPECTED);
  });
}

test.each(['mode-64', 'mode-32'])(
  '%s: what goes on to exact floating point and does something else loads none',
  (name) => {
    expect(run(path.join(root, 'test/fixtures/x86', name))).toEqual(EXPECTED);
  },
);
