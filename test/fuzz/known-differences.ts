/**
 * Where the emulator and its oracle (qemu-aarch64 7.2) differ on purpose, each with its reason. The fuzzer leaves out what
 * an entry explains and nothing else.
 */

import type { Difference } from '../../scripts/fuzz-compare.ts';
import type { Outcome } from '../../scripts/fuzz-record.ts';

export interface KnownDifference {
  readonly reason: string;
  /** Instructions by the first word of the row's syntax. */
  readonly instructions: RegExp;
  /** Only in the fast floating-point mode. */
  readonly fast?: boolean;
  /** Further conditions on the case; `word` is the instruction that the entry is about. */
  readonly when?: (word: number, theirs: Outcome, ours: Outcome) => boolean;
  /** Which differences it explains. */
  readonly explains: (difference: Difference) => boolean;
}

const bothFault = (_word: number, theirs: Outcome, ours: Outcome): boolean =>
  theirs.signal === 11 && ours.signal === 11 && theirs.pc === ours.pc;
const isVector = (d: Difference): boolean => /^v\d/.test(d.where);

export const knownDifferences: readonly KnownDifference[] = [
  {
    reason:
      'qemu performs multi-register accesses part by part: what comes before the faulting part is done. Ours fault before any change.',
    instructions: /^(<ldst>\S*|ld[1-4]r?|st[1-4]|ldn?p|ldpsw|stn?p|ldr|str|ldur|stur|ldxp|ldaxp|casp\w*)$/,
    when: bothFault,
    explains: (d) => isVector(d) || d.where.startsWith('memory') || /^x\d/.test(d.where),
  },
  {
    reason: 'Our mappings lie elsewhere: the stack is near the top of the 4 GiB, where qemu has nothing.',
    instructions: /./,
    when: (_word, theirs, ours) => theirs.signal === 11 && ours.signal === 0 && theirs.address >> 28n === 0xfn,
    explains: () => true,
  },
  {
    reason: 'Linux gives undefined instructions ILL_ILLOPC; qemu says ILL_ILLOPN.',
    instructions: /./,
    when: (_word, theirs, ours) => theirs.signal === 4 && ours.signal === 4 && theirs.code === 2 && ours.code === 1,
    explains: (d) => d.where === 'si_code',
  },
  {
    reason:
      'qemu leaves si_addr and si_code to the host, which reports 0 and SI_KERNEL for addresses no x86-64 pointer can hold.',
    instructions: /./,
    when: (_word, theirs, ours) => theirs.signal === 11 && theirs.address === 0n && ours.address >> 46n !== 0n,
    explains: (d) => d.where === 'si_addr' || d.where === 'si_code',
  },
  {
    reason:
      'Whether a store-exclusive that fails still faults is up to the implementation (Arm ARM AArch64.ExclusiveMonitorsPass; for alignment it must). Ours faults, qemu does not.',
    instructions: /^st\{l\}x[rp]/,
    when: (_word, theirs, ours) =>
      (ours.signal === 7 || ours.signal === 11) && (theirs.signal === 0 || ours.pc < theirs.pc),
    explains: () => true,
  },
  {
    reason: 'Linux clears the tag of si_addr (arch_untagged_si_addr); qemu does so for SIGSEGV only.',
    instructions: /./,
    when: (_word, theirs, ours) =>
      theirs.signal === 7 && ours.signal === 7 && BigInt.asIntN(56, theirs.address ^ ours.address) === 0n,
    explains: (d) => d.where === 'si_addr',
  },
  {
    reason: 'qemu 7.2 gives a fault of DC ZVA the pc where its block of code began.',
    instructions: /^sys$/,
    when: (word, theirs, ours) => (word & ~31) >>> 0 === 0xd50b7420 && theirs.signal === 11 && ours.signal === 11,
    explains: (d) => d.where === 'pc',
  },
  {
    reason: 'LDAPR wants alignment as LDAR does (Arm ARM B2.5.2, without FEAT_LSE2); qemu 7.2 does not check.',
    instructions: /^ldapr/,
    when: (_word, theirs, ours) => ours.signal === 7 && theirs.signal !== 7 && ours.code === 1,
    explains: () => true,
  },
  {
    reason: 'qemu 7.2 accepts FMOV (vector, half precision) with op = 1, which is unallocated.',
    instructions: /^fcvtzu$/,
    when: (word) => (word & 0xbff8_fc00) >>> 0 === 0x2f00_fc00,
    explains: () => true,
  },
  {
    reason:
      'qemu 7.2 sign-extends the 16-bit result of FCVTZS (scalar, fixed-point, half precision) to 32 bits; the rest of the register is zero. What the case does with it differs too.',
    instructions: /^fcvtzs$/,
    when: (word) => (word & 0xfff0_fc00) >>> 0 === 0x5f10_fc00,
    explains: () => true,
  },
];

/** Differences that no entry explains. */
export function unexplained(
  differences: readonly Difference[],
  mnemonic: string,
  word: number,
  exact: boolean,
  theirs: Outcome,
  ours: Outcome,
): Difference[] {
  const entries = knownDifferences.filter(
    (k) => k.instructions.test(mnemonic) && !(k.fast && exact) && (k.when?.(word, theirs, ours) ?? true),
  );
  return differences.filter((d) => !entries.some((k) => k.explains(d)));
}
