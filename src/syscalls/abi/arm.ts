import { armFrame } from './arm-frame.ts';
import { ARM_NUMBERS } from './arm-numbers.ts';
import { NARROW_ALIASES } from './narrow-aliases.ts';
import type { Abi } from './types.ts';

/** Instructions as bytes. */
const words = (...list: readonly number[]): number[] => [...new Uint8Array(Uint32Array.from(list).buffer)];

/** ARM Linux, EABI; four open flags differ as on arm64 (arch/arm uapi asm/fcntl.h). */
export const arm: Abi = {
  name: 'arm',
  machine: 'armv7l',
  machine32: 'armv7l',
  wordSize: 4,
  align64: 8,
  evenPairs: true,
  numbers: ARM_NUMBERS,
  // arch/arm/kernel/traps.c, arm_syscall
  illegalNumbers: 0xf0800,
  // what the declarations know by a 64-bit architecture's name
  aliases: {
    ...NARROW_ALIASES,
    sync_file_range2: { call: 'arm_sync_file_range' },
  },
  registers: { number: 7, args: [0, 1, 2, 3, 4, 5, 6], result: 0, stack: 13 },
  // bit 0 of the pc tells T32, whose instruction has two bytes
  syscallLength: (pc) => ((pc & 1) === 1 ? 2 : 4),
  openFlags: [
    [0o40000, 0o200000], // O_DIRECTORY
    [0o100000, 0o400000], // O_NOFOLLOW
    [0o200000, 0o40000], // O_DIRECT
    [0o400000, 0o100000], // O_LARGEFILE
  ],
  statLayout: 'stat64',
  frame: armFrame,
  // mov r7, #119 (sigreturn); svc #0; mov r7, #173 (rt_sigreturn); svc #0
  sigreturnCode: words(0xe3a07077, 0xef000000, 0xe3a070ad, 0xef000000),
};
