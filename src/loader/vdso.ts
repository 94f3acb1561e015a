/**
 * The image that the kernel maps into every process (man 7 vdso): an ELF shared object with a few functions, put together
 * here. Its parts are what a dynamic linker, an unwinder and runtimes that look symbols up by themselves ask for: dynamic
 * section, SysV hash table, symbols with versions (System V gABI chapter 5, LSB 10.7) and .eh_frame (LSB 10.6).
 */

/** A function of it. */
export interface VdsoFunction {
  readonly name: string;
  /** The version its name belongs to. */
  readonly version: string;
  readonly code: readonly number[];
  /** Call frame instructions behind those of the CIE; null: unwinders are to know the function by its code. */
  readonly frame: readonly number[] | null;
}

export interface VdsoSpec {
  readonly machine: number;
  readonly is64: boolean;
  readonly soname: string;
  /** DWARF's numbers of the stack pointer and of the return address, which lies on top of the stack at a function's entry. */
  readonly stackColumn: number;
  readonly returnColumn: number;
  readonly functions: readonly VdsoFunction[];
}

export interface Vdso {
  readonly bytes: Uint8Array;
  /** Offsets of the functions in it. */
  readonly symbols: Readonly<Record<string, number>>;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_EH_FRAME = 0x6474_e550;
const [DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_SONAME] = [4, 5, 6, 10, 11, 14] as const;
const [DT_VERSYM, DT_VERDEF, DT_VERDEFNUM] = [0x6fff_fff0, 0x6fff_fffc, 0x6fff_fffd] as const;
/** STB_GLOBAL, STT_FUNC; any section's number that is not SHN_UNDEF. */
const GLOBAL_FUNCTION = 0x12;
const SECTION = 1;

/** The SysV ABI's hash of a symbol's name. */
const hashOf = (name: string): number => {
  let h = 0;
  for (let i = 0; i < name.length; i++) {
    h = (h << 4) + name.charCodeAt(i);
    const g = h & 0xf000_0000;
    h = (h ^ (g >>> 24)) & ~g;
  }
  return h >>> 0;
};

/** Room for an image; it takes less. */
const MOST = 0x2000;

/** Appends little-endian numbers. */
class Image {
  /** Bytes up to now. */
  at = 0;
  private readonly view = new DataView(new ArrayBuffer(MOST));
  private readonly is64: boolean;
  constructor(is64: boolean) {
    this.is64 = is64;
  }
  get bytes(): Uint8Array {
    return new Uint8Array(this.view.buffer, 0, this.at);
  }
  put(...list: number[]): void {
    for (const n of list) this.view.setUint8(this.at++, n);
  }
  half(...list: number[]): void {
    for (const n of list) {
      this.view.setUint16(this.at, n, true);
      this.at += 2;
    }
  }
  word(...list: number[]): void {
    for (const n of list) {
      this.view.setUint32(this.at, n, true);
      this.at += 4;
    }
  }
  /** Addresses and what has their width, below 4 GiB all. */
  wide(...list: number[]): void {
    for (const n of list) {
      this.word(n);
      if (this.is64) this.word(0);
    }
  }
  align(to: number): number {
    this.at = Math.ceil(this.at / to) * to;
    return this.at;
  }
  skip(length: number): void {
    this.at += length;
  }
  patch(at: number, n: number): void {
    this.view.setUint32(at, n, true);
  }
}

/** Strings by their offsets. */
class Strings {
  text = '\0';
  of(name: string): number {
    const known = this.text.indexOf(`\0${name}\0`);
    if (known >= 0) return known + 1;
    const at = this.text.length;
    this.text += `${name}\0`;
    return at;
  }
}

/** Version definitions: the object itself, then the versions of its symbols. */
const writeVerdef = (image: Image, names: readonly string[], strings: Strings): void => {
  const VER_FLG_BASE = 1;
  const SIZE = 20;
  for (const [i, name] of names.entries()) {
    image.half(1, i === 0 ? VER_FLG_BASE : 0, i + 1, 1);
    image.word(hashOf(name), SIZE, i === names.length - 1 ? 0 : SIZE + 8, strings.of(name), 0);
  }
};

/** .eh_frame_hdr and .eh_frame for functions at their offsets; returns where each begins. */
const writeFrames = (image: Image, spec: VdsoSpec, at: readonly number[]): [header: number, size: number] => {
  const framed = spec.functions.flatMap(({ code, frame }, i) =>
    frame ? [{ frame, start: at[i] as number, size: code.length }] : [],
  );
  const header = image.align(4);
  // pointers relative to themselves, a count, a sorted table relative to the header: signed words
  image.put(1, 0x1b, 0x03, 0x3b);
  const pointer = image.at;
  image.word(0, framed.length);
  const table = image.at;
  for (const { start } of framed) image.word(start - header, 0);
  const size = image.at - header;
  image.patch(pointer, image.at - pointer);
  const entry = (write: () => void): number => {
    const start = image.at;
    image.word(0);
    write();
    image.align(4);
    image.patch(start, image.at - start - 4);
    return start;
  };
  const width = spec.is64 ? 8 : 4;
  const cie = entry(() => {
    image.word(0);
    // version 1, "zR", code and data alignment, return column, augmentation: pointers as above
    image.put(1, 0x7a, 0x52, 0, 1, 0x80 - width, spec.returnColumn, 1, 0x1b);
    // DW_CFA_def_cfa, DW_CFA_offset of the return address
    image.put(0x0c, spec.stackColumn, width, 0x80 | spec.returnColumn, 1);
  });
  for (const [i, { frame, start, size: length }] of framed.entries()) {
    const fde = entry(() => {
      image.word(image.at - cie);
      image.word(start - image.at, length);
      image.put(0, ...frame);
    });
    image.patch(table + 8 * i + 4, fde - header);
  }
  image.word(0);
  return [header, size];
};

/** Put the image together: one segment, readable and executable, linked at 0. */
export function buildVdso(spec: VdsoSpec): Vdso {
  const { is64, functions, soname } = spec;
  const image = new Image(is64);
  const strings = new Strings();
  const versions = [soname, ...new Set(functions.map(({ version }) => version))];
  for (const { name } of functions) strings.of(name);
  for (const name of versions) strings.of(name);

  const [ehdr, phentsize, phnum] = is64 ? [64, 56, 3] : [52, 32, 3];
  image.skip(ehdr + phentsize * phnum);
  const code = functions.map((f) => {
    const at = image.align(16);
    image.put(...f.code);
    return at;
  });
  const [ehFrame, ehFrameSize] = writeFrames(image, spec, code);
  const hash = image.align(8);
  // one bucket, whose chain is all symbols
  image.word(1, functions.length + 1, 1, 0, ...functions.map((_, i) => (i + 2) % (functions.length + 1)));
  const symtab = image.align(8);
  image.skip(is64 ? 24 : 16);
  for (const [i, f] of functions.entries()) {
    image.word(strings.of(f.name));
    if (!is64) image.word(code[i] as number, f.code.length);
    image.put(GLOBAL_FUNCTION, 0);
    image.half(SECTION);
    if (is64) image.wide(code[i] as number, f.code.length);
  }
  const versym = image.at;
  image.half(0, ...functions.map(({ version }) => versions.indexOf(version) + 1));
  const verdef = image.align(4);
  writeVerdef(image, versions, strings);
  const strtab = image.at;
  image.put(...Buffer.from(strings.text, 'latin1'));
  const dynamic = image.align(8);
  for (const [tag, value] of [
    [DT_SONAME, strings.of(soname)],
    [DT_HASH, hash],
    [DT_STRTAB, strtab],
    [DT_SYMTAB, symtab],
    [DT_STRSZ, strings.text.length],
    [DT_SYMENT, is64 ? 24 : 16],
    [DT_VERSYM, versym],
    [DT_VERDEF, verdef],
    [DT_VERDEFNUM, versions.length],
    [0, 0],
  ] as const) {
    image.wide(tag, value);
  }
  const end = image.at;
  const head = headers(spec, [
    [PT_LOAD, 5, 0, end, 0x1000],
    [PT_DYNAMIC, 4, dynamic, end - dynamic, 8],
    [PT_GNU_EH_FRAME, 4, ehFrame, ehFrameSize, 4],
  ]);
  image.bytes.set(head);
  const symbols = Object.fromEntries(functions.map(({ name }, i) => [name, code[i] as number]));
  return { bytes: image.bytes, symbols };
}

type Segment = readonly [type: number, flags: number, at: number, size: number, alignment: number];

const headers = ({ is64, machine }: VdsoSpec, segments: readonly Segment[]): Uint8Array => {
  const image = new Image(is64);
  const ET_DYN = 3;
  const size = is64 ? 64 : 52;
  image.put(0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  image.half(ET_DYN, machine);
  image.word(1);
  image.wide(0, size, 0);
  image.word(0);
  image.half(size, is64 ? 56 : 32, segments.length, is64 ? 64 : 40, 0, 0);
  for (const [type, flags, at, length, alignment] of segments) {
    image.word(type);
    if (is64) image.word(flags);
    image.wide(at, at, at, length, length);
    if (!is64) image.word(flags);
    image.wide(alignment);
  }
  return image.bytes;
};
