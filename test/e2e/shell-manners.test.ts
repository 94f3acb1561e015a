import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { run } from '../../src/index.ts';
import { SYSROOT } from './sysroot.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const busybox = path.join(SYSROOT, 'bin/busybox');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-shell-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

/** A line for the host's shell, in which `$B` runs busybox in the emulator. */
function shell(line: string): { status: number | null; stdout: string; stderr: string } {
  const emulator = `'${process.execPath}' '${path.join(root, 'bin/tsqemu-user.js')}' '${busybox}'`;
  return spawnSync('sh', ['-c', line.replaceAll('$B', emulator)], { cwd: dir, encoding: 'utf8' });
}

describe.skipIf(!fs.existsSync(busybox))('in a shell (needs the arm64 packages)', () => {
  test('two programs write into one file, one after the other', () => {
    shell('( $B echo a; echo b; $B echo c ) > both; ( $B echo d; echo e ) >> both');
    expect(fs.readFileSync(path.join(dir, 'both'), 'utf8')).toBe('a\nb\nc\nd\ne\n');
  });

  test('20 MB reach a slow reader whole, through a pipe', () => {
    const { stdout } = shell('$B dd if=/dev/zero bs=1000000 count=20 2>/dev/null | { sleep 1; wc -c; }');
    expect(stdout.trim()).toBe('20000000');
  });

  test('20 MB are read from a slow writer whole', () => {
    const writer = '{ head -c 10000000 /dev/zero; sleep 1; head -c 10000000 /dev/zero; }';
    expect(shell(`${writer} | $B wc -c`).stdout.trim()).toBe('20000000');
  });

  test('a reader that goes away ends the program by SIGPIPE', () => {
    const { stdout, stderr } = shell('{ $B yes; echo $? > status; } | head -n 1');
    expect(stdout).toBe('y\n');
    expect(stderr).toBe('');
    expect(fs.readFileSync(path.join(dir, 'status'), 'utf8')).toBe(`${128 + os.constants.signals.SIGPIPE}\n`);
  });

  test('a reader that does not come holds nobody but who writes to it', { timeout: 60_000 }, () => {
    const guests = "$B sh -c 'head -c 300000 /dev/zero & echo > alive; wait'";
    const reader = '{ for i in $(seq 300); do [ -e alive ] && break; sleep 0.1; done; ls alive; wc -c; }';
    expect(shell(`${guests} | ${reader}`).stdout).toBe('alive\n300000\n');
  });

  test('translations of children that a signal of the host killed are not written', { timeout: 60_000 }, async () => {
    const kept = async (seconds: number): Promise<unknown[]> => {
      const cache = fs.mkdtempSync(path.join(dir, 'cache-'));
      const script = `trap 'exit 3' TERM; sleep ${seconds} & echo; wait`;
      const line = [path.join(root, 'bin/tsqemu-user.js'), '-L', SYSROOT, path.join(SYSROOT, 'bin/bash'), '-c', script];
      const shell = spawn(process.execPath, line, { env: { ...process.env, TSQEMU_CACHE: cache } });
      // the child is in its sleep by then
      if (seconds > 0) shell.stdout.once('data', () => setTimeout(() => shell.kill('SIGTERM'), 2000));
      const [status] = await once(shell, 'close');
      const blocks = fs.readdirSync(path.join(cache, 'code')).filter((name) => name.endsWith('.blocks'));
      return [status, blocks.length];
    };
    expect(await kept(0)).toEqual([0, 2]);
    expect(await kept(100)).toEqual([3, 1]);
  });

  test('FIFOs of a memory root join guests', async () => {
    const tree = path.join(dir, 'tree');
    fs.mkdirSync(path.join(tree, 'bin'), { recursive: true });
    fs.copyFileSync(busybox, path.join(tree, 'bin/busybox'));
    const script = [
      'b=/bin/busybox; $b mkfifo f; $b stat -c %F f',
      '$b cat f & echo one > f; wait',
      '{ echo 1; echo 2; echo 3; } > f & $b sort -r < f; wait; $b rm f; $b ls bin',
    ];
    const { stdout, stderr } = await run({
      program: '/bin/busybox',
      args: ['sh', '-c', script.join('\n')],
      root: tree,
    });
    expect(stdout.toString()).toBe('fifo\none\n3\n2\n1\nbusybox\n');
    expect(stderr.toString()).toBe('');
  });

  test('what is behind what a program read of its input is left for the next one', () => {
    fs.writeFileSync(path.join(dir, 'lines'), 'one\ntwo\nthree\n');
    expect(shell('( $B head -c 4 > /dev/null; cat ) < lines').stdout).toBe('two\nthree\n');
  });

  test('the status is that of the program, or of the signal that killed it', () => {
    expect(shell('$B false').status).toBe(1);
    expect(shell("$B sh -c 'exit 7'").status).toBe(7);
    expect(shell("$B sh -c 'kill -TERM $$'; echo $?").stdout).toBe(`${128 + os.constants.signals.SIGTERM}\n`);
  });
});
