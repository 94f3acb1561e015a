import { crc32 } from '../../../crypto/crc.ts';
import type { Value } from '../../../ir/value.ts';
import { State } from '../../../memory/layout.ts';
import type { Row } from '../../row.ts';
import { defineHelper, readR, writeR } from '../helpers.ts';
import { PC, Sys } from '../registers.ts';
import type { Translator } from '../translator.ts';
import { a32, type F, t32 } from './row.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;

/** APSR.Q is sticky. */
export const setQ = (t: Translator, overflow: I32): void => t.set(Sys.Q, t.b.i32.or(t.b.get('i32', Sys.Q), overflow));

const half = (t: Translator, v: I32, top: number): I32 =>
  top === 1 ? t.b.i32.shr_s(v, t.imm(16)) : t.b.i32.extend16_s(v);

/** MUL, MLA, MLS. */
const mul = (t: Translator, f: F, s: number, acc: 'none' | 'add' | 'sub'): void => {
  const { i32 } = t.b;
  const product = i32.mul(t.r(f.rn as number), t.r(f.rm as number));
  const r = acc === 'none' ? product : i32[acc](t.r(f.ra as number), product);
  if (s === 1) t.setNZ(r);
  t.setR(f.rd as number, r);
};

const pair = (t: Translator, lo: number, hi: number): I64 => {
  const { i64 } = t.b;
  return i64.or(i64.extend_i32_u(t.r(lo)), i64.shl(i64.extend_i32_u(t.r(hi)), t.b.const64(32)));
};
const setPair = (t: Translator, lo: number, hi: number, v: I64): void => {
  const low = t.b.i32.wrap_i64(v);
  const high = t.b.i32.wrap_i64(t.b.i64.shr_u(v, t.b.const64(32)));
  t.setR(lo, low);
  t.setR(hi, high);
};

/** SMULL, UMULL, SMLAL, UMLAL, UMAAL. */
const long = (t: Translator, f: F, s: number, signed: boolean, acc: 'none' | 'pair' | 'both'): void => {
  const { rdlo, rdhi, rn, rm } = f as { rdlo: number; rdhi: number; rn: number; rm: number };
  if (rdlo === rdhi) return t.undefined();
  const { i64 } = t.b;
  const extend = (v: I32): I64 => (signed ? i64.extend_i32_s(v) : i64.extend_i32_u(v));
  let v = i64.mul(extend(t.r(rn)), extend(t.r(rm)));
  if (acc === 'pair') v = i64.add(v, pair(t, rdlo, rdhi));
  if (acc === 'both') v = i64.add(i64.add(v, extend(t.r(rdlo))), extend(t.r(rdhi)));
  if (s === 1) {
    // Z is of all 64 bits: fold them into 31 below N
    const high = t.b.i32.wrap_i64(i64.shr_u(v, t.b.const64(32)));
    const low = t.b.i32.wrap_i64(v);
    t.setNZ(t.b.i32.or(high, t.b.i32.ne(low, t.imm(0))));
  }
  setPair(t, rdlo, rdhi, v);
};

/** Two signed products' sum with an accumulator, Q when it does not fit. */
const accumulate = (t: Translator, rd: number, sum: I64): void => {
  const r = t.b.i32.wrap_i64(sum);
  setQ(t, t.b.i64.ne(sum, t.b.i64.extend_i32_s(r)));
  t.setR(rd, r);
};

const wide = (t: Translator, v: I32): I64 => t.b.i64.extend_i32_s(v);

/** SMLAxy, SMULxy. */
const halves = (t: Translator, f: F, acc: boolean): void => {
  const product = t.b.i32.mul(half(t, t.r(f.rn as number), f.n as number), half(t, t.r(f.rm as number), f.m as number));
  if (!acc) return t.setR(f.rd as number, product);
  accumulate(t, f.rd as number, t.b.i64.add(wide(t, product), wide(t, t.r(f.ra as number))));
};
const halvesLong = (t: Translator, f: F): void => {
  const { rdlo, rdhi } = f as { rdlo: number; rdhi: number };
  if (rdlo === rdhi) return t.undefined();
  const product = t.b.i32.mul(half(t, t.r(f.rn as number), f.n as number), half(t, t.r(f.rm as number), f.m as number));
  setPair(t, rdlo, rdhi, t.b.i64.add(wide(t, product), pair(t, rdlo, rdhi)));
};
/** SMLAWy, SMULWy: 32 × 16, the upper 32 bits of 48. */
const byHalf = (t: Translator, f: F, acc: boolean): void => {
  const { i64, i32 } = t.b;
  const product = i64.mul(wide(t, t.r(f.rn as number)), wide(t, half(t, t.r(f.rm as number), f.m as number)));
  const top = i64.shr_s(product, t.b.const64(16));
  if (!acc) return t.setR(f.rd as number, i32.wrap_i64(top));
  accumulate(t, f.rd as number, i64.add(top, wide(t, t.r(f.ra as number))));
};

