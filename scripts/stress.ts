/**
 * Long run of test/fixtures/syscalls/stress.c: threads that synchronize, compute and get signals, on more worker threads
 * than there are processors. usage: node scripts/stress.ts [SECONDS] [WORKERS]; 60 seconds and 3 workers by default
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [seconds = '60', workers = '3'] = process.argv.slice(2);
const BUILDS = [
  ['aarch64-linux-gnu-gcc'],
  ['aarch64-linux-gnu-gcc', '-march=armv8.2-a'],
  ['arm-linux-gnueabihf-gcc'],
  ['x86_64-linux-gnu-gcc'],
  ['i686-linux-gnu-gcc'],
] as const;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-stress-'));
const expected = fs.readFileSync(`${root}test/fixtures/syscalls/stress.expected`, 'utf8');
try {
  for (const [compiler, ...flags] of BUILDS) {
    const program = path.join(dir, 'stress');
    const source = `${root}test/fixtures/syscalls/stress.c`;
    execFileSync(compiler, ['-O1', '-w', '-static', '-pthread', ...flags, '-o', program, source], { stdio: 'inherit' });
    const line = [`${root}bin/tsqemu-user.js`, '--workers', workers, program, seconds];
    // one that hangs is killed: its status is none then
    const timeout = (Number(seconds) + 30) * 1000;
    const { stdout, stderr, status } = spawnSync(process.execPath, line, { encoding: 'utf8', timeout });
    const right = `${stdout}status ${status}\n` === expected;
    console.log(`${[compiler, ...flags].join(' ')}: ${right ? 'right' : `WRONG\n${stdout}`}, ${stderr.trim()}`);
    if (!right) process.exitCode = 1;
  }
} finally {
  fs.rmSync(dir, { recursive: true, force: true });
}
