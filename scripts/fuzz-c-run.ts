/** One random C program on the host and on guests: what scripts/fuzz-c.ts and its test do. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { randomProgram } from './fuzz-c-generate.ts';
import { Random } from './fuzz-random.ts';

interface Target {
  readonly compiler: string;
  /** One is taken for each program. */
  readonly flags: readonly (readonly string[])[];
}

export const TARGETS: Readonly<Record<string, Target>> = {
  aarch64: { compiler: 'aarch64-linux-gnu-gcc', flags: [[], ['-march=armv8.2-a']] },
  arm: {
    compiler: 'arm-linux-gnueabihf-gcc',
    flags: [['-mthumb'], ['-marm'], ['-mthumb', '-mfpu=neon-vfpv4'], ['-marm', '-mfpu=neon-vfpv4', '-mcpu=cortex-a15']],
  },
  x86_64: { compiler: 'x86_64-linux-gnu-gcc', flags: [[], ['-march=x86-64-v3'], ['-march=x86-64-v2']] },
  i386: {
    compiler: 'i686-linux-gnu-gcc',
    // what the x87 computes in 80 bits depends on the compiler
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

/** A program that prints on a guest what it does not on the host. */
export interface Difference {
  readonly guest: string;
  readonly flags: readonly string[];
  /** First line that differs: number of the function, or of what the end says. */
  readonly line: number;
  /** What the guest printed last. */
  readonly end: string;
}

const hasCompiler = new Map<string, boolean>();
/** Whether programs can be made for a guest here. */
export const canCompile = (guest: string): boolean => {
  const { compiler } = TARGETS[guest] as Target;
  const known = hasCompiler.get(compiler) ?? spawnSync(compiler, ['--version']).status === 0;
  hasCompiler.set(compiler, known);
  return known;
};

function compile(compiler: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(compiler, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${compiler}: ${error?.message ?? stderr.slice(0, 1000)}`);
}

/** What a run wrote, and how it ended where that was not well. */
function outputOf(command: string, args: readonly string[]): string {
  const { stdout, stderr, status, signal } = spawnSync(command, args, { encoding: 'utf8', timeout: TIMEOUT_MS });
  return status === 0 ? stdout : `${stdout}${stderr.slice(0, 400)}ends with ${signal ?? status}\n`;
}

/**
 * The program of a seed, compiled for the host and each guest and run there with one tier of the translator. Source and programs,
 * by the guests' names, stay in `dir`. Throws where a compiler fails.
 */
export function runCase(dir: string, seed: number, guests: readonly string[], tier: string): Difference[] {
  const emulator = path.join(import.meta.dirname, 'fuzz-emulator.ts');
  const random = new Random(seed);
  const source = path.join(dir, 'program.c');
  fs.writeFileSync(source, randomProgram(random));
  const native = path.join(dir, 'native');
  compile('gcc', [...COMMON, '-O1', source, '-o', native]);
  const expected = outputOf(native, []).split('\n');
  return guests.flatMap((guest) => {
    const { compiler, flags } = TARGETS[guest] as Target;
    const own = new Random(seed);
    const chosen = [LEVELS[own.below(LEVELS.length)] as string, ...(flags[own.below(flags.length)] as string[])];
    const program = path.join(dir, guest);
    compile(compiler, [...COMMON, ...chosen, source, '-o', program]);
    const found = outputOf(process.execPath, [emulator, tier, program]).split('\n');
    const line = expected.findIndex((text, i) => text !== found[i]);
    if (line < 0 && found.length === expected.length) return [];
    return [{ guest, flags: chosen, line, end: found.slice(-3).join('\n') }];
  });
}
