import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ARMHF } from './sysroot.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = path.join(root, 'bin/tsqemu-user.js');
const host = path.join(root, 'node_modules/esbuild');

/** esbuild for a guest, of the version that is here for the host; null where npm cannot fetch it. */
function fetchProgram(name: string): string | null {
  if (!fs.existsSync(host)) return null;
  const { version } = JSON.parse(fs.readFileSync(path.join(host, 'package.json'), 'utf8'));
  const dir = path.join(path.dirname(ARMHF.sysroot), `esbuild-${name}-${version}`);
  const program = path.join(dir, 'package/bin/esbuild');
  if (fs.existsSync(program)) return program;
  fs.mkdirSync(dir, { recursive: true });
  const packed = spawnSync('npm', ['pack', '--silent', `@esbuild/${name}@${version}`], {
    cwd: dir,
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (packed.status !== 0) return null;
  execFileSync('tar', ['-xzf', packed.stdout.trim()], { cwd: dir });
  return program;
}

/** About half a megabyte that no two bundlers would write in the same way. */
const source = (): string =>
  Array.from(
    { length: 4500 },
    (_, i) =>
      `export function f${i}(a, b) { const x = a * ${i} + b; if (x > ${i * 7}) return x?.toString() ?? 'n${i}'; return { k${i}: x, ...b }; }`,
  ).join('\n');

/** Guests by npm's name, and how often in a row: it is threads that could hang. */
describe.each([
  ['linux-arm', 1],
  ['linux-arm64', 3],
  ['linux-ia32', 2],
  ['linux-x64', 2],
])('a Go program with its threads, signals and collector: esbuild for %s', (name, times) => {
  const program = fetchProgram(name);
  let dir = '';
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-esbuild-'));
    fs.writeFileSync(path.join(dir, 'module.js'), source());
    fs.writeFileSync(path.join(dir, 'in.js'), "import * as m from './module.js';\nconsole.log(m.f1(1, 2), m);\n");
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  test.skipIf(program === null)('bundles as it does on the host', { timeout: 300_000 }, () => {
    const args = ['in.js', '--bundle', '--minify', '--format=esm', '--log-level=warning'];
    const expected = execFileSync(path.join(host, 'bin/esbuild'), args, { cwd: dir, maxBuffer: 1 << 25 });
    for (let i = 0; i < times; i++) {
      const run = spawnSync(process.execPath, [cli, program as string, ...args], { cwd: dir, maxBuffer: 1 << 25 });
      expect(run.stderr.toString()).toBe('');
      expect(run.stdout.equals(expected)).toBe(true);
      expect(run.status).toBe(0);
    }
  });
});
