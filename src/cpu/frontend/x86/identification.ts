import { AVX, AVX_AT, XSAVE_SIZE } from './fpstate.ts';

/**
 * What a processor tells of itself by CPUID (SDM vol. 2, CPUID; AMD APM vol. 3, appendix E). Features are announced only
 * where the table has their rows.
 */
interface Model {
  readonly name: string;
  /** Family, model and stepping, as leaf 1 has them. */
  readonly signature: number;
  readonly brand: string;
  readonly features: readonly string[];
}

/** Where a feature is told: leaf, register (0 = eax … 3 = edx), bit. Names are those of /proc/cpuinfo. */
// biome-ignore format: a table
const FEATURES: Readonly<Record<string, readonly [leaf: number, register: number, bit: number]>> = {
  fpu: [1, 3, 0], tsc: [1, 3, 4], cx8: [1, 3, 8], cmov: [1, 3, 15], clflush: [1, 3, 19], mmx: [1, 3, 23], fxsr: [1, 3, 24], sse: [1, 3, 25], sse2: [1, 3, 26],
  pni: [1, 2, 0], pclmulqdq: [1, 2, 1], ssse3: [1, 2, 9], fma: [1, 2, 12], cx16: [1, 2, 13], sse4_1: [1, 2, 19], sse4_2: [1, 2, 20], movbe: [1, 2, 22], popcnt: [1, 2, 23],
  aes: [1, 2, 25], xsave: [1, 2, 26], avx: [1, 2, 28], f16c: [1, 2, 29], rdrand: [1, 2, 30],
  fsgsbase: [7, 1, 0], bmi1: [7, 1, 3], avx2: [7, 1, 5], bmi2: [7, 1, 8], erms: [7, 1, 9], rdseed: [7, 1, 18], adx: [7, 1, 19], clflushopt: [7, 1, 23], sha_ni: [7, 1, 29], vaes: [7, 2, 9], vpclmulqdq: [7, 2, 10],
  xsaveopt: [13, 0, 0], xsavec: [13, 0, 1], xgetbv1: [13, 0, 2], xsaves: [13, 0, 3],
  syscall: [0x8000_0001, 3, 11], rdtscp: [0x8000_0001, 3, 27], lm: [0x8000_0001, 3, 29], lahf_lm: [0x8000_0001, 2, 0], abm: [0x8000_0001, 2, 5],
};

/** Of 32 bits, with SSE2. */
const I686 = 'fpu tsc cx8 cmov mmx fxsr sse sse2';
/** The levels of x86-64 (System V ABI, 3.1.1). */
const V1 = `${I686} syscall lm`;
const V2 = `${V1} pni ssse3 sse4_1 sse4_2 cx16 popcnt lahf_lm`;
const V3 = `${V2} xsave avx f16c fma bmi1 avx2 bmi2 movbe abm`;
/** What the rows add to x86-64's first level. */
const MAX = `${V1} pni pclmulqdq ssse3 sse4_1 sse4_2 aes sha_ni xsave xsaveopt xsavec xgetbv1 xsaves avx f16c fma bmi1 avx2 bmi2 vaes vpclmulqdq clflush cx16 movbe popcnt rdrand fsgsbase erms rdseed adx clflushopt rdtscp lahf_lm abm`;

const model = (name: string, signature: number, brand: string, features: string): Model => ({
  name,
  signature,
  brand,
  features: features.split(' '),
});

const MODELS: readonly Model[] = [
  model('max', 0x0010_0f00, 'tsqemu-user virtual CPU', MAX),
  // QEMU's smallest processors of either kind
  model('qemu32', 0x0000_0663, 'tsqemu-user virtual CPU qemu32', `${I686} clflush pni`),
  model('qemu64', 0x0010_0f00, 'tsqemu-user virtual CPU qemu64', `${V1} clflush pni cx16 lahf_lm`),
  model('x86-64-v1', 0x0010_0f00, 'tsqemu-user virtual CPU x86-64-v1', `${V1} clflush`),
  model('x86-64-v2', 0x0010_0f00, 'tsqemu-user virtual CPU x86-64-v2', `${V2} clflush`),
  model('x86-64-v3', 0x0010_0f00, 'tsqemu-user virtual CPU x86-64-v3', `${V3} clflush`),
];

