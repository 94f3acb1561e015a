import { crc32 } from '../../../crypto/crc.ts';
import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import { Flags } from '../flags.ts';
import { defineHelper } from '../helpers.ts';
import { xOffset } from '../registers.ts';
import type { Int, Translator, Width } from '../translator.ts';
import { insn } from './row.ts';

type F = Readonly<Record<string, number>>;
type I64 = Value<'i64'>;
type I32 = Value<'i32'>;

/** ShiftReg: LSL, LSR, ASR, ROR by a constant. */
const shifted = (w: Width, n: number, type: number, amount: number): Int =>
  amount === 0
    ? w.get(n)
    : w.op((['shl', 'shr_u', 'shr_s', 'rotr'] as const)[type] ?? 'shl', w.get(n), w.const(amount));

/** ExtendReg: UXTB UXTH UXTW UXTX SXTB SXTH SXTW SXTX, then LSL. */
export const extended = (t: Translator, w: Width, n: number, option: number, shift: number): Int => {
  let v: Int;
  if (w.bits === 64) {
    const x = t.x(n);
    if (option === 0) v = t.b.i64.and(x, t.b.const64(0xff));
    else if (option === 1) v = t.b.i64.and(x, t.b.const64(0xffff));
    else if (option === 2) v = t.b.i64.extend_i32_u(t.w(n));
    else if (option === 4) v = t.b.i64.extend8_s(x);
    else if (option === 5) v = t.b.i64.extend16_s(x);
    else if (option === 6) v = t.b.i64.extend_i32_s(t.w(n));
    else v = x;
  } else {
    const x = t.w(n);
    if (option === 0) v = t.b.i32.and(x, t.b.const32(0xff));
    else if (option === 1) v = t.b.i32.and(x, t.b.const32(0xffff));
    else if (option === 4) v = t.b.i32.extend8_s(x);
    else if (option === 5) v = t.b.i32.extend16_s(x);
    else v = x;
  }
  return shift === 0 ? v : w.op('shl', v, w.const(shift));
};

type Logic = 'and' | 'or' | 'xor';
const logical = (
  t: Translator,
  { sf, shift, rm, imm6, rn, rd }: F,
  op: Logic,
  invert: boolean,
  flags: boolean,
): void => {
  if (sf === 0 && (imm6 as number) > 31) return t.undefined();
  const w = t.width(sf as number);
  let b = shifted(w, rm as number, shift as number, imm6 as number);
  if (invert) b = w.op('xor', b, w.const(-1));
  // ORR/ORN with the zero register are MOV and MVN
  const r = op === 'or' && rn === 31 ? b : w.op(op, w.get(rn as number), b);
  if (flags) t.setFlagState({ kind: w.logic, a: r, b: w.const(0), c: null });
  w.set(rd as number, r);
};

const addSub = (
  t: Translator,
  w: Width,
  a: Int,
  b: Int,
  rd: number,
  sub: boolean,
  flags: boolean,
  sp: boolean,
): void => {
  const r = w.op(sub ? 'sub' : 'add', a, b);
  if (flags) t.setFlagState({ kind: sub ? w.sub : w.add, a, b, c: null });
  if (sp && !flags) w.setSp(rd, r);
  else w.set(rd, r);
};

const addSubShifted = (t: Translator, { sf, shift, rm, imm6, rn, rd }: F, sub: boolean, flags: boolean): void => {
  if (shift === 3 || (sf === 0 && (imm6 as number) > 31)) return t.undefined();
  const w = t.width(sf as number);
  addSub(
    t,
    w,
    w.get(rn as number),
    shifted(w, rm as number, shift as number, imm6 as number),
    rd as number,
    sub,
    flags,
    false,
  );
};

const addSubExtended = (t: Translator, { sf, rm, option, imm3, rn, rd }: F, sub: boolean, flags: boolean): void => {
  if ((imm3 as number) > 4) return t.undefined();
  const w = t.width(sf as number);
  addSub(
    t,
    w,
    w.getSp(rn as number),
    extended(t, w, rm as number, option as number, imm3 as number),
    rd as number,
    sub,
    flags,
    true,
  );
};

