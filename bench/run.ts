/**
 * Benchmark: ours beside qemu-user and the host itself. See README.md.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, GUESTS, type GuestName, input, program } from './build.ts';
import { type Case, cases, sysroot } from './cases.ts';
import { measure, median } from './measure.ts';
import {
  type Base,
  complaint,
  type Metric,
  type Result,
  type Runner,
  startupReport,
  summary,
  table,
} from './report.ts';

const { values: options } = parseArgs({
  options: {
    guest: { type: 'string', default: 'aarch64' },
    metric: { type: 'string', default: 'cpu' },
    runs: { type: 'string', default: '5' },
    before: { type: 'string', default: '1' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    emulator: { type: 'string', default: path.join(import.meta.dirname, '..', 'bin', 'tsqemu-user.js') },
  },
});
if (options.metric !== 'cpu' && options.metric !== 'wall') throw new Error('--metric is cpu or wall');
if (!Object.hasOwn(GUESTS, options.guest)) throw new Error(`--guest is one of ${Object.keys(GUESTS).join(', ')}`);
const guest = options.guest as GuestName;
const SYSROOT = sysroot(guest);
const QEMU = GUESTS[guest].qemu;
const metric: Metric = options.metric;
const atLeast = (least: number, name: 'runs' | 'before' | 'scale'): number => {
  const value = Number(options[name]);
  if (!Number.isInteger(value) || value < least) throw new Error(`--${name} is a number of at least ${least}`);
  return value;
};
const runs = atLeast(1, 'runs');
const before = atLeast(0, 'before');
const scale = atLeast(1, 'scale');

const WARM_CACHE = input('cache');
const COLD_CACHE = input('cache-cold');

/** The same small environment for all three; our caches are those of the benchmark. */
function environment(cache: string, emulated: boolean): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: input('home'),
    LC_ALL: 'C',
    PYTHONHASHSEED: '0',
    // packages carry no compiled modules: the warm-up run leaves them here
    PYTHONPYCACHEPREFIX: input(emulated ? `pyc-${guest}` : 'pyc-native'),
    ...(emulated && { PYTHONHOME: path.join(SYSROOT, 'usr') }),
    TSQEMU_CACHE: cache,
  };
}

function commandOf(runner: Runner, what: Case): readonly string[] | null {
  if (runner === 'native') return what.native;
  if (runner === 'node') return [process.execPath, '-e', '0'];
  if (runner === 'qemu') return [QEMU, '-L', SYSROOT, ...what.guest];
  return [process.execPath, options.emulator, '-L', SYSROOT, ...what.guest];
}

function runOnce(runner: Runner, result: Result, keep: boolean): void {
  const { case: what, samples } = result;
  const command = commandOf(runner, what);
  if (command === null) return;
  for (const file of what.fresh ?? []) fs.rmSync(file, { force: true });
  const cold = what.coldCache === true && runner === 'ours';
  if (cold) fs.rmSync(COLD_CACHE, { recursive: true, force: true });
  const sample = measure(command, environment(cold ? COLD_CACHE : WARM_CACHE, runner !== 'native'), what.stdin);
  if (keep) samples[runner].push(sample);
}

/** Nanoseconds per operation as `syscalls` and `processes` print them, the least of all runs. */
function costs(
  name: 'syscalls' | 'processes',
  argumentsFor: (target: GuestName | 'native') => readonly string[],
): string {
  const found = new Map<string, number[]>();
  const runners = [[], [QEMU], [process.execPath, options.emulator]];
  for (let run = 0; run < Math.min(runs, 3); run++) {
    runners.forEach((prefix, column) => {
      const target = prefix.length === 0 ? 'native' : guest;
      // qemu starts no programs of the guest's: what binfmt_misc would do is done by hand
      const starts = name === 'processes' && column === 1 ? [QEMU] : [];
      const [command, ...args] = [...prefix, program(name, target), ...starts, ...argumentsFor(target)];
      const text = execFileSync(command!, args, { encoding: 'utf8', env: environment(WARM_CACHE, false) });
      for (const [, what, cost] of text.matchAll(/^(\S+) (\d+)$/gm)) {
        const row = found.get(what!) ?? [Infinity, Infinity, Infinity];
        row[column] = Math.min(row[column]!, Number(cost));
        found.set(what!, row);
      }
    });
  }
  const rows = [...found].map(([what, [native, qemu, ours]]) => {
    return `| ${what} | ${native} | ${qemu} | ${ours} | ${(ours! / qemu!).toFixed(2)} |`;
  });
  return [`| ${name} | native ns | qemu ns | ours ns | ours ÷ qemu |`, '|---|--:|--:|--:|--:|', ...rows, ''].join('\n');
}

function main(): void {
  build(guest);
  fs.mkdirSync(input('home'), { recursive: true });
  const only = new RegExp(options.only);
  const all: Result[] = cases(guest, scale).map((c) => ({
    case: c,
    samples: { native: [], qemu: [], ours: [], node: [] },
  }));
  const hello = all.find((r) => r.case.name === 'hello (2nd)')!;
  // the base of the column "net" is always measured
  const chosen = all.filter((r) => r === hello || only.test(r.case.name) || only.test(r.case.group));
  for (let run = -before; run < runs; run++) {
    for (const result of chosen) {
      // uncounted runs where something is cached: compiled Python modules, our own caches
      if (run < 0 && !['scripts', 'tools', 'startup'].includes(result.case.group)) continue;
      process.stderr.write(`\r\x1b[Krun ${run + 1} of ${runs}: ${result.case.name}`);
      for (const runner of ['native', 'qemu', 'ours'] as const) runOnce(runner, result, run >= 0);
      if (result === hello) runOnce('node', result, run >= 0);
    }
  }
  process.stderr.write('\r\x1b[K');
  const base: Base = {
    qemu: median(hello.samples.qemu.map((s) => s[metric])),
    ours: median(hello.samples.ours.map((s) => s[metric])),
  };
  process.stdout.write(
    `${table(chosen, metric, base)}\n${summary(chosen, metric, base)}${startupReport(hello, metric)}`,
  );
  if (only.test('syscalls')) process.stdout.write(`\n${costs('syscalls', () => [input('tiny.c')])}`);
  if (only.test('processes')) process.stdout.write(`\n${costs('processes', (target) => [program('hello', target)])}`);
  if (options.json)
    fs.writeFileSync(options.json, JSON.stringify({ date: new Date(), metric, results: chosen }, null, 1));
  const wrong = chosen.filter((r) => complaint(r) !== '');
  for (const r of wrong) process.stderr.write(`${r.case.name}: ${complaint(r)}\n`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

main();
