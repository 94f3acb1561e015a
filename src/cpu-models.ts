/** A processor that -cpu names: what programs can tell it by. */
export interface CpuModel {
  readonly name: string;
  /** Features of /proc/cpuinfo that `max` has and this one has not. */
  readonly without: readonly string[];
  /** Instructions that it has not, by their syntax. */
  readonly lacks: RegExp | null;
}

export interface ArmModel extends CpuModel {
  /** Implementer, variant, part and revision, as MIDR has them (Arm ARM, MIDR_EL1). */
  readonly implementer: number;
  readonly variant: number;
  readonly part: number;
  readonly revision: number;
}

const ARM = 0x41;
const cortex = (
  name: string,
  part: number,
  [variant, revision]: readonly [number, number],
  without: string,
  lacks: RegExp | null,
): ArmModel => ({ name, implementer: ARM, variant, part, revision, without: without.split(' '), lacks });

/** Of Armv8.1 and 8.2: large system extensions, rounding doubling multiplies, RCpc loads, dot product. */
const ARMV8_2 = /^(casp?\{|swp\{|ld<atomic>|ldapr|sqrdml[as]h|[su]dot)/;
/** Of Armv8: its loads and stores, roundings, selections, checksums and cryptography; half precision and dot product. */
const ARMV8 =
  /^(lda|stl|vsel|vrint|v(max|min)nm|vcvt[anpm]\.|crc32|aes|sha1|sha256|vqrdml[as]h|v[su]dot|vmovx|vins|sb$|(?!vcvt<bt>|vcvt\.).*(\.f16|<c>\.16)[ .])/;
/** Of Armv7-A what came with the Cortex-A7 and A15: division, fused multiplication; the A8 has no half precision either. */
const VFP4 = '|^([su]div|vfn?m[as])';
const FP16 = '|^vcvt(<bt>|\\.f16\\.f32|\\.f32\\.f16)';

const A64_NEW = 'atomics fphp asimdhp asimdrdm lrcpc asimddp';
const A32_NEW = 'fphp asimdhp asimddp aes pmull sha1 sha2 crc32';
const A32_VFP4 = `${A32_NEW} vfpv4 idiva idivt`;

/** Instructions that an x86 processor lacks, by parts of an expression for their names. */
const without = (...parts: readonly string[]): RegExp => new RegExp(`^(${parts.join('|')})( |$)`);
/** In none of x86-64's levels (System V ABI, 3.1.1); what the third adds to the second, and that, with SSE3, to the first. */
const NO_LEVEL =
  'rd(rand|seed|tscp|pid)|ad[co]x|(rd|wr)[fg]sbase|clflushopt|xsave(opt|c|s)|xrstors|v?aes\\w+|v?pclmulqdq|sha(1|256)\\w+';
const LEVEL_3 =
  'movbe|[lt]zcnt|andn|bls\\w+|bextr|bzhi|pdep|pext|mulx|rorx|s(ar|hl|hr)x|xgetbv|xsave|xrstor|v(?!er[rw])\\w+';
const SSE3 = 'addsubp.|h(add|sub)p.|lddqu|movs[hl]dup|movddup|fisttp';
const LEVEL_2 =
  'popcnt|pshufb|ph(add|sub)s?[wd]|pmaddubsw|psign.|pmulhrsw|pabs.|palignr|p?blend\\w+|pmul(ld|dq)|p(min|max)(sb|sd|uw|ud)|packusdw|pcmp(eq|gt)q|pmov[sz]x..|round..|ptest|dpp.|mpsadbw|phminposuw|pcmp[ei]str.|crc32|movntdqa|insertps|extractps|pinsr[bd]|pextr[bd]';

/** Models by the guest's name; the first is what runs unless -cpu says otherwise. */
export const CPU_MODELS: {
  readonly aarch64: readonly [ArmModel, ...ArmModel[]];
  readonly arm: readonly [ArmModel, ...ArmModel[]];
  readonly x86: readonly [CpuModel, ...CpuModel[]];
} = {
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
    cortex('cortex-a8', 0xc08, [0, 0], A32_VFP4, new RegExp(ARMV8.source + VFP4 + FP16)),
    cortex('cortex-a9', 0xc09, [0, 0], A32_VFP4, new RegExp(ARMV8.source + VFP4)),
  ],
  x86: [
    { name: 'max', without: [], lacks: null },
    { name: 'qemu32', without: [], lacks: without(NO_LEVEL, LEVEL_3, LEVEL_2) },
    { name: 'qemu64', without: [], lacks: without(NO_LEVEL, LEVEL_3, LEVEL_2) },
    { name: 'x86-64-v1', without: [], lacks: without(NO_LEVEL, LEVEL_3, LEVEL_2, SSE3) },
    { name: 'x86-64-v2', without: [], lacks: without(NO_LEVEL, LEVEL_3) },
    { name: 'x86-64-v3', without: [], lacks: without(NO_LEVEL) },
  ],
};

/** Every name that -cpu takes. */
export const CPU_NAMES: readonly string[] = [...new Set(Object.values(CPU_MODELS).flat().map(({ name }) => name))]; // biome-ignore format: one line

/** A guest's model of that name, or its `max`: a name may be that of another guest's. */
export const cpuModel = <G extends keyof typeof CPU_MODELS>(
  guest: G,
  name: string | undefined,
): (typeof CPU_MODELS)[G][0] => CPU_MODELS[guest].find((model) => model.name === name) ?? CPU_MODELS[guest][0];

/** MIDR_EL1 of an Armv8 or Armv7 processor. */
export const midrOf = ({ implementer, variant, part, revision }: ArmModel): number =>
  ((implementer << 24) | (variant << 20) | (0xf << 16) | (part << 4) | revision) >>> 0;