/** a + b + C; NZCV are computed at once, since carry-in makes a third operand. */
const addCarry = (t: Translator, { sf, rm, rn, rd }: F, sub: boolean, flags: boolean): void => {
  const w = t.width(sf as number);
  const a = w.get(rn as number);
  const b = sub ? w.op('xor', w.get(rm as number), w.const(-1)) : w.get(rm as number);
  const carry = t.cond(2);
  const partial = w.op('add', a, b);
  const r = w.op('add', partial, w.fromI32(carry));
  if (flags) {
    const i32 = t.b.i32;
    const zero = w.const(0);
    const n = w.test('lt_s', r, zero);
    const z = w.test('eqz', r);
    const c = i32.or(w.test('lt_u', partial, a), w.test('lt_u', r, partial));
    const v = w.test('lt_s', w.op('and', w.op('xor', a, r), w.op('xor', b, r)), zero);
    const at = (bit: I32, shift: number): I32 => i32.shl(bit, t.b.const32(shift));
    t.setNzcv(i32.or(i32.or(at(n, 3), at(z, 2)), i32.or(at(c, 1), v)));
  }
  w.set(rd as number, r);
};

const condCompare = (t: Translator, { sf, cond, rn, nzcv }: F, sub: boolean, b: (w: Width) => Int): void => {
  const w = t.width(sf as number);
  const holds = t.cond(cond as number);
  const kind = w.bits === 64 ? (sub ? Flags.CCMP64 : Flags.CCMN64) : sub ? Flags.CCMP32 : Flags.CCMN32;
  t.setFlagState({ kind, a: w.get(rn as number), b: b(w), c: t.b.i32.or(holds, t.b.const32((nzcv as number) << 1)) });
};

const condSelect = (t: Translator, { sf, rm, cond, rn, rd }: F, invert: boolean, increment: boolean): void => {
  const w = t.width(sf as number);
  const holds = t.cond(cond as number);
  let other = w.get(rm as number);
  if (invert) other = w.op('xor', other, w.const(-1));
  if (increment) other = w.op('add', other, w.const(1));
  // CSET, CSETM: a condition as a number
  if (rn === 31 && rm === 31 && invert !== increment) {
    const not = t.b.i32.eqz(holds);
    return w.set(rd as number, increment ? w.fromI32(not) : w.op('sub', w.const(0), w.fromI32(not)));
  }
  w.set(rd as number, w.select(w.get(rn as number), other, holds));
};

/** Division never traps: x / 0 = 0, and the most negative number / -1 wraps. */
const divide = (t: Translator, { sf, rm, rn, rd }: F, signed: boolean): void => {
  const w = t.width(sf as number);
  const a = w.get(rn as number);
  const b = w.get(rm as number);
  const zero = w.const(0);
  const byZero = w.test('eqz', b);
  if (!signed) {
    const safe = w.select(w.const(1), b, byZero);
    return w.set(rd as number, w.select(zero, w.op('div_u', a, safe), byZero));
  }
  const minusOne = w.test('eq', b, w.const(-1));
  const safe = w.select(w.const(1), b, t.b.i32.or(byZero, minusOne));
  const q = w.op('div_s', a, safe);
  w.set(rd as number, w.select(zero, w.select(w.op('sub', zero, a), q, minusOne), byZero));
};

const variableShift = (t: Translator, { sf, rm, rn, rd }: F, op: 'shl' | 'shr_u' | 'shr_s' | 'rotr'): void => {
  const w = t.width(sf as number);
  w.set(rd as number, w.op(op, w.get(rn as number), w.get(rm as number)));
};

/** Reverse the bits within every byte by three swaps. */
const reverseInBytes = (w: Width, v: Int): Int => {
  let r = v;
  for (const [shift, mask] of [
    [1, 0x5555555555555555n],
    [2, 0x3333333333333333n],
    [4, 0x0f0f0f0f0f0f0f0fn],
  ] as const) {
    const m = w.const(BigInt.asUintN(w.bits, mask));
    const hi = w.op('and', w.op('shr_u', r, w.const(shift)), m);
    r = w.op('or', hi, w.op('shl', w.op('and', r, m), w.const(shift)));
  }
  return r;
};

/** Reverse the bytes within every group of `group` bytes. */
const reverseBytes = (w: Width, v: Int, group: 2 | 4 | 8): Int => {
  let r = v;
  for (let size = 1; size < group; size *= 2) {
    const bits = size * 8;
    const unit = (1n << BigInt(bits)) - 1n;
    let mask = 0n;
    for (let i = 0; i < 64; i += 2 * bits) mask |= unit << BigInt(i);
    if (bits === 32) return w.op('rotr', r, w.const(32));
    if (bits === 16 && w.bits === 32) return w.op('rotr', r, w.const(16));
    const m = w.const(BigInt.asUintN(w.bits, mask));
    const hi = w.op('and', w.op('shr_u', r, w.const(bits)), m);
    r = w.op('or', hi, w.op('shl', w.op('and', r, m), w.const(bits)));
  }
  return r;
};

