import fs from 'node:fs';
import { runProgram } from '../emulator.ts';
import { createMemRoot } from '../syscalls/vfs/mem-root.ts';
import type { FileSystem } from '../syscalls/vfs/types.ts';
import { capturedFiles } from './captured-stdio.ts';
import { type EmulatorOptions, type ExitResult, toBytes } from './options.ts';
import { UsageError } from './parse.ts';

/** Run what the options say to its end. Throws LoadError or UsageError when it cannot start. */
export async function launch(options: EmulatorOptions): Promise<ExitResult> {
  const root = options.memfs === undefined ? undefined : await memoryRoot(options.memfs);
  const log = options.strace ? openLog(options.logFile) : undefined;
  const status = await runProgram({
    program: options.path,
    argv: options.argv,
    env: options.env,
    root,
    sysroot: options.sysroot === undefined ? undefined : toBytes(options.sysroot),
    stack: options.stackSize,
    release: options.release,
    seed: options.seed,
    cache: options.cache,
    strace: log,
    stdio: options.stdio === undefined ? undefined : capturedFiles(options.stdio),
    // A library must not take the signals of the program that embeds it.
    hostSignals: options.stdio === undefined,
  });
  return 'signal' in status ? { signal: status.signal } : { exitCode: status.code };
}

async function memoryRoot(from: string | Uint8Array): Promise<FileSystem> {
  try {
    return await createMemRoot({ from: typeof from === 'string' ? toBytes(from) : from });
  } catch (error) {
    throw new UsageError(`--memfs: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A sink for log text: the file of -D, or stderr. */
function openLog(file: string | undefined): (text: string) => void {
  try {
    const fd = file === undefined ? 2 : fs.openSync(file, 'w');
    return (text) => {
      fs.writeSync(fd, text);
    };
  } catch (error) {
    throw new UsageError(`-D: ${error instanceof Error ? error.message : String(error)}`);
  }
}
