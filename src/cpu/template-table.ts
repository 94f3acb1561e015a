import { builtTemplates, type TemplateSource } from './built-templates.ts';
import { CHUNK_SHIFT, FILE, PRESENT } from './composer-layout.ts';
import { Head, isWhole, LONGEST_TEMPLATE, MAGIC } from './template-file.ts';

const WASM_PAGE = 0x1_0000;
const memoryFor = (bytes: number): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: Math.ceil((FILE + bytes) / WASM_PAGE) });

/** By name of the front end: processes share them. */
const shared: Map<string, TemplateTable | null> = new Map();

/** Pieces that are read one by one; then all of the rest is. */
const MOST_PIECES = 256;
const WORD = 4;

/**
 * Templates of a guest in a memory of their own, where WebAssembly searches them. A run that lacks a few blocks wants a few
 * of them: of the build's file its index is read, and then what is wanted.
 */
export class TemplateTable {
  readonly memory: WebAssembly.Memory;
  private readonly file: Int32Array;
  private readonly present: Uint8Array;
  /** Where what is not in memory yet is; null: all is. */
  private source: TemplateSource | null;
  private readonly mostPieces: number;
  private pieces = 0;

  private constructor(memory: WebAssembly.Memory, size: number, source: TemplateSource | null, mostPieces = 0) {
    this.mostPieces = mostPieces;
    this.memory = memory;
    this.file = new Int32Array(memory.buffer, FILE, size / WORD);
    this.present = new Uint8Array(memory.buffer, PRESENT, Math.ceil(this.file.length / (1 << CHUNK_SHIFT)));
    this.source = source;
  }

  /** A table of what was learned. */
  static from(file: Int32Array): TemplateTable {
    const table = new TemplateTable(memoryFor(file.byteLength), file.byteLength, null);
    table.file.set(file);
    table.present.fill(1);
    return table;
  }

  /** Null: the build has none for this front end. */
  static of(name: string): TemplateTable | null {
    let table = shared.get(name);
    if (table === undefined) {
      const source = builtTemplates(name);
      table = source && TemplateTable.open(source);
      shared.set(name, table);
    }
    return table;
  }

  /** A table of a file; null: it is none of this version. */
  static open(source: TemplateSource, mostPieces = MOST_PIECES): TemplateTable | null {
    const size = source.size - (source.size % WORD);
    if (size > (FILE - PRESENT) * (WORD << CHUNK_SHIFT)) throw new Error('templates: more than can be told apart');
    const table = new TemplateTable(memoryFor(size), size, source, mostPieces);
    const { file } = table;
    table.read(0, Math.min(Head.SIZE, file.length));
    if (!isWhole(file)) {
      source.close();
      return null;
    }
    // those of bytes are short, and searched otherwise
    if (file[Head.MAGIC] !== MAGIC) table.readAll(0, file.length);
    else {
      table.read(Head.SIZE, file[Head.TEMPLATES] as number);
      table.read(file[Head.BEHIND] as number, file.length);
    }
    return table;
  }

  /** The file. */
  get words(): Int32Array {
    if (this.source !== null) this.readAll(this.file[Head.TEMPLATES] as number, this.file[Head.BEHIND] as number);
    return this.file;
  }

  /** The template at a word's index is about to be used. */
  want(index: number): void {
    const { present, file } = this;
    const chunk = index >>> CHUNK_SHIFT;
    if (this.source === null || present[chunk] !== 0) return;
    if (++this.pieces > this.mostPieces) {
      this.readAll(file[Head.TEMPLATES] as number, file[Head.BEHIND] as number);
      return;
    }
    const end = ((chunk + 1) << CHUNK_SHIFT) + LONGEST_TEMPLATE;
    this.read(chunk << CHUNK_SHIFT, Math.min(end, file.length));
    present[chunk] = 1;
  }

  private read(from: number, end: number): void {
    const { buffer } = this.memory;
    this.source?.read(WORD * from, new Uint8Array(buffer, FILE + WORD * from, WORD * (end - from)));
  }

  private readAll(from: number, end: number): void {
    this.read(from, end);
    this.present.fill(1);
    this.source?.close();
    this.source = null;
  }
}
