import type { Value } from '../../../ir/value.ts';
import { CARRY_ASKED } from '../../frontend.ts';
import type { Int, Size } from '../flags.ts';
import { RAX, RDX } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { divide } from './divide.ts';

type I32 = Value<'i32'>;
type Lift = (t: Translator) => void;

/** The highest bit of an operand as 0 or 1. */
export const msb = (t: Translator, v: Int, size: Size): I32 => {
  if (size === 8) return t.b.i32.wrap_i64(t.b.i64.shr_u(v, t.b.const64(63)));
  const bit = t.b.i32.shr_u(v as Value as I32, t.imm(8 * size - 1));
  return size === 4 ? bit : t.b.i32.and(bit, t.imm(1));
};

/** A result, and what sets the flags for it: to be called when the result is in its place. */
interface Outcome {
  readonly result: Int;
  readonly flags: () => void;
}

const ARITHMETIC = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'] as const;
type Op = (typeof ARITHMETIC)[number];

const withCarry = (t: Translator, op: 'adc' | 'sbb', x: Int, y: Int, size: Size): Outcome => {
  const ns = t.ns(size);
  // apart from their registers, of which the other may be a part of the destination's
  const [a, b] = [t.zx(x, size), t.zx(y, size)];
  const carry = t.carry();
  const c = t.convert(carry as Value as Int, 4, size, false);
  const adds = op === 'adc';
  const r = adds ? ns.add(ns.add(a, b), c) : ns.sub(ns.sub(a, b), c);
  return { result: r, flags: () => t.flagsWithCarry(adds ? 'ADC' : 'SBB', a, b, carry, r, size) };
};

const compute = (t: Translator, op: Op, a: Int, b: Int, size: Size): Outcome => {
  const ns = t.ns(size);
  switch (op) {
    case 'add':
      return { result: ns.add(a, b), flags: () => t.flagsOfAdd(a, b, size) };
    case 'sub':
    case 'cmp':
      return { result: ns.sub(a, b), flags: () => t.flagsOfSub(a, b, size) };
    case 'adc':
    case 'sbb':
      return withCarry(t, op, a, b, size);
    default: {
      const result = ns[op](a, b);
      return { result, flags: () => t.flagsOfLogic(result, size) };
    }
  }
};

/** Read-modify-write of the ModRM operand; where it is locked, by adding (or what else) `y` in one access. */
const modify = (t: Translator, op: Op, y: Int, size: Size): void => {
  if (op === 'cmp') return compute(t, op, t.rm(size), y, size).flags();
  if (!t.locked) {
    const { result, flags } = compute(t, op, t.rm(size), y, size);
    t.setRm(result, size);
    return flags();
  }
  const ns = t.ns(size);
  if (op === 'add' || op === 'sub' || op === 'adc' || op === 'sbb') {
    const carries = op === 'adc' || op === 'sbb';
    const whole = carries ? ns.add(y, t.convert(t.carry() as Value as Int, 4, size, false)) : y;
    const down = op === 'sub' || op === 'sbb';
    const old = t.rmw('add', size, down ? ns.sub(t.k(0, size), whole) : whole);
    return compute(t, op, old, y, size).flags();
  }
  compute(t, op, t.rmw(op, size, y), y, size).flags();
};

const toRegister = (t: Translator, op: Op, size: Size): void => {
  const { result, flags } = compute(t, op, t.r(size), t.rm(size), size);
  if (op !== 'cmp') t.setR(result, size);
  flags();
};
/** `sub r, r` and `xor r, r` do not depend on the register. */
const isZeroing = (t: Translator, op: Op): boolean => (op === 'xor' || op === 'sub') && t.d.mod === 3 && t.d.rm === t.d.reg; // biome-ignore format: one line
const clear = (t: Translator, size: Size): void => {
  t.setR(t.k(0, size), size);
  t.flagsOfLogic(t.k(0, size), size);
};
const fromRegister = (t: Translator, op: Op, size: Size): void => {
  if (isZeroing(t, op) && size >= 4) clear(t, size);
  else modify(t, op, t.r(size), size);
};
const withAccumulator = (t: Translator, op: Op, size: Size): void => {
  const { result, flags } = compute(t, op, t.reg(RAX, size), t.immediate(size), size);
  if (op !== 'cmp') t.setReg(RAX, result, size);
  flags();
};

const hex = (n: number): string => n.toString(16).toUpperCase().padStart(2, '0');

