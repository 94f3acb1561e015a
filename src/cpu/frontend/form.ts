/**
 * The form of an instruction is a number below 1024 that says what its word and address do not: bit 0, which is that of the
 * pc, that it is made of halfwords (T32), the others its place in an IT block. Blocks begin with the other bits 0.
 */
export const HALVES = 1;
/** ITSTATE (Arm ARM F1.2), and whether the CPU state's may be other than 0. */
export const IT_SHIFT = 1;
export const IT_STORED = 512;
/** Of the form behind an instruction of an IT block: ITSTATE is that of the instruction, advanced. */
export const CONTINUES = 1024;
/** The last bits of ITSTATE: how many more instructions its block has, and bits of their conditions. */
export const IT_MORE = 7;
export const IT_PLACE = 15;
/** Instead of any that is not the last. */
export const IT_NOT_LAST = 4;

export const formAt = (pc: number): number => pc & HALVES;

export const itOf = (form: number): number => (form >>> IT_SHIFT) & 255;

/** ITAdvance (Arm ARM E2.1). */
export const advanced = (it: number): number => ((it & IT_MORE) === 0 ? 0 : (it & 0xe0) | ((it << 1) & 0x1f));

/** The form behind an instruction of a form, when `next` is what its template says. */
export const formBehind = (form: number, next: number): number =>
  (next & CONTINUES) === 0 ? next : (advanced(itOf(form)) << IT_SHIFT) | (next & ~CONTINUES);

/**
 * The form that stands for all whose templates are the same: of an IT block that goes on, its place in it is a variable
 * (Variable.IT).
 */
export const formClass = (form: number): number =>
  (itOf(form) & IT_MORE) === 0 ? form : (form & ~(IT_PLACE << IT_SHIFT)) | (IT_NOT_LAST << IT_SHIFT);

/** Forms of a class, for examples: other places in an IT block. */
export const formOfExample = (form: number, example: number): number =>
  formClass(form) === form && (itOf(form) & IT_MORE) === IT_NOT_LAST
    ? (form & ~(IT_PLACE << IT_SHIFT)) | ((IT_NOT_LAST >> example) << IT_SHIFT)
    : form;

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
