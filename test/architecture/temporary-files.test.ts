import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { setup } from '../support/temporary-files.ts';

const own = os.tmpdir();
afterEach(() => void vi.unstubAllEnvs());

test('tests have a directory of their run for temporary files', () => {
  expect(path.basename(own)).toMatch(/^tsqemu-run-\d+-/);
});

test('it goes with the run, and that of one that was killed with the next', () => {
  const dir = fs.mkdtempSync(path.join(own, 'runs-'));
  vi.stubEnv('TMPDIR', dir);
  const { pid } = spawnSync(process.execPath, ['-e', '0']);
  fs.mkdirSync(path.join(dir, `tsqemu-run-${pid}-killed`));
  fs.writeFileSync(path.join(dir, `tsqemu-run-${pid}-killed/file`), '');
  const others = [`tsqemu-run-${process.pid}-runs`, 'tsqemu-other'];
  for (const name of others) fs.mkdirSync(path.join(dir, name));
  const teardown = setup();
  const made = os.tmpdir();
  expect(path.dirname(made)).toBe(dir);
  expect(fs.readdirSync(dir).sort()).toEqual([...others, path.basename(made)].sort());
  fs.mkdirSync(path.join(made, 'left'));
  teardown();
  expect(os.tmpdir()).toBe(dir);
  expect(fs.readdirSync(dir).sort()).toEqual(others.sort());
});
