/** Where the emulator and a processor may differ, each with its reason. */
import type { Difference } from '../../scripts/fuzz-compare.ts';
import type { OutcomeX86 } from '../../scripts/fuzz-record-x86.ts';

const CF = 1;
const PF = 4;
const AF = 0x10;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;
const ALL = CF | PF | AF | ZF | SF | OF;

/** Flags that the SDM (vol. 1, appendix A; vol. 2) leaves undefined behind an instruction, by its syntax. */
const UNDEFINED_FLAGS: readonly (readonly [instructions: RegExp, flags: number])[] = [
  [/^(and|or|xor|test) /, AF],
  // for counts above one OF, for counts above the operand's size CF
  [/^(shl|sal|shr|sar) /, AF | OF | CF],
  [/^(rol|ror|rcl|rcr) /, OF],
  // 16 bits by more than 16 leaves everything open
  [/^sh[lr]d /, ALL],
  [/^(i?mul|i?mulx) /, SF | ZF | AF | PF],
  [/^i?div /, ALL],
  [/^bt[csr]? /, OF | SF | AF | PF],
  [/^bs[fr] /, CF | OF | SF | AF | PF],
  [/^[lt]zcnt /, OF | SF | AF | PF],
  [/^(bextr|bzhi|bls\w+|andn) /, AF | PF | SF],
  [/^aa[as]/, OF | SF | ZF | PF],
  [/^aa[md]/, OF | AF | CF],
  [/^da[as]/, OF],
];

/** Flags left undefined by an instruction, by its syntax. */
export const undefinedFlags = (syntax: string): number =>
  UNDEFINED_FLAGS.reduce((flags, [instructions, more]) => (instructions.test(`${syntax} `) ? flags | more : flags), 0);

interface KnownDifference {
  readonly reason: string;
  /** Instructions by their syntax. */
  readonly instructions: RegExp;
  readonly when?: (theirs: OutcomeX86, ours: OutcomeX86) => boolean;
  readonly explains: (d: Difference) => boolean;
}

const SI_KERNEL = 0x80;
const MAPERR = 1;
/** The last 512 bytes of the 4 GiB, as no access is longer. */
const TOP = 0x7f_ffffn;

/** A page fault far from the pages that cases have. */
const isWild = ({ signal, code, address }: OutcomeX86): boolean =>
  signal === 11 && code !== SI_KERNEL && (address < 0x1fff_0000n || address > 0x2001_2000n);

const isOneBit = (bits: bigint): boolean => bits !== 0n && (bits & (bits - 1n)) === 0n;
/** Extended precision in the order of numbers: the significand's leading bit is always 1. */
const inOrder = (ext: bigint): bigint => ((ext >> 64n) << 63n) | (ext & 0x7fff_ffff_ffff_ffffn);

const C1 = 0x200n;
const TRANSCENDENTAL = /^f(2xm1|yl2xp?1?|sin(cos)?|cos|ptan|patan)/;

