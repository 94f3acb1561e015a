import { Exit, LOCAL_DESCRIPTORS, LOCAL_DESCRIPTORS_COUNT, MAX_LOCAL_DESCRIPTORS } from '../../memory/layout.ts';
import { Seg, SegmentField, Single, Sys, segmentOffset, selectorOffset } from './registers.ts';

/** First entry of thread-local storage in the descriptor table (GDT_ENTRY_TLS_MIN of 64-bit kernels), and how many. */
export const TLS_FIRST = 12;
export const TLS_COUNT = 3;

/** SS of all programs, and DS and ES of 32-bit ones. */
export const DATA_SELECTOR = 0x2b;
/** CS of 64-bit programs. */
const CODE_64 = 0x33;
/** Of a selector: its entry is one of the local table. */
const LOCAL = 4;

/** Linux's descriptors that programs see: 32-bit code, data, 64-bit code, this processor's number. */
const DESCRIPTORS: Readonly<Record<number, bigint | undefined>> = {
  4: 0xcf_fb00_0000_ffffn,
  5: 0xcf_f300_0000_ffffn,
  6: 0xaf_fb00_0000_ffffn,
  15: 0x40_f500_0000_0000n,
};

/** Bits of a descriptor's second word (SDM vol. 3, 3.4.5); of its type: code, and what may be read of code or written of data. */
const PRESENT = 0x8000;
const GRANULARITY = 0x80_0000;
const CODE = 0x800;
const OPEN = 0x200;
/** Of data: offsets are those above the limit; up to 2^32 (D/B). */
const EXPANDS_DOWN = 0x400;
const BIG = 0x40_0000;

/** What a descriptor says; all 0: there is none. */
interface Descriptor {
  /** The second word but for its base and limit. */
  readonly rights: number;
  readonly limit: number;
  readonly base: number;
}

const NONE: Descriptor = { rights: 0, limit: 0, base: 0 };

/** A descriptor's parts. */
const parse = (descriptor: bigint): Descriptor => {
  const low = Number(descriptor & 0xffff_ffffn);
  const high = Number(descriptor >> 32n);
  const limit = (low & 0xffff) | (high & 0xf_0000);
  return {
    rights: high & 0xff_ff00,
    limit: (high & GRANULARITY) !== 0 ? ((limit << 12) | 0xfff) >>> 0 : limit,
    base: ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0,
  };
};

/** Place among the thread's entries, of which Linux' programs can set no others of the global table; -1: none of those. */
const entryOf = (selector: number): number => {
  const entry = (selector >> 3) - TLS_FIRST;
  return (selector & LOCAL) === 0 && entry >= 0 && entry < TLS_COUNT ? entry : -1;
};
/** The segment that a selector names. */
export const describe = (view: DataView, state: number, selector: number): Descriptor => {
  if ((selector & LOCAL) !== 0) return parse(getLocal(view, selector >> 3));
  const entry = entryOf(selector);
  return parse(entry < 0 ? (DESCRIPTORS[selector >> 3] ?? 0n) : getThreadArea(view, state, entry));
};

/** Whether the segment may be read, or written. */
export const isReadable = ({ rights }: Descriptor): boolean => rights !== 0 && (rights & (CODE | OPEN)) !== CODE;
export const isWritable = ({ rights }: Descriptor): boolean => (rights & (CODE | OPEN)) === OPEN;

/** Exit of a segment register that is loaded with a selector (SDM vol. 2, MOV); 0: it may be. */
const refusal = (segment: number, selector: number, found: Descriptor): number => {
  // all segments that there are have privilege level 3
  if (segment === Seg.SS) {
    if ((selector & 3) !== 3 || !isWritable(found)) return Exit.SELECTOR;
    return (found.rights & PRESENT) === 0 ? Exit.STACK_SEGMENT : 0;
  }
  if (!isReadable(found)) return Exit.SELECTOR;
  return (found.rights & PRESENT) === 0 ? Exit.ABSENT_SEGMENT : 0;
};

export const getSelector = (view: DataView, state: number, segment: number): number =>
  view.getUint32(state + selectorOffset(segment), true);

/** Load a segment register: its base and limits follow (SDM vol. 3, 3.4); not 0: the Exit that this is. */
export const setSelector = (view: DataView, state: number, segment: number, selector: number): number => {
  const isNull = selector <= 3 && segment !== Seg.SS;
  const found = isNull ? NONE : describe(view, state, selector);
  const refused = isNull ? 0 : refusal(segment, selector, found);
  if (refused !== 0) return refused;
  view.setUint32(state + selectorOffset(segment), selector, true);
  load(view, state, segment, found);
  return 0;
};

/** The part of a segment register that programs do not see. */
const load = (view: DataView, state: number, segment: number, found: Descriptor): void => {
  if (segment >= Seg.FS) setBase(view, state, segment, found.base);
  // 64-bit mode has no other bases and no limits
  if (getSelector(view, state, Seg.CS) === CODE_64) return;
  const [first, last] = extent(found);
  const writable = isWritable(found);
  const at = state + segmentOffset(segment);
  view.setUint32(at + SegmentField.FIRST, first, true);
  view.setUint32(at + SegmentField.LAST, last, true);
  view.setUint32(at + SegmentField.BASE, found.base, true);
  view.setUint32(at + SegmentField.WRITABLE, Number(writable), true);
  const bit = 1 << segment;
  const others = view.getUint32(state + Sys.SPECIAL, true) & ~bit;
  const special = others | (isUsual(segment, found, first, last) ? 0 : bit);
  view.setUint32(state + Sys.SPECIAL, special, true);
  const single = view.getUint32(state + Sys.SINGLE, true) & ~Single.SEGMENTED;
  view.setUint32(state + Sys.SINGLE, single | (special === 0 ? 0 : Single.SEGMENTED), true);
};

