import { type Encoding, parseEncoding, type X86Row } from './row.ts';

/** Longest instruction, in bytes. */
export const MAX_LENGTH = 15;

/** A row with its encoding. */
export interface Entry {
  readonly row: X86Row;
  readonly encoding: Encoding;
}

const REP_FIRST = [0xf3, 0xf2];

/** More specific rows first: a mandatory prefix, then more fixed bits of the ModRM byte, then a form of memory or registers. */
const rank = ({ prefix, mask, mod, w }: Encoding): number =>
  (prefix >= 0 ? 256 : 0) + (mask === 0xff ? 64 : mask === 0xf8 ? 32 : mask === 0 ? 0 : 16) + (mod < 3 ? 8 : 0) + (w >= 0 ? 4 : 0); // biome-ignore format: one line

/**
 * Decodes one instruction at a time into its own fields, which are valid until the next one: prefixes, the row, operands
 * and immediates (SDM vol. 2, chapter 2).
 */
export class Decoder {
  readonly rows: readonly X86Row[];
  readonly is64: boolean;
  private readonly table: (Entry[] | undefined)[] = [];
  private prepared = false;

  entry: Entry | null = null;
  /** Bytes of the instruction; as far as it was read when there is no row. */
  length = 0;
  /** REX prefix, or 0. */
  rex = 0;
  /** REX.W or VEX.W: operands of 8 bytes, which 32-bit mode has not. */
  w = 0;
  /** VEX.W as it is. */
  vexW = 0;
  /** 66: another operand size; 67: another address size. */
  operand16 = false;
  addressSize: 2 | 4 | 8 = 8;
  /** Override by FS or GS, by its encoding, or -1. */
  segment = -1;
  /** The same in 32-bit programs, of the other segments too. */
  override = -1;
  /** The memory operand is in the code segment of a 32-bit program, which cannot be written. */
  readOnly = false;
  /** 0xf2, 0xf3, or 0. */
  rep = 0;
  lock = false;
  map = 0;
  opcode = 0;
  /** VEX: the vector length (0: 128 bits, 1: 256), or -2; its register, not inverted. */
  vexL = -2;
  vvvv = 0;
  mod = 0;
  /** ModRM.reg and r/m with the bits of REX; for a register operand `rm` is its number. */
  reg = 0;
  rm = 0;
  /** Registers of a memory operand, or -1; 16: RIP. */
  base = -1;
  index = -1;
  /** log2 of the scale. */
  scale = 0;
  disp = 0;
  /** Immediates in their order, sign-extended; a 64-bit one has its upper half in the second. */
  imm = 0;
  imm2 = 0;

  constructor(rows: readonly X86Row[], mode: 64 | 32) {
    this.is64 = mode === 64;
    this.rows = rows.filter((row) => row.mode === 0 || row.mode === mode);
  }

  /** Done with the first instruction. */
  private prepare(): void {
    this.prepared = true;
    for (const row of this.rows) {
      const encoding = parseEncoding(row.text);
      for (let n = 0; n < (encoding.plus ? 8 : 1); n++) {
        const key = (encoding.vexL === -2 ? 0 : 1024) + encoding.map * 256 + encoding.opcode + n;
        const list = this.table[key] ?? [];
        this.table[key] = list;
        list.push({ row, encoding });
      }
    }
    for (const list of this.table) list?.sort((a, b) => rank(b.encoding) - rank(a.encoding));
  }

  /** All rows with their encodings. */
  entries(): Entry[] {
    return this.rows.map((row) => ({ row, encoding: parseEncoding(row.text) }));
  }

  /** The row of the instruction at `pc`, or null; `length` and all fields are set. Reads up to 15 bytes. */
  decode(code: DataView, pc: number): Entry | null {
    if (!this.prepared) this.prepare();
    let at = this.prefixes(code, pc);
    at = this.opcodeBytes(code, at);
    const modrm = code.getUint8(at);
    const entry = this.find(modrm);
    this.entry = entry;
    if (entry === null) {
      this.length = at - pc;
      return null;
    }
    const { encoding } = entry;
    if (encoding.modrm) at = this.operands(code, at + 1, modrm);
    else this.rm = (this.opcode & 7) | ((this.rex & 1) << 3);
    if (encoding.immediates.length > 0) at = this.immediates(code, at, encoding);
    this.length = at - pc;
    return entry;
  }

