import { GUEST_BASE, PAGE_SIZE } from './layout.ts';
import type { MappedPages } from './mapped-pages.ts';
import { objectOf } from './sharers.ts';
import type { Vma } from './vma.ts';

/** Bytes that one access covers; each access has its own object. */
export interface Range {
  readonly from: number;
  readonly end: number;
}

const within = (pages: ReadonlySet<number>, { start, end }: Pick<Vma, 'start' | 'end'>): number[] =>
  [...pages].filter((page) => page * PAGE_SIZE >= start && page * PAGE_SIZE < end);

const pageOf = (address: number): number => Math.floor(address / PAGE_SIZE);

/** A store to several places of one page at once. */
interface Torn {
  readonly range: Range;
  /** The place that will have all of it. */
  readonly page: number;
  readonly vma: Vma;
  /** All the places, the lowest first. */
  readonly pages: readonly number[];
  /** What all of them held before. */
  readonly before: Uint8Array;
}

/**
 * Pages that one address space shows at more than one place: shared mappings of the same part of an object. A memory cannot
 * alias, so each place has a copy, and copies are kept as caches keep a line: where one place may be stored to, the
 * others cannot be accessed; where none may, all that are not stale can be read. What has to wait for a copy meets the
 * page byte SHARED. Threads on worker threads are halted whenever a place loses an access (onPlainLoss).
 */
export class Aliases {
  private readonly pages: MappedPages;
  /** Objects of which some part is mapped twice. */
  private readonly objects: Set<string> = new Set();
  /** Pages that lack what was stored at another place. */
  private readonly stale: Set<number> = new Set();
  /** Pages that may be stored to: all their other places are stale. */
  private readonly owned: Set<number> = new Set();
  private torn: Torn[] = [];

  constructor(pages: MappedPages) {
    this.pages = pages;
  }

  /** Whether the mapping's object is mapped twice somewhere. */
  has(vma: Vma): boolean {
    if (this.objects.size === 0) return false;
    const object = objectOf(vma);
    return object !== null && this.objects.has(object);
  }

  isStale(page: number): boolean {
    return this.stale.has(page);
  }

  isOwned(page: number): boolean {
    return this.owned.has(page);
  }

  /** A shared mapping is about to come, move or go: let every place of its object hold the same, and its file too. */
  level(vma: Vma): void {
    const object = objectOf(vma);
    if (object === null) return;
    this.mend();
    const twice = this.objects.has(object);
    for (const place of this.pages.vmas.items) {
      if (objectOf(place) !== object) continue;
      this.pages.files.writeBack(place, place.start, place.end);
      if (!twice) continue;
      for (const page of within(this.stale, place)) this.fetch(page, place);
    }
    for (const place of twice ? this.pages.vmas.items : []) {
      if (objectOf(place) !== object) continue;
      for (const page of within(this.owned, place)) this.owned.delete(page);
      this.pages.renew(place);
    }
  }

  /** The mappings of an object have changed: find out whether some part of it is mapped twice. */
  update(vma: Vma): void {
    const object = objectOf(vma);
    if (object === null) return;
    const places = this.pages.vmas.items.filter((place) => objectOf(place) === object);
    const parts = places.map((p) => ({ from: p.offset, to: p.offset + p.end - p.start }));
    parts.sort((a, b) => a.from - b.from);
    const twice = parts.some(({ from }, i) => i > 0 && from < (parts[i - 1] as (typeof parts)[0]).to);
    if (twice === this.objects.has(object)) return;
    if (twice) this.objects.add(object);
    else this.objects.delete(object);
    for (const place of places) this.pages.renew(place);
  }

  /** Pages of a mapping that goes, or that are read anew at all places. */
  forget(part: Pick<Vma, 'start' | 'end'>): void {
    for (const pages of [this.stale, this.owned]) for (const page of within(pages, part)) pages.delete(page);
  }

