import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { GUESTS } from './sysroot.ts';

const cli = fileURLToPath(new URL('../../bin/tsqemu-user.js', import.meta.url));
const top = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-inotify-'));
afterAll(() => fs.rmSync(top, { recursive: true, force: true }));

/** What the host's programs do, one step after the other, and what must have been told before the next. */
const STEPS: readonly (readonly [(dir: string) => void, string])[] = [
  [(dir) => fs.mkdirSync(path.join(dir, 'sub')), 'CREATE,ISDIR sub'],
  [(dir) => fs.writeFileSync(path.join(dir, 'file'), 'one'), 'CREATE file'],
  [(dir) => fs.appendFileSync(path.join(dir, 'old'), 'two'), 'MODIFY old'],
  [(dir) => fs.chmodSync(path.join(dir, 'old'), 0o600), 'ATTRIB old'],
  [(dir) => fs.rmSync(path.join(dir, 'file')), 'DELETE file'],
];

for (const { arch, sysroot } of GUESTS) {
  const program = path.join(sysroot, 'usr/bin/inotifywait');
  const there = fs.existsSync(program);
  const why = there ? '' : ` (skipped: no ${program})`;
  test.skipIf(!there)(`${arch}: inotifywait sees what the host's programs do${why}`, async () => {
    const dir = path.join(top, arch);
    fs.mkdirSync(dir);
    fs.writeFileSync(path.join(dir, 'old'), '');
    const child = spawn(process.execPath, [cli, '-L', sysroot, program, '-m', dir]);
    const seen = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (part: string) => {
        seen[stream] += part;
      });
    }
    while (!seen.stderr.includes('established')) await once(child.stderr, 'data');
    for (const [change, told] of STEPS) {
      change(dir);
      while (!seen.stdout.includes(` ${told}\n`)) await once(child.stdout, 'data');
    }
    child.kill();
    await once(child, 'close');
    expect(seen.stdout.startsWith(`${dir}/ CREATE,ISDIR sub\n`)).toBe(true);
  });
}
