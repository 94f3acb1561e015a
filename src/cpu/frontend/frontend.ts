import type { Block } from '../ir/block.ts';
import type { Helper } from './helper.ts';

export interface Part {
  readonly shift: number;
  readonly width: number;
}

/** Bits of an instruction word that are a number: parts, the highest one first. */
export interface OpenField {
  readonly parts: readonly Part[];
  readonly mask: number;
  readonly width: number;
  /** The number, without a sign. */
  get(word: number): number;
  /** A word that has the number, and zeros besides. */
  put(value: number): number;
}

export interface RegisterField extends OpenField {
  /** Registers from this one on have a meaning of their own (the link register, zero, sp): they are part of the instruction. */
  readonly special: number;
}

export interface ImmediateField extends OpenField {
  readonly signed: boolean;
  /** Bits of the number that the word has inverted where the sign is clear. */
  readonly mixed: number;
  /** Added to the number, so that its sign is that of a jump's distance from the instruction itself. */
  readonly bias: number;
}

/**
 * What of an instruction word only names registers or is a number that the records of the cold tier contain as it is,
 * or multiplied. Templates (see cpu/templates.ts) try to leave it open, and find out whether that is right.
 */
export interface Shape {
  readonly registers: readonly RegisterField[];
  /** The displacement, immediate or distance of a jump. */
  readonly immediate: ImmediateField | null;
}

/**
 * The bits of a guest that does not tell parts of its condition codes apart: an instruction reads those before it, if only to
 * keep some of them; and what it asks them for, or leaves as it was: the carry, or others.
 */
export const FLAGS_KEPT = 1;
export const CARRY_ASKED = 2;
export const OTHERS_ASKED = 4;
export const FLAGS_ASKED: number = CARRY_ASKED | OTHERS_ASKED;
export const ALL_FLAGS: number = FLAGS_KEPT | FLAGS_ASKED;

/** An instruction as a block of its own. */
export interface SingleBlock {
  readonly block: Block;
  /** It ends a longer one too. */
  readonly ends: boolean;
  /** Form of the instruction behind it. */
  readonly next: number;
  /** Parts of the condition codes that it reads, and those that it sets, as bits (see FLAGS_KEPT). */
  readonly reads: number;
  readonly sets: number;
  /** Exact floating point does it in another way. */
  readonly fast: boolean;
}

/** Instructions by themselves, where nothing decides what they do but the word, its form (see form.ts), the pc and the flags. */
export interface SingleLift {
  /** Longest block, in instructions. */
  readonly maxBlock: number;
  /** Bits that are the same in all words of a row, by set and number of the row, which are below ROWS. */
  readonly sets: readonly (readonly { readonly mask: number; readonly value: number }[])[];
  /** The set of rows for a word, as its upper 11 bits and bit 0 of the form tell. */
  setOf(word: number, form: number): number;
  /** A word's row: ROWS × set + number, the same in all runs of a build; -1: none. */
  row(word: number, form: number): number;
  shape(row: number): Shape;
  lift(word: number, form: number, pc: number, flagsIn: number): SingleBlock;
}
export const ROWS = 4096;

/** A trap's signal and its code, which the state may tell; `at`: si_addr is the instruction's address, else 0. */
export interface Trap {
  readonly signal: number;
  readonly code: number | ((view: DataView, state: number) => number);
  readonly at: boolean;
  /** The processor's number of it, which x86 puts into signal frames; `hasError`: with EXIT_INFO as its error code. */
  readonly number?: number;
  readonly hasError?: boolean;
}
/** Traps by Exit reason. */
export type Traps = Readonly<Record<number, Trap | undefined>>;

