import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = path.join(root, 'test/fixtures/syscalls');
const cli = path.join(root, 'bin/tsqemu-user.js');
const COMPILER = 'aarch64-linux-gnu-gcc';
const names = fs.readdirSync(folder).flatMap((name) => (name.endsWith('.expected') ? [path.parse(name).name] : []));
const available = spawnSync(COMPILER, ['--version']).status === 0;

/** What the programs print natively is recorded beside them; scripts/record-fixtures.sh does it again. */
describe.skipIf(!available)('C programs do what they do natively', () => {
  let dir = '';
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-fixtures-'));
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  test.each(names)('%s', { timeout: 60_000 }, (name) => {
    const program = path.join(dir, name);
    const flags = ['-O1', '-w', '-static', '-pthread', '-o', program, path.join(folder, `${name}.c`)];
    const compiled = spawnSync(COMPILER, flags, { encoding: 'utf8' });
    expect(compiled.stderr).toBe('');
    const run = spawnSync(process.execPath, [cli, program], { encoding: 'utf8', input: '', cwd: dir });
    const expected = fs.readFileSync(path.join(folder, `${name}.expected`), 'utf8');
    const status = run.status ?? 128 + os.constants.signals[run.signal as NodeJS.Signals];
    expect(`${run.stdout}${run.stderr}status ${status}\n`).toBe(expected);
  });
});
