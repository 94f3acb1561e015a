import { Sys, x87Offset, xmmOffset, ymmHighOffset } from './registers.ts';

/** Bytes of the FXSAVE area (SDM vol. 1, 10.5.1). */
export const FXSAVE_SIZE = 512;
/** Bits of MXCSR that exist: but for misaligned exception masking, all up to flush to zero. */
export const MXCSR_MASK = 0xffff;
/** What it holds at first: all exceptions masked. */
export const MXCSR_DEFAULT = 0x1f80;

const ST_AT = 32;
const XMM_AT = 160;

/** State components of XSAVE (SDM vol. 1, 13.1). */
export const X87 = 1;
export const SSE = 2;
export const AVX = 4;
/** Where the standard form has the upper halves of the ymm registers. */
export const AVX_AT = 576;

const copy16 = (view: DataView, to: number, from: number): void => {
  view.setBigUint64(to, view.getBigUint64(from, true), true);
  view.setBigUint64(to + 8, view.getBigUint64(from + 8, true), true);
};
/** How many vector registers there are. */
const vectors = (mode: 64 | 32): number => (mode === 64 ? 16 : 8);

/** Write some components of the state, MXCSR aside. */
const saveRegisters = (view: DataView, state: number, at: number, mode: 64 | 32, components: number): void => {
  const word = (offset: number): number => view.getUint32(state + offset, true);
  if (components & X87) {
    const fsw = word(Sys.FSW);
    view.setUint16(at, word(Sys.FCW), true);
    view.setUint16(at + 2, fsw, true);
    view.setUint16(at + 4, word(Sys.FTW), true);
    view.setUint16(at + 6, word(Sys.FOP), true);
    view.setBigUint64(at + 8, view.getBigUint64(state + Sys.FIP, true), true);
    view.setBigUint64(at + 16, view.getBigUint64(state + Sys.FDP, true), true);
    // in the order of the stack
    const top = (fsw >> 11) & 7;
    for (let i = 0; i < 8; i++) {
      const from = state + x87Offset((top + i) & 7);
      view.setBigUint64(at + ST_AT + 16 * i, view.getBigUint64(from, true), true);
      view.setBigUint64(at + ST_AT + 16 * i + 8, BigInt(view.getUint16(from + 8, true)), true);
    }
  }
  if (components & SSE)
    for (let n = 0; n < vectors(mode); n++) copy16(view, at + XMM_AT + 16 * n, state + xmmOffset(n));
  if (components & AVX) for (let n = 0; n < vectors(mode); n++) copy16(view, at + AVX_AT + 16 * n, state + ymmHighOffset(n)); // biome-ignore format: one line
};

const saveMxcsr = (view: DataView, state: number, at: number): void => {
  view.setUint32(at + 24, view.getUint32(state + Sys.MXCSR, true), true);
  view.setUint32(at + 28, MXCSR_MASK, true);
};
/** Write the x87 and SSE registers as FXSAVE does, or some `components` of the state as XSAVE does. */
export const saveFx = (
  view: DataView,
  state: number,
  at: number,
  mode: 64 | 32,
  components: number = X87 | SSE,
): void => {
  saveRegisters(view, state, at, mode, components);
  if (components & (SSE | AVX)) saveMxcsr(view, state, at);
};
/** The same as XSAVEC does. */
export const saveCompacted = (view: DataView, state: number, at: number, mode: 64 | 32, components: number): void => {
  saveRegisters(view, state, at, mode, components);
  if (components & SSE) saveMxcsr(view, state, at);
};

/** FXRSTOR, or some components; false: MXCSR has bits that do not exist (#GP). */
export const restoreFx = (
  view: DataView,
  state: number,
  at: number,
  mode: 64 | 32,
  components: number = X87 | SSE,
): boolean => {
  // biome-ignore format: one line
  if (components & (SSE | AVX)) {
    const mxcsr = view.getUint32(at + 24, true);
    if ((mxcsr & ~MXCSR_MASK) !== 0) return false;
    view.setUint32(state + Sys.MXCSR, mxcsr, true);
  }
  restoreRegisters(view, state, at, mode, components);
  return true;
};

/** Read some components of the state, MXCSR aside. */
export const restoreRegisters = (
  view: DataView,
  state: number,
  at: number,
  mode: 64 | 32,
  components: number,
): void => {
  if (components & X87) {
    const fsw = view.getUint16(at + 2, true);
    view.setUint32(state + Sys.FCW, view.getUint16(at, true) | 0x40, true);
    view.setUint32(state + Sys.FSW, fsw, true);
    view.setUint32(state + Sys.FTW, view.getUint8(at + 4), true);
    view.setUint32(state + Sys.FOP, view.getUint16(at + 6, true), true);
    view.setBigUint64(state + Sys.FIP, view.getBigUint64(at + 8, true), true);
    view.setBigUint64(state + Sys.FDP, view.getBigUint64(at + 16, true), true);
    const top = (fsw >> 11) & 7;
    for (let i = 0; i < 8; i++) {
      const to = state + x87Offset((top + i) & 7);
      view.setBigUint64(to, view.getBigUint64(at + ST_AT + 16 * i, true), true);
      view.setUint32(to + 8, view.getUint16(at + ST_AT + 16 * i + 8, true), true);
    }
  }
  if (components & SSE)
    for (let n = 0; n < vectors(mode); n++) copy16(view, state + xmmOffset(n), at + XMM_AT + 16 * n);
  if (components & AVX) for (let n = 0; n < vectors(mode); n++) copy16(view, state + ymmHighOffset(n), at + AVX_AT + 16 * n); // biome-ignore format: one line
};

