import type { Value } from '../../../ir/value.ts';
import type { Int, Size } from '../flags.ts';
import { RCX } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { msb } from './arithmetic.ts';

type I32 = Value<'i32'>;

/** Shifts by a number in the instruction or in CL. The processor takes the count's low 5 bits, 6 of 8-byte operands. */
type Count = (t: Translator, size: Size) => I32;
const mask = (size: Size): number => (size === 8 ? 63 : 31);
const one: Count = (t) => t.imm(1);
const byImmediate: Count = (t, size) => t.imm(t.d.imm & mask(size));
const byCl: Count = (t, size) => t.b.i32.and(t.reg(RCX, 4) as Value as I32, t.imm(mask(size)));

/** The lowest bit of a value of an operand's type. */
const lsb = (t: Translator, v: Int, size: Size): I32 => t.b.i32.and(t.narrow(v, size), t.imm(1));

const asCount = (t: Translator, n: I32, size: Size): Int => t.convert(n as Value as Int, 4, size, false);

type Shift = 'SHL' | 'SHR' | 'SAR';
const shift = (t: Translator, kind: Shift, count: Count, size: Size): void => {
  const ns = t.ns(size);
  const n = count(t, size);
  const v = t.rm(size);
  // by 0, memory is written all the same, and a register's upper half cleared
  if (n.isConst && n.imm === 0) return t.setRm(v, size);
  const by = asCount(t, n, size);
  const r = kind === 'SHL' ? ns.shl(v, by) : kind === 'SHR' ? ns.shr_u(t.zx(v, size), by) : ns.shr_s(t.sx(v, size), by);
  t.setRm(r, size);
  t.flagsOfShift(kind, v, n, size);
};

/** Rotations leave all flags but CF and OF alone, and these too when they turn by 0. */
const setCarryOverflow = (t: Translator, n: I32, cf: I32, of: I32): void =>
  t.changeCarryOverflow(cf, of, n.isConst ? null : n);

const rotate = (t: Translator, toLeft: boolean, count: Count, size: Size): void => {
  const ns = t.ns(size);
  const n = count(t, size);
  const v = t.rm(size);
  if (n.isConst && n.imm === 0) return t.setRm(v, size);
  const bits = 8 * size;
  const by = asCount(t, n, size);
  let r: Int;
  if (size >= 4) r = toLeft ? ns.rotl(v, by) : ns.rotr(v, by);
  else {
    const whole = t.zx(v, size);
    const turn = ns.and(by, t.k(bits - 1, 4));
    const back = ns.and(ns.sub(t.k(bits, 4), turn), t.k(bits - 1, 4));
    r = ns.or(ns.shl(whole, toLeft ? turn : back), ns.shr_u(whole, toLeft ? back : turn));
  }
  const top = msb(t, r, size);
  const next = t.b.i32.and(t.narrow(ns.shr_u(r, t.k(bits - 2, size)), size), t.imm(1));
  const low = lsb(t, r, size);
  t.setRm(r, size);
  if (toLeft) setCarryOverflow(t, n, low, t.b.i32.xor(top, low));
  else setCarryOverflow(t, n, top, t.b.i32.xor(top, next));
};

/** RCL, RCR: CF is one bit more of the operand. */
const rotateThroughCarry = (t: Translator, toLeft: boolean, count: Count, size: Size): void => {
  const { i32, i64 } = t.b;
  const n = count(t, size);
  const v = t.rm(size);
  if (n.isConst && n.imm === 0) return t.setRm(v, size);
  const carry = t.carry();
  const k = (x: number): Int => t.b.const64(x) as Int;
  const c = t.wide(carry) as Int;
  const bits = 8 * size;
  let [r, out]: [Int, Int] = [v, v];
  // operands below 8 bytes may be turned further than they are long
  const by = size <= 2 ? i32.rem_u(n, t.imm(bits + 1)) : n;
  const turn = t.wide(by) as Int;
  if (size < 8) {
    const whole = i64.or(t.convert(t.zx(v, size), 4, 8, false), i64.shl(c, k(bits)));
    const back = i64.sub(k(bits + 1), turn);
    const turned = toLeft
      ? i64.or(i64.shl(whole, turn), i64.shr_u(whole, back))
      : i64.or(i64.shr_u(whole, turn), i64.shl(whole, back));
    r = i32.wrap_i64(turned) as Value as Int;
    out = i64.shr_u(turned, k(bits));
  } else if (toLeft) {
    const back = i64.sub(k(64), turn);
    const carried = i64.shl(c, i64.sub(turn, k(1)));
    r = i64.or(i64.or(i64.shl(v, turn), carried), i64.shr_u(i64.shr_u(v, k(1)), back));
    out = i64.shr_u(v, back);
  } else {
    const back = i64.sub(k(64), turn);
    r = i64.or(i64.or(i64.shr_u(v, turn), i64.shl(c, back)), i64.shl(i64.shl(v, k(1)), back));
    out = i64.shr_u(v, i64.sub(turn, k(1)));
  }
  let cf = lsb(t, out, 8);
  if (!by.isConst && size !== 4) {
    // nothing is turned: the formulas need a count
    r = t.b.emit(size === 8 ? 'i64.select' : 'i32.select', r, v, by) as Int;
    cf = i32.select(cf, carry, by);
  } else if (!by.isConst) cf = i32.select(cf, carry, by);
  const top = msb(t, r, size);
  const next = t.b.i32.and(t.narrow(t.ns(size).shr_u(r, t.k(bits - 2, size)), size), t.imm(1));
  t.setRm(r, size);
  setCarryOverflow(t, n, cf, toLeft ? i32.xor(top, cf) : i32.xor(top, next));
};

