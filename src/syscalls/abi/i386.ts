import { i386Frame } from './i386-frame.ts';
import { I386_NUMBERS } from './i386-numbers.ts';
import { NARROW_ALIASES } from './narrow-aliases.ts';
import type { Abi } from './types.ts';

/** i386 Linux, by int 0x80: registers by their encoding; 64-bit integers are aligned like 32-bit ones. */
export const i386: Abi = {
  name: 'i386',
  machine: 'i686',
  machine32: 'i686',
  wordSize: 4,
  align64: 4,
  evenPairs: false,
  numbers: I386_NUMBERS,
  aliases: {
    ...NARROW_ALIASES,
    mmap: { call: 'old mmap' },
    select: { call: 'old select' },
    getrlimit: { call: 'old getrlimit' },
    fadvise64_64: { call: 'fadvise64' },
    fadvise64: { call: 'old fadvise64' },
  },
  registers: { number: 0, args: [3, 1, 2, 6, 7, 5], result: 0, stack: 4 },
  syscallLength: () => 2,
  openFlags: [],
  statLayout: 'stat64',
  tlsDescriptor: true,
  frame: i386Frame,
  // in the vDSO
  sigreturnCode: [],
};
