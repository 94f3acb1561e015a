import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import { added, addedWithCarry, subtracted, type Words } from '../flags.ts';
import { PC, SP } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { a32, type F, t16, t32 } from './row.ts';
import {
  ASR,
  expandA32,
  expandT32,
  LSL,
  LSR,
  ROR,
  type Shifted,
  shifted,
  shiftImmediate,
  shiftRegister,
  shiftRegisterC,
} from './shift.ts';

type I32 = Value<'i32'>;

export type DpOp =
  | 'and' | 'eor' | 'sub' | 'rsb' | 'add' | 'adc' | 'sbc' | 'rsc'
  | 'tst' | 'teq' | 'cmp' | 'cmn' | 'orr' | 'mov' | 'bic' | 'mvn' | 'orn'; // biome-ignore format: a table

const not = (t: Translator, v: I32): I32 => t.b.i32.xor(v, t.imm(-1));

/** Data processing (Arm ARM F2.4): the second operand has been made; null carry: C stays. */
export const dp = (t: Translator, op: DpOp, s: number, rd: number, rn: number, { v, carry }: Shifted): void => {
  const { i32 } = t.b;
  const compares = op === 'tst' || op === 'teq' || op === 'cmp' || op === 'cmn';
  if (s !== 0 && rd === PC && !compares) return t.undefined();
  const x = op === 'mov' || op === 'mvn' ? v : t.r(rn);
  // the flags are of the operands, which the result may take the place of
  const add = (a: I32, b: I32): void => {
    if (s !== 0) t.setFlags(added(a, b));
    if (!compares) t.setResult(rd, i32.add(a, b));
  };
  const sub = (a: I32, b: I32): void => {
    if (s !== 0) t.setFlags(subtracted(a, b));
    if (!compares) t.setResult(rd, b.isConst ? i32.add(a, t.imm(-b.imm)) : i32.sub(a, b));
  };
  const withCarry = (a: I32, b: I32, words: Words | null = null): void => {
    const r = i32.add(i32.add(a, b), t.carry());
    if (s !== 0) t.setFlags(addedWithCarry(a, b, r, words));
    t.setResult(rd, r);
  };
  const subWithCarry = (a: I32, b: I32): void => withCarry(a, not(t, b), s === 0 ? null : t.words(a, b));
  const logic = (result: I32): void => {
    if (!compares) t.setResult(rd, result);
    if (s !== 0) t.setNZC(result, carry);
  };
  switch (op) {
    case 'add':
    case 'cmn':
      return add(x, v);
    case 'sub':
    case 'cmp':
      return sub(x, v);
    case 'rsb':
      return sub(v, x);
    case 'adc':
      return withCarry(x, v);
    case 'sbc':
      return subWithCarry(x, v);
    case 'rsc':
      return subWithCarry(v, x);
    case 'and':
    case 'tst':
      return logic(i32.and(x, v));
    case 'eor':
    case 'teq':
      return logic(i32.xor(x, v));
    case 'orr':
      return logic(i32.or(x, v));
    case 'bic':
      return logic(i32.and(x, not(t, v)));
    case 'orn':
      return logic(i32.or(x, not(t, v)));
    case 'mov':
      return logic(v);
    case 'mvn':
      return logic(not(t, v));
  }
};

/** Whether the operation's flags take the carry of its second operand. */
const isLogic = (op: DpOp): boolean => !['sub', 'rsb', 'add', 'adc', 'sbc', 'rsc', 'cmp', 'cmn'].includes(op);

const constant = (t: Translator, { value, carry }: { value: number; carry: number | null }): Shifted => ({
  v: t.imm(value),
  carry: carry === null ? null : t.imm(carry),
});

/** Operand 2: a register shifted by a register; the carry only where it counts. */
const byRegister = (t: Translator, f: F, wantsCarry: boolean): Shifted => {
  const { rm, rs, type } = f as { rm: number; rs: number; type: number };
  if (!wantsCarry) return { v: shiftRegister(t, t.r(rm), type, t.r(rs)), carry: null };
  return shiftRegisterC(t, t.r(rm), type, t.r(rs), t.carry());
};

