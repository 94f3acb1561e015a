/** Advanced SIMD: loads and stores of elements and structures (Arm ARM F4.1.14). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import { PC, SP } from '../registers.ts';
import type { Translator } from '../translator.ts';
import type { V128 } from './neon-row.ts';
import { a32x, type F, t32 } from './row.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;

/** rm = 15: no write-back, 13: by what was transferred, else by a register. */
const writeBack = (t: Translator, rn: number, rm: number, at: I32, bytes: number): void => {
  if (rm === PC) return;
  t.setR(rn, t.b.i32.add(at, rm === SP ? t.imm(bytes) : t.r(rm)));
};

/** The type field: elements of a structure, and the doubles (as steps from the first) of each group of registers. */
interface Multiple {
  readonly structure: number;
  readonly groups: readonly (readonly number[])[];
  readonly bits: string;
}
const MULTIPLES: readonly Multiple[] = [
  { structure: 4, bits: '0000', groups: [[0, 1, 2, 3]] },
  { structure: 4, bits: '0001', groups: [[0, 2, 4, 6]] },
  { structure: 1, bits: '0010', groups: [[0], [1], [2], [3]] },
  {
    structure: 2,
    bits: '0011',
    groups: [
      [0, 2],
      [1, 3],
    ],
  },
  { structure: 3, bits: '0100', groups: [[0, 1, 2]] },
  { structure: 3, bits: '0101', groups: [[0, 2, 4]] },
  { structure: 1, bits: '0110', groups: [[0], [1], [2]] },
  { structure: 1, bits: '0111', groups: [[0]] },
  { structure: 2, bits: '1000', groups: [[0, 1]] },
  { structure: 2, bits: '1001', groups: [[0, 2]] },
  { structure: 1, bits: '1010', groups: [[0], [1]] },
];

const pair = (t: Translator, low: I64, high: I64): V128 =>
  t.b.replace('i64x2.replace_lane', t.b.emit('i64x2.splat', low) as V128, 1, high);

/** Byte numbers, among those of a structure group in memory order, of register r's bytes. */
const gathered = (n: number, size: number, r: number): number[] =>
  Array.from({ length: 8 }, (_, i) => (((i >> size) * n + r) << size) + (i & ((1 << size) - 1)));

const first = (f: F): number => ((f.d as number) << 4) | (f.vd as number);

const multiple = (t: Translator, f: F, m: Multiple, isLoad: boolean): void => {
  const { size, rn, rm, align } = f as { size: number; rn: number; rm: number; align: number };
  const d = first(f);
  const last = Math.max(...m.groups.flat());
  const badAlign = m.bits === '0111' || m.bits === '0110' ? align > 1 : m.bits === '1010' ? align === 3 : m.structure === 3 ? align > 1 : m.structure === 2 && m.groups.length === 1 && align === 3; // biome-ignore format: one line
  if (badAlign || (size === 3 && m.structure !== 1) || d + last > 31 || rn === PC) return t.undefined();
  const at = t.r(rn);
  const n = m.structure;
  const total = m.groups.length * n * 8;
  // what the address is a multiple of, less one: the first access asks for it
  const mask = align === 0 ? 0 : (4 << align) - 1;
  if (n === 1 && (d & 1) === 0 && m.groups.length % 2 === 0) return quads(t, f, m.groups.length >> 1, isLoad, mask);
  if (!isLoad) {
    for (const [g, group] of m.groups.entries()) {
      const words = interleaved(t, group.map((step) => t.dBits(d + step)), size); // biome-ignore format: one line
      for (const [i, word] of words.entries())
        t.store('i64.store', at, word, (g * n + i) * 8, g + i === 0 ? mask : 0, size);
    }
    return writeBack(t, rn, rm, at, total);
  }
  const loaded = m.groups.map((group, g) =>
    group.map((_, i) => t.load('i64.load', at, (g * n + i) * 8, g + i === 0 ? mask : 0, size) as I64),
  );
  writeBack(t, rn, rm, at, total);
  for (const [g, group] of m.groups.entries()) {
    const words = loaded[g] as I64[];
    const results = separated(t, words, size);
    for (const [r, step] of group.entries()) t.setDBits(d + step, results[r] as I64);
  }
};

