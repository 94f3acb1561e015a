import { PAGE_SHIFT } from './memory/layout.ts';

/** Something made of guest code: (start, end) …, see StoredRegion.ranges. */
interface Ranged {
  readonly stored: { readonly ranges: Uint32Array };
}

/** Regions by the pages of guest code that they were made from. */
export class RegionIndex<R extends Ranged> {
  private readonly byPage = new Map<number, Set<R>>();

  add(region: R): void {
    for (const page of pagesOf(region)) {
      const known = this.byPage.get(page);
      if (known === undefined) this.byPage.set(page, new Set([region]));
      else known.add(region);
    }
  }

  delete(region: R): void {
    for (const page of pagesOf(region)) {
      const known = this.byPage.get(page);
      known?.delete(region);
      if (known?.size === 0) this.byPage.delete(page);
    }
  }

  /** Those with code in [start, end). */
  *within(start: number, end: number): Generator<R> {
    for (const regions of this.setsIn(start >>> PAGE_SHIFT, Math.ceil(end / (1 << PAGE_SHIFT)))) {
      for (const region of regions) if (overlaps(region.stored.ranges, start, end)) yield region;
    }
  }

  private *setsIn(first: number, last: number): Generator<Set<R>> {
    if (last - first > this.byPage.size) {
      for (const [page, regions] of this.byPage) if (page >= first && page < last) yield regions;
      return;
    }
    for (let page = first; page < last; page++) {
      const regions = this.byPage.get(page);
      if (regions !== undefined) yield regions;
    }
  }

  clear(): void {
    this.byPage.clear();
  }
}

function* pagesOf({ stored: { ranges } }: Ranged): Generator<number> {
  for (let i = 0; i < ranges.length; i += 2) {
    for (
      let page = (ranges[i] as number) >>> PAGE_SHIFT;
      page <= ((ranges[i + 1] as number) - 1) >>> PAGE_SHIFT;
      page++
    )
      yield page;
  }
}

const overlaps = (ranges: Uint32Array, start: number, end: number): boolean => {
  for (let i = 0; i < ranges.length; i += 2) {
    if ((ranges[i] as number) < end && (ranges[i + 1] as number) > start) return true;
  }
  return false;
};
