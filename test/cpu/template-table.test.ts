import { expect, test } from 'vitest';
import { usualWords } from '../../scripts/usual-words.ts';
import type { TemplateSource } from '../../src/cpu/built-templates.ts';
import { CodeCache } from '../../src/cpu/code-cache.ts';
import { composerModule } from '../../src/cpu/composer-module.ts';
import { flagWords } from '../../src/cpu/frontend/aarch64/flag-reads.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { Head } from '../../src/cpu/template-file.ts';
import { TemplateTable } from '../../src/cpu/template-table.ts';
import { Templates } from '../../src/cpu/templates.ts';
import { WasmComposer } from '../../src/cpu/wasm-composer.ts';

const CODE = 0x1_0000;
const frontEnd = createAarch64();
const usual = usualWords('aarch64').slice(0, 2000);
const file = Templates.learned(frontEnd, usual);

interface Counted extends TemplateSource {
  bytesRead: number;
  closed: boolean;
}

const sourceOf = (words: Int32Array): Counted => {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const source: Counted = {
    size: bytes.length,
    bytesRead: 0,
    closed: false,
    read: (at, into) => {
      source.bytesRead += into.length;
      into.set(bytes.subarray(at, at + into.length));
    },
    close: () => {
      source.closed = true;
    },
  };
  return source;
};

/** Words of the cold tier's memory when blocks of these instructions were made. */
const composed = (templates: TemplateTable, words: readonly number[]): Uint32Array => {
  const space = createAddressSpace();
  const length = 0x1_0000;
  space.map({ addr: CODE, length, prot: PROT_READ | PROT_WRITE | PROT_EXEC, fixed: true });
  for (const [i, word] of words.entries()) space.view.setUint32(CODE + 4 * i, word, true);
  const cache = new CodeCache(space, frontEnd);
  const module = new WebAssembly.Module(composerModule({ initial: 65536, maximum: 65536 }, flagWords));
  cache.newComposer = (memory, calls) => new WasmComposer(module, memory, templates, calls);
  const records = words.map((_, i) => cache.recordFor(CODE + 4 * i, -1));
  return new Uint32Array(space.memory.buffer).slice((records[0] as number) / 4, (records.at(-1) as number) / 4);
};

test('blocks are the same when templates are read as they are wanted, and then less is read', () => {
  const words = usual.filter(({ form }) => form === 0).map(({ word }) => word);
  for (const [count, all] of [
    [4, false],
    [60, true],
  ] as const) {
    const source = sourceOf(file);
    const some = words.filter((_, i) => i % Math.floor(words.length / count) === 0);
    const table = TemplateTable.open(source, all ? 3 : undefined) as TemplateTable;
    expect(composed(table, some)).toEqual(composed(TemplateTable.from(file), some));
    expect(source.closed).toBe(all);
    const templates = 4 * ((file[Head.BEHIND] as number) - (file[Head.TEMPLATES] as number));
    if (!all) expect(source.bytesRead).toBeLessThan(file.byteLength - templates / 2);
  }
});

test('who wants the words themselves finds all of them', () => {
  const source = sourceOf(file);
  expect(TemplateTable.open(source)?.words).toEqual(file);
  expect(source.closed).toBe(true);
});

test('a file that is cut off or of another version is none', () => {
  for (const words of [file.subarray(0, -1), file.subarray(0, 3), file.subarray(1)]) {
    const source = sourceOf(words);
    expect(TemplateTable.open(source)).toBeNull();
    expect(source.closed).toBe(true);
  }
});
