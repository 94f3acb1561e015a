/**
 * Where things lie in a guest process's WebAssembly.Memory (memory 0).
 *
 * Wasm offset = guest address + {@link GUEST_BASE}. Everything of ours lies below GUEST_BASE, where
 * guest code cannot address it. All numbers are byte offsets or byte sizes.
 */

/** K of the design: offset of guest address 0 in the wasm memory. Always goes into a memarg offset. */
export const GUEST_BASE = 0x400_0000;

/** First guest address that cannot be mapped: the top GUEST_BASE bytes of 4 GiB do not exist. */
export const GUEST_TOP = 0x1_0000_0000 - GUEST_BASE;

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;

/** i32, 1 while a helper does an access wider than atomics are: see locked in aarch64/insn/atomics.ts. */
export const PAIR_LOCK = 0x8000;

/** CPU state blocks, one per thread of the process; more of them lie behind the jump cache. */
export const CPU_STATES = 0x1_0000;
export const CPU_STATE_SIZE = 0x2000;

/** One byte per guest page, read and write (see PageByte). 1 MiB each, indexed by address >>> 12. */
export const READ_BYTES = 0x10_0000;
export const WRITE_BYTES = 0x20_0000;

/** Jump cache of the main thread: direct-mapped, guest pc → entry points. Worker threads have their own. */
export const JUMP_CACHES = 0x30_0000;
export const JUMP_CACHE_SIZE = 0x4_0000;
/** Bits of an entry's offset. */
export const JUMP_CACHE_MASK: number = JUMP_CACHE_SIZE - 16;
/**
 * What an entry had before goes to the one whose offset differs in this bit, where the dispatcher finds it, and puts it
 * back: two targets with one entry would else ask JavaScript in turn.
 */
export const JUMP_CACHE_VICTIM: number = JUMP_CACHE_SIZE / 2;

/** Index of blocks for worker threads: see BlockIndex. */
export const BLOCK_INDEX = 0x70_0000;
export const BLOCK_INDEX_SIZE = 0x10_0000;

/** One byte per guest page: the arena that its blocks' records go to; 0 = not known yet. See CodeUnits. */
export const CODE_PAGES = 0x80_0000;
/** What the code cache and the composer know together: see code-layout.ts. */
export const CODE_CONTROL = 0x90_0000;
export const CODE_CONTROL_SIZE = 0x2000;
/** Where the cold tier's indirect calls went last: {return address, target}, by the low bits of the return address. */
export const CALL_TARGETS = 0x90_4000;
export const CALL_TARGETS_SIZE = 0x8000;
/** Wasm offset of the entry for the call that returns to `ret`. */
export const callTargetAt = (ret: number): number => CALL_TARGETS + ((ret << 3) & (CALL_TARGETS_SIZE - 8));
/** Table entries on their way into the table of blocks. */
export const CODE_ENTRIES = 0x91_0000;
export const CODE_ENTRIES_SIZE = 0x40_0000;

/** x86's local descriptor table (modify_ldt(2)), and how many entries it has (u32). */
export const LOCAL_DESCRIPTORS = 0xd2_0000;
export const MAX_LOCAL_DESCRIPTORS = 8192;
export const LOCAL_DESCRIPTORS_COUNT: number = LOCAL_DESCRIPTORS + 8 * MAX_LOCAL_DESCRIPTORS;

/** Tables of natives: see NativeBuilder. The cold tier's module brings them along. */
export const NATIVE_TABLES = 0xd4_0000;
export const NATIVE_TABLES_SIZE = 0x4000;

/** One byte per guest page: 1 = this page and the next are plain, for reading and for writing. */
export const READ_PAIRS = 0xe0_0000;
export const WRITE_PAIRS = 0xf0_0000;

/**
 * Runs of plain pages that regions check addresses against: 32 bytes each, {read lo, read len, write lo,
 * write len} as u64; slot 0 is unused. See RunTable.
 */
export const RUNS = 0x60_0000;
export const RUNS_SIZE = 0x10_0000;

const FIRST_STATES = (READ_BYTES - CPU_STATES) / CPU_STATE_SIZE;

/** Most threads of one process. */
export const MAX_THREADS: number = FIRST_STATES + Math.floor((RUNS - JUMP_CACHES - JUMP_CACHE_SIZE) / CPU_STATE_SIZE);

/** Wasm offset of the CPU state block of thread `n` of a process. */
export const cpuStateAt = (n: number): number =>
  n < FIRST_STATES
    ? CPU_STATES + n * CPU_STATE_SIZE
    : JUMP_CACHES + JUMP_CACHE_SIZE + (n - FIRST_STATES) * CPU_STATE_SIZE;

/** Most worker threads, each with a jump cache in every memory that it runs. */
export const MAX_WORKERS = 16;
export const workerJumpCache = (n: number): number => GUEST_BASE - (n + 1) * JUMP_CACHE_SIZE;

/** Records of the cold tier. */
export const BYTECODE = 0x100_0000;
export const BYTECODE_SIZE: number = GUEST_BASE - MAX_WORKERS * JUMP_CACHE_SIZE - BYTECODE;

/**
 * Value of a page byte: whether an access to the page is plain, and why not. Memory that was never written says
 * unmapped. PLAIN alone is odd, so that the AND of two bytes is PLAIN when both are.
 */
export const PageByte: {
  readonly UNMAPPED: 0;
  readonly PLAIN: 1;
  readonly PROTECTED: 2;
  readonly CODE: 4;
  readonly SHARED: 6;
  readonly PAST_EOF: 8;
  /** What the page holds is still in the file alone. */
  readonly ABSENT: 10;
} = { UNMAPPED: 0, PLAIN: 1, PROTECTED: 2, CODE: 4, SHARED: 6, PAST_EOF: 8, ABSENT: 10 };

