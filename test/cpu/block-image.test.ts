import { expect, test } from 'vitest';
import { specialNumber } from '../../src/cpu/backend/interpreter/contract.ts';
import { BlockImage, writeImage } from '../../src/cpu/block-image.ts';
import { CodeCache } from '../../src/cpu/code-cache.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { Header, NEVER } from '../../src/cpu/memory/code-layout.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { MemoryFile } from './memory/fake-file.ts';

const CODE = 0x10000;
const PAGE = 0x1000;
/** Page 0: b.ne back, bl to page 1, ret; page 1: nop, ret. */
const PROGRAM: Readonly<Record<number, number>> = {
  0: 0xf1000421, // subs x1, x1, #1
  4: 0x54ffffe1, // b.ne .-4
  8: 0x940003fe, // bl page 1
  12: 0xd65f03c0, // ret
  [PAGE]: 0xd503201f, // nop
  [PAGE + 4]: 0xd65f03c0, // ret
};

/** The files that were mapped, the last one at the end. */
const files: MemoryFile[] = [];
/** The wasm memories of caches. */
const memories = new Map<CodeCache, DataView>();

function cacheOf(
  program: Readonly<Record<number, number>>,
  image: BlockImage | null,
  stamp: readonly number[] | null = null,
): CodeCache {
  const bytes = new Uint8Array(2 * PAGE);
  for (const [at, word] of Object.entries(program)) new DataView(bytes.buffer).setUint32(Number(at), word, true);
  const space = createAddressSpace();
  const prot = PROT_READ | PROT_EXEC;
  const source = new MemoryFile(bytes);
  source.stamp = stamp;
  files.push(source);
  space.map({ addr: CODE, length: 2 * PAGE, prot, fixed: true, source });
  const cache = new CodeCache(space, createAarch64());
  cache.image = image;
  cache.recording = true;
  memories.set(cache, space.host);
  return cache;
}

const wordAt = (cache: CodeCache, at: number): number => memories.get(cache)?.getUint32(at, true) ?? 0;

/** First records of the stubs in an image's units as they are in a cache's memory. */
function stubsOf(cache: CodeCache, image: BlockImage | null): number[] {
  const stubs: number[] = [];
  for (const { start, used } of image?.units.flatMap(({ chunks }) => chunks) ?? []) {
    for (let at = start; at < start + used; at += 16) {
      if (wordAt(cache, at) === NEVER && wordAt(cache, at + 16) === specialNumber('unlinked')) stubs.push(at + 16);
    }
  }
  return stubs;
}

function imageOf(cache: CodeCache, inPlace = false): Uint32Array {
  return Uint32Array.from((cache.save(1, inPlace) as Uint32Array[]).flatMap((piece) => [...piece]));
}

/** The image that words are, if all of it is whole. */
function opened(words: Uint32Array, version = 1): BlockImage | null {
  const image = BlockImage.of([words], version);
  return image?.units.every((unit) => unit.isWhole) === true ? image : null;
}

function translated(...pcs: number[]): CodeCache {
  const cache = cacheOf(PROGRAM, null);
  for (const pc of pcs) cache.recordFor(CODE + pc, -1);
  return cache;
}

test('blocks that were kept are found without being translated', () => {
  const image = opened(imageOf(translated(0, 8, PAGE)));
  expect(image?.count).toBe(3);
  const cache = cacheOf(PROGRAM, image);
  cache.onTranslate = () => {
    throw new Error('translated');
  };
  expect(cache.code.hasRun(CODE + 8)).toBe(false);
  const record = cache.recordFor(CODE, -1);
  expect(cache.pcOf(record)).toBe(CODE);
  // the whole mapping came with it
  expect(cache.code.hasRun(CODE + 8)).toBe(true);
  expect(cache.code.isFunction(CODE + PAGE)).toBe(true);
  expect(cache.recordFor(CODE + PAGE, -1)).toBe(cache.linked(CODE + PAGE, -1));
  expect(cache.freshCount).toBe(0);
  expect(cache.save(1)).toBeNull();
});

