import { expect, test } from 'vitest';
import { Random } from '../../scripts/fuzz-random.ts';
import { usualWords } from '../../scripts/usual-words.ts';
import { specialNumber } from '../../src/cpu/backend/interpreter/contract.ts';
import { CodeCache } from '../../src/cpu/code-cache.ts';
import { Look } from '../../src/cpu/composer-layout.ts';
import { composerModule } from '../../src/cpu/composer-module.ts';
import { flagWords, readsFlagsAt } from '../../src/cpu/frontend/aarch64/flag-reads.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { createArm } from '../../src/cpu/frontend/arm/frontend.ts';
import type { FrontEnd, SingleLift } from '../../src/cpu/frontend/frontend.ts';
import { createAddressSpace, type GuestAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { CHUNKS, NEVER, WHAT_SHIFT } from '../../src/cpu/memory/code-layout.ts';
import { PROT_EXEC, PROT_READ } from '../../src/cpu/memory/types.ts';
import { TemplateTable } from '../../src/cpu/template-table.ts';
import { Templates } from '../../src/cpu/templates.ts';
import { WasmComposer } from '../../src/cpu/wasm-composer.ts';
import { MemoryFile } from './memory/fake-file.ts';

const CODE = 0x1_0000;
const PAGES = 2;
const SIZE = 0x1000 * PAGES;
/** More than the records of a test take, in bytes. */
const AREA = 0x20_0000;
const UNLINKED = specialNumber('unlinked');

/** What a cache knows of every pc: marks, and whether its blocks read flags. Which kinds these have lifting may tell otherwise. */
const known = ({ table }: CodeCache): string[] => {
  const entries = new Set<string>();
  table.forEach((pc, value) => {
    const what = value >>> WHAT_SHIFT;
    const record = table.find(pc, what - 1);
    entries.add(`${pc.toString(16)} ${record === 0 ? what : table.readsFlags(record)}`);
  });
  return [...entries].sort();
};

/** Follow every stub, and those of the blocks made so, until there is none. */
const followAll = (cache: CodeCache, space: GuestAddressSpace): void => {
  const words = new Uint32Array(space.memory.buffer);
  const done = new Set<number>();
  for (let more = true; more; ) {
    more = false;
    for (let at = CHUNKS; at < CHUNKS + AREA; at += 16) {
      if (words[at / 4] !== NEVER || words[at / 4 + 4] !== UNLINKED || done.has(at)) continue;
      done.add(at);
      const pc = words[at / 4 + 1] as number;
      const target = cache.follow(at + 16);
      more = true;
      const inside = pc >= CODE && pc < CODE + SIZE;
      expect(target !== 0, `stub for ${pc.toString(16)}`).toBe(inside);
      if (!inside) continue;
      expect(cache.pcOf(target)).toBe(pc);
      const jump = words[at / 4 + 3] as number;
      expect(words[jump / 4 + 2]).toBe(target);
    }
  }
};

test('a page that nobody has read is read to see whether what is called there reads flags, in WebAssembly too', () => {
  let asked = 0;
  const frontEnd = Object.assign(createAarch64(), {
    readsFlagsAt: (...args: Parameters<typeof readsFlagsAt>) => {
      asked++;
      return readsFlagsAt(...args);
    },
  });
  const templates = TemplateTable.from(Templates.learned(frontEnd, [{ word: 0x9400_8000, form: 0, kind: -1 }]));
  const module = new WebAssembly.Module(composerModule({ initial: 65536, maximum: 65536 }, flagWords));
  // a call to pages that are not read with the first ones; there a jump to others, where flags are set (cmp x0, x1), or read (b.ne)
  for (const [last, crosses] of [
    [0xeb01_001f, false],
    [0x5400_0041, true],
  ] as const) {
    const bytes = new Uint8Array(0x50_000);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x9400_8000, true);
    view.setUint32(4, 0xeb01_001f, true);
    view.setUint32(0x20_000, 0x1400_8000, true);
    view.setUint32(0x40_000, last, true);
    const space = createAddressSpace();
    const source = new MemoryFile(bytes);
    space.map({ addr: CODE, length: bytes.length, prot: PROT_READ | PROT_EXEC, fixed: true, source });
    const cache = new CodeCache(space, frontEnd);
    cache.newComposer = (memory, calls) => new WasmComposer(module, memory, templates, calls);
    let crossed = false;
    cache.flags.onSeen = () => (crossed = true);
    asked = 0;
    expect(cache.recordFor(CODE, -1)).not.toBe(0);
    expect(crossed).toBe(crosses);
    expect(asked).toBe(0);
  }
});

