/** The vDSOs of x86-64 and i386 (man 7 vdso): each function is its system call, which costs no switch of modes here. */
import { EM_386, EM_X86_64 } from './machines.ts';
import { buildVdso, type Vdso, type VdsoFunction } from './vdso.ts';

const word = (n: number): number[] => [n & 0xff, (n >> 8) & 0xff, (n >> 16) & 0xff, (n >> 24) & 0xff];

/** mov $number, %eax; syscall; ret. */
const call64 = (name: string, number: number): VdsoFunction[] =>
  [`__vdso_${name}`, name].map((symbol) => ({
    name: symbol,
    version: 'LINUX_2.6',
    code: [0xb8, ...word(number), 0x0f, 0x05, 0xc3],
    frame: [],
  }));

/** mov %ebx, %edx; mov 4(%esp), %ebx; mov 8(%esp), %ecx; mov $number, %eax; int $0x80; mov %edx, %ebx; ret. */
const call32 = (name: string, number: number): VdsoFunction => ({
  name: `__vdso_${name}`,
  version: 'LINUX_2.6',
  code: [
    ...[0x89, 0xda, 0x8b, 0x5c, 0x24, 4, 0x8b, 0x4c, 0x24, 8, 0xb8, ...word(number), 0xcd, 0x80, 0x89, 0xd3, 0xc3],
  ],
  // behind two bytes ebx is in edx (DW_CFA_register), behind the last move it is back
  frame: [0x42, 0x09, 3, 2, 0x40 | 17, 0xc3],
});

/** Made when the first program of the architecture starts. */
const once = (make: () => Vdso): (() => Vdso) => {
  let made: Vdso | null = null;
  return () => {
    made ??= make();
    return made;
  };
};

export const vdsoX86_64: () => Vdso = once(() =>
  buildVdso({
    machine: EM_X86_64,
    is64: true,
    soname: 'linux-vdso.so.1',
    stackColumn: 7,
    returnColumn: 16,
    functions: [
      ...call64('clock_gettime', 228),
      ...call64('gettimeofday', 96),
      ...call64('time', 201),
      ...call64('clock_getres', 229),
      ...call64('getcpu', 309),
    ],
  }),
);

export const vdsoI386: () => Vdso = once(() =>
  buildVdso({
    machine: EM_386,
    is64: false,
    soname: 'linux-gate.so.1',
    stackColumn: 4,
    returnColumn: 8,
    functions: [
      { name: '__kernel_vsyscall', version: 'LINUX_2.5', code: [0xcd, 0x80, 0xc3], frame: [] },
      // pop %eax; mov $119, %eax; int $0x80: unwinders and debuggers know these two by their bytes
      { name: '__kernel_sigreturn', version: 'LINUX_2.5', code: [0x58, 0xb8, ...word(119), 0xcd, 0x80], frame: null },
      { name: '__kernel_rt_sigreturn', version: 'LINUX_2.5', code: [0xb8, ...word(173), 0xcd, 0x80], frame: null },
      call32('clock_gettime', 265),
      call32('gettimeofday', 78),
      call32('time', 13),
      call32('clock_getres', 266),
      call32('clock_gettime64', 403),
      call32('getcpu', 318),
    ],
  }),
);