test('blocks are added to those that were kept, and links to them settled', () => {
  const first = opened(imageOf(translated(0)));
  const cache = cacheOf(PROGRAM, first);
  const loop = cache.recordFor(CODE, -1);
  // the loop's way out
  const [out, ...others] = stubsOf(cache, first);
  expect(others).toEqual([]);
  const behind = cache.follow(out as number);
  expect(behind).toBe(cache.linked(CODE + 8, -1));
  expect(cache.freshCount).toBe(1);
  const second = opened(imageOf(cache));
  expect(second?.count).toBe(2);
  const next = cacheOf(PROGRAM, second);
  // at the same places, the jump leading to the new block
  expect(next.recordFor(CODE, -1)).toBe(loop);
  expect(next.linked(CODE + 8, -1)).toBe(behind);
  const jump = wordAt(next, (out as number) - 4);
  expect(wordAt(next, jump + 8)).toBe(behind);
  // the stub that was followed, and those for the call's target and for where it returns
  expect(stubsOf(next, second).length).toBe(3);
});

test('a branch that holds a number is kept with its link, as the stub tells where it is from', () => {
  const program = {
    0: 0xf100143f, // cmp x1, #5
    4: 0x54000048, // b.hi .+8
    8: 0xd65f03c0, // ret
    12: 0xd65f03c0, // ret
  };
  const cache = cacheOf(program, null);
  cache.recordFor(CODE, -1);
  const first = opened(imageOf(cache));
  const again = cacheOf(program, first);
  again.recordFor(CODE, -1);
  for (const stub of stubsOf(again, first)) again.follow(stub);
  const second = opened(imageOf(again));
  const last = cacheOf(program, second);
  last.recordFor(CODE, -1);
  const jumps = stubsOf(last, second).map((stub) => wordAt(last, stub - 4));
  expect(jumps.map((jump) => last.pcOf(wordAt(last, jump + 8)))).toEqual([CODE + 12, CODE + 8]);
  // both forms of records are among them
  expect(jumps.map((jump) => wordAt(last, jump + 12))).toEqual([5, CODE + 7]);
});

test('blocks that another process has kept meanwhile are not new', () => {
  const old = opened(imageOf(translated(0)));
  const [earlier, later] = [cacheOf(PROGRAM, old), cacheOf(PROGRAM, old)];
  for (const cache of [earlier, later]) for (const at of [0, 8]) cache.recordFor(CODE + at, -1);
  expect(later.freshCount).toBe(1);
  later.image = opened(imageOf(earlier));
  expect(later.freshCount).toBe(0);
  expect(later.save(1)).toBeNull();
  later.recordFor(CODE + PAGE, -1);
  expect(later.freshCount).toBe(1);
  expect(opened(imageOf(later))?.count).toBe(3);
});

test('no block is used where any page of code differs, and what is kept then is the new code', () => {
  const image = opened(imageOf(translated(0, PAGE)));
  const cache = cacheOf({ ...PROGRAM, [PAGE + 8]: 0xd503201f }, image);
  const seen: number[] = [];
  cache.onTranslate = (block) => seen.push(block.pc);
  cache.recordFor(CODE, -1);
  expect(seen).toEqual([CODE]);
  expect(opened(imageOf(cache))?.count).toBe(1);
});

test('a file with the same stamp is taken at its word, one that was changed meanwhile or has another is not', () => {
  const made = (stamp: readonly number[], program = PROGRAM, unchanged = true): BlockImage | null => {
    const cache = cacheOf(program, null, stamp);
    (files.at(-1) as MemoryFile).unchanged = unchanged;
    cache.recordFor(CODE, -1);
    return opened(imageOf(cache));
  };
  const translates = (image: BlockImage | null, stamp: readonly number[] | null, program = PROGRAM): boolean => {
    const cache = cacheOf(program, image, stamp);
    let count = 0;
    cache.onTranslate = () => count++;
    cache.recordFor(CODE, -1);
    return count > 0;
  };
  const image = made([7, 8]);
  expect(image?.units[0]?.body.pages).toBe(0);
  expect(translates(image, [7, 8])).toBe(false);
  expect(translates(image, [7, 9])).toBe(true);
  expect(translates(image, null)).toBe(true);
  // the bytes are what counts then
  const changed = made([7, 8], PROGRAM, false);
  expect(changed?.units[0]?.body.pages).toBe((2 * PAGE) / 4);
  expect(translates(changed, [7, 9])).toBe(false);
  expect(translates(changed, [7, 8], { ...PROGRAM, 4: 0xd503201f })).toBe(true);
});