/** Whole quads, in order. */
const quads = (t: Translator, f: F, count: number, isLoad: boolean, mask: number): void => {
  const { rn, rm, size } = f as { rn: number; rm: number; size: number };
  const q = first(f) >> 1;
  const at = t.r(rn);
  const numbers = Array.from({ length: count }, (_, i) => i);
  if (!isLoad) for (const i of numbers) t.store('v128.store', at, t.q(q + i), 16 * i, i === 0 ? mask : 0, size);
  const values = isLoad ? numbers.map((i) => t.load('v128.load', at, 16 * i, i === 0 ? mask : 0, size) as V128) : [];
  writeBack(t, rn, rm, at, 16 * count);
  for (const [i, v] of values.entries()) t.setQ(q + i, v);
};

const low64 = (t: Translator, v: V128): I64 => t.b.extract('i64x2.extract_lane', v, 0);

/** Two vectors with the words of a group in order. */
const joined = (t: Translator, words: readonly I64[]): [V128, V128] => {
  const zero = t.b.const64(0);
  const at = (i: number): I64 => words[i] ?? zero;
  return [pair(t, at(0), at(1)), pair(t, at(2), at(3))];
};
const separated = (t: Translator, words: readonly I64[], size: number): readonly I64[] => {
  if (words.length === 1) return words;
  const [a, b] = joined(t, words);
  return words.map((_, r) => {
    const lanes = gathered(words.length, size, r);
    return low64(t, t.b.shuffle(a, b, [...lanes, ...lanes]));
  });
};
const interleaved = (t: Translator, registers: readonly I64[], size: number): readonly I64[] => {
  const n = registers.length;
  if (n === 1) return registers;
  const [a, b] = joined(t, registers);
  // where each byte in memory comes from
  const from: number[] = [];
  for (let r = 0; r < n; r++) for (const [i, to] of gathered(n, size, r).entries()) from[to] = 8 * r + i;
  return registers.map((_, word) => {
    const lanes = from.slice(8 * word, 8 * word + 8);
    return low64(t, t.b.shuffle(a, b, [...lanes, ...lanes]));
  });
};

const LOADS = ['i32.load8_u', 'i32.load16_u', 'i32.load'] as const;
const STORES = ['i32.store8', 'i32.store16', 'i32.store'] as const;
const SHAPES = ['i8x16', 'i16x8', 'i32x4'] as const;

/** Bits that the index_align field wants to be 0 in the address: VLD1 to VLD4 (single structure to one lane), F6.1.237 on. */
const laneMask = (n: number, size: number, ia: number): number => {
  if (n === 1) return size === 0 ? 0 : size === 1 ? ia & 1 : ia & 3;
  if (n === 2) return (ia & 1) === 0 ? 0 : (2 << size) - 1;
  if (n === 3) return 0;
  return size === 2 ? ((ia & 3) === 0 ? 0 : (4 << (ia & 3)) - 1) : (ia & 1) === 0 ? 0 : (4 << size) - 1;
};

/** One element of each register: index_align gives lane, distance of the registers and alignment by size. */
const single = (t: Translator, f: F, size: 0 | 1 | 2, n: number, isLoad: boolean): void => {
  const { rn, rm, ia } = f as { rn: number; rm: number; ia: number };
  const index = ia >> (size + 1);
  const step = size > 0 && ((ia >> size) & 1) === 1 ? 2 : 1;
  const reserved =
    n === 1
      ? (size === 0 && (ia & 1) !== 0) || (size === 1 && (ia & 2) !== 0) || (size === 2 && ((ia & 4) !== 0 || ((ia & 3) !== 0 && (ia & 3) !== 3)))
      : n === 2
        ? size === 2 && (ia & 2) !== 0
        : n === 3
          ? (ia & (size === 2 ? 3 : 1)) !== 0
          : size === 2 && (ia & 3) === 3; // biome-ignore format: by the number of registers
  const d = first(f);
  const distance = n === 1 ? 1 : step;
  if (reserved || d + (n - 1) * distance > 31 || rn === PC) return t.undefined();
  const at = t.r(rn);
  const mask = laneMask(n, size, ia);
  const lane = (r: number): [number, number] => {
    const reg = d + r * distance;
    return [reg >> 1, index + (reg & 1) * (8 >> size)];
  };
  if (!isLoad) {
    for (let r = 0; r < n; r++) {
      const [q, i] = lane(r);
      const v = t.b.extract(`${SHAPES[size]}.extract_lane${size === 2 ? '' : '_u'}` as OpName, t.q(q), i);
      t.store(STORES[size], at, v as I32, r << size, r === 0 ? mask : 0);
    }
    return writeBack(t, rn, rm, at, n << size);
  }
  const values = Array.from({ length: n }, (_, r) => t.load(LOADS[size], at, r << size, r === 0 ? mask : 0) as I32);
  writeBack(t, rn, rm, at, n << size);
  for (const [r, v] of values.entries()) {
    const [q, i] = lane(r);
    t.setQ(q, t.b.replace(`${SHAPES[size]}.replace_lane` as OpName, t.q(q), i, v));
  }
};

