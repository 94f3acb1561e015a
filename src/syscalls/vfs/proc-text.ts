import fs from 'node:fs';
import { toByteString } from '../cursor.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { LIMIT_ROWS } from '../kernel/limits.ts';
import type { Process } from '../kernel/process.ts';
import { NSIG, SIG_DFL, SIG_IGN, sigmask } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';

/** Texts of /proc (man 5 proc), each made when its file is opened. */
/** USER_HZ: the unit of times in stat files. */
const HZ = 100;

function cpuTicks(): { user: number; system: number } {
  const usage = process.cpuUsage();
  return { user: Math.floor((usage.user * HZ) / 1e6), system: Math.floor((usage.system * HZ) / 1e6) };
}

/** The letter of man 5 proc for what a task is doing, and its words in status files. */
function taskState(target: Process, task: Task | undefined): [letter: string, text: string] {
  if (target.exited !== null) return ['Z', 'Z (zombie)'];
  if (target.stopped) return ['T', 'T (stopped)'];
  return task?.blockedInCall === true ? ['S', 'S (sleeping)'] : ['R', 'R (running)'];
}

/** Processor time in USER_HZ: all of it counts as the user's unless the process is alone. */
function ticksOf(target: Process): { user: number; system: number } {
  const ticks = Math.floor((target.kernel.cpuMsOf(target) * HZ) / 1000);
  const host = cpuTicks();
  const system = host.user + host.system === 0 ? 0 : Math.floor((ticks * host.system) / (host.user + host.system));
  return { user: ticks - system, system };
}

/** Resident bytes: pages that were used. */
function rssBytes(target: Process): number {
  return target.exited === null ? target.space.touched : 0;
}

function vmBytes(target: Process): number {
  let bytes = 0;
  if (target.exited !== null) return bytes;
  for (const mapping of target.space.mappings()) bytes += mapping.end - mapping.start;
  return bytes;
}

/** /proc/PID/stat and /proc/PID/task/TID/stat: 52 fields. */
export function stat(target: Process, task: Task | undefined = target.tasks[0]): string {
  const { user, system } = ticksOf(target);
  const start = Math.floor((target.startMs * HZ) / 1000);
  const rss = Math.floor(rssBytes(target) / 4096);
  const [letter] = taskState(target, task);
  const childTicks = Math.floor((target.reaped.cpuMs * HZ) / 1000);
  const fields = [
    task?.tid ?? target.pid,
    `(${task?.comm ?? target.comm})`,
    letter,
    target.ppid,
    target.pgid,
    target.sid,
    0,
    -1,
    4194304,
    0,
    0,
    0,
    0,
    user,
    system,
    childTicks,
    0,
    20 + target.nice,
    target.nice,
    target.tasks.length,
    0,
    start,
    vmBytes(target),
    rss,
    '18446744073709551615',
  ];
  while (fields.length < 52) fields.push(0);
  const exit = 37;
  fields[exit] = 17;
  const stack = target.exited !== null ? undefined : target.space.mappings().find((m) => m.name === '[stack]');
  if (stack !== undefined) fields[27] = stack.end;
  return `${fields.join(' ')}\n`;
}

/** /proc/self/statm, in pages. */
export function statm(target: Process): string {
  const size = Math.floor(vmBytes(target) / 4096);
  const resident = Math.min(size, Math.floor(rssBytes(target) / 4096));
  return `${size} ${resident} 0 0 0 ${size} 0\n`;
}

/** /proc/PID/status and /proc/PID/task/TID/status */
export function status(target: Process, task: Task | undefined = target.tasks[0]): string {
  let ignored = 0n;
  let caught = 0n;
  for (let signal = 1; signal <= NSIG; signal++) {
    const { handler } = target.action(signal);
    if (handler === SIG_IGN) ignored |= sigmask(signal);
    else if (handler !== SIG_DFL) caught |= sigmask(signal);
  }
  const set = (mask: bigint): string => mask.toString(16).padStart(16, '0');
  const [ruid, euid, suid] = target.uids;
  const [rgid, egid, sgid] = target.gids;
  const kb = (bytes: number): string => `${String(Math.floor(bytes / 1024)).padStart(8)} kB`;
  const size = vmBytes(target);
  const rss = rssBytes(target);
  const capabilities = euid === 0 ? '000001ffffffffff' : '0000000000000000';
  return [
    `Name:\t${task?.comm ?? target.comm}`,
    `Umask:\t${target.umask.toString(8).padStart(4, '0')}`,
    `State:\t${taskState(target, task)[1]}`,
    `Tgid:\t${target.pid}`,
    'Ngid:\t0',
    `Pid:\t${task?.tid ?? target.pid}`,
    `PPid:\t${target.ppid}`,
    'TracerPid:\t0',
    `Uid:\t${ruid}\t${euid}\t${suid}\t${euid}`,
    `Gid:\t${rgid}\t${egid}\t${sgid}\t${egid}`,
    `FDSize:\t${Math.max(64, target.files.list().length)}`,
    `Groups:\t${target.groups.join(' ')} `,
    `VmPeak:\t${kb(size)}`,
    `VmSize:\t${kb(size)}`,
    `VmLck:\t${kb(0)}`,
    `VmPin:\t${kb(0)}`,
    `VmHWM:\t${kb(rss)}`,
    `VmRSS:\t${kb(rss)}`,
    `VmSwap:\t${kb(0)}`,
    `Threads:\t${target.tasks.length}`,
    'SigQ:\t0/15000',
    `SigPnd:\t${set(task?.pending.set ?? 0n)}`,
    `ShdPnd:\t${set(target.pending.set)}`,
    `SigBlk:\t${set(task?.blocked ?? 0n)}`,
    `SigIgn:\t${set(ignored)}`,
    `SigCgt:\t${set(caught)}`,
    'CapInh:\t0000000000000000',
    `CapPrm:\t${capabilities}`,
    `CapEff:\t${capabilities}`,
    'CapBnd:\t000001ffffffffff',
    'CapAmb:\t0000000000000000',
    `NoNewPrivs:\t${target.noNewPrivs ? 1 : 0}`,
    'Seccomp:\t0',
    `Cpus_allowed:\t${((1 << Math.min(target.kernel.cpus, 30)) - 1).toString(16)}`,
    `Cpus_allowed_list:\t${target.kernel.cpus > 1 ? `0-${target.kernel.cpus - 1}` : '0'}`,
    'voluntary_ctxt_switches:\t1',
    'nonvoluntary_ctxt_switches:\t1',
    '',
  ].join('\n');
}

