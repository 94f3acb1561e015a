import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { manyFunctions, sourceFile, sqlInserts, textData } from './generate.ts';

const KERNELS = path.join(import.meta.dirname, 'kernels');
const MB = 1 << 20;

/** Where programs, inputs and caches of the benchmark lie; outside the source tree. */
export const WORK: string = path.join(
  process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'),
  'tsqemu-user-bench',
);

/** A guest to measure: Debian's name of it is that of its sysroot. */
export interface Guest {
  readonly debian: string;
  readonly qemu: string;
  /** Of compilers and library folders. */
  readonly triple: string;
  /** Options for the SIMD kernels. */
  readonly simd: readonly string[];
}

export const GUESTS = {
  aarch64: { debian: 'arm64', qemu: 'qemu-aarch64', triple: 'aarch64-linux-gnu', simd: [] },
  // Debian's compiler is for VFPv3-D16; Advanced SIMD of floats flushes denormals, so it must be asked for
  arm: {
    debian: 'armhf',
    qemu: 'qemu-arm',
    triple: 'arm-linux-gnueabihf',
    simd: ['-mfpu=neon-vfpv4', '-funsafe-math-optimizations'],
  },
  x86_64: { debian: 'amd64', qemu: 'qemu-x86_64', triple: 'x86_64-linux-gnu', simd: [] },
  i386: { debian: 'i386', qemu: 'qemu-i386', triple: 'i686-linux-gnu', simd: ['-msse2', '-mfpmath=sse'] },
} as const satisfies Readonly<Record<string, Guest>>;
export type GuestName = keyof typeof GUESTS;

/** A machine the kernels are built for. */
export type Target = 'native' | GuestName;

/** Whether there are kernels for the x87. */
export const hasX87 = (target: Target): boolean =>
  target === 'native' ? process.arch === 'x64' : target === 'x86_64' || target === 'i386';

/** Path of a program that {@link build} made. */
export const program = (name: string, target: Target): string => path.join(WORK, target, name);

/** Path of an input that {@link build} made. */
export const input = (name: string): string => path.join(WORK, name);

/** Run a compiler whose last argument is its output, unless that is newer than `source`. */
function make(command: string, source: string, args: readonly string[]): void {
  const output = args.at(-1)!;
  const built = fs.statSync(output, { throwIfNoEntry: false });
  if (built !== undefined && built.mtimeMs > fs.statSync(source).mtimeMs) return;
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Throws, telling what to install, where a compiler is missing. */
function requireCompiler(command: string): void {
  const { error } = spawnSync(command, ['--version'], { stdio: 'ignore' });
  if (!error) return;
  throw new Error(
    `${command} is not there (${error.message}): install ${command.replace(/^(.*)-(gcc|g\+\+)$/, '$2-$1')}`,
  );
}

function buildFor(target: Target): void {
  const dir = path.join(WORK, target);
  fs.mkdirSync(dir, { recursive: true });
  const guest: Guest | null = target === 'native' ? null : GUESTS[target];
  const prefix = guest ? `${guest.triple}-` : '';
  const cc = `${prefix}gcc`;
  for (const compiler of [cc, `${prefix}g++`]) requireCompiler(compiler);
  const objects: string[] = [];
  for (const file of ['main.c', 'integer.c', 'memory.c', 'calls.c', 'fp.c', 'simd.c', 'x87.c', 'cxx.cc']) {
    const object = path.join(dir, `${file}.o`);
    // qemu does not chain blocks of different pages: no loop shall lie on two because of what the linker put in front of it
    // (the assembler of ARM aligns to 64 bytes at most)
    const level = [`-falign-functions=${target === 'arm' ? 64 : 1024}`];
    // -O2 vectorises only what costs no code size; the SIMD kernels shall be vector code
    level.push(...(file === 'simd.c' ? ['-O3', ...(guest?.simd ?? [])] : ['-O2']));
    if (file === 'x87.c' && hasX87(target)) level.push('-mfpmath=387');
    const source = path.join(KERNELS, file);
    make(file.endsWith('.cc') ? `${prefix}g++` : cc, source, [...level, '-c', source, '-o', object]);
    objects.push(object);
  }
  execFileSync(`${prefix}g++`, ['-static', ...objects, '-lm', '-o', path.join(dir, 'kernels')]);
  for (const name of ['hello', 'syscalls', 'processes']) {
    const source = path.join(KERNELS, `${name}.c`);
    make(cc, source, ['-O2', '-static', '-pthread', source, '-o', path.join(dir, name)]);
  }
  make(cc, input('many-6000-u64.c'), ['-O1', '-static', input('many-6000-u64.c'), '-o', path.join(dir, 'many')]);
}

/** Write `name` unless it is there: inputs are deterministic, and their names carry what they depend on. */
function makeInput(name: string, content: () => string | Buffer): void {
  const file = input(name);
  if (fs.existsSync(file)) return;
  fs.writeFileSync(`${file}.new`, content());
  fs.renameSync(`${file}.new`, file);
}

/** Compile the kernels for the guest and the host and generate all inputs. Needs gcc, g++ and their cross versions. */
export function build(guest: GuestName): void {
  fs.mkdirSync(WORK, { recursive: true });
  makeInput('many-6000-u64.c', () => manyFunctions(6000));
  fs.writeFileSync(input('tiny.c'), 'int main(void) { return 0; }\n');
  fs.writeFileSync(input('unit.c'), sourceFile(1000));
  makeInput('text-16m', () => textData(16 * MB));
  makeInput('text-64m', () => textData(64 * MB, 2));
  makeInput('text-4m', () => textData(4 * MB, 3));
  makeInput('inserts-100000.sql', () => sqlInserts(100_000));
  for (const target of ['native', guest] as const) buildFor(target);
  const measure = path.join(KERNELS, 'measure.c');
  make('gcc', measure, ['-O2', measure, '-o', program('measure', 'native')]);
}