const unary = (t: Translator, { sf, rn, rd }: F, f: (w: Width, v: Int) => Int): void => {
  const w = t.width(sf as number);
  w.set(rd as number, f(w, w.get(rn as number)));
};

const countLeadingSign = (w: Width, v: Int): Int => {
  const same = w.op('xor', v, w.op('shr_s', v, w.const(w.bits - 1)));
  return w.op('sub', w.op('clz', same), w.const(1));
};

const multiplyAdd = (t: Translator, { sf, rm, ra, rn, rd }: F, sub: boolean): void => {
  const w = t.width(sf as number);
  const product = w.op('mul', w.get(rn as number), w.get(rm as number));
  if (ra === 31 && !sub) return w.set(rd as number, product);
  w.set(rd as number, w.op(sub ? 'sub' : 'add', w.get(ra as number), product));
};

const multiplyLong = (t: Translator, { rm, ra, rn, rd }: F, signed: boolean, sub: boolean): void => {
  const { i64 } = t.b;
  const wide = (n: number): I64 => (signed ? i64.extend_i32_s(t.w(n)) : i64.extend_i32_u(t.w(n)));
  const product = i64.mul(wide(rn as number), wide(rm as number));
  const acc = t.x(ra as number);
  t.setX(rd as number, sub ? i64.sub(acc, product) : i64.add(acc, product));
};

/** Register 31 as an operand. */
const zeros = new DataView(new ArrayBuffer(8));

/** aux: rd | rn << 5 | rm << 10 | log2(bytes) << 15 | castagnoli << 17 */
const crcHelper: number = defineHelper((c, state, aux) => {
  const [rd, rn, rm] = [aux & 31, (aux >> 5) & 31, (aux >> 10) & 31];
  const bytes = 1 << ((aux >> 15) & 3);
  const accumulator = rn === 31 ? 0 : c.view.getUint32(state + xOffset(rn), true);
  const from = rm === 31 ? zeros : c.view;
  const crc = crc32(accumulator, from, rm === 31 ? 0 : state + xOffset(rm), bytes, ((aux >> 17) & 1) as 0 | 1);
  if (rd !== 31) {
    c.view.setUint32(state + xOffset(rd), crc, true);
    c.view.setUint32(state + xOffset(rd) + 4, 0, true);
  }
  return 0;
});

const crc = (t: Translator, { sf, rm, sz, rn, rd }: F, castagnoli: number): void => {
  if ((sf === 1) !== (sz === 3)) return t.undefined();
  t.helper(
    crcHelper,
    (rd as number) | ((rn as number) << 5) | ((rm as number) << 10) | ((sz as number) << 15) | (castagnoli << 17),
  );
};

