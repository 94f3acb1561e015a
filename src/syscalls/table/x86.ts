/** Calls of x86 alone. */
import { oneOf, PTR, R_INT, SIZE } from '../args.ts';
import { type Syscall, type SyscallResult, syscall } from '../define.ts';
import { EFAULT, EINVAL, EPERM } from '../errno.ts';
import { modifyLdt } from '../kernel/descriptors.ts';
import type { Task } from '../kernel/task.ts';
import { writeI64 } from '../struct.ts';
import { clone } from './clone.ts';

type Handler = (task: Task, args: Record<string, unknown>) => SyscallResult;

const ARCH_SET_GS = 0x1001;
const ARCH_SET_FS = 0x1002;
const ARCH_GET_FS = 0x1003;
const ARCH_GET_GS = 0x1004;
const CODES = oneOf(
  [
    ['ARCH_SET_GS', ARCH_SET_GS],
    ['ARCH_SET_FS', ARCH_SET_FS],
    ['ARCH_GET_FS', ARCH_GET_FS],
    ['ARCH_GET_GS', ARCH_GET_GS],
  ],
  'ARCH_???',
);

/** man 2 arch_prctl: the bases of FS and GS. */
const archPrctl: Syscall = syscall('arch_prctl', { code: CODES, addr: PTR }, R_INT, (task, { code, addr }) => {
  const { cpu, space } = task;
  switch (code) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
      // above what 47 bits address
      if (addr >= 2 ** 47) return -EPERM;
      if (code === ARCH_SET_FS) cpu.setTls(BigInt(addr));
      else cpu.setGs(BigInt(addr));
      return 0;
    case ARCH_GET_FS:
    case ARCH_GET_GS:
      if (!space.writable(addr, 8)) return -EFAULT;
      writeI64(space.view, addr, code === ARCH_GET_FS ? cpu.getTls() : cpu.getGs());
      return 0;
    default:
      return -EINVAL;
  }
});

const LDT_FUNCTIONS = oneOf(
  [
    ['read', 0],
    ['write (old)', 1],
    ['read default', 2],
    ['write', 0x11],
  ],
  '???',
);

/** man 2 modify_ldt: the result is an int that is not extended (arch/x86/kernel/ldt.c). */
const modify_ldt: Syscall = syscall(
  'modify_ldt',
  { func: LDT_FUNCTIONS, ptr: PTR, bytecount: SIZE },
  R_INT,
  (task, { func, ptr, bytecount }) => modifyLdt(task, func, ptr, bytecount) >>> 0,
  { support: 'partial', note: 'No limits of FS and GS, and no code to go to.' },
);

/** clone(2) with the order of arguments of x86-64: tls comes last. */
const [flags, stack, parent, tls, child] = clone.argTypes;
const clone64: Syscall = {
  ...clone,
  name: 'x86_64 clone',
  argNames: ['flags', 'stack', 'parent_tid', 'child_tid', 'tls'],
  argTypes: [flags, stack, parent, child, tls] as Syscall['argTypes'],
  handler: ((task, args) => (clone.handler as Handler)(task, args)) as Handler as Syscall['handler'],
};

export const calls: readonly Syscall[] = [archPrctl, clone64, modify_ldt];
