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

test('in_asm, op: halfwords of T32 as they are written, and the functions of the kernel’s page', async () => {
  const entry = 0x1_0054;
  // mvn r0, #0xf000; sub r0, r0, #31; blx r0 (__kuser_get_tls); add r1, pc, #1; bx r1
  const a32 = [0xe3e0_0a0f, 0xe240_001f, 0xe12f_ff30, 0xe28f_1001, 0xe12f_ff11];
  // ldr.w r2, [sp]; movs r0, #7; movs r7, #1; svc 0
  const t32 = [0xf8dd, 0x2000, 0x2007, 0x2701, 0xdf00];
  const size = 0x54 + 4 * a32.length + 2 * t32.length;
  const elf = Buffer.alloc(size);
  elf.write('\x7fELF\x01\x01\x01', 'latin1');
  for (const [at, n] of [[16, 2], [18, 40], [40, 52], [42, 32], [44, 1]]) elf.writeUInt16LE(n as number, at); // biome-ignore format: a header
  for (const [at, n] of [[20, 1], [24, entry], [28, 52], [36, 0x0500_0000], [52, 1], [60, 0x1_0000], [64, 0x1_0000], [68, size], [72, size], [76, 5], [80, 4096]]) elf.writeUInt32LE(n as number, at); // biome-ignore format: a header
  for (const [i, word] of a32.entries()) elf.writeUInt32LE(word, 0x54 + 4 * i);
  for (const [i, half] of t32.entries()) elf.writeUInt16LE(half, 0x54 + 4 * a32.length + 2 * i);
  const program = `${file}-arm`;
  fs.writeFileSync(program, elf, { mode: 0o755 });
  try {
    const run = await execute(process.execPath, [cli, '-d', 'in_asm,op', '-D', file, program], '');
    expect([run.stderr.toString(), run.status]).toEqual(['', 7]);
  } finally {
    fs.rmSync(program);
  }
  const text = fs.readFileSync(file, 'utf8');
  expect(text).toContain('0x00010054:  e3e00a0f  mvn r0, #61440\n');
  expect(text).toContain("0xffff0fe0:  a function of the kernel's\n");
  expect(text).toMatch(/^OP:\nblock 0xffff0fe0\n(?: ---- .*\n)? {2}%0 = /m);
  expect(text).toContain('0x00010068:  f8dd2000  ldr.w r2, [sp]\n0x0001006c:  2007  movs r0, #7\n');
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
