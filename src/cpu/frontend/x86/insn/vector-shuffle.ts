import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import type { Int } from '../flags.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { enterMmx } from './mmx-state.ts';
import { type Binary, binary, type I32, low64, mm, mmRm, noVvvv, setMm, setVex128, setYmm, type Unary, unary, type V128, vex, ymmHighRm, zero } from './vector.ts'; // biome-ignore format: one line

/** Lanes of `size` bytes by the immediate's pairs of bits, from byte `base` on. */
const byPairs = (imm: number, size: 2 | 4, base: number): number[] =>
  Array.from({ length: 4 * size }, (_, i) => base + ((imm >> (2 * Math.floor(i / size))) & 3) * size + (i % size));
const SAME = [0, 1, 2, 3, 4, 5, 6, 7];

const shuffleDoubles: Unary = (t, v) => t.b.shuffle(v, v, byPairs(t.d.imm, 4, 0));
const shuffleWords =
  (high: boolean): Unary =>
  (t, v) => {
    const moved = byPairs(t.d.imm, 2, high ? 8 : 0);
    return t.b.shuffle(v, v, high ? [...SAME, ...moved] : [...moved, ...SAME.map((n) => n + 8)]);
  };
/** SHUFPS, SHUFPD: lower lanes from the first operand, upper ones from the second. */
const shuffleFloats: Binary = (t, a, b) =>
  t.b.shuffle(a, b, byPairs(t.d.imm, 4, 0).map((n, i) => (i < 8 ? n : n + 16))); // biome-ignore format: one line
/** SHUFPD's upper half of 32 bytes has bits of its own. */
const shufflePairs =
  (high: boolean): Binary =>
  (t, a, b) => {
    const imm = t.d.imm >> (high ? 2 : 0);
    return t.b.shuffle(a, b, [
      ...SAME.map((n) => n + 8 * (imm & 1)),
      ...SAME.map((n) => n + 16 + 8 * ((imm >> 1) & 1)),
    ]);
  };

/** PINSRB, PINSRW, PINSRD: an integer into a lane. */
const INSERT = {
  1: 'i8x16.replace_lane',
  2: 'i16x8.replace_lane',
  4: 'i32x4.replace_lane',
  8: 'i64x2.replace_lane',
} as const;
const inserted = (t: Translator, into: V128, size: 1 | 2 | 4 | 8): V128 => {
  const v = t.d.mod === 3 ? t.reg(t.d.rm, Math.max(size, 4) as 4 | 8) : t.loadInt(size);
  return t.b.replace(INSERT[size], into, t.d.imm & (16 / size - 1), v as Value);
};
const sizeOf = (t: Translator, size: 1 | 2 | 4): 1 | 2 | 4 | 8 => (size === 4 && t.d.w === 1 ? 8 : size);
const insert = (encoding: string, name: string, size: 1 | 2 | 4): X86Row[] => [
  insn(encoding, `${name} xmm, r/m, imm8`, (t) => t.setXmm(t.d.reg, inserted(t, t.xmm(t.d.reg), sizeOf(t, size)))),
  vex(encoding, '128', `v${name} xmm, xmm, r/m, imm8`, (t) =>
    setVex128(t, t.d.reg, inserted(t, t.xmm(t.d.vvvv), sizeOf(t, size))),
  ),
];

const EXTRACT = {
  1: 'i8x16.extract_lane_u',
  2: 'i16x8.extract_lane_u',
  4: 'i32x4.extract_lane',
  8: 'i64x2.extract_lane',
} as const;
const extracted = (t: Translator, v: V128, size: 1 | 2 | 4 | 8): Int =>
  t.b.extract(EXTRACT[size] as OpName, v, t.d.imm & (16 / size - 1)) as Value as Int;
/** PEXTRB … to a register, whose upper bits are cleared, or to memory. */
const extract = (encoding: string, name: string, size: 1 | 2 | 4): X86Row[] => {
  const lift = (t: Translator): void => {
    const bytes = sizeOf(t, size);
    const v = extracted(t, t.xmm(t.d.reg), bytes);
    if (t.d.mod === 3) t.setReg(t.d.rm, v, bytes === 8 ? 8 : 4);
    else t.storeInt(v, bytes);
  };
  return [
    insn(encoding, `${name} r/m, xmm, imm8`, lift),
    vex(encoding, '128', `v${name} r/m, xmm, imm8`, noVvvv(lift)),
  ];
};
/** The form of SSE2: a register from a word of another. */
const extractWord = (t: Translator): void => t.setR(extracted(t, t.xmm(t.d.rm), 2), 4);

/** INSERTPS: a lane from a lane (or memory) to a lane, and zeros where the immediate says. */
const insertFloat: Binary = (t, a, b) => {
  const { imm } = t.d;
  const lanes = Array.from({ length: 16 }, (_, i) => i);
  for (let i = 0; i < 4; i++) lanes[((imm >> 4) & 3) * 4 + i] = 16 + (t.d.mod === 3 ? (imm >> 6) & 3 : 0) * 4 + i;
  const moved = t.b.shuffle(a, b, lanes);
  if ((imm & 15) === 0) return moved;
  return t.b.shuffle(
    moved,
    zero(t),
    SAME.concat(SAME.map((n) => n + 8)).map((n) => ((imm >> (n >> 2)) & 1 ? 16 : n)),
  );
};
const float = (t: Translator): V128 =>
  t.d.mod === 3 ? t.xmm(t.d.rm) : t.b.replace('i32x4.replace_lane', zero(t), 0, t.load('i32.load', t.ea()));

