import { checksum, checksumOf } from './checksum.ts';
import { bytesOf, type ImageBytes } from './image-bytes.ts';
import { type KeptModule, keptModules } from './region-merge.ts';
import {
  type ModuleContents,
  type RegionSource,
  type RegionStore,
  StoredModule,
  StoredRegion,
} from './region-store.ts';

/**
 * A store of regions as it is kept on disk, as little-endian 32-bit words: an index, which a start reads, then the
 * modules, each read when the first of its regions is wanted.
 *
 *     magic, version, words of the index, its checksum, flags, next slot, next id, next run,
 *     count of slots, of modules, of regions, of places,
 *     (pc, slot) …, modules, pcs, places, regions
 *
 * A module is there: its first word, words of its sources, bytes, bytes of machine code, functions that has, checksum. Where
 * regions are entered: guest pcs in order, then for each the word of its region in the index. A region: id, pc, slot, module, index, run, policy, bytes of guest code, count of entries, entries.
 *
 * A module itself is: the sources of its regions, bytes, machine code. A source: the region's index, start and length of its
 * body, then counts and words of its own calls, branch hints, ranges, sites and code. A region carries the guest
 * code it was made from, so an image can be old or foreign without harm.
 */
const MAGIC = 0x52717377;
const HEAD = 12;
const CHECKED_FROM = 4;
const FLAGS_CROSS = 1;
const PRECISE = 2;
/** Words in the index of a module, and of a region before its entries; words of a source before its lists. */
const MODULE = 6;
const REGION = 9;
const SOURCE = 8;
type ModuleWords = readonly [number, number, number, number, number, number];
/** Above all guest pcs. */
const HIGHEST = 2 ** 32;
/** With more numbers given than this, a program's regions start over. */
const MAX_NUMBERS = 60_000;

const wordsOf = (bytes: Uint8Array): number => (bytes.length + 3) >>> 2;

/** Bytes as words, with zeros behind them. */
const padded = (bytes: Uint8Array): Uint32Array => {
  const words = new Uint32Array(wordsOf(bytes));
  bytesOf(words).set(bytes);
  return words;
};

/** The store as pieces of a file, or null when it is not worth keeping, or when some of it is not to be had any more. */
export const writeRegions = (store: RegionStore, version: number): readonly Uint32Array[] | null => {
  if (store.count === 0 || store.nextId > MAX_NUMBERS || store.nextSlot > MAX_NUMBERS) return null;
  const regions = [...store.regions()];
  if (!regions.every(({ module }) => module.isThere)) return null;
  const modules = keptModules(regions, store.machineCode);
  const entries = regions.reduce((sum, r) => sum + r.entries.length, 0);
  // where several regions have an entry the store names one
  const pcs = store.roots(0, HIGHEST);
  const index = new Uint32Array(
    HEAD + 2 * store.slots.size + MODULE * modules.length + 2 * pcs.length + REGION * regions.length + entries,
  );
  const flags = (store.flagsCross ? FLAGS_CROSS : 0) | (store.precise ? PRECISE : 0);
  index.set([MAGIC, version, index.length, 0, flags, store.nextSlot, store.nextId, store.nextRun]);
  index.set([store.slots.size, modules.length, regions.length, pcs.length], 8);
  let at = HEAD;
  const put = (list: ArrayLike<number>): void => {
    index.set(list, at);
    at += list.length;
  };
  for (const pair of store.slots) put(pair);
  const pieces: Uint32Array[] = [index];
  let next = index.length;
  for (const m of modules) {
    const sources = sourcesOf(m);
    const parts = [sources, padded(m.bytes), padded(m.code ?? new Uint8Array(0))];
    const sum = checksumOf(parts.map(bytesOf));
    put([next, sources.length, m.bytes.length, m.code?.length ?? 0, m.optimised, sum]);
    for (const part of parts) next += part.length;
    pieces.push(...parts);
  }
  put(pcs);
  const [placesAt, places] = [at, new Map<StoredRegion, number>()];
  at += pcs.length;
  for (const [i, m] of modules.entries()) {
    for (const [index, region] of m.regions) {
      const { id, pc, slot, run, policy, size, entries } = region;
      places.set(region, at);
      put([id, pc, slot, i, index, run, policy, size, entries.length]);
      put(entries);
    }
  }
  index.set(
    Array.from(pcs, (pc) => places.get(store.get(pc) as StoredRegion) as number),
    placesAt,
  );
  index[3] = checksum(index, CHECKED_FROM);
  return pieces;
};

const sourcesOf = ({ sources }: KeptModule): Uint32Array => {
  let length = 0;
  for (const { body, ranges, sites, code } of sources.values()) {
    length += SOURCE + body.ownCalls.length + body.hints.length + ranges.length + sites.length + wordsOf(code);
  }
  const words = new Uint32Array(length);
  let at = 0;
  for (const [index, { body, ranges, sites, code }] of sources) {
    const { start, length, ownCalls, hints } = body;
    const lists = [ownCalls, hints, ranges, sites];
    words.set([index, start, length, ...lists.map((list) => list.length), code.length], at);
    at += SOURCE;
    for (const list of lists) {
      words.set(list, at);
      at += list.length;
    }
    bytesOf(words).set(code, 4 * at);
    at += wordsOf(code);
  }
  return words;
};

