/** Addition, multiplication, division, square root, comparison (Intel SDM vol. 1, 8.3.5–8.3.6; vol. 2, FADD …). */
import {
  BIAS,
  type Ext,
  Flag,
  invalid,
  Kind,
  kindOf,
  leadingZeros,
  mantissaOf,
  nanOf,
  nanOfTwo,
  normalExponent,
  Rc,
  setInfinity,
  setZero,
  shiftedHi,
  shiftedLo,
  type X87Env,
} from './ext.ts';
import { roundBig, roundPack } from './round.ts';

const SIGN = 0x8000;

/** r = a + b, or a − b with `flip` = 0x8000; r may be one of them. */
export function add(r: Ext, a: Ext, b: Ext, flip: number, env: X87Env): Ext {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka >= Kind.QNAN || kb >= Kind.QNAN) return nanOfTwo(r, a, b, env);
  const sa = a.se & SIGN;
  const sb = (b.se & SIGN) ^ flip;
  if (ka === Kind.INFINITY || kb === Kind.INFINITY) {
    if (ka === kb && sa !== sb) return invalid(r, env);
    if (ka === Kind.DENORMAL || kb === Kind.DENORMAL) env.flags |= Flag.DE;
    return setInfinity(r, ka === Kind.INFINITY ? sa : sb);
  }
  if (ka === Kind.ZERO && kb === Kind.ZERO) {
    return setZero(r, sa === sb ? sa : env.rounding === Rc.DOWN ? SIGN : 0);
  }
  if (ka === Kind.ZERO) return finite(r, sb, b, kb, env);
  if (kb === Kind.ZERO) return finite(r, sa, a, ka, env);
  const ea = normalExponent(a, ka, env);
  const eb = normalExponent(b, kb, env);
  // x is the one with the larger exponent
  const swap = eb > ea;
  const [x, y] = swap ? [b, a] : [a, b];
  const kx = swap ? kb : ka;
  const ky = swap ? ka : kb;
  const nx = kx === Kind.DENORMAL ? leadingZeros(x.hi, x.lo) : 0;
  const ny = ky === Kind.DENORMAL ? leadingZeros(y.hi, y.lo) : 0;
  const xh = shiftedHi(x.hi, x.lo, nx);
  const xl = shiftedLo(x.lo, nx);
  let yh = shiftedHi(y.hi, y.lo, ny);
  let yl = shiftedLo(y.lo, ny);
  let ye = 0;
  let d = swap ? eb - ea : ea - eb;
  if (d >= 32) {
    if (d >= 96) {
      yh = 0;
      yl = 0;
      ye = 1;
      d = 0;
    } else {
      const lost = d >= 64 ? yl : 0;
      ye = d >= 64 ? yh | (lost !== 0 ? 1 : 0) : yl;
      yl = d >= 64 ? 0 : yh;
      yh = 0;
      d &= 31;
    }
  }
  if (d > 0) {
    const lost = ye << (32 - d) !== 0 ? 1 : 0;
    ye = (ye >>> d) | (yl << (32 - d)) | lost;
    yl = (yl >>> d) | (yh << (32 - d));
    yh >>>= d;
  }
  const exponent = swap ? eb : ea;
  return sa === sb
    ? sum(r, sa, exponent, xh, xl, yh, yl, ye, env)
    : difference(r, swap ? sb : sa, exponent, xh, xl, yh, yl, ye, env);
}

/** A number as a result: rounded to the precision that is due. */
function finite(r: Ext, sign: number, a: Ext, kind: number, env: X87Env): Ext {
  const exponent = normalExponent(a, kind, env);
  const n = leadingZeros(a.hi, a.lo);
  return roundPack(r, sign, exponent, shiftedHi(a.hi, a.lo, n), shiftedLo(a.lo, n), 0, env);
}

function sum(
  r: Ext,
  sign: number,
  exponent: number,
  xh: number,
  xl: number,
  yh: number,
  yl: number,
  ye: number,
  env: X87Env,
): Ext {
  // biome-ignore format: one line
  const low = (xl >>> 0) + (yl >>> 0);
  const high = (xh >>> 0) + (yh >>> 0) + (low > 0xffff_ffff ? 1 : 0);
  if (high <= 0xffff_ffff) return roundPack(r, sign, exponent, high | 0, low | 0, ye | 0, env);
  const ext = (ye >>> 1) | (low << 31) | (ye & 1);
  return roundPack(r, sign, exponent + 1, (high >>> 1) | -0x8000_0000, ((low | 0) >>> 1) | (high << 31), ext, env);
}