// biome-ignore format: one instruction per line
const family = (op: Op, n: number): X86Row[] => [
  insn(`${hex(8 * n)} /r`, `${op} r/m8, r8`, (t) => fromRegister(t, op, 1)),
  insn(`${hex(8 * n + 1)} /r`, `${op} r/m, r`, (t) => fromRegister(t, op, t.size)),
  insn(`${hex(8 * n + 2)} /r`, `${op} r8, r/m8`, (t) => toRegister(t, op, 1)),
  insn(`${hex(8 * n + 3)} /r`, `${op} r, r/m`, (t) => (isZeroing(t, op) && t.size >= 4 ? clear(t, t.size) : toRegister(t, op, t.size))),
  insn(`${hex(8 * n + 4)} ib`, `${op} al, imm8`, (t) => withAccumulator(t, op, 1)),
  insn(`${hex(8 * n + 5)} iz`, `${op} rax, imm`, (t) => withAccumulator(t, op, t.size)),
  insn(`80 /${n} ib`, `${op} r/m8, imm8`, (t) => modify(t, op, t.immediate(1), 1)),
  insn(`81 /${n} iz`, `${op} r/m, imm`, (t) => modify(t, op, t.immediate(t.size), t.size)),
  insn(`82 /${n} ib`, `${op} r/m8, imm8`, (t) => modify(t, op, t.immediate(1), 1), 32),
  insn(`83 /${n} ib`, `${op} r/m, imm8`, (t) => modify(t, op, t.immediate(t.size), t.size)),
];

/** INC, DEC: CF stays. */
const step = (t: Translator, by: 1 | -1, size: Size, read: () => Int, write: (v: Int) => void): void => {
  const { i32 } = t.b;
  const ns = t.ns(size);
  const cf = t.keptCarry();
  const r = ns.add(t.locked ? t.rmw('add', size, t.k(by, size)) : read(), t.k(by, size));
  if (!t.locked) write(r);
  const edge = by === 1 ? t.k(1, size) : t.k(-1, size);
  const low = i32.and(t.narrow(r, size), t.imm(15));
  const af = i32.eq(low, t.imm(by === 1 ? 0 : 15));
  // overflow: the result is the lowest or the highest number
  const lowest = size === 8 ? t.b.const64(-(2n ** 63n)) : t.k(-(2 ** (8 * size - 1)), 4);
  const end = by === 1 ? lowest : ns.add(lowest, edge);
  const of = ns.eq(t.sx(r, size), size === 8 || by === 1 ? end : t.sx(end, size));
  t.flagsOfResult(r, size, { cf, of, af }, CARRY_ASKED);
};
const stepRm = (by: 1 | -1, size: Size): Lift => (t) => step(t, by, size, () => t.rm(size), (v) => t.setRm(v, size)); // biome-ignore format: one line
const stepReg = (by: 1 | -1): Lift => (t) => step(t, by, t.size, () => t.reg(t.d.rm, t.size), (v) => t.setReg(t.d.rm, v, t.size)); // biome-ignore format: one line

const not = (t: Translator, size: Size): void => {
  if (t.locked) return void t.rmw('xor', size, t.k(-1, size));
  t.setRm(t.ns(size).xor(t.rm(size), t.k(-1, size)), size);
};
/** Locked, the instruction is repeated where another thread came between. */
const negate = (t: Translator, size: Size): void => {
  const ns = t.ns(size);
  const zero = t.k(0, size);
  const v = t.rm(size);
  const r = ns.sub(zero, v);
  const old = t.locked ? t.rmw('cmpxchg', size, v, r) : null;
  if (old === null) t.setRm(r, size);
  t.flagsOfSub(zero, v, size);
  if (old !== null) t.retryWhen(ns.ne(t.zx(old, size), t.zx(v, size)));
};

const test = (t: Translator, a: Int, b: Int, size: Size): void => t.flagsOfLogic(t.ns(size).and(a, b), size);
/** TEST of a register and itself asks for its sign or zero. */
const testRegister = (t: Translator, size: Size): void => {
  if (t.d.mod === 3 && t.d.rm === t.d.reg) t.flagsOfLogic(t.r(size), size);
  else test(t, t.rm(size), t.r(size), size);
};