/** First and last offset in a segment. */
const extent = ({ rights, limit }: Descriptor): [first: number, last: number] => {
  if (rights === 0) return [1, 0];
  if ((rights & (CODE | EXPANDS_DOWN)) !== EXPANDS_DOWN) return [0, limit];
  const last = (rights & BIG) !== 0 ? 0xffff_ffff : 0xffff;
  return limit >= last ? [1, 0] : [limit + 1, last];
};

/**
 * Whether code that is translated for flat segments serves: it adds the bases of FS and GS, looks whether FS is null, and
 * at no limits. Those of FS and GS are let be, which have thread-local storage: who sets some there would pay for all else.
 */
const isUsual = (segment: number, found: Descriptor, first: number, last: number): boolean => {
  if (found.rights === 0) return segment === Seg.FS;
  if (!isWritable(found)) return false;
  return segment >= Seg.FS || (found.base === 0 && first === 0 && last === 0xffff_ffff);
};

/** Whether bytes from an offset on may be accessed; those that go round the end of a flat segment are left to paging. */
export const isAllowed = (
  view: DataView,
  state: number,
  segment: number,
  offset: number,
  size: number,
  write: boolean,
): boolean => {
  const at = state + segmentOffset(segment);
  const last = view.getUint32(at + SegmentField.LAST, true);
  if (offset < view.getUint32(at + SegmentField.FIRST, true)) return false;
  if (offset + size - 1 > last && last !== 0xffff_ffff) return false;
  return !write || view.getUint32(at + SegmentField.WRITABLE, true) !== 0;
};

/** The base of a segment register. */
export const baseOf = (view: DataView, state: number, segment: number): number =>
  view.getUint32(state + segmentOffset(segment) + SegmentField.BASE, true);

const setBase = (view: DataView, state: number, segment: number, base: number): void =>
  view.setBigUint64(state + (segment === Seg.FS ? Sys.FS_BASE : Sys.GS_BASE), BigInt(base), true);

/** A descriptor of thread-local storage. */
export const getThreadArea = (view: DataView, state: number, entry: number): bigint =>
  view.getBigUint64(state + Sys.TLS + 8 * entry, true);

/** Change one; segment registers that name it follow, as at the next return to the program. */
export const setThreadArea = (view: DataView, state: number, entry: number, descriptor: bigint): void => {
  view.setBigUint64(state + Sys.TLS + 8 * entry, descriptor, true);
  for (const segment of [Seg.ES, Seg.SS, Seg.DS, Seg.FS, Seg.GS]) {
    if (entryOf(getSelector(view, state, segment)) === entry) load(view, state, segment, parse(descriptor));
  }
};

/** Entries of the process's local table: those up to the highest that was ever set. */
export const localCount = (view: DataView): number => view.getUint32(LOCAL_DESCRIPTORS_COUNT, true);

/** An entry of the local table; 0: it has none of that number. */
export const getLocal = (view: DataView, entry: number): bigint =>
  entry < localCount(view) ? view.getBigUint64(LOCAL_DESCRIPTORS + 8 * entry, true) : 0n;

/**
 * Change one, below MAX_LOCAL_DESCRIPTORS. FS and GS keep what they were loaded with; DS and ES the kernel loads again
 * (refresh_ldt_segments, arch/x86/kernel/ldt.c), and its return SS.
 */
export const changeLocal = (view: DataView, state: number, entry: number, descriptor: bigint): void => {
  setLocal(view, entry, descriptor);
  for (const segment of [Seg.DS, Seg.ES, Seg.SS]) {
    const selector = getSelector(view, state, segment);
    if ((selector & LOCAL) === 0 || selector >> 3 !== entry) continue;
    if (setSelector(view, state, segment, selector) !== 0 && segment !== Seg.SS) setSelector(view, state, segment, 0);
  }
};
const setLocal = (view: DataView, entry: number, descriptor: bigint): void => {
  view.setBigUint64(LOCAL_DESCRIPTORS + 8 * entry, descriptor, true);
  if (entry >= localCount(view)) view.setUint32(LOCAL_DESCRIPTORS_COUNT, entry + 1, true);
};

/** A process begins, with a table that another's memory has (null: with none). */
export const copyLocal = (view: DataView, from: DataView | null): void => {
  const old = localCount(view);
  const count = from === null ? 0 : localCount(from);
  for (let n = 0; n < Math.max(old, count); n++) {
    const entry = from === null || n >= count ? 0n : getLocal(from, n);
    view.setBigUint64(LOCAL_DESCRIPTORS + 8 * n, entry, true);
  }
  if (old !== count) view.setUint32(LOCAL_DESCRIPTORS_COUNT, count, true);
};

export { MAX_LOCAL_DESCRIPTORS };
