import type { FrontEnd } from './cpu/frontend/frontend.ts';
import { EM_AARCH64 } from './loader/machines.ts';
import type { Abi } from './syscalls/abi/types.ts';

/** A guest architecture: what the emulator must know to start a program of it. */
export interface Guest {
  readonly machine: number;
  readonly name: string;
  readonly hwcap: number;
  readonly hwcap2: number;
  readonly platform: string;
  /** First address that programs cannot use (TASK_SIZE). */
  readonly taskSize: number;
  /** One /proc/cpuinfo block. */
  cpuinfo(cpu: number): string;
  load(): Promise<{ readonly frontEnd: FrontEnd; readonly abi: Abi }>;
}

/** HWCAP_* of arm64 (uapi asm/hwcap.h): exactly what the instruction table has. */
const AARCH64_FEATURES = {
  fp: 0,
  asimd: 1,
  aes: 3,
  pmull: 4,
  sha1: 5,
  sha2: 6,
  crc32: 7,
  atomics: 8,
  fphp: 9,
  asimdhp: 10,
  cpuid: 11,
  asimdrdm: 12,
  lrcpc: 15,
  asimddp: 20,
} as const;

const aarch64: Guest = {
  machine: EM_AARCH64,
  name: 'aarch64',
  hwcap: Object.values(AARCH64_FEATURES).reduce<number>((bits, n) => bits | (1 << n), 0),
  hwcap2: 0,
  platform: 'aarch64',
  taskSize: 0x1_0000_0000,
  cpuinfo: (cpu) =>
    [
      `processor\t: ${cpu}`,
      'BogoMIPS\t: 125.00',
      `Features\t: ${Object.keys(AARCH64_FEATURES).join(' ')}`,
      'CPU implementer\t: 0x00',
      'CPU architecture: 8',
      'CPU variant\t: 0x0',
      'CPU part\t: 0x051',
      'CPU revision\t: 0',
      '',
      '',
    ].join('\n'),
  load: async () => {
    const [{ createAarch64 }, { aarch64: abi }] = await Promise.all([
      import('./cpu/frontend/aarch64/frontend.ts'),
      import('./syscalls/abi/aarch64.ts'),
    ]);
    return { frontEnd: createAarch64(), abi };
  },
};

/** Every guest, by ELF e_machine. */
export const guests: ReadonlyMap<number, Guest> = new Map([[aarch64.machine, aarch64]]);
