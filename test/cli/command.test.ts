import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { execute } from '../e2e/outcome.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = path.join(root, 'bin/tsqemu-user.js');
const fixtures = path.join(root, 'test/fixtures/aarch64');
const hello = path.join(fixtures, 'hello');

async function tsqemu(...args: string[]) {
  const { status, stdout, stderr } = await execute(process.execPath, [cli, ...args], 'input');
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

describe('how a program ends is how we end', () => {
  test('status and output', async () => {
    expect(await tsqemu(hello, 'a')).toEqual({ status: 0, stdout: 'Hello from AArch64!\na\n', stderr: '' });
    expect(await tsqemu(hello, 'exit', '7')).toMatchObject({ status: 7, stdout: '' });
    expect(await tsqemu(hello, 'cat')).toMatchObject({ status: 0, stdout: 'input' });
  });

  test('a position-independent program', async () => {
    expect(await tsqemu(path.join(fixtures, 'hello-pie'), 'b')).toMatchObject({ stdout: 'Hello from AArch64!\nb\n' });
  });

  test('NULL dereference: the same signal, and one line', async () => {
    const line = 'tsqemu-user: uncaught target signal 11 (Segmentation fault) - core dumped\n';
    expect(await tsqemu(hello, 'crash')).toEqual({ status: 'SIGSEGV', stdout: '', stderr: line });
  });
});

test('version, help, lists', async () => {
  expect((await tsqemu('-version')).stdout).toMatch(/^tsqemu-user version \d/);
  expect((await tsqemu('-h')).stdout).toMatch(/^QEMU_LD_PREFIX {2}= /m);
  expect((await tsqemu('-d', 'help')).stdout).toMatch(/^strace /m);
});

test('-strace goes to stderr, or to the file of -D', async () => {
  expect((await tsqemu('-strace', hello)).stderr).toMatch(/^write\(1, "Hello from AArch64!\\n", 20\)\s+= 20$/m);
  const log = path.join(os.tmpdir(), `tsqemu-log-${process.pid}`);
  expect((await tsqemu('-strace', '-D', log, hello)).stderr).toBe('');
  expect(fs.readFileSync(log, 'utf8')).toMatch(/exit_group\(0\)/);
  fs.rmSync(log);
});

test('output of two commands in one redirection stays in order', async () => {
  const file = path.join(os.tmpdir(), `tsqemu-both-${process.pid}`);
  const line = `( "${process.execPath}" "${cli}" "${hello}" one; echo two ) > "${file}"`;
  await execute('sh', ['-c', line], '');
  expect(fs.readFileSync(file, 'utf8')).toBe('Hello from AArch64!\none\ntwo\n');
  fs.rmSync(file);
});
