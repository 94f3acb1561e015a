import { aarch64Facts } from './cpu/frontend/aarch64/facts.ts';
import { armFacts } from './cpu/frontend/arm/facts.ts';
import { type Facts, type FrontEnd, lazyFrontEnd, type Processor } from './cpu/frontend/frontend.ts';
import { i386Facts, x86_64Facts } from './cpu/frontend/x86/facts.ts';
import { brandOf, featureNames, featureWord } from './cpu/frontend/x86/identification.ts';
import { type ArmModel, type CpuModel, cpuModel, midrOf } from './cpu-models.ts';
import { createFrontEnd } from './front-ends.ts';
import { EM_386, EM_AARCH64, EM_ARM, EM_X86_64 } from './loader/machines.ts';
import type { Vdso } from './loader/vdso.ts';
import { vdsoI386, vdsoX86_64 } from './loader/vdso-x86.ts';
import type { Abi } from './syscalls/abi/types.ts';

/** A guest architecture: what the emulator must know to start a program of it. */
export interface Guest {
  readonly machine: number;
  readonly name: string;
  readonly hwcap: number;
  readonly hwcap2: number;
  readonly platform: string;
  /** Room on the stack that a signal's frame may take (AT_MINSIGSTKSZ). */
  readonly minSigStackSize?: number;
  readonly vdso?: () => Vdso;
  /** First address that programs cannot use (TASK_SIZE). */
  readonly taskSize: number;
  /** One /proc/cpuinfo block. */
  cpuinfo(cpu: number): string;
  load(): Promise<{ readonly frontEnd: FrontEnd; readonly abi: Abi }>;
}

/** Its instructions are loaded when the first is translated. */
const frontEnd = (of: (processor: Processor) => Facts, processor: Processor): FrontEnd => {
  const facts = of(processor);
  return lazyFrontEnd(facts, () => createFrontEnd(facts.name, processor));
};

type Features = Readonly<Record<string, number>>;
/** A word of features by their bit numbers. */
const bits = (features: Features): number => Object.values(features).reduce((word, n) => word | (1 << n), 0);
/** Those that a model has. */
const featuresOf = (all: Features, { without }: CpuModel): Features =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name)));

/** A /proc/cpuinfo block's last lines (arch/arm64/kernel/cpuinfo.c). */
const identity = (model: ArmModel, architecture: number): string[] => [
  `CPU implementer\t: 0x${model.implementer.toString(16).padStart(2, '0')}`,
  `CPU architecture: ${architecture}`,
  `CPU variant\t: 0x${model.variant.toString(16)}`,
  `CPU part\t: 0x${model.part.toString(16).padStart(3, '0')}`,
  `CPU revision\t: ${model.revision}`,
  '',
  '',
];

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

const aarch64 = (model: ArmModel): Guest => ({
  machine: EM_AARCH64,
  name: 'aarch64',
  hwcap: bits(featuresOf(AARCH64_FEATURES, model)),
  hwcap2: 0,
  platform: 'aarch64',
  taskSize: 0x1_0000_0000,
  cpuinfo: (cpu) =>
    [
      `processor\t: ${cpu}`,
      'BogoMIPS\t: 125.00',
      `Features\t: ${Object.keys(featuresOf(AARCH64_FEATURES, model)).join(' ')}`,
      ...identity(model, 8),
    ].join('\n'),
  load: async () => {
    const { aarch64: abi } = await import('./syscalls/abi/aarch64.ts');
    return { frontEnd: frontEnd(aarch64Facts, { name: model.name, lacks: model.lacks, midr: midrOf(model) }), abi };
  },
});

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

const arm = (model: ArmModel): Guest => {
  const [features, features2] = [featuresOf(ARM_FEATURES, model), featuresOf(ARM_FEATURES2, model)];
  return {
    machine: EM_ARM,
    name: 'arm',
    hwcap: bits(features),
    hwcap2: bits(features2),
    platform: 'v7l',
    taskSize: 0xc000_0000,
    cpuinfo: (cpu) =>
      [
        `processor\t: ${cpu}`,
        `model name\t: ARMv7 Processor rev ${model.revision} (v7l)`,
        'BogoMIPS\t: 125.00',
        `Features\t: ${[...Object.keys(features), ...Object.keys(features2)].join(' ')} `,
        ...identity(model, 7),
      ].join('\n'),
    load: async () => {
      const { arm: abi } = await import('./syscalls/abi/arm.ts');
      return { frontEnd: frontEnd(armFacts, { name: model.name, lacks: model.lacks }), abi };
    },
  };
};

