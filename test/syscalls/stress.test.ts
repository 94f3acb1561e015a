import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = path.join(root, 'test/fixtures/syscalls');
const cli = path.join(root, 'bin/tsqemu-user.js');

/** Exclusive pairs, single instructions (LSE), those of 32-bit ARM, and locked ones. */
const BUILDS = [
  { name: 'AArch64', compiler: 'aarch64-linux-gnu-gcc', flags: [] },
  { name: 'AArch64 with LSE', compiler: 'aarch64-linux-gnu-gcc', flags: ['-march=armv8.2-a'] },
  { name: 'armhf', compiler: 'arm-linux-gnueabihf-gcc', flags: [] },
  { name: 'x86-64', compiler: 'x86_64-linux-gnu-gcc', flags: [] },
  { name: 'i386', compiler: 'i686-linux-gnu-gcc', flags: [] },
];

describe.each(BUILDS)('threads that synchronize and compute, with signals at random: $name', ({ compiler, flags }) => {
  const available = spawnSync(compiler, ['--version']).status === 0;
  let dir = '';
  let program = '';
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-stress-'));
    program = path.join(dir, 'stress');
    if (available) {
      const source = path.join(folder, 'stress.c');
      spawnSync(compiler, ['-O1', '-w', '-static', '-pthread', ...flags, '-o', program, source]);
    }
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  // more workers than processors: threads are taken off at any instruction
  test.skipIf(!available).each([0, 1, 3])('%i worker threads', { timeout: 60_000 }, (workers) => {
    const run = spawnSync(process.execPath, [cli, '--workers', `${workers}`, program, '0.5'], { encoding: 'utf8' });
    const expected = fs.readFileSync(path.join(folder, 'stress.expected'), 'utf8');
    expect(run.stderr).toMatch(/^\d+ rounds, \d+ signals\n$/);
    expect(`${run.stdout}status ${run.status}\n`).toBe(expected);
  });
});