/** SMUAD, SMUSD, SMLAD, SMLSD and their exchanging forms. */
const dual = (t: Translator, f: F, sub: boolean, ra: number): void => {
  const { i64, i32 } = t.b;
  const n = t.r(f.rn as number);
  const m = f.x === 1 ? i32.rotr(t.r(f.rm as number), t.imm(16)) : t.r(f.rm as number);
  const low = wide(t, i32.mul(half(t, n, 0), half(t, m, 0)));
  const high = wide(t, i32.mul(half(t, n, 1), half(t, m, 1)));
  let sum = sub ? i64.sub(low, high) : i64.add(low, high);
  if (ra !== PC) sum = i64.add(sum, wide(t, t.r(ra)));
  accumulate(t, f.rd as number, sum);
};
const dualLong = (t: Translator, f: F, sub: boolean): void => {
  const { rdlo, rdhi } = f as { rdlo: number; rdhi: number };
  if (rdlo === rdhi) return t.undefined();
  const { i64, i32 } = t.b;
  const n = t.r(f.rn as number);
  const m = f.x === 1 ? i32.rotr(t.r(f.rm as number), t.imm(16)) : t.r(f.rm as number);
  const low = wide(t, i32.mul(half(t, n, 0), half(t, m, 0)));
  const high = wide(t, i32.mul(half(t, n, 1), half(t, m, 1)));
  setPair(t, rdlo, rdhi, i64.add(pair(t, rdlo, rdhi), sub ? i64.sub(low, high) : i64.add(low, high)));
};

/** SMMUL, SMMLA, SMMLS: the upper half of the product, rounded with R. */
const top = (t: Translator, f: F, sub: boolean, ra: number): void => {
  const { i64 } = t.b;
  const product = i64.mul(wide(t, t.r(f.rn as number)), wide(t, t.r(f.rm as number)));
  let v = product;
  if (ra !== PC) {
    const acc = i64.shl(i64.extend_i32_u(t.r(ra)), t.b.const64(32));
    v = sub ? i64.sub(acc, product) : i64.add(acc, product);
  }
  if (f.r === 1) v = i64.add(v, t.b.const64(0x8000_0000));
  t.setR(f.rd as number, t.b.i32.wrap_i64(i64.shr_u(v, t.b.const64(32))));
};

const divide = (t: Translator, f: F, signed: boolean): void => {
  const { i32 } = t.b;
  const [n, m] = [t.r(f.rn as number), t.r(f.rm as number)];
  const none = i32.eqz(m);
  // wasm's division traps on 0 and on -2^31 / -1: divide by 1 there, which gives what the manual says of the latter
  const overflow = i32.and(i32.eq(n, t.imm(-0x8000_0000)), i32.eq(m, t.imm(-1)));
  const by = i32.select(t.imm(1), m, signed ? i32.or(none, overflow) : none);
  const q = signed ? i32.div_s(n, by) : i32.div_u(n, by);
  t.setR(f.rd as number, i32.select(t.imm(0), q, none));
};

/** USAD8, USADA8. */
const absoluteDifferences = (t: Translator, f: F, ra: number): void => {
  const { i32 } = t.b;
  const [n, m] = [t.r(f.rn as number), t.r(f.rm as number)];
  let sum: I32 | null = ra === PC ? null : t.r(ra);
  for (let at = 0; at < 32; at += 8) {
    const lane = (v: I32): I32 => i32.and(i32.shr_u(v, t.imm(at)), t.imm(255));
    const d = i32.sub(lane(n), lane(m));
    const sign = i32.shr_s(d, t.imm(31));
    const abs = i32.sub(i32.xor(d, sign), sign);
    sum = sum ? i32.add(sum, abs) : abs;
  }
  t.setR(f.rd as number, sum as I32);
};

