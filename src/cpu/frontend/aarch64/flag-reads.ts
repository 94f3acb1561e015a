import type { FlagWords, MaskedWord } from '../form.ts';

/** Instructions looked at until flags that are neither read nor set count as read. */
const MOST = 4000;

const masked = (word: number, mask: number): number => (word & mask) >>> 0;

/** B.cond, ADC and SBC, CCMN and CCMP, CSEL and its like, FCCMP, FCSEL, MRS of NZCV (Arm ARM C4.1). */
const READS: readonly MaskedWord[] = [
  [0xff00_0010, 0x5400_0000],
  [0x1fe0_0000, 0x1a00_0000],
  [0x1fe0_0000, 0x1a40_0000],
  [0x1fe0_0000, 0x1a80_0000],
  [0xff20_0400, 0x1e20_0400],
  [0xffff_ffe0, 0xd53b_4200],
];

/** ADDS and SUBS, ANDS and BICS, FCMP and FCMPE, MSR of NZCV: they set all flags. */
const SETS: readonly MaskedWord[] = [
  [0x3f80_0000, 0x3100_0000],
  [0x3f00_0000, 0x2b00_0000],
  [0x7f80_0000, 0x7200_0000],
  [0x7f00_0000, 0x6a00_0000],
  [0xff20_fc07, 0x1e20_2000],
  [0xffff_ffe0, 0xd51b_4200],
];

/** The same for the composer. */
export const flagWords: FlagWords = { reads: READS, sets: SETS };

const isOneOf = (word: number, patterns: readonly MaskedWord[]): boolean =>
  patterns.some(([mask, value]) => masked(word, mask) === value);
const reads = (word: number): boolean => isOneOf(word, READS);
const sets = (word: number): boolean => isOneOf(word, SETS);

/** What an instruction does with the flags, for a test that holds it against the table. */
export const flagUse = (word: number): { readonly reads: boolean; readonly sets: boolean } => ({
  reads: reads(word),
  sets: sets(word),
});

/**
 * Whether code at `pc` may read the condition codes that it finds, before its next call: what that calls is asked about
 * before the call is made. Indirect jumps, and returns, are taken to find nothing to read behind them: of returns the places
 * behind the calls are asked.
 */
export const readsFlagsAt = (code: DataView, pc: number, canFetch: (pc: number) => boolean): boolean => {
  const work = [pc];
  const seen = new Set<number>();
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    for (let here: number | null = at; here !== null && !seen.has(here); ) {
      if (seen.size >= MOST) return true;
      seen.add(here);
      if (!canFetch(here)) break;
      const word = code.getUint32(here, true);
      if (reads(word)) return true;
      if (sets(word)) break;
      here = next(word, here, work);
    }
  }
  return false;
};

/** The instruction that follows; another one that may goes to `others`. Null: none that is known. */
const next = (word: number, pc: number, others: number[]): number | null => {
  if (masked(word, 0xfc00_0000) === 0x1400_0000) return pc + ((word << 6) >> 4);
  if (masked(word, 0xfc00_0000) === 0x9400_0000) return null;
  if (masked(word, 0x7e00_0000) === 0x3400_0000) others.push(pc + (((word << 8) >> 13) << 2));
  else if (masked(word, 0x7e00_0000) === 0x3600_0000) others.push(pc + (((word << 13) >> 18) << 2));
  // BR, BLR, RET, and exceptions other than SVC
  else if (masked(word, 0xfe00_0000) === 0xd600_0000) return null;
  else if (masked(word, 0xff00_0000) === 0xd400_0000 && masked(word, 0xffe0_001f) !== 0xd400_0001) return null;
  else if (word >>> 16 === 0) return null;
  return pc + 4;
};
