import { expect, test } from 'vitest';
import { StoredModule, StoredRegion } from '../../src/cpu/region-store.ts';
import { RegionsByPc } from '../../src/cpu/regions-by-pc.ts';

const module = new StoredModule(0, 0, () => null);
const regionAt = (pc: number, id: number, ...entries: number[]): StoredRegion =>
  new StoredRegion(
    { module, index: 0 },
    { id, pc, slot: id, run: 0, policy: 0, size: 4, entries: Uint32Array.from(entries) },
  );

/** Regions of a file at places 100, 101 …, and which of them were made. */
const kept = (...regions: StoredRegion[]): { byPc: RegionsByPc; made: number[] } => {
  const before = new RegionsByPc();
  for (const region of regions) before.add(region);
  const pcs = before.within(0, 2 ** 32);
  const places = Uint32Array.from(pcs, (pc) => 100 + regions.indexOf(before.get(pc) as StoredRegion));
  const byPc = new RegionsByPc();
  const made: number[] = [];
  byPc.use({
    count: regions.length,
    pcs,
    places,
    at: (place) => {
      made.push(place);
      return regions[place - 100] as StoredRegion;
    },
    isReady: (place) => place !== 100,
  });
  return { byPc, made };
};

test('kept regions are made when they are asked for, once', () => {
  const [a, b, c] = [regionAt(16, 0), regionAt(32, 1, 48, 64), regionAt(80, 2)];
  const { byPc, made } = kept(a, b, c);
  expect(byPc.count).toBe(3);
  expect([...byPc.within(16, 80)]).toEqual([16, 32, 48, 64]);
  expect([...byPc.readyWithin(16, 80)]).toEqual([32, 48, 64]);
  expect([byPc.get(20), byPc.rootedAt(20), made.length]).toEqual([undefined, undefined, 0]);
  expect([byPc.get(64), byPc.get(32), byPc.get(48), byPc.rootedAt(32)]).toEqual([b, b, b, b]);
  expect(byPc.rootedAt(48)).toBeUndefined();
  expect(byPc.byNumber(1)).toBe(b);
  expect(made).toEqual([101]);
  expect(new Set(byPc.all())).toEqual(new Set([a, b, c]));
  expect(made).toHaveLength(3);
  expect(byPc.count).toBe(3);
  expect([...byPc.readyWithin(16, 80)]).toEqual([]);
});

test('of an entry of several regions the last one has it, or the one rooted there', () => {
  const [a, b, c] = [regionAt(16, 0, 40, 48), regionAt(32, 1, 48), regionAt(40, 2)];
  for (const first of [16, 32, 40, 48]) {
    const { byPc } = kept(a, b, c);
    byPc.get(first);
    expect([40, 48].map((pc) => byPc.get(pc))).toEqual([c, b]);
  }
});

test('a region replaces a kept one, and all of its entries', () => {
  const [a, b] = [regionAt(16, 0, 24, 28), regionAt(32, 1)];
  const { byPc } = kept(a, b);
  const other = regionAt(16, 2, 28);
  byPc.add(other);
  expect([16, 24, 28, 32].map((pc) => byPc.get(pc))).toEqual([other, undefined, other, b]);
  expect([...byPc.within(0, 100)]).toEqual([16, 28, 32]);
  expect(byPc.count).toBe(2);
  byPc.remove(b);
  expect(byPc.get(32)).toBeUndefined();
  byPc.clear();
  expect([byPc.count, byPc.get(16), byPc.byNumber(2)]).toEqual([0, undefined, other]);
});
