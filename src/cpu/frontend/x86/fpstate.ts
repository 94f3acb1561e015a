import { Sys, x87Offset, xmmOffset } from './registers.ts';

/** Bytes of the FXSAVE area (SDM vol. 1, 10.5.1). */
export const FXSAVE_SIZE = 512;
/** Bits of MXCSR that exist: but for misaligned exception masking, all up to flush to zero. */
export const MXCSR_MASK = 0xffff;

const ST_AT = 32;
const XMM_AT = 160;
/** Of the last 96 bytes, which programs may use, none is written. */
const WRITTEN = 416;

/** Write the x87 and SSE registers as FXSAVE does; `mode` tells how many xmm registers there are. */
export const saveFx = (view: DataView, state: number, at: number, mode: 64 | 32): void => {
  const xmm = mode === 64 ? 16 : 8;
  new Uint8Array(view.buffer, view.byteOffset + at, WRITTEN).fill(0, ST_AT);
  const word = (offset: number): number => view.getUint32(state + offset, true);
  const fsw = word(Sys.FSW);
  view.setUint16(at, word(Sys.FCW), true);
  view.setUint16(at + 2, fsw, true);
  view.setUint16(at + 4, word(Sys.FTW), true);
  view.setUint16(at + 6, word(Sys.FOP), true);
  view.setBigUint64(at + 8, view.getBigUint64(state + Sys.FIP, true), true);
  view.setBigUint64(at + 16, view.getBigUint64(state + Sys.FDP, true), true);
  view.setUint32(at + 24, word(Sys.MXCSR), true);
  view.setUint32(at + 28, MXCSR_MASK, true);
  // in the order of the stack
  const top = (fsw >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const from = state + x87Offset((top + i) & 7);
    view.setBigUint64(at + ST_AT + 16 * i, view.getBigUint64(from, true), true);
    view.setUint16(at + ST_AT + 16 * i + 8, view.getUint16(from + 8, true), true);
  }
  for (let n = 0; n < xmm; n++) {
    const from = state + xmmOffset(n);
    view.setBigUint64(at + XMM_AT + 16 * n, view.getBigUint64(from, true), true);
    view.setBigUint64(at + XMM_AT + 16 * n + 8, view.getBigUint64(from + 8, true), true);
  }
};

/** FXRSTOR; false: MXCSR has bits that do not exist (#GP). */
export const restoreFx = (view: DataView, state: number, at: number, mode: 64 | 32): boolean => {
  const xmm = mode === 64 ? 16 : 8;
  const mxcsr = view.getUint32(at + 24, true);
  if ((mxcsr & ~MXCSR_MASK) !== 0) return false;
  const fsw = view.getUint16(at + 2, true);
  view.setUint32(state + Sys.FCW, view.getUint16(at, true), true);
  view.setUint32(state + Sys.FSW, fsw, true);
  view.setUint32(state + Sys.FTW, view.getUint8(at + 4), true);
  view.setUint32(state + Sys.FOP, view.getUint16(at + 6, true), true);
  view.setBigUint64(state + Sys.FIP, view.getBigUint64(at + 8, true), true);
  view.setBigUint64(state + Sys.FDP, view.getBigUint64(at + 16, true), true);
  view.setUint32(state + Sys.MXCSR, mxcsr, true);
  const top = (fsw >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const to = state + x87Offset((top + i) & 7);
    view.setBigUint64(to, view.getBigUint64(at + ST_AT + 16 * i, true), true);
    view.setUint16(to + 8, view.getUint16(at + ST_AT + 16 * i + 8, true), true);
  }
  for (let n = 0; n < xmm; n++) {
    const to = state + xmmOffset(n);
    view.setBigUint64(to, view.getBigUint64(at + XMM_AT + 16 * n, true), true);
    view.setBigUint64(to + 8, view.getBigUint64(at + XMM_AT + 16 * n + 8, true), true);
  }
  return true;
};