  private prefixes(code: DataView, pc: number): number {
    this.rex = 0;
    this.w = 0;
    this.operand16 = false;
    this.addressSize = this.is64 ? 8 : 4;
    this.segment = -1;
    this.override = -1;
    this.readOnly = false;
    this.rep = 0;
    this.lock = false;
    this.vexL = -2;
    this.vvvv = 0;
    this.imm = 0;
    this.imm2 = 0;
    for (let at = pc; ; at++) {
      const byte = code.getUint8(at);
      if (at - pc >= MAX_LENGTH) return at;
      if (this.is64 && (byte & 0xf0) === 0x40) {
        // only right in front of the opcode
        this.rex = byte;
        this.w = (byte >> 3) & 1;
        continue;
      }
      switch (byte) {
        case 0x66:
          this.operand16 = true;
          break;
        case 0x67:
          this.addressSize = this.is64 ? 4 : 2;
          break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
          // without effect in 64-bit mode; the bases are 0 elsewhere, but see Single.SEGMENTED
          if (this.is64) break;
          this.segment = -1;
          this.override = (byte >> 3) & 3;
          this.readOnly = byte === 0x2e;
          break;
        case 0x64:
        case 0x65:
          this.segment = byte - 0x60;
          this.override = this.segment;
          this.readOnly = false;
          break;
        case 0xf0:
          this.lock = true;
          break;
        case 0xf2:
        case 0xf3:
          this.rep = byte;
          break;
        default:
          return at;
      }
      this.rex = 0;
      this.w = 0;
    }
  }

  private opcodeBytes(code: DataView, start: number): number {
    let at = start;
    let byte = code.getUint8(at++);
    this.map = 0;
    if ((byte === 0xc4 || byte === 0xc5) && (this.is64 || code.getUint8(at) >= 0xc0)) return this.vex(code, at, byte);
    if (byte === 0x0f) {
      byte = code.getUint8(at++);
      this.map = 1;
      if (byte === 0x38 || byte === 0x3a) {
        this.map = byte === 0x38 ? 2 : 3;
        byte = code.getUint8(at++);
      }
    }
    this.opcode = byte;
    return at;
  }

  /** VEX prefixes (SDM vol. 2, 2.3.5). */
  private vex(code: DataView, start: number, first: number): number {
    let at = start;
    const one = code.getUint8(at++);
    let last = one;
    let rxb = ~(one >> 5) & 4;
    this.vexW = 0;
    this.map = 1;
    if (first === 0xc4) {
      rxb = ~(one >> 5) & 7;
      this.map = one & 31;
      last = code.getUint8(at++);
      this.vexW = last >> 7;
      if (this.is64) this.w = this.vexW;
    }
    this.rex = this.is64 ? 0x40 | (this.w << 3) | rxb : 0;
    this.vvvv = (~last >> 3) & (this.is64 ? 15 : 7);
    this.vexL = (last >> 2) & 1;
    this.operand16 = (last & 3) === 1;
    this.rep = (last & 3) === 2 ? 0xf3 : (last & 3) === 3 ? 0xf2 : 0;
    this.opcode = code.getUint8(at++);
    if (this.map > 3) this.map = 0;
    return at;
  }

