import { flags, INT, OUT_BYTES, outStruct, PTR, quote, R_INT, R_SIZE, SIZE, UINT } from '../args.ts';
import { toByteString } from '../cursor.ts';
import { type Syscall, syscall } from '../define.ts';
import { EFAULT, EINVAL, EPERM } from '../errno.ts';
import { chars, long, struct, u16, u32, ulong } from '../struct.ts';

/** struct new_utsname (man 2 uname). */
const UTSNAME = struct('utsname', {
  sysname: chars(65),
  nodename: chars(65),
  release: chars(65),
  version: chars(65),
  machine: chars(65),
  domainname: chars(65),
});

/** Execution domains (man 2 personality): that of 32-bit programs has its own name of the machine. */
const PER_MASK = 0xff;
const PER_LINUX32 = 8;

export const uname: Syscall = syscall(
  'uname',
  { buf: outStruct(UTSNAME, (v) => `{sysname=${quote(v.sysname)}, nodename=${quote(v.nodename)}, ...}`) },
  R_INT,
  (task, { buf }) =>
    task.put(UTSNAME, buf, {
      sysname: 'Linux',
      nodename: toByteString(task.process.kernel.hostname).slice(0, 64),
      release: task.process.kernel.release.slice(0, 64),
      version: '#1 SMP',
      machine: (task.process.personality & PER_MASK) === PER_LINUX32 ? task.abi.machine32 : task.abi.machine,
      domainname: '(none)',
    }),
);

/** struct sysinfo (man 2 sysinfo); padded to 64 bytes on 32-bit ABIs. */
const SYSINFO = struct('sysinfo', {
  uptime: long,
  load1: ulong,
  load5: ulong,
  load15: ulong,
  totalram: ulong,
  freeram: ulong,
  sharedram: ulong,
  bufferram: ulong,
  totalswap: ulong,
  freeswap: ulong,
  procs: u16,
  pad: u16,
  totalhigh: ulong,
  freehigh: ulong,
  mem_unit: u32,
});

export const sysinfo: Syscall = syscall('sysinfo', { info: PTR }, R_INT, (task, { info }) => {
  const { kernel } = task.process;
  const used = Math.min(process.memoryUsage.rss(), kernel.memory);
  return task.put(SYSINFO, info, {
    uptime: Math.floor(kernel.uptimeMs() / 1000),
    load1: 0,
    load5: 0,
    load15: 0,
    totalram: kernel.memory,
    freeram: kernel.memory - used,
    sharedram: 0,
    bufferram: 0,
    totalswap: 0,
    freeswap: 0,
    procs: kernel.processes.size,
    pad: 0,
    totalhigh: 0,
    freehigh: 0,
    mem_unit: 1,
  });
});

export const getrandom: Syscall = syscall(
  'getrandom',
  {
    buf: OUT_BYTES,
    buflen: SIZE,
    flags: flags([
      ['GRND_NONBLOCK', 1],
      ['GRND_RANDOM', 2],
      ['GRND_INSECURE', 4],
    ]),
  },
  R_SIZE,
  (task, { buf, buflen, flags: how }) => {
    if ((how & ~7) !== 0 || (how & 6) === 6) return -EINVAL;
    const length = Math.min(buflen, 0x1ff_ffff);
    const bytes = task.space.writeRange(buf, length);
    if (bytes === null) return -EFAULT;
    task.process.kernel.random(bytes);
    return length;
  },
);

export const sethostname: Syscall = syscall('sethostname', { name: PTR, len: SIZE }, R_INT, () => -EPERM);
export const setdomainname: Syscall = syscall('setdomainname', { name: PTR, len: SIZE }, R_INT, () => -EPERM);
export const syslog: Syscall = syscall('syslog', { type: INT, buf: PTR, len: INT }, R_INT, () => -EPERM);
export const seccomp: Syscall = syscall('seccomp', { operation: UINT, flags: UINT, args: PTR }, R_INT, () => -EINVAL, {
  support: 'none',
  note: 'EINVAL, as on a kernel built without it.',
});

export const calls: readonly Syscall[] = [uname, sysinfo, getrandom, sethostname, setdomainname, syslog, seccomp];