/** /proc/cpuinfo of x86 (arch/x86/kernel/cpu/proc.c). */
const x86Info = (cpu: number, name: string): string =>
  [
    `processor\t: ${cpu}`,
    'vendor_id\t: AuthenticAMD',
    'cpu family\t: 16',
    'model\t\t: 0',
    `model name\t: ${brandOf(name)}`,
    'stepping\t: 0',
    'cpu MHz\t\t: 1000.000',
    'cache size\t: 512 KB',
    'fpu\t\t: yes',
    'fpu_exception\t: yes',
    'cpuid level\t: 13',
    'wp\t\t: yes',
    `flags\t\t: ${featureNames(name).join(' ')}`,
    'bogomips\t: 2000.00',
    'clflush size\t: 64',
    'cache_alignment\t: 64',
    'address sizes\t: 40 bits physical, 48 bits virtual',
    'power management:',
    '',
    '',
  ].join('\n');

const HWCAP2_FSGSBASE = 2;
const x86Hwcap2 = (name: string): number => (featureNames(name).includes('fsgsbase') ? HWCAP2_FSGSBASE : 0);
/** struct rt_sigframe, the state behind it and what aligning both may take (get_sigframe_size of arch/x86). */
const x86SigStack = ({ fpState }: Facts): number => Math.ceil((440 + 15 + 63 + (fpState?.size ?? 0)) / 16) * 16;

const x86_64 = ({ name, lacks }: CpuModel): Guest => ({
  machine: EM_X86_64,
  name: 'x86_64',
  // CPUID.1:EDX (arch/x86 asm/elf.h)
  hwcap: featureWord(name, 1, 3),
  hwcap2: x86Hwcap2(name),
  platform: 'x86_64',
  vdso: vdsoX86_64,
  minSigStackSize: x86SigStack(x86_64Facts({ name, lacks })),
  taskSize: 0x1_0000_0000,
  cpuinfo: (cpu) => x86Info(cpu, name),
  load: async () => {
    const { x86_64: abi } = await import('./syscalls/abi/x86_64.ts');
    return { frontEnd: frontEnd(x86_64Facts, { name, lacks }), abi };
  },
});

const i386 = ({ name, lacks }: CpuModel): Guest => ({
  machine: EM_386,
  name: 'i386',
  hwcap: featureWord(name, 1, 3),
  hwcap2: x86Hwcap2(name),
  platform: 'i686',
  vdso: vdsoI386,
  minSigStackSize: x86SigStack(i386Facts({ name, lacks })),
  taskSize: 0x1_0000_0000,
  cpuinfo: (cpu) => x86Info(cpu, name),
  load: async () => {
    const { i386: abi } = await import('./syscalls/abi/i386.ts');
    return { frontEnd: frontEnd(i386Facts, { name, lacks }), abi };
  },
});

/** Every guest, by ELF e_machine; `cpu` is the model's name. */
const GUESTS: ReadonlyMap<number, (cpu?: string) => Guest> = new Map([
  [EM_AARCH64, (cpu?: string): Guest => aarch64(cpuModel('aarch64', cpu))],
  [EM_ARM, (cpu?: string): Guest => arm(cpuModel('arm', cpu))],
  [EM_386, (cpu?: string): Guest => i386(cpuModel('x86', cpu))],
  [EM_X86_64, (cpu?: string): Guest => x86_64(cpuModel('x86', cpu))],
]);

/** Machines that there are guests for. */
export const MACHINES: readonly number[] = [...GUESTS.keys()];

/** The guest of a machine, on the processor named. */
export const guestOf = (machine: number, cpu?: string): Guest | undefined => GUESTS.get(machine)?.(cpu);
