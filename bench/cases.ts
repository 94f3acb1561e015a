import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { GUESTS, type GuestName, hasX87, input, program } from './build.ts';

const { TSQEMU_TEST_CACHE, XDG_CACHE_HOME } = process.env;

/** Tree of Debian packages of a guest that scripts/prepare-sysroot.sh makes. */
export const sysroot = (guest: GuestName): string =>
  path.join(
    TSQEMU_TEST_CACHE ?? path.join(XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'tsqemu-user-test'),
    GUESTS[guest].debian,
  );

export type Group = 'integer' | 'memory' | 'calls' | 'fp' | 'simd' | 'x87' | 'scripts' | 'tools' | 'startup';

/** Groups in the order of the report. */
export const GROUPS: readonly Group[] = [
  'integer',
  'memory',
  'calls',
  'fp',
  'simd',
  'x87',
  'scripts',
  'tools',
  'startup',
];

/** One thing to measure. */
export interface Case {
  readonly name: string;
  readonly group: Group;
  /** Program and arguments for the emulators and the host itself; null: the host has no such program. */
  readonly guest: readonly string[];
  readonly native: readonly string[] | null;
  /** Whether the host's output must be the guest's: same program, no rounding that depends on the machine. */
  readonly sameOutput: boolean;
  readonly stdin?: string;
  /** Files to remove before each run. */
  readonly fresh?: readonly string[];
  /** Start with empty caches of ours: a first run. */
  readonly coldCache?: boolean;
}

const KERNELS: Readonly<Record<string, readonly string[]>> = {
  integer: ['sieve', 'crc32', 'sha256', 'switch', 'hash', 'div64', 'strings'],
  memory: ['triad', 'chase', 'memcpy', 'malloc'],
  calls: ['quicksort', 'fib', 'virtual', 'exceptions', 'longjmp'],
  fp: ['nbody', 'spectral', 'mandelbrot', 'f32mix', 'libm'],
  simd: ['matmul', 'saxpy', 'pixels', 'dot'],
  x87: ['x87-long', 'x87-double'],
};

/** `scale`: how often each does its work. */
function kernels(target: GuestName, scale: string): Case[] {
  return Object.entries(KERNELS).flatMap(([group, names]) =>
    (group === 'x87' && !hasX87(target) ? [] : names).map((name) => ({
      name,
      group: group as Group,
      guest: [program('kernels', target), name, scale],
      // a 32-bit guest divides less often
      native:
        (target === 'arm' && name === 'div64') || (group === 'x87' && !hasX87('native'))
          ? null
          : [program('kernels', 'native'), name, scale],
      // AArch64 compilers fuse multiply and add, and both C libraries have their own variants
      sameOutput: !['fp', 'matmul', 'saxpy'].some((inexact) => inexact === group || inexact === name),
    })),
  );
}

interface Real {
  readonly path: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly fresh?: readonly string[];
}

type Program = (name: string, group: Group, real: Real) => Case;

/** A program of the sysroot beside the host's own build of it. */
const programOf =
  (guest: GuestName): Program =>
  (name, group, { path: file, args, ...rest }) => {
    const native = file.replace(GUESTS[guest].triple, `${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-gnu`);
    return {
      name,
      group,
      guest: [path.join(sysroot(guest), file), ...args],
      native: fs.existsSync(native) ? [native, ...args] : null,
      sameOutput: false,
      ...rest,
    };
  };

const cc1 = (guest: GuestName, ...args: string[]): Real => ({
  path: `/usr/lib/gcc/${GUESTS[guest].triple}/12/cc1`,
  args: ['-quiet', ...args, '-o', '-'],
});
const script = (file: string, ...args: string[]): string[] => [
  path.join(import.meta.dirname, 'scripts', file),
  ...args,
];
const database = input('inserts.db');

// biome-ignore format: one program per line
function programs(guest: GuestName, scale: string): Case[] {
  const real = programOf(guest);
  const text = input('text-16m');
  const small = input('text-4m');
  return [
    real('lua', 'scripts', { path: '/usr/bin/lua5.4', args: script('loops.lua', scale) }),
    real('perl', 'scripts', { path: '/usr/bin/perl', args: script('loops.pl', scale) }),
    real('python', 'scripts', { path: '/usr/bin/python3.11', args: script('loops.py', scale) }),
    real('bash', 'scripts', { path: '/bin/bash', args: script('loops.sh', scale) }),
    real('bash 250 × $(…)', 'scripts', { path: '/bin/bash', args: script('substitute.sh', scale) }),
    real('gzip', 'tools', { path: '/bin/gzip', args: ['-c', '-3'], stdin: text }),
    real('xz', 'tools', { path: '/usr/bin/xz', args: ['-c', '-0', '-T1'], stdin: text }),
    real('zstd', 'tools', { path: '/usr/bin/zstd', args: ['-q', '-c', '-3', '--single-thread', '--no-asyncio'], stdin: text }),
    real('sha256sum', 'tools', { path: '/usr/bin/sha256sum', args: [], stdin: input('text-64m') }),
    real('sort', 'tools', { path: '/usr/bin/sort', args: ['--parallel=1', '-S64M', small] }),
    real('sed', 'tools', { path: '/bin/sed', args: ['-n', '-f', ...script('lines.sed'), small] }),
    real('sqlite', 'tools', { path: '/usr/bin/sqlite3', args: [database], stdin: input('inserts-100000.sql'), fresh: [database] }),
    real('cc1', 'tools', cc1(guest, '-O2', input('unit.c'))),
  ];
}

function startups(guest: GuestName): Case[] {
  const real = programOf(guest);
  const again = [
    real('python3 -c pass', 'startup', { path: '/usr/bin/python3.11', args: ['-c', 'pass'] }),
    real('sqlite3', 'startup', { path: '/usr/bin/sqlite3', args: [':memory:', 'select 1'] }),
    real('cc1 tiny', 'startup', cc1(guest, input('tiny.c'))),
    real('bash -c :', 'startup', { path: '/bin/bash', args: ['-c', ':'] }),
    {
      name: 'hello',
      group: 'startup',
      guest: [program('hello', guest)],
      native: [program('hello', 'native')],
      sameOutput: true,
    },
  ] satisfies Case[];
  return [
    ...again.map((c) => ({ ...c, name: `${c.name} (1st)`, coldCache: true })),
    ...again.map((c) => ({ ...c, name: `${c.name} (2nd)` })),
  ];
}

/**
 * Everything to measure, in the order of the report; programs only where the sysroot is there. Kernels and scripts do their
 * work `scale` times, so that start-up, which has cases of its own, is less of it.
 */
export function cases(guest: GuestName, scale: number): Case[] {
  const many: Case = {
    name: 'many functions',
    group: 'calls',
    guest: [program('many', guest)],
    native: [program('many', 'native')],
    sameOutput: true,
  };
  const firstMany: Case = { ...many, name: 'many functions (1st)', coldCache: true };
  const all = [
    ...kernels(guest, String(scale)),
    firstMany,
    many,
    ...programs(guest, String(scale)),
    ...startups(guest),
  ];
  const there = all.filter((c) => fs.existsSync(c.guest[0]!));
  return there.toSorted((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));
}
