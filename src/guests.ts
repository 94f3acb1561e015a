import type { FrontEnd } from './cpu/frontend/frontend.ts';
import { EM_AARCH64, EM_ARM } from './loader/machines.ts';
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

/** A word of features by their bit numbers. */
const bits = (features: Readonly<Record<string, number>>): number =>
  Object.values(features).reduce((word, n) => word | (1 << n), 0);

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
  hwcap: bits(AARCH64_FEATURES),
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

/** HWCAP_* of arm (arch/arm uapi asm/hwcap.h): exactly what the instruction tables have. */
const ARM_FEATURES = {
  swp: 0,
  half: 1,
  thumb: 2,
  fastmult: 4,
  vfp: 6,
  edsp: 7,
  neon: 12,
  vfpv3: 13,
  tls: 15,
  vfpv4: 16,
  idiva: 17,
  idivt: 18,
  vfpd32: 19,
  fphp: 22,
  asimdhp: 23,
  asimddp: 24,
} as const;
const ARM_FEATURES2 = { aes: 0, pmull: 1, sha1: 2, sha2: 3, crc32: 4 } as const;

const arm: Guest = {
  machine: EM_ARM,
  name: 'arm',
  hwcap: bits(ARM_FEATURES),
  hwcap2: bits(ARM_FEATURES2),
  platform: 'v7l',
  taskSize: 0xc000_0000,
  cpuinfo: (cpu) =>
    [
      `processor\t: ${cpu}`,
      'model name\t: ARMv7 Processor rev 0 (v7l)',
      'BogoMIPS\t: 125.00',
      `Features\t: ${[...Object.keys(ARM_FEATURES), ...Object.keys(ARM_FEATURES2)].join(' ')} `,
      'CPU implementer\t: 0x41',
      'CPU architecture: 7',
      'CPU variant\t: 0x0',
      'CPU part\t: 0xc0f',
      'CPU revision\t: 0',
      '',
      '',
    ].join('\n'),
  load: async () => {
    const [{ createArm }, { arm: abi }] = await Promise.all([
      import('./cpu/frontend/arm/frontend.ts'),
      import('./syscalls/abi/arm.ts'),
    ]);
    return { frontEnd: createArm(), abi };
  },
};

/** Every guest, by ELF e_machine. */
export const guests: ReadonlyMap<number, Guest> = new Map([aarch64, arm].map((guest) => [guest.machine, guest]));
