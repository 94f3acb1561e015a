import { i386 } from './i386.ts';
import type { Abi } from './types.ts';
import { x86_64Frame } from './x86_64-frame.ts';
import { X86_64_NUMBERS } from './x86_64-numbers.ts';

/** VSYSCALL_ADDR (arch/x86 uapi asm/vsyscall.h). */
const VSYSCALL = 0xffff_ffff_ff60_0000n;

/** x86-64 Linux: registers by their encoding. */
export const x86_64: Abi = {
  name: 'x86_64',
  machine: 'x86_64',
  machine32: 'i686',
  wordSize: 8,
  align64: 8,
  evenPairs: false,
  numbers: X86_64_NUMBERS,
  aliases: {
    clone: { call: 'x86_64 clone' },
    select: { call: '_newselect' },
  },
  registers: { number: 0, args: [7, 6, 2, 10, 8, 9], result: 0, stack: 4 },
  syscallLength: () => 2,
  openFlags: [],
  statLayout: 'x86_64',
  compat: i386,
  vsyscallPage: {
    address: VSYSCALL,
    calls: {
      0: { name: 'gettimeofday', pointers: 2 },
      1024: { name: 'time', pointers: 1 },
      2048: { name: 'getcpu', pointers: 2 },
    },
  },
  frame: x86_64Frame,
  // programs have their own
  sigreturnCode: [],
};