const byImmediate = (t: Translator, f: F, wantsCarry: boolean): Shifted => {
  const { rm, type, imm5 } = f as { rm: number; type: number; imm5: number };
  return wantsCarry ? shiftImmediate(t, t.r(rm), type, imm5) : { v: shifted(t, t.r(rm), type, imm5), carry: null };
};

const A32_OPS: readonly DpOp[] = ['and', 'eor', 'sub', 'rsb', 'add', 'adc', 'sbc', 'rsc', 'tst', 'teq', 'cmp', 'cmn', 'orr', 'mov', 'bic', 'mvn']; // biome-ignore format: a table

/** The three forms of each operation. */
const a32Operations = A32_OPS.flatMap((op, n) => {
  const code = n.toString(2).padStart(4, '0');
  const compares = n >= 8 && n <= 11;
  const moves = op === 'mov' || op === 'mvn';
  const s = compares ? '1' : 's:1';
  const rn = moves ? '0000' : 'rn:4';
  const rd = compares ? '0000' : 'rd:4';
  const head = `${op}${compares ? '' : '{s}'}<c> ${compares ? '' : '<Rd>, '}${moves ? '' : '<Rn>, '}`;
  const flags = (f: F): number => (compares ? 1 : (f.s as number));
  const run = (t: Translator, f: F, operand: Shifted): void =>
    dp(t, op, flags(f), (f.rd ?? 0) as number, f.rn as number, operand);
  const wants = (f: F): boolean => flags(f) === 1 && isLogic(op);
  // a field that the pattern lacks may be left over from another word
  const own = (f: F): F => ({ ...f, rd: compares ? 0 : (f.rd as number) });
  return [
    a32(`${head}#<const>`, `00 1 ${code} ${s} ${rn} ${rd} imm12:12` as string, (t, f) => run(t, own(f), constant(t, expandA32(f.imm12 as number)))),
    a32(`${head}<Rm>{, <shift>}`, `00 0 ${code} ${s} ${rn} ${rd} imm5:5 type:2 0 rm:4` as string, (t, f) => run(t, own(f), byImmediate(t, f, wants(f)))),
    a32(`${head}<Rm>, <type> <Rs>`, `00 0 ${code} ${s} ${rn} ${rd} rs:4 0 type:2 1 rm:4` as string, (t, f) => {
      // the pc is no operand here
      if (f.rm === PC || f.rs === PC || (!moves && f.rn === PC) || (!compares && f.rd === PC)) return t.undefined();
      run(t, own(f), byRegister(t, f, wants(f)));
    }),
  ]; // biome-ignore format: one instruction per line
});

export const moveTop = (t: Translator, rd: number, imm: number): void =>
  t.setR(rd, t.b.i32.or(t.b.i32.and(t.r(rd), t.imm(0xffff)), t.imm(imm << 16)));

/** F3.1.4: data-processing, immediate and register */
export const a32Dp: readonly Row<Translator>[] = [
  ...a32Operations,
  a32('movw<c> <Rd>, #<imm16>', '0011 0000 imm16:4 rd:4 imm16:12', (t, f) => t.setR(f.rd, t.imm(f.imm16))),
  a32('movt<c> <Rd>, #<imm16>', '0011 0100 imm16:4 rd:4 imm16:12', (t, f) => moveTop(t, f.rd, f.imm16)),
];

type T32Op = readonly [op: DpOp, code: number];
/** T32 data processing with flags; rd = 15 or rn = 15 make other instructions of some. */
const T32_OPS: readonly T32Op[] = [['and', 0], ['bic', 1], ['orr', 2], ['orn', 3], ['eor', 4], ['add', 8], ['adc', 10], ['sbc', 11], ['sub', 13], ['rsb', 14]]; // biome-ignore format: a table
const COMPARES: { readonly [op in DpOp]?: DpOp } = { and: 'tst', eor: 'teq', add: 'cmn', sub: 'cmp' };
const MOVES: { readonly [op in DpOp]?: DpOp } = { orr: 'mov', orn: 'mvn' };

