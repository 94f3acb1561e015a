import type { SignalFrame } from './signal-frame.ts';

/** Data that tells one architecture's Linux ABI from another's. Handlers speak the asm-generic dialect. */
export interface Abi {
  readonly name: string;
  /** uname -m */
  readonly machine: string;
  /** The same under PER_LINUX32. */
  readonly machine32: string;
  /** Bytes of long and pointers. */
  readonly wordSize: 4 | 8;
  /** Alignment of 64-bit integers in structures (4 on i386). */
  readonly align64: 4 | 8;
  /** 64-bit arguments of 32-bit ABIs start at an even register (arm). */
  readonly evenPairs: boolean;
  readonly numbers: Readonly<Record<string, number>>;
  /** Numbers from here on are not ENOSYS but SIGILL (arm). */
  readonly illegalNumbers?: number;
  /** Calls declared under another name; `wideTime`: their times are 64-bit ones, whatever long is. */
  readonly aliases?: Readonly<Record<string, { readonly call: string; readonly wideTime?: boolean }>>;
  /** Register numbers in the CPU state block. */
  readonly registers: {
    readonly number: number;
    readonly args: readonly number[];
    readonly result: number;
    readonly stack: number;
  };
  /** Bytes of the system call instruction that ends at a pc: what a restart steps back. */
  syscallLength(pc: number): number;
  /** Open flags that differ from asm-generic: [here, generic]. */
  readonly openFlags: readonly (readonly [number, number])[];
  /** Field order of struct stat, see abi/stat.ts. */
  readonly statLayout: 'generic' | 'x86_64' | 'stat64';
  /** CLONE_SETTLS takes a struct user_desc (i386). */
  readonly tlsDescriptor?: boolean;
  /** The older ABI that is called by `int 0x80` (x86-64: i386). */
  readonly compat?: Abi;
  /** The vsyscall page: its address, and the calls that its functions are by their offsets. */
  readonly vsyscallPage?: {
    readonly address: bigint;
    /** `pointers`: arguments. */
    readonly calls: Readonly<Record<number, { readonly name: string; readonly pointers: number }>>;
  };
  readonly frame: SignalFrame;
  /** Machine code of the signal return trampoline (the vdso's __kernel_rt_sigreturn). */
  readonly sigreturnCode: readonly number[];
}
