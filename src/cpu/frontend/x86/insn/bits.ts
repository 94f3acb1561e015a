import type { Value } from '../../../ir/value.ts';
import type { Int, Size } from '../flags.ts';
import { defineHelper } from '../helpers.ts';
import { rOffset, Sys } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';

type I32 = Value<'i32'>;

const LOG2 = { 1: 3, 2: 4, 4: 5, 8: 6 } as const;
type Op = 'bt' | 'bts' | 'btr' | 'btc';

/** BT and its like: the bit goes to CF. A register's number of a bit in memory reaches beyond the operand. */
const bitTest = (t: Translator, op: Op, byRegister: boolean): void => {
  const { size, d } = t;
  const { i32 } = t.b;
  const ns = t.ns(size);
  const index = byRegister ? t.r(size) : t.immediate(size);
  const shift = ns.and(index, t.k(8 * size - 1, size));
  if (byRegister && d.mod !== 3) {
    const units = ns.shr_s(t.sx(index, size), t.k(LOG2[size], size));
    const bytes = t.convert(ns.shl(units, t.k(Math.log2(size), size)), size === 8 ? 8 : 4, t.word, true);
    t.displace(bytes);
  }
  const bit = ns.shl(t.k(1, size), shift);
  t.prepareFlags();
  let old: Int;
  if (op === 'bt') old = t.rm(size);
  else if (t.locked) {
    if (op === 'bts') old = t.rmw('or', size, bit);
    else if (op === 'btc') old = t.rmw('xor', size, bit);
    else old = t.rmw('and', size, ns.xor(bit, t.k(-1, size)));
  } else {
    old = t.rm(size);
    if (op === 'bts') t.setRm(ns.or(old, bit), size);
    else if (op === 'btc') t.setRm(ns.xor(old, bit), size);
    else t.setRm(ns.and(old, ns.xor(bit, t.k(-1, size))), size);
  }
  t.changeParts({ cf: i32.and(t.narrow(ns.shr_u(t.zx(old, size), shift), size), t.imm(1)) });
};

/** BSF, BSR: the destination stays where no bit is set. */
const bitScan = (t: Translator, reverse: boolean): void => {
  const { size } = t;
  const ns = t.ns(size);
  const v = t.zx(t.rm(size), size);
  const top = size === 8 ? 63 : 31;
  const found = reverse ? ns.sub(t.k(top, size), ns.clz(v)) : ns.ctz(v);
  const none = ns.eqz(v);
  if (size === 4 && t.is64) {
    const wide = t.b.i64.select(t.reg(t.d.reg, 8), t.wide(found as Value as I32), none);
    t.setR(wide as Int, 8);
  } else t.setR(t.b.emit(size === 8 ? 'i64.select' : 'i32.select', t.r(size), found, none) as Int, size);
  t.flagsOfLogic(v, size);
};
/** TZCNT, LZCNT. */
const countZeros = (t: Translator, leading: boolean): void => {
  const { size } = t;
  const ns = t.ns(size);
  const v = t.zx(t.rm(size), size);
  let r = leading ? ns.clz(v) : ns.ctz(v);
  if (size === 2) r = leading ? ns.sub(r, t.k(16, 4)) : ns.ctz(ns.or(v, t.k(0x10000, 4)));
  t.setR(r, size);
  t.setParts({ cf: ns.eqz(v), zf: ns.eqz(r) });
};
const countOnes = (t: Translator): void => {
  const { size } = t;
  const ns = t.ns(size);
  const v = t.zx(t.rm(size), size);
  t.setR(ns.popcnt(v), size);
  t.setParts({ zf: ns.eqz(v) });
};

const vexSize = (t: Translator): Size => (t.d.w === 1 ? 8 : 4);

