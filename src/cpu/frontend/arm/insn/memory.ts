import type { Value } from '../../../ir/value.ts';
import type { Row } from '../../row.ts';
import { PC, SP } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { a32, type F, t16, t32 } from './row.ts';
import { shifted } from './shift.ts';

type I32 = Value<'i32'>;

/** What is transferred, by the names of the loads and stores of the IR. */
export type Load = 'i32.load' | 'i32.load8_u' | 'i32.load8_s' | 'i32.load16_u' | 'i32.load16_s';
export type Store = 'i32.store' | 'i32.store8' | 'i32.store16';

/** Addressing: `index` adds the offset before the access, `wback` writes the sum back. */
export interface Addressing {
  readonly rn: number;
  readonly offset: I32;
  readonly index: boolean;
  readonly wback: boolean;
}

const base = (t: Translator, rn: number): I32 => (rn === PC ? t.imm(t.alignedPc) : t.r(rn));

/** A load into the pc goes where the value says; from the stack, it returns. */
const loadPc = (t: Translator, v: I32, rn: number): void => t.branchTo(v, rn === SP);

export const load = (t: Translator, op: Load, rt: number, a: Addressing): void => {
  if (a.wback && (a.rn === rt || a.rn === PC)) return t.undefined();
  const from = base(t, a.rn);
  const sum = t.b.i32.add(from, a.offset);
  const v = t.load(op, a.index ? sum : from) as I32;
  if (a.wback) t.setR(a.rn, sum);
  if (rt === PC) loadPc(t, v, a.rn);
  else t.setR(rt, v);
};

export const store = (t: Translator, op: Store, rt: number, a: Addressing): void => {
  if (a.wback && (a.rn === rt || a.rn === PC)) return t.undefined();
  const from = base(t, a.rn);
  const sum = t.b.i32.add(from, a.offset);
  t.store(op, a.index ? sum : from, t.r(rt));
  if (a.wback) t.setR(a.rn, sum);
};

/** LDRD, STRD: two words, little end first. */
export const loadDual = (t: Translator, rt: number, rt2: number, a: Addressing): void => {
  if (a.wback && (a.rn === rt || a.rn === rt2 || a.rn === PC)) return t.undefined();
  const from = base(t, a.rn);
  const sum = t.b.i32.add(from, a.offset);
  const at = a.index ? sum : from;
  const v = t.load('i32.load', at);
  const free = rt !== a.rn && rt !== rt2;
  if (free) t.setR(rt, v);
  const v2 = t.load('i32.load', at, 4);
  if (a.wback) t.setR(a.rn, sum);
  if (!free) t.setR(rt, v);
  t.setR(rt2, v2);
};
export const storeDual = (t: Translator, rt: number, rt2: number, a: Addressing): void => {
  if (a.wback && (a.rn === rt || a.rn === rt2 || a.rn === PC)) return t.undefined();
  const from = base(t, a.rn);
  const sum = t.b.i32.add(from, a.offset);
  const at = a.index ? sum : from;
  const [v, v2] = [t.r(rt), t.r(rt2)];
  t.store('i32.store', at, v);
  t.store('i32.store', at, v2, 4);
  if (a.wback) t.setR(a.rn, sum);
};

const signed = (f: F, imm: number): number => (f.u === 1 ? imm : -imm);

/** P, U, W and an immediate. P = 0, W = 1 are the unprivileged forms, which are post-indexed in A32. */
const immediate = (t: Translator, f: F, imm: number): Addressing => ({
  rn: f.rn as number,
  offset: t.imm(signed(f, imm)),
  index: f.p === 1,
  wback: f.p === 0 || f.w === 1,
});
const register = (t: Translator, f: F, offset: I32): Addressing => ({
  rn: f.rn as number,
  offset: f.u === 1 ? offset : t.b.i32.sub(t.imm(0), offset),
  index: f.p === 1,
  wback: f.p === 0 || f.w === 1,
});

const byShifted = (t: Translator, f: F): Addressing =>
  register(t, f, shifted(t, t.r(f.rm as number), f.type as number, f.imm5 as number));
const byRegister = (t: Translator, f: F): Addressing => register(t, f, t.r(f.rm as number));

