/** SSE4's instructions that have no short IR form (SDM vol. 2, MPSADBW, PHMINPOSUW, PCMPESTRI …, CRC32). */
import { crc32 } from '../../../crypto/crc.ts';
import { State } from '../../../memory/layout.ts';
import type { HelperContext } from '../../helper.ts';
import { AF, CF, OF, PF, SF, writeArithmetic, ZF } from '../flags.ts';
import { defineHelper, readR, writeR } from '../helpers.ts';
import { RAX, RCX, RDX, Sys } from '../registers.ts';
import { unpackExact, vectorAt } from './exact.ts';

const clearAbove = (c: HelperContext, state: number, n: number): void => {
  c.u8.fill(0, vectorAt(state, n, true), vectorAt(state, n, true) + 16);
};

/** Eight sums of four absolute differences; the upper half of 32 bytes has its own bits of the immediate. */
export const sumsOfDifferences: number = defineHelper((c, state, aux) => {
  const { view, u8 } = c;
  const p = unpackExact(aux);
  for (let half = 0; half < p.shape; half++) {
    const [d, a, b] = [p.d, p.a, p.b].map((n) => vectorAt(state, n, half === 1)) as [number, number, number];
    const imm = p.imm >> (3 * half);
    const [from, block] = [a + ((imm >> 2) & 1) * 4, b + (imm & 3) * 4];
    const sums = Array.from({ length: 8 }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += Math.abs((u8[from + i + k] as number) - (u8[block + k] as number));
      return sum;
    });
    sums.forEach((sum, i) => {
      view.setUint16(d + 2 * i, sum, true);
    });
  }
  if (p.vex && p.shape === 1) clearAbove(c, state, p.d);
  return 0;
});

/** The smallest of eight words, and where it is. */
export const minimumWord: number = defineHelper((c, state, aux) => {
  const { view } = c;
  const p = unpackExact(aux);
  const at = vectorAt(state, p.b, false);
  let best = 0;
  const word = (i: number): number => view.getUint16(at + 2 * i, true);
  for (let i = 1; i < 8; i++) if (word(i) < word(best)) best = i;
  const [value, index] = [word(best), best];
  const d = vectorAt(state, p.d, false);
  view.setBigUint64(d, BigInt(value | (index << 16)), true);
  view.setBigUint64(d + 8, 0n, true);
  if (p.vex) clearAbove(c, state, p.d);
  return 0;
});

/** Elements of the two string operands: read once, as each is compared with many. */
const first = new Int32Array(16);
const second = new Int32Array(16);

/** Read an operand; returns how many elements are valid: those before a 0, or as many as a register says. */
const readText = (
  { view }: HelperContext,
  at: number,
  imm: number,
  explicit: number | null,
  into: Int32Array,
): number => {
  const signed = (imm & 2) !== 0;
  const count = imm & 1 ? 8 : 16;
  const bits = 128 / count;
  let end = count;
  for (let i = count - 1; i >= 0; i--) {
    // the element's bits at the upper end of its word
    const word = view.getInt32(at + ((i * bits) >>> 5) * 4, true) << (32 - bits - ((i * bits) & 31));
    const v = signed ? word >> (32 - bits) : word >>> (32 - bits);
    into[i] = v;
    if (v === 0) end = i;
  }
  return explicit === null ? end : Math.min(Math.abs(explicit), count);
};

/** Bit j of the first intermediate result: what the aggregation says of element j of the second operand. */
const aggregate = (imm: number, lengthA: number, lengthB: number, count: number): number => {
  let result = 0;
  switch ((imm >> 2) & 3) {
    case 0: // equal any
      for (let j = 0; j < lengthB; j++) {
        for (let i = 0; i < lengthA; i++) if (first[i] === second[j]) result |= 1 << j;
      }
      return result;
    case 1: // ranges
      for (let j = 0; j < lengthB; j++) {
        const x = second[j] as number;
        for (let i = 0; i + 1 < lengthA; i += 2) {
          if ((first[i] as number) <= x && x <= (first[i + 1] as number)) result |= 1 << j;
        }
      }
      return result;
    case 2: // equal each; both invalid is equal
      for (let j = 0; j < count; j++) {
        if (j < lengthA && j < lengthB ? first[j] === second[j] : j >= lengthA && j >= lengthB) result |= 1 << j;
      }
      return result;
    default: // equal ordered
      for (let j = 0; j < count; j++) {
        let i = 0;
        while (i < lengthA && j + i < lengthB && first[i] === second[j + i]) i++;
        if (i === lengthA || j + i === count) result |= 1 << j;
      }
      return result;
  }
};

/** The length of a string in a register, of 64 bits with REX.W. */
const lengthIn = (c: HelperContext, state: number, n: number, kind: number): number =>
  Number(BigInt.asIntN(kind & 4 ? 64 : 32, readR(c, state, n)));

/** PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI by the bits of Sys.OPERAND: 0 = index, 1 = implicit lengths, 2 = REX.W. */
export const compareStrings: number = defineHelper((c, state, aux) => {
  const { view } = c;
  const p = unpackExact(aux);
  const kind = view.getUint32(state + Sys.OPERAND, true);
  const { imm } = p;
  const count = imm & 1 ? 8 : 16;
  const implicit = (kind & 2) !== 0;
  const lengthA = readText(c, vectorAt(state, p.a, false), imm, implicit ? null : lengthIn(c, state, RAX, kind), first);
  const lengthB = readText(
    c,
    vectorAt(state, p.b, false),
    imm,
    implicit ? null : lengthIn(c, state, RDX, kind),
    second,
  );
  const all = (1 << count) - 1;
  let result = aggregate(imm, lengthA, lengthB, count);
  if (imm & 0x10) result ^= imm & 0x20 ? (1 << lengthB) - 1 : all;
  result &= all;
  if (kind & 1) {
    const index = result === 0 ? count : imm & 0x40 ? 31 - Math.clz32(result) : 31 - Math.clz32(result & -result);
    view.setUint32(state + State.REGS + 8 * RCX, index, true);
    view.setUint32(state + State.REGS + 8 * RCX + 4, 0, true);
  } else {
    const d = vectorAt(state, 0, false);
    view.setBigUint64(d, 0n, true);
    view.setBigUint64(d + 8, 0n, true);
    if (imm & 0x40) {
      const size = 16 / count;
      for (let i = 0; i < count; i++) if ((result >> i) & 1) c.u8.fill(0xff, d + i * size, d + (i + 1) * size);
    } else view.setUint32(d, result, true);
    if (p.vex) clearAbove(c, state, 0);
  }
  const flags =
    (result !== 0 ? CF : 0) | (lengthB < count ? ZF : 0) | (lengthA < count ? SF : 0) | (result & 1 ? OF : 0);
  writeArithmetic(view, state, flags & ~(AF | PF));
  return 0;
});

/** CRC32 of so many bytes of Sys.OPERAND into a register. */
export const checksum: number = defineHelper((c, state, aux) => {
  const start = Number(readR(c, state, aux & 15) & 0xffff_ffffn);
  writeR(c, state, aux & 15, BigInt(crc32(start, c.view, state + Sys.OPERAND, aux >>> 4, 1)));
  return 0;
});
