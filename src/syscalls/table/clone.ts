import { HEX, PTR, R_INT, SIZE } from '../args.ts';
import { type ArgType, type Syscall, syscall } from '../define.ts';
import { E2BIG, EFAULT, EINVAL } from '../errno.ts';
import { type FlagTable, formatFlags } from '../flags.ts';
import { cloneTask } from '../kernel/clone.ts';
import { SIGCHLD, signalName } from '../kernel/signals.ts';
import { readU64 } from '../struct.ts';

const FLAGS: FlagTable = [
  ['CLONE_VM', 0x100],
  ['CLONE_FS', 0x200],
  ['CLONE_FILES', 0x400],
  ['CLONE_SIGHAND', 0x800],
  ['CLONE_PIDFD', 0x1000],
  ['CLONE_PTRACE', 0x2000],
  ['CLONE_VFORK', 0x4000],
  ['CLONE_PARENT', 0x8000],
  ['CLONE_THREAD', 0x10000],
  ['CLONE_SYSVSEM', 0x40000],
  ['CLONE_SETTLS', 0x80000],
  ['CLONE_PARENT_SETTID', 0x100000],
  ['CLONE_CHILD_CLEARTID', 0x200000],
  ['CLONE_CHILD_SETTID', 0x1000000],
];

const CLONE_FLAGS: ArgType<number> = {
  ...HEX,
  read: (c) => c.uint(),
  format: (v) => {
    const signal = v & 0xff;
    const name = signal === 0 ? '' : signalName(signal);
    const flags = v - signal === 0 ? '' : formatFlags(v - signal, FLAGS);
    return [flags, name].filter(Boolean).join('|') || '0';
  },
};

/** Argument order of arm, arm64 and i386 (CONFIG_CLONE_BACKWARDS). */
export const clone: Syscall = syscall(
  'clone',
  { flags: CLONE_FLAGS, stack: PTR, parent_tid: PTR, tls: HEX, child_tid: PTR },
  R_INT,
  (task, { flags, stack, parent_tid, tls, child_tid }) =>
    cloneTask(task, {
      flags: (flags & ~0xff) >>> 0,
      exitSignal: flags & 0xff,
      sp: stack,
      parentTid: parent_tid,
      pidfd: parent_tid,
      childTid: child_tid,
      tls,
    }),
  { support: 'partial', note: 'No namespaces (EPERM).' },
);

/** struct clone_args: eleven 64-bit fields; the first eight are the oldest form. */
const CLONE_ARGS_SIZE_VER0 = 64;

export const clone3: Syscall = syscall(
  'clone3',
  { cl_args: PTR, size: SIZE },
  R_INT,
  (task, { cl_args, size }) => {
    if (size < CLONE_ARGS_SIZE_VER0) return -EINVAL;
    if (size > 4096) return -E2BIG;
    if (!task.space.readable(cl_args, size)) return -EFAULT;
    const field = (i: number): number => (8 * i + 8 <= size ? readU64(task.space.view, cl_args + 8 * i) : 0);
    const stack = field(5);
    const stackSize = field(6);
    // set_tid, set_tid_size and the cgroup are for those who restore processes.
    if (field(8) !== 0 || field(9) !== 0 || (stack === 0) !== (stackSize === 0)) return -EINVAL;
    if (field(0) % 256 !== 0) return -EINVAL;
    return cloneTask(task, {
      flags: field(0),
      childTid: field(2),
      parentTid: field(3),
      pidfd: field(1),
      exitSignal: field(4),
      sp: stack + stackSize,
      tls: field(7),
    });
  },
  { support: 'partial', note: 'No namespaces (EPERM), no set_tid.' },
);

const CHILD = { parentTid: 0, pidfd: 0, childTid: 0, tls: 0, sp: 0, exitSignal: SIGCHLD };
export const fork: Syscall = syscall('fork', {}, R_INT, (task) => cloneTask(task, { ...CHILD, flags: 0 }));
export const vfork: Syscall = syscall('vfork', {}, R_INT, (task) => cloneTask(task, { ...CHILD, flags: 0x4100 }));

export const calls: readonly Syscall[] = [clone, clone3, fork, vfork];
