import { aarch64Frame } from './aarch64-frame.ts';
import { GENERIC_NUMBERS } from './asm-generic.ts';
import type { Abi } from './types.ts';

/** AArch64 Linux: the generic table; four open flags differ (arch/arm64 uapi asm/fcntl.h). */
export const aarch64: Abi = {
  name: 'aarch64',
  machine: 'aarch64',
  machine32: 'armv8l',
  wordSize: 8,
  align64: 8,
  evenPairs: false,
  numbers: GENERIC_NUMBERS,
  registers: { number: 8, args: [0, 1, 2, 3, 4, 5], result: 0, stack: 31 },
  syscallLength: () => 4,
  openFlags: [
    [0o40000, 0o200000], // O_DIRECTORY
    [0o100000, 0o400000], // O_NOFOLLOW
    [0o200000, 0o40000], // O_DIRECT
    [0o400000, 0o100000], // O_LARGEFILE
  ],
  statLayout: 'generic',
  frame: aarch64Frame,
  // mov x8, #139; svc #0
  sigreturnCode: [0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4],
};
