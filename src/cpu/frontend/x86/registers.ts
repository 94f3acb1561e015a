import { State } from '../../memory/layout.ts';

/** State offset of the general registers in the order of their encoding: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8–r15. */
export const rOffset = (n: number): number => State.REGS + 8 * n;
/** State offset of xmm0–xmm15. */
export const xmmOffset = (n: number): number => State.VREGS + 16 * n;
/** State offset of the upper halves of ymm0–ymm15. */
export const ymmHighOffset = (n: number): number => State.VREGS + 256 + 16 * n;
/** State offset of the physical x87 registers R0–R7: significand (u64), then sign and exponent (u16). */
export const x87Offset = (n: number): number => State.SYSREGS + 0x100 + 16 * n;

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;

/** Segment registers by their encoding. */
export const Seg = { ES: 0, CS: 1, SS: 2, DS: 3, FS: 4, GS: 5 } as const;
/** First and last offset in it (first > last: none), base, and whether it may be written (u32 each). */
export const SegmentField = { FIRST: 0, LAST: 4, BASE: 8, WRITABLE: 12 } as const;
/** State offset of what a 32-bit program's segment register was loaded with: see SegmentField. */
export const segmentOffset = (n: number): number => State.SYSREGS + 0x180 + 16 * n;
/** State offset of a segment register's selector (u32). */
export const selectorOffset = (n: number): number => State.SYSREGS + 0x20 + 4 * n;

/** Registers besides, in the CPU state. */
export const Sys: {
  readonly FS_BASE: number;
  readonly GS_BASE: number;
  readonly MXCSR: number;
  readonly DF: number;
  readonly MORE_FLAGS: number;
  readonly TLS: number;
  readonly FCW: number;
  readonly FSW: number;
  readonly FTW: number;
  readonly FOP: number;
  readonly FIP: number;
  readonly FDP: number;
  readonly OPERAND: number;
  readonly SINGLE: number;
  readonly NUMBER: number;
  readonly SPECIAL: number;
  readonly OFFSET: number;
} = {
  /** Bases of FS and GS: u64. */
  FS_BASE: State.SYSREGS,
  GS_BASE: State.SYSREGS + 8,
  MXCSR: State.SYSREGS + 0x10,
  /** EFLAGS.DF in bit 0 (u32). */
  DF: State.SYSREGS + 0x18,
  /** What else of EFLAGS programs can set (TF, AC and ID), in its place (u32). */
  MORE_FLAGS: State.SYSREGS + 0x1c,
  /** Descriptors of thread-local storage of 32-bit programs, see set_thread_area(2): three of them (u64). */
  TLS: State.SYSREGS + 0x40,
  /** x87: control word, status word without TOP's meaning changed, tags (a bit per physical register: 1 = in use), u32 each. */
  FCW: State.SYSREGS + 0x80,
  FSW: State.SYSREGS + 0x84,
  FTW: State.SYSREGS + 0x88,
  /** Last instruction: opcode (u32), its address and that of its operand (u64). */
  FOP: State.SYSREGS + 0x8c,
  FIP: State.SYSREGS + 0x90,
  FDP: State.SYSREGS + 0x98,
  /** An operand for a helper (16 bytes). */
  OPERAND: State.SYSREGS + 0xa0,
  /** Not 0: the next instruction is done by itself, see Single (u32). */
  SINGLE: State.SYSREGS + 0xb0,
  /** What x87 instructions take from memory, or leave for it (16 bytes); rows peek and poke it, as they do the x87's state. */
  NUMBER: State.SYSREGS + 0xc0,
  /** Segment registers, a bit each, that are not as code for flat segments takes them to be (u32). */
  SPECIAL: State.SYSREGS + 0x1e0,
  /** The offset of an access that is to be looked at (u32): see checkSegment. */
  OFFSET: State.SYSREGS + 0x1e4,
};

/** State offset of 32 bytes for the memory operand of a helper that works on vector registers. */
export const VECTOR_OPERAND: number = State.SYSREGS + 0x200;
/** State offset of 32 bytes for operands of natives, which rows peek and poke: nothing that rows get and set lies there. */
export const NATIVE_OPERAND: number = State.SYSREGS + 0x220;

/**
 * Why an instruction is done by itself: it may store to code, its locked access is misaligned, EFLAGS.TF is set; and by
 * itself or not, in a bit of its own: segments are not flat.
 */
export const Single = { CODE: 1, SPLIT: 2, STEP: 3, SEGMENTED: 4 } as const;

/** Have the next instruction done by itself for a reason, or 0: not. */
export const setSingle = (view: DataView, state: number, why: number): void => {
  const at = state + Sys.SINGLE;
  view.setUint32(at, (view.getUint32(at, true) & Single.SEGMENTED) | why, true);
};

/** What the registers hold when a program starts (Intel SDM vol. 1, 8.1.5 and 10.2.3; Linux's selectors). */
export const resetState = (view: DataView, state: number, mode: 64 | 32): void => {
  view.setUint32(state + Sys.MXCSR, 0x1f80, true);
  view.setUint32(state + Sys.FCW, 0x37f, true);
  const selectors = mode === 64 ? [0, 0x33, 0x2b, 0, 0, 0] : [0x2b, 0x23, 0x2b, 0x2b, 0, 0];
  for (const [n, selector] of selectors.entries()) view.setUint32(state + selectorOffset(n), selector, true);
  if (mode === 64) return;
  for (let n: number = Seg.ES; n <= Seg.GS; n++) {
    // FS and GS are null
    const words = n >= Seg.FS ? [1, 0, 0, 0] : [0, 0xffff_ffff, 0, Number(n !== Seg.CS)];
    for (const [i, v] of words.entries()) view.setUint32(state + segmentOffset(n) + 4 * i, v, true);
  }
};
