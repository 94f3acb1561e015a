/** LD1–LD4, ST1–ST4: multiple structures, single structure, load and replicate (Arm ARM C4.1.94.1–4). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { loadVector } from './fp-load-store.ts';
import { family, LANES, type V128 } from './simd-row.ts';

type I64 = Value<'i64'>;

interface Multiple {
  readonly q: number;
  readonly size: number;
  readonly rn: number;
  readonly rt: number;
}

/** Post-index: rm = 31 adds the bytes transferred, else the register. Undefined rm: no write-back. */
function writeBack(t: Translator, rn: number, rm: number | undefined, base: I64, bytes: number): void {
  if (rm === undefined) return;
  t.setXsp(rn, t.b.i64.add(base, rm === 31 ? t.b.const64(bytes) : t.x(rm)));
}

/**
 * Bytes picked from up to four vectors: source byte s is byte s % 16 of vector s / 16; -1 is any. Two vectors a
 * shuffle, so at most three shuffles.
 */
function gather(t: Translator, from: readonly V128[], bytes: readonly number[]): V128 {
  const pair = (first: number): V128 | null => {
    const a = from[first];
    if (!a) return null;
    const b = from[first + 1] ?? a;
    const mine = bytes.map((s) => (s >> 4 === first || s >> 4 === first + 1 ? s - first * 16 : 0));
    return t.b.shuffle(a, b, mine);
  };
  const low = pair(0) as V128;
  if (from.length <= 2) return low;
  const high = pair(2) as V128;
  return t.b.shuffle(low, high, bytes.map((s, i) => (s < 32 ? i : 16 + i))); // biome-ignore format: one line
}

const chunks = (total: number): number => Math.ceil(total / 16);

/** `total` bytes of memory as vectors of 16, the last one perhaps of 8. */
function loadChunks(t: Translator, base: I64, total: number): V128[] {
  return Array.from({ length: chunks(total) }, (_, i) => loadVector(t, total - i * 16 >= 16 ? 4 : 3, base, i * 16));
}

/** LD2–LD4: element e of register r lies at element e × count + r of memory. */
function loadInterleaved(t: Translator, { q, size, rn, rt }: Multiple, count: number, rm?: number): void {
  if (size === 3 && q === 0) return t.undefined();
  const width = q ? 16 : 8;
  const base = t.xsp(rn);
  const memory = loadChunks(t, base, width * count);
  const results = Array.from({ length: count }, (_, r) => {
    const bytes = Array.from({ length: 16 }, (_, i) => {
      const at = i % width;
      return (((at >> size) * count + r) << size) + (at & ((1 << size) - 1));
    });
    return gather(t, memory, bytes);
  });
  writeBack(t, rn, rm, base, width * count);
  for (const [r, v] of results.entries()) t.setVq((rt + r) & 31, q, v);
}

function storeChunk(t: Translator, base: I64, v: V128, at: number, total: number): void {
  if (total - at >= 16) t.store('v128.store', base, v, at);
  else t.store('i64.store', base, t.b.extract('i64x2.extract_lane', v, 0), at);
}

/** ST2–ST4. */
function storeInterleaved(t: Translator, { q, size, rn, rt }: Multiple, count: number, rm?: number): void {
  if (size === 3 && q === 0) return t.undefined();
  const width = q ? 16 : 8;
  const total = width * count;
  const base = t.xsp(rn);
  const registers = Array.from({ length: count }, (_, r) => t.v((rt + r) & 31));
  for (let at = 0; at < total; at += 16) {
    const bytes = Array.from({ length: 16 }, (_, i) => {
      const element = (at + i) >> size;
      // past the end of an 8-byte last chunk: any byte
      if (at + i >= total) return 0;
      return (element % count) * 16 + (Math.floor(element / count) << size) + (i & ((1 << size) - 1));
    });
    storeChunk(t, base, gather(t, registers, bytes), at, total);
  }
  writeBack(t, rn, rm, base, total);
}

/** LD1: registers one after the other. */
function loadPlain(t: Translator, { q, rn, rt }: Multiple, count: number, rm?: number): void {
  const width = q ? 16 : 8;
  const base = t.xsp(rn);
  const values = Array.from({ length: count }, (_, r) => loadVector(t, 3 + q, base, r * width));
  writeBack(t, rn, rm, base, width * count);
  for (const [r, v] of values.entries()) t.setV((rt + r) & 31, v);
}

function storePlain(t: Translator, { q, rn, rt }: Multiple, count: number, rm?: number): void {
  const width = q ? 16 : 8;
  const base = t.xsp(rn);
  for (let r = 0; r < count; r++) storeChunk(t, base, t.v((rt + r) & 31), r * width, r * width + width);
  writeBack(t, rn, rm, base, width * count);
}

type MultipleFields = 'q' | 'size' | 'rn' | 'rt' | 'rm';
type Lift = (t: Translator, f: Multiple, count: number, rm?: number) => void;

/** opcode → structure size and registers (Arm ARM C4.1.94.1). */
// biome-ignore format: a table
const multiples: readonly (readonly [name: string, opcode: string, registers: number, load: Lift, store: Lift])[] = [
  ['4', '0000', 4, loadInterleaved, storeInterleaved], ['1', '0010', 4, loadPlain, storePlain],
  ['3', '0100', 3, loadInterleaved, storeInterleaved], ['1', '0110', 3, loadPlain, storePlain],
  ['1', '0111', 1, loadPlain, storePlain], ['2', '1000', 2, loadInterleaved, storeInterleaved],
  ['1', '1010', 2, loadPlain, storePlain],
];

