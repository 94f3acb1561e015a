import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAddressSpace, type GuestAddressSpace } from '../../../src/cpu/memory/address-space.ts';
import { PAGE_SIZE } from '../../../src/cpu/memory/layout.ts';
import { MemoryFile } from './fake-file.ts';

const P = PAGE_SIZE;
const [R, RW] = [1, 3];
const PAGES = 3;
const PLACES = 12;
const BASE = 0x50_0000;

const place = fc.nat(PLACES - 1);
const part = fc.record({ page: fc.nat(PAGES - 1), count: fc.integer({ min: 1, max: PAGES }) });
/** Anywhere, often across the end of a page. */
const offset = fc.oneof(
  fc.nat(PLACES * P - 32),
  fc.nat(PLACES - 2).chain((i) => fc.constant((i + 1) * P - 5)),
);
const bytes = fc.uint8Array({ minLength: 1, maxLength: 16 });
const step = fc.oneof(
  fc.record({ do: fc.constant('map' as const), at: place, part, prot: fc.constantFrom(R, RW, RW) }),
  fc.record({ do: fc.constant('unmap' as const), at: place }),
  fc.record({ do: fc.constant('protect' as const), at: place, prot: fc.constantFrom(0, R, RW) }),
  fc.record({ do: fc.constant('store' as const), at: offset, bytes }),
  fc.record({ do: fc.constant('store' as const), at: offset, bytes }),
  fc.record({ do: fc.constant('load' as const), at: offset, length: fc.integer({ min: 1, max: 16 }) }),
  fc.record({ do: fc.constant('sync' as const) }),
  fc.record({ do: fc.constant('write' as const), at: fc.nat(PAGES * P - 16), bytes }),
  fc.record({ do: fc.constant('move' as const), at: place, to: place }),
  fc.record({ do: fc.constant('double' as const), at: place, to: place }),
  fc.record({ do: fc.constant('fork' as const) }),
  fc.record({ do: fc.constant('switch' as const) }),
);

/** Which page each place shows at first. */
const start = fc.array(fc.nat(PAGES - 1), { minLength: PLACES, maxLength: PLACES });

/** What each place shows: a page of the file and a protection. */
type View = { page: number; prot: number } | null;

/** One page after the other, as the processor stores: the last one to the same byte wins. */
function store(space: GuestAddressSpace, at: number, data: Uint8Array): boolean {
  if (space.resolveFault(at, data.length, 2) !== 0) return false;
  for (const [i, byte] of data.entries()) space.u8[at + i] = byte;
  return true;
}

