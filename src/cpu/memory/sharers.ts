import { GUEST_BASE, PAGE_SIZE } from './layout.ts';
import type { MappedPages } from './mapped-pages.ts';
import { PROT_WRITE } from './types.ts';
import type { Vma } from './vma.ts';

/** What a shared mapping shows: a file, or anonymous memory that fork's copies have in common. */
export const objectOf = (vma: Vma): string | null => {
  if (!vma.shared) return null;
  return vma.source === null ? `anonymous ${vma.share}` : `${vma.source.dev}:${vma.source.ino}`;
};

/** Address spaces by the objects they map shared. */
const spacesOf = new Map<string, Set<MappedPages>>();

/**
 * Shared pages of one address space. Memories cannot alias, so every process has a copy of a shared page. Only
 * one process runs at a time: what it stored is copied to the others when its turn is over, which nobody can
 * tell from memory that is one. Stores are noticed by the page byte SHARED, once a turn and page, and only while
 * another process maps the object too.
 */
export class Sharers {
  private readonly pages: MappedPages;
  /** Pages stored to since the others were told. */
  private readonly fresh: Set<number> = new Set();

  constructor(pages: MappedPages) {
    this.pages = pages;
  }

  /** A shared mapping came into being. */
  join(vma: Vma): void {
    const object = objectOf(vma);
    if (object === null) return;
    let spaces = spacesOf.get(object);
    if (spaces === undefined) {
      spaces = new Set();
      spacesOf.set(object, spaces);
    }
    if (spaces.has(this.pages)) return;
    spaces.add(this.pages);
    if (spaces.size !== 2) return;
    // So far the other one was alone, and its stores went unnoticed.
    for (const other of spaces) if (other !== this.pages) other.shared.notice(object);
  }

  /** Shared mappings went away. */
  leave(vmas: readonly Vma[]): void {
    for (const vma of vmas) {
      const object = objectOf(vma);
      if (object === null || this.pages.vmas.items.some((v) => objectOf(v) === object)) continue;
      const spaces = spacesOf.get(object);
      spaces?.delete(this.pages);
      if (spaces?.size === 0) spacesOf.delete(object);
    }
  }

  /** Whether another process maps the same object. */
  hasOthers(vma: Vma): boolean {
    const object = objectOf(vma);
    return object !== null && (spacesOf.get(object)?.size ?? 0) > 1;
  }

  /** Whether stores of another process may show here, or ours there: shared mappings that somebody may write. */
  sharesStores(): boolean {
    const writes = (object: string): boolean =>
      [...(spacesOf.get(object) ?? [])].some(({ vmas }) =>
        vmas.items.some((v) => (v.prot & PROT_WRITE) !== 0 && objectOf(v) === object),
      );
    return this.pages.vmas.items.some((v) => v.shared && this.hasOthers(v) && writes(objectOf(v) as string));
  }

  /** A store to a page that others have is about to happen. */
  touch(page: number): void {
    this.fresh.add(page);
  }

  /** Another place of the page has what is to be told. */
  forget(page: number): void {
    this.fresh.delete(page);
  }

  isFresh(page: number): boolean {
    return this.fresh.has(page);
  }

  private notice(object: string): void {
    for (const vma of this.pages.vmas.items) if (objectOf(vma) === object) this.pages.renew(vma);
  }

  /** Copy what was stored to the others: the process's turn is over, or the mapping goes. */
  publish(): void {
    this.pages.aliases.mend();
    if (this.fresh.size === 0) return;
    const pages = [...this.fresh];
    this.fresh.clear();
    for (const page of pages) {
      const at = page * PAGE_SIZE;
      const vma = this.pages.vmas.find(at);
      const object = vma === undefined ? null : objectOf(vma);
      if (vma === undefined || object === null) continue;
      const offset = vma.offset + at - vma.start;
      for (const other of spacesOf.get(object) ?? []) {
        for (const theirs of other === this.pages ? [] : other.vmas.items) {
          const to = theirs.start + offset - theirs.offset;
          if (objectOf(theirs) !== object || to < theirs.start || to >= Math.min(theirs.end, theirs.eof)) continue;
          other.copierOf(this.pages).copy(GUEST_BASE + to, GUEST_BASE + at, PAGE_SIZE);
          other.bytes.markUsed(to, to + PAGE_SIZE);
        }
      }
    }
    for (const page of pages) {
      const vma = this.pages.vmas.find(page * PAGE_SIZE);
      if (vma !== undefined) this.pages.renew(vma, page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    }
  }
}
