import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = path.join(root, 'bin/tsqemu-user.js');
const source = path.join(root, 'test/fixtures/cpu-model.c');

/** Model, and what qemu-aarch64 and qemu-arm 7.2 print for it; `killed` where the last instruction is not there. */
const guests: readonly [compiler: string, flags: readonly string[], models: readonly [string, string][]][] = [
  [
    'aarch64-linux-gnu-gcc',
    [],
    [
      ['max', '6\n'],
      ['cortex-a53', 'midr 410fd034 crc32 1 atomics 0 hwcap 0\nkilled'],
      ['cortex-a57', 'midr 411fd070 crc32 1 atomics 0 hwcap 0\nkilled'],
      ['cortex-a72', 'midr 410fd083 crc32 1 atomics 0 hwcap 0\nkilled'],
    ],
  ],
  [
    'arm-linux-gnueabihf-gcc',
    ['-march=armv8-a', '-mfpu=fp-armv8'],
    [
      ['max', 'vfpv4 1 crc32 1 division 1 fma 1 half 1\n2\n'],
      ['cortex-a7', 'vfpv4 1 crc32 0 division 1 fma 1 half 1\nkilled'],
      ['cortex-a15', 'vfpv4 1 crc32 0 division 1 fma 1 half 1\nkilled'],
      ['cortex-a9', 'vfpv4 0 crc32 0 division 0 fma 0 half 1\nkilled'],
      ['cortex-a8', 'vfpv4 0 crc32 0 division 0 fma 0 half 0\nkilled'],
    ],
  ],
];

describe.each(guests)('-cpu with a program by %s', (compiler, flags, models) => {
  const available = spawnSync(compiler, ['--version']).status === 0;
  let dir = '';
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-models-'));
    if (available) spawnSync(compiler, [...flags, '-w', '-O1', '-static', '-o', path.join(dir, 'program'), source]);
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  test.skipIf(!available).each(models)('%s', (model, expected) => {
    const run = spawnSync(process.execPath, [cli, '-cpu', model, path.join(dir, 'program')], { encoding: 'utf8' });
    const outcome = `${run.stdout}${run.signal === 'SIGILL' ? 'killed' : ''}`;
    if (model === 'max') expect(outcome.endsWith(expected)).toBe(true);
    else expect(outcome).toBe(expected);
  });
});
