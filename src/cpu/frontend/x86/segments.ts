import { Seg, Sys, selectorOffset } from './registers.ts';

/** First entry of thread-local storage in the descriptor table (GDT_ENTRY_TLS_MIN of 64-bit kernels), and how many. */
export const TLS_FIRST = 12;
export const TLS_COUNT = 3;

/** SS of all programs, and DS and ES of 32-bit ones. */
export const DATA_SELECTOR = 0x2b;
const PAGES = 0xffff_ffff;
/** Linux's descriptors that programs see, as LAR and LSL tell them: 32-bit code, data, 64-bit code, this processor's number. */
const DESCRIPTORS: Readonly<Record<number, Descriptor | undefined>> = {
  4: { rights: 0xcf_fb00, limit: PAGES },
  5: { rights: 0xcf_f300, limit: PAGES },
  6: { rights: 0xaf_fb00, limit: PAGES },
  15: { rights: 0x40_f500, limit: 0 },
};
const TLS_DESCRIPTOR: Descriptor = { rights: 0xdf_f300, limit: PAGES };
/** The type of segments that may be written, among its bits in the rights. */
const TYPE = 0xa00;
const WRITABLE_DATA = 0x200;

interface Descriptor {
  /** The descriptor's second word but for its base and limit; 0: there is none. */
  readonly rights: number;
  readonly limit: number;
}
const NO_DESCRIPTOR: Descriptor = { rights: 0, limit: 0 };

/** Of the descriptor table, of which Linux' programs have no other. */
const entryOf = (selector: number): number => {
  const entry = (selector >> 3) - TLS_FIRST;
  return (selector & 4) === 0 && entry >= 0 && entry < TLS_COUNT ? entry : -1;
};
/** The segment that a selector names. */
export const describe = (view: DataView, state: number, selector: number): Descriptor => {
  if ((selector & 4) !== 0) return NO_DESCRIPTOR;
  const entry = entryOf(selector);
  if (entry < 0) return DESCRIPTORS[selector >> 3] ?? NO_DESCRIPTOR;
  return getThreadArea(view, state, entry) === 0 ? NO_DESCRIPTOR : TLS_DESCRIPTOR;
};
/** Whether a segment register may hold a selector: SS wants one of data at the program's own level. */
const isLoadable = (view: DataView, state: number, segment: number, selector: number): boolean => {
  if (segment !== Seg.SS && selector <= 3) return true;
  const { rights } = describe(view, state, selector);
  return segment === Seg.SS ? (selector & 3) === 3 && (rights & TYPE) === WRITABLE_DATA : rights !== 0;
};

export const getSelector = (view: DataView, state: number, segment: number): number =>
  view.getUint32(state + selectorOffset(segment), true);

/** Load a segment register: the base of FS or GS follows (SDM vol. 3, 3.4); false: there is no such segment (#GP). */
export const setSelector = (view: DataView, state: number, segment: number, selector: number): boolean => {
  if (!isLoadable(view, state, segment, selector)) return false;
  const entry = entryOf(selector);
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
