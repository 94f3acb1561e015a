import { checksum } from './checksum.ts';
import { keptModules } from './region-merge.ts';
import type { RegionStore, StoredModule, StoredRegion } from './region-store.ts';

/**
 * A store of regions as it is kept on disk, as little-endian 32-bit words:
 *
 *     magic, version, words, checksum, flags, next slot, next id, next run,
 *     count of slots, of modules, of regions,
 *     (pc, slot) …, (bytes, bytes of machine code, functions that has, offset) of each module, regions, modules
 *
 * A region is: id, pc, slot, module, index, run, policy, start and length of its body, then counts and words of
 * its own calls, branch hints, ranges, entries, sites and code. It carries the guest code it was made from, so an image can be old or
 * foreign without harm.
 */
const MAGIC = 0x52717375;
const HEAD = 11;
const CHECKED_FROM = 4;
const FLAGS_CROSS = 1;
const PRECISE = 2;
/** With more numbers given than this, a program's regions start over. */
const MAX_NUMBERS = 60_000;

const wordsOf = (bytes: Uint8Array): number => (bytes.length + 3) >>> 2;

/** Words of a region before its lists. */
const REGION = 15;

/** The store as words, or null when it is not worth keeping. */
export const writeRegions = (store: RegionStore, version: number): Uint32Array | null => {
  if (store.count === 0 || store.nextId > MAX_NUMBERS || store.nextSlot > MAX_NUMBERS) return null;
  const modules = keptModules(store.regions(), store.machineCode);
  let length = HEAD + 2 * store.slots.size + 4 * modules.length;
  for (const m of modules) {
    length += wordsOf(m.bytes) + (m.code ? wordsOf(m.code) : 0);
    for (const r of m.regions) {
      length += REGION + r.body.ownCalls.length + r.body.hints.length + r.ranges.length + wordsOf(r.code);
      length += r.entries.length + r.sites.length;
    }
  }
  const words = new Uint32Array(length);
  const bytes = new Uint8Array(words.buffer);
  const flags = (store.flagsCross ? FLAGS_CROSS : 0) | (store.precise ? PRECISE : 0);
  words.set([MAGIC, version, length, 0, flags, store.nextSlot, store.nextId, store.nextRun]);
  words.set([store.slots.size, modules.length, store.count], 8);
  let at = HEAD;
  const put = (list: ArrayLike<number>): void => {
    words.set(list, at);
    at += list.length;
  };
  const putBytes = (list: Uint8Array): void => {
    bytes.set(list, 4 * at);
    at += wordsOf(list);
  };
  for (const pair of store.slots) put(pair);
  const directory = at;
  at += 4 * modules.length;
  for (const [i, m] of modules.entries()) {
    for (const r of m.regions) {
      const { body, ranges, entries, sites, code } = r;
      put([r.id, r.pc, r.slot, i, r.index, r.run, r.policy, body.start, body.length]);
      put([body.ownCalls.length, body.hints.length, ranges.length, entries.length, sites.length, code.length]);
      put(body.ownCalls);
      put(body.hints);
      put(ranges);
      put(entries);
      put(sites);
      putBytes(code);
    }
  }
  for (const [i, m] of modules.entries()) {
    words.set([m.bytes.length, m.code?.length ?? 0, m.optimised, at], directory + 4 * i);
    putBytes(m.bytes);
    if (m.code) putBytes(m.code);
  }
  words[3] = checksum(words, CHECKED_FROM);
  return words;
};

/** No file is larger (see TranslationCache). */
const LARGEST = 64 << 20;
/** Bytes from the start that `openRegions` wants. */
export const REGIONS_HEAD = 4 * HEAD;

/**
 * What a program has to know of its regions from the start is taken from the head of their file; the rest is read by `all` when
 * it is wanted. False: it is no file of this version.
 */
export const openRegions = (
  store: RegionStore,
  head: Uint32Array,
  version: number,
  all: () => Uint32Array<ArrayBuffer> | null,
): boolean => {
  if (head.length < HEAD || head[0] !== MAGIC || head[1] !== version >>> 0) return false;
  const [, , length = 0, sum, flags = 0] = head;
  store.flagsCross = (flags & FLAGS_CROSS) !== 0;
  store.precise = (flags & PRECISE) !== 0;
  const read = (into: RegionStore): void => {
    const words = all();
    // another run may have put another file in its place
    if (words?.length === length && words[3] === sum) fillStore(into, words);
  };
  // what is damaged shall not keep hot code waiting for ever
  store.kept = { bytes: Math.min(4 * length, LARGEST), read };
  return true;
};

/** Regions and numbers of a whole image; of what is damaged nothing is taken. */
const fillStore = (store: RegionStore, words: Uint32Array<ArrayBuffer>): void => {
  if (words[3] !== checksum(words, CHECKED_FROM)) return;
  const word = (i: number): number => words[i] as number;
  store.nextSlot = word(5);
  store.nextId = word(6);
  store.nextRun = word(7);
  let at = HEAD;
  for (let i = 0; i < word(8); i++, at += 2) store.slots.set(word(at), word(at + 1));
  const modules: StoredModule[] = [];
  for (let i = 0; i < word(9); i++, at += 4) {
    const bytes = new Uint8Array(words.buffer, words.byteOffset + 4 * word(at + 3), word(at));
    const code = new Uint8Array(words.buffer, bytes.byteOffset + 4 * wordsOf(bytes), word(at + 1));
    modules.push({ bytes, code: code.length > 0 ? code : null, optimised: word(at + 2), compiled: null });
  }
  for (let i = 0; i < word(10); i++) {
    const [id, pc, slot, module, index, run, policy, start, length, calls, hints, ranges, entries, sites, code] =
      words.subarray(at, at + REGION);
    at += REGION;
    const take = (n = 0): Uint32Array<ArrayBuffer> => {
      at += n;
      return words.subarray(at - n, at);
    };
    const region: StoredRegion = {
      id: id as number,
      pc: pc as number,
      slot: slot as number,
      module: modules[module as number] as StoredModule,
      index: index as number,
      run: run as number,
      policy: policy as number,
      body: { start: start as number, length: length as number, ownCalls: take(calls), hints: take(hints) },
      ranges: take(ranges),
      entries: take(entries),
      sites: take(sites),
      code: new Uint8Array(words.buffer, take(((code as number) + 3) >>> 2).byteOffset, code),
    };
    store.add(region);
  }
};