  /** Anonymous memory is mapped once more in [start, end): it holds what its other places do. */
  adopt(vma: Vma, start: number, end: number): void {
    if (vma.share === 0) return;
    for (let page = pageOf(start); page < pageOf(end); page++) {
      const other = this.places(page, vma).find(({ page }) => !this.stale.has(page));
      if (other !== undefined) this.copy(page, other.page);
    }
  }

  /**
   * An access comes to a page of `vma`. Returns whether stores may go on there without asking; else `range` is a store to two
   * places of the page, which is made one at the next access.
   */
  settle(page: number, vma: Vma, access: 1 | 2 | 4, range: Range): boolean {
    if (this.torn.some((torn) => torn.range === range && torn.pages.includes(page))) return false;
    this.mend();
    if (this.stale.has(page)) this.fetch(page, vma);
    if (access !== 2 || this.owned.has(page)) return true;
    const { files, shared, u8 } = this.pages;
    const first = pageOf(range.from);
    const last = pageOf(range.end - 1);
    const pages = [page];
    for (const other of this.places(page, vma)) {
      files.move(other.page * PAGE_SIZE, (other.page + 1) * PAGE_SIZE, (page - other.page) * PAGE_SIZE);
      shared.forget(other.page);
      if (other.page >= first && other.page <= last) {
        if (this.stale.has(other.page)) this.fetch(other.page, other.vma);
        pages.push(other.page);
      }
      this.lose(other.page, other.vma);
    }
    if (pages.length === 1) {
      this.owned.add(page);
      return true;
    }
    const before = u8.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    this.torn.push({ range, vma, page, pages: pages.sort((a, b) => a - b), before });
    this.pages.noteStore(page, vma);
    this.lose(page, vma);
    return false;
  }

  /** Join stores that were done at two places of a page at once; the highest place was stored to last. */
  mend(): void {
    if (this.torn.length === 0) return;
    const { u8 } = this.pages;
    const torn = this.torn;
    this.torn = [];
    for (const { vma, page, pages, before } of torn) {
      const joined = before.slice();
      for (const place of pages) {
        for (let i = 0; i < PAGE_SIZE; i++) {
          const byte = u8[place * PAGE_SIZE + i] as number;
          if (byte !== before[i]) joined[i] = byte;
        }
      }
      u8.set(joined, page * PAGE_SIZE);
      this.stale.delete(page);
      this.renewPage(page, vma);
    }
  }

  /** The other places of a page. */
  private places(page: number, vma: Vma): { readonly page: number; readonly vma: Vma }[] {
    const object = objectOf(vma);
    const offset = vma.offset + page * PAGE_SIZE - vma.start;
    return this.pages.vmas.items.flatMap((other) => {
      const at = other.start + offset - other.offset;
      const shows = at >= other.start && at < other.end && at !== page * PAGE_SIZE && objectOf(other) === object;
      return shows ? [{ page: pageOf(at), vma: other }] : [];
    });
  }

  /** Copy a page from a place that has it; nobody may store there until the next store is asked for. */
  private fetch(page: number, vma: Vma): void {
    const from = this.places(page, vma).find((other) => !this.stale.has(other.page));
    if (from === undefined) throw new Error('no place of a shared page is up to date');
    if (this.owned.delete(from.page)) this.renewPage(from.page, from.vma);
    this.copy(page, from.page);
    this.stale.delete(page);
    this.renewPage(page, vma);
  }

  private copy(page: number, from: number): void {
    this.pages.bulk.copy(GUEST_BASE + page * PAGE_SIZE, GUEST_BASE + from * PAGE_SIZE, PAGE_SIZE);
    this.pages.bytes.markUsed(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  }

  /** Somebody stores to the page at another place. */
  private lose(page: number, vma: Vma): void {
    this.owned.delete(page);
    this.stale.add(page);
    this.renewPage(page, vma);
    this.pages.onCodeStore(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  }

  private renewPage(page: number, vma: Vma): void {
    this.pages.renew(vma, page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  }
}
