import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { tinyElf } from './tiny-elf.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const hello = path.join(root, 'test/fixtures/aarch64/hello');
const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-cache-'));
afterAll(() => fs.rmSync(parent, { recursive: true, force: true }));
/** Without what the build leaves for first runs (test/cli/seed.test.ts): all that V8 makes is kept by the runs. */
const build = path.join(parent, 'build');
for (const folder of ['bin', 'dist']) {
  const filter = (file: string): boolean => path.basename(file) !== 'seed';
  fs.cpSync(path.join(root, folder), path.join(build, folder), { recursive: true, filter });
}

let cache: string;
beforeEach(() => {
  cache = fs.mkdtempSync(path.join(parent, 'c-'));
});

const run = (...args: string[]): string => {
  const result = spawnSync(process.execPath, [path.join(build, 'bin/tsqemu-user.js'), ...args, hello, 'a'], {
    env: { ...process.env, TSQEMU_CACHE: cache },
    encoding: 'utf8',
  });
  return `${result.status} ${result.stdout}${result.stderr}`;
};

const images = (): string[] => {
  const dir = path.join(cache, 'code');
  return fs.existsSync(dir) ? fs.readdirSync(dir).map((name) => path.join(dir, name)) : [];
};

test('a second run uses what the first one kept, private to the user', () => {
  const first = run();
  expect(first).toContain('Hello');
  const kept = images();
  expect(kept.filter((name) => name.endsWith('.blocks'))).toHaveLength(1);
  for (const image of kept) {
    expect(fs.statSync(image).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(image)).mode & 0o777).toBe(0o700);
  }
  const times = (): number[] => kept.map((image) => fs.statSync(image).mtimeMs);
  const before = times();
  expect(run()).toBe(first);
  expect(times()).toEqual(before);
});

test('a run whose translations were all kept does not load the translator', () => {
  const copy = fs.mkdtempSync(path.join(parent, 'd-'));
  for (const folder of ['bin', 'dist'])
    fs.cpSync(path.join(build, folder), path.join(copy, folder), { recursive: true });
  const copied = (): string => {
    const args = [path.join(copy, 'bin/tsqemu-user.js'), hello, 'a'];
    const result = spawnSync(process.execPath, args, {
      env: { ...process.env, TSQEMU_CACHE: cache },
      encoding: 'utf8',
    });
    return `${result.status} ${result.stdout}${result.stderr}`;
  };
  const first = copied();
  expect(first).toContain('Hello');
  fs.rmSync(path.join(copy, 'dist/translator.cjs'));
  expect(copied()).toBe(first);
  fs.rmSync(cache, { recursive: true });
  expect(copied()).toContain('internal error');
});

test('an image that is cut off, changed or of another build is no image', () => {
  const first = run();
  for (const image of images()) {
    const good = fs.readFileSync(image);
    const changed = Buffer.from(good);
    changed.writeUInt32LE((good.readUInt32LE(good.length - 8) ^ 0x5a5a) >>> 0, good.length - 8);
    const foreign = Buffer.from(good);
    foreign.writeUInt32LE((good.readUInt32LE(4) ^ 1) >>> 0, 4);
    for (const bytes of [good.subarray(0, 100), good.subarray(0, good.length - 4), changed, foreign, Buffer.alloc(0)]) {
      fs.writeFileSync(image, bytes);
      expect(run()).toBe(first);
    }
  }
});

test('a folder that others may enter is not used', () => {
  fs.mkdirSync(path.join(cache, 'code'), { mode: 0o755 });
  fs.chmodSync(path.join(cache, 'code'), 0o755);
  expect(run()).toContain('Hello');
  expect(images()).toEqual([]);
});

test('nor is one that may not be looked into', () => {
  for (const folder of ['code', 'v8']) {
    fs.mkdirSync(path.join(cache, folder));
    fs.chmodSync(path.join(cache, folder), 0o600);
  }
  expect(run()).toMatch(/^0 Hello/);
  expect([...images(), ...fs.readdirSync(path.join(cache, 'v8'))]).toEqual([]);
  for (const folder of ['code', 'v8']) fs.chmodSync(path.join(cache, folder), 0o700);
});

test('a cache that cannot be made is none', () => {
  fs.rmSync(cache, { recursive: true });
  fs.writeFileSync(cache, 'a file');
  expect(run()).toContain('Hello');
});

test('with --cache off nothing is kept', () => {
  expect(run('--cache', 'off')).toContain('Hello');
  expect(images()).toEqual([]);
});

test('damaged code caches of the command line are none', () => {
  const first = run();
  const dir = path.join(cache, 'v8');
  const [file] = fs.readdirSync(dir).filter((name) => name.startsWith('cli-')) as [string];
  const good = fs.readFileSync(path.join(dir, file));
  for (const at of [10, 5000, good.length >> 3, good.length - 2]) {
    const bad = Buffer.from(good);
    bad.fill('garbage', at, Math.min(at + 14, bad.length));
    fs.writeFileSync(path.join(dir, file), bad);
    expect(run()).toBe(first);
  }
});

