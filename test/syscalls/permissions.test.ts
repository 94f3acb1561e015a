import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemRoot } from '../../src/syscalls/vfs/mem-root.ts';
import { Machine } from './machine.ts';

const AT_FDCWD = -100;
const O_WRONLY_CREAT = 0o101;
const [EPERM, ENOENT, EACCES] = [-1, -2, -13];
const root = fileURLToPath(new URL('../..', import.meta.url));

/** What is the same on the host is tested by test/fixtures/syscalls/permissions.c, as root. */
describe("ids that are not the root's of a tree in memory", () => {
  const machine = async (): Promise<Machine> => new Machine({ root: await createMemRoot() });
  const open = (m: Machine, name: string, flags: number): number => m.call('openat', AT_FDCWD, name, flags, 0o600);

  it("may only what the files' modes say", async () => {
    const m = await machine();
    m.call('close', open(m, '/root/secret', O_WRONLY_CREAT));
    expect(m.process.guard).toBe(null);
    expect(m.call('setresuid', 7, 7, 0)).toBe(0);
    expect(open(m, '/root/secret', 0)).toBe(EACCES);
    expect(open(m, '/etc/new', O_WRONLY_CREAT)).toBe(EACCES);
    expect(open(m, '/tmp/own', O_WRONLY_CREAT)).toBeGreaterThanOrEqual(0);
    expect(m.call('setresuid', -1, 0, -1)).toBe(0);
    expect(m.process.guard).toBe(null);
    expect(open(m, '/root/secret', 0)).toBeGreaterThanOrEqual(0);
  });

  it('follow no links of others in directories where all may make them, and link no files of others', async () => {
    const m = await machine();
    m.call('close', open(m, '/etc/file', O_WRONLY_CREAT));
    m.call('fchmodat', AT_FDCWD, '/etc/file', 0o644);
    expect(m.call('symlinkat', '/etc/file', AT_FDCWD, '/tmp/trap')).toBe(0);
    expect(m.call('fchownat', AT_FDCWD, '/tmp/trap', 8, 8, 0x100)).toBe(0);
    m.call('close', open(m, '/tmp/left', O_WRONLY_CREAT));
    m.call('fchownat', AT_FDCWD, '/tmp/left', 8, 8, 0);
    m.call('fchmodat', AT_FDCWD, '/tmp/left', 0o666);
    expect(m.call('setresuid', 7, 7, 7)).toBe(0);
    expect(open(m, '/tmp/trap', 0)).toBe(EACCES);
    expect(open(m, '/tmp/missing', 0)).toBe(ENOENT);
    expect(m.call('linkat', AT_FDCWD, '/etc/file', AT_FDCWD, '/tmp/mine', 0)).toBe(EPERM);
    expect(open(m, '/tmp/left', O_WRONLY_CREAT)).toBe(EACCES);
    expect(open(m, '/tmp/left', 1)).toBeGreaterThanOrEqual(0);
  });

  it("are forgotten by execve where only the saved one is root's", async () => {
    const m = await machine();
    expect(m.call('setresuid', 7, 7, 0)).toBe(0);
    const { abi, space, program, exe } = m.process;
    m.process.replace(abi, space, program, exe);
    expect(m.call('setresuid', -1, 0, -1)).toBe(EPERM);
  });
});

describe('the program of all permissions in a tree in memory', () => {
  const compiler = 'aarch64-linux-gnu-gcc';
  const available = spawnSync(compiler, ['--version']).status === 0;
  let dir = '';
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-permissions-'));
    fs.chmodSync(dir, 0o755);
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  it.skipIf(!available)('prints what it prints natively as root', { timeout: 60_000 }, () => {
    const source = path.join(root, 'test/fixtures/syscalls/permissions');
    const flags = ['-O1', '-w', '-static', '-o', path.join(dir, 'permissions'), `${source}.c`];
    expect(spawnSync(compiler, flags, { encoding: 'utf8' }).stderr).toBe('');
    const command = [path.join(root, 'bin/tsqemu-user.js'), '--memfs', dir, '/permissions'];
    const run = spawnSync(process.execPath, command, { encoding: 'utf8', input: '', timeout: 50_000 });
    const expected = fs.readFileSync(`${source}.expected`, 'utf8');
    expect(`${run.stdout}${run.stderr}status ${run.status}\n`).toBe(expected);
  });
});
