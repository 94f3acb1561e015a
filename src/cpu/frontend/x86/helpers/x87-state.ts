/** Control instructions of the x87: environment and whole state in memory (SDM vol. 1, 8.1.10; vol. 2, FLDENV, FSAVE). */
import { Ext, Kind, kindOf } from '../../../softfloat/x87/ext.ts';
import type { HelperContext } from '../../helper.ts';
import { defineHelper } from '../helper-table.ts';
import { Sys, x87Offset } from '../registers.ts';
import { BUSY, ES, raisePending } from './fpu.ts';

const word = (c: HelperContext, state: number, offset: number): number => c.view.getUint32(state + offset, true);
const setWord = (c: HelperContext, state: number, offset: number, v: number): void =>
  c.view.setUint32(state + offset, v, true);

/** Whether an unmasked exception is pending follows from both words. */
const summarise = (c: HelperContext, state: number): void => {
  const sw = word(c, state, Sys.FSW);
  const pending = (sw & ~word(c, state, Sys.FCW) & 0x3f) !== 0;
  setWord(c, state, Sys.FSW, pending ? sw | ES | BUSY : sw & ~(ES | BUSY));
};

export const fninit: number = defineHelper((c, state) => {
  setWord(c, state, Sys.FCW, 0x37f);
  for (const offset of [Sys.FSW, Sys.FTW, Sys.FOP]) setWord(c, state, offset, 0);
  for (const offset of [Sys.FIP, Sys.FDP]) c.view.setBigUint64(state + offset, 0n, true);
  return 0;
});

export const fnclex: number = defineHelper((c, state) => {
  setWord(c, state, Sys.FSW, word(c, state, Sys.FSW) & 0x7f00);
  return 0;
});

/** FLDCW: the word is in Sys.NUMBER. */
export const fldcw: number = defineHelper((c, state) => {
  if (word(c, state, Sys.FSW) & ES) return raisePending(c, state);
  setWord(c, state, Sys.FCW, (word(c, state, Sys.NUMBER) & 0x1f7f) | 0x40);
  summarise(c, state);
  return 0;
});

const ext = new Ext();
/** Two bits a register: 0 valid, 1 zero, 2 special, 3 empty. */
const fullTags = (c: HelperContext, state: number): number => {
  const used = word(c, state, Sys.FTW);
  let tags = 0;
  for (let n = 0; n < 8; n++) {
    let tag = 3;
    if ((used >> n) & 1) {
      const at = state + x87Offset(n);
      const kind = kindOf(
        ext.set(c.view.getUint16(at + 8, true), c.view.getInt32(at + 4, true), c.view.getInt32(at, true)),
      );
      tag = kind === Kind.NORMAL ? 0 : kind === Kind.ZERO ? 1 : 2;
    }
    tags |= tag << (2 * n);
  }
  return tags;
};
const setFullTags = (c: HelperContext, state: number, tags: number): void => {
  let used = 0;
  for (let n = 0; n < 8; n++) if (((tags >> (2 * n)) & 3) !== 3) used |= 1 << n;
  setWord(c, state, Sys.FTW, used);
};

/** The second argument: the operand size is 16 bits; the whole state with its registers, not the environment alone. */
export const packEnvironment = (half: boolean, whole: boolean): number => (half ? 1 : 0) | (whole ? 2 : 0);
const sizeOf = (aux: number): number => (aux & 1 ? 14 : 28);
/** Bytes of memory for it. */
export const environmentSize = (aux: number): number => sizeOf(aux) + (aux & 2 ? 80 : 0);
const operand = (c: HelperContext, state: number, aux: number, write: boolean): number =>
  c.access(state, c.view.getBigUint64(state + Sys.NUMBER, true), environmentSize(aux), write);

/** FNSTENV, FNSAVE: fields of 16 bits, or with ones above them. */
export const storeEnvironment: number = defineHelper((c, state, aux) => {
  const at = operand(c, state, aux, true);
  if (at < 0) return 1;
  const { view } = c;
  const width = aux & 1 ? 2 : 4;
  const low = (offset: number): number => Number(view.getBigUint64(state + offset, true) & 0xffff_ffffn);
  const fields = [
    word(c, state, Sys.FCW),
    word(c, state, Sys.FSW),
    fullTags(c, state),
    low(Sys.FIP),
    0,
    low(Sys.FDP),
    0,
  ];
  fields.forEach((v, i) => {
    if (width === 2) view.setUint16(at + 2 * i, v & 0xffff, true);
    else view.setUint32(at + 4 * i, i === 3 || i === 5 ? v : i === 4 ? v : (v | 0xffff_0000) >>> 0, true);
  });
  if (aux & 2) {
    const top = word(c, state, Sys.FSW) >>> 11;
    for (let i = 0; i < 8; i++) {
      const from = state + x87Offset((top + i) & 7);
      c.u8.copyWithin(at + sizeOf(aux) + 10 * i, from, from + 10);
    }
    setWord(c, state, Sys.FCW, 0x37f);
    for (const offset of [Sys.FSW, Sys.FTW, Sys.FOP]) setWord(c, state, offset, 0);
    for (const offset of [Sys.FIP, Sys.FDP]) view.setBigUint64(state + offset, 0n, true);
    return 0;
  }
  setWord(c, state, Sys.FCW, word(c, state, Sys.FCW) | 0x3f);
  summarise(c, state);
  return 0;
});

/** FLDENV, FRSTOR. */
export const loadEnvironment: number = defineHelper((c, state, aux) => {
  if (word(c, state, Sys.FSW) & ES) return raisePending(c, state);
  const at = operand(c, state, aux, false);
  if (at < 0) return 1;
  const { view } = c;
  const width = aux & 1 ? 2 : 4;
  const field = (i: number): number => view.getUint16(at + width * i, true);
  setWord(c, state, Sys.FCW, (field(0) & 0x1f7f) | 0x40);
  setWord(c, state, Sys.FSW, field(1));
  setFullTags(c, state, field(2));
  if (aux & 2) {
    for (let i = 0; i < 8; i++) {
      const to = state + x87Offset(((field(1) >>> 11) + i) & 7);
      c.u8.copyWithin(to, at + sizeOf(aux) + 10 * i, at + sizeOf(aux) + 10 * i + 10);
      view.setUint16(to + 10, 0, true);
    }
  }
  summarise(c, state);
  return 0;
});
