/** Where the emulator and qemu-arm 7.2 differ on purpose, each with its reason. */
import type { Difference } from '../../scripts/fuzz-compare.ts';
import type { Outcome } from '../../scripts/fuzz-record.ts';

interface KnownDifference {
  readonly reason: string;
  /** Instructions by their syntax. */
  readonly instructions: RegExp;
  readonly when?: (theirs: Outcome, ours: Outcome) => boolean;
  readonly explains: (difference: Difference) => boolean;
}

const bothFault = (theirs: Outcome, ours: Outcome): boolean => theirs.signal === 11 && ours.signal === 11;

export const knownDifferencesArm: readonly KnownDifference[] = [
  {
    reason:
      'qemu wants LDM, STM, LDRD and STRD aligned as the processor does; Linux then does them itself, and so do ours.',
    instructions: /^(ldm|stm|push|pop|ldrd|strd)/,
    when: (theirs, ours) => theirs.signal === 7 && (ours.signal !== 7 || ours.pc !== theirs.pc),
    explains: () => true,
  },
  {
    reason: 'Of an address that has to be a multiple of 32 bytes qemu wants one of 16.',
    instructions: /^v(ld|st)[124]/,
    when: (theirs, ours) =>
      ours.signal === 7 && (theirs.signal !== 7 || theirs.pc !== ours.pc) && Number(ours.address & 31n) === 16,
    explains: () => true,
  },
  {
    reason: 'A store-exclusive that fails: ours faults where the access would; qemu does not touch memory.',
    instructions: /^st(r|l)ex/,
    when: (theirs, ours) => (ours.signal === 7 || ours.signal === 11) && (theirs.signal === 0 || theirs.pc !== ours.pc),
    explains: () => true,
  },
  {
    reason: 'Our mappings lie elsewhere than those of qemu.',
    instructions: /./,
    when: (theirs, ours) =>
      (theirs.signal === 11 && ours.signal !== 11 && theirs.address >> 28n !== 2n) ||
      (ours.signal === 11 && theirs.signal !== 11 && ours.address >> 28n !== 2n),
    explains: () => true,
  },
  {
    reason: 'The same, an instruction before the one that faults on the other side.',
    instructions: /./,
    when: (theirs, ours) =>
      theirs.signal === 11 &&
      ours.signal === 11 &&
      ((theirs.pc > ours.pc && ours.address >> 28n !== 2n) || (theirs.pc < ours.pc && theirs.address >> 28n !== 2n)),
    explains: () => true,
  },
  {
    reason: 'The same: what is mapped there says whether it is missing or protected.',
    instructions: /./,
    when: (theirs, ours) => theirs.signal === 11 && ours.signal === 11 && theirs.address >> 28n !== 2n,
    explains: (d) => d.where === 'si_code',
  },
  {
    reason: 'FPSCR.Len and Stride, of vectors that VFP no longer has, are zero here.',
    instructions: /^vmsr/,
    explains: (d) => d.where === 'fpsr' && (Number(d.theirs) & ~0x0037_0000) === (Number(d.ours) | 0),
  },
  {
    reason: 'qemu has those vectors: what comes behind a VMSR that asks for them is done several times.',
    instructions: /^vmsr/,
    when: (theirs) => (Number(theirs.fpsr) & 0x0037_0000) !== 0,
    explains: () => true,
  },
  {
    reason: 'Linux gives undefined instructions ILL_ILLOPC; qemu says ILL_ILLOPN.',
    instructions: /./,
    when: (theirs, ours) => theirs.signal === 4 && ours.signal === 4,
    explains: (d) => d.where === 'si_code',
  },
  {
    reason: 'qemu performs multi-register accesses part by part: what comes before the faulting part is done.',
    instructions: /^(v?(ldm|stm)|v(ld|st)[1-4]|push|pop|ldrd|strd)/,
    when: bothFault,
    explains: (d) =>
      d.where.startsWith('memory') || /^[xv]\d/.test(d.where) || d.where === 'si_addr' || d.where === 'sp',
  },
];

/** Differences that no entry explains. */
export function unexplainedArm(
  differences: Difference[],
  syntax: string,
  _exact: boolean,
  theirs: Outcome,
  ours: Outcome,
): Difference[] {
  const entries = knownDifferencesArm.filter((k) => k.instructions.test(syntax) && (k.when?.(theirs, ours) ?? true));
  return differences.filter((d) => !entries.some((k) => k.explains(d)));
}
