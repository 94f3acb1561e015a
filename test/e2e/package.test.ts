import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { execute } from './outcome.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const hello = path.join(root, 'test/fixtures/aarch64/hello');
let dir = '';

beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-pack-'));
  const quiet: ExecFileSyncOptionsWithStringEncoding = {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  };
  // Built by the set-up already; npm's own lifecycle would build again.
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir], quiet),
  );
  fs.writeFileSync(path.join(dir, 'package.json'), '{ "type": "module" }');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--no-save'];
  execFileSync('npm', ['install', ...flags, `./${packed.filename}`], { ...quiet, cwd: dir });
}, 180_000);

afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

test('the package runs a program from an empty folder', async () => {
  const bin = path.join(dir, 'node_modules/.bin/tsqemu-user');
  const result = await execute(process.execPath, [bin, hello, 'one'], '', { cwd: dir });
  expect(result.stdout.toString()).toBe('Hello from AArch64!\none\n');
  expect(result.status).toBe(0);
});

test('the library runs a program and captures its streams', async () => {
  const script = `import { run } from 'tsqemu-user';
    const cat = await run({ program: ${JSON.stringify(hello)}, args: ['cat'], stdin: 'streamed' });
    const env = await run({ program: ${JSON.stringify(hello)}, env: { GREETING: 'hi' } });
    const crash = await run({ program: ${JSON.stringify(hello)}, args: ['crash'] });
    console.log(JSON.stringify([cat.exitCode, cat.stdout.toString(), env.stdout.toString(), crash.exitCode, crash.signal]));`;
  fs.writeFileSync(path.join(dir, 'use.js'), script);
  const { stdout, stderr } = await execute(process.execPath, ['use.js'], '', { cwd: dir });
  expect(stderr.toString()).toBe('');
  expect(JSON.parse(stdout.toString())).toEqual([0, 'streamed', 'Hello from AArch64!\nGREETING=hi\n', null, 11]);
});