/** /proc/self/limits */
export function limits(target: Process): string {
  const show = (value: number): string => (value === Number.POSITIVE_INFINITY ? 'unlimited' : String(value));
  let out = `${'Limit'.padEnd(25)} ${'Soft Limit'.padEnd(20)} ${'Hard Limit'.padEnd(20)} Units     \n`;
  for (const [i, [name, unit]] of LIMIT_ROWS.entries()) {
    const [soft, hard] = target.limits[i] ?? [0, 0];
    out += `${name.padEnd(25)} ${show(soft).padEnd(20)} ${show(hard).padEnd(20)} ${unit.padEnd(10)}\n`;
  }
  return out;
}

/** The mount table: the host's own outside a sandbox. */
export function mounts(kernel: Kernel, file: 'mounts' | 'mountinfo'): string {
  if (!kernel.sandboxed) {
    try {
      return toByteString(fs.readFileSync(`/proc/self/${file}`, 'utf8'));
    } catch {
      // A host without /proc: the sandbox's table is the truth about us.
    }
  }
  const rows: [string, string][] = [
    ['tmpfs', '/'],
    ['proc', '/proc'],
    ['devtmpfs', '/dev'],
  ];
  return rows
    .map(([type, point], i) =>
      file === 'mounts'
        ? `${type} ${point} ${type} rw,relatime 0 0\n`
        : `${20 + i} ${i === 0 ? 1 : 20} 0:${20 + i} / ${point} rw,relatime - ${type} ${type} rw\n`,
    )
    .join('');
}

/** /proc/cpuinfo of the guest machine; AArch64's unless the emulator gives another. */
export function cpuinfo(kernel: Kernel): string {
  const block =
    kernel.options.cpuinfo ??
    ((cpu: number): string =>
      [
        `processor\t: ${cpu}`,
        'BogoMIPS\t: 100.00',
        'Features\t: fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm asimddp',
        'CPU implementer\t: 0x00',
        'CPU architecture: 8',
        'CPU variant\t: 0x0',
        'CPU part\t: 0x051',
        'CPU revision\t: 0',
        '',
        '',
      ].join('\n'));
  let out = '';
  for (let cpu = 0; cpu < kernel.cpus; cpu++) out += block(cpu);
  return out;
}

/** /proc/meminfo of the guest machine. */
export function meminfo(kernel: Kernel): string {
  const total = Math.floor(kernel.memory / 1024);
  const used = Math.min(Math.floor(process.memoryUsage.rss() / 1024), total);
  const free = total - used;
  const row = (name: string, kb: number): string => `${`${name}:`.padEnd(16)}${String(kb).padStart(8)} kB\n`;
  return (
    row('MemTotal', total) +
    row('MemFree', free) +
    row('MemAvailable', free) +
    row('Buffers', 0) +
    row('Cached', 0) +
    row('SwapCached', 0) +
    row('Active', used) +
    row('Inactive', 0) +
    row('SwapTotal', 0) +
    row('SwapFree', 0) +
    row('Dirty', 0) +
    row('Shmem', 0) +
    row('Slab', 0) +
    row('CommitLimit', total) +
    row('Committed_AS', used)
  );
}

/** /proc/stat */
export function machineStat(kernel: Kernel): string {
  const { user, system } = cpuTicks();
  const idle = Math.max(0, Math.floor((kernel.uptimeMs() * HZ) / 1000) * kernel.cpus - user - system);
  const row = (name: string, share: number): string =>
    `${name} ${Math.floor(user / share)} 0 ${Math.floor(system / share)} ${Math.floor(idle / share)} 0 0 0 0 0 0\n`;
  let out = row('cpu ', 1);
  for (let cpu = 0; cpu < kernel.cpus; cpu++) out += row(`cpu${cpu}`, kernel.cpus);
  return `${out}intr 0\nctxt 0\nbtime ${Math.floor(kernel.bootTimeMs / 1000)}\nprocesses ${kernel.started}\nprocs_running 1\nprocs_blocked 0\n`;
}

/** /proc/uptime */
export function uptime(kernel: Kernel): string {
  const seconds = (kernel.uptimeMs() / 1000).toFixed(2);
  return `${seconds} ${seconds}\n`;
}