const andNot = (t: Translator): void => {
  const size = vexSize(t);
  const ns = t.ns(size);
  const r = ns.and(ns.xor(t.reg(t.d.vvvv, size), t.k(-1, size)), t.rm(size));
  t.setR(r, size);
  t.flagsOfLogic(r, size);
};
/** BLSR, BLSMSK, BLSI: CF tells that the source is 0, or that it is not. */
const lowestBit = (t: Translator, op: 'r' | 'msk' | 'i'): void => {
  const size = vexSize(t);
  const ns = t.ns(size);
  const v = t.rm(size);
  const less = ns.sub(v, t.k(1, size));
  const r = op === 'r' ? ns.and(v, less) : op === 'msk' ? ns.xor(v, less) : ns.and(v, ns.sub(t.k(0, size), v));
  t.setReg(t.d.vvvv, r, size);
  const zero = ns.eqz(v);
  t.flagsOfResult(r, size, { cf: op === 'i' ? t.b.i32.eqz(zero) : zero, of: t.imm(0) });
};
/** BEXTR: `length` bits from `start` on. */
const extract = (t: Translator): void => {
  const size = vexSize(t);
  const { i32 } = t.b;
  const ns = t.ns(size);
  const control = t.narrow(t.reg(t.d.vvvv, size), size);
  const start = i32.and(control, t.imm(0xff));
  const length = i32.and(i32.shr_u(control, t.imm(8)), t.imm(0xff));
  const bits = 8 * size;
  const pick = (x: Int, y: Int, when: I32): Int =>
    t.b.emit(size === 8 ? 'i64.select' : 'i32.select', x, y, when) as Int;
  const count = (n: I32): Int => t.convert(n as Value as Int, 4, size, false);
  const moved = pick(ns.shr_u(t.rm(size), count(start)), t.k(0, size), i32.lt_u(start, t.imm(bits)));
  const ones = ns.sub(ns.shl(t.k(1, size), count(length)), t.k(1, size));
  const r = pick(ns.and(moved, ones), moved, i32.lt_u(length, t.imm(bits)));
  t.setR(r, size);
  t.flagsOfLogic(r, size);
};
/** BZHI: zeros from a bit on. */
const zeroHigh = (t: Translator): void => {
  const size = vexSize(t);
  const { i32 } = t.b;
  const ns = t.ns(size);
  const v = t.rm(size);
  const from = i32.and(t.narrow(t.reg(t.d.vvvv, size), size), t.imm(0xff));
  const inside = i32.lt_u(from, t.imm(8 * size));
  const ones = ns.sub(ns.shl(t.k(1, size), t.convert(from as Value as Int, 4, size, false)), t.k(1, size));
  const r = t.b.emit(size === 8 ? 'i64.select' : 'i32.select', ns.and(v, ones), v, inside) as Int;
  t.setR(r, size);
  t.flagsOfResult(r, size, { cf: i32.eqz(inside), of: t.imm(0) });
};

/** Bits of `value` to the places that `mask` names, or from there (PDEP, PEXT). */
export const scatter = (value: bigint, mask: bigint): bigint => {
  let [r, from, left] = [0n, value, mask];
  for (; left !== 0n; left &= left - 1n, from >>= 1n) if (from & 1n) r |= left & -left;
  return r;
};
export const gather = (value: bigint, mask: bigint): bigint => {
  let [r, to] = [0n, 1n];
  for (let left = mask; left !== 0n; left &= left - 1n, to <<= 1n) if (value & left & -left) r |= to;
  return r;
};
const bitHelper = (f: (value: bigint, mask: bigint) => bigint): number =>
  defineHelper(({ view }, state, to) => {
    const at = (n: number): bigint => view.getBigUint64(state + Sys.OPERAND + 8 * n, true);
    view.setBigUint64(state + rOffset(to), f(at(0), at(1)), true);
    return 0;
  });
const depositHelper = bitHelper(scatter);
const extractHelper = bitHelper(gather);
const parallel = (t: Translator, helper: number): void => {
  const size = vexSize(t);
  const wide = (v: Int): Int => t.convert(v, size, 8, false);
  const [mask, value] = [wide(t.rm(size)), wide(t.reg(t.d.vvvv, size))];
  t.b.set(Sys.OPERAND, value);
  t.b.set(Sys.OPERAND + 8, mask);
  t.helper(helper, t.d.reg);
};

const TESTS: readonly (readonly [Op, string, number])[] = [['bt', 'A3', 4], ['bts', 'AB', 5], ['btr', 'B3', 6], ['btc', 'BB', 7]]; // biome-ignore format: a table

/** SDM vol. 1, 5.1.6: bit and byte; 5.1.16: BMI1, BMI2, LZCNT */
// biome-ignore format: one instruction per line
export const bitRows: readonly X86Row[] = [
  ...TESTS.flatMap(([op, code, digit]) => [
    insn(`0F ${code} /r`, `${op} r/m, r`, (t) => bitTest(t, op, true)),
    insn(`0F BA /${digit} ib`, `${op} r/m, imm8`, (t) => bitTest(t, op, false)),
  ]),
  insn('0F BC /r', 'bsf r, r/m', (t) => bitScan(t, false)),
  insn('0F BD /r', 'bsr r, r/m', (t) => bitScan(t, true)),
  insn('F3 0F BC /r', 'tzcnt r, r/m', (t) => countZeros(t, false)),
  insn('F3 0F BD /r', 'lzcnt r, r/m', (t) => countZeros(t, true)),
  insn('F3 0F B8 /r', 'popcnt r, r/m', countOnes),
  insn('VEX.128.NP.0F38.WIG F2 /r', 'andn r, r, r/m', andNot),
  insn('VEX.128.NP.0F38.WIG F3 /1', 'blsr r, r/m', (t) => lowestBit(t, 'r')),
  insn('VEX.128.NP.0F38.WIG F3 /2', 'blsmsk r, r/m', (t) => lowestBit(t, 'msk')),
  insn('VEX.128.NP.0F38.WIG F3 /3', 'blsi r, r/m', (t) => lowestBit(t, 'i')),
  insn('VEX.128.NP.0F38.WIG F7 /r', 'bextr r, r/m, r', extract),
  insn('VEX.128.NP.0F38.WIG F5 /r', 'bzhi r, r/m, r', zeroHigh),
  insn('VEX.128.F2.0F38.WIG F5 /r', 'pdep r, r, r/m', (t) => parallel(t, depositHelper)),
  insn('VEX.128.F3.0F38.WIG F5 /r', 'pext r, r, r/m', (t) => parallel(t, extractHelper)),
];
