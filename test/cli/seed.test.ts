import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { buildSeed } from '../../scripts/build-seed.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** A build of its own: the one that is tested may be newer than its seed. */
const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-seed-'));
afterAll(() => fs.rmSync(copy, { recursive: true, force: true }));
for (const folder of ['bin', 'dist', 'test/fixtures']) {
  fs.cpSync(path.join(root, folder), path.join(copy, folder), { recursive: true });
}

interface Run {
  readonly output: string;
  /** Names of what is in the cache then. */
  readonly kept: readonly string[];
}

const runIn = (cache: string, ...flags: readonly string[]): Run => {
  const args = [...flags, path.join(copy, 'bin/tsqemu-user.js'), path.join(copy, 'test/fixtures/aarch64/hello')];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    env: { PATH: process.env.PATH, TSQEMU_CACHE: cache },
    encoding: 'utf8',
  });
  const kept = fs.readdirSync(cache, { recursive: true, encoding: 'utf8' });
  return { output: `${status} ${stdout}${stderr}`, kept: kept.map((name) => path.basename(name)) };
};
/** What a very first run says, and leaves in its cache. */
const firstRun = (): Run => runIn(fs.mkdtempSync(path.join(copy, 'cache-')));

test("a first run takes V8's code from the build, and makes its own where that is damaged or not there", () => {
  buildSeed(copy);
  const seed = path.join(copy, 'dist/seed');
  const files = fs.readdirSync(seed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map(({ name }) => name.replace(/-v\d.*/, '')).sort();
  const tiers = ['interpreter-i32-arm', 'interpreter-i32-x86', 'interpreter-i64', 'interpreter-i64-x86'];
  expect(names).toEqual(['cli', 'composer', 'composer-bytes', ...tiers, 'natives', 'translator']);

  const ofSeed = firstRun();
  expect(ofSeed.output).toContain('0 Hello');
  expect(ofSeed.kept.filter((name) => /^(cli|interpreter|natives)/.test(name))).toEqual([]);
  expect(ofSeed.kept.some((name) => name.endsWith('.blocks'))).toBe(true);

  // V8 takes machine code for the flags alone that it was made under, as for the processor
  const cache = fs.mkdtempSync(path.join(copy, 'cache-'));
  const cold = path.join(cache, 'code/interpreter-i64');
  const written: number[] = [];
  for (const flags of [['--expose-gc'], ['--expose-gc'], []]) {
    expect(runIn(cache, ...flags).output).toBe(ofSeed.output);
    written.push(fs.statSync(cold).ino);
  }
  // once, and then both are taken
  expect(new Set(written).size).toBe(1);

  for (const { parentPath, name } of files) {
    const bytes = fs.readFileSync(path.join(parentPath, name));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 0x40;
    fs.writeFileSync(path.join(parentPath, name), bytes);
  }
  const ofDamaged = firstRun();
  fs.rmSync(seed, { recursive: true });
  const ofNone = firstRun();
  for (const { output, kept } of [ofDamaged, ofNone]) {
    expect(output).toBe(ofSeed.output);
    for (const made of [/^cli-/, /^interpreter-i64$/, /^natives-/])
      expect(kept.some((name) => made.test(name))).toBe(true);
  }
}, 60_000);