const t32Operations = T32_OPS.flatMap(([op, n]) => {
  const code = n.toString(2).padStart(4, '0');
  const forms = (name: DpOp, s: string, rn: string, rd: string): Row<Translator>[] => {
    const compares = rd === '1111';
    const moves = rn === '1111';
    const head = `${name}${compares ? '' : '{s}'}<c>.w ${compares ? '' : '<Rd>, '}${moves ? '' : '<Rn>, '}`;
    const run = (t: Translator, f: F, operand: Shifted): void =>
      dp(t, name, compares ? 1 : (f.s as number), compares ? 0 : (f.rd as number), f.rn as number, operand);
    const wants = (f: F): boolean => (compares || f.s === 1) && isLogic(name);
    const refused = (f: F): boolean => !compares && f.rd === PC;
    return [
      t32(`${head}#<const>`, `11110 imm12:1 0 ${code} ${s} ${rn} 0 imm12:3 ${rd} imm12:8` as string, (t, f) => (refused(f) ? t.undefined() : run(t, f, constant(t, expandT32(f.imm12 as number))))),
      t32(`${head}<Rm>{, <shift>}`, `11101 01 ${code} ${s} ${rn} 0 imm5:3 ${rd} imm5:2 type:2 rm:4` as string, (t, f) => (refused(f) ? t.undefined() : run(t, f, byImmediate(t, f, wants(f))))),
    ]; // biome-ignore format: one instruction per line
  };
  const compare = COMPARES[op];
  const move = MOVES[op];
  return [
    ...forms(op, 's:1', 'rn:4', 'rd:4'),
    ...(compare ? forms(compare, '1', 'rn:4', '1111') : []),
    ...(move ? forms(move, 's:1', '1111', 'rd:4') : []),
  ];
});

/** ADDW, SUBW, ADR (F5.1.4): plain 12-bit immediates. */
const addWide = (t: Translator, f: F, sub: boolean): void => {
  const imm = t.imm(sub ? -(f.imm12 as number) : (f.imm12 as number));
  const x = f.rn === PC ? t.imm(t.alignedPc) : t.r(f.rn as number);
  t.setR(f.rd as number, t.b.i32.add(x, imm));
};

const shiftName = ['lsl', 'lsr', 'asr', 'ror'] as const;

/** F3.1.3, F3.1.6 … F3.1.10: T32 data processing, 32 bits */
export const t32Dp: readonly Row<Translator>[] = [
  ...t32Operations,
  t32('addw<c> <Rd>, <Rn>, #<imm12>', '11110 imm12:1 10000 0 rn:4 0 imm12:3 rd:4 imm12:8', (t, f) => addWide(t, f, false)),
  t32('subw<c> <Rd>, <Rn>, #<imm12>', '11110 imm12:1 10101 0 rn:4 0 imm12:3 rd:4 imm12:8', (t, f) => addWide(t, f, true)),
  t32('movw<c> <Rd>, #<imm16>', '11110 imm16t:1 10010 0 imm16h:4 0 imm16m:3 rd:4 imm16l:8', (t, f) => t.setR(f.rd, t.imm(wide(f)))),
  t32('movt<c> <Rd>, #<imm16>', '11110 imm16t:1 10110 0 imm16h:4 0 imm16m:3 rd:4 imm16l:8', (t, f) => moveTop(t, f.rd, wide(f))),
  ...shiftName.map((name, type) =>
    t32(`${name}{s}<c>.w <Rd>, <Rn>, <Rm>`, `11111010 0 ${type.toString(2).padStart(2, '0')} s:1 rn:4 1111 rd:4 0000 rm:4` as string, (t, f) => {
      const operand = f.s === 1 ? shiftRegisterC(t, t.r(f.rn as number), type, t.r(f.rm as number), t.carry()) : { v: shiftRegister(t, t.r(f.rn as number), type, t.r(f.rm as number)), carry: null };
      dp(t, 'mov', f.s as number, f.rd as number, 0, operand);
    }),
  ),
]; // biome-ignore format: one instruction per line

