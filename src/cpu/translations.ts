import { PAGE_SIZE } from './memory/layout.ts';

/** Generations that are looked through; a younger one copies what it inherits. */
const MAX_DEPTH = 3;

/** The bits of a page of which all bytes are code, as of one whose translations were kept: one for all, never written to. */
const ALL: Uint8Array = new Uint8Array(PAGE_SIZE / 8).fill(0xff);

/**
 * What a code cache knows of guest code besides its blocks: where jumps went, and which pages and bytes were translated.
 * A process made by fork looks into its parent's tables too, which may have grown since: they are hints, or say too
 * much on the safe side.
 */
export class Translations {
  private readonly targets: Map<number, Set<number>> = new Map();
  /** Guest pages that hold translated code. */
  readonly pages: Set<number> = new Set();
  /** Pcs of `CodeCache.arrive`. */
  readonly arrivals: Set<number> = new Set();
  /** Which of their bytes are code, a bit each, where that is asked for. */
  private readonly codeBits: Map<number, Uint8Array> = new Map();
  private readonly parent: Translations | null;
  private readonly depth: number;
  /** Another one looks into this one. */
  private inherited = false;

  constructor(parent: Translations | null) {
    const copy = parent !== null && parent.depth === MAX_DEPTH;
    this.depth = parent === null || copy ? 0 : parent.depth + 1;
    this.parent = copy ? null : parent;
    if (this.parent !== null) this.parent.inherited = true;
    for (let p = copy ? parent : null; p !== null; p = p.parent) this.merge(p);
  }

  /** Take over what `from` has. */
  private merge(from: Translations): void {
    for (const [site, pcs] of from.targets) for (const pc of pcs) this.addTarget(site, pc);
    for (const page of from.pages) this.pages.add(page);
    for (const pc of from.arrivals) this.arrivals.add(pc);
    for (const [page, bits] of from.codeBits) {
      const own = this.bitsOf(page);
      if (bits === ALL || own === ALL) this.codeBits.set(page, ALL);
      else for (const [i, byte] of bits.entries()) own[i] = (own[i] as number) | byte;
    }
  }

  addTarget(site: number, pc: number): void {
    const known = this.targets.get(site);
    if (known) known.add(pc);
    else this.targets.set(site, new Set([pc]));
  }

  targetsOf(site: number): number[] {
    const own = this.targets.get(site) ?? new Set();
    return this.parent === null ? [...own] : [...new Set([...own, ...this.parent.targetsOf(site)])];
  }

  private bitsOf(page: number): Uint8Array {
    let bits = this.codeBits.get(page);
    if (!bits) this.codeBits.set(page, (bits = new Uint8Array(PAGE_SIZE / 8)));
    return bits;
  }

  /** The same without the code of pages from `first` up to `last`: another one where children look into this one. */
  without(first: number, last: number): Translations {
    if (!this.holdsPage(first, last)) return this;
    if (this.inherited || this.parent?.holdsPage(first, last)) {
      const copy = new Translations(null);
      for (let from: Translations | null = this; from !== null; from = from.parent) copy.merge(from);
      return copy.without(first, last);
    }
    for (let page = first; page < last; page++) {
      this.pages.delete(page);
      this.codeBits.delete(page);
    }
    return this;
  }

  /** Bytes from `start` on, below `end`, of a page are code. */
  noteBytes(page: number, start: number, end: number): void {
    if (start === 0 && end === PAGE_SIZE) this.codeBits.set(page, ALL);
    const bits = this.bitsOf(page);
    if (bits === ALL) return;
    for (let i = start; i < end; i++) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }

  /** Whether some of these bytes of a page are code. */
  holdsBytes(page: number, start: number, end: number): boolean {
    const bits = this.codeBits.get(page);
    for (let i = start; bits && i < end; i++) if (((bits[i >> 3] as number) >> (i & 7)) & 1) return true;
    return this.parent?.holdsBytes(page, start, end) ?? false;
  }

  wentTo(site: number, pc: number): boolean {
    return (this.targets.get(site)?.has(pc) ?? false) || (this.parent?.wentTo(site, pc) ?? false);
  }

  isArrival(pc: number): boolean {
    return this.arrivals.has(pc) || (this.parent?.isArrival(pc) ?? false);
  }

  /** Whether translated code lies in the pages from `first` up to `last`. */
  holdsPage(first: number, last: number): boolean {
    if (this.parent?.holdsPage(first, last)) return true;
    if (last - first > this.pages.size) return [...this.pages].some((page) => page >= first && page < last);
    for (let page = first; page < last; page++) if (this.pages.has(page)) return true;
    return false;
  }
}