/** SHLD, SHRD: bits of the second operand come in. */
const doubleShift = (t: Translator, toLeft: boolean, count: Count): void => {
  const { size } = t;
  const { i32, i64 } = t.b;
  const n = count(t, size);
  const [a, b] = [t.rm(size), t.r(size)];
  if (n.isConst && n.imm === 0) return t.setRm(a, size);
  const by = t.wide(n) as Int;
  const k = (x: number): Int => t.b.const64(x) as Int;
  let [r, out]: [Int, Int] = [a, a];
  if (size === 8) {
    const back = i64.sub(k(63), by);
    r = toLeft
      ? i64.or(i64.shl(a, by), i64.shr_u(i64.shr_u(b, k(1)), back))
      : i64.or(i64.shr_u(a, by), i64.shl(i64.shl(b, k(1)), back));
    out = i64.shr_u(a, toLeft ? i64.sub(k(64), by) : i64.sub(by, k(1)));
    if (!n.isConst) r = i64.select(r, a, n);
  } else {
    const bits = 8 * size;
    const [x, y] = [t.convert(t.zx(a, size), 4, 8, false), t.convert(t.zx(b, size), 4, 8, false)];
    // 16 bits shifted further than they are long: undefined, and on processors the second operand once more
    const again = (at: number): Int => (size === 2 ? i64.shl(y, k(at)) : k(0));
    const whole = toLeft
      ? i64.or(i64.or(i64.shl(x, k(32)), i64.shl(y, k(32 - bits))), again(0))
      : i64.or(i64.or(x, i64.shl(y, k(bits))), again(32));
    const moved = toLeft ? i64.shr_u(i64.shl(whole, by), k(32)) : i64.shr_u(whole, by);
    r = i32.wrap_i64(moved) as Value as Int;
    out = toLeft ? i64.shr_u(i64.shl(whole, by), k(32 + bits)) : i64.shr_u(whole, i64.sub(by, k(1)));
    if (toLeft && size === 4) out = i64.shr_u(x, i64.sub(k(32), by));
  }
  const cf = lsb(t, out, 8);
  const of = i32.xor(msb(t, r, size), msb(t, a, size));
  t.setRm(r, size);
  if (n.isConst) t.flagsOfResult(r, size, { cf, of });
  else t.flagsOfResultWhen(n, r, size, { cf, of });
};

/** SARX, SHLX, SHRX, RORX: without flags. */
const vexShift = (t: Translator, op: 'shl' | 'shr_u' | 'shr_s'): void => {
  const size: Size = t.d.w === 1 ? 8 : 4;
  t.setR(t.ns(size)[op](t.rm(size), t.reg(t.d.vvvv, size)), size);
};
const vexRotate = (t: Translator): void => {
  if (t.d.vvvv !== 0) return t.undefined();
  const size: Size = t.d.w === 1 ? 8 : 4;
  t.setR(t.ns(size).rotr(t.rm(size), t.k(t.d.imm & mask(size), size)), size);
};

const COUNTS = [
  { codes: ['C0', 'C1'], imm: ' ib', operand: 'imm8', count: byImmediate },
  { codes: ['D0', 'D1'], imm: '', operand: '1', count: one },
  { codes: ['D2', 'D3'], imm: '', operand: 'cl', count: byCl },
] as const;
type Do = (t: Translator, count: Count, size: Size) => void;
const OPERATIONS: readonly (readonly [digit: number, name: string, Do])[] = [
  [0, 'rol', (t, count, size) => rotate(t, true, count, size)],
  [1, 'ror', (t, count, size) => rotate(t, false, count, size)],
  [2, 'rcl', (t, count, size) => rotateThroughCarry(t, true, count, size)],
  [3, 'rcr', (t, count, size) => rotateThroughCarry(t, false, count, size)],
  [4, 'shl', (t, count, size) => shift(t, 'SHL', count, size)],
  [5, 'shr', (t, count, size) => shift(t, 'SHR', count, size)],
  // 6 is another SHL that all processors have
  [6, 'sal', (t, count, size) => shift(t, 'SHL', count, size)],
  [7, 'sar', (t, count, size) => shift(t, 'SAR', count, size)],
];

/** SDM vol. 1, 5.1.5: shift and rotate; 5.1.16: those of BMI2 */
// biome-ignore format: one instruction per line
export const shiftRows: readonly X86Row[] = [
  ...COUNTS.flatMap(({ codes, imm, operand, count }) => OPERATIONS.flatMap(([digit, name, run]) => [
    insn(`${codes[0]} /${digit}${imm}`, `${name} r/m8, ${operand}`, (t) => run(t, count, 1)),
    insn(`${codes[1]} /${digit}${imm}`, `${name} r/m, ${operand}`, (t) => run(t, count, t.size)),
  ])),
  insn('0F A4 /r ib', 'shld r/m, r, imm8', (t) => doubleShift(t, true, byImmediate)),
  insn('0F A5 /r', 'shld r/m, r, cl', (t) => doubleShift(t, true, byCl)),
  insn('0F AC /r ib', 'shrd r/m, r, imm8', (t) => doubleShift(t, false, byImmediate)),
  insn('0F AD /r', 'shrd r/m, r, cl', (t) => doubleShift(t, false, byCl)),
  insn('VEX.128.66.0F38.WIG F7 /r', 'shlx r, r/m, r', (t) => vexShift(t, 'shl')),
  insn('VEX.128.F2.0F38.WIG F7 /r', 'shrx r, r/m, r', (t) => vexShift(t, 'shr_u')),
  insn('VEX.128.F3.0F38.WIG F7 /r', 'sarx r, r/m, r', (t) => vexShift(t, 'shr_s')),
  insn('VEX.128.F2.0F3A.WIG F0 /r ib', 'rorx r, r/m, imm8', vexRotate),
];
