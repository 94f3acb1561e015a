import { checksum } from './checksum.ts';
import { RegionStore, type StoredModule, type StoredRegion } from './region-store.ts';

/**
 * A store of regions as it is kept on disk, as little-endian 32-bit words:
 *
 *     magic, version, words, checksum, flags, next slot, next id, next run,
 *     count of slots, of modules, of regions,
 *     (pc, slot) …, (bytes, bytes of machine code, offset) of each module, regions, modules
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

const wordsOf = (bytes: Uint8Array): number => (bytes.length + 3) >>> 2;

/** New machine code of modules, to be kept instead of what the store has. */
export type MachineCode = ReadonlyMap<StoredModule, Uint8Array>;

/** The store as words, or null when it is not worth keeping. */
export const writeRegions = (
  store: RegionStore,
  version: number,
  newCode: MachineCode = new Map(),
): Uint32Array | null => {
  if (store.count === 0 || store.nextId > MAX_NUMBERS || store.nextSlot > MAX_NUMBERS) return null;
  const modules = new Map<StoredModule, number>();
  const codes: (Uint8Array | null)[] = [];
  let length = HEAD + 2 * store.slots.size;
  for (const r of store.regions()) {
    if (!modules.has(r.module)) {
      modules.set(r.module, modules.size);
      const code = newCode.get(r.module) ?? r.module.code;
      codes.push(code);
      length += 3 + wordsOf(r.module.bytes) + (code ? wordsOf(code) : 0);
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
  at += 3 * modules.size;
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
    const code = codes[i] ?? new Uint8Array(0);
    words.set([module.bytes.length, code.length, at], directory + 3 * i);
    for (const part of [module.bytes, code]) {
      bytes.set(part, 4 * at);
      at += wordsOf(part);
    }
  }
  words[3] = checksum(words, CHECKED_FROM);
  return words;
};

/** The store that was written, or null when the words are not a whole image of this version. */
export const readRegions = (words: Uint32Array<ArrayBuffer>, version: number): RegionStore | null => {
  if (words.length < HEAD || words[0] !== MAGIC || words[1] !== version >>> 0) return null;
  if (words[2] !== words.length || words[3] !== checksum(words, CHECKED_FROM)) return null;
  const word = (i: number): number => words[i] as number;
  const store = new RegionStore();
  store.flagsCross = (word(4) & FLAGS_CROSS) !== 0;
  store.nextSlot = word(5);
  store.nextId = word(6);
  store.nextRun = word(7);
  let at = HEAD;
  for (let i = 0; i < word(8); i++, at += 2) store.slots.set(word(at), word(at + 1));
  const modules: StoredModule[] = [];
  for (let i = 0; i < word(9); i++, at += 3) {
    const bytes = new Uint8Array(words.buffer, words.byteOffset + 4 * word(at + 2), word(at));
    const code = new Uint8Array(words.buffer, bytes.byteOffset + 4 * wordsOf(bytes), word(at + 1));
    modules.push({ bytes, code: code.length > 0 ? code : null, compiled: null });
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
