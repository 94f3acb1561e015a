import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { SYSROOT } from './sysroot.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bash = path.join(SYSROOT, 'bin/bash');
const SCRIPT = 'i=0; while [ $i -lt $0 ]; do x=$(echo $i); i=$((i+1)); done; echo $x';

interface Counts {
  readonly memories: number;
  readonly tables: number;
  readonly workers: number;
  readonly youngMiB: number;
}

/** What V8 was asked for by a shell that forks so many children, one after the other, on at most so many workers. */
function substitutions(count: number, workers: number): Counts {
  const counter = path.join(root, 'test/support/count-memories.cjs');
  const emulator = [path.join(root, 'bin/tsqemu-user.js'), '--workers', `${workers}`, '-L', SYSROOT];
  // templates have a memory too, which runs load that meet blocks which earlier ones have not kept
  const cache = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-many-'));
  const run = spawnSync(process.execPath, ['--require', counter, ...emulator, bash, '-c', SCRIPT, `${count}`], {
    env: { ...process.env, TSQEMU_CACHE: cache },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  fs.rmSync(cache, { recursive: true });
  expect(run.stdout).toBe(`${count - 1}\n`);
  return JSON.parse(run.output[3] ?? '');
}

describe.skipIf(!fs.existsSync(bash))('a thousand children (needs the arm64 packages)', () => {
  test('memories, tables and workers are used again, and V8 keeps its young space small', { timeout: 120_000 }, () => {
    const few = substitutions(100, 1);
    const many = substitutions(1000, 1);
    expect(few.memories).toBeLessThanOrEqual(4);
    expect(many.memories).toBe(few.memories);
    expect(many.tables).toBe(few.tables);
    // the one that runs guest code
    expect(many.workers).toBeLessThanOrEqual(1);
    // V8 by itself would have taken 64 MiB by then
    expect(many.youngMiB).toBeLessThanOrEqual(16);
  });
});