/** One element to all lanes. */
const replicate = (t: Translator, f: F, n: number): void => {
  const { rn, rm, step, a } = f as { rn: number; rm: number; step: number; a: number };
  let size = f.size as number;
  // VLD4 of words with 16-byte alignment is size 3
  if (size === 3 && (n !== 4 || a === 0)) return t.undefined();
  if ((n === 1 && size === 0 && a === 1) || (n === 3 && a === 1)) return t.undefined();
  const mask = a === 0 ? 0 : size === 3 ? 15 : n === 4 && size === 2 ? 7 : (n << size) - 1;
  if (size === 3) size = 2;
  const d = first(f);
  const count = n === 1 ? 1 + step : n;
  const distance = n === 1 ? 1 : 1 + step;
  if (d + (count - 1) * distance > 31 || rn === PC) return t.undefined();
  const at = t.r(rn);
  const values = Array.from(
    { length: n },
    (_, r) => t.load(LOADS[size] as OpName, at, r << size, r === 0 ? mask : 0) as I32,
  );
  writeBack(t, rn, rm, at, n << size);
  for (let i = 0; i < count; i++) {
    const v = t.b.emit(`${SHAPES[size]}.splat` as OpName, values[n === 1 ? 0 : i] as I32) as V128;
    t.setDBits(d + i * distance, low64(t, v));
  }
};

type Line = readonly [syntax: string, pattern: string, lift: (t: Translator, f: F) => void];

const DIGITS = ['00', '01', '10', '11'] as const;
/** 24 bits behind 1111 0100 of A32, and 1111 1001 of T32. */
const LINES: readonly Line[] = [
  ...MULTIPLES.flatMap((m): Line[] => [
    [`vst${m.structure}.<size> <list>, [<Rn>]`, `0 d:1 00 rn:4 vd:4 ${m.bits} size:2 align:2 rm:4`, (t, f) => multiple(t, f, m, false)],
    [`vld${m.structure}.<size> <list>, [<Rn>]`, `0 d:1 10 rn:4 vd:4 ${m.bits} size:2 align:2 rm:4`, (t, f) => multiple(t, f, m, true)],
  ]),
  ...DIGITS.flatMap((digits, i): Line[] =>
    ([0, 1, 2] as const).flatMap((size): Line[] => [
      [`vst${i + 1}.<size> <lanes>, [<Rn>]`, `1 d:1 00 rn:4 vd:4 ${DIGITS[size]} ${digits} ia:4 rm:4`, (t, f) => single(t, f, size, i + 1, false)],
      [`vld${i + 1}.<size> <lanes>, [<Rn>]`, `1 d:1 10 rn:4 vd:4 ${DIGITS[size]} ${digits} ia:4 rm:4`, (t, f) => single(t, f, size, i + 1, true)],
    ]),
  ),
  ...DIGITS.map((digits, i): Line => [`vld${i + 1}.<size> <all>, [<Rn>]`, `1 d:1 10 rn:4 vd:4 11 ${digits} size:2 step:1 a:1 rm:4`, (t, f) => replicate(t, f, i + 1)]),
]; // biome-ignore format: one instruction per line

export const a32Structures: readonly Row<Translator>[] = LINES.map(([syntax, pattern, lift]) => a32x(syntax, `0100 ${pattern}`, lift)); // biome-ignore format: one line
export const t32Structures: readonly Row<Translator>[] = LINES.map(([syntax, pattern, lift]) => t32(syntax, `1111 1001 ${pattern}`, lift)); // biome-ignore format: one line
