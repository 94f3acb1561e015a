import type { BlockNotes } from './block-recorder.ts';
import type { Composed } from './composer.ts';
import { CONSTANTS, FILE, INTERNALS, LINKS, TOLD, Told } from './composer-layout.ts';
import type { TemplateTable } from './template-table.ts';

/** The composer in WebAssembly, for the code of one process: see composer-module.ts. */
export class WasmComposer {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly module: WebAssembly.Module;
  private readonly run: (pc: number, kind: number, limit: number, to: number) => number;
  private readonly table: TemplateTable;
  private words: Int32Array;
  private readonly guest: Uint32Array;
  /** Where a constant of 16 or 32 bytes lies. */
  private readonly constantAt: (bytes: readonly number[]) => number;

  constructor(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    table: TemplateTable,
    constantAt: (bytes: readonly number[]) => number,
  ) {
    this.guest = new Uint32Array(memory.buffer);
    this.constantAt = constantAt;
    this.module = module;
    this.exports = new WebAssembly.Instance(module, { e: { m: memory, m1: table.memory } }).exports;
    this.run = this.exports.compose as typeof this.run;
    this.table = table;
    this.words = new Int32Array(table.memory.buffer);
  }

  /** See Composer.compose; `to`: wasm offset of the first record. */
  compose(start: number, kind: number, limit: number, to: number, notes: BlockNotes): Composed | null {
    const end = this.run(start, kind, limit, to) >>> 0;
    if (end === 0) return null;
    // memory that grew has another buffer
    if (this.words.length === 0) this.words = new Int32Array(this.table.memory.buffer);
    const { words } = this;
    const told = TOLD / 4;
    const links = LINKS / 4;
    for (let i = 0; i < (words[told + Told.LINKS] as number) / 4; i += 3) {
      notes.links.push(
        to + 16 * (words[links + i] as number),
        (words[links + i + 1] as number) >>> 0,
        words[links + i + 2] as number,
      );
    }
    const internals = INTERNALS / 4;
    for (let i = 0; i < (words[told + Told.INTERNALS] as number) / 4; i++) {
      notes.internals.push(to + 16 * (words[internals + i] as number));
    }
    const constants = CONSTANTS / 4;
    for (let i = 0; i < (words[told + Told.CONSTANTS] as number) / 4; i += 2) {
      const at = FILE / 4 + (words[constants + i + 1] as number);
      const bytes = [...words.subarray(at + 1, at + 1 + (words[at] as number))];
      const record = to + 16 * (words[constants + i] as number);
      notes.constants.push(record, bytes);
      this.guest[(record >>> 2) + 2] = this.constantAt(bytes);
    }
    return {
      end,
      readsFlags: words[told + Told.READS_FLAGS] !== 0,
      callTarget: (words[told + Told.CALL_TARGET] as number) >>> 0,
      returnsTo: (words[told + Told.RETURNS_TO] as number) >>> 0,
      length: words[told + Told.LENGTH] as number,
    };
  }
}
