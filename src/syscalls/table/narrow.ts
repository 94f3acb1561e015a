/** Calls that only 32-bit ABIs have: 64-bit results in memory, 16-bit ids, older forms, ARM's own. */
import { FD, HEX, INT, OFF, oneOf, PTR, R_INT, UINT } from '../args.ts';
import { type ArgType, LEAVE, type Syscall, type SyscallResult, syscall } from '../define.ts';
import { EFAULT, EINVAL } from '../errno.ts';
import { SEEK_WHENCE } from '../flags.ts';
import type { Task } from '../kernel/task.ts';
import { writeI64 } from '../struct.ts';
import * as attributes from './attributes.ts';
import * as identity from './identity.ts';
import { selectUntil } from './poll.ts';
import { fadvise64, seek } from './read-write.ts';
import { suspendWith } from './signal.ts';
import { fstatfs64, statfs64 } from './stat.ts';
import { OUT_TIMEVAL } from './timespec.ts';

/** man 2 _llseek: the result is 64 bits wide, so it goes to memory. */
const llseek: Syscall = syscall(
  '_llseek',
  { fd: FD, offset_high: INT, offset_low: UINT, result: PTR, whence: oneOf(SEEK_WHENCE, 'SEEK_???') },
  R_INT,
  (task, { fd, offset_high, offset_low, result, whence }) => {
    const at = seek(task, fd, offset_high * 0x1_0000_0000 + offset_low, whence);
    if (at < 0) return at;
    if (!task.space.writable(result, 8)) return -EFAULT;
    writeI64(task.space.view, result, at);
    return 0;
  },
);

const newselect: Syscall = syscall(
  '_newselect',
  { nfds: INT, readfds: PTR, writefds: PTR, exceptfds: PTR, timeout: OUT_TIMEVAL },
  R_INT,
  (task, { nfds, readfds, writefds, exceptfds, timeout }) =>
    selectUntil(task, nfds, [readfds, writefds, exceptfds], timeout),
);

/** A 16-bit id: 0xffff is -1. */
const ID16: ArgType<number> = {
  doc: 'old id',
  read: (c) => {
    const id = c.uint() & 0xffff;
    return id === 0xffff ? -1 : id;
  },
  format: String,
};
/** Ids that do not fit show as the overflow id. */
const short = (id: number): number => (id > 0xffff ? 65534 : id);

type Handler = (task: Task, args: Record<string, unknown>) => SyscallResult;

/** The same call with 16-bit ids. */
const with16 = (call: Syscall): Syscall => ({
  ...call,
  name: `${call.name}16`,
  argTypes: call.argTypes.map((type) => (type.doc === 'id' ? ID16 : type)),
  handler: ((task, args) => {
    const result = (call.handler as Handler)(task, args);
    return typeof result === 'number' && result > 0 ? short(result) : result;
  }) as Handler as Syscall['handler'],
});

const getThree16 = (name: string, ids: (task: Task) => readonly number[]): Syscall =>
  syscall(name, { real: PTR, effective: PTR, saved: PTR }, R_INT, (task, { real, effective, saved }) => {
    for (const [i, at] of [real, effective, saved].entries()) {
      if (!task.space.writable(at, 2)) return -EFAULT;
      task.space.view.setUint16(at, short(ids(task)[i] ?? 0), true);
    }
    return 0;
  });

const getgroups16: Syscall = syscall('getgroups16', { size: INT, list: PTR }, R_INT, (task, { size, list }) => {
  const { groups } = task.process;
  if (size < 0 || (size > 0 && size < groups.length)) return -EINVAL;
  if (size === 0) return groups.length;
  if (!task.space.writable(list, groups.length * 2)) return -EFAULT;
  for (const [i, gid] of groups.entries()) task.space.view.setUint16(list + 2 * i, short(gid), true);
  return groups.length;
});