/** Lanes of `size` bytes doubled: the lower ones of pairs (or the upper). */
const duplicate = (size: 4 | 8, upper: boolean): Unary => {
  const lanes = Array.from(
    { length: 16 },
    (_, i) => Math.floor(i / (2 * size)) * 2 * size + (upper ? size : 0) + (i % size),
  );
  return (t, v) => t.b.shuffle(v, v, lanes);
};
/** MOVDDUP's operand of 16 bytes is eight bytes of memory. */
const duplicateLow = (t: Translator): V128 => {
  const v = t.d.mod === 3 ? t.xmm(t.d.rm) : t.b.replace('i64x2.replace_lane', zero(t), 0, t.load('i64.load', t.ea()));
  return duplicate(8, false)(t, v);
};

/** SDM vol. 1, 10.4.3, 11.4.1.5, 12.3, 12.10: shuffles, insertion and extraction */
// biome-ignore format: one instruction per line
export const vectorShuffleRows: readonly X86Row[] = [
  ...unary('66 0F 70 /r ib', 'pshufd', shuffleDoubles),
  ...unary('F2 0F 70 /r ib', 'pshuflw', shuffleWords(false)),
  ...unary('F3 0F 70 /r ib', 'pshufhw', shuffleWords(true)),
  insn('NP 0F 70 /r ib', 'pshufw mm, mm/m64, imm8', (t) => setMm(t, t.d.reg, low64(t, shuffleWords(false)(t, mmRm(t))))),
  ...binary('NP 0F C6 /r ib', 'shufps', shuffleFloats),
  ...binary('66 0F C6 /r ib', 'shufpd', shufflePairs(false), shufflePairs(true)),
  ...insert('66 0F C4 /r ib', 'pinsrw', 2),
  ...insert('66 0F 3A 20 /r ib', 'pinsrb', 1),
  ...insert('66 0F 3A 22 /r ib', 'pinsrd', 4),
  insn('NP 0F C4 /r ib', 'pinsrw mm, r/m, imm8', (t) => {
    const v = t.d.mod === 3 ? t.reg(t.d.rm, 4) : t.loadInt(2);
    setMm(t, t.d.reg, low64(t, t.b.replace('i16x8.replace_lane', mm(t, t.d.reg), t.d.imm & 3, v as Value as I32)));
  }),
  insn('66 0F C5 /r ib reg', 'pextrw r, xmm, imm8', extractWord),
  vex('66 0F C5 /r ib reg', '128', 'vpextrw r, xmm, imm8', noVvvv(extractWord)),
  insn('NP 0F C5 /r ib reg', 'pextrw r, mm, imm8', (t) => {
    t.setR(t.b.extract('i16x8.extract_lane_u', mm(t, t.d.rm), t.d.imm & 3) as Value as Int, 4);
    enterMmx(t);
  }),
  ...extract('66 0F 3A 14 /r ib', 'pextrb', 1),
  ...extract('66 0F 3A 15 /r ib', 'pextrw', 2),
  ...extract('66 0F 3A 16 /r ib', 'pextrd', 4),
  insn('66 0F 3A 17 /r ib', 'extractps r/m, xmm, imm8', (t) => {
    const v = extracted(t, t.xmm(t.d.reg), 4);
    if (t.d.mod === 3) t.setReg(t.d.rm, v, 4);
    else t.storeInt(v, 4);
  }),
  vex('66 0F 3A 17 /r ib', '128', 'vextractps r/m, xmm, imm8', noVvvv((t) => {
    const v = extracted(t, t.xmm(t.d.reg), 4);
    if (t.d.mod === 3) t.setReg(t.d.rm, v, 4);
    else t.storeInt(v, 4);
  })),
  insn('66 0F 3A 21 /r ib', 'insertps xmm, xmm/m32, imm8', (t) => t.setXmm(t.d.reg, insertFloat(t, t.xmm(t.d.reg), float(t)))),
  vex('66 0F 3A 21 /r ib', '128', 'vinsertps xmm, xmm, xmm/m32, imm8', (t) => setVex128(t, t.d.reg, insertFloat(t, t.xmm(t.d.vvvv), float(t)))),
  ...unary('F3 0F 12 /r', 'movsldup', duplicate(4, false)),
  ...unary('F3 0F 16 /r', 'movshdup', duplicate(4, true)),
  insn('F2 0F 12 /r', 'movddup xmm, xmm/m64', (t) => t.setXmm(t.d.reg, duplicateLow(t))),
  vex('F2 0F 12 /r', '128', 'vmovddup xmm, xmm/m64', noVvvv((t) => setVex128(t, t.d.reg, duplicateLow(t)))),
  vex('F2 0F 12 /r', '256', 'vmovddup ymm, ymm/m256', noVvvv((t) => {
    const low = duplicate(8, false)(t, t.xmmRm());
    setYmm(t, t.d.reg, low, duplicate(8, false)(t, ymmHighRm(t)));
  })),
];
