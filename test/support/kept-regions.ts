import { openRegions } from '../../src/cpu/region-image.ts';
import { RegionStore } from '../../src/cpu/region-store.ts';

/** The store that was written, read at once; null where the words are not a whole image of this version. */
export const readRegions = (words: Uint32Array<ArrayBuffer>, version: number): RegionStore | null => {
  const store = new RegionStore();
  if (!openRegions(store, words, version, () => words)) return null;
  store.readKept();
  return store.count === 0 ? null : store;
};
