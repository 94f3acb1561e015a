/**
 * Templates of instructions that are bytes (x86), as the build puts them into a file of 32-bit words:
 *
 *     magic, slots (a power of 2), words, longest block, 64 or 32, 2048 forms, (key; template) of each slot, then
 *     templates as in template-file.ts, and groups of forms
 *
 * A form says how an instruction with an opcode is read: see Form. Forms are found by VEX (1024), the opcode's map (256
 * each) and the opcode; GROUP and an index of 16 instead are for the values of ModRM.reg, with memory and then with a
 * register. 0: there are no templates.
 *
 * A key is three words: what the bytes say but for numbers and registers, the registers by the order of their appearance,
 * and the flags kind, for which the template was learned. `template` is a word's index, 0 = a free slot, NONE = ask with less left open.
 */
export const FormHead = { MAGIC: 0, SLOTS: 1, WORDS: 2, MAX_BLOCK: 3, MODE: 4, FORMS: 5, SIZE: 5 + 2048 } as const;
export const FORM_MAGIC = 0x7471_7862;
export const KEY = 3;
export const KEY_SLOT = 4;

/** Bits of a form. */
export const Form = {
  PRESENT: 1,
  /** ModRM is followed by what it asks for. */
  MODRM: 2,
  /** A register in the opcode. */
  PLUS: 4,
  /** The immediate is a distance. */
  DISTANCE: 8,
  /** Operands of a byte: 4 to 7 are AH to BH where there is no REX. */
  BYTE_RM: 0x10,
  BYTE_REG: 0x20,
  /** ModRM.reg is no register. */
  FIXED_REG: 0x40,
  GROUP: 0x8000_0000 | 0,
} as const;
/** Where a form has its immediate, see Immediate, and a bit for each of the first eight registers that it uses besides. */
export const IMMEDIATE_SHIFT = 8;
export const IMPLICIT_SHIFT = 16;
/** By the operand's size: 2 or 4 bytes, up to 8 (WHOLE), or 2 only in 32-bit mode (NEAR); ADDRESS: of the mode's size. */
export const Immediate = { NONE: 0, BYTE: 1, HALF: 2, WORD: 3, SIZED: 4, WHOLE: 5, NEAR: 6, ADDRESS: 7 } as const;

export const formIndex = (vex: boolean, map: number, opcode: number): number => (vex ? 1024 : 0) + 256 * map + opcode;

/** A register in a key: a name, or BY_ITSELF + its number; RIP as a base; none. */
export const BY_ITSELF = 16;
export const RIP_BASE = 61;
export const NO_REGISTER = 62;

/** A number in a key: what templates must tell apart. */
export const NumberClass = { ZERO: 0, ONE: 1, MINUS_ONE: 2, POSITIVE: 3, NEGATIVE: 4, FAR_POSITIVE: 5, FAR_NEGATIVE: 6 } as const; // biome-ignore format: one line
/** Displacements from here on are far in 32-bit mode, where sums of addresses wrap (see Builder.address). */
export const FAR = 0x8000;
/** The greatest displacement of 64-bit mode that templates are for. */
export const GREATEST = 0x7fff_ffbf;

/** Levels of keys: all open, the immediate (of 16 bits) as it is, registers too. */
export const LEVELS = 3;
/** Bits of the first word of a key that a number's class begins at, and of the second one. */
export const DISP_SHIFT = 29;
export const IMM_SHIFT = 24;
export const LEVEL_SHIFT = 27;
