import type { Cpu } from './cpu/cpu.ts';
import { RLIMIT_CPU } from './syscalls/kernel/limits.ts';
import type { Process } from './syscalls/kernel/process.ts';
import { Ticker } from './syscalls/kernel/ticker.ts';

const SIGXCPU = 24;
/** How often the time is looked at. */
const EVERY_MS = 50;

const usedSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/**
 * Kill the guest by SIGXCPU once it has used so many seconds of processor time (RLIMIT_CPU of man 2
 * getrlimit, soft and hard alike, so that no handler puts it off). Returns what ends the watch.
 */
export const limitCpuTime = (cpu: Cpu, proc: Process, seconds: number): (() => void) => {
  proc.limits[RLIMIT_CPU] = [Math.ceil(seconds), Math.ceil(seconds)];
  const end = usedSeconds() + seconds;
  const ticker = new Ticker(cpu.space.memory, cpu.state);
  ticker.set(EVERY_MS, true);
  const run = cpu.run.bind(cpu);
  cpu.run = () => {
    const reason = run();
    if (usedSeconds() > end) proc.kill(SIGXCPU);
    return reason;
  };
  return () => ticker.stop();
};