/** LDM, STM and their kin (F2.7): the registers of the list, lowest at the lowest address. */
const addresses = (list: number, before: boolean, up: boolean): { first: number; total: number } => {
  let n = 0;
  for (let bits = list; bits !== 0; bits &= bits - 1) n++;
  return { first: up ? (before ? 4 : 0) : before ? -4 * n : 4 - 4 * n, total: up ? 4 * n : -4 * n };
};
const registersOf = (list: number): number[] =>
  Array.from({ length: 16 }, (_, n) => n).filter((n) => ((list >>> n) & 1) === 1);

export const loadMultiple = (
  t: Translator,
  rn: number,
  list: number,
  before: boolean,
  up: boolean,
  wback: boolean,
): void => {
  if (list === 0 || rn === PC) return t.undefined();
  const at = t.r(rn);
  const { first, total } = addresses(list, before, up);
  let pc: I32 | null = null;
  let loaded: I32 | null = null;
  // those that a fault leaves unknown are written at once: the instruction can be begun again while the base is what it was
  for (const [i, n] of registersOf(list).entries()) {
    const v = t.load('i32.load', at, first + 4 * i);
    if (n === PC) pc = v;
    else if (n === rn) loaded = v;
    else t.setR(n, v);
  }
  if (wback) t.setR(rn, t.b.i32.add(at, t.imm(total)));
  if (loaded) t.setR(rn, loaded);
  if (pc) loadPc(t, pc, rn);
};
export const storeMultiple = (
  t: Translator,
  rn: number,
  list: number,
  before: boolean,
  up: boolean,
  wback: boolean,
): void => {
  if (list === 0 || rn === PC) return t.undefined();
  const at = t.r(rn);
  const { first, total } = addresses(list, before, up);
  const values = registersOf(list).map((n) => t.r(n));
  for (const [i, v] of values.entries()) t.store('i32.store', at, v, first + 4 * i);
  if (wback) t.setR(rn, t.b.i32.add(at, t.imm(total)));
};

interface Kind {
  readonly name: string;
  readonly load?: Load;
  readonly store?: Store;
}
const WORDS: readonly (Kind & { readonly bits: string })[] = [
  { name: 'str', bits: '0 w:1 0', store: 'i32.store' },
  { name: 'ldr', bits: '0 w:1 1', load: 'i32.load' },
  { name: 'strb', bits: '1 w:1 0', store: 'i32.store8' },
  { name: 'ldrb', bits: '1 w:1 1', load: 'i32.load8_u' },
];
const HALVES: readonly (Kind & { readonly l: string; readonly op: string })[] = [
  { name: 'strh', l: '0', op: '01', store: 'i32.store16' },
  { name: 'ldrh', l: '1', op: '01', load: 'i32.load16_u' },
  { name: 'ldrsb', l: '1', op: '10', load: 'i32.load8_s' },
  { name: 'ldrsh', l: '1', op: '11', load: 'i32.load16_s' },
];

const transfer = (t: Translator, kind: Kind, rt: number, a: Addressing): void =>
  kind.load ? load(t, kind.load, rt, a) : store(t, kind.store as Store, rt, a);

/** LDRD and STRD name an even register in A32. */
const dual = (t: Translator, f: F, isLoad: boolean, a: Addressing): void => {
  const rt = f.rt as number;
  if ((rt & 1) === 1 || rt === 14 || (f.p === 0 && f.w === 1)) return t.undefined();
  if (isLoad) loadDual(t, rt, rt + 1, a);
  else storeDual(t, rt, rt + 1, a);
};