for (const [name, create] of [
  ['aarch64', createAarch64],
  ['arm', createArm],
] as const) {
  test(`blocks made in WebAssembly are known and linked as lifted ones are: ${name}`, () => {
    const frontEnd = create() as FrontEnd & { single: SingleLift };
    const usual = usualWords(name).filter(({ form }) => form === 0);
    const templates = TemplateTable.from(Templates.learned(frontEnd, usual.slice(0, 3000)));
    const module = new WebAssembly.Module(composerModule({ initial: 65536, maximum: 65536 }, flagWords));
    const random = new Random(5);
    let look: (pc: number) => number = () => Look.ASK;
    const looks = [0, 0, 0];
    for (let n = 0; n < 3; n++) {
      const bytes = new Uint8Array(SIZE);
      const view = new DataView(bytes.buffer);
      for (let at = 0; at < SIZE; at += 4) {
        view.setUint32(at, usual[random.u32() % 3000]?.word as number, true);
        // jumps and calls that stay near: b, bl, b.cond
        const near = (random.u32() % 64) - 32;
        if (name === 'aarch64' && at % 28 === 0) {
          const op = [0x1400_0000, 0x9400_0000][random.u32() & 1] as number;
          const word =
            at % 56 === 0
              ? (op | (near & 0x3ff_ffff)) >>> 0
              : (0x5400_0000 | ((near & 0x7_ffff) << 5) | (at & 15)) >>> 0;
          view.setUint32(at, word, true);
        }
        if (name === 'arm' && at % 28 === 0) {
          const op = [0x0a00_0000, 0x0b00_0000][random.u32() & 1] as number;
          view.setUint32(at, (((random.u32() % 15) << 28) | op | (near & 0xff_ffff)) >>> 0, true);
        }
      }
      const made = [false, true].map((composing) => {
        const space = createAddressSpace();
        space.map({
          addr: CODE,
          length: SIZE,
          prot: PROT_READ | PROT_EXEC,
          fixed: true,
          source: new MemoryFile(bytes),
        });
        const cache = new CodeCache(space, frontEnd);
        cache.recording = true;
        let count = 0;
        let crosses = false;
        cache.flags.onSeen = () => (crosses = true);
        if (composing) {
          cache.newComposer = (memory, calls) => {
            const composer = new WasmComposer(module, memory, templates, calls);
            const { make } = composer;
            look = composer.exports.look as typeof look;
            return Object.assign(composer, {
              make: (...args: Parameters<typeof make>) => {
                const record = make(...args);
                if (record !== 0) count++;
                return record;
              },
            });
          };
        }
        for (let pc = CODE; pc < CODE + SIZE; pc += 0x100) cache.recordFor(pc, -1);
        followAll(cache, space);
        for (let pc = CODE; composing && name === 'aarch64' && pc < CODE + SIZE; pc += 4) {
          const found = look(pc);
          looks[found] = (looks[found] as number) + 1;
          const reads = readsFlagsAt(space.view, pc, (at) => space.executable(at));
          if (found !== Look.ASK) expect(found === Look.READS, pc.toString(16)).toBe(reads);
        }
        return { entries: known(cache), crosses, fresh: cache.freshCount > 0, composed: count > 0 };
      });
      const [lifted, composed] = made as [(typeof made)[number], (typeof made)[number]];
      expect(composed.composed).toBe(true);
      expect(composed.entries.length).toBeGreaterThan(10);
      // lifting finds that some conditions cannot be met, which a template does not; one for any flags asks for all of them
      const also = new Set(composed.entries);
      const other = lifted.entries.filter((entry) => !also.has(entry));
      expect(other.filter((entry) => !also.has(entry.replace('false', 'true')))).toEqual([]);
      expect(other.length).toBeLessThan(composed.entries.length / 100);
      expect(composed.entries.length - lifted.entries.length).toBeLessThan(composed.entries.length / 100);
      // each answer comes, asking where code ends that may be read
      if (name === 'aarch64')
        expect(Math.min(looks[Look.NO] as number, looks[Look.READS] as number)).toBeGreaterThan(100);
      if (name === 'aarch64') expect(looks[Look.ASK]).toBeGreaterThan(0);
      expect([composed.crosses, composed.fresh]).toEqual([lifted.crosses, lifted.fresh]);
    }
  }, 60_000);
}