function difference(
  r: Ext,
  sign: number,
  exponent: number,
  xh: number,
  xl: number,
  yh: number,
  yl: number,
  ye: number,
  env: X87Env,
): Ext {
  // biome-ignore format: one line
  const borrow = ye !== 0 ? 1 : 0;
  let ext = -ye | 0;
  const low = (xl >>> 0) - (yl >>> 0) - borrow;
  const high = (xh >>> 0) - (yh >>> 0) - (low < 0 ? 1 : 0);
  let h = high | 0;
  let l = low | 0;
  let s = sign;
  if (high < 0) {
    // equal exponents and the other one is larger (nothing was shifted out)
    s ^= SIGN;
    h = ~h;
    l = -l | 0;
    if (l === 0) h = (h + 1) | 0;
  }
  if ((h | l | ext) === 0) return setZero(r, env.rounding === Rc.DOWN ? SIGN : 0);
  let e = exponent;
  if (h === 0) {
    h = l;
    l = ext;
    ext = 0;
    e -= 32;
    if (h === 0) {
      h = l;
      l = 0;
      e -= 32;
    }
  }
  const n = Math.clz32(h);
  if (n > 0) {
    h = (h << n) | (l >>> (32 - n));
    l = (l << n) | (ext >>> (32 - n));
    ext <<= n;
    e -= n;
  }
  return roundPack(r, s, e, h, l, ext, env);
}

/** Upper 32 bits of the product of two u32; partial products of 48 bits are exact in a double. */
const mulHigh = (a: number, b: number): number =>
  Math.floor((a * (b >>> 16) + Math.floor((a * (b & 0xffff)) / 0x1_0000)) / 0x1_0000);

/** r = a × b. */
export function mul(r: Ext, a: Ext, b: Ext, env: X87Env): Ext {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka >= Kind.QNAN || kb >= Kind.QNAN) return nanOfTwo(r, a, b, env);
  const sign = (a.se ^ b.se) & SIGN;
  if (ka === Kind.INFINITY || kb === Kind.INFINITY) {
    if (ka === Kind.ZERO || kb === Kind.ZERO) return invalid(r, env);
    if (ka === Kind.DENORMAL || kb === Kind.DENORMAL) env.flags |= Flag.DE;
    return setInfinity(r, sign);
  }
  if (ka === Kind.ZERO || kb === Kind.ZERO) {
    if (ka === Kind.DENORMAL || kb === Kind.DENORMAL) env.flags |= Flag.DE;
    return setZero(r, sign);
  }
  const e = normalExponent(a, ka, env) + normalExponent(b, kb, env) - BIAS;
  const na = ka === Kind.DENORMAL ? leadingZeros(a.hi, a.lo) : 0;
  const nb = kb === Kind.DENORMAL ? leadingZeros(b.hi, b.lo) : 0;
  const ah = shiftedHi(a.hi, a.lo, na) >>> 0;
  const al = shiftedLo(a.lo, na) >>> 0;
  const bh = shiftedHi(b.hi, b.lo, nb) >>> 0;
  const bl = shiftedLo(b.lo, nb) >>> 0;
  let w0 = 0;
  let w1 = 0;
  let w2 = Math.imul(ah, bh) >>> 0;
  let w3 = mulHigh(ah, bh);
  if (al !== 0 && bl !== 0) {
    w0 = Math.imul(al, bl);
    w1 = mulHigh(al, bl);
  }
  if (al !== 0) {
    w1 += Math.imul(al, bh) >>> 0;
    w2 += mulHigh(al, bh);
  }
  if (bl !== 0) {
    w1 += Math.imul(ah, bl) >>> 0;
    w2 += mulHigh(ah, bl);
  }
  w2 += Math.floor(w1 / 0x1_0000_0000);
  w3 += Math.floor(w2 / 0x1_0000_0000);
  const h = w3 | 0;
  const l = w2 | 0;
  const x = w1 | 0;
  const sticky = w0 !== 0 ? 1 : 0;
  if (h < 0) return roundPack(r, sign, e + 1, h, l, x | sticky, env);
  return roundPack(r, sign, e, (h << 1) | (l >>> 31), (l << 1) | (x >>> 31), (x << 1) | (w0 >>> 31) | sticky, env);
}

