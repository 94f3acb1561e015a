import { Look, TOLD, Told } from './composer-layout.ts';
import { PAGE_SHIFT } from './memory/layout.ts';
import type { TemplateTable } from './template-table.ts';

/** What the module asks of the code cache. */
export interface ComposerCalls {
  /** A block was made where a region begins. */
  made(pc: number, record: number): void;
  /** Flags live across a call or a return. */
  crosses(): void;
  /** It is too long a way to see whether code at a pc reads flags. */
  lookAhead(pc: number): void;
  /** Have the page of a pc in memory; whether it can be executed. */
  fetch(pc: number): boolean;
  /** Code from `pc` up to `end` was translated: of guests whose programs may store to it and say nothing. */
  note(pc: number, end: number): void;
}

/** The composer in WebAssembly, for the code of one process: see composer-module.ts. */
export class WasmComposer {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly module: WebAssembly.Module;
  /** Record of a new block at a pc for a flags kind, its code being readable up to `limit`, in an arena; 0: none. */
  readonly make: (pc: number, kind: number, limit: number, arena: number) => number;
  /** Record of the block that a stub leads to, or 0. */
  readonly follow: (stub: number) => number;
  private readonly look: (pc: number) => number;
  private readonly words: Int32Array;

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, table: TemplateTable, calls: ComposerCalls) {
    this.module = module;
    const imports = {
      m: memory,
      m1: table.memory,
      made: (pc: number, record: number) => calls.made(pc >>> 0, record),
      crosses: () => calls.crosses(),
      lookAhead: (pc: number) => this.lookAgain(pc >>> 0, calls),
      want: (index: number) => table.want(index),
      note: (pc: number, end: number) => calls.note(pc >>> 0, end >>> 0),
    };
    this.exports = new WebAssembly.Instance(module, { e: imports }).exports;
    this.make = this.exports.make as typeof this.make;
    this.follow = this.exports.follow as typeof this.follow;
    this.look = this.exports.look as typeof this.look;
    this.words = new Int32Array(table.memory.buffer);
  }

  /** Look once more for flags that code at `pc` reads: mostly there was a page that nobody has read yet. */
  private lookAgain(pc: number, calls: ComposerCalls): void {
    let tried = -1;
    for (;;) {
      const missing = (this.words[TOLD / 4 + Told.NO_PAGE] as number) >>> 0;
      const page = missing >>> PAGE_SHIFT;
      if (missing === 0 || page === tried || !calls.fetch(missing)) return calls.lookAhead(pc);
      tried = page;
      const seen = this.look(pc);
      if (seen === Look.READS) calls.crosses();
      if (seen !== Look.ASK) return;
    }
  }

  /** Whether `make` failed for want of room alone. */
  get wantsRoom(): boolean {
    return this.words[TOLD / 4 + Told.ROOM] !== 0;
  }
}
