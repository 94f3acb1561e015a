/** A processor that -cpu names: what programs can tell it by. */
export interface CpuModel {
  readonly name: string;
  /** Implementer, variant, part and revision, as MIDR has them (Arm ARM, MIDR_EL1). */
  readonly implementer: number;
  readonly variant: number;
  readonly part: number;
  readonly revision: number;
  /** Features of /proc/cpuinfo that `max` has and this one has not. */
  readonly without: readonly string[];
  /** Instructions that it has not, by their syntax. */
  readonly lacks: RegExp | null;
}

const ARM = 0x41;
const cortex = (
  name: string,
  part: number,
  [variant, revision]: readonly [number, number],
  without: string,
  lacks: RegExp | null,
): CpuModel => ({ name, implementer: ARM, variant, part, revision, without: without.split(' '), lacks });

/** Of Armv8.1 and 8.2: large system extensions, rounding doubling multiplies, RCpc loads, dot product. */
const ARMV8_2 = /^(casp?\{|swp\{|ld<atomic>|ldapr|sqrdml[as]h|[su]dot)/;
/** Of Armv8: its loads and stores, roundings, selections, checksums and cryptography; half precision and dot product. */
const ARMV8 =
  /^(lda|stl|vsel|vrint|v(max|min)nm|vcvt[anpm]\.|crc32|aes|sha1|sha256|vqrdml[as]h|v[su]dot|vmovx|vins|sb$|(?!vcvt<bt>|vcvt\.).*(\.f16|<c>\.16)[ .])/;

const A64_NEW = 'atomics fphp asimdhp asimdrdm lrcpc asimddp';
const A32_NEW = 'fphp asimdhp asimddp aes pmull sha1 sha2 crc32';

/** Models by the guest's name; the first is what runs unless -cpu says otherwise. */
export const CPU_MODELS: Readonly<Record<'aarch64' | 'arm', readonly [CpuModel, ...CpuModel[]]>> = {
  aarch64: [
    { name: 'max', implementer: 0, variant: 0, part: 0x051, revision: 0, without: [], lacks: null },
    cortex('cortex-a53', 0xd03, [0, 4], A64_NEW, ARMV8_2),
    cortex('cortex-a57', 0xd07, [1, 0], A64_NEW, ARMV8_2),
    cortex('cortex-a72', 0xd08, [0, 3], A64_NEW, ARMV8_2),
    cortex('cortex-a76', 0xd0b, [4, 1], '', null),
    cortex('neoverse-n1', 0xd0c, [4, 1], '', null),
  ],
  arm: [
    cortex('max', 0xc0f, [0, 0], '', null),
    cortex('cortex-a7', 0xc07, [0, 5], A32_NEW, ARMV8),
    cortex('cortex-a15', 0xc0f, [2, 1], A32_NEW, ARMV8),
  ],
};

/** Every name that -cpu takes. */
export const CPU_NAMES: readonly string[] = [...new Set(Object.values(CPU_MODELS).flat().map(({ name }) => name))]; // biome-ignore format: one line

/** A guest's model of that name, or its `max`: a name may be that of another guest's. */
export const cpuModel = (guest: 'aarch64' | 'arm', name: string | undefined): CpuModel =>
  CPU_MODELS[guest].find((model) => model.name === name) ?? CPU_MODELS[guest][0];

/** MIDR_EL1 of an Armv8 or Armv7 processor. */
export const midrOf = ({ implementer, variant, part, revision }: CpuModel): number =>
  ((implementer << 24) | (variant << 20) | (0xf << 16) | (part << 4) | revision) >>> 0;
