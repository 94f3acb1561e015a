/** SSE4's instructions that have no short IR form (SDM vol. 2, MPSADBW, PHMINPOSUW, PCMPESTRI …, CRC32). */
import { crc32 } from '../../../crypto/crc.ts';
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

/** Elements of a string operand: how many are valid, and each one. */
interface Text {
  readonly length: number;
  at(i: number): number;
}

const textOf = (c: HelperContext, at: number, imm: number, explicit: number | null): Text => {
  const words = (imm & 1) === 1;
  const count = words ? 8 : 16;
  const signed = (imm & 2) !== 0;
  const element = (i: number): number =>
    words
      ? signed
        ? c.view.getInt16(at + 2 * i, true)
        : c.view.getUint16(at + 2 * i, true)
      : signed
        ? c.view.getInt8(at + i)
        : c.view.getUint8(at + i);
  let length = explicit === null ? 0 : Math.min(Math.abs(explicit), count);
  if (explicit === null) while (length < count && element(length) !== 0) length++;
  return { length, at: element };
};

/** Bit j of the first intermediate result: what the aggregation says of element j of the second operand. */
const aggregate = (imm: number, a: Text, b: Text, count: number): number => {
  let result = 0;
  for (let j = 0; j < count; j++) {
    let bit = false;
    switch ((imm >> 2) & 3) {
      case 0: // equal any
        for (let i = 0; i < a.length && j < b.length; i++) bit ||= a.at(i) === b.at(j);
        break;
      case 1: // ranges
        for (let i = 0; i + 1 < a.length && j < b.length; i += 2) bit ||= a.at(i) <= b.at(j) && b.at(j) <= a.at(i + 1);
        break;
      case 2: // equal each; both invalid is equal
        bit = j < a.length && j < b.length ? a.at(j) === b.at(j) : j >= a.length && j >= b.length;
        break;
      default: // equal ordered
        bit = true;
        for (let i = 0; i < a.length && j + i < count && bit; i++) bit = j + i < b.length && a.at(i) === b.at(j + i);
    }
    if (bit) result |= 1 << j;
  }
  return result;
};

/** PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI by the bits of Sys.OPERAND: 0 = index, 1 = implicit lengths, 2 = REX.W. */
export const compareStrings: number = defineHelper((c, state, aux) => {
  const { view } = c;
  const p = unpackExact(aux);
  const kind = view.getUint32(state + Sys.OPERAND, true);
  const { imm } = p;
  const count = imm & 1 ? 8 : 16;
  const length = (n: number): number => {
    const v = readR(c, state, n);
    return kind & 4 ? Number(BigInt.asIntN(64, v)) : Number(BigInt.asIntN(32, v));
  };
  const implicit = (kind & 2) !== 0;
  const a = textOf(c, vectorAt(state, p.a, false), imm, implicit ? null : length(RAX));
  const b = textOf(c, vectorAt(state, p.b, false), imm, implicit ? null : length(RDX));
  const all = (1 << count) - 1;
  let result = aggregate(imm, a, b, count);
  if (imm & 0x10) result ^= imm & 0x20 ? (1 << b.length) - 1 : all;
  result &= all;
  if (kind & 1) {
    const index = result === 0 ? count : imm & 0x40 ? 31 - Math.clz32(result) : 31 - Math.clz32(result & -result);
    writeR(c, state, RCX, BigInt(index));
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
    (result !== 0 ? CF : 0) | (b.length < count ? ZF : 0) | (a.length < count ? SF : 0) | (result & 1 ? OF : 0);
  writeArithmetic(view, state, flags & ~(AF | PF));
  return 0;
});

/** CRC32 of so many bytes of Sys.OPERAND into a register. */
export const checksum: number = defineHelper((c, state, aux) => {
  const start = Number(readR(c, state, aux & 15) & 0xffff_ffffn);
  writeR(c, state, aux & 15, BigInt(crc32(start, c.view, state + Sys.OPERAND, aux >>> 4, 1)));
  return 0;
});
