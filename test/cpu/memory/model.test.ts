import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAddressSpace } from '../../../src/cpu/memory/address-space.ts';
import { PAGE_SIZE, PageByte, READ_BYTES, WRITE_BYTES } from '../../../src/cpu/memory/layout.ts';

const BASE = 0x50_0000;
const PAGES = 24;

/** One page of the model: its protection and the first byte. */
type Page = { prot: number; value: number } | null;

const range = fc.tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: 8 })).map(([first, count]) => ({
  first,
  count: Math.min(count, PAGES - first),
}));
const prot = fc.constantFrom(0, 1, 3, 5);
const step = fc.oneof(
  fc.record({ do: fc.constant('map' as const), at: range, prot }),
  fc.record({ do: fc.constant('unmap' as const), at: range }),
  fc.record({ do: fc.constant('protect' as const), at: range, prot }),
  fc.record({ do: fc.constant('discard' as const), at: range }),
  fc.record({ do: fc.constant('write' as const), at: range, value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ do: fc.constant('move' as const), at: range, to: fc.nat(PAGES - 1) }),
);

test('page map, page bytes and contents agree with a model page by page', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const space = createAddressSpace();
      const model: Page[] = Array.from({ length: PAGES }, () => null);
      const addr = (page: number): number => BASE + page * PAGE_SIZE;
      for (const s of steps) {
        const { first, count } = s.at;
        const length = count * PAGE_SIZE;
        const pages = Array.from({ length: count }, (_, i) => first + i);
        if (s.do === 'map') {
          expect(space.map({ addr: addr(first), length, prot: s.prot, fixed: true })).toBe(addr(first));
          for (const p of pages) model[p] = { prot: s.prot, value: 0 };
        } else if (s.do === 'unmap') {
          expect(space.unmap(addr(first), length)).toBe(0);
          for (const p of pages) model[p] = null;
        } else if (s.do === 'protect') {
          const hole = pages.find((p) => model[p] === null) ?? Infinity;
          expect(space.protect(addr(first), length, s.prot)).toBe(hole === Infinity ? 0 : -12);
          for (const p of pages) if (p < hole) (model[p] as { prot: number }).prot = s.prot;
        } else if (s.do === 'discard') {
          space.madvise(addr(first), length, 4);
          for (const p of pages) if (model[p]) (model[p] as { value: number }).value = 0;
        } else if (s.do === 'write') {
          const ok = ((model[first]?.prot ?? 0) & 2) !== 0;
          expect(space.writable(addr(first), 1)).toBe(ok);
          if (ok) {
            space.u8[addr(first)] = s.value;
            (model[first] as { value: number }).value = s.value;
          }
        } else {
          const overlaps = s.to < first + count && first < s.to + count;
          const source = space.findMapping(addr(first));
          const whole = source !== null && source.end >= addr(first) + length;
          if (overlaps || !whole || s.to + count > PAGES) continue;
          expect(space.remap(addr(first), length, length, 3, addr(s.to))).toBe(addr(s.to));
          const moved = pages.map((p) => model[p] ?? null);
          for (const p of pages) model[p] = null;
          for (const [i, page] of moved.entries()) model[s.to + i] = page;
        }
      }
      model.forEach((page, i) => {
        const read = page === null ? PageByte.UNMAPPED : page.prot & 3 ? PageByte.PLAIN : PageByte.PROTECTED;
        const write = page === null ? PageByte.UNMAPPED : page.prot & 2 ? PageByte.PLAIN : PageByte.PROTECTED;
        expect(space.host.getUint8(READ_BYTES + addr(i) / PAGE_SIZE)).toBe(read);
        expect(space.host.getUint8(WRITE_BYTES + addr(i) / PAGE_SIZE)).toBe(write);
        if (page !== null) expect(space.u8[addr(i)]).toBe(page.value);
        expect(space.findMapping(addr(i))?.prot).toBe(page?.prot);
      });
      const maps = space.mappings();
      for (let i = 1; i < maps.length; i++) expect(maps[i]?.start).toBeGreaterThanOrEqual(maps[i - 1]?.end as number);
      expect(space.mapped).toBe(model.filter((p) => p !== null).length * PAGE_SIZE);
    }),
    { numRuns: 150, seed: 1 },
  );
}, 60_000);
