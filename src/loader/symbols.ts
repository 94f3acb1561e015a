import type { MapSource } from '../cpu/memory/types.ts';

const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const STT_FUNC = 2;
/** Tables are for messages only: what is larger is left out. */
const MAX_TABLE = 64 << 20;
const MAX_NAME = 200;

/** The functions of an ELF file, for messages; damaged tables give an empty one (elf(5), Elf64_Sym). */
export class SymbolTable {
  readonly #addresses: Float64Array;
  readonly #sizes: Float64Array;
  readonly #names: Uint32Array;
  readonly #strings: Uint8Array;

  private constructor(symbols: { address: number; size: number; name: number }[], strings: Uint8Array) {
    symbols.sort((a, b) => a.address - b.address);
    this.#addresses = Float64Array.from(symbols, (s) => s.address);
    this.#sizes = Float64Array.from(symbols, (s) => s.size);
    this.#names = Uint32Array.from(symbols, (s) => s.name);
    this.#strings = strings;
  }

  /** Read .symtab, or else .dynsym. */
  static read(file: MapSource, is64: boolean): SymbolTable {
    const head = chunk(file, 0, 64);
    if (head === null) return new SymbolTable([], new Uint8Array());
    const word = (view: DataView, at: number): number =>
      is64 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
    const sections: { type: number; offset: number; size: number; link: number }[] = [];
    const entrySize = is64 ? 64 : 40;
    const count = head.getUint16(is64 ? 60 : 48, true);
    const table = chunk(file, word(head, is64 ? 40 : 32), count * entrySize);
    if (table !== null && head.getUint16(is64 ? 58 : 46, true) === entrySize) {
      for (let at = 0; at < count * entrySize; at += entrySize) {
        sections.push({
          type: table.getUint32(at + 4, true),
          offset: word(table, at + (is64 ? 24 : 16)),
          size: word(table, at + (is64 ? 32 : 20)),
          link: table.getUint32(at + (is64 ? 40 : 24), true),
        });
      }
    }
    const section = sections.find((s) => s.type === SHT_SYMTAB) ?? sections.find((s) => s.type === SHT_DYNSYM);
    const names = section === undefined ? undefined : sections[section.link];
    const symbols = section === undefined ? null : chunk(file, section.offset, section.size);
    const strings = names === undefined ? null : chunk(file, names.offset, names.size);
    if (symbols === null || strings === null) return new SymbolTable([], new Uint8Array());
    const found: { address: number; size: number; name: number }[] = [];
    const size = is64 ? 24 : 16;
    for (let at = 0; at + size <= symbols.byteLength; at += size) {
      const info = symbols.getUint8(at + (is64 ? 4 : 12));
      if ((info & 15) !== STT_FUNC) continue;
      const address = word(symbols, at + (is64 ? 8 : 4));
      if (address === 0) continue;
      found.push({ address, size: word(symbols, at + (is64 ? 16 : 8)), name: symbols.getUint32(at, true) });
    }
    return new SymbolTable(found, new Uint8Array(strings.buffer, strings.byteOffset, strings.byteLength));
  }

  /** `name` or `name+0x10` of the function that holds an address before load bias. */
  lookup(address: number): string | null {
    let low = 0;
    let high = this.#addresses.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if ((this.#addresses[mid] as number) <= address) low = mid + 1;
      else high = mid;
    }
    if (low === 0) return null;
    const offset = address - (this.#addresses[low - 1] as number);
    if (offset >= Math.max(this.#sizes[low - 1] as number, 1)) return null;
    const start = this.#names[low - 1] as number;
    const end = this.#strings.indexOf(0, start);
    const name = Buffer.from(this.#strings.subarray(start, Math.min(end < 0 ? start : end, start + MAX_NAME)));
    const text = name.toString('latin1').replace(/[^\x20-\x7e]/g, '?');
    return text === '' ? null : offset === 0 ? text : `${text}+0x${offset.toString(16)}`;
  }
}

/** Bytes of the file, or null when they are not all there or too many. */
function chunk(file: MapSource, offset: number, length: number): DataView | null {
  if (!(length > 0 && length <= MAX_TABLE && offset + length <= file.size())) return null;
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const n = file.read(bytes.subarray(at), offset + at);
    if (n <= 0) return null;
    at += n;
  }
  return new DataView(bytes.buffer);
}
