import { checksum } from './checksum.ts';

/**
 * Cold-tier translations as they are kept on disk, as 32-bit words:
 *
 *     magic, version, count, checksum, then count × (pc, flags kind, offset) in that order, then bodies
 *
 * A body carries the guest code it was made from. It is used only where memory holds the same bytes, so
 * an image can be old, foreign or from another program without doing harm.
 */
const MAGIC = 0x69717374;
const HEAD = 4;
const INDEX = 3;
/** Words at the start of a body: end, bits, call target, return site, then counts of records, links, internals, constants. */
export const BODY = 8;

export interface ImageBody {
  readonly pc: number;
  /** Flags kind it was translated for; -1 = none, or not known. */
  readonly kind: number;
  readonly end: number;
  readonly readsFlags: boolean;
  readonly flagsOut: number;
  /** Function it calls, or 0. */
  readonly callTarget: number;
  /** Where the call at its end returns to, or 0. */
  readonly returnsTo: number;
  readonly code: Uint32Array;
  readonly records: Uint32Array;
  /** (record index, pc, flags kind) of jumps to other blocks. */
  readonly links: ArrayLike<number>;
  /** (record index, record index) of jumps within. */
  readonly internals: ArrayLike<number>;
  /** (record index, bytes as words: 4 or 8 of them, preceded by their number). */
  readonly constants: ArrayLike<number>;
}

const encodeBody = (b: ImageBody, out: number[]): void => {
  out.push(b.end, (b.readsFlags ? 1 : 0) | ((b.flagsOut + 1) << 1), b.callTarget, b.returnsTo);
  out.push(b.records.length / 4, b.links.length / 3, b.internals.length / 2, b.constants.length);
  for (const part of [b.code, b.records, b.links, b.internals, b.constants]) {
    for (let i = 0; i < part.length; i++) out.push(part[i] as number);
  }
};

/** Read access to an image. */
export class BlockImage {
  readonly words: Uint32Array;
  readonly count: number;

  private constructor(words: Uint32Array) {
    this.words = words;
    this.count = words[2] as number;
  }

  /** Null when the words are not a whole image of this version. */
  static open(words: Uint32Array, version: number): BlockImage | null {
    if (words.length < HEAD || words[0] !== MAGIC || words[1] !== version >>> 0) return null;
    if (HEAD + (words[2] as number) * INDEX > words.length || words[3] !== checksum(words, HEAD)) return null;
    return new BlockImage(words);
  }

  private pcAt(i: number): number {
    return this.words[HEAD + INDEX * i] as number;
  }
  private kindAt(i: number): number {
    return (this.words[HEAD + INDEX * i + 1] as number) | 0;
  }

  /** Body usable at pc for a flags kind (-1 = not known), or null. */
  find(pc: number, kind: number): ImageBody | null {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (this.pcAt(mid) < pc) low = mid + 1;
      else high = mid;
    }
    for (let i = low; i < this.count && this.pcAt(i) === pc; i++) {
      const of = this.kindAt(i);
      if (of === kind && kind >= 0) return this.body(i);
      if (of === -1) {
        const body = this.body(i);
        if (kind < 0 || !body.readsFlags) return body;
      }
    }
    return null;
  }

  body(i: number): ImageBody {
    const { words } = this;
    const pc = this.pcAt(i);
    let at = words[HEAD + INDEX * i + 2] as number;
    const [end, bits, callTarget, returnsTo, records, links, internals, constants] = words.subarray(
      at,
      at + BODY,
    ) as unknown as [number, number, number, number, number, number, number, number];
    at += BODY;
    const take = (n: number): Uint32Array => words.subarray(at, (at += n));
    return {
      pc,
      kind: this.kindAt(i),
      end,
      readsFlags: (bits & 1) !== 0,
      flagsOut: (bits >>> 1) - 1,
      callTarget,
      returnsTo,
      code: take(((end + 3) >>> 2) - (pc >>> 2)),
      records: take(records * 4),
      links: take(links * 3),
      internals: take(internals * 2),
      constants: take(constants),
    };
  }
}

/** An image of these bodies and of what `old` has besides. */
export const writeImage = (bodies: readonly ImageBody[], old: BlockImage | null, version: number): Uint32Array => {
  const key = (b: { pc: number; kind: number }): number => (b.kind + 1) * 0x1_0000_0000 + b.pc;
  const all = new Map<number, ImageBody>();
  for (let i = 0; old && i < old.count; i++) {
    const b = old.body(i);
    all.set(key(b), b);
  }
  for (const b of bodies) all.set(key(b), b);
  const sorted = [...all.values()].sort((a, b) => a.pc - b.pc || a.kind - b.kind);
  const index: number[] = [];
  const data: number[] = [];
  const base = HEAD + INDEX * sorted.length;
  for (const b of sorted) {
    index.push(b.pc, b.kind, base + data.length);
    encodeBody(b, data);
  }
  const words = new Uint32Array(base + data.length);
  words.set([MAGIC, version, sorted.length]);
  words.set(index, HEAD);
  words.set(data, base);
  words[3] = checksum(words, HEAD);
  return words;
};
