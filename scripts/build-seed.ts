/**
 * What V8 makes of us in a first run, made when the command line is built: dist/seed holds its code of our JavaScript and its
 * machine code of the cold tiers and composers, in the layout of the user's cache folder, which is looked into first. It fits
 * the version of Node (and the processor) that it was built with alone, so that packages go without; others ignore it.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** A program for each cold tier there is. */
const PROGRAMS = ['aarch64/hello', 'arm/compare', 'x86/beside-32', 'x86/beside-64'];
/** The second run has what the first one compiled late. */
const RUNS = 2;
/** Of programs, not of ours. */
const OF_PROGRAMS = /\.(blocks|regions|waited|few|again)$/;

/** A line on standard error, and no seed, where a program does not run: all works without. */
export function buildSeed(root: string): void {
  const seed = path.join(root, 'dist/seed');
  fs.rmSync(seed, { recursive: true, force: true });
  fs.mkdirSync(seed, { mode: 0o700 });
  const command = path.join(root, 'bin/tsqemu-user.js');
  for (let run = 0; run < RUNS; run++) {
    for (const name of PROGRAMS) {
      const program = path.join(root, 'test/fixtures', name);
      const { status, signal, stderr } = spawnSync(process.execPath, [command, program], {
        env: { PATH: process.env.PATH, TSQEMU_CACHE: seed },
        encoding: 'utf8',
      });
      if (status === 0) continue;
      process.stderr.write(`no seed for first runs: ${name} ends with ${signal ?? status}: ${stderr.slice(0, 200)}\n`);
      fs.rmSync(seed, { recursive: true, force: true });
      return;
    }
  }
  fs.chmodSync(seed, 0o755);
  for (const entry of fs.readdirSync(seed, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (OF_PROGRAMS.test(file)) fs.rmSync(file);
    else fs.chmodSync(file, entry.isDirectory() ? 0o755 : 0o644);
  }
}
