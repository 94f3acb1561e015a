import { isUtf8 } from 'node:buffer';
import { type SpawnOptions, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Program } from './program.ts';
import { makeWorkspace } from './workspace.ts';

/** What a program did. Long and binary outputs are kept as length and hash. */
export interface Outcome {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** Environment of guests, the same everywhere. */
export const GUEST_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/bin:/bin',
  HOME: '/nonexistent',
  LANG: 'C.UTF-8',
  TZ: 'UTC0',
};

const KEEP = 4000;

const digest = (bytes: Buffer): string =>
  bytes.length <= KEEP && isUtf8(bytes) && !bytes.includes(0)
    ? bytes.toString()
    : `${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`;

const sortLines = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString('latin1').split('\n').sort().join('\n'), 'latin1');

/** Run a program in a fresh workspace by an emulator's command line; without one, the host's own program. */
export async function outcome(
  emulator: readonly string[] | null,
  root: string,
  program: Program,
  env: Readonly<Record<string, string>> = GUEST_ENV,
): Promise<Outcome> {
  const cwd = makeWorkspace();
  try {
    const [argv0 = '', ...rest] = program.argv;
    const emulated = ['-L', root, '-0', argv0, path.join(root, program.file), ...rest];
    const [command, ...args] = emulator === null ? [`/${program.file}`] : [...emulator, ...emulated];
    const line = emulator === null ? rest : args;
    const options = { cwd, env, ...(emulator === null ? { argv0 } : {}) };
    const { status, stdout, stderr } = await execute(command as string, line, program.stdin, options);
    const files = program.outputs.map((name) => {
      const file = path.join(cwd, name);
      return [name, fs.existsSync(file) ? digest(fs.readFileSync(file)) : 'missing'] as const;
    });
    const clean = (text: string): string =>
      // shells tell the process ids of killed children
      text
        .replaceAll(root, '$ROOT')
        .replaceAll(cwd, '$PWD')
        .replace(/(: line \d+: ) *\d+ /g, '$1PID ');
    return {
      status,
      stdout: clean(digest(program.unordered ? sortLines(stdout) : stdout)),
      // The emulators' own words differ.
      stderr: clean(digest(stderr)).replace(/^(qemu|tsqemu-user): .*\n/gm, ''),
      ...(files.length === 0 ? {} : { files: Object.fromEntries(files) }),
    };
  } finally {
    fs.rmSync(cwd, { recursive: true, force: true });
  }
}

/** Run a command to its end with all of its output. */
export function execute(
  command: string,
  args: readonly string[],
  stdin: string,
  options: SpawnOptions = {},
): Promise<{ status: number | string; stdout: Buffer; stderr: Buffer }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { timeout: 60_000, killSignal: 'SIGKILL', ...options, stdio: 'pipe' });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ status: signal ?? code ?? -1, stdout: Buffer.concat(out), stderr: Buffer.concat(err) });
    });
    // A guest that ends without reading its input is no mistake.
    child.stdin?.on('error', () => {});
    child.stdin?.end(stdin);
  });
}
