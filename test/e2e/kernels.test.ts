import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { GUESTS, type GuestName } from '../../bench/build.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const emulator = path.join(root, 'scripts/fuzz-emulator.ts');
const kernels = path.join(root, 'bench/kernels');
/** Both tiers are done in some seconds, and the hot one has most of it. */
const DIVISOR = 40;

describe.each(Object.keys(GUESTS) as GuestName[])('floating-point kernels of %s', (guest) => {
  const { triple, simd } = GUESTS[guest];
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-kernels-'));
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));
  const hasCompiler = spawnSync(`${triple}-gcc`, ['--version']).status === 0;

  // the cold tier was compared with qemu and with processors instruction by instruction
  test.skipIf(!hasCompiler)('give in compiled loops what they give in the cold tier', { timeout: 240_000 }, () => {
    const compile = (source: string, flags: readonly string[]): string => {
      const object = path.join(dir, `${path.basename(source)}.o`);
      execFileSync(`${triple}-gcc`, [...flags, `-DDIVISOR=${DIVISOR}`, '-c', source, '-o', object]);
      return object;
    };
    const objects = [
      compile(path.join(root, 'test/fixtures/kernels/main.c'), ['-O2']),
      compile(path.join(kernels, 'fp.c'), ['-O2']),
      compile(path.join(kernels, 'simd.c'), ['-O3', ...simd]),
    ];
    const program = path.join(dir, 'kernels');
    execFileSync(`${triple}-gcc`, ['-static', ...objects, '-lm', '-o', program]);
    const [cold, hot] = ['cold', 'hot'].map((tier) =>
      execFileSync(process.execPath, [emulator, tier, program], { encoding: 'utf8' }),
    );
    expect(cold?.split('\n')).toHaveLength(10);
    expect(hot).toBe(cold);
  });
});
