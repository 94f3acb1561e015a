import { expect, test } from 'vitest';
import { IMPORTS } from '../../src/cpu/backend/interpreter/emitter.ts';
import { BlockTable } from '../../src/cpu/block-table.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { CHUNKS, CHUNKS_END, Control, Header, Mark } from '../../src/cpu/memory/code-layout.ts';
import { CODE_CONTROL, CODE_PAGES, PAGE_SIZE } from '../../src/cpu/memory/layout.ts';
import { type Chunk, RecordArenas } from '../../src/cpu/record-arenas.ts';
import { interpreter } from '../../src/interpreter-bytes.ts';

const space = createAddressSpace();
const words = new Uint32Array(space.memory.buffer);

test('an arena grows by larger chunks until the memory of records is full, and by none of no size', () => {
  const arenas = new RecordArenas(space, words);
  const reserved = { start: CHUNKS + 0x10_0000, size: 0x20_0000 };
  arenas.reserved = () => [reserved];
  let blocks = 0;
  for (let at = arenas.room(2, 0x1000); at !== 0; at = arenas.room(2, 0x1000)) {
    arenas.commit(2, at + 0x1000);
    blocks++;
  }
  expect(arenas.full).toBe(true);
  expect(arenas.blocks(2)).toBe(blocks);
  const chunks = [...arenas.of(2)].sort((a, b) => a.start - b.start);
  expect(chunks.length).toBeGreaterThan(40);
  expect(chunks.every(({ size, used }) => size >= 0x4000 && used === size)).toBe(true);
  const apart = (a: Chunk, b: Chunk): boolean => a.start + a.size <= b.start;
  for (const [i, chunk] of chunks.entries()) {
    expect(chunk.start >= CHUNKS && chunk.start + chunk.size <= CHUNKS_END).toBe(true);
    expect(apart(chunk, reserved) || apart(reserved, chunk)).toBe(true);
    if (i > 0) expect(apart(chunks[i - 1] as Chunk, chunk)).toBe(true);
  }
  arenas.clear();
  expect(arenas.room(2, 16)).toBe(CHUNKS);
});

/** The functions of WebAssembly that take entries in and gather them, for a memory. */
const functionsOf = (memory: WebAssembly.Memory): Pick<BlockTable, 'enter' | 'gather'> => {
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2 });
  const module = interpreter({ addressType: 'i64' });
  const e = { m: memory, t: table, ...Object.fromEntries(IMPORTS.map((name) => [name, () => 0])) };
  const { enterBlocks, gatherBlocks } = new WebAssembly.Instance(module, { e }).exports;
  return { enter: enterBlocks, gather: gatherBlocks } as Pick<BlockTable, 'enter' | 'gather'>;
};

test.each(['JavaScript', 'WebAssembly'])(
  'a table of blocks grows in %s, and takes nothing in where there is no room to',
  (by) => {
    const space = createAddressSpace();
    const words = new Uint32Array(space.memory.buffer);
    let next = CHUNKS;
    let room = true;
    const table = new BlockTable(space, words, (bytes) => {
      const at = room ? next : 0;
      next += bytes;
      return at;
    });
    if (by === 'WebAssembly') Object.assign(table, functionsOf(space.memory));
    for (let pc = 0; pc < 40_000; pc += 4) table.add(pc, pc % 8 === 0 ? -1 : 3, CHUNKS + 16 * pc);
    for (let pc = 0; pc < 40_000; pc += 4) {
      expect(table.find(pc, -1)).toBe(pc % 8 === 0 ? CHUNKS + 16 * pc : 0);
      expect(table.recordsAt(pc)).toEqual([CHUNKS + 16 * pc]);
    }
    // none was taken in twice, nor a free place
    let count = 0;
    table.forEach(() => void count++);
    expect(words[CODE_CONTROL / 4 + Control.COUNT]).toBe(count);
    expect(count).toBe(10_000);
    room = false;
    const many = new Uint32Array(1 << 17).map((_, i) => (i % 2 === 0 ? 0x100_0000 + 2 * i : 1));
    table.putAll(many);
    expect(table.recordsAt(0x100_0000)).toEqual([]);
    expect(table.find(8, -1)).toBe(CHUNKS + 128);
  },
);

test('pieces for other things are zeros, whatever was there before', () => {
  const memory = createAddressSpace();
  const bytes = new Uint8Array(memory.memory.buffer);
  const arenas = new RecordArenas(memory, new Uint32Array(memory.memory.buffer));
  const dirty = (start: number, size: number): void => void bytes.fill(0xff, start, start + size);
  const isZero = (start: number, size: number): boolean => bytes.subarray(start, start + size).every((b) => b === 0);
  const size = 0x1_0000;
  dirty(arenas.room(2, 0x100), 0x4000);
  const piece = arenas.other(size);
  dirty(piece, size);
  // a unit's records that turn out to be damaged lie there without being in use
  const chunk = { start: CHUNKS + 4 * size, size: 0x1000, used: 0x1000 };
  arenas.touch([chunk]);
  dirty(chunk.start, chunk.size);
  arenas.clear();
  for (let n = 0; n < 8; n++) expect(isZero(arenas.other(size), size)).toBe(true);

  const child = createAddressSpace();
  const inherited = new RecordArenas(child, new Uint32Array(child.memory.buffer));
  arenas.clear();
  dirty(arenas.room(2, 0x100), 0x100);
  arenas.commit(2, CHUNKS + 0x100);
  inherited.inherit(arenas);
  inherited.clear();
  const at = inherited.other(size);
  expect(at).toBe(CHUNKS);
  expect(new Uint8Array(child.memory.buffer, at, size).every((b) => b === 0)).toBe(true);
});

test.each(['JavaScript', 'WebAssembly'])('the entries of an arena are gathered in %s', (by) => {
  const space = createAddressSpace();
  const words = new Uint32Array(space.memory.buffer);
  const table = new BlockTable(space, words, () => 0);
  if (by === 'WebAssembly') Object.assign(table, functionsOf(space.memory));
  const [page, other] = [0x40_0000, 0x50_0000];
  const bytes = new Uint8Array(space.memory.buffer);
  bytes[CODE_PAGES + page / PAGE_SIZE] = 7;
  bytes[CODE_PAGES + other / PAGE_SIZE] = 8;
  const chunks = [
    { start: CHUNKS, size: 0x4000, used: 0x200 },
    { start: CHUNKS + 0x8000, size: 0x8000, used: 0x100 },
  ];
  const [first, second] = [CHUNKS + 0x1f0, CHUNKS + 0x8010];
  table.add(page, -1, first);
  table.add(page + 4, 3, second);
  table.mark(page + 8, Mark.RETURN_SITE);
  table.mark(page + 12, Mark.REGION);
  table.add(other, -1, first);
  // behind what is in use, and in no chunk
  for (const [i, record] of [CHUNKS + 0x200, CHUNKS + 0x8100, CHUNKS - 16].entries())
    table.add(page + 16 + i, -1, record);
  const pcsOf = (hotAfter: number): number[] => {
    const { entries, count } = table.entriesOf(7, chunks, hotAfter);
    expect(count).toBe(2);
    return [...entries].filter((_, i) => i % 2 === 0).sort();
  };
  expect(pcsOf(0)).toEqual([page, page + 4, page + 8]);
  const counts = (): number[] => [first, second, CHUNKS + 0x200].map((at) => words[(at + Header.COUNT) / 4] as number);
  expect(counts()).toEqual([0, 0, 0]);
  expect(pcsOf(2000)).toEqual([page, page + 4, page + 8]);
  expect(counts()).toEqual([2000, 2000, 0]);
});