function wide(f: { imm16t: number; imm16h: number; imm16m: number; imm16l: number }): number {
  return (f.imm16h << 12) | (f.imm16t << 11) | (f.imm16m << 8) | f.imm16l;
}

/** Whether a 16-bit instruction sets the flags: outside IT blocks only. */
const sets = (t: Translator): number => (t.inIt ? 0 : 1);
const plain = (v: I32): Shifted => ({ v, carry: null });

const shift16 = (t: Translator, f: F, type: number): void => {
  const s = sets(t);
  const { rm, rd, imm5 } = f as { rm: number; rd: number; imm5: number };
  dp(t, 'mov', s, rd, 0, s ? shiftImmediate(t, t.r(rm), type, imm5) : plain(shifted(t, t.r(rm), type, imm5)));
};
const shiftBy16 = (t: Translator, f: F, type: number): void => {
  const s = sets(t);
  const { rm, rd } = f as { rm: number; rd: number };
  const operand = s ? shiftRegisterC(t, t.r(rd), type, t.r(rm), t.carry()) : plain(shiftRegister(t, t.r(rd), type, t.r(rm))); // biome-ignore format: one line
  dp(t, 'mov', s, rd, 0, operand);
};
const low = (t: Translator, op: DpOp, f: F): void =>
  dp(t, op, sets(t), f.rd as number, f.rd as number, plain(t.r(f.rm as number)));