/** The number of a processor by its name, else that of `max`. */
export const processorNumber = (name: string): number => Math.max(0, MODELS.findIndex((m) => m.name === name)); // biome-ignore format: one line
const modelOf = (processor: number): Model => MODELS[processor] ?? (MODELS[0] as Model);

/** A leaf as its four registers. */
type Leaf = [eax: number, ebx: number, ecx: number, edx: number];

/** Text as words, four characters each. */
const words = (text: string): number[] => {
  const bytes = new Uint8Array(Math.ceil(text.length / 4) * 4);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return [...new Uint32Array(bytes.buffer)];
};
const VENDOR = words('AuthenticAMD');
const HIGHEST = 13;
const HIGHEST_EXTENDED = 0x8000_0008;
/** Bytes of a line of the cache, as CLFLUSH has it, in units of 8. */
const CLFLUSH_LINE = 8;

const withFeatures = (leaf: Leaf, number: number, { features }: Model): Leaf => {
  const out = [...leaf];
  for (const name of features) {
    const place = FEATURES[name];
    if (place?.[0] === number) out[place[1]] = (out[place[1]] as number) | (1 << place[2]);
  }
  return out as Leaf;
};

/** Leaf 1, ecx: the kernel has XSAVE turned on. */
const OSXSAVE = 1 << 27;
/** Leaf 13: components of XSAVE's area in standard form, its size, and where the upper halves of ymm registers lie. */
const stateComponents = (processor: number, subleaf: number): Leaf => {
  if (subleaf === 0) return [xcr0(processor), XSAVE_SIZE, XSAVE_SIZE, 0];
  if (subleaf === 1) return withFeatures([0, XSAVE_SIZE, 0, 0], 13, modelOf(processor));
  return subleaf === 2 && (xcr0(processor) & AVX) !== 0 ? [XSAVE_SIZE - AVX_AT, AVX_AT, 0, 0] : [0, 0, 0, 0];
};

const plain = (processor: number, leaf: number, subleaf: number): Leaf => {
  const m = modelOf(processor);
  const [b, d, c] = VENDOR as [number, number, number];
  switch (leaf) {
    case 0:
      return [HIGHEST, b, c, d];
    case 1:
      return withFeatures(
        [m.signature, (CLFLUSH_LINE << 8) | (1 << 16), m.features.includes('xsave') ? OSXSAVE : 0, 0],
        1,
        m,
      );
    case 7:
      return subleaf === 0 ? withFeatures([0, 0, 0, 0], 7, m) : [0, 0, 0, 0];
    case 13:
      return m.features.includes('xsave') ? stateComponents(processor, subleaf) : [0, 0, 0, 0];
    case 0x8000_0000:
      return [HIGHEST_EXTENDED, b, c, d];
    case 0x8000_0001:
      return withFeatures([m.signature, 0, 0, 0], leaf, m);
    case 0x8000_0002:
    case 0x8000_0003:
    case 0x8000_0004: {
      const at = 4 * (leaf - 0x8000_0002);
      const brand = words(m.brand.padEnd(48, '\0'));
      return brand.slice(at, at + 4) as Leaf;
    }
    case 0x8000_0008:
      // physical and linear address bits
      return [0x3028, 0, 0, 0];
    default:
      return [0, 0, 0, 0];
  }
};

/** CPUID's answer. */
export const identify = (processor: number, leaf: number, subleaf: number): Leaf => plain(processor, leaf, subleaf);

/** XCR0: the state components in use; 0 without XSAVE. */
export const xcr0 = (processor: number): number =>
  modelOf(processor).features.includes('avx') || processor === 0 ? 7 : 3;

/** The line `flags` of /proc/cpuinfo. */
export const featureNames = (name: string): readonly string[] => modelOf(processorNumber(name)).features;
/** A word of features by leaf and register. */
export const featureWord = (name: string, leaf: number, register: number): number =>
  (identify(processorNumber(name), leaf, 0)[register] as number) >>> 0;
export const brandOf = (name: string): string => modelOf(processorNumber(name)).brand;