export const knownDifferencesX86: readonly KnownDifference[] = [
  {
    reason:
      'An address that is not canonical, based on the stack pointer or rbp: #SS, for which Linux has SIGBUS; ours is SIGSEGV.',
    instructions: /./,
    when: (theirs, ours) => theirs.signal === 7 && ours.signal === 11 && theirs.pc === ours.pc,
    explains: (d) => /^(signal|si_)/.test(d.where),
  },
  {
    reason: 'A wild address hits what only one side has mapped.',
    instructions: /./,
    when: (theirs, ours) =>
      (isWild(theirs) || isWild(ours)) && (theirs.signal !== ours.signal || theirs.pc !== ours.pc),
    explains: () => true,
  },
  {
    reason: 'The same in the midst of a gather.',
    instructions: /gather/,
    when: (theirs, ours) => isWild(theirs) && isWild(ours),
    explains: (d) => /^(si_addr|ymmh|xmm)/.test(d.where),
  },
  {
    reason: 'The same in the midst of a string.',
    instructions: /^(cmps|scas|lods|stos|movs)/,
    when: (theirs, ours) => isWild(theirs) && isWild(ours),
    explains: (d) => d.where === 'si_addr',
  },
  {
    reason:
      'AMD can be told to let SSE operands be misaligned: a bit of MXCSR_MASK (APM vol. 2, 8.8), which we have not.',
    instructions: /^fxsave/,
    explains: (d) => /^(memory|xmm|ymmh|st)/.test(d.where) && isOneBit(BigInt(d.theirs) ^ BigInt(d.ours)),
  },
  {
    reason:
      'An access over the top of a segment of 4 GiB may be #GP or #SS, or not: the processor’s choice (SDM vol. 3A, 5.3).',
    instructions: /./,
    when: (theirs, ours) => theirs.code === SI_KERNEL && ours.code === MAPERR && ours.address >> 9n === TOP,
    explains: (d) => /^(signal|si_code|si_addr)$/.test(d.where),
  },
  {
    reason: 'Where an FXSAVE that faults looks first is the processor’s choice.',
    instructions: /^fxsave/,
    when: (theirs, ours) => theirs.signal === 11 && ours.signal === 11,
    explains: (d) => d.where === 'si_addr',
  },
  {
    reason: 'AMD has turned the x87 to MMX when MASKMOVQ faults.',
    instructions: /^maskmovq/,
    when: (theirs) => theirs.signal === 11 || theirs.signal === 7,
    explains: (d) => /^(fsw|ftw|st)/.test(d.where),
  },
  {
    reason:
      'A repeated comparison that faults leaves the flags as they were (SDM vol. 2, REP); AMD has those of the last one.',
    instructions: /^(cmps|scas)/,
    when: (theirs) => theirs.signal !== 0,
    explains: (d) => d.where === 'eflags',
  },
  {
    reason: 'Memory of an x87 instruction is looked at before a pending exception is.',
    instructions: /^fi?(ld|st|add|sub|mul|div|com)/,
    when: (theirs, ours) => theirs.signal === 8 && (ours.signal === 11 || ours.signal === 7),
    explains: () => true,
  },
  {
    reason: 'MMX instructions do not look whether an unmasked x87 exception is pending (#MF).',
    instructions: /\bmm\b|emms/,
    when: (theirs) => theirs.signal === 8,
    explains: () => true,
  },
  {
    reason: 'A conversion into memory that faults has raised its flags already.',
    instructions: /^(fi?st|fb?st|vcvtps2ph)/,
    when: (theirs) => theirs.signal === 11 || theirs.signal === 7,
    explains: (d) => d.where === 'fsw' || d.where === 'mxcsr',
  },
  {
    reason: 'AMD leaves C1 where the SDM says that it is cleared (FCOMI, FCMOVcc without a stack fault).',
    instructions: /^f(u?comip?|cmov)/,
    explains: (d) => {
      const bits = BigInt(d.theirs) ^ BigInt(d.ours);
      // FNSTSW has put it elsewhere
      return d.where.startsWith('memory') ? bits === C1 >> 8n : /^(fsw|r0)$/.test(d.where) && bits === C1;
    },
  },
  {
    reason:
      'Transcendental functions are within one unit in the last place of the processor, and C1 tells how it rounded.',
    instructions: TRANSCENDENTAL,
    explains: (d) => d.where === 'fsw' && (BigInt(d.theirs) ^ BigInt(d.ours)) === C1,
  },
  {
    reason: 'The same: the number.',
    instructions: TRANSCENDENTAL,
    explains: (d) => {
      const distance = inOrder(BigInt(d.theirs)) - inOrder(BigInt(d.ours));
      return d.where.startsWith('st') && distance >= -1n && distance <= 1n;
    },
  },
  {
    reason: 'A kernel that is told to run no 32-bit programs has no descriptor of their code, 0x23.',
    instructions: /^lar/,
    explains: (d) => (d.where === 'eflags' ? (BigInt(d.theirs) ^ BigInt(d.ours)) === 0x40n : BigInt(d.ours) === 0xcf_fb00n), // biome-ignore format: one line
  },
  {
    reason: 'FYL2XP1 is undefined outside −(1 − √½) … √2 − 1 (SDM vol. 2).',
    instructions: /^fyl2xp1/,
    // FNSTSW has put the flags elsewhere
    explains: (d) => /^(st|fsw|r0$)/.test(d.where),
  },
  {
    reason:
      'The destination of BSF and BSR is undefined for a source of zero, that of SHLD and SHRD for a large count.',
    instructions: /^(bs[fr]|sh[lr]d) /,
    explains: (d) => /^(r\d|memory)/.test(d.where),
  },
];

/** Differences that no entry explains. */
export const unexplainedX86 = (
  differences: readonly Difference[],
  syntaxes: readonly string[],
  theirs: OutcomeX86,
  ours: OutcomeX86,
): Difference[] => {
  const entries = knownDifferencesX86.filter(
    ({ instructions, when }) => syntaxes.some((s) => instructions.test(s)) && (when?.(theirs, ours) ?? true),
  );
  return differences.filter((d) => !entries.some(({ explains }) => explains(d)));
};