/** What XRSTOR does for components that the image says are in their initial state; MXCSR is none of theirs. */
export const initialise = (view: DataView, state: number, mode: 64 | 32, components: number): void => {
  const clear = (offset: number, size: number): void =>
    void new Uint8Array(view.buffer, view.byteOffset + state + offset, size).fill(0);
  if (components & X87) {
    for (const offset of [Sys.FSW, Sys.FTW, Sys.FOP]) view.setUint32(state + offset, 0, true);
    view.setUint32(state + Sys.FCW, 0x37f, true);
    view.setBigUint64(state + Sys.FIP, 0n, true);
    view.setBigUint64(state + Sys.FDP, 0n, true);
    clear(x87Offset(0), 8 * 16);
  }
  if (components & SSE) clear(xmmOffset(0), vectors(mode) * 16);
  if (components & AVX) clear(ymmHighOffset(0), vectors(mode) * 16);
};

/** What handlers of signals find: the kernel saves the state and starts anew (fpu__clear_user_states). */
export const resetFpState = (view: DataView, state: number, mode: 64 | 32): void => {
  initialise(view, state, mode, X87 | SSE | AVX);
  view.setUint32(state + Sys.MXCSR, MXCSR_DEFAULT, true);
};

/** Components that are not in their initial state (SDM vol. 1, 13.6). */
export const inUse = (view: DataView, state: number, mode: 64 | 32): number => {
  const isZero = (offset: number): boolean =>
    view.getBigUint64(state + offset, true) === 0n && view.getBigUint64(state + offset + 8, true) === 0n;
  const word = (offset: number): number => view.getUint32(state + offset, true);
  const all = (count: number, offset: (n: number) => number): boolean =>
    Array.from({ length: count }, (_, n) => offset(n)).every(isZero);
  const x87 =
    word(Sys.FCW) === 0x37f && [Sys.FSW, Sys.FTW, Sys.FOP].every((offset) => word(offset) === 0) && all(8, x87Offset);
  return (x87 ? 0 : X87) | (all(vectors(mode), xmmOffset) ? 0 : SSE) | (all(vectors(mode), ymmHighOffset) ? 0 : AVX);
};

/** Bytes of the XSAVE area with the upper halves of ymm registers, and of a signal frame's with the mark behind it. */
export const XSAVE_SIZE: number = AVX_AT + 256;
export const FRAME_SIZE: number = XSAVE_SIZE + 4;
/** struct _fpx_sw_bytes (arch/x86 asm/sigcontext.h): what the kernel says of a frame, in the bytes that programs may use. */
const SW_BYTES = 464;
const MAGIC1 = 0x4650_5853;
const MAGIC2 = 0x4650_5845;

/** The state in a signal frame, as a kernel with XSAVE writes it. */
export const saveFrame = (view: DataView, state: number, at: number, mode: 64 | 32): void => {
  new Uint8Array(view.buffer, view.byteOffset + at, FRAME_SIZE).fill(0);
  saveFx(view, state, at, mode, X87 | SSE | AVX);
  view.setUint32(at + SW_BYTES, MAGIC1, true);
  view.setUint32(at + SW_BYTES + 4, FRAME_SIZE, true);
  view.setUint32(at + SW_BYTES + 8, X87 | SSE | AVX, true);
  view.setUint32(at + SW_BYTES + 16, XSAVE_SIZE, true);
  view.setUint32(at + FXSAVE_SIZE, X87 | SSE | AVX, true);
  view.setUint32(at + XSAVE_SIZE, MAGIC2, true);
};

/** Back from a signal frame; one without the marks has the FXSAVE area alone. */
export const restoreFrame = (view: DataView, state: number, at: number, mode: 64 | 32): boolean => {
  const whole = view.getUint32(at + SW_BYTES, true) === MAGIC1 && view.getUint32(at + XSAVE_SIZE, true) === MAGIC2;
  const held = whole ? view.getUint32(at + FXSAVE_SIZE, true) & (X87 | SSE | AVX) : X87 | SSE;
  if (!restoreFx(view, state, at, mode, held | SSE)) return false;
  initialise(view, state, mode, (X87 | SSE | AVX) & ~held);
  return true;
};