/** What is needed of a guest architecture before anything is translated. */
export interface Facts {
  readonly name: string;
  /** What besides guest code decides how it is translated (host features). */
  readonly variant: string;
  /** Type of addresses in the IR: that of the guest's registers. */
  readonly addressType: 'i32' | 'i64';
  /** Bits of an address that count: AArch64 ignores the top byte (Arm ARM D8.8). */
  readonly addressBits: 32 | 56 | 64;
  /** The address that a fault at a pc names; without: the pc. */
  readonly codeAddress?: (pc: number) => number;
  /** Signals of the exits that are traps; without: SIGILL and SIGTRAP as ARM's kernels send them. */
  readonly traps?: Traps;
  /** Whether instructions may lie at an address, its page aside (bit 0 tells the instruction set where there are two). */
  isCodeAddress(pc: number): boolean;
  /**
   * State offset of a word that decides besides its address how the instruction at State.PC is done (ARM: ITSTATE); 0 in
   * it: nothing does. Blocks that begin with such a thing are lifted for it, and nothing else goes to them.
   */
  readonly contextAt?: number;
  /**
   * Bits of that word that stay until the program changes them: where no others are set, blocks have as many instructions as
   * elsewhere and are kept. Where code is coherent, an instruction with others is made anew each time.
   */
  readonly lastingContext?: number;
  /**
   * Whether regions keep condition codes across all calls and returns. Else they do across indirect calls, and across all
   * from when code at a function's entry or behind a call is seen to read some.
   */
  readonly flagsCross: boolean;
  /**
   * Whether code at a pc may read the condition codes that it finds: asked of what is called and of where it returns to
   * before the call is made. Without, blocks tell when they are translated, which is late for one execution.
   */
  readonly readsFlagsAt?: (code: DataView, pc: number, canFetch: (pc: number) => boolean) => boolean;
  /** Instructions are those in memory, without a word of the program: stores to pages with translated code are noticed. */
  readonly coherentCode?: boolean;
  /** Name of the natives that its rows call: see nativesOf. */
  readonly natives?: string;
  /** State offset of the stack pointer. */
  readonly sp: number;
  /** State offsets of the registers by which frames of code at a pc are unwound: stack pointer, frame pointer, link register. */
  frame(pc: number): readonly number[];
  /** State offsets of the fields of the condition codes that a kind of them has beside CC_OP. */
  flagFields(kind: number): readonly number[];
  /** Condition codes in their architectural form, outside translated code (AArch64: PSTATE.NZCV in bits 31:28). */
  readFlags(view: DataView, state: number): number;
  writeFlags(view: DataView, state: number, flags: number): void;
  /** The floating-point status register, where it is put together from parts of the state (ARM: FPSCR). */
  readonly fpStatus?: {
    read(view: DataView, state: number): number;
    write(view: DataView, state: number, value: number): void;
  };
  /** Put into a state block of zeros what its registers hold when a program starts. */
  readonly reset?: (view: DataView, state: number) => void;
  /** State offsets of the system registers that the kernel reads and writes. */
  readonly sys: {
    readonly tls: number;
    readonly fpcr: number;
    readonly fpsr: number;
    readonly gs?: number;
    /** Not 0: the next instruction is done by itself: 1, as it may store to code; 2, as its atomic access is misaligned. */
    readonly single?: number;
  };
  /** Segment registers, and the descriptors of thread-local storage and of the process that they may name (x86). */
  readonly segments?: {
    getSelector(view: DataView, state: number, segment: number): number;
    /** Not 0: there is no such segment. */
    setSelector(view: DataView, state: number, segment: number, selector: number): number;
    getThreadArea(view: DataView, state: number, entry: number): bigint;
    setThreadArea(view: DataView, state: number, entry: number, descriptor: bigint): void;
    localCount(view: DataView): number;
    getLocal(view: DataView, entry: number): bigint;
    changeLocal(view: DataView, state: number, entry: number, descriptor: bigint): void;
    copyLocal(view: DataView, from: DataView | null): void;
  };
  /** Floating-point state as signal frames have it, where one function lays it out; `at` is a wasm offset. */
  readonly fpState?: {
    readonly size: number;
    save(view: DataView, state: number, at: number): void;
    restore(view: DataView, state: number, at: number): boolean;
    /** As a handler finds it. */
    reset(view: DataView, state: number): void;
  };
  /** The first of its helpers: those that settled programs call too, which need no translator for it. */
  readonly firstHelpers?: readonly Helper[];
  /** A page of the kernel's, above what can be mapped, that programs read and call into. */
  readonly vectorsBase?: number;
}

/** What decides besides its address how the next instruction is done. */
export const contextOf = ({ contextAt }: Facts, view: DataView, state: number): number =>
  contextAt === undefined ? 0 : view.getUint32(state + contextAt, true);

/** What the back ends need of a guest architecture. */
export interface FrontEnd extends Facts {
  /** Translate for exact floating point (sticky flags, rounding modes); never goes back to false. */
  exact: boolean;
  /**
   * Name of the instruction at pc for messages, when its semantics are missing; null: not in the table, '': it is there to
   * be undefined (UDF, UD2).
   */
  unimplemented(code: DataView, pc: number): string | null;
  /** Bytes of guest code as words; throws nothing: unreadable code ends the block before it. */
  liftBlock(code: DataView, pc: number, flagsIn: number, limit: number, context?: number): Block;
  readonly single?: SingleLift | undefined;
  /** The page at `vectorsBase`: blocks by address (null: no function there), and the bytes. */
  readonly vectors?:
    | { lift(pc: number, flagsIn: number, context?: number): Block | null; bytes(): Uint8Array }
    | undefined;
  /** The helper with a number, of those that translated code calls; undefined: there is none. */
  helper(id: number): Helper | undefined;
  /** Bytes of the instruction at pc, for logs. */
  lengthOf(code: DataView, pc: number): number;
  /** One line of assembly for the instruction at pc. */
  disassemble(code: DataView, pc: number): string;
}

/** A front end of which nothing but facts is there until something else is asked for. */
export const lazyFrontEnd = (facts: Facts, create: () => FrontEnd): FrontEnd => {
  let whole: FrontEnd | null = null;
  let exact = false;
  const made = (): FrontEnd => {
    if (whole === null) {
      whole = create();
      whole.exact = exact;
    }
    return whole;
  };
  return {
    ...facts,
    get exact(): boolean {
      return exact;
    },
    set exact(on: boolean) {
      exact = on;
      if (whole !== null) whole.exact = on;
    },
    get single(): SingleLift | undefined {
      return made().single;
    },
    get vectors(): FrontEnd['vectors'] {
      return made().vectors;
    },
    helper: (id) => facts.firstHelpers?.[id] ?? made().helper(id),
    unimplemented: (code, pc) => made().unimplemented(code, pc),
    liftBlock: (code, pc, flagsIn, limit, context) => made().liftBlock(code, pc, flagsIn, limit, context),
    lengthOf: (code, pc) => made().lengthOf(code, pc),
    disassemble: (code, pc) => made().disassemble(code, pc),
  };
};

/** The processor that a front end is to be: its name, and the instructions that it has not, by their syntax. */
export interface Processor {
  readonly name: string;
  readonly lacks: RegExp | null;
  /** MIDR_EL1 of AArch64's. */
  readonly midr?: number | undefined;
}
/** The processor that has all. */
export const MAX: Processor = { name: 'max', lacks: null };
/** Rows that a processor has. */
export const rowsFor = <R extends { readonly syntax: string }>(
  rows: readonly R[],
  { lacks }: Processor,
): readonly R[] => (lacks ? rows.filter((row) => !lacks.test(row.syntax)) : rows);
/** What tells translations for a processor from those for others. */
export const variantFor = (variant: string, { name, lacks }: Processor): string =>
  lacks || name !== MAX.name ? `${variant} ${name}` : variant;