/** Fields of a CPU state block that are the same for every guest architecture (byte offsets). */
export const State: {
  readonly PC: number;
  readonly EXIT_REASON: number;
  readonly EXIT_INFO: number;
  readonly FAULT_ADDR: number;
  readonly INTERRUPT: number;
  readonly DEPTH_LIMIT: number;
  readonly IP: number;
  readonly BUDGET: number;
  readonly JUMP_CACHE: number;
  readonly SITE: number;
  readonly NEWS: number;
  readonly STACK_LO: number;
  readonly STACK_LEN: number;
  readonly CC_OP: number;
  readonly CC_A: number;
  readonly CC_B: number;
  readonly CC_C: number;
  readonly CC_D: number;
  readonly CC_R: number;
  readonly CC_FA: number;
  readonly CC_FB: number;
  readonly EXCL_ADDR: number;
  readonly EXCL_VAL: number;
  readonly REGS: number;
  readonly VREGS: number;
  readonly SYSREGS: number;
  readonly TEMPS: number;
} = {
  /** Guest pc as u64; exact whenever translated code has returned to the dispatcher. */
  PC: 0x00,
  /** u32, see Exit. */
  EXIT_REASON: 0x08,
  /** u32: for FAULT the access (1 read, 2 write, 4 fetch) | size << 8. */
  EXIT_INFO: 0x0c,
  /** u64 guest address of a fault. */
  FAULT_ADDR: 0x10,
  /** u32, nonzero = leave translated code at the next look at it. Any thread may set it. */
  INTERRUPT: 0x18,
  /** i32: functions that would go deeper ask whether they may (see fuel.ts). Any thread may set it to 0. */
  DEPTH_LIMIT: 0x1c,
  /** u32, wasm offset of the next cold-tier record, or 0. */
  IP: 0x20,
  /** u32, cold-tier blocks until it returns to the dispatcher. */
  BUDGET: 0x24,
  /** u32, wasm offset of the jump cache of the host thread that runs it. */
  JUMP_CACHE: 0x28,
  /** u32, guest pc of the indirect jump that missed the jump cache, else 0. */
  SITE: 0x2c,
  /** u32, nonzero = on a worker thread: regions were compiled that it has not got yet. */
  NEWS: 0x40,
  /** The run of plain pages around the stack pointer (u64, u64): accesses based on SP. */
  STACK_LO: 0x30,
  STACK_LEN: 0x38,
  /** Lazy condition codes: kind (u32) and operands (u64). */
  CC_OP: 0x80,
  CC_A: 0x88,
  CC_B: 0x90,
  CC_C: 0x98,
  /** More of them where a guest needs them (u32, u32, f64, f64). */
  CC_D: 0x9c,
  CC_R: 0xc0,
  CC_FA: 0xc8,
  CC_FB: 0xd0,
  /** Exclusive monitor: address (u64, all ones = open) and the value loaded (16 bytes). */
  EXCL_ADDR: 0xa0,
  EXCL_VAL: 0xb0,
  /** General registers, 8 bytes each: AArch64 x0–x30, sp. */
  REGS: 0x100,
  /** Vector registers, 16 bytes each. */
  VREGS: 0x200,
  /** Guest system registers, 8 bytes each, order chosen by the front end. */
  SYSREGS: 0x400,
  /** Temporaries of the cold tier, 16 bytes each. */
  TEMPS: 0x800,
};

/** Why translated code returned to the dispatcher (State.EXIT_REASON). */
export const Exit: {
  readonly NONE: 0;
  readonly UNTRANSLATED: 1;
  readonly FAULT: 2;
  readonly UNDEFINED: 3;
  readonly BREAKPOINT: 4;
  readonly INTERRUPT: 5;
  readonly SYSCALL: 6;
  readonly INVALIDATED: 7;
  readonly KERNEL: 8;
  readonly DIVIDE: 9;
  readonly FLOAT: 11;
  readonly PROTECTION: 10;
  readonly SIMD: 12;
  readonly BOUND: 13;
  readonly OVERFLOW: 14;
  readonly STEP: 15;
  readonly SELECTOR: 16;
  readonly ABSENT_SEGMENT: 17;
  readonly STACK_SEGMENT: 18;
} = {
  NONE: 0,
  UNTRANSLATED: 1,
  FAULT: 2,
  UNDEFINED: 3,
  BREAKPOINT: 4,
  INTERRUPT: 5,
  SYSCALL: 6,
  INVALIDATED: 7,
  /** A worker thread met what only the main thread can do; nothing of the instruction at the pc was done. */
  KERNEL: 8,
  /** A division by zero, or whose quotient is too large (x86: #DE). */
  DIVIDE: 9,
  /** An unmasked exception of the x87 is pending (#MF). */
  FLOAT: 11,
  /** An unmasked floating-point exception of SSE's (#XM). */
  SIMD: 12,
  /** BOUND's index is outside (#BR), INTO found an overflow (#OF). */
  BOUND: 13,
  OVERFLOW: 14,
  /** An instruction was done with EFLAGS.TF set (#DB). */
  STEP: 15,
  /**
   * A selector that cannot be loaded or gone to (#GP), whose segment is not present (#NP, of SS #SS); EXIT_INFO is the
   * error code (SDM vol. 3, 6.13).
   */
  SELECTOR: 16,
  ABSENT_SEGMENT: 17,
  STACK_SEGMENT: 18,
  /** What a program may not do, or an address that cannot be one (x86: #GP). */
  PROTECTION: 10,
};
