import type { BlockSource } from './discover.ts';

/**
 * Functions that an indirect call is compared with: two comparisons or six at each call, as they are searched by halves. Fewer
 * are not worth the code, which cc1 has much of.
 */
const LEAST = 3;
const MOST = 32;

/** Those of the functions that an indirect call was seen to go to which it is compared with; undefined: none. */
export const likelyAmong = (
  targets: readonly number[],
  source: Pick<BlockSource, 'isUsual'>,
): readonly number[] | undefined => {
  const usual = targets.filter((pc) => source.isUsual(pc));
  return usual.length < LEAST ? undefined : usual.slice(0, MOST);
};
