import type { Value } from '../../../ir/value.ts';
import { State } from '../../../memory/layout.ts';
import type { Row } from '../../row.ts';
import { defineHelper, writeR } from '../helpers.ts';
import { PC, Sys } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { a32, a32x, type F, t16, t32 } from './row.ts';
import { expandA32 } from './shift.ts';

type I32 = Value<'i32'>;

const nop = (): void => {};
const clearExclusive = (t: Translator): void => t.set(State.EXCL_ADDR, t.b.const64(-1));

/** Everything of CPSR that does not change: User mode (10000); and E. */
const USER = 0x10;
const E = 0x200;

/** GE[3:0] of the mask of bytes. */
const geBits = (t: Translator): I32 => {
  const { i32 } = t.b;
  // one bit of each byte, gathered in bits 27:24 of a product
  const ones = i32.and(t.b.get('i32', Sys.GE), t.imm(0x0101_0101));
  return i32.and(i32.shr_u(i32.mul(ones, t.imm(0x0102_0408)), t.imm(24)), t.imm(15));
};

/** MRS: what user mode sees of CPSR: NZCVQ, GE, E and the mode. */
const mrs = (t: Translator, rd: number): void => {
  const { i32 } = t.b;
  const nzcv = i32.shl(t.nzcv(), t.imm(28));
  const q = i32.shl(t.b.get('i32', Sys.Q), t.imm(27));
  const ge = i32.shl(geBits(t), t.imm(16));
  t.setR(rd, i32.or(i32.or(nzcv, q), i32.or(ge, t.imm(USER | (t.big === 0 ? 0 : E)))));
};

/**
 * MSR: the fields f (NZCVQ), s (GE), and E of x; c is not user mode's.
 */
const msr = (t: Translator, mask: number, v: I32): void => {
  const { i32 } = t.b;
  if ((mask & 8) !== 0) {
    t.setNzcv(i32.shr_u(v, t.imm(28)));
    t.set(Sys.Q, i32.and(i32.shr_u(v, t.imm(27)), t.imm(1)));
  }
  if ((mask & 4) !== 0) {
    // bits 3:0 to bytes: a copy of the bits in each, the byte's own bit kept and spread
    const spread = i32.and(
      i32.mul(i32.and(i32.shr_u(v, t.imm(16)), t.imm(15)), t.imm(0x0020_4081)),
      t.imm(0x0101_0101),
    );
    t.set(Sys.GE, i32.mul(spread, t.imm(0xff)));
  }
  if ((mask & 2) !== 0) t.setEndian(i32.and(i32.shr_u(v, t.imm(9)), t.imm(1)));
};

/** Coprocessor 15 as user mode may use it: thread registers, barriers, prefetch flush (Arm ARM G8.2, B3.17). */
const mrc = (t: Translator, f: F): void => {
  const { opc1, crn, crm, opc2, rt } = f as { opc1: number; crn: number; crm: number; opc2: number; rt: number };
  if (opc1 !== 0 || crn !== 13 || crm !== 0 || (opc2 !== 3 && opc2 !== 2)) return t.undefined();
  const v = t.b.get('i32', opc2 === 3 ? Sys.TPIDRURO : Sys.TPIDRURW);
  if (rt === PC) t.setNzcv(t.b.i32.shr_u(v, t.imm(28)));
  else t.setR(rt, v);
};
const mcr = (t: Translator, f: F): void => {
  const { opc1, crn, crm, opc2, rt } = f as { opc1: number; crn: number; crm: number; opc2: number; rt: number };
  if (opc1 !== 0) return t.undefined();
  if (crn === 13 && crm === 0 && opc2 === 2) return t.set(Sys.TPIDRURW, t.r(rt));
  const barrier = crn === 7 && ((crm === 10 && (opc2 === 4 || opc2 === 5)) || (crm === 5 && opc2 === 4));
  if (!barrier) return t.undefined();
  t.open();
  t.b.emit('atomic.fence');
};
/** The virtual counter (CNTVCT) in ticks of 62.5 MHz. */
const counterHelper: number = defineHelper((c, state, aux) => {
  const ticks = (process.hrtime.bigint() * 62_500_000n) / 1_000_000_000n;
  writeR(c, state, aux & 15, Number(ticks & 0xffff_ffffn));
  writeR(c, state, (aux >> 4) & 15, Number(ticks >> 32n));
  return 0;
});
const mrrc = (t: Translator, f: F): void => {
  const { opc1, crm, rt, rt2 } = f as { opc1: number; crm: number; rt: number; rt2: number };
  if (opc1 !== 1 || crm !== 14 || rt === PC || rt2 === PC) return t.undefined();
  t.helper(counterHelper, rt | (rt2 << 4));
};

const fence = (t: Translator): void => {
  t.open();
  t.b.emit('atomic.fence');
};
/** SETEND; UNPREDICTABLE in an IT block. */
const setend = (t: Translator, e: number): void => {
  if (t.inIt) return t.undefined();
  if ((t.big === 0) !== (e === 0)) t.setEndian(t.imm(e));
};

