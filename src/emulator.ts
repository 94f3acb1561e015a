import path from 'node:path';
import type { Cpu } from './cpu/cpu.ts';
import { boundYoung } from './cpu/garbage.ts';
import { CpuThread } from './cpu/thread.ts';
import { WorkerPool } from './cpu/workers/pool.ts';
import { Programs } from './programs.ts';
import { Kernel, type KernelOptions } from './syscalls/kernel/kernel.ts';
import { RLIMIT_CPU } from './syscalls/kernel/limits.ts';
import { type ExitStatus, Process } from './syscalls/kernel/process.ts';
import type { Task } from './syscalls/kernel/task.ts';
import type { OpenFile } from './syscalls/vfs/types.ts';
import { cpuMs } from './uptime.ts';

/** What a run needs; strings are byte strings (latin1) as the kernel side uses them. */
export interface RunOptions extends KernelOptions {
  /** Guest path of the program. */
  readonly program: string;
  /** argv, argv[0] included. */
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly cwd?: string | undefined;
  /** Descriptors 0–2 for embedders; by default the host's. */
  readonly stdio?: readonly (OpenFile | null)[] | undefined;
  /** Folder of kept translations; undefined: the user's cache folder, null: none. */
  readonly cache?: string | null | undefined;
  /** Name of a CPU model; unless told `max`. */
  readonly cpu?: string | undefined;
  /** See Cpu.setTier: for tests and debugging. */
  readonly tier?: 'auto' | 'cold' | 'hot' | undefined;
  /** Processor time until the guests are killed by SIGXCPU. */
  readonly cpuSeconds?: number | undefined;
  /** Most worker threads that guest code runs on beside the main thread; by default one less than processors. */
  readonly workers?: number | undefined;
  /** Told of each process's processor before it runs: logging. */
  readonly onCpu?: ((cpu: Cpu) => void) | undefined;
}

/** RLIMIT_STACK of Linux, and of qemu's -s. */
const DEFAULT_STACK = 8 << 20;

/** How long the last bytes on sockets may take to go out when all guests have ended: Linux would go on sending. */
const SEND_MS = 10_000;

/** Run one program, and all it starts, to its end. Throws LoadError when it cannot be started. */
export const runProgram = async (options: RunOptions): Promise<ExitStatus> => {
  const kernel = new Kernel({ ...options, cpuinfo: (cpu) => programs.cpuinfo(cpu) });
  const workers = workerPool(options.workers ?? kernel.cpus - 1);
  kernel.scheduler.processors = workers;
  const programs: Programs = new Programs(kernel, { ...options, onDrop: (cpu) => workers?.forget(cpu) });
  const cwd = options.cwd ?? (kernel.sandboxed ? '/' : process.cwd());
  const { uid, gid } = kernel;
  const image = await programs.load({
    path: options.program,
    argv: options.argv,
    env: options.env,
    cwd,
    ids: { uid, euid: uid, gid, egid: gid },
    stack: options.stack ?? DEFAULT_STACK,
  });
  kernel.loadProgram = (request) => programs.exec(request);
  kernel.onFault = (task) => reportFault(kernel, task);
  const first = new Process(kernel, image.abi, image.cpu.space, {
    exe: image.exe,
    argv: image.argv,
    env: options.env,
    auxv: image.auxv,
    trampoline: image.trampoline,
    cwd,
    ...(options.stdio ? { stdio: options.stdio } : {}),
  });
  kernel.first = first;
  if (options.cpuSeconds !== undefined) limitCpuTime(kernel, first, options.cpuSeconds);
  kernel.scheduler.enqueue(first.createTask(image.cpu));
  await kernel.scheduler.run();
  await kernel.network.drain(SEND_MS);
  // what is kept of V8's is written at the very end
  boundYoung(false);
  return first.exited ?? { code: 0 };
};

/** Set by the build, which bundles what worker threads run. */
declare const TSQEMU_BUILD: number | undefined;

const workerPool = (limit: number): WorkerPool | null => {
  if (limit <= 0) return null;
  const file = path.join(import.meta.dirname, typeof TSQEMU_BUILD === 'undefined' ? 'worker.ts' : 'worker.cjs');
  return new WorkerPool(file, limit);
};

/** RLIMIT_CPU of man 2 getrlimit, soft and hard alike so that no handler puts it off, for all guests together. */
const limitCpuTime = (kernel: Kernel, first: Process, seconds: number): void => {
  first.limits[RLIMIT_CPU] = [Math.ceil(seconds), Math.ceil(seconds)];
  kernel.cpuLimit = cpuMs() + seconds * 1000;
};

const SIGILL = 4;

/** Say which instruction was meant when the processor does not know it. */
const reportFault = (kernel: Kernel, { cpu }: Task): void => {
  if (cpu.fault.signal !== SIGILL || !(cpu instanceof CpuThread)) return;
  const at = Number(cpu.fault.addr);
  const word = cpu.space.view.getUint32(at, true).toString(16).padStart(8, '0');
  const name = cpu.unimplemented();
  if (name === '') return;
  const what = name ? `'${name}' is not implemented here` : 'is undefined';
  kernel.warnOnce(`insn ${word}`, `instruction 0x${word} at 0x${at.toString(16)} ${what}`);
};