/** Put what was kept into a store that has given no number yet. False: it is no image of this version, or damaged. */
export const readRegions = (store: RegionStore, image: ImageBytes, version: number): boolean => {
  const head = new Uint32Array(HEAD);
  if (!image.read(0, [bytesOf(head)]) || head[0] !== MAGIC || head[1] !== version >>> 0) return false;
  const [, , length = 0, sum, flags = 0, nextSlot = 0, nextId = 0, nextRun = 0, slots = 0, modules = 0, regions = 0] =
    head;
  const entered = head[HEAD - 1] as number;
  if (length < HEAD || 4 * length > image.size) return false;
  const words = new Uint32Array(length);
  if (!image.read(0, [bytesOf(words)]) || sum !== checksum(words, CHECKED_FROM)) return false;
  const word = (i: number): number => words[i] as number;
  store.flagsCross = (flags & FLAGS_CROSS) !== 0;
  store.precise = (flags & PRECISE) !== 0;
  store.nextSlot = nextSlot;
  store.nextId = nextId;
  store.nextRun = nextRun;
  let at = HEAD + 2 * slots;
  store.keptSlots = words.subarray(HEAD, at);
  const kept: StoredModule[] = [];
  for (let i = 0; i < modules; i++, at += MODULE) {
    const place = at;
    kept.push(new StoredModule(word(at + 4), word(at + 2) + word(at + 3), () => readModule(image, words, place)));
  }
  store.keep({
    count: regions,
    pcs: words.subarray(at, at + entered),
    places: words.subarray(at + entered, at + 2 * entered),
    at: (place) => {
      const entries = words.subarray(place + REGION, place + REGION + word(place + 8));
      const numbers = {
        id: word(place),
        pc: word(place + 1),
        slot: word(place + 2),
        run: word(place + 5),
        policy: word(place + 6),
        size: word(place + 7),
        entries,
      };
      return new StoredRegion({ module: kept[word(place + 3)] as StoredModule, index: word(place + 4) }, numbers);
    },
    isReady: (place) => (kept[word(place + 3)] as StoredModule).isReady,
  });
  return true;
};

/** A module at its place in the index; null: it is damaged, or the file was replaced. */
const readModule = (image: ImageBytes, index: Uint32Array, place: number): ModuleContents | null => {
  const [at, length, size, codeSize, , sum] = index.subarray(place, place + MODULE) as unknown as ModuleWords;
  const sources = new Uint32Array(length);
  // V8 wants the code in a buffer of its size, and all of it is about to be written to
  const bytes = Buffer.allocUnsafeSlow(4 * ((size + 3) >>> 2));
  const code = Buffer.allocUnsafeSlow(codeSize);
  const parts = [bytesOf(sources), bytes, code];
  // zeros are behind it
  const padding = new Uint8Array(-codeSize & 3);
  if (!image.read(4 * at, parts) || sum !== checksumOf([...parts, padding])) return null;
  return {
    bytes: new Uint8Array(bytes.buffer, 0, size),
    code: codeSize > 0 ? code : null,
    sources: new KeptSources(sources),
  };
};

/** The sources of a module's regions, each made when it is asked for: a short run wants a few of hundreds. */
class KeptSources {
  private readonly words: Uint32Array<ArrayBuffer>;
  /** Where they are, by the region's index. */
  private readonly places = new Map<number, number>();
  private readonly made = new Map<number, RegionSource>();

  constructor(words: Uint32Array<ArrayBuffer>) {
    this.words = words;
    const word = (i: number): number => words[i] as number;
    for (let at = 0; at < words.length; ) {
      this.places.set(word(at), at);
      const lists = word(at + 3) + word(at + 4) + word(at + 5) + word(at + 6);
      at += SOURCE + lists + ((word(at + 7) + 3) >>> 2);
    }
  }

  get(index: number): RegionSource | undefined {
    const place = this.places.get(index);
    const made = this.made.get(index);
    if (made !== undefined || place === undefined) return made;
    const source = this.make(place);
    this.made.set(index, source);
    return source;
  }

  private make(place: number): RegionSource {
    const { words } = this;
    const word = (i: number): number => words[place + i] as number;
    let at = place + SOURCE;
    const take = (n: number): Uint32Array<ArrayBuffer> => {
      at += n;
      return words.subarray(at - n, at);
    };
    return {
      body: { start: word(1), length: word(2), ownCalls: take(word(3)), hints: take(word(4)) },
      ranges: take(word(5)),
      sites: take(word(6)),
      code: new Uint8Array(words.buffer, words.byteOffset + 4 * at, word(7)),
    };
  }
}
