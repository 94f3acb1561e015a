import { Seg, Sys, selectorOffset } from './registers.ts';

/** First entry of thread-local storage in the descriptor table (GDT_ENTRY_TLS_MIN of 64-bit kernels), and how many. */
export const TLS_FIRST = 12;
export const TLS_COUNT = 3;

/** Selectors of the kernel's flat segments that programs may load: 32-bit code, data, 64-bit code. */
const FLAT = [0x23, 0x2b, 0x33];

const entryOf = (selector: number): number => {
  const entry = (selector >> 3) - TLS_FIRST;
  return (selector & 7) === 3 && entry >= 0 && entry < TLS_COUNT ? entry : -1;
};

export const getSelector = (view: DataView, state: number, segment: number): number =>
  view.getUint32(state + selectorOffset(segment), true);

/** Load a segment register: the base of FS or GS follows (SDM vol. 3, 3.4); false: there is no such segment (#GP). */
export const setSelector = (view: DataView, state: number, segment: number, selector: number): boolean => {
  const entry = entryOf(selector);
  if (selector > 3 && entry < 0 && !FLAT.includes(selector)) return false;
  view.setUint32(state + selectorOffset(segment), selector, true);
  if (segment >= Seg.FS) setBase(view, state, segment, entry < 0 ? 0 : getThreadArea(view, state, entry));
  return true;
};

const setBase = (view: DataView, state: number, segment: number, base: number): void =>
  view.setBigUint64(state + (segment === Seg.FS ? Sys.FS_BASE : Sys.GS_BASE), BigInt(base), true);

/** Base of a descriptor of thread-local storage. */
export const getThreadArea = (view: DataView, state: number, entry: number): number =>
  view.getUint32(state + Sys.TLS + 4 * entry, true);

/** Change a descriptor; segment registers that name it follow, as at the next return to the program. */
export const setThreadArea = (view: DataView, state: number, entry: number, base: number): void => {
  view.setUint32(state + Sys.TLS + 4 * entry, base, true);
  for (const segment of [Seg.FS, Seg.GS]) {
    if (entryOf(getSelector(view, state, segment)) === entry) setBase(view, state, segment, base);
  }
};