/** F4.1.5: load/store word, unsigned byte, halves, dual, multiple */
export const a32Memory: readonly Row<Translator>[] = [
  ...WORDS.flatMap((k) => [
    a32(`${k.name}<c> <Rt>, <mem12>`, `010 p:1 u:1 ${k.bits} rn:4 rt:4 imm12:12` as string, (t, f) => transfer(t, k, f.rt as number, immediate(t, f, f.imm12 as number))),
    a32(`${k.name}<c> <Rt>, <memR>`, `011 p:1 u:1 ${k.bits} rn:4 rt:4 imm5:5 type:2 0 rm:4` as string, (t, f) => transfer(t, k, f.rt as number, byShifted(t, f))),
  ]),
  ...HALVES.flatMap((k) => [
    a32(`${k.name}<c> <Rt>, <mem8>`, `000 p:1 u:1 1 w:1 ${k.l} rn:4 rt:4 imm8:4 1 ${k.op} 1 imm8:4` as string, (t, f) => transfer(t, k, f.rt as number, immediate(t, f, f.imm8 as number))),
    a32(`${k.name}<c> <Rt>, <memM>`, `000 p:1 u:1 0 w:1 ${k.l} rn:4 rt:4 0000 1 ${k.op} 1 rm:4` as string, (t, f) => transfer(t, k, f.rt as number, byRegister(t, f))),
  ]),
  a32('ldrd<c> <Rt>, <Rt2>, <mem8>', '000 p:1 u:1 1 w:1 0 rn:4 rt:4 imm8:4 1101 imm8:4', (t, f) => dual(t, f, true, immediate(t, f, f.imm8))),
  a32('ldrd<c> <Rt>, <Rt2>, <memM>', '000 p:1 u:1 0 w:1 0 rn:4 rt:4 0000 1101 rm:4', (t, f) => dual(t, f, true, byRegister(t, f))),
  a32('strd<c> <Rt>, <Rt2>, <mem8>', '000 p:1 u:1 1 w:1 0 rn:4 rt:4 imm8:4 1111 imm8:4', (t, f) => dual(t, f, false, immediate(t, f, f.imm8))),
  a32('strd<c> <Rt>, <Rt2>, <memM>', '000 p:1 u:1 0 w:1 0 rn:4 rt:4 0000 1111 rm:4', (t, f) => dual(t, f, false, byRegister(t, f))),
  a32('stm<amode><c> <Rn>{!}, <registers>', '100 p:1 u:1 0 w:1 0 rn:4 list:16', (t, f) => storeMultiple(t, f.rn, f.list, f.p === 1, f.u === 1, f.w === 1)),
  a32('ldm<amode><c> <Rn>{!}, <registers>', '100 p:1 u:1 0 w:1 1 rn:4 list:16', (t, f) => loadMultiple(t, f.rn, f.list, f.p === 1, f.u === 1, f.w === 1)),
]; // biome-ignore format: one instruction per line

const at = (t: Translator, rn: number, imm: number): Addressing => ({
  rn,
  offset: t.imm(imm),
  index: true,
  wback: false,
});
const sum = (t: Translator, rn: number, rm: number): Addressing => ({ rn, offset: t.r(rm), index: true, wback: false });

/** Opcode of 010100 ooo and what it transfers. */
const T16_REGISTER: readonly Kind[] = [
  { name: 'str', store: 'i32.store' },
  { name: 'strh', store: 'i32.store16' },
  { name: 'strb', store: 'i32.store8' },
  { name: 'ldrsb', load: 'i32.load8_s' },
  { name: 'ldr', load: 'i32.load' },
  { name: 'ldrh', load: 'i32.load16_u' },
  { name: 'ldrb', load: 'i32.load8_u' },
  { name: 'ldrsh', load: 'i32.load16_s' },
];
const T16_IMMEDIATE: readonly (Kind & { readonly bits: string; readonly scale: number })[] = [
  { name: 'str', bits: '011 0 0', scale: 4, store: 'i32.store' },
  { name: 'ldr', bits: '011 0 1', scale: 4, load: 'i32.load' },
  { name: 'strb', bits: '011 1 0', scale: 1, store: 'i32.store8' },
  { name: 'ldrb', bits: '011 1 1', scale: 1, load: 'i32.load8_u' },
  { name: 'strh', bits: '1000 0', scale: 2, store: 'i32.store16' },
  { name: 'ldrh', bits: '1000 1', scale: 2, load: 'i32.load16_u' },
];