/** C4.1.94 Data Processing -- Register */
// biome-ignore format: one instruction per line
export const dpRegister: readonly Row<Translator>[] = [
  // Data-processing (2 source)
  insn('udiv <Rd>, <Rn>, <Rm>', 'sf:1 0 0 11010110 rm:5 000010 rn:5 rd:5', (t, f) => divide(t, f, false)),
  insn('sdiv <Rd>, <Rn>, <Rm>', 'sf:1 0 0 11010110 rm:5 000011 rn:5 rd:5', (t, f) => divide(t, f, true)),
  insn('lslv <Rd>, <Rn>, <Rm>', 'sf:1 0 0 11010110 rm:5 001000 rn:5 rd:5', (t, f) => variableShift(t, f, 'shl')),
  insn('lsrv <Rd>, <Rn>, <Rm>', 'sf:1 0 0 11010110 rm:5 001001 rn:5 rd:5', (t, f) => variableShift(t, f, 'shr_u')),
  insn('asrv <Rd>, <Rn>, <Rm>', 'sf:1 0 0 11010110 rm:5 001010 rn:5 rd:5', (t, f) => variableShift(t, f, 'shr_s')),
  insn('rorv <Rd>, <Rn>, <Rm>', 'sf:1 0 0 11010110 rm:5 001011 rn:5 rd:5', (t, f) => variableShift(t, f, 'rotr')),
  insn('crc32<sz> <Wd>, <Wn>, <Rm>', 'sf:1 0 0 11010110 rm:5 0100 sz:2 rn:5 rd:5', (t, f) => crc(t, f, 0)),
  insn('crc32c<sz> <Wd>, <Wn>, <Rm>', 'sf:1 0 0 11010110 rm:5 0101 sz:2 rn:5 rd:5', (t, f) => crc(t, f, 1)),
  // Data-processing (1 source)
  insn('rbit <Rd>, <Rn>', 'sf:1 1 0 11010110 00000 000000 rn:5 rd:5', (t, f) => unary(t, f, (w, v) => reverseBytes(w, reverseInBytes(w, v), w.bits === 64 ? 8 : 4))),
  insn('rev16 <Rd>, <Rn>', 'sf:1 1 0 11010110 00000 000001 rn:5 rd:5', (t, f) => unary(t, f, (w, v) => reverseBytes(w, v, 2))),
  insn('rev <Wd>, <Wn>', '0 1 0 11010110 00000 000010 rn:5 rd:5', (t, { rn, rd }) => t.setW(rd, reverseBytes(t.w32, t.w(rn), 4) as I32)),
  insn('rev32 <Xd>, <Xn>', '1 1 0 11010110 00000 000010 rn:5 rd:5', (t, { rn, rd }) => t.setX(rd, reverseBytes(t.w64, t.x(rn), 4) as I64)),
  insn('rev <Xd>, <Xn>', '1 1 0 11010110 00000 000011 rn:5 rd:5', (t, { rn, rd }) => t.setX(rd, reverseBytes(t.w64, t.x(rn), 8) as I64)),
  insn('clz <Rd>, <Rn>', 'sf:1 1 0 11010110 00000 000100 rn:5 rd:5', (t, f) => unary(t, f, (w, v) => w.op('clz', v))),
  insn('cls <Rd>, <Rn>', 'sf:1 1 0 11010110 00000 000101 rn:5 rd:5', (t, f) => unary(t, f, countLeadingSign)),
  // Logical (shifted register)
  insn('and <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 00 01010 shift:2 0 rm:5 imm6:6 rn:5 rd:5', (t, f) => logical(t, f, 'and', false, false)),
  insn('bic <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 00 01010 shift:2 1 rm:5 imm6:6 rn:5 rd:5', (t, f) => logical(t, f, 'and', true, false)),
  insn('orr <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 01 01010 shift:2 0 rm:5 imm6:6 rn:5 rd:5', (t, f) => logical(t, f, 'or', false, false)),
  insn('orn <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 01 01010 shift:2 1 rm:5 imm6:6 rn:5 rd:5', (t, f) => logical(t, f, 'or', true, false)),
  insn('eor <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 10 01010 shift:2 0 rm:5 imm6:6 rn:5 rd:5', (t, f) => logical(t, f, 'xor', false, false)),
  insn('eon <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 10 01010 shift:2 1 rm:5 imm6:6 rn:5 rd:5', (t, f) => logical(t, f, 'xor', true, false)),
  insn('ands <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 11 01010 shift:2 0 rm:5 imm6:6 rn:5 rd:5', (t, f) => logical(t, f, 'and', false, true)),
  insn('bics <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 11 01010 shift:2 1 rm:5 imm6:6 rn:5 rd:5', (t, f) => logical(t, f, 'and', true, true)),
  // Add/subtract (shifted register)
  insn('add <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 00 01011 shift:2 0 rm:5 imm6:6 rn:5 rd:5', (t, f) => addSubShifted(t, f, false, false)),
  insn('adds <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 01 01011 shift:2 0 rm:5 imm6:6 rn:5 rd:5', (t, f) => addSubShifted(t, f, false, true)),
  insn('sub <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 10 01011 shift:2 0 rm:5 imm6:6 rn:5 rd:5', (t, f) => addSubShifted(t, f, true, false)),
  insn('subs <Rd>, <Rn>, <Rm>{, <shift>}', 'sf:1 11 01011 shift:2 0 rm:5 imm6:6 rn:5 rd:5', (t, f) => addSubShifted(t, f, true, true)),
  // Add/subtract (extended register)
  insn('add <Rd|SP>, <Rn|SP>, <Rm>, <extend>', 'sf:1 00 01011 00 1 rm:5 option:3 imm3:3 rn:5 rd:5', (t, f) => addSubExtended(t, f, false, false)),
  insn('adds <Rd>, <Rn|SP>, <Rm>, <extend>', 'sf:1 01 01011 00 1 rm:5 option:3 imm3:3 rn:5 rd:5', (t, f) => addSubExtended(t, f, false, true)),
  insn('sub <Rd|SP>, <Rn|SP>, <Rm>, <extend>', 'sf:1 10 01011 00 1 rm:5 option:3 imm3:3 rn:5 rd:5', (t, f) => addSubExtended(t, f, true, false)),
  insn('subs <Rd>, <Rn|SP>, <Rm>, <extend>', 'sf:1 11 01011 00 1 rm:5 option:3 imm3:3 rn:5 rd:5', (t, f) => addSubExtended(t, f, true, true)),
  // Add/subtract (with carry)
  insn('adc <Rd>, <Rn>, <Rm>', 'sf:1 00 11010000 rm:5 000000 rn:5 rd:5', (t, f) => addCarry(t, f, false, false)),
  insn('adcs <Rd>, <Rn>, <Rm>', 'sf:1 01 11010000 rm:5 000000 rn:5 rd:5', (t, f) => addCarry(t, f, false, true)),
  insn('sbc <Rd>, <Rn>, <Rm>', 'sf:1 10 11010000 rm:5 000000 rn:5 rd:5', (t, f) => addCarry(t, f, true, false)),
  insn('sbcs <Rd>, <Rn>, <Rm>', 'sf:1 11 11010000 rm:5 000000 rn:5 rd:5', (t, f) => addCarry(t, f, true, true)),
  // Conditional compare
  insn('ccmn <Rn>, <Rm>, #<nzcv>, <cond>', 'sf:1 01 11010010 rm:5 cond:4 00 rn:5 0 nzcv:4', (t, f) => condCompare(t, f, false, (w) => w.get(f.rm))),
  insn('ccmp <Rn>, <Rm>, #<nzcv>, <cond>', 'sf:1 11 11010010 rm:5 cond:4 00 rn:5 0 nzcv:4', (t, f) => condCompare(t, f, true, (w) => w.get(f.rm))),
  insn('ccmn <Rn>, #<imm5>, #<nzcv>, <cond>', 'sf:1 01 11010010 imm5:5 cond:4 10 rn:5 0 nzcv:4', (t, f) => condCompare(t, f, false, (w) => w.const(f.imm5))),
  insn('ccmp <Rn>, #<imm5>, #<nzcv>, <cond>', 'sf:1 11 11010010 imm5:5 cond:4 10 rn:5 0 nzcv:4', (t, f) => condCompare(t, f, true, (w) => w.const(f.imm5))),
  // Conditional select
  insn('csel <Rd>, <Rn>, <Rm>, <cond>', 'sf:1 00 11010100 rm:5 cond:4 00 rn:5 rd:5', (t, f) => condSelect(t, f, false, false)),
  insn('csinc <Rd>, <Rn>, <Rm>, <cond>', 'sf:1 00 11010100 rm:5 cond:4 01 rn:5 rd:5', (t, f) => condSelect(t, f, false, true)),
  insn('csinv <Rd>, <Rn>, <Rm>, <cond>', 'sf:1 10 11010100 rm:5 cond:4 00 rn:5 rd:5', (t, f) => condSelect(t, f, true, false)),
  insn('csneg <Rd>, <Rn>, <Rm>, <cond>', 'sf:1 10 11010100 rm:5 cond:4 01 rn:5 rd:5', (t, f) => condSelect(t, f, true, true)),
  // Data-processing (3 source)
  insn('madd <Rd>, <Rn>, <Rm>, <Ra>', 'sf:1 00 11011000 rm:5 0 ra:5 rn:5 rd:5', (t, f) => multiplyAdd(t, f, false)),
  insn('msub <Rd>, <Rn>, <Rm>, <Ra>', 'sf:1 00 11011000 rm:5 1 ra:5 rn:5 rd:5', (t, f) => multiplyAdd(t, f, true)),
  insn('smaddl <Xd>, <Wn>, <Wm>, <Xa>', '1 00 11011001 rm:5 0 ra:5 rn:5 rd:5', (t, f) => multiplyLong(t, f, true, false)),
  insn('smsubl <Xd>, <Wn>, <Wm>, <Xa>', '1 00 11011001 rm:5 1 ra:5 rn:5 rd:5', (t, f) => multiplyLong(t, f, true, true)),
  insn('smulh <Xd>, <Xn>, <Xm>', '1 00 11011010 rm:5 0 xxxxx rn:5 rd:5', (t, { rm, rn, rd }) => t.setX(rd, t.b.i64.mulh_s(t.x(rn), t.x(rm)))),
  insn('umaddl <Xd>, <Wn>, <Wm>, <Xa>', '1 00 11011101 rm:5 0 ra:5 rn:5 rd:5', (t, f) => multiplyLong(t, f, false, false)),
  insn('umsubl <Xd>, <Wn>, <Wm>, <Xa>', '1 00 11011101 rm:5 1 ra:5 rn:5 rd:5', (t, f) => multiplyLong(t, f, false, true)),
  insn('umulh <Xd>, <Xn>, <Xm>', '1 00 11011110 rm:5 0 xxxxx rn:5 rd:5', (t, { rm, rn, rd }) => t.setX(rd, t.b.i64.mulh_u(t.x(rn), t.x(rm)))),
  // FEAT_FlagM is not announced: RMIF, SETF8, SETF16, CFINV are unallocated here
];
