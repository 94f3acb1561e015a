import { launch } from './cli/launch.ts';
import { type EmulatorOptions, SANDBOX_ENV, toBytes } from './cli/options.ts';

export { LoadError } from './loader/load-error.ts';

/** What {@link run} runs. */
export interface RunRequest {
  /** Path of the program, as the guest sees it. */
  readonly program: string;
  /** Arguments after argv[0]. */
  readonly args?: readonly string[];
  /** argv[0]; the program's path by default. */
  readonly argv0?: string;
  /** Environment of the guest; by default a small one of its own, nothing of the host's. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the guest reads from descriptor 0; nothing by default. */
  readonly stdin?: string | Uint8Array;
  /** Root of the guest's libraries, looked up before the host's files. */
  readonly sysroot?: string;
  /** Directory, or tar archive (path or bytes), that fills an in-memory root: the guest sees nothing else. */
  readonly root?: string | Uint8Array;
  /** Bytes and files that fit into that root. */
  readonly maxBytes?: number;
  readonly maxInodes?: number;
  /** Seconds of processor time until the program is killed by SIGXCPU (24). */
  readonly cpuSeconds?: number;
  /** Whether sockets reach the host's network; by default only without `root`. */
  readonly network?: boolean;
  /** Worker threads for guests that run in parallel: one less than there are processors by default, 0 for none. */
  readonly workers?: number;
  readonly stackSize?: number;
  /** Makes random numbers repeat. */
  readonly seed?: number;
}

/** How the program ended, and what it wrote. */
export interface RunResult {
  /** Exit status; null when a signal killed it. */
  readonly exitCode: number | null;
  /** Number of the signal that killed it, or null. */
  readonly signal: number | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Run a Linux program of another architecture to its end. Rejects with LoadError when it cannot be started. */
export async function run(request: RunRequest): Promise<RunResult> {
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const { env, stdin = '' } = request;
  const options: EmulatorOptions = {
    path: toBytes(request.program),
    argv: [request.argv0 ?? request.program, ...(request.args ?? [])].map(toBytes),
    env: env === undefined ? SANDBOX_ENV : Object.entries(env).map(([name, value]) => toBytes(`${name}=${value}`)),
    sysroot: request.sysroot,
    memfs: request.root,
    maxBytes: request.maxBytes,
    maxInodes: request.maxInodes,
    cpuSeconds: request.cpuSeconds,
    network: request.network,
    workers: request.workers,
    stackSize: request.stackSize,
    seed: request.seed,
    stdio: {
      stdin: typeof stdin === 'string' ? Buffer.from(stdin) : stdin,
      stdout: (bytes) => stdout.push(bytes),
      stderr: (bytes) => stderr.push(bytes),
    },
  };
  const result = await launch(options);
  return {
    exitCode: 'exitCode' in result ? result.exitCode : null,
    signal: 'signal' in result ? result.signal : null,
    stdout: Buffer.concat(stdout),
    stderr: Buffer.concat(stderr),
  };
}
