import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createAarch64 } from '../src/cpu/frontend/aarch64/frontend.ts';
import { createArm } from '../src/cpu/frontend/arm/frontend.ts';
import type { FrontEnd } from '../src/cpu/frontend/frontend.ts';
import type { UsualWord } from '../src/cpu/templates.ts';

/** Front ends whose usual instructions were recorded. */
export const guestsWithWords: Readonly<Record<string, () => FrontEnd>> = { aarch64: createAarch64, arm: createArm };

/**
 * Instruction words that programs of a guest usually have, a line for each flags kind and form:
 * `kind form: word word …`; see record-usual-words.ts.
 */
export const usualWordsFile = (guest: string): string =>
  fileURLToPath(new URL(`../src/cpu/frontend/${guest}/usual-words.txt`, import.meta.url));

export const usualWords = (guest: string): UsualWord[] =>
  fs
    .readFileSync(usualWordsFile(guest), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [head, words] = line.split(': ') as [string, string];
      const [kind, form] = head.split(' ').map(Number) as [number, number];
      return words.split(' ').map((word) => ({ word: Number.parseInt(word, 16) | 0, form, kind }));
    });