/** MUL, IMUL with one operand: the product is twice as long. */
const multiply = (t: Translator, size: Size, signed: boolean): void => {
  const { i32, i64 } = t.b;
  const [a, b] = [t.reg(RAX, size), t.rm(size)];
  if (size === 8) {
    const low = i64.mul(a, b);
    const high = signed ? i64.mulh_s(a, b) : i64.mulh_u(a, b);
    t.setReg(RAX, low, 8);
    t.setReg(RDX, high, 8);
    if (signed) return t.flagsOfMul(a, b, 8);
    const cf = i64.ne(high, t.b.const64(0));
    return t.flagsOfResult(low, 8, { cf, of: cf });
  }
  if (size === 4) {
    const product = i64.mul(t.convert(a, 4, 8, signed), t.convert(b, 4, 8, signed));
    const low = i32.wrap_i64(product) as Value as Int;
    t.setReg(RAX, low, 4);
    t.setReg(RDX, i32.wrap_i64(i64.shr_u(product, t.b.const64(32))) as Value as Int, 4);
    if (signed) return t.flagsOfMul(a, b, 4);
    const cf = i64.ne(product, t.convert(low, 4, 8, false));
    return t.flagsOfResult(low, 4, { cf, of: cf });
  }
  const [x, y] = signed ? [t.sx(a, size), t.sx(b, size)] : [t.zx(a, size), t.zx(b, size)];
  const product = t.ns(4).mul(x, y);
  if (size === 1) t.setReg(RAX, product, 2);
  else {
    t.setReg(RAX, product, 2);
    t.setReg(RDX, t.ns(4).shr_u(product, t.k(16, 4)), 2);
  }
  const cf = t.ns(4).ne(product, signed ? t.sx(product, size) : t.zx(product, size));
  t.flagsOfResult(product, size, { cf, of: cf });
};

/** IMUL with two or three operands. */
const multiplyTo = (t: Translator, a: Int, b: Int): void => {
  const { size } = t;
  t.setR(t.ns(size).mul(a, b), size);
  t.flagsOfMul(a, b, size);
};

/** XADD: the sum goes to the first operand, what that was to the second. */
const exchangeAdd = (t: Translator, size: Size): void => {
  const [y, ns] = [t.r(size), t.ns(size)];
  const old = t.locked ? t.rmw('add', size, y) : t.rm(size);
  const sum = ns.add(old, y);
  if (t.d.mod === 3) {
    t.setR(old, size);
    t.setRm(sum, size);
  } else {
    if (!t.locked) t.setRm(sum, size);
    t.setR(old, size);
  }
  t.flagsOfAdd(old, y, size);
};

/** CMPXCHG; a register that is not written keeps its upper half. */
const compareExchange = (t: Translator, size: Size): void => {
  const { b } = t;
  const ns = t.ns(size);
  const pick = (x: Int, y: Int, when: I32, s: Size): Int => b.emit(s === 8 ? 'i64.select' : 'i32.select', x, y, when) as Int; // biome-ignore format: one line
  const [expected, y] = [t.reg(RAX, size), t.r(size)];
  const locked = t.locked;
  const old = locked ? t.rmw('cmpxchg', size, expected, y) : t.rm(size);
  const same = ns.eq(t.zx(old, size), t.zx(expected, size));
  if (!locked && t.d.mod !== 3) t.setRm(pick(y, old, same, size), size);
  const wide = size === 4 && t.is64;
  const before = wide ? t.reg(RAX, 8) : expected;
  if (t.d.mod === 3) {
    if (wide) t.setRm(pick(t.wide(y as Value as I32) as Int, t.reg(t.d.rm, 8), same, 8), 8);
    else t.setRm(pick(y, old, same, size), size);
  }
  // a first operand that is the accumulator has been compared with itself
  if (t.d.mod !== 3 || t.d.rm !== RAX || t.isHighByte(t.d.rm, size)) {
    const found = wide ? (t.wide(old as Value as I32) as Int) : old;
    t.setReg(RAX, pick(before, found, same, wide ? 8 : size), wide ? 8 : size);
  }
  t.flagsOfSub(expected, old, size);
};

/** ADCX, ADOX: add with one flag as carry, the others stay. */
const addWith = (t: Translator, flag: 'cf' | 'of'): void => {
  const size = t.d.w === 1 ? 8 : 4;
  const ns = t.ns(size);
  const [a, b] = [t.r(size), t.rm(size)];
  const c = flag === 'cf' ? t.carry() : t.cond(0);
  const r = ns.add(ns.add(a, b), t.convert(c as Value as Int, 4, size, false));
  const out = t.b.i32.or(ns.lt_u(r, a), t.b.i32.and(c, ns.eq(r, a)));
  t.setR(r, size);
  t.changeParts({ [flag]: out });
};