/** F3.1.2: 16-bit loads and stores; POP into the pc returns, whatever bit 0 says of the instruction set */
export const t16Memory: readonly Row<Translator>[] = [
  t16('ldr<c> <Rt>, [pc, #<imm8:00>]', '01001 rt:3 imm8:8', (t, f) => load(t, 'i32.load', f.rt, at(t, PC, f.imm8 * 4))),
  ...T16_REGISTER.map((k, n) => t16(`${k.name}<c> <Rt>, [<Rn>, <Rm>]`, `0101 ${n.toString(2).padStart(3, '0')} rm:3 rn:3 rt:3` as string, (t, f) => transfer(t, k, f.rt as number, sum(t, f.rn as number, f.rm as number)))),
  ...T16_IMMEDIATE.map((k) => t16(`${k.name}<c> <Rt>, [<Rn>, #<imm5>]`, `${k.bits} imm5:5 rn:3 rt:3` as string, (t, f) => transfer(t, k, f.rt as number, at(t, f.rn as number, (f.imm5 as number) * k.scale)))),
  t16('str<c> <Rt>, [sp, #<imm8:00>]', '1001 0 rt:3 imm8:8', (t, f) => store(t, 'i32.store', f.rt, at(t, SP, f.imm8 * 4))),
  t16('ldr<c> <Rt>, [sp, #<imm8:00>]', '1001 1 rt:3 imm8:8', (t, f) => load(t, 'i32.load', f.rt, at(t, SP, f.imm8 * 4))),
  t16('push<c> <registers>', '1011 010 m:1 list:8', (t, f) => storeMultiple(t, SP, f.list | (f.m << 14), true, false, true)),
  t16('pop<c> <registers>', '1011 110 m:1 list:8', (t, f) => loadMultiple(t, SP, f.list | (f.m << 15), false, true, true)),
  t16('stm<c> <Rn>!, <registers>', '1100 0 rn:3 list:8', (t, f) => storeMultiple(t, f.rn, f.list, false, true, true)),
  t16('ldm<c> <Rn>{!}, <registers>', '1100 1 rn:3 list:8', (t, f) => loadMultiple(t, f.rn, f.list, false, true, ((f.list >>> f.rn) & 1) === 0)),
]; // biome-ignore format: one instruction per line

/** 1111100 s uu z l: sign, upper or plain, size and load. */
const T32_SINGLE: readonly (Kind & { readonly s: string; readonly op: string })[] = [
  { name: 'strb', s: '0', op: '00 0', store: 'i32.store8' },
  { name: 'ldrb', s: '0', op: '00 1', load: 'i32.load8_u' },
  { name: 'strh', s: '0', op: '01 0', store: 'i32.store16' },
  { name: 'ldrh', s: '0', op: '01 1', load: 'i32.load16_u' },
  { name: 'str', s: '0', op: '10 0', store: 'i32.store' },
  { name: 'ldr', s: '0', op: '10 1', load: 'i32.load' },
  { name: 'ldrsb', s: '1', op: '00 1', load: 'i32.load8_s' },
  { name: 'ldrsh', s: '1', op: '01 1', load: 'i32.load16_s' },
];

/** Bytes and halves into the pc are memory hints (PLD, PLI), which do nothing. */
const single = (t: Translator, k: Kind, rt: number, a: () => Addressing): void => {
  const word = k.load === 'i32.load';
  if (rt === PC && k.load && !word) return;
  if ((rt === PC || a().rn === PC) && k.store) return t.undefined();
  transfer(t, k, rt, a());
};

const t32Dual = (t: Translator, f: F, isLoad: boolean): void => {
  const a = immediate(t, f, (f.imm8 as number) * 4);
  const { rt, rt2 } = f as { rt: number; rt2: number };
  if (isLoad) loadDual(t, rt, rt2, a);
  else storeDual(t, rt, rt2, a);
};

/** T32's lists have two registers at least, no sp, and not the base where it is written back. */
const t32List = (f: F): boolean => {
  const { list, rn, w } = f as { list: number; rn: number; w: number };
  return (list & (list - 1)) !== 0 && (w === 0 || ((list >>> rn) & 1) === 0);
};
const t32Multiple = (t: Translator, f: F, isLoad: boolean, before: boolean): void => {
  if (!t32List(f)) return t.undefined();
  (isLoad ? loadMultiple : storeMultiple)(t, f.rn as number, f.list as number, before, !before, f.w === 1);
};

