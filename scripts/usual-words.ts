import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Instruction words that programs usually have, a line for each flags kind: `kind: word word …`; see record-usual-words.ts. */
export const USUAL_WORDS = fileURLToPath(new URL('../src/cpu/frontend/aarch64/usual-words.txt', import.meta.url));

export const usualWords = (): { word: number; kind: number }[] =>
  fs
    .readFileSync(USUAL_WORDS, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [kind, words] = line.split(': ') as [string, string];
      return words.split(' ').map((word) => ({ word: Number.parseInt(word, 16) | 0, kind: Number(kind) }));
    });