const MULX = (t: Translator): void => {
  const size: Size = t.d.w === 1 ? 8 : 4;
  const { i64 } = t.b;
  const [a, b] = [t.reg(RDX, size), t.rm(size)];
  if (size === 8) {
    const [low, high] = [i64.mul(a, b), i64.mulh_u(a, b)];
    t.setReg(t.d.vvvv, low, 8);
    return t.setR(high, 8);
  }
  const product = i64.mul(t.convert(a, 4, 8, false), t.convert(b, 4, 8, false));
  t.setReg(t.d.vvvv, t.b.i32.wrap_i64(product) as Value as Int, 4);
  t.setR(t.b.i32.wrap_i64(i64.shr_u(product, t.b.const64(32))) as Value as Int, 4);
};

/** SDM vol. 1, 5.1.2 and 5.1.4: binary arithmetic and logic */
// biome-ignore format: one instruction per line
export const arithmeticRows: readonly X86Row[] = [
  ...ARITHMETIC.flatMap(family),
  insn('84 /r', 'test r/m8, r8', (t) => testRegister(t, 1)),
  insn('85 /r', 'test r/m, r', (t) => testRegister(t, t.size)),
  insn('A8 ib', 'test al, imm8', (t) => test(t, t.reg(RAX, 1), t.immediate(1), 1)),
  insn('A9 iz', 'test rax, imm', (t) => test(t, t.reg(RAX, t.size), t.immediate(t.size), t.size)),
  ...[0, 1].flatMap((n) => [
    insn(`F6 /${n} ib`, 'test r/m8, imm8', (t) => test(t, t.rm(1), t.immediate(1), 1)),
    insn(`F7 /${n} iz`, 'test r/m, imm', (t) => test(t, t.rm(t.size), t.immediate(t.size), t.size)),
  ]),
  insn('F6 /2', 'not r/m8', (t) => not(t, 1)),
  insn('F7 /2', 'not r/m', (t) => not(t, t.size)),
  insn('F6 /3', 'neg r/m8', (t) => negate(t, 1)),
  insn('F7 /3', 'neg r/m', (t) => negate(t, t.size)),
  insn('F6 /4', 'mul r/m8', (t) => multiply(t, 1, false)),
  insn('F7 /4', 'mul r/m', (t) => multiply(t, t.size, false)),
  insn('F6 /5', 'imul r/m8', (t) => multiply(t, 1, true)),
  insn('F7 /5', 'imul r/m', (t) => multiply(t, t.size, true)),
  insn('F6 /6', 'div r/m8', (t) => divide(t, 1, false)),
  insn('F7 /6', 'div r/m', (t) => divide(t, t.size, false)),
  insn('F6 /7', 'idiv r/m8', (t) => divide(t, 1, true)),
  insn('F7 /7', 'idiv r/m', (t) => divide(t, t.size, true)),
  insn('0F AF /r', 'imul r, r/m', (t) => multiplyTo(t, t.r(t.size), t.rm(t.size))),
  insn('69 /r iz', 'imul r, r/m, imm', (t) => multiplyTo(t, t.rm(t.size), t.immediate(t.size))),
  insn('6B /r ib', 'imul r, r/m, imm8', (t) => multiplyTo(t, t.rm(t.size), t.immediate(t.size))),
  insn('FE /0', 'inc r/m8', stepRm(1, 1)),
  insn('FE /1', 'dec r/m8', stepRm(-1, 1)),
  insn('FF /0', 'inc r/m', (t) => stepRm(1, t.size)(t)),
  insn('FF /1', 'dec r/m', (t) => stepRm(-1, t.size)(t)),
  insn('40+r', 'inc r', stepReg(1), 32),
  insn('48+r', 'dec r', stepReg(-1), 32),
  insn('0F C0 /r', 'xadd r/m8, r8', (t) => exchangeAdd(t, 1)),
  insn('0F C1 /r', 'xadd r/m, r', (t) => exchangeAdd(t, t.size)),
  insn('0F B0 /r', 'cmpxchg r/m8, r8', (t) => compareExchange(t, 1)),
  insn('0F B1 /r', 'cmpxchg r/m, r', (t) => compareExchange(t, t.size)),
  insn('66 0F 38 F6 /r', 'adcx r, r/m', (t) => addWith(t, 'cf')),
  insn('F3 0F 38 F6 /r', 'adox r, r/m', (t) => addWith(t, 'of')),
  insn('VEX.128.F2.0F38.W0 F6 /r', 'mulx r, r, r/m', MULX),
  insn('VEX.128.F2.0F38.W1 F6 /r', 'mulx r, r, r/m', MULX),
];
