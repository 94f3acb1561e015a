import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { execute } from '../e2e/outcome.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = path.join(root, 'bin/tsqemu-user.js');
const hello = path.join(root, 'test/fixtures/aarch64/hello');
const file = path.join(os.tmpdir(), `tsqemu-d-${process.pid}`);

afterAll(() => fs.rmSync(file, { force: true }));

/** The log of a run of `hello`; its own output must not change. */
async function log(args: readonly string[], guest: readonly string[] = []): Promise<string> {
  const result = await execute(process.execPath, [cli, ...args, '-D', file, hello, ...guest], '');
  expect(result.stderr.toString()).toBe('');
  expect(result.stdout.toString()).toMatch(/^Hello from AArch64!\n/);
  return fs.readFileSync(file, 'utf8');
}

test('in_asm, op, op_opt', async () => {
  const text = await log(['-d', 'in_asm,op,op_opt']);
  // hello.c begins with x29 = 0 (mov x29, xzr).
  expect(text).toMatch(/^IN:\n0x004000f0: {2}aa1f03fd {2}\w/m);
  expect(text).toMatch(/^OP:\nblock 0x4000f0\n ---- 0x4000f0 .*\n {2}%0 = i64\.const 0\n {2}i64\.set r29, %0\n/m);
  expect(text).toMatch(/^OP after optimization:\nblock 0x4000f0\.\.0x400100, 4 instructions/m);
});

test('exec, cpu: the entry point, with the stack pointer set', async () => {
  const text = await log(['-d', 'exec,cpu']);
  expect(text).toMatch(/^Trace 0x004000f0\n pc=00000000004000f0 r0=0{16} /);
  expect(text).toMatch(/ sp=00000000f[0-9a-f]{7} /);
});

test('page: the program, and what it maps', async () => {
  expect(await log(['-d', 'page'])).toMatch(/^00400000-00401000 00001000 r-xp .*\/hello$/m);
});

test('-dfilter leaves out what lies elsewhere', async () => {
  const pcs = (text: string): number[] => [...text.matchAll(/^IN:\n(\w+):/gm)].map(([, pc]) => Number(pc));
  expect(pcs(await log(['-d', 'in_asm', '-dfilter', '0x4000f0+4']))).toEqual([0x4000f0]);
  expect(pcs(await log(['-d', 'in_asm'])).length).toBeGreaterThan(5);
  const elsewhere = await log(['-d', 'in_asm', '-dfilter', '0x1000..0x1fff,0x3000-0x800']);
  expect(elsewhere).toBe('');
});

test('strace shares the log', async () => {
  const text = await log(['-d', 'strace,exec']);
  expect(text).toMatch(/^Trace /m);
  expect(text).toMatch(/^write\(1, "Hello from AArch64!\\n", 20\)/m);
});