/** F4.1.3, F4.1.7: status registers, coprocessor moves, hints */
// biome-ignore format: one instruction per line
export const a32System: readonly Row<Translator>[] = [
  a32('mrs<c> <Rd>, CPSR', '0001 0000 1111 rd:4 0000 0000 0000', (t, f) => mrs(t, f.rd)),
  a32('msr<c> <spec>, <Rn>', '0001 0010 mask:4 1111 0000 0000 rn:4', (t, f) => msr(t, f.mask, t.r(f.rn))),
  a32('msr<c> <spec>, #<const>', '0011 0010 mask:4 1111 imm12:12', (t, f) => msr(t, f.mask, t.imm(expandA32(f.imm12).value))),
  a32('nop<c>', '0011 0010 0000 1111 0000 hint:8', nop),
  a32('mrc<c> p15, #<opc1>, <Rt>, c<crn>, c<crm>, #<opc2>', '1110 opc1:3 1 crn:4 rt:4 1111 opc2:3 1 crm:4', mrc),
  a32('mcr<c> p15, #<opc1>, <Rt>, c<crn>, c<crm>, #<opc2>', '1110 opc1:3 0 crn:4 rt:4 1111 opc2:3 1 crm:4', mcr),
  a32('mrrc<c> p15, #<opc1>, <Rt>, <Rt2>, c<crm>', '1100 0101 rt2:4 rt:4 1111 opc1:4 crm:4', mrrc),
];
// biome-ignore format: one instruction per line
export const a32xSystem: readonly Row<Translator>[] = [
  a32x('setend <endian>', '0001 0000 0001 0000 00 e:1 0 0000 0000', (t, f) => setend(t, f.e)),
  a32x('cps', '0001 0000 imod:2 m:1 0 0000 000 aif:3 0 mode:5', nop),
  a32x('clrex', '0101 0111 1111 1111 0000 0001 1111', clearExclusive),
  a32x('dsb <option>', '0101 0111 1111 1111 0000 0100 option:4', fence),
  a32x('dmb <option>', '0101 0111 1111 1111 0000 0101 option:4', fence),
  a32x('isb <option>', '0101 0111 1111 1111 0000 0110 option:4', nop),
  a32x('sb', '0101 0111 1111 1111 0000 0111 0000', nop),
  a32x('pli <mem12>', '0100 u:1 101 rn:4 1111 imm12:12', nop),
  a32x('hint <mem12>', '0100 u:1 001 rn:4 rt:4 imm12:12', nop),
  a32x('hint <memR>', '0110 u:1 001 rn:4 rt:4 imm5:5 type:2 0 rm:4', nop),
  a32x('pld{w} <mem12>', '0101 u:1 r:1 01 rn:4 1111 imm12:12', nop),
  a32x('pli <memR>', '0110 u:1 101 rn:4 1111 imm5:5 type:2 0 rm:4', nop),
  a32x('pld{w} <memR>', '0111 u:1 r:1 01 rn:4 1111 imm5:5 type:2 0 rm:4', nop),
];

/** F3.1.2, F3.1.4: T32 */
// biome-ignore format: one instruction per line
export const t32System: readonly Row<Translator>[] = [
  t16('setend <endian>', '1011 0110 0101 e:1 000', (t, f) => setend(t, f.e)),
  t16('cps', '1011 0110 011 im:1 0 aif:3', nop),
  t16('nop<c>', '1011 1111 hint:4 0000', nop),
  t16('it<mask> <firstcond>', '1011 1111 itstate:8', (t, f) => t.beginIt(f.itstate)),
  t32('nop<c>.w', '11110 0 111010 1111 10 0 0 0 000 hint:8', nop),
  t32('clrex', '11110 0 111011 1111 10 0 0 1111 0010 1111', clearExclusive),
  t32('dsb <option>', '11110 0 111011 1111 10 0 0 1111 0100 option:4', fence),
  t32('dmb <option>', '11110 0 111011 1111 10 0 0 1111 0101 option:4', fence),
  t32('isb <option>', '11110 0 111011 1111 10 0 0 1111 0110 option:4', nop),
  t32('sb', '11110 0 111011 1111 10 0 0 1111 0111 0000', nop),
  t32('mrs<c> <Rd>, CPSR', '11110 0 111110 1111 10 0 0 rd:4 0000 0000', (t, f) => mrs(t, f.rd)),
  t32('msr<c> <spec>, <Rn>', '11110 0 111000 rn:4 10 0 0 mask:4 0000 0000', (t, f) => msr(t, f.mask, t.r(f.rn))),
  t32('mrc<c> p15, #<opc1>, <Rt>, c<crn>, c<crm>, #<opc2>', '1110 1110 opc1:3 1 crn:4 rt:4 1111 opc2:3 1 crm:4', mrc),
  t32('mcr<c> p15, #<opc1>, <Rt>, c<crn>, c<crm>, #<opc2>', '1110 1110 opc1:3 0 crn:4 rt:4 1111 opc2:3 1 crm:4', mcr),
  t32('mrrc<c> p15, #<opc1>, <Rt>, <Rt2>, c<crm>', '1110 1100 0101 rt2:4 rt:4 1111 opc1:4 crm:4', mrrc),
];
