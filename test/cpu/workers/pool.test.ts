import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { WorkerPool } from '../../../src/cpu/workers/pool.ts';
import { run } from '../../../src/index.ts';

const folder = fileURLToPath(new URL('../../fixtures/syscalls', import.meta.url));

describe.each(['aarch64-linux-gnu-gcc', 'arm-linux-gnueabihf-gcc'])(
  'threads and processes that compute, by %s',
  (gcc) => {
    const available = spawnSync(gcc, ['--version']).status === 0;
    let dir = '';
    beforeAll(() => {
      dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-workers-'));
      if (!available) return;
      const source = path.join(folder, 'parallel.c');
      spawnSync(gcc, ['-O1', '-w', '-static', '-pthread', '-o', path.join(dir, 'parallel'), source]);
    });
    afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));
    afterEach(() => vi.restoreAllMocks());

    test.skipIf(!available).each([0, 1, 2])('%i workers', { timeout: 120_000 }, async (workers) => {
      const starts = vi.spyOn(WorkerPool.prototype, 'start');
      const result = await run({ program: path.join(dir, 'parallel'), workers });
      const expected = fs.readFileSync(path.join(folder, 'parallel.expected'), 'latin1');
      expect(`${result.stdout}${result.stderr}status ${result.exitCode}\n`).toBe(expected);
      if (workers === 0) expect(starts).not.toHaveBeenCalled();
      else expect(starts).toHaveBeenCalled();
      // all of the machine's memories, threads and processes, come to workers in turn
      const memories = new Set(starts.mock.calls.map(([thread]) => thread.cpu));
      if (workers > 0) expect(memories.size).toBeGreaterThan(1);
    });
  },
);
