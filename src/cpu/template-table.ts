import { builtTemplates } from './built-templates.ts';
import { FILE } from './composer-layout.ts';
import { Head, isWhole, type KeptTemplate, SLOT, templateWords } from './template-file.ts';

const WASM_PAGE = 0x1_0000;
/** Part of the slots that may be taken. */
const FULL = 0.8;

const memoryFor = (bytes: number): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: Math.ceil((FILE + bytes) / WASM_PAGE) });

/** By name of the front end: processes share them. */
const shared: Map<string, TemplateTable | null> = new Map();

/** Templates of a guest in a memory of their own, where WebAssembly searches them too: those of the build, and what is learned. */
export class TemplateTable {
  readonly memory: WebAssembly.Memory;
  /** The file, grown by what was added. */
  words: Int32Array;
  private room = 0;

  /** `file`: in the memory at FILE. */
  constructor(memory: WebAssembly.Memory, file: Int32Array) {
    this.memory = memory;
    this.words = file;
  }

  /** A table of what was learned. */
  static from(file: Int32Array): TemplateTable {
    const memory = memoryFor(file.byteLength);
    const words = new Int32Array(memory.buffer, FILE, file.length);
    words.set(file);
    return new TemplateTable(memory, words);
  }

  /** Null: the build has none for this front end. */
  static of(name: string): TemplateTable | null {
    let table = shared.get(name);
    if (table === undefined) {
      let memory: WebAssembly.Memory | null = null;
      const file = builtTemplates(name, (size) => {
        memory = memoryFor(size);
        return new Uint8Array(memory.buffer, FILE, size);
      });
      table = memory !== null && file !== null && isWhole(file) ? new TemplateTable(memory, file) : null;
      shared.set(name, table);
    }
    return table;
  }

  /** Add what was learned, as long as there is room. */
  add(kept: KeptTemplate): void {
    if (this.room === 0) this.room = this.countFree();
    if (--this.room <= 0) {
      this.room = -1;
      return;
    }
    const { length } = this.words;
    const added = templateWords(this.words, length, kept);
    const bytes = FILE + 4 * (length + added.length);
    if (bytes > this.memory.buffer.byteLength) {
      this.memory.grow(Math.ceil((bytes - this.memory.buffer.byteLength) / WASM_PAGE));
    }
    this.words = new Int32Array(this.memory.buffer, FILE, length + added.length);
    this.words.set(added, length);
  }

  /** How many slots may still be taken. */
  private countFree(): number {
    const { words } = this;
    const slots = words[Head.SLOTS] as number;
    let used = 0;
    for (let n = 0; n < slots; n++) if (words[Head.SIZE + SLOT * n + 2] !== 0) used++;
    return Math.floor(FULL * slots) - used;
  }
}