/** CRC32B … CRC32CW; aux: rd, rn, rm, log2 of the bytes, polynomial. */
const crcHelper: number = defineHelper((c, state, aux) => {
  const at = state + State.REGS + 8 * ((aux >> 8) & 15);
  const crc = crc32(readR(c, state, (aux >> 4) & 15), c.view, at, 1 << ((aux >> 12) & 3), ((aux >> 14) & 1) as 0 | 1);
  writeR(c, state, aux & 15, crc);
  return 0;
});
const checksum = (t: Translator, f: F): void => {
  const { rd, rn, rm, sz, c } = f as { rd: number; rn: number; rm: number; sz: number; c: number };
  if (sz === 3 || rd === PC || rn === PC || rm === PC) return t.undefined();
  t.helper(crcHelper, rd | (rn << 4) | (rm << 8) | (sz << 12) | (c << 14));
};

/** F4.1.3: multiply and accumulate, halfword multiplies; F4.1.4: signed multiplies, divides */
// biome-ignore format: one instruction per line
export const a32Multiply: readonly Row<Translator>[] = [
  a32('mul{s}<c> <Rd>, <Rn>, <Rm>', '0000 000 s:1 rd:4 0000 rm:4 1001 rn:4', (t, f) => mul(t, f, f.s, 'none')),
  a32('mla{s}<c> <Rd>, <Rn>, <Rm>, <Ra>', '0000 001 s:1 rd:4 ra:4 rm:4 1001 rn:4', (t, f) => mul(t, f, f.s, 'add')),
  a32('umaal<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '0000 0100 rdhi:4 rdlo:4 rm:4 1001 rn:4', (t, f) => long(t, f, 0, false, 'both')),
  a32('mls<c> <Rd>, <Rn>, <Rm>, <Ra>', '0000 0110 rd:4 ra:4 rm:4 1001 rn:4', (t, f) => mul(t, f, 0, 'sub')),
  a32('umull{s}<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '0000 100 s:1 rdhi:4 rdlo:4 rm:4 1001 rn:4', (t, f) => long(t, f, f.s, false, 'none')),
  a32('umlal{s}<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '0000 101 s:1 rdhi:4 rdlo:4 rm:4 1001 rn:4', (t, f) => long(t, f, f.s, false, 'pair')),
  a32('smull{s}<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '0000 110 s:1 rdhi:4 rdlo:4 rm:4 1001 rn:4', (t, f) => long(t, f, f.s, true, 'none')),
  a32('smlal{s}<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '0000 111 s:1 rdhi:4 rdlo:4 rm:4 1001 rn:4', (t, f) => long(t, f, f.s, true, 'pair')),
  a32('smla<xy><c> <Rd>, <Rn>, <Rm>, <Ra>', '0001 0000 rd:4 ra:4 rm:4 1 m:1 n:1 0 rn:4', (t, f) => halves(t, f, true)),
  a32('smlaw<y><c> <Rd>, <Rn>, <Rm>, <Ra>', '0001 0010 rd:4 ra:4 rm:4 1 m:1 00 rn:4', (t, f) => byHalf(t, f, true)),
  a32('smulw<y><c> <Rd>, <Rn>, <Rm>', '0001 0010 rd:4 0000 rm:4 1 m:1 10 rn:4', (t, f) => byHalf(t, f, false)),
  a32('smlal<xy><c> <RdLo>, <RdHi>, <Rn>, <Rm>', '0001 0100 rdhi:4 rdlo:4 rm:4 1 m:1 n:1 0 rn:4', halvesLong),
  a32('smul<xy><c> <Rd>, <Rn>, <Rm>', '0001 0110 rd:4 0000 rm:4 1 m:1 n:1 0 rn:4', (t, f) => halves(t, f, false)),
  a32('crc32<c><bhw> <Rd>, <Rn>, <Rm>', '0001 0 sz:2 0 rn:4 rd:4 00 c:1 0 0100 rm:4', checksum),
  a32('smlad{x}<c> <Rd>, <Rn>, <Rm>, <Ra>', '0111 0000 rd:4 ra:4 rm:4 00 x:1 1 rn:4', (t, f) => dual(t, f, false, f.ra)),
  a32('smuad{x}<c> <Rd>, <Rn>, <Rm>', '0111 0000 rd:4 1111 rm:4 00 x:1 1 rn:4', (t, f) => dual(t, f, false, PC)),
  a32('smlsd{x}<c> <Rd>, <Rn>, <Rm>, <Ra>', '0111 0000 rd:4 ra:4 rm:4 01 x:1 1 rn:4', (t, f) => dual(t, f, true, f.ra)),
  a32('smusd{x}<c> <Rd>, <Rn>, <Rm>', '0111 0000 rd:4 1111 rm:4 01 x:1 1 rn:4', (t, f) => dual(t, f, true, PC)),
  a32('sdiv<c> <Rd>, <Rn>, <Rm>', '0111 0001 rd:4 1111 rm:4 0001 rn:4', (t, f) => divide(t, f, true)),
  a32('udiv<c> <Rd>, <Rn>, <Rm>', '0111 0011 rd:4 1111 rm:4 0001 rn:4', (t, f) => divide(t, f, false)),
  a32('smlald{x}<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '0111 0100 rdhi:4 rdlo:4 rm:4 00 x:1 1 rn:4', (t, f) => dualLong(t, f, false)),
  a32('smlsld{x}<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '0111 0100 rdhi:4 rdlo:4 rm:4 01 x:1 1 rn:4', (t, f) => dualLong(t, f, true)),
  a32('smmla{r}<c> <Rd>, <Rn>, <Rm>, <Ra>', '0111 0101 rd:4 ra:4 rm:4 00 r:1 1 rn:4', (t, f) => top(t, f, false, f.ra)),
  a32('smmul{r}<c> <Rd>, <Rn>, <Rm>', '0111 0101 rd:4 1111 rm:4 00 r:1 1 rn:4', (t, f) => top(t, f, false, PC)),
  a32('smmls{r}<c> <Rd>, <Rn>, <Rm>, <Ra>', '0111 0101 rd:4 ra:4 rm:4 11 r:1 1 rn:4', (t, f) => top(t, f, true, f.ra === PC ? -1 : f.ra)),
  a32('usada8<c> <Rd>, <Rn>, <Rm>, <Ra>', '0111 1000 rd:4 ra:4 rm:4 0001 rn:4', (t, f) => absoluteDifferences(t, f, f.ra)),
  a32('usad8<c> <Rd>, <Rn>, <Rm>', '0111 1000 rd:4 1111 rm:4 0001 rn:4', (t, f) => absoluteDifferences(t, f, PC)),
];

/** F3.1.10: multiply, multiply accumulate, and absolute difference; long multiply and divide */
// biome-ignore format: one instruction per line
export const t32Multiply: readonly Row<Translator>[] = [
  t32('mla<c> <Rd>, <Rn>, <Rm>, <Ra>', '11111011 0000 rn:4 ra:4 rd:4 0000 rm:4', (t, f) => mul(t, f, 0, 'add')),
  t32('mul<c>.w <Rd>, <Rn>, <Rm>', '11111011 0000 rn:4 1111 rd:4 0000 rm:4', (t, f) => mul(t, f, 0, 'none')),
  t32('mls<c> <Rd>, <Rn>, <Rm>, <Ra>', '11111011 0000 rn:4 ra:4 rd:4 0001 rm:4', (t, f) => mul(t, f, 0, 'sub')),
  t32('smla<xy><c> <Rd>, <Rn>, <Rm>, <Ra>', '11111011 0001 rn:4 ra:4 rd:4 00 n:1 m:1 rm:4', (t, f) => halves(t, f, true)),
  t32('smul<xy><c> <Rd>, <Rn>, <Rm>', '11111011 0001 rn:4 1111 rd:4 00 n:1 m:1 rm:4', (t, f) => halves(t, f, false)),
  t32('smlad{x}<c> <Rd>, <Rn>, <Rm>, <Ra>', '11111011 0010 rn:4 ra:4 rd:4 000 x:1 rm:4', (t, f) => dual(t, f, false, f.ra)),
  t32('smuad{x}<c> <Rd>, <Rn>, <Rm>', '11111011 0010 rn:4 1111 rd:4 000 x:1 rm:4', (t, f) => dual(t, f, false, PC)),
  t32('smlaw<y><c> <Rd>, <Rn>, <Rm>, <Ra>', '11111011 0011 rn:4 ra:4 rd:4 000 m:1 rm:4', (t, f) => byHalf(t, f, true)),
  t32('smulw<y><c> <Rd>, <Rn>, <Rm>', '11111011 0011 rn:4 1111 rd:4 000 m:1 rm:4', (t, f) => byHalf(t, f, false)),
  t32('smlsd{x}<c> <Rd>, <Rn>, <Rm>, <Ra>', '11111011 0100 rn:4 ra:4 rd:4 000 x:1 rm:4', (t, f) => dual(t, f, true, f.ra)),
  t32('smusd{x}<c> <Rd>, <Rn>, <Rm>', '11111011 0100 rn:4 1111 rd:4 000 x:1 rm:4', (t, f) => dual(t, f, true, PC)),
  t32('smmla{r}<c> <Rd>, <Rn>, <Rm>, <Ra>', '11111011 0101 rn:4 ra:4 rd:4 000 r:1 rm:4', (t, f) => top(t, f, false, f.ra)),
  t32('smmul{r}<c> <Rd>, <Rn>, <Rm>', '11111011 0101 rn:4 1111 rd:4 000 r:1 rm:4', (t, f) => top(t, f, false, PC)),
  t32('smmls{r}<c> <Rd>, <Rn>, <Rm>, <Ra>', '11111011 0110 rn:4 ra:4 rd:4 000 r:1 rm:4', (t, f) => top(t, f, true, f.ra)),
  t32('usada8<c> <Rd>, <Rn>, <Rm>, <Ra>', '11111011 0111 rn:4 ra:4 rd:4 0000 rm:4', (t, f) => absoluteDifferences(t, f, f.ra)),
  t32('usad8<c> <Rd>, <Rn>, <Rm>', '11111011 0111 rn:4 1111 rd:4 0000 rm:4', (t, f) => absoluteDifferences(t, f, PC)),
  t32('crc32<c><bhw> <Rd>, <Rn>, <Rm>', '11111010 110 c:1 rn:4 1111 rd:4 10 sz:2 rm:4', checksum),
  t32('smull<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '11111011 1000 rn:4 rdlo:4 rdhi:4 0000 rm:4', (t, f) => long(t, f, 0, true, 'none')),
  t32('sdiv<c> <Rd>, <Rn>, <Rm>', '11111011 1001 rn:4 1111 rd:4 1111 rm:4', (t, f) => divide(t, f, true)),
  t32('umull<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '11111011 1010 rn:4 rdlo:4 rdhi:4 0000 rm:4', (t, f) => long(t, f, 0, false, 'none')),
  t32('udiv<c> <Rd>, <Rn>, <Rm>', '11111011 1011 rn:4 1111 rd:4 1111 rm:4', (t, f) => divide(t, f, false)),
  t32('smlal<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '11111011 1100 rn:4 rdlo:4 rdhi:4 0000 rm:4', (t, f) => long(t, f, 0, true, 'pair')),
  t32('smlal<xy><c> <RdLo>, <RdHi>, <Rn>, <Rm>', '11111011 1100 rn:4 rdlo:4 rdhi:4 10 n:1 m:1 rm:4', halvesLong),
  t32('smlald{x}<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '11111011 1100 rn:4 rdlo:4 rdhi:4 110 x:1 rm:4', (t, f) => dualLong(t, f, false)),
  t32('smlsld{x}<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '11111011 1101 rn:4 rdlo:4 rdhi:4 110 x:1 rm:4', (t, f) => dualLong(t, f, true)),
  t32('umlal<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '11111011 1110 rn:4 rdlo:4 rdhi:4 0000 rm:4', (t, f) => long(t, f, 0, false, 'pair')),
  t32('umaal<c> <RdLo>, <RdHi>, <Rn>, <Rm>', '11111011 1110 rn:4 rdlo:4 rdhi:4 0110 rm:4', (t, f) => long(t, f, 0, false, 'both')),
];