const multipleRows = multiples.flatMap(([name, opcode, count, load, store]) =>
  (
    [
      [1, 'ld', load],
      [0, 'st', store],
    ] as const
  ).flatMap(([l, prefix, f]) => {
    // biome-ignore format: pairs
    const list = `{<Vt>.<T> × ${count}}`;
    return [
      family<MultipleFields>(
        `${prefix}${name} ${list}, [<Xn|SP>]`,
        `0 q:1 001100 0 ${l} 000000 ${opcode} size:2 rn:5 rt:5`,
        (t, o) => f(t, o, count),
      ),
      family<MultipleFields>(
        `${prefix}${name} ${list}, [<Xn|SP>], <Xm|imm>`,
        `0 q:1 001100 1 ${l} 0 rm:5 ${opcode} size:2 rn:5 rt:5`,
        (t, o) => f(t, o, count, o.rm),
      ),
    ];
  }),
);

type SingleFields = 'q' | 's' | 'size' | 'rn' | 'rt' | 'rm';
type Single = Readonly<Record<SingleFields, number>>;

/** One element of the size from memory, as a lane value. */
function loadElement(t: Translator, size: number, base: I64, disp: number): Value {
  return t.load((['i32.load8_u', 'i32.load16_u', 'i32.load', 'i64.load'] as const)[size] as 'i32.load', base, disp);
}

function single(t: Translator, f: Single, scale: number, count: number, load: boolean, rm?: number): void {
  const { q, s, size } = f;
  let lane = scale;
  let index: number;
  if (scale === 0) index = (q << 3) | (s << 2) | size;
  else if (scale === 1) {
    if (size & 1) return t.undefined();
    index = (q << 2) | (s << 1) | (size >> 1);
  } else if ((size & 1) === 0) {
    if (size & 2) return t.undefined();
    index = (q << 1) | s;
  } else {
    if (s || size & 2) return t.undefined();
    index = q;
    lane = 3;
  }
  const bytes = 1 << lane;
  const base = t.xsp(f.rn);
  const registers = Array.from({ length: count }, (_, r) => (f.rt + r) & 31);
  if (load) {
    const values = registers.map((_, r) => loadElement(t, lane, base, r * bytes));
    writeBack(t, f.rn, rm, base, bytes * count);
    for (const [r, n] of registers.entries()) {
      t.setV(n, t.b.replace(`${LANES[lane]}.replace_lane` as OpName, t.v(n), index, values[r] as Value));
    }
    return;
  }
  const store = (['i32.store8', 'i32.store16', 'i32.store', 'i64.store'] as const)[lane] as OpName;
  const extract = `${LANES[lane]}.extract_lane${lane < 2 ? '_u' : ''}` as OpName;
  for (const [r, n] of registers.entries()) {
    t.store(store, base, t.b.emit(extract, t.v(n), null, null, index), r * bytes);
  }
  writeBack(t, f.rn, rm, base, bytes * count);
}

function replicate(t: Translator, f: Single, count: number, rm?: number): void {
  const bytes = 1 << f.size;
  const base = t.xsp(f.rn);
  const values = Array.from({ length: count }, (_, r): V128 => {
    const v = loadElement(t, f.size, base, r * bytes);
    return t.b.emit(`${LANES[f.size]}.splat` as OpName, v) as V128;
  });
  writeBack(t, f.rn, rm, base, bytes * count);
  for (const [r, v] of values.entries()) t.setVq((f.rt + r) & 31, f.q, v);
}

/** R:opcode<0> count the registers less one, opcode<2:1> scales; scale 3 replicates. */
const singleRows = [1, 2, 3, 4].flatMap((count) => {
  const r = (count - 1) & 1;
  const low = (count - 1) >> 1;
  return [0, 1, 2, 3].flatMap((scale) => {
    const opcode = `${scale.toString(2).padStart(2, '0')}${low}`;
    return [1, 0].flatMap((l) => {
      // there is no store of a replicated element, and its S bit must be clear
      if (scale === 3 && l === 0) return [];
      const s = scale === 3 ? '0' : 's:1';
      const name = `${l ? 'ld' : 'st'}${count}${scale === 3 ? 'r' : ''} {<Vt>.<T> × ${count}}${scale === 3 ? '' : '[<index>]'}`;
      const lift = (t: Translator, f: Single, rm?: number): void =>
        scale === 3 ? replicate(t, f, count, rm) : single(t, f, scale, count, l === 1, rm);
      return [
        family<SingleFields>(
          `${name}, [<Xn|SP>]`,
          `0 q:1 001101 0 ${l} ${r} 00000 ${opcode} ${s} size:2 rn:5 rt:5`,
          (t, f) => lift(t, f),
        ),
        family<SingleFields>(
          `${name}, [<Xn|SP>], <Xm|imm>`,
          `0 q:1 001101 1 ${l} ${r} rm:5 ${opcode} ${s} size:2 rn:5 rt:5`,
          (t, f) => lift(t, f, f.rm),
        ),
      ];
    });
  });
});

export const simdStructures: readonly Row<Translator>[] = [...multipleRows, ...singleRows];
