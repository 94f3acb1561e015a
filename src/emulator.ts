import { randomFillSync } from 'node:crypto';
import { Cpu, type Fault } from './cpu/cpu.ts';
import { createAddressSpace } from './cpu/memory/address-space.ts';
import { Exit, GUEST_TOP } from './cpu/memory/layout.ts';
import { limitCpuTime } from './cpu-limit.ts';
import { guests } from './guests.ts';
import { interpreter } from './interpreter-bytes.ts';
import { mapProgram, openProgram } from './loader/load.ts';
import { Kernel, type KernelOptions } from './syscalls/kernel/kernel.ts';
import { type ExitStatus, Process } from './syscalls/kernel/process.ts';
import type { Task } from './syscalls/kernel/task.ts';
import type { OpenFile } from './syscalls/vfs/types.ts';
import { TranslationCache } from './translation-cache.ts';

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
  /** See Cpu.setTier: for tests and debugging. */
  readonly tier?: 'auto' | 'cold' | 'hot' | undefined;
  /** Processor time until the guest is killed by SIGXCPU. */
  readonly cpuSeconds?: number | undefined;
  /** Told of the program's processor before it runs: logging. */
  readonly onCpu?: ((cpu: Cpu) => void) | undefined;
}

/** RLIMIT_STACK of Linux, and of qemu's -s. */
const DEFAULT_STACK = 8 << 20;

/** Run one program to its end. Throws LoadError when it cannot be started. */
export const runProgram = async (options: RunOptions): Promise<ExitStatus> => {
  const kernel = new Kernel({ ...options, cpuinfo: (cpu) => guests.values().next().value?.cpuinfo(cpu) ?? '' });
  const cwd = options.cwd ?? (kernel.sandboxed ? '/' : process.cwd());
  const exe = openProgram({
    path: options.program,
    argv: options.argv,
    machines: [...guests.keys()],
    open: (path) => kernel.openProgram(cwd, path),
  });
  const guest = guests.get(exe.image.machine);
  if (!guest) throw new Error(`no guest for machine ${exe.image.machine}`);
  const { frontEnd, abi } = await guest.load();
  const limits = { stack: options.stack ?? DEFAULT_STACK, data: Infinity, as: Infinity };
  const taskSize = Math.min(guest.taskSize, GUEST_TOP);
  const space = createAddressSpace({ limits, taskSize });
  const random = new Uint8Array(16);
  if (options.seed === undefined) randomFillSync(random);
  else kernel.random(random);
  const { uid, gid } = kernel;
  const program = mapProgram(space, exe, {
    envp: options.env,
    ids: { uid, euid: uid, gid, egid: gid },
    hwcap: guest.hwcap,
    hwcap2: guest.hwcap2,
    platform: guest.platform,
    random,
    taskSize,
    stackSize: limits.stack,
  });
  // a sandboxed guest leaves nothing behind
  const { dev, ino } = exe.file;
  const key = { dev, ino, size: exe.file.size(), variant: `${frontEnd.name} ${frontEnd.variant}` };
  const kept =
    kernel.sandboxed || options.tier === 'hot'
      ? null
      : TranslationCache.open(options.cache, key, `interpreter-${frontEnd.addressType}`);
  const cpu = new Cpu(space, frontEnd, interpreter(frontEnd.addressType, kept?.interpreterCode() ?? null));
  cpu.setTier(options.tier ?? 'auto');
  const proc = new Process(kernel, abi, space, {
    exe: absolute(cwd, program.path),
    argv: program.argv,
    env: options.env,
    auxv: program.auxv,
    cwd,
    ...(options.stdio ? { stdio: options.stdio } : {}),
  });
  const task = proc.createTask(cpu);
  cpu.onSyscall = () => task.syscall();
  cpu.pc = program.entry;
  cpu.view.setBigUint64(cpu.state + frontEnd.sp, BigInt(program.sp), true);
  options.onCpu?.(cpu);
  kept?.load(cpu);
  const unwatch = options.cpuSeconds === undefined ? null : limitCpuTime(cpu, proc, options.cpuSeconds);
  const status = await runTask(cpu, task, kernel);
  unwatch?.();
  kept?.save(cpu);
  return status;
};

/** The loop of one task: guest code, then what made it leave, until the process has ended. */
const runTask = async (cpu: Cpu, task: Task, kernel: Kernel): Promise<ExitStatus> => {
  for (;;) {
    task.deliverSignals();
    if (task.exited) return task.exited;
    const reason = cpu.run();
    if (reason === Exit.FAULT) raise(cpu, task, kernel, cpu.fault);
    if (task.exited) return task.exited;
    if (task.blockedInCall) await task.wait();
    else if (task.needsYield()) await task.yieldToHost();
  }
};

const SIGILL = 4;

const raise = (cpu: Cpu, task: Task, kernel: Kernel, fault: Fault): void => {
  if (fault.signal === SIGILL) {
    const word = cpu.space.view.getUint32(cpu.pc, true).toString(16).padStart(8, '0');
    const name = cpu.frontEnd.unimplemented(cpu.space.view, cpu.pc);
    const what = name ? `'${name}' is not implemented here` : 'is undefined';
    kernel.warnOnce(`insn ${word}`, `instruction 0x${word} at 0x${cpu.pc.toString(16)} ${what}`);
  }
  task.fault(fault.signal, fault.code, fault.addr);
};

const absolute = (cwd: string, path: string): string => (path.startsWith('/') ? path : `${cwd}/${path}`);