test('a unit whose body is damaged is not used', () => {
  const words = imageOf(translated(0, 8));
  const bytes = new Uint8Array(words.buffer);
  const read = (at: number, into: readonly Uint8Array[]): boolean => {
    let from = at;
    for (const part of into) {
      part.set(bytes.subarray(from, from + part.length));
      from += part.length;
    }
    return from <= bytes.length;
  };
  const image = (): BlockImage | null => BlockImage.read({ size: bytes.length, read }, 1);
  const translates = (): boolean => {
    const cache = cacheOf(PROGRAM, image());
    let count = 0;
    cache.onTranslate = () => count++;
    cache.recordFor(CODE, -1);
    return count > 0;
  };
  expect(translates()).toBe(false);
  const body = image()?.units[0]?.body;
  const word = (body?.at ?? 0) + (body?.entries ?? 0) + 3;
  words[word] = (words[word] as number) ^ 1;
  expect(translates()).toBe(true);
});

test('code of anonymous or writable memory is not kept', () => {
  const space = createAddressSpace();
  space.map({ addr: CODE, length: PAGE, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  space.view.setUint32(CODE, 0xd65f03c0, true);
  const cache = new CodeCache(space, createAarch64());
  cache.recording = true;
  cache.recordFor(CODE, -1);
  expect(cache.freshCount).toBe(0);
});

test('the kernel’s own page is kept like a file’s code, which its bytes tell', () => {
  const cacheWith = (word: number, image: BlockImage | null): CodeCache => {
    const space = createAddressSpace();
    space.map({ addr: CODE, length: PAGE, prot: PROT_READ | PROT_WRITE, fixed: true, name: '[vdso]' });
    space.view.setUint32(CODE, word, true);
    space.protect(CODE, PAGE, PROT_READ | PROT_EXEC);
    const cache = new CodeCache(space, createAarch64());
    cache.image = image;
    cache.recording = true;
    cache.recordFor(CODE, -1);
    return cache;
  };
  const first = cacheWith(0xd65f03c0, null);
  expect(first.freshCount).toBe(1);
  const image = opened(imageOf(first));
  expect(cacheWith(0xd65f03c0, image).freshCount).toBe(0);
  expect(cacheWith(0xd65f0000, image).freshCount).toBe(1);
});

test('what regions left to the cold tier is kept beside the blocks, and enters no region', () => {
  const cache = translated(0);
  const slow = cache.slowRecordFor(CODE);
  expect(slow).not.toBe(cache.linked(CODE, -1));
  expect(cache.slowRecordFor(CODE + 8)).not.toBe(0);
  const words = imageOf(cache);
  expect(imageOf(cache, true)).toEqual(words);
  const image = opened(words);
  expect(image?.count).toBe(3);
  const next = cacheOf(PROGRAM, image);
  next.onTranslate = () => {
    throw new Error('translated');
  };
  expect(next.slowRecordFor(CODE)).toBe(slow);
  expect(next.freshCount).toBe(0);
  // that one alone was asked for by what goes on as usual
  expect(next.linked(CODE + 8, -1)).toBe(0);
  next.entries.enter(CODE, 7);
  expect(wordAt(next, next.recordFor(CODE, -1) + Header.SLOT)).toBe(7);
  expect([wordAt(next, slow + Header.SLOT), wordAt(next, slow + Header.COUNT)]).toEqual([0, NEVER]);
});

test('an image taken from the memory itself is the one that copies make', () => {
  const cache = translated(0, 8, PAGE);
  const record = cache.recordFor(CODE, -1);
  cache.entries.enter(CODE, 7);
  const copied = imageOf(cache);
  expect(wordAt(cache, record + Header.SLOT)).toBe(7);
  expect(imageOf(cache, true)).toEqual(copied);
  expect(wordAt(cache, record + Header.SLOT)).toBe(0);
  expect(opened(copied)?.count).toBe(3);
});

test('words that are cut off, changed or of another build are no image', () => {
  const good = imageOf(translated(0, 8, PAGE));
  expect(opened(good, 2)).toBeNull();
  for (const n of [0, 3, 5, good.length - 1]) expect(opened(good.slice(0, n))).toBeNull();
  for (let i = 0; i < good.length; i += 7) {
    const bad = good.slice();
    bad[i] = (bad[i] as number) ^ 4;
    expect(opened(bad)).toBeNull();
  }
});

test('flags that a return site reads are noticed before the call is made, and by those who get its translation', () => {
  const program = { 0: 0x94000400 /* bl page 1 */, 4: 0x54ffffe1 /* b.ne .-4 */, [PAGE]: 0xd65f03c0 };
  const noticed = (cache: CodeCache): number => {
    let count = 0;
    cache.flags.onSeen = () => count++;
    cache.recordFor(CODE, -1);
    return count;
  };
  const first = cacheOf(program, null);
  expect(noticed(first)).toBe(1);
  expect(noticed(cacheOf(program, opened(imageOf(first))))).toBe(1);
  expect(noticed(cacheOf({ ...program, 4: 0xeb01001f /* cmp */ }, null))).toBe(0);
});

test('a block that may lie in two mappings is not kept, and what leads to it has its stub again', () => {
  const space = createAddressSpace();
  const prot = PROT_READ | PROT_EXEC;
  for (const [i, code] of [{ 0: 0x140003ff /* b 0xffc */, 4092: 0xd503201f }, { 0: 0xd65f03c0 }].entries()) {
    const bytes = new Uint8Array(PAGE);
    for (const [at, word] of Object.entries(code)) new DataView(bytes.buffer).setUint32(Number(at), word, true);
    space.map({ addr: CODE + i * PAGE, length: PAGE, prot, fixed: true, source: new MemoryFile(bytes) });
  }
  const cache = new CodeCache(space, createAarch64());
  cache.recording = true;
  memories.set(cache, space.host);
  const jump = cache.recordFor(CODE, -1);
  const stub = wordAt(cache, jump + 8);
  const target = cache.follow(stub);
  expect(cache.pcOf(target)).toBe(CODE + 0xffc);
  expect(wordAt(cache, jump + 8)).toBe(target);
  expect(cache.code.holds(CODE + PAGE, CODE + 2 * PAGE)).toBe(true);
  const image = opened(imageOf(cache));
  expect(image?.count).toBe(1);
  const unit = image?.units[0];
  const memory = new ArrayBuffer(jump + 0x1000);
  expect(unit?.load(memory, new Uint32Array(unit.entries))).toBe(true);
  expect(new DataView(memory).getUint32(jump + 8, true)).toBe(stub);
});

test('an image is read from its pieces, some of them empty', () => {
  const pieces = translated(0, 8, PAGE).save(1) as Uint32Array[];
  const image = BlockImage.of(
    pieces.flatMap((piece) => [new Uint32Array(0), piece]),
    1,
  );
  expect(image?.units.every((unit) => unit.isWhole)).toBe(true);
  expect(image?.count).toBe(3);
});

test('the records of a program are kept up to 32 MB, for there must be room for others', () => {
  const lengthOf = (megabytes: number): number | undefined => {
    const used = megabytes << 20;
    const unit = {
      ...{ start: CODE, end: CODE + PAGE, offset: 0, stamp: [1], crosses: false, count: 1 },
      ...{ chunks: [{ start: 0, used, size: used }], runs: [], entries: new Uint32Array(1), pages: new Uint32Array() },
      area: [new Uint32Array(used / 4)],
    };
    return writeImage([unit], [], 1)?.reduce((sum, { byteLength }) => sum + byteLength, 0);
  };
  expect(lengthOf(31)).toBeGreaterThan(31 << 20);
  expect(lengthOf(33)).toBeUndefined();
});
