/**
 * The form of an instruction is a number below 1024 that says what its word and address do not: bit 0, which is that of the
 * pc, that it is made of halfwords (T32), the others its place in an IT block. Blocks begin with the other bits 0.
 */
export const HALVES = 1;

export const formAt = (pc: number): number => pc & HALVES;

/** Whether a block may begin with an instruction of this form. */
export const begins = (form: number): boolean => form <= HALVES;

/** T32 instructions whose first five bits are at least these have 32 bits (Arm ARM F3.1). */
const LONG = 0b11101;
const isLong = (word: number): boolean => word >>> 27 >= LONG;

/** The instruction word at a pc; of halfwords the first one is in front, and zeros stand for a second one that is not there. */
export const fetchWord = (code: DataView, pc: number): number => {
  if ((pc & HALVES) === 0) return code.getInt32(pc, true);
  const first = code.getUint16(pc - 1, true) << 16;
  return isLong(first) ? first | code.getUint16(pc + 1, true) : first;
};

/** Bytes of an instruction. */
export const lengthOf = (word: number, form: number): 2 | 4 => ((form & HALVES) === 0 || isLong(word) ? 4 : 2);

/** The address that a pc names. */
export const addressOf = (pc: number): number => pc - (pc & HALVES);

/** An address near this one where an instruction of the form may lie. */
export const placeOf = (address: number, form: number): number =>
  ((form & HALVES) === 0 ? address & ~3 : address | HALVES) >>> 0;

/** Words that agree with a value under a mask. */
export type MaskedWord = readonly [mask: number, value: number];

/** Instructions that read condition codes, and those that set all of them. */
export interface FlagWords {
  readonly reads: readonly MaskedWord[];
  readonly sets: readonly MaskedWord[];
}

/** How an instruction with an opcode is read, and what is known of its registers. */
export interface OpcodeForm {
  readonly vex: boolean;
  readonly map: number;
  readonly opcode: number;
  /** Values of ModRM.reg and kinds of ModRM.rm that it is for, a bit each: memory from 0 on, registers from 8 on. */
  readonly shapes: number;
  readonly modrm: boolean;
  readonly plus: boolean;
  /** In the manual's notation, or ''. */
  readonly immediate: string;
  /** ModRM.reg is no register. */
  readonly fixed: boolean;
  readonly byteRm: boolean;
  readonly byteReg: boolean;
  /** Registers that it uses whatever the bytes say, a bit for each of the first eight. */
  readonly implicit: number;
}
