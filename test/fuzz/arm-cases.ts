/** Seeded cases of A32 and T32, and the oracle's answers as digests: one line a case. */
import { createHash } from 'node:crypto';
import { generatorsOf, randomCase32, randomWords, type Set32, sequenceCase32 } from '../../scripts/fuzz-arm.ts';
import { Random } from '../../scripts/fuzz-random.ts';
import type { Case, Outcome } from '../../scripts/fuzz-record.ts';
import { describeChanges } from './recorded.ts';

export const SETS: readonly Set32[] = ['a32', 't32'];
const CASES = 640;
const LENGTH = 10;

/** The same cases for ever, as long as the tables and the generator stay. */
export function armCases(set: Set32, exact: boolean): readonly Case[] {
  const generators = generatorsOf(set, '', false);
  const random = new Random((set === 'a32' ? 1 : 2) + (exact ? 2 : 0));
  const words = randomWords(set, generators);
  return Array.from({ length: CASES }, (_, i) =>
    // jumps and calls in some
    i % 4 === 3
      ? sequenceCase32(set, generators, random, LENGTH, exact)
      : randomCase32(set, words, random, LENGTH, exact),
  );
}

/** What a case did. */
export const digest = (c: Case, o: Outcome, exact: boolean): string =>
  createHash('sha1')
    .update(describeChanges(c, o, exact))
    .digest('hex')
    .slice(0, 12);