test('a run that adds a few blocks alone does not make V8 write the code cache of the command line anew', () => {
  const cli = (...args: string[]): number | null =>
    spawnSync(process.execPath, [path.join(build, 'bin/tsqemu-user.js'), ...args], {
      env: { ...process.env, TSQEMU_CACHE: cache },
    }).status;
  const sizeOf = (folder: string, name: RegExp): number => {
    const dir = path.join(cache, folder);
    const file = fs.readdirSync(dir).find((entry) => name.test(entry));
    return file === undefined ? 0 : fs.statSync(path.join(dir, file)).size;
  };
  const sizes = (): [blocks: number, code: number] => [sizeOf('code', /\.blocks$/), sizeOf('v8', /^cli-/)];
  expect(cli(hello, 'a', 'b', 'c')).toBe(0);
  // that of a run which did less
  fs.rmSync(path.join(cache, 'v8'), { recursive: true });
  expect(cli('-version')).toBe(0);
  const before = sizes();
  expect(cli(hello)).toBe(0);
  const [blocks, code] = sizes();
  expect(blocks).toBeGreaterThan(before[0]);
  expect(code).toBe(before[1]);
  for (const image of images()) if (image.endsWith('.blocks')) fs.rmSync(image);
  expect(cli(hello)).toBe(0);
  expect(sizes()[1]).toBeGreaterThan(1.1 * code);
});

test('a guest that is killed keeps nobody waiting: nothing is written', () => {
  const MOV_X8 = 0xd2800008; // mov x8, #n
  const SVC = 0xd4000001;
  const call = (n: number): number[] => [MOV_X8 + (n << 5), SVC];
  const MOV_X1_SIGTERM = 0xd28001e1;
  const programs = {
    ends: [0xd2800000, ...call(94)], // exit_group(0)
    killed: [...call(172), MOV_X1_SIGTERM, ...call(129)], // kill(getpid(), SIGTERM)
  };
  const kept = Object.entries(programs).map(([name, words]) => {
    const file = path.join(cache, name);
    fs.writeFileSync(file, tinyElf(words), { mode: 0o755 });
    const env = { ...process.env, TSQEMU_CACHE: path.join(cache, `of-${name}`) };
    const { status, signal } = spawnSync(process.execPath, [path.join(build, 'bin/tsqemu-user.js'), file], { env });
    const code = path.join(cache, `of-${name}`, 'code');
    return [name, status, signal, fs.readdirSync(code).filter((image) => image.endsWith('.blocks')).length];
  });
  expect(kept).toEqual([
    ['ends', 0, null, 1],
    ['killed', null, 'SIGTERM', 0],
  ]);
});

test('of processes that run at the same time the last one writes', () => {
  const MOV_X8 = 0xd2800008; // mov x8, #n
  const SVC = 0xd4000001;
  const call = (n: number): number[] => [MOV_X8 + (n << 5), SVC];
  const NO_MORE_ARGUMENTS = [0xd2800001, 0xd2800002, 0xd2800003, 0xd2800004];
  const exit = [0xd2800000, ...call(94)]; // exit_group(0)
  const fork = [0xd2800220, ...NO_MORE_ARGUMENTS, ...call(220)]; // clone(SIGCHLD, 0, …)
  const wait = [0x92800000, ...NO_MORE_ARGUMENTS, ...call(260)]; // wait4(-1, …)
  const CBNZ_X0 = 0xb5000000; // cbnz x0, n instructions on
  const file = path.join(cache, 'forks');
  fs.writeFileSync(file, tinyElf([...fork, CBNZ_X0 + ((exit.length + 1) << 5), ...exit, ...wait, ...exit]), {
    mode: 0o755,
  });
  const hook = path.join(cache, 'hook.cjs');
  fs.writeFileSync(
    hook,
    `const fs = require('node:fs');
     const rename = fs.renameSync;
     fs.renameSync = (from, to) => { if (to.endsWith('.blocks')) fs.writeSync(2, 'blocks '); rename(from, to); };`,
  );
  const line = ['--require', hook, path.join(build, 'bin/tsqemu-user.js'), file];
  const env = { ...process.env, TSQEMU_CACHE: path.join(cache, 'kept') };
  const { status, stderr } = spawnSync(process.execPath, line, { env, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, 'blocks ']);
});

test('a process that goes on to exact floating point keeps what it translated before, and what since', () => {
  const MOV_X0_RMODE = 0xd2a00800; // mov x0, #0x400000
  const MSR_FPCR_X0 = 0xd51b4400;
  const B_NEXT = 0x14000001;
  const FADD = 0x1e622820; // fadd d0, d1, d2
  const exit = [0xd2800000, 0xd2800bc8, 0xd4000001]; // exit_group(0)
  const file = path.join(cache, 'exact');
  fs.writeFileSync(file, tinyElf([FADD, B_NEXT, MOV_X0_RMODE, MSR_FPCR_X0, FADD, B_NEXT, ...exit]), { mode: 0o755 });
  const kept = path.join(cache, 'kept');
  const env = { ...process.env, TSQEMU_CACHE: kept };
  const go = (): [number | null, string] => {
    const { status, stderr } = spawnSync(process.execPath, [path.join(build, 'bin/tsqemu-user.js'), file], { env, encoding: 'utf8' }); // biome-ignore format: one line
    return [status, stderr];
  };
  expect(go()).toEqual([0, '']);
  const dir = path.join(kept, 'code');
  const blocks = fs.readdirSync(dir).filter((name) => name.endsWith('.blocks'));
  expect(blocks.map((name) => name.endsWith('-exact.blocks')).sort()).toEqual([false, true]);
  const times = (): number[] => fs.readdirSync(dir).map((name) => fs.statSync(path.join(dir, name)).mtimeMs);
  const before = times();
  expect(go()).toEqual([0, '']);
  expect(times()).toEqual(before);
});
