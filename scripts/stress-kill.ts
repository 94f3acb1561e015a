/**
 * End the emulator by a signal at a random time, also while it and its worker threads start, with eight busy guests:
 * nothing may be left of it. usage: node scripts/stress-kill.ts [ROUNDS] [WORKERS]; 30 rounds and 3 workers by default
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GUESTS, hasSysroot } from '../test/e2e/sysroot.ts';

const cli = fileURLToPath(new URL('../bin/tsqemu-user.js', import.meta.url));
const [rounds = '30', workers = '3'] = process.argv.slice(2);
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGKILL'] as const;
/** What takes longer than this to end hangs. */
const LONGEST_MS = 20_000;
/**
 * Eight processes that compute, of dash: bash 5.2 sends itself SIGINT for ever when it gets one at the moment at which it
 * begins to wait (natively too: `strace -e inject=rt_sigaction:signal=SIGINT:when=N`). With a trap the shell handles the
 * signal, once, and ends by itself; it kills its children by SIGKILL, as a child forgets other signals that come before it
 * has left its parent's traps (natively too).
 */
const busy = (trap: string): string =>
  `${trap} for i in 1 2 3 4 5 6 7 8; do while :; do :; done & p="$p $!"; done; echo up; wait`;
const SCRIPTS = {
  default: busy(''),
  trapped: busy(`trap 'trap "" TERM INT; kill -KILL $p $!; exit 3' TERM INT;`),
};

/** Living processes that have a variable in their environment. */
function withMark(mark: string): number[] {
  return fs.readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return fs.readFileSync(`/proc/${name}/environ`, 'latin1').includes(mark) ? [Number(name)] : [];
    } catch {
      // gone meanwhile, or another user's
      return [];
    }
  });
}

let wrong = 0;
for (const guest of GUESTS.filter(hasSysroot)) {
  for (const [kind, script] of Object.entries(SCRIPTS)) {
    const times: { readonly ms: number; readonly signal: string; readonly delay: number }[] = [];
    for (let round = 0; round < Number(rounds); round++) {
      const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-kill-'));
      const mark = `TSQEMU_KILL_MARK=${dir}`;
      const args = [cli, '--workers', workers, '-L', guest.sysroot, path.join(guest.sysroot, 'bin/dash'), '-c', script];
      const env = { ...process.env, TSQEMU_KILL_MARK: dir, TMPDIR: dir };
      const child = spawn(process.execPath, args, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
      const closed = once(child, 'close');
      const signal = SIGNALS[round % SIGNALS.length] ?? 'SIGTERM';
      const delay = Math.random() * 2500;
      await sleep(delay);
      const start = performance.now();
      child.kill(signal);
      const limit = setTimeout(() => {
        wrong++;
        console.log(`${guest.arch} ${kind} ${signal} after ${delay.toFixed(0)} ms: hangs`);
        child.kill('SIGKILL');
      }, LONGEST_MS);
      await closed;
      clearTimeout(limit);
      times.push({ ms: performance.now() - start, signal, delay });
      const left = withMark(mark);
      const files = fs.readdirSync(dir);
      if (left.length > 0 || files.length > 0) {
        wrong++;
        console.log(`${guest.arch} ${kind} ${signal}: left ${left.join(' ')} ${files.join(' ')}`);
      }
      fs.rmSync(dir, { recursive: true });
    }
    for (const signal of SIGNALS) {
      const list = times.filter((time) => time.signal === signal).sort((a, b) => a.ms - b.ms);
      const [middle, last] = [list[Math.floor(list.length / 2)], list.at(-1)];
      if (middle === undefined || last === undefined) continue;
      const worst = `${last.ms.toFixed(0)} ms, sent after ${last.delay.toFixed(0)} ms`;
      console.log(`${guest.arch} ${kind} ${signal}: median ${middle.ms.toFixed(0)} ms, longest ${worst}`);
    }
  }
}
process.exitCode = wrong > 0 ? 1 : 0;