const ids16: readonly Syscall[] = [
  identity.getuid,
  identity.geteuid,
  identity.getgid,
  identity.getegid,
  identity.setuid,
  identity.setgid,
  identity.setreuid,
  identity.setregid,
  identity.setresuid,
  identity.setresgid,
  identity.setfsuid,
  identity.setfsgid,
  attributes.chown,
  attributes.lchown,
  attributes.fchown,
].map(with16);

/** ARM's order of posix_fadvise: the advice comes before the 64-bit pairs (arch/arm/kernel/sys_arm.c). */
const armFadvise: Syscall = syscall(
  'arm_fadvise64_64',
  { fd: FD, advice: INT, offset: OFF, len: OFF },
  R_INT,
  (task, args) => (fadvise64.handler as Handler)(task, args),
);
const armSyncFileRange: Syscall = syscall(
  'arm_sync_file_range',
  { fd: FD, flags: UINT, offset: OFF, nbytes: OFF },
  R_INT,
  (task, args) => (attributes.sync_file_range.handler as Handler)(task, args),
);

const setTls: Syscall = syscall('set_tls', { tp: PTR }, R_INT, (task, { tp }) => {
  task.cpu.setTls(BigInt(tp));
  return 0;
});
const getTls: Syscall = syscall('get_tls', {}, R_INT, (task) => Number(BigInt.asIntN(32, task.cpu.getTls())));
const cacheflush: Syscall = syscall('cacheflush', { start: PTR, end: PTR, flags: INT }, R_INT, (task, a) => {
  if (a.end < a.start || a.flags !== 0) return -EINVAL;
  task.space.onCodeChange(a.start, a.end);
  return 0;
});
/** The old software breakpoint: the program is as before its SVC (arch/arm/kernel/traps.c). */
const breakpoint: Syscall = syscall('breakpoint', {}, R_INT, (task) => {
  task.breakpoint();
  return LEAVE;
});
/** Changes of the processor's mode to 26 bits and back, which ended with Armv3. */
const [usr26, usr32]: readonly Syscall[] = ['usr26', 'usr32'].map((name) =>
  syscall(name, {}, R_INT, (task) => {
    task.badCall();
    return LEAVE;
  }),
) as [Syscall, Syscall];

// ── signals of 32 bits ──

const sigreturn: Syscall = syscall('sigreturn', {}, R_INT, (task) => {
  const SIGSEGV = 11;
  if (!task.process.abi.frame.pop(task, true)) task.fault(SIGSEGV, 0x80, 0n);
  return LEAVE;
});
const sigsuspend: Syscall = syscall('sigsuspend', { restart: INT, oldmask: INT, mask: HEX }, R_INT, (task, { mask }) =>
  suspendWith(task, BigInt(mask)),
);
const sigprocmask: Syscall = syscall('sigprocmask', { how: INT, set: PTR, oldset: PTR }, R_INT, (task, a) => {
  const old = task.blocked;
  if (a.set !== 0) {
    if (!task.space.readable(a.set, 4)) return -EFAULT;
    const mask = BigInt(task.space.view.getUint32(a.set, true));
    if (a.how === 0) task.setBlocked(old | mask);
    else if (a.how === 1) task.setBlocked(old & ~mask);
    else if (a.how === 2) task.setBlocked((old & ~0xffff_ffffn) | mask);
    else return -EINVAL;
  }
  return a.oldset === 0 ? 0 : task.putInt(a.oldset, Number(BigInt.asIntN(32, old)));
});
const sigpending: Syscall = syscall('sigpending', { set: PTR }, R_INT, (task, { set }) =>
  task.putInt(set, Number(BigInt.asIntN(32, (task.pending.set | task.process.pending.set) & task.blocked))),
);

export const calls: readonly Syscall[] = [
  llseek,
  newselect,
  ...ids16,
  getThree16('getresuid16', (task) => task.process.uids),
  getThree16('getresgid16', (task) => task.process.gids),
  getgroups16,
  armFadvise,
  armSyncFileRange,
  setTls,
  getTls,
  cacheflush,
  breakpoint,
  usr26,
  usr32,
  sigreturn,
  sigsuspend,
  sigprocmask,
  sigpending,
  statfs64,
  fstatfs64,
];
