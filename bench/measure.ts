import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { input, program } from './build.ts';

/** What one run of a program took, in seconds and KiB, and how it ended. */
export interface Sample {
  readonly wall: number;
  /** User and system time of the process and all its threads (V8's compiler threads too). */
  readonly cpu: number;
  readonly rss: number;
  /** As `wait(2)` reports it; 0 is a success. */
  readonly status: number;
  /** Hash of what it wrote to standard output. */
  readonly output: string;
}

const TIMEOUT_SECONDS = 300;

function hashFile(file: string): string {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex').slice(0, 16);
}

/** Run a command once through measure.c; its output goes to a file as a program's usually does. */
export function measure(command: readonly string[], env: NodeJS.ProcessEnv, stdin: string | undefined): Sample {
  const outFile = input('stdout');
  const errFile = input('stderr');
  const source = fs.openSync(stdin ?? '/dev/null', 'r');
  const out = fs.openSync(outFile, 'w');
  const err = fs.openSync(errFile, 'w');
  try {
    const args = [String(TIMEOUT_SECONDS), ...command];
    const child = spawnSync(program('measure', 'native'), args, { env, stdio: [source, out, err, 'pipe'] });
    if (child.error) throw child.error;
    const line = child.output[3]?.toString() ?? '';
    const [wall, user, system, rss, status] = line.split(' ').map(Number);
    const messages = (): string => fs.readFileSync(errFile, 'utf8').slice(0, 1000);
    if (status === undefined) throw new Error(`measure failed: ${messages()}`);
    if (status !== 0) process.stderr.write(`\n${command.join(' ')}: status ${status}\n${messages()}`);
    return { wall: wall! / 1e6, cpu: (user! + system!) / 1e6, rss: rss!, status, output: hashFile(outFile) };
  } finally {
    fs.closeSync(source);
    fs.closeSync(out);
    fs.closeSync(err);
  }
}

/** Middle of the values, mean of the two in the middle of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Geometric mean; NaN of nothing. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
