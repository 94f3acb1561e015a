import type { Row } from '../../row.ts';
import type { Int, Translator } from '../translator.ts';
import { insn } from './row.ts';

type F = Readonly<Record<string, number>>;

/**
 * DecodeBitMasks (Arm ARM, shared pseudocode): the element size comes from N:NOT(imms), a run of
 * imms+1 ones is rotated right by immr and replicated. Null: reserved.
 */
export const bitmask = (n: number, imms: number, immr: number, bits: number): bigint | null => {
  const combined = (n << 6) | (~imms & 0x3f);
  const len = 31 - Math.clz32(combined);
  if (len < 1 || bits < 1 << len) return null;
  const size = 1 << len;
  const s = imms & (size - 1);
  const r = immr & (size - 1);
  if (s === size - 1) return null;
  const ones = (1n << BigInt(s + 1)) - 1n;
  const mask = (1n << BigInt(size)) - 1n;
  let element = ((ones >> BigInt(r)) | (ones << BigInt(size - r))) & mask;
  for (let i = size; i < 64; i *= 2) element |= element << BigInt(i);
  return BigInt.asUintN(bits, element);
};

const addSub = (t: Translator, { sf, sh, imm, rn, rd }: F, sub: boolean, flags: boolean): void => {
  const w = t.width(sf as number);
  const a = w.getSp(rn as number);
  const b = w.const((imm as number) << (sh === 1 ? 12 : 0));
  const r = w.op(sub ? 'sub' : 'add', a, b);
  if (flags) {
    t.setFlagState({ kind: sub ? w.sub : w.add, a, b, c: null });
    w.set(rd as number, r);
  } else {
    w.setSp(rd as number, r);
  }
};

const logical = (t: Translator, { sf, n, immr, imms, rn, rd }: F, op: 'and' | 'or' | 'xor', flags: boolean): void => {
  const w = t.width(sf as number);
  const mask = bitmask(n as number, imms as number, immr as number, w.bits);
  if (mask === null) return t.undefined();
  const r = w.op(op, w.get(rn as number), w.const(mask));
  if (flags) {
    t.setFlagState({ kind: w.logic, a: r, b: w.const(0), c: null });
    w.set(rd as number, r);
  } else {
    w.setSp(rd as number, r);
  }
};

const moveWide = (t: Translator, { sf, hw, imm16, rd }: F, kind: 'n' | 'z' | 'k'): void => {
  if (sf === 0 && (hw as number) > 1) return t.undefined();
  const w = t.width(sf as number);
  const shift = BigInt(16 * (hw as number));
  const imm = BigInt(imm16 as number) << shift;
  if (kind === 'z') return w.set(rd as number, w.const(imm));
  if (kind === 'n') return w.set(rd as number, w.const(BigInt.asUintN(w.bits, ~imm)));
  const kept = w.op('and', w.get(rd as number), w.const(BigInt.asUintN(w.bits, ~(0xffffn << shift))));
  w.set(rd as number, w.op('or', kept, w.const(imm)));
};

/** SBFM, BFM, UBFM (C6.2): bit field moves in terms of shifts. */
const bitfield = (t: Translator, { sf, n, immr, imms, rn, rd }: F, kind: 's' | 'u' | 'b'): void => {
  const r = immr as number;
  const s = imms as number;
  const w = t.width(sf as number);
  if (n !== sf || (sf === 0 && (r > 31 || s > 31))) return t.undefined();
  const src = w.get(rn as number);
  const { bits } = w;
  if (kind === 'b') {
    const width = s >= r ? s - r + 1 : s + 1;
    const lsb = s >= r ? 0 : bits - r;
    const from = s >= r ? r : 0;
    const mask = (1n << BigInt(width)) - 1n;
    let field = src;
    if (from > 0) field = w.op('shr_u', field, w.const(from));
    field = w.op('and', field, w.const(mask));
    if (lsb > 0) field = w.op('shl', field, w.const(lsb));
    const hole = BigInt.asUintN(bits, ~(mask << BigInt(lsb)));
    return w.set(rd as number, w.op('or', w.op('and', w.get(rd as number), w.const(hole)), field));
  }
  const shr = kind === 's' ? 'shr_s' : 'shr_u';
  if (s >= r) {
    // extract bits s:r to the bottom
    const up = bits - 1 - s;
    if (kind === 's' && r === 0 && w.bits === 64 && (s === 7 || s === 15 || s === 31)) {
      return w.set(rd as number, t.b.emit(`i64.extend${(s + 1) as 8 | 16 | 32}_s`, src) as Int);
    }
    if (kind === 's' && r === 0 && w.bits === 32 && (s === 7 || s === 15)) {
      return w.set(rd as number, t.b.emit(`i32.extend${(s + 1) as 8 | 16}_s`, src) as Int);
    }
    if (kind === 'u' && up > 0) {
      const mask = (1n << BigInt(s - r + 1)) - 1n;
      const low = r > 0 ? w.op('shr_u', src, w.const(r)) : src;
      return w.set(rd as number, w.op('and', low, w.const(mask)));
    }
    const top = up > 0 ? w.op('shl', src, w.const(up)) : src;
    return w.set(rd as number, w.op(shr, top, w.const(up + r)));
  }
  // bits s:0 go to position bits-r
  const up = bits - 1 - s;
  const top = w.op('shl', src, w.const(up));
  w.set(rd as number, w.op(shr, top, w.const(up - (bits - r))));
};