/** F3.1.5, F3.1.9: 32-bit loads and stores */
export const t32Memory: readonly Row<Translator>[] = [
  ...T32_SINGLE.flatMap((k) => [
    t32(`${k.name}<c>.w <Rt>, [<Rn>, #<imm12>]`, `1111100 ${k.s} 1 ${k.op} rn:4 rt:4 imm12:12` as string, (t, f) => single(t, k, f.rt as number, () => at(t, f.rn as number, f.imm12 as number))),
    t32(`${k.name}<c> <Rt>, <mem8>`, `1111100 ${k.s} 0 ${k.op} rn:4 rt:4 1 p:1 u:1 w:1 imm8:8` as string, (t, f) => {
      if (f.p === 0 && f.w === 0) return t.undefined();
      // P = 1, U = 1, W = 0 are the unprivileged forms; a hint only without write-back
      const a = immediate(t, f, f.imm8 as number);
      if (a.wback && f.rt === PC && k.load !== 'i32.load') return t.undefined();
      single(t, k, f.rt as number, () => a);
    }),
    t32(`${k.name}<c>.w <Rt>, [<Rn>, <Rm>{, lsl #<imm2>}]`, `1111100 ${k.s} 0 ${k.op} rn:4 rt:4 000000 imm2:2 rm:4` as string, (t, f) => single(t, k, f.rt as number, () => ({ rn: f.rn as number, offset: shifted(t, t.r(f.rm as number), 0, f.imm2 as number), index: true, wback: false }))),
    ...(k.load ? [t32(`${k.name}<c>.w <Rt>, <label>`, `1111100 ${k.s} 1 ${k.op} 1111 rt:4 imm12:12` as string, (t, f) => single(t, k, f.rt as number, () => at(t, PC, f.imm12 as number))),
      // below the pc: three patterns, since the other forms lie in their way
      ...['1 imm12:11', '0 imm12:11', '000000 imm12:6'].map((bits) => t32(`${k.name}<c>.w <Rt>, <label>`, `1111100 ${k.s} 0 ${k.op} 1111 rt:4 ${bits}` as string, (t, f) => single(t, k, f.rt as number, () => at(t, PC, -(f.imm12 as number) - (bits[0] === '1' ? 2048 : 0)))))] : []),
  ]),
  t32('strd<c> <Rt>, <Rt2>, <mem8s>', '1110100 1 u:1 1 w:1 0 rn:4 rt:4 rt2:4 imm8:8', (t, f) => t32Dual(t, { ...f, p: 1 }, false)),
  t32('ldrd<c> <Rt>, <Rt2>, <mem8s>', '1110100 1 u:1 1 w:1 1 rn:4 rt:4 rt2:4 imm8:8', (t, f) => t32Dual(t, { ...f, p: 1 }, true)),
  t32('strd<c> <Rt>, <Rt2>, <mem8s>', '1110100 0 u:1 1 1 0 rn:4 rt:4 rt2:4 imm8:8', (t, f) => t32Dual(t, { ...f, p: 0, w: 1 }, false)),
  t32('ldrd<c> <Rt>, <Rt2>, <mem8s>', '1110100 0 u:1 1 1 1 rn:4 rt:4 rt2:4 imm8:8', (t, f) => t32Dual(t, { ...f, p: 0, w: 1 }, true)),
  t32('stmia<c>.w <Rn>{!}, <registers>', '1110100 01 0 w:1 0 rn:4 list:16', (t, f) => t32Multiple(t, f, false, false)),
  t32('ldmia<c>.w <Rn>{!}, <registers>', '1110100 01 0 w:1 1 rn:4 list:16', (t, f) => t32Multiple(t, f, true, false)),
  t32('stmdb<c> <Rn>{!}, <registers>', '1110100 10 0 w:1 0 rn:4 list:16', (t, f) => t32Multiple(t, f, false, true)),
  t32('ldmdb<c> <Rn>{!}, <registers>', '1110100 10 0 w:1 1 rn:4 list:16', (t, f) => t32Multiple(t, f, true, true)),
]; // biome-ignore format: one instruction per line
