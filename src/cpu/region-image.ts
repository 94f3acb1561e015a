import { RegionStore, type StoredModule, type StoredRegion } from './region-store.ts';

/**
 * A store of regions as it is kept on disk, as little-endian 32-bit words:
 *
 *     magic, version, words, checksum, flags, next slot, next id, next run,
 *     count of slots, of modules, of regions,
 *     (pc, slot) …, (bytes, offset) of each module, regions, modules
 *
 * A region is: id, pc, slot, module, index, run, policy, then counts and words of its ranges, code and
 * accesses. It carries the guest code it was made from, so an image can be old or foreign without harm.
 */
const MAGIC = 0x52717374;
const HEAD = 11;
const CHECKED_FROM = 4;
const FLAGS_CROSS = 1;
/** With more numbers given than this, a program's regions start over. */
const MAX_NUMBERS = 60_000;

const checksum = (words: Uint32Array): number => {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = CHECKED_FROM; i + 1 < words.length; i += 2) {
    a = Math.imul(a ^ (words[i] as number), 0x01000193);
    b = Math.imul(b ^ (words[i + 1] as number), 0x01000193);
  }
  if (words.length % 2 === 1) a = Math.imul(a ^ (words.at(-1) as number), 0x01000193);
  return (a ^ ((b << 15) | (b >>> 17))) >>> 0;
};

const wordsOf = (bytes: Uint8Array): number => (bytes.length + 3) >>> 2;

/** The store as words, or null when it is not worth keeping. */
export const writeRegions = (store: RegionStore, version: number): Uint32Array | null => {
  if (store.count === 0 || store.nextId > MAX_NUMBERS || store.nextSlot > MAX_NUMBERS) return null;
  const modules = new Map<StoredModule, number>();
  let length = HEAD + 2 * store.slots.size;
  for (const r of store.regions()) {
    if (!modules.has(r.module)) {
      modules.set(r.module, modules.size);
      length += 2 + wordsOf(r.module.bytes);
    }
    length += 10 + r.ranges.length + wordsOf(r.code) + r.accesses.length;
  }
  const words = new Uint32Array(length);
  const bytes = new Uint8Array(words.buffer);
  words.set([
    MAGIC,
    version,
    length,
    0,
    store.flagsCross ? FLAGS_CROSS : 0,
    store.nextSlot,
    store.nextId,
    store.nextRun,
  ]);
  words.set([store.slots.size, modules.size, store.count], 8);
  let at = HEAD;
  for (const [pc, slot] of store.slots) {
    words[at++] = pc;
    words[at++] = slot;
  }
  const directory = at;
  at += 2 * modules.size;
  for (const r of store.regions()) {
    const sizes = [r.ranges.length, r.code.length, r.accesses.length];
    words.set([r.id, r.pc, r.slot, modules.get(r.module) as number, r.index, r.run, r.policy, ...sizes], at);
    at += 10;
    words.set(r.ranges, at);
    at += r.ranges.length;
    bytes.set(r.code, 4 * at);
    at += wordsOf(r.code);
    words.set(r.accesses, at);
    at += r.accesses.length;
  }
  for (const [module, i] of modules) {
    words.set([module.bytes.length, at], directory + 2 * i);
    bytes.set(module.bytes, 4 * at);
    at += wordsOf(module.bytes);
  }
  words[3] = checksum(words);
  return words;
};

/** The store that was written, or null when the words are not a whole image of this version. */
export const readRegions = (words: Uint32Array<ArrayBuffer>, version: number): RegionStore | null => {
  if (words.length < HEAD || words[0] !== MAGIC || words[1] !== version >>> 0) return null;
  if (words[2] !== words.length || words[3] !== checksum(words)) return null;
  const word = (i: number): number => words[i] as number;
  const store = new RegionStore();
  store.flagsCross = (word(4) & FLAGS_CROSS) !== 0;
  store.nextSlot = word(5);
  store.nextId = word(6);
  store.nextRun = word(7);
  let at = HEAD;
  for (let i = 0; i < word(8); i++, at += 2) store.slots.set(word(at), word(at + 1));
  const modules: StoredModule[] = [];
  for (let i = 0; i < word(9); i++, at += 2) {
    const bytes = new Uint8Array(words.buffer, words.byteOffset + 4 * word(at + 1), word(at));
    modules.push({ bytes, compiled: null });
  }
  for (let i = 0; i < word(10); i++) {
    const [id, pc, slot, module, index, run, policy, ranges, code, accesses] = words.subarray(at, at + 10);
    at += 10;
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
      ranges: take(ranges),
      code: new Uint8Array(words.buffer, take(((code as number) + 3) >>> 2).byteOffset, code),
      accesses: take(accesses),
    };
    store.restore(region);
  }
  return store;
};