/** r = a ÷ b. */
export function div(r: Ext, a: Ext, b: Ext, env: X87Env): Ext {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka >= Kind.QNAN || kb >= Kind.QNAN) return nanOfTwo(r, a, b, env);
  const sign = (a.se ^ b.se) & SIGN;
  if (ka === kb && (ka === Kind.ZERO || ka === Kind.INFINITY)) return invalid(r, env);
  if (ka === Kind.INFINITY || kb === Kind.ZERO) {
    if (kb === Kind.ZERO && ka !== Kind.INFINITY) env.flags |= Flag.ZE;
    else if (kb === Kind.DENORMAL) env.flags |= Flag.DE;
    return setInfinity(r, sign);
  }
  if (ka === Kind.ZERO || kb === Kind.INFINITY) {
    if (ka === Kind.DENORMAL || kb === Kind.DENORMAL) env.flags |= Flag.DE;
    return setZero(r, sign);
  }
  const ea = normalExponent(a, ka, env);
  const eb = normalExponent(b, kb, env);
  const x = mantissaOf(a) << BigInt(leadingZeros(a.hi, a.lo) + 66);
  const y = mantissaOf(b) << BigInt(leadingZeros(b.hi, b.lo));
  const q = x / y;
  return roundBig(r, sign, q, ea - eb - 66, q * y !== x, env);
}

/** r = √a. */
export function sqrt(r: Ext, a: Ext, env: X87Env): Ext {
  const k = kindOf(a);
  if (k >= Kind.QNAN) return nanOf(r, a, k, env);
  if (k === Kind.ZERO) return setZero(r, a.se & SIGN);
  if (a.se & SIGN) return invalid(r, env);
  if (k === Kind.INFINITY) return setInfinity(r, 0);
  let e = normalExponent(a, k, env) - BIAS;
  let m = mantissaOf(a) << BigInt(leadingZeros(a.hi, a.lo) + 69);
  if (e & 1) {
    m <<= 1n;
    e -= 1;
  }
  const root = integerSqrt(m);
  return roundBig(r, 0, root, e / 2 - 66, root * root !== m, env);
}

/** Floor of the square root of n < 2^134, by Newton's iteration from the double's root, which is above or near it. */
export function integerSqrt(n: bigint): bigint {
  let root = BigInt(Math.ceil(Math.sqrt(Number(n))));
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next === root || next === root + 1n || next === root - 1n) {
      let s = next;
      while (s * s > n) s -= 1n;
      while ((s + 1n) * (s + 1n) <= n) s += 1n;
      return s;
    }
    root = next;
  }
}

/** What a comparison says: condition codes as in the status word (C3 = 0x4000, C2 = 0x400, C0 = 0x100). */
export const Order: { readonly GREATER: 0; readonly LESS: 0x100; readonly EQUAL: 0x4000; readonly UNORDERED: 0x4500 } =
  { GREATER: 0, LESS: 0x100, EQUAL: 0x4000, UNORDERED: 0x4500 };

/** FCOM, FUCOM with `quiet`: quiet NaNs are no invalid operands then. */
export function compare(a: Ext, b: Ext, quiet: boolean, env: X87Env): number {
  const ka = kindOf(a);
  const kb = kindOf(b);
  if (ka >= Kind.QNAN || kb >= Kind.QNAN) {
    if (!quiet || ka > Kind.QNAN || kb > Kind.QNAN) env.flags |= Flag.IE;
    return Order.UNORDERED;
  }
  if (ka === Kind.DENORMAL || kb === Kind.DENORMAL) env.flags |= Flag.DE;
  if (ka === Kind.ZERO && kb === Kind.ZERO) return Order.EQUAL;
  const sa = a.se & SIGN;
  if (sa !== (b.se & SIGN)) return sa ? Order.LESS : Order.GREATER;
  // a pseudo-denormal has the value of the exponent 1
  const ea = ka === Kind.DENORMAL ? 1 : a.se & 0x7fff;
  const eb = kb === Kind.DENORMAL ? 1 : b.se & 0x7fff;
  const way =
    ka === Kind.ZERO
      ? -1
      : kb === Kind.ZERO
        ? 1
        : ea - eb || (a.hi >>> 0) - (b.hi >>> 0) || (a.lo >>> 0) - (b.lo >>> 0);
  return way === 0 ? Order.EQUAL : way < 0 !== (sa !== 0) ? Order.LESS : Order.GREATER;
}
