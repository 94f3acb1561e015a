import { inMemory } from '../../src/cpu/image-bytes.ts';
import { readRegions } from '../../src/cpu/region-image.ts';
import { RegionStore } from '../../src/cpu/region-store.ts';

/** The store that was written; null where the words are not an image of this version. */
export const keptRegions = (words: Uint32Array | null, version: number): RegionStore | null => {
  const store = new RegionStore();
  return words && readRegions(store, inMemory([words]), version) ? store : null;
};

/** The pieces of a file as one. */
export const joined = (pieces: readonly Uint32Array[] | null): Uint32Array | null =>
  pieces && Uint32Array.from(pieces.flatMap((piece) => [...piece]));