  private find(modrm: number): Entry | null {
    const vex = this.vexL !== -2;
    const list = this.table[(vex ? 1024 : 0) + this.map * 256 + this.opcode];
    if (list === undefined) return null;
    const prefix = REP_FIRST.includes(this.rep) ? this.rep : this.operand16 ? 0x66 : 0;
    const mod = modrm >= 0xc0 ? 2 : 1;
    for (let i = 0; i < list.length; i++) {
      const entry = list[i] as Entry;
      const e = entry.encoding;
      if (e.prefix >= 0 && e.prefix !== prefix) continue;
      if (e.w >= 0 && e.w !== (vex ? this.vexW : this.w)) continue;
      if (vex && e.vexL >= 0 && e.vexL !== this.vexL) continue;
      if (e.modrm && ((modrm & e.mask) !== e.value || (e.mod & mod) === 0)) continue;
      return entry;
    }
    return null;
  }

  /** ModRM, SIB and displacement (SDM vol. 2, 2.1.5). */
  private operands(code: DataView, start: number, modrm: number): number {
    this.mod = modrm >> 6;
    this.reg = ((modrm >> 3) & 7) | ((this.rex & 4) << 1);
    const low = modrm & 7;
    this.rm = low | ((this.rex & 1) << 3);
    if (this.mod === 3) return start;
    this.index = -1;
    this.scale = 0;
    this.disp = 0;
    if (this.addressSize === 2) return this.operands16(code, start, low);
    let at = start;
    this.base = this.rm;
    let wide = this.mod === 2;
    if (low === 4) {
      const sib = code.getUint8(at++);
      const index = ((sib >> 3) & 7) | ((this.rex & 2) << 2);
      if (index !== 4) this.index = index;
      this.scale = sib >> 6;
      this.base = (sib & 7) | ((this.rex & 1) << 3);
      if ((sib & 7) === 5 && this.mod === 0) {
        this.base = -1;
        wide = true;
      }
    } else if (low === 5 && this.mod === 0) {
      this.base = this.is64 ? 16 : -1;
      wide = true;
    }
    if (wide) {
      this.disp = code.getInt32(at, true);
      return at + 4;
    }
    if (this.mod === 1) this.disp = code.getInt8(at++);
    return at;
  }

  private operands16(code: DataView, at: number, low: number): number {
    // (bx, si) (bx, di) (bp, si) (bp, di) si di bp bx
    this.base = [3, 3, 5, 5, 6, 7, 5, 3][low] as number;
    this.index = low < 4 ? 6 + (low & 1) : -1;
    if (this.mod === 0 && low === 6) this.base = -1;
    else if (this.mod === 0) return at;
    if (this.mod === 1) {
      this.disp = code.getInt8(at);
      return at + 1;
    }
    this.disp = code.getInt16(at, true);
    return at + 2;
  }

  private immediates(code: DataView, start: number, { immediates, prefix }: Encoding): number {
    let at = start;
    const half = this.operand16 && prefix < 0 && this.w === 0;
    for (let i = 0; i < immediates.length; i++) {
      let value = 0;
      switch (immediates[i]) {
        case 'ib':
        case 'cb':
          value = code.getInt8(at++);
          break;
        case 'iw':
          value = code.getInt16(at, true);
          at += 2;
          break;
        case 'mo':
          if (this.addressSize === 2) value = code.getUint16(at, true);
          else value = code.getInt32(at, true);
          at += this.addressSize;
          if (this.addressSize === 8) this.imm2 = code.getInt32(at - 4, true);
          break;
        case 'iv':
          if (this.w === 1) {
            this.imm2 = code.getInt32(at + 4, true);
            value = code.getInt32(at, true);
            at += 8;
            break;
          }
          if (half) {
            value = code.getInt16(at, true);
            at += 2;
          } else {
            value = code.getInt32(at, true);
            at += 4;
          }
          break;
        case 'cz':
        case 'iz':
          // near branches have no operand size in 64-bit mode
          if (half && !(this.is64 && immediates[i] === 'cz')) {
            value = code.getInt16(at, true);
            at += 2;
          } else {
            value = code.getInt32(at, true);
            at += 4;
          }
          break;
        default:
          value = code.getInt32(at, true);
          at += 4;
      }
      if (i === 0) this.imm = value;
      else this.imm2 = value;
    }
    return at;
  }
}