test('all places of a shared page show what was stored at any of them, in all processes', () => {
  fc.assert(
    fc.property(start, fc.array(step, { minLength: 20, maxLength: 60 }), (pages, steps) => {
      const file = new MemoryFile(new Uint8Array(PAGES * P));
      const content = new Uint8Array(PAGES * P);
      let space = createAddressSpace();
      let views: View[] = Array.from({ length: PLACES }, () => null);
      for (const [i, page] of pages.entries()) {
        const request = {
          addr: BASE + i * P,
          length: P,
          prot: RW,
          fixed: true,
          shared: true,
          source: file,
          offset: page * P,
        };
        space.map(request);
        views[i] = { page, prot: RW };
      }
      let other: { space: GuestAddressSpace; views: View[] } | null = null;
      /** What the kernel does before a file is used by a call. */
      const syncFile = (): void => {
        for (const each of [space, other?.space]) each?.publish();
        for (const each of [space, other?.space]) each?.syncFile(1, 1);
      };
      const addr = (i: number): number => BASE + i * P;
      const where = (at: number): number => {
        const view = views[Math.floor(at / P)];
        return view ? view.page * P + (at % P) : -1;
      };
      const may = (at: number, length: number, bit: number): boolean =>
        [at, at + length - 1].every((byte) => ((views[Math.floor(byte / P)]?.prot ?? 0) & bit) !== 0);
      const check = (at: number, length: number): void => {
        expect(space.resolveFault(BASE + at, length, 1) === 0).toBe(may(at, length, 1));
        if (!may(at, length, 1)) return;
        const shown = Array.from({ length }, (_, i) => content[where(at + i)]);
        expect([...space.u8.subarray(BASE + at, BASE + at + length)]).toEqual(shown);
      };
      for (const s of steps) {
        if (s.do === 'map') {
          const count = Math.min(s.part.count, PAGES - s.part.page, PLACES - s.at);
          const request = { addr: addr(s.at), length: count * P, prot: s.prot, fixed: true, shared: true };
          syncFile();
          expect(space.map({ ...request, source: file, offset: s.part.page * P })).toBe(addr(s.at));
          for (let i = 0; i < count; i++) views[s.at + i] = { page: s.part.page + i, prot: s.prot };
        } else if (s.do === 'unmap') {
          space.unmap(addr(s.at), P);
          views[s.at] = null;
        } else if (s.do === 'protect') {
          space.protect(addr(s.at), P, s.prot);
          if (views[s.at]) views[s.at] = { ...(views[s.at] as { page: number }), prot: s.prot };
        } else if (s.do === 'store') {
          expect(store(space, BASE + s.at, s.bytes)).toBe(may(s.at, s.bytes.length, 2));
          if (!may(s.at, s.bytes.length, 2)) continue;
          for (const [i, byte] of s.bytes.entries()) content[where(s.at + i)] = byte;
        } else if (s.do === 'load') {
          check(s.at, s.length);
        } else if (s.do === 'sync') {
          syncFile();
          expect(file.bytes).toEqual(content);
        } else if (s.do === 'write') {
          syncFile();
          file.bytes.set(s.bytes, s.at);
          content.set(s.bytes, s.at);
          for (const each of [space, other?.space]) each?.refreshFile(1, 1);
        } else if (s.do === 'move' || s.do === 'double') {
          if (views[s.at] === null || s.at === s.to) continue;
          syncFile();
          const doubles = s.do === 'double';
          expect(space.remap(addr(s.at), doubles ? 0 : P, P, 3, addr(s.to))).toBe(addr(s.to));
          views[s.to] = views[s.at] as View;
          if (!doubles) views[s.at] = null;
        } else if (s.do === 'fork') {
          if (other !== null) continue;
          const child = createAddressSpace();
          child.copyFrom(space);
          other = { space: child, views: [...views] };
        } else if (other !== null) {
          space.publish();
          [space, views, other] = [other.space, other.views, { space, views }];
        }
      }
      for (let i = 0; i < 2; i++) {
        for (let at = 0; at < PLACES * P; at += P / 2) check(at, P / 2);
        if (other === null) break;
        space.publish();
        [space, views, other] = [other.space, other.views, { space, views }];
      }
      for (const each of [space, other?.space]) each?.release();
      expect(file.bytes).toEqual(content);
      expect(file.refs).toBe(0);
    }),
    { numRuns: 25, seed: 1, endOnFailure: true },
  );
}, 60_000);

test('what was stored last reaches the file and other processes, whichever place stored it', () => {
  const space = createAddressSpace();
  const file = new MemoryFile(new Uint8Array(P));
  for (const at of [BASE, BASE + P])
    space.map({ addr: at, length: P, prot: RW, fixed: true, shared: true, source: file });
  const child = createAddressSpace();
  child.copyFrom(space);
  for (const [at, byte] of [[BASE, 1], [BASE + P, 2], [BASE, 3]] as const) store(space, at, Uint8Array.of(byte)); // biome-ignore format: one line
  space.publish();
  expect([child.resolveFault(BASE + P, 1, 1), child.u8[BASE + P]]).toEqual([0, 3]);
  space.syncFile(1, 1);
  expect(file.bytes[0]).toBe(3);
});
