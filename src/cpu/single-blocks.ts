import { PAGE_SHIFT } from './memory/layout.ts';

/**
 * Blocks that nothing is linked with: of one instruction for a context, and copies that never enter a region. Records by pc
 * and context.
 */
export class SingleBlocks {
  private readonly records = new Map<number, number>();
  /** Keys by guest page. */
  private readonly byPage = new Map<number, number[]>();

  get(pc: number, context: number): number | undefined {
    return this.records.get(keyOf(pc, context));
  }

  add(pc: number, context: number, record: number): void {
    const key = keyOf(pc, context);
    const page = pc >>> PAGE_SHIFT;
    const keys = this.byPage.get(page);
    if (keys === undefined) this.byPage.set(page, [key]);
    else keys.push(key);
    this.records.set(key, record);
  }

  /** Forget those that begin in [start, end) and of which `isGone` says so; whether there is one. */
  forget(start: number, end: number, isGone: (record: number) => boolean): boolean {
    let any = false;
    for (const page of this.pagesIn(start >>> PAGE_SHIFT, Math.ceil(end / (1 << PAGE_SHIFT)))) {
      const left = (this.byPage.get(page) as number[]).filter((key) => !isGone(this.records.get(key) as number));
      for (const key of this.byPage.get(page) as number[]) if (!left.includes(key)) this.records.delete(key);
      any ||= left.length < (this.byPage.get(page) as number[]).length;
      if (left.length > 0) this.byPage.set(page, left);
      else this.byPage.delete(page);
    }
    return any;
  }

  private pagesIn(first: number, last: number): number[] {
    if (last - first > this.byPage.size) return [...this.byPage.keys()].filter((page) => page >= first && page < last);
    const pages: number[] = [];
    for (let page = first; page < last; page++) if (this.byPage.has(page)) pages.push(page);
    return pages;
  }

  clear(): void {
    this.records.clear();
    this.byPage.clear();
  }
}

/** Pcs are below 2^32, contexts below 512. */
const keyOf = (pc: number, context: number): number => context * 0x1_0000_0000 + pc;
