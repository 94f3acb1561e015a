import fs from 'node:fs';
import { runProgram } from '../emulator.ts';
import type { FileSystem } from '../syscalls/vfs/types.ts';
import { capturedFiles } from './captured-stdio.ts';
import { type EmulatorOptions, type ExitResult, toBytes } from './options.ts';
import { UsageError } from './parse.ts';

/** Run what the options say to its end. Throws LoadError or UsageError when it cannot start. */
export async function launch(options: EmulatorOptions): Promise<ExitResult> {
  const root = options.memfs === undefined ? undefined : await memoryRoot(options.memfs, options);
  const items = options.log ?? [];
  const log = options.strace || items.length > 0 ? openLog(options.logFile) : undefined;
  const watch = items.some((item) => CPU_ITEMS.has(item));
  const { attachLog } = watch ? await import('../log.ts') : { attachLog: null };
  let told = false;
  const status = await runProgram({
    program: options.path,
    argv: options.argv,
    env: options.env,
    root,
    sysroot: options.sysroot === undefined ? undefined : toBytes(options.sysroot),
    stack: options.stackSize,
    cpu: options.cpu,
    cpuSeconds: options.cpuSeconds,
    workers: options.workers,
    release: options.release,
    seed: options.seed,
    network: options.network,
    // Blocks that come from the disk are not translated, so they would be missing in the log.
    cache: watch ? null : options.cache,
    strace: options.strace ? log : undefined,
    warn: (line) => {
      told ||= line.includes(': instruction 0x');
      if (options.logFile !== undefined && log !== undefined) log(`${line}\n`);
      else if (options.stdio !== undefined) options.stdio.stderr(Buffer.from(`${line}\n`));
      else console.error(line);
    },
    onCpu: (cpu) => {
      if (log) attachLog?.(cpu, { items, ranges: options.logRanges ?? [], write: log });
    },
    stdio: options.stdio === undefined ? undefined : capturedFiles(options.stdio),
    // A library must not take the signals of the program that embeds it.
    hostSignals: options.stdio === undefined,
  });
  if (!('signal' in status)) return { exitCode: status.code };
  return { signal: status.signal, told: told && status.signal === SIGILL };
}

async function memoryRoot(from: string | Uint8Array, limits: EmulatorOptions): Promise<FileSystem> {
  const { createMemRoot } = await import('../syscalls/vfs/mem-root.ts');
  const { maxBytes, maxInodes } = limits;
  try {
    const skipped = (name: string, why: string): void => {
      // Devices and the like are left out without a word; a root that is not whole is no root.
      if (/^E[A-Z]+$/.test(why)) throw new Error(`${name}: ${why}`);
    };
    return await createMemRoot({ from: typeof from === 'string' ? toBytes(from) : from, maxBytes, maxInodes, skipped });
  } catch (error) {
    throw new UsageError(`--memfs: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const SIGILL = 4;

/** Items of -d that are about translation. */
const CPU_ITEMS: ReadonlySet<string> = new Set('in_asm op op_opt out_asm exec cpu page verify'.split(' '));

/** A sink for log text: the file of -D, or stderr. */
function openLog(file: string | undefined): (text: string) => void {
  try {
    const fd = file === undefined ? 2 : fs.openSync(file, 'w');
    return (text) => {
      writeAll(fd, Buffer.from(text, 'latin1'));
    };
  } catch (error) {
    throw new UsageError(`-D: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A pipe set not to block takes what fits; wait for its reader as a blocking one would. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += fs.writeSync(fd, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));
