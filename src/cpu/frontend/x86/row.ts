import type { Translator } from './translator.ts';

/**
 * One row of the instruction table: encoding in the notation of Intel's manual (SDM vol. 2, 3.1.1.1), syntax, semantics.
 *
 *     00 /r            opcode 00 and a ModRM byte         66 0F EF /r     mandatory prefix (NP: none; no token: any)
 *     80 /5 ib         ModRM.reg is 5; an immediate byte  0F AE /7 mem    only with a memory operand (reg: a register)
 *     B8+r iv          register in the opcode             D8 C0+i, 0F 01 D0   a ModRM byte that is fixed
 *     REX.W            only with REX.W (W0: only without) VEX.128.66.0F.WIG EF /r
 *
 * Immediates: ib, iw, id; iz = 2 or 4 bytes by operand size, iv = 2, 4 or 8; cb, cz: distances of jumps; mo: an address.
 */
export interface X86Row {
  readonly text: string;
  readonly syntax: string;
  /** Appends the instruction's IR; null: known, but not implemented (SIGILL with a line naming it). */
  readonly lift: ((t: Translator) => void) | null;
  /** The one mode that has it, or 0. */
  readonly mode: 0 | 32 | 64;
}

export const insn = (text: string, syntax: string, lift: X86Row['lift'], mode: 0 | 32 | 64 = 0): X86Row => ({
  text,
  syntax,
  lift,
  mode,
});

/** Rows under a heading. */
export interface Chapter {
  readonly title: string;
  readonly rows: readonly X86Row[];
}

/** An encoding, parsed. */
export interface Encoding {
  /** Mandatory prefix: 0x66, 0xf2, 0xf3, 0 = none of them; -1 = any. */
  readonly prefix: number;
  /** REX.W or VEX.W that it needs, or -1. */
  readonly w: number;
  /** VEX.L (-1: either), or -2: no VEX prefix. */
  readonly vexL: number;
  /** 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A. */
  readonly map: number;
  readonly opcode: number;
  /** The opcode's low three bits are a register. */
  readonly plus: boolean;
  readonly modrm: boolean;
  /** Bits of the ModRM byte that are fixed, and their values. */
  readonly mask: number;
  readonly value: number;
  /** ModRM.mod: 1 = memory, 2 = register, 3 = either. */
  readonly mod: number;
  readonly immediates: readonly string[];
}

const HEX = /^[0-9A-F]{2}$/;
const IMMEDIATE = /^(ib|iw|id|iz|iv|cb|cz|mo)$/;

/** Parse the notation; throws on what it does not know (a programming error). */
export const parseEncoding = (text: string): Encoding => {
  const tokens = text.split(' ');
  let [prefix, w, vexL, map, opcode] = [-1, -1, -2, 0, -1];
  let [plus, modrm, mask, value, mod] = [false, false, 0, 0, 3];
  const immediates: string[] = [];
  for (const [i, token] of tokens.entries()) {
    const byte = Number.parseInt(token, 16);
    if (token.startsWith('VEX.')) {
      const [, l, pp, m, vexW] = token.split('.');
      vexL = l === '256' ? 1 : l === 'LIG' ? -1 : 0;
      prefix = pp === 'NP' ? 0 : Number.parseInt(pp as string, 16);
      map = m === '0F' ? 1 : m === '0F38' ? 2 : 3;
      w = vexW === 'WIG' ? -1 : Number((vexW as string)[1]);
    } else if (token === 'NP') prefix = 0;
    else if (token === 'REX.W') w = 1;
    else if (token === 'W0') w = 0;
    else if (token === '/r') modrm = true;
    else if (/^\/[0-7]$/.test(token)) {
      modrm = true;
      mask |= 0x38;
      value |= Number(token[1]) << 3;
    } else if (token === 'mem' || token === 'reg') mod = token === 'mem' ? 1 : 2;
    else if (IMMEDIATE.test(token)) immediates.push(token);
    else if (opcode < 0 && HEX.test(token)) {
      if (prefix < 0 && vexL === -2 && (token === '66' || token === 'F2' || token === 'F3')) prefix = byte;
      else if (map === 0 && token === '0F') map = 1;
      else if (map === 1 && vexL === -2 && (token === '38' || token === '3A') && HEX.test(tokens[i + 1] ?? ''))
        map = token === '38' ? 2 : 3; // biome-ignore format: one line
      else opcode = byte;
    } else if (opcode < 0 && /^[0-9A-F]{2}\+r$/.test(token)) {
      opcode = byte;
      plus = true;
    } else if (/^[0-9A-F]{2}(\+i)?$/.test(token)) {
      modrm = true;
      mod = 2;
      mask = token.endsWith('+i') ? 0xf8 : 0xff;
      value = byte;
    } else throw new Error(`encoding '${text}': bad token '${token}'`);
  }
  if (opcode < 0) throw new Error(`encoding '${text}': no opcode`);
  return { prefix, w, vexL, map, opcode, plus, modrm, mask, value, mod, immediates };
};
