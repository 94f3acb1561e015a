import { type Block, lastByte } from './ir/block.ts';
import { callTargetAt } from './memory/layout.ts';
import type { Translations } from './translations.ts';

/** Where the cold tier's indirect call that returns to `ret` went last: one pc, or none; `words` are the guest memory's. */
const lastCalled = (words: Uint32Array, ret: number): readonly number[] => {
  const at = callTargetAt(ret) >>> 2;
  return words[at] === ret >>> 0 ? [words[at + 1] as number] : [];
};

/** Where the indirect jump or call at the end of a block was seen to go; calls are known by where they return to. */
export const targetsOf = (block: Block, notes: Translations, words: Uint32Array): readonly number[] => {
  const { terminal: t } = block;
  const jumps = notes.targetsOf(lastByte(block));
  if (t.kind !== 'callIndirect') return jumps;
  return [...new Set([...lastCalled(words, t.ret), ...notes.targetsOf(t.ret), ...jumps])];
};
