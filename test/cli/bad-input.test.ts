import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { execute } from '../e2e/outcome.ts';
import { Programs, tinyElf } from './tiny-elf.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = path.join(root, 'bin/tsqemu-user.js');
const fixtures = path.join(root, 'test/fixtures/aarch64');
const hello = path.join(fixtures, 'hello');
const programs = new Programs();
afterAll(() => programs.remove());

const EXIT_0 = [0xd2800000, 0xd2800ba8, 0xd4000001]; // mov x0, #0; mov x8, #93; svc #0
const elf = fs.readFileSync(hello);
const text = programs.file('text', 'text');
const otherMachine = Buffer.from(elf);
otherMachine.writeUInt16LE(243, 18);
const bigEndian = Buffer.from(elf);
bigEndian[5] = 2;

const TABLE: readonly (readonly [string, readonly string[], number | string, RegExp])[] = [
  ['a missing file', ['/no/such/file'], 127, /\/no\/such\/file: No such file or directory/],
  ['a directory', [fixtures], 126, /fixtures\/aarch64: (Is a directory|Permission denied)/],
  ['another machine', [programs.file('riscv', otherMachine)], 126, /a program for .*; this emulator runs AArch64/],
  ['the other byte order', [programs.file('big', bigEndian)], 126, /big: .*endian/],
  ['a file cut off in its header', [programs.file('cut', elf.subarray(0, 40))], 126, /cut: /],
  ['a file cut off in its code', [programs.file('half', elf.subarray(0, 300))], 126, /half: /],
  ['an empty file', [programs.file('empty', '')], 126, /empty: /],
  ['a missing interpreter', [path.join(fixtures, 'no-interp')], 127, /no-such-loader\.so was not found.*-L DIR/],
  ['a script without its interpreter', [programs.file('script', '#!/no/such/shell\n')], 127, /\/no\/such\/shell/],
  ['a file that may not be run', [programs.file('locked', elf, 0)], 126, /locked: Permission denied/],
  ['a file that is no program', [text], 126, /neither an ELF program nor a script/],
  ['an unknown option', ['-nonsense', hello], 1, /nonsense/],
  ['an option without its value', ['-L'], 1, /-L needs a value/],
  ['no program', [], 1, /no program/],
  ['an unknown CPU', ['-cpu', 'z80', hello], 1, /unknown CPU model 'z80'; there are max, cortex-a53/],
  [
    'a log file that cannot be made',
    ['-d', 'strace', '-D', '/no/such/dir/log', hello],
    1,
    /-D: .*\/no\/such\/dir\/log/,
  ],
  ['a root that is not there', ['--memfs', '/no/such/root', hello], 1, /--memfs: .*\/no\/such\/root/],
  ['an archive that is none', ['--memfs', programs.file('prose', 'text '.repeat(500)), hello], 1, /--memfs: /],
  [
    'an unknown instruction',
    [programs.file('undef', tinyElf([0xd503201f, 0xffffffff]))],
    'SIGILL',
    /0xffffffff at 0x40007c/,
  ],
  [
    'an instruction that is to be none',
    [programs.file('udf', tinyElf([0xd503201f, 0]))],
    'SIGILL',
    /signal 4 \(Illegal/,
  ],
  ['an unknown system call', [programs.file('call', tinyElf([0xd284e1e8, 0xd4000001, ...EXIT_0]))], 0, /\b9999\b/],
  ['a call to address 0', [programs.file('null', tinyElf([0xd2800001, 0xd63f0020]))], 'SIGSEGV', /signal 11 \(Seg/],
  ['a call to data', [programs.file('nx', tinyElf([0x910003e1, 0xd63f0020]))], 'SIGSEGV', /signal 11 \(Seg/],
  ['a read of address 0', [hello, 'crash'], 'SIGSEGV', /signal 11 \(Seg/],
];

test.each(TABLE)('%s: one line and the right status', async (_name, args, status, message) => {
  const result = await execute(process.execPath, [cli, ...args], '');
  const stderr = result.stderr.toString();
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^tsqemu-user: [^\n]*\n$/);
  expect([result.status, result.stdout.toString()]).toEqual([status, '']);
});

test('-s is the size of the stack', async () => {
  const log = path.join(programs.dir, 'log');
  await execute(process.execPath, [cli, '-s', '16M', '-d', 'page', '-D', log, hello], '');
  expect(fs.readFileSync(log, 'utf8')).toMatch(/ 01000000 rw-p \[stack\]$/m);
});

test('-cpu takes the names of qemu’s processors', async () => {
  const result = await execute(process.execPath, [cli, '-cpu', 'cortex-a72', hello], '');
  expect(result.stdout.toString()).toBe('Hello from AArch64!\n');
});

test('--max-cpu ends a program that never does, at once or after a system call', async () => {
  const loop = programs.file('loop', tinyElf([0x14000000])); // b .
  const began = Date.now();
  const result = await execute(process.execPath, [cli, '--max-cpu', '0.3', loop], '');
  expect(result.status).toBe('SIGXCPU');
  expect(result.stderr.toString()).toBe(
    'tsqemu-user: uncaught target signal 24 (CPU time limit exceeded) - core dumped\n',
  );
  expect(Date.now() - began).toBeLessThan(10_000);
});

test('--max-bytes and --max-inodes bound what is put into the root', async () => {
  const tree = path.join(programs.dir, 'tree');
  fs.mkdirSync(tree);
  fs.writeFileSync(path.join(tree, 'big'), Buffer.alloc(100_000));
  fs.copyFileSync(hello, path.join(tree, 'hello'));
  fs.chmodSync(path.join(tree, 'hello'), 0o755);
  const run = (...limits: string[]) => execute(process.execPath, [cli, '--memfs', tree, ...limits, '/hello'], '');
  expect((await run()).stdout.toString()).toBe('Hello from AArch64!\n');
  for (const limits of [
    ['--max-bytes', '50k'],
    ['--max-inodes', '1'],
  ]) {
    const { status, stderr } = await run(...limits);
    expect(stderr.toString()).toMatch(/^tsqemu-user: --memfs: \/(big|hello): (ENOSPC|EDQUOT)\n$/);
    expect(status).toBe(1);
  }
});
