import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = path.join(root, 'test/fixtures/syscalls');
const cli = path.join(root, 'bin/tsqemu-user.js');
const expectedIn = (dir: string): string[] =>
  fs.readdirSync(dir).flatMap((name) => (name.endsWith('.expected') ? [path.join(dir, path.parse(name).name)] : []));
const shared = expectedIn(folder);

/** Compilers of the guests, x86 ones among them; 32-bit ARM has programs of its own, recorded from qemu-arm. */
const guests: Readonly<Record<string, readonly string[]>> = {
  'aarch64-linux-gnu-gcc': shared,
  'arm-linux-gnueabihf-gcc': [
    ...shared,
    ...['alignment', 'endian', 'old-calls', 'traps', 'vectors'].map((name) =>
      path.join(root, 'test/fixtures/arm', name),
    ),
  ],
  'x86_64-linux-gnu-gcc': shared,
  'i686-linux-gnu-gcc': shared,
};

/** What the programs print natively is recorded beside them; scripts/record-fixtures.sh does it again. */
describe.each(Object.entries(guests))('C programs by %s do what they do natively', (compiler, programs) => {
  const available = spawnSync(compiler, ['--version']).status === 0;
  let dir = '';
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-fixtures-'));
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  const names = programs.map((source) => path.basename(source));
  test.skipIf(!available).for(names)('%s', { timeout: 60_000 }, (name, { skip }) => {
    skip(name === 'permissions' && process.getuid?.() !== 0, 'who is not root cannot give root up');
    const source = programs.find((file) => path.basename(file) === name);
    const program = path.join(dir, name);
    const flags = ['-O1', '-w', '-static', '-pthread', '-o', program, `${source}.c`];
    const compiled = spawnSync(compiler, flags, { encoding: 'utf8' });
    expect(compiled.stderr).toBe('');
    // vitest's own limit does not end what is waited for synchronously
    const run = spawnSync(process.execPath, [cli, program], { encoding: 'utf8', input: '', cwd: dir, timeout: 50_000 });
    const expected = fs.readFileSync(`${source}.expected`, 'utf8');
    const status = run.status ?? 128 + os.constants.signals[run.signal as NodeJS.Signals];
    expect(`${run.stdout}${run.stderr}status ${status}\n`).toBe(expected);
  });
});
