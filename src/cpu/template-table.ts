import { builtTemplates } from './built-templates.ts';
import { FILE } from './composer-layout.ts';
import { isWhole } from './template-file.ts';

const WASM_PAGE = 0x1_0000;
const memoryFor = (bytes: number): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: Math.ceil((FILE + bytes) / WASM_PAGE) });

/** By name of the front end: processes share them. */
const shared: Map<string, TemplateTable | null> = new Map();

/** Templates of a guest in a memory of their own, where WebAssembly searches them. */
export class TemplateTable {
  readonly memory: WebAssembly.Memory;
  /** The file. */
  readonly words: Int32Array;

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
}
