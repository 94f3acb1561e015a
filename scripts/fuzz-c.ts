/**
 * Differential fuzzer of whole programs: random C (scripts/fuzz-c-generate.ts), compiled for a guest and for the host, has to
 * print the same. Where the instruction fuzzer (scripts/fuzz.ts) sees single blocks, this one sees loops, calls and what a
 * compiler makes of them. Needs gcc for the host and the guests.
 *
 *     node scripts/fuzz-c.ts [--guest NAME] [--seed N] [--cases N] [--tier hot|cold|auto] [--keep FOLDER]
 *
 * Without --guest it takes all in turn. A program that differs is left in FOLDER.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { randomProgram } from './fuzz-c-generate.ts';
import { Random } from './fuzz-random.ts';

interface Target {
  readonly compiler: string;
  /** One is taken for each program. */
  readonly flags: readonly (readonly string[])[];
}

const TARGETS: Readonly<Record<string, Target>> = {
  aarch64: { compiler: 'aarch64-linux-gnu-gcc', flags: [[], ['-march=armv8.2-a']] },
  arm: {
    compiler: 'arm-linux-gnueabihf-gcc',
    flags: [['-mthumb'], ['-marm'], ['-mthumb', '-mfpu=neon-vfpv4'], ['-marm', '-mfpu=neon-vfpv4', '-mcpu=cortex-a15']],
  },
  x86_64: { compiler: 'x86_64-linux-gnu-gcc', flags: [[], ['-march=x86-64-v3'], ['-march=x86-64-v2']] },
  i386: {
    compiler: 'i686-linux-gnu-gcc',
    // what x87 computes in 80 bits depends on the compiler
    flags: [
      ['-msse2', '-mfpmath=sse'],
      ['-march=haswell', '-mfpmath=sse'],
      ['-msse2', '-mfpmath=sse', '-fPIC'],
    ],
  },
};
/** Nothing is undefined, and nothing fused. */
const COMMON = ['-fwrapv', '-fno-strict-aliasing', '-ffp-contract=off', '-w', '-static'];
const LEVELS = ['-O1', '-O2', '-O3', '-Os', '-O2'];
const TIMEOUT_MS = 120_000;

const { values: options } = parseArgs({
  options: {
    guest: { type: 'string' },
    seed: { type: 'string', default: '1' },
    cases: { type: 'string', default: '20' },
    tier: { type: 'string', default: 'hot' },
    keep: { type: 'string', default: path.join(os.tmpdir(), 'tsqemu-fuzz-c') },
  },
});
if (options.guest !== undefined && !Object.hasOwn(TARGETS, options.guest)) {
  throw new Error(`--guest is one of ${Object.keys(TARGETS).join(', ')}`);
}
const guests = options.guest === undefined ? Object.keys(TARGETS) : [options.guest];
const seed = Number(options.seed);
const cases = Number(options.cases);
if (!Number.isInteger(seed) || !Number.isInteger(cases) || cases < 1) throw new Error('--seed and --cases are numbers');

const emulator = path.join(import.meta.dirname, 'fuzz-emulator.ts');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-fuzz-c-'));

/** What a run wrote, and how it ended where that was not well. */
function outputOf(command: string, args: readonly string[]): string {
  const { stdout, stderr, status, signal } = spawnSync(command, args, { encoding: 'utf8', timeout: TIMEOUT_MS });
  return status === 0 ? stdout : `${stdout}${stderr.slice(0, 400)}ends with ${signal ?? status}\n`;
}

function compile(compiler: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(compiler, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${compiler}: ${error?.message ?? stderr.slice(0, 1000)}`);
}

let differing = 0;
try {
  for (let n = 0; n < cases; n++) {
    const random = new Random(seed + n);
    const source = path.join(dir, 'program.c');
    fs.writeFileSync(source, randomProgram(random));
    const native = path.join(dir, 'native');
    compile('gcc', [...COMMON, '-O1', source, '-o', native]);
    const expected = outputOf(native, []);
    for (const guest of guests) {
      const { compiler, flags } = TARGETS[guest] as Target;
      const chosen = [
        LEVELS[random.below(LEVELS.length)] as string,
        ...(flags[random.below(flags.length)] as string[]),
      ];
      const program = path.join(dir, guest);
      compile(compiler, [...COMMON, ...chosen, source, '-o', program]);
      const found = outputOf(process.execPath, [emulator, options.tier, program]);
      if (found === expected) continue;
      differing++;
      const kept = path.join(options.keep, `${seed + n}-${guest}`);
      fs.mkdirSync(kept, { recursive: true });
      for (const file of [source, native, program]) fs.copyFileSync(file, path.join(kept, path.basename(file)));
      const line = expected.split('\n').findIndex((text, i) => text !== found.split('\n')[i]);
      process.stdout.write(`seed ${seed + n}, ${guest} ${chosen.join(' ')}: function ${line} differs; ${kept}\n`);
      if (/ends with/.test(found)) process.stdout.write(found.split('\n').slice(-3).join('\n'));
    }
  }
} finally {
  fs.rmSync(dir, { recursive: true, force: true });
}
process.stdout.write(`${cases} programs for ${guests.join(', ')}: ${differing} differences\n`);
process.exitCode = differing === 0 ? 0 : 1;