/** F3.1.2: T32 data processing, 16 bits */
// biome-ignore format: one instruction per line
export const t16Dp: readonly Row<Translator>[] = [
  t16('lsl{s} <Rd>, <Rm>, #<imm5>', '000 00 imm5:5 rm:3 rd:3', (t, f) => shift16(t, f, LSL)),
  t16('lsr{s} <Rd>, <Rm>, #<imm5>', '000 01 imm5:5 rm:3 rd:3', (t, f) => shift16(t, f, LSR)),
  t16('asr{s} <Rd>, <Rm>, #<imm5>', '000 10 imm5:5 rm:3 rd:3', (t, f) => shift16(t, f, ASR)),
  t16('add{s} <Rd>, <Rn>, <Rm>', '000110 0 rm:3 rn:3 rd:3', (t, f) => dp(t, 'add', sets(t), f.rd, f.rn, plain(t.r(f.rm)))),
  t16('sub{s} <Rd>, <Rn>, <Rm>', '000110 1 rm:3 rn:3 rd:3', (t, f) => dp(t, 'sub', sets(t), f.rd, f.rn, plain(t.r(f.rm)))),
  t16('add{s} <Rd>, <Rn>, #<imm3>', '000111 0 imm3:3 rn:3 rd:3', (t, f) => dp(t, 'add', sets(t), f.rd, f.rn, plain(t.imm(f.imm3)))),
  t16('sub{s} <Rd>, <Rn>, #<imm3>', '000111 1 imm3:3 rn:3 rd:3', (t, f) => dp(t, 'sub', sets(t), f.rd, f.rn, plain(t.imm(f.imm3)))),
  t16('mov{s} <Rd>, #<imm8>', '001 00 rd:3 imm8:8', (t, f) => dp(t, 'mov', sets(t), f.rd, 0, plain(t.imm(f.imm8)))),
  t16('cmp<c> <Rd>, #<imm8>', '001 01 rd:3 imm8:8', (t, f) => dp(t, 'cmp', 1, 0, f.rd, plain(t.imm(f.imm8)))),
  t16('add{s} <Rd>, #<imm8>', '001 10 rd:3 imm8:8', (t, f) => dp(t, 'add', sets(t), f.rd, f.rd, plain(t.imm(f.imm8)))),
  t16('sub{s} <Rd>, #<imm8>', '001 11 rd:3 imm8:8', (t, f) => dp(t, 'sub', sets(t), f.rd, f.rd, plain(t.imm(f.imm8)))),
  t16('and{s} <Rd>, <Rm>', '010000 0000 rm:3 rd:3', (t, f) => low(t, 'and', f)),
  t16('eor{s} <Rd>, <Rm>', '010000 0001 rm:3 rd:3', (t, f) => low(t, 'eor', f)),
  t16('lsl{s} <Rd>, <Rm>', '010000 0010 rm:3 rd:3', (t, f) => shiftBy16(t, f, LSL)),
  t16('lsr{s} <Rd>, <Rm>', '010000 0011 rm:3 rd:3', (t, f) => shiftBy16(t, f, LSR)),
  t16('asr{s} <Rd>, <Rm>', '010000 0100 rm:3 rd:3', (t, f) => shiftBy16(t, f, ASR)),
  t16('adc{s} <Rd>, <Rm>', '010000 0101 rm:3 rd:3', (t, f) => low(t, 'adc', f)),
  t16('sbc{s} <Rd>, <Rm>', '010000 0110 rm:3 rd:3', (t, f) => low(t, 'sbc', f)),
  t16('ror{s} <Rd>, <Rm>', '010000 0111 rm:3 rd:3', (t, f) => shiftBy16(t, f, ROR)),
  t16('tst<c> <Rd>, <Rm>', '010000 1000 rm:3 rd:3', (t, f) => dp(t, 'tst', 1, 0, f.rd, plain(t.r(f.rm)))),
  t16('rsb{s} <Rd>, <Rm>, #0', '010000 1001 rm:3 rd:3', (t, f) => dp(t, 'rsb', sets(t), f.rd, f.rm, plain(t.imm(0)))),
  t16('cmp<c> <Rd>, <Rm>', '010000 1010 rm:3 rd:3', (t, f) => dp(t, 'cmp', 1, 0, f.rd, plain(t.r(f.rm)))),
  t16('cmn<c> <Rd>, <Rm>', '010000 1011 rm:3 rd:3', (t, f) => dp(t, 'cmn', 1, 0, f.rd, plain(t.r(f.rm)))),
  t16('orr{s} <Rd>, <Rm>', '010000 1100 rm:3 rd:3', (t, f) => low(t, 'orr', f)),
  t16('mul{s} <Rd>, <Rm>', '010000 1101 rm:3 rd:3', (t, f) => { const r = t.b.i32.mul(t.r(f.rd), t.r(f.rm)); t.setR(f.rd, r); if (!t.inIt) t.setNZ(r); }),
  t16('bic{s} <Rd>, <Rm>', '010000 1110 rm:3 rd:3', (t, f) => low(t, 'bic', f)),
  t16('mvn{s} <Rd>, <Rm>', '010000 1111 rm:3 rd:3', (t, f) => low(t, 'mvn', f)),
  t16('add<c> <Rd>, <Rm>', '010001 00 rd:1 rm:4 rd:3', (t, f) => t.setResult(f.rd, t.b.i32.add(t.r(f.rd), t.r(f.rm)))),
  t16('cmp<c> <Rd>, <Rm>', '010001 01 rd:1 rm:4 rd:3', (t, f) => dp(t, 'cmp', 1, 0, f.rd, plain(t.r(f.rm)))),
  t16('mov<c> <Rd>, <Rm>', '010001 10 rd:1 rm:4 rd:3', (t, f) => t.setResult(f.rd, t.r(f.rm))),
  t16('adr<c> <Rd>, <label>', '1010 0 rd:3 imm8:8', (t, f) => t.setR(f.rd, t.imm(t.alignedPc + f.imm8 * 4))),
  t16('add<c> <Rd>, sp, #<imm8:00>', '1010 1 rd:3 imm8:8', (t, f) => t.setR(f.rd, t.b.i32.add(t.r(SP), t.imm(f.imm8 * 4)))),
  t16('add<c> sp, #<imm7:00>', '1011 0000 0 imm7:7', (t, f) => t.setR(SP, t.b.i32.add(t.r(SP), t.imm(f.imm7 * 4)))),
  t16('sub<c> sp, #<imm7:00>', '1011 0000 1 imm7:7', (t, f) => t.setR(SP, t.b.i32.add(t.r(SP), t.imm(-f.imm7 * 4)))),
];
