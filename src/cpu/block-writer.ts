import type { RecordSink } from './backend/interpreter/slots.ts';
import { HEADER } from './memory/code-layout.ts';
import { fuseRecords } from './translation.ts';
import { Words } from './words.ts';

const RECORD = 16;

/** Collects the records of one block, header's place included; offsets of records are those behind its beginning. */
export class BlockWriter implements RecordSink {
  private readonly words = new Words();
  /** (record, record) … */
  private internals: number[] = [];
  private constants: { readonly record: number; readonly bytes: readonly number[] }[] = [];
  /** (record, pc, kind) …: jumps out of the block. */
  links: number[] = [];

  clear(): void {
    this.words.length = 0;
    this.words.extend(HEADER / 4);
    this.internals = [];
    this.constants = [];
    this.links = [];
  }

  /** Bytes of header, records and constants. */
  get size(): number {
    return 4 * this.words.length + this.constants.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  put(op: number, d: number, a: number, b: number, imm: number, pc: number): number {
    const w = this.words.extend(RECORD / 4);
    const { buf } = this.words;
    buf[w] = op | (d << 16);
    buf[w + 1] = a | (b << 16);
    buf[w + 2] = imm;
    buf[w + 3] = pc;
    return 4 * w;
  }

  internal(record: number, target: number): void {
    this.internals.push(record, target);
  }

  constant(bytes: readonly number[]): number {
    this.constants.push({ record: 4 * this.words.length, bytes });
    return 0;
  }

  link(record: number, pc: number, kind: number): void {
    this.links.push(record, pc, kind);
  }

  /** Put header's place, records and constants at a wasm offset. */
  place(memory: Uint32Array, at: number): void {
    fuseRecords(this.words.view, HEADER / 4);
    memory.set(this.words.view, at >>> 2);
    for (let i = 0; i < this.internals.length; i += 2) {
      memory[(at + (this.internals[i] as number)) / 4 + 2] = at + (this.internals[i + 1] as number);
    }
    let next = at + 4 * this.words.length;
    for (const { record, bytes } of this.constants) {
      memory[(at + record) / 4 + 2] = next;
      new Uint8Array(memory.buffer, next, bytes.length).set(bytes);
      next += bytes.length;
    }
  }
}