const extract = (t: Translator, { sf, n, rm, imms, rn, rd }: F): void => {
  const w = t.width(sf as number);
  const lsb = imms as number;
  if (n !== sf || (sf === 0 && lsb > 31)) return t.undefined();
  const hi = w.get(rn as number);
  const lo = w.get(rm as number);
  if (rn === rm) return w.set(rd as number, w.op('rotr', lo, w.const(lsb)));
  if (lsb === 0) return w.set(rd as number, lo);
  const low = w.op('shr_u', lo, w.const(lsb));
  w.set(rd as number, w.op('or', low, w.op('shl', hi, w.const(w.bits - lsb))));
};

/** C4.1.92 Data Processing -- Immediate */
// biome-ignore format: one instruction per line
export const dpImmediate: readonly Row<Translator>[] = [
  // PC-rel. addressing
  insn('adr <Xd>, <label>', '0 immlo:2 10000 immhi:s19 rd:5', (t, { immlo, immhi, rd }) => t.setX(rd, t.b.const64(t.pc + immhi * 4 + immlo))),
  insn('adrp <Xd>, <label>', '1 immlo:2 10000 immhi:s19 rd:5', (t, { immlo, immhi, rd }) => t.setX(rd, t.b.const64(t.pc - (t.pc % 4096) + (immhi * 4 + immlo) * 4096))),
  // Add/subtract (immediate)
  insn('add <Rd|SP>, <Rn|SP>, #<imm>{, <sh>}', 'sf:1 0 0 100010 sh:1 imm:12 rn:5 rd:5', (t, f) => addSub(t, f, false, false)),
  insn('adds <Rd>, <Rn|SP>, #<imm>{, <sh>}', 'sf:1 0 1 100010 sh:1 imm:12 rn:5 rd:5', (t, f) => addSub(t, f, false, true)),
  insn('sub <Rd|SP>, <Rn|SP>, #<imm>{, <sh>}', 'sf:1 1 0 100010 sh:1 imm:12 rn:5 rd:5', (t, f) => addSub(t, f, true, false)),
  insn('subs <Rd>, <Rn|SP>, #<imm>{, <sh>}', 'sf:1 1 1 100010 sh:1 imm:12 rn:5 rd:5', (t, f) => addSub(t, f, true, true)),
  // Logical (immediate)
  insn('and <Rd|SP>, <Rn>, #<bitmask>', 'sf:1 00 100100 n:1 immr:6 imms:6 rn:5 rd:5', (t, f) => logical(t, f, 'and', false)),
  insn('orr <Rd|SP>, <Rn>, #<bitmask>', 'sf:1 01 100100 n:1 immr:6 imms:6 rn:5 rd:5', (t, f) => logical(t, f, 'or', false)),
  insn('eor <Rd|SP>, <Rn>, #<bitmask>', 'sf:1 10 100100 n:1 immr:6 imms:6 rn:5 rd:5', (t, f) => logical(t, f, 'xor', false)),
  insn('ands <Rd>, <Rn>, #<bitmask>', 'sf:1 11 100100 n:1 immr:6 imms:6 rn:5 rd:5', (t, f) => logical(t, f, 'and', true)),
  // Move wide (immediate)
  insn('movn <Rd>, #<imm16>{, lsl #<hw>}', 'sf:1 00 100101 hw:2 imm16:16 rd:5', (t, f) => moveWide(t, f, 'n')),
  insn('movz <Rd>, #<imm16>{, lsl #<hw>}', 'sf:1 10 100101 hw:2 imm16:16 rd:5', (t, f) => moveWide(t, f, 'z')),
  insn('movk <Rd>, #<imm16>{, lsl #<hw>}', 'sf:1 11 100101 hw:2 imm16:16 rd:5', (t, f) => moveWide(t, f, 'k')),
  // Bitfield
  insn('sbfm <Rd>, <Rn>, #<immr>, #<imms>', 'sf:1 00 100110 n:1 immr:6 imms:6 rn:5 rd:5', (t, f) => bitfield(t, f, 's')),
  insn('bfm <Rd>, <Rn>, #<immr>, #<imms>', 'sf:1 01 100110 n:1 immr:6 imms:6 rn:5 rd:5', (t, f) => bitfield(t, f, 'b')),
  insn('ubfm <Rd>, <Rn>, #<immr>, #<imms>', 'sf:1 10 100110 n:1 immr:6 imms:6 rn:5 rd:5', (t, f) => bitfield(t, f, 'u')),
  // Extract
  insn('extr <Rd>, <Rn>, <Rm>, #<imms>', 'sf:1 00 100111 n:1 0 rm:5 imms:6 rn:5 rd:5', extract),
];
