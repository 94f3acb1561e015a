import { BYTECODE, CONST_POOL, PAGE_SIZE } from './memory/layout.ts';

/** A guest basic block translated for the cold tier. */
export interface CachedBlock {
  readonly pc: number;
  readonly end: number;
  /** Wasm offset of its first record; the header {count, pc, flags kind, –} lies 16 bytes before. */
  readonly record: number;
  readonly readsFlags: boolean;
}

/** Generations that are looked through; a younger one copies what it inherits. */
const MAX_DEPTH = 3;

/**
 * What a code cache knows of its blocks. A process made by fork inherits what its parent had translated: the
 * records were copied, and the parent's tables are looked up as they were then, which their record numbers tell
 * (records are only added). Sets that are merely hints may have grown since.
 */
export class Translations {
  readonly blocks: Map<number, CachedBlock> = new Map();
  /** Records of the blocks that were translated for a flags kind, by pc. */
  readonly versions: Map<number, number[]> = new Map();
  readonly constants: Map<string, number>;
  readonly functions: Set<number> = new Set();
  /** Where calls return to. */
  readonly returnSites: Set<number> = new Set();
  private readonly targets: Map<number, Set<number>> = new Map();
  /** Guest pages that hold translated code. */
  readonly pages: Set<number> = new Set();
  /** Which of their bytes are code, a bit each, where that is asked for. */
  private readonly codeBits: Map<number, Uint8Array> = new Map();
  /** Wasm offsets where the next record and the next constant go. */
  next: number;
  nextConstant: number;
  private readonly parent: Translations | null;
  private readonly parentNext: number = 0;
  private readonly parentConstants: number = 0;
  private readonly depth: number;

  /** `before`: the tables before a flush; constants stay where they are. */
  constructor(parent: Translations | null, before?: Translations) {
    this.constants = before === undefined ? new Map() : before.allConstants();
    this.next = parent?.next ?? BYTECODE;
    this.nextConstant = parent?.nextConstant ?? before?.nextConstant ?? CONST_POOL;
    this.depth = parent === null ? 0 : parent.depth + 1;
    this.parent = parent;
    if (parent === null) return;
    this.parentNext = parent.next;
    this.parentConstants = parent.nextConstant;
    if (this.depth <= MAX_DEPTH) return;
    this.depth = 0;
    this.parent = null;
    let records = this.parentNext;
    let constants = this.parentConstants;
    for (let p: Translations | null = parent; p !== null; p = p.parent) {
      this.merge(p, records, constants);
      records = p.parentNext;
      constants = p.parentConstants;
    }
  }

  /** Take over what `from` had when its records and constants ended where given. */
  private merge(from: Translations, records: number, constants: number): void {
    for (const [key, block] of from.blocks) {
      if (block.record < records && !this.blocks.has(key)) this.blocks.set(key, block);
    }
    for (const [pc, list] of from.versions) {
      for (const record of list) if (record < records) this.addVersion(pc, record);
    }
    for (const [key, at] of from.constants) if (at < constants) this.constants.set(key, at);
    for (const pc of from.functions) this.functions.add(pc);
    for (const pc of from.returnSites) this.returnSites.add(pc);
    for (const [site, pcs] of from.targets) for (const pc of pcs) this.addTarget(site, pc);
    for (const page of from.pages) this.pages.add(page);
    for (const [page, bits] of from.codeBits) {
      const own = this.bitsOf(page);
      for (const [i, byte] of bits.entries()) own[i] = (own[i] as number) | byte;
    }
  }

  private allConstants(): Map<string, number> {
    if (this.parent === null) return this.constants;
    const all = this.parent.allConstants();
    const known = [...all].filter(([, at]) => at < this.parentConstants);
    return new Map([...known, ...this.constants]);
  }

  find(key: number): CachedBlock | undefined {
    const own = this.blocks.get(key);
    if (own !== undefined || this.parent === null) return own;
    const inherited = this.parent.find(key);
    return inherited !== undefined && inherited.record < this.parentNext ? inherited : undefined;
  }

  constant(key: string): number | undefined {
    const own = this.constants.get(key);
    if (own !== undefined || this.parent === null) return own;
    const inherited = this.parent.constant(key);
    return inherited !== undefined && inherited < this.parentConstants ? inherited : undefined;
  }

  addVersion(pc: number, record: number): void {
    const known = this.versions.get(pc);
    if (known) known.push(record);
    else this.versions.set(pc, [record]);
  }

  versionsOf(pc: number): number[] {
    const own = this.versions.get(pc) ?? [];
    if (this.parent === null) return [...own];
    return [...own, ...this.parent.versionsOf(pc).filter((record) => record < this.parentNext)];
  }

  isFunction(pc: number): boolean {
    return this.functions.has(pc) || (this.parent?.isFunction(pc) ?? false);
  }

  isReturnSite(pc: number): boolean {
    return this.returnSites.has(pc) || (this.parent?.isReturnSite(pc) ?? false);
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

  /** Bytes from `start` on, below `end`, of a page are code. */
  noteBytes(page: number, start: number, end: number): void {
    const bits = this.bitsOf(page);
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

  /** Whether translated code lies in the pages from `first` up to `last`. */
  holdsPage(first: number, last: number): boolean {
    if (this.parent?.holdsPage(first, last)) return true;
    if (last - first > this.pages.size) return [...this.pages].some((page) => page >= first && page < last);
    for (let page = first; page < last; page++) if (this.pages.has(page)) return true;
    return false;
  }
}
