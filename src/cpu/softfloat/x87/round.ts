/** Rounding to the precision, rounding mode and exponent range that are due (Intel SDM vol. 1, 4.8.4, 4.9.1, 8.5). */
import { BIAS, type Ext, Flag, MAX_EXPONENT, Rc, setInfinity, type X87Env } from './ext.ts';

/** What unmasked overflow and underflow add to or take from the exponent. */
const WRAP = 0x6000;

/** Whether a magnitude grows: `half` is the first bit cut off, `rest` any of the others, `odd` the last one kept. */
export function roundsUp(rounding: number, sign: number, half: boolean, rest: boolean, odd: boolean): boolean {
  if (rounding === Rc.NEAREST) return half && (rest || odd);
  if (!half && !rest) return false;
  return rounding === (sign ? Rc.DOWN : Rc.UP);
}

/**
 * Round sign, biased exponent and the significand hi:lo.ext, whose top bit is set; the last bit of `ext` also stands for
 * whatever lies below.
 */
export function roundPack(
  r: Ext,
  sign: number,
  exponent: number,
  hi: number,
  lo: number,
  ext: number,
  env: X87Env,
): Ext {
  return exponent <= 0
    ? roundTiny(r, sign, exponent, hi, lo, ext, env)
    : roundNormal(r, sign, exponent, hi, lo, ext, env);
}

function roundNormal(r: Ext, sign: number, exponent: number, hi: number, lo: number, ext: number, env: X87Env): Ext {
  let half: boolean;
  let rest: boolean;
  let odd: boolean;
  let stepHi = 0;
  let stepLo = 1;
  if (env.precision === 64) {
    half = ext < 0;
    rest = (ext & 0x7fff_ffff) !== 0;
    odd = (lo & 1) !== 0;
  } else if (env.precision === 53) {
    half = (lo & 0x400) !== 0;
    rest = ((lo & 0x3ff) | ext) !== 0;
    odd = (lo & 0x800) !== 0;
    lo &= ~0x7ff;
    stepLo = 0x800;
  } else {
    half = (hi & 0x80) !== 0;
    rest = ((hi & 0x7f) | lo | ext) !== 0;
    odd = (hi & 0x100) !== 0;
    hi &= ~0xff;
    lo = 0;
    stepHi = 0x100;
    stepLo = 0;
  }
  if (half || rest) {
    env.flags |= Flag.PE;
    if (roundsUp(env.rounding, sign, half, rest, odd)) {
      env.flags |= Flag.C1;
      const sum = (lo + stepLo) | 0;
      const carry = stepLo !== 0 && sum >>> 0 < stepLo ? 1 : 0;
      const high = (hi + stepHi + carry) | 0;
      lo = sum;
      hi = high;
      if (high >= 0) {
        // the carry went through: 1.0 of the next binade
        hi = -0x8000_0000;
        lo = 0;
        exponent += 1;
      }
    }
  }
  if (exponent >= MAX_EXPONENT) return overflow(r, sign, exponent, hi, lo, env);
  return r.set(sign | exponent, hi, lo);
}

function overflow(r: Ext, sign: number, exponent: number, hi: number, lo: number, env: X87Env): Ext {
  env.flags |= Flag.OE;
  if ((env.masked & Flag.OE) === 0) return r.set(sign | ((exponent - WRAP) & MAX_EXPONENT), hi, lo);
  env.flags |= Flag.PE;
  if (env.rounding === Rc.NEAREST || env.rounding === (sign ? Rc.DOWN : Rc.UP)) {
    env.flags |= Flag.C1;
    return setInfinity(r, sign);
  }
  env.flags &= ~Flag.C1;
  const [top, bottom] = env.precision === 64 ? [-1, -1] : env.precision === 53 ? [-1, ~0x7ff] : [~0xff, 0];
  return r.set(sign | (MAX_EXPONENT - 1), top, bottom);
}

/** Below the normal range: tininess is told after rounding as if the exponent had no bound (SDM vol. 1, 4.9.1.5). */
function roundTiny(r: Ext, sign: number, exponent: number, hi: number, lo: number, ext: number, env: X87Env): Ext {
  const before = env.flags;
  env.flags = before & ~(Flag.PE | Flag.C1);
  roundNormal(r, sign, BIAS, hi, lo, ext, env);
  const unbounded = exponent + (r.se & MAX_EXPONENT) - BIAS;
  const tiny = unbounded <= 0;
  if (tiny && (env.masked & Flag.UE) === 0) {
    env.flags |= before | Flag.UE;
    r.se = sign | ((unbounded + WRAP) & MAX_EXPONENT);
    return r;
  }
  env.flags = before & ~(Flag.PE | Flag.C1);
  let shift = 1 - exponent;
  let [h, l, x] = [hi, lo, ext];
  while (shift >= 32) {
    x = l | (x !== 0 ? 1 : 0);
    l = h;
    h = 0;
    shift -= 32;
    if ((h | l | x) === 0 || shift > 96) {
      [h, l, x] = [0, 0, 1];
      shift = 0;
    }
  }
  if (shift > 0) {
    x = (x >>> shift) | (l << (32 - shift)) | (x << (32 - shift) !== 0 ? 1 : 0);
    l = (l >>> shift) | (h << (32 - shift));
    h >>>= shift;
  }
  roundDenormal(r, sign, h | 0, l | 0, x | 0, env);
  if (tiny && (env.flags & Flag.PE) !== 0) env.flags |= Flag.UE;
  env.flags |= before & Flag.PE;
  return r;
}

/** Round a significand that lost its top bit; a carry into that bit makes the smallest normal number. */
function roundDenormal(r: Ext, sign: number, hi: number, lo: number, ext: number, env: X87Env): void {
  // with the top bit put in, the rounding is that of a normal number
  roundNormal(r, sign, 2, hi | -0x8000_0000, lo, ext, env);
  if ((r.se & MAX_EXPONENT) === 3) r.set(sign | 1, -0x8000_0000, 0);
  else r.set(sign, r.hi & 0x7fff_ffff, r.lo);
}

const bitLength = (n: bigint): number => {
  const text = n.toString(16);
  return text.length * 4 - Math.clz32(Number.parseInt(text[0] as string, 16)) + 28;
};

/** Round mantissa × 2^exponent (mantissa > 0); `sticky`: something nonzero lies below it. */
export function roundBig(r: Ext, sign: number, mantissa: bigint, exponent: number, sticky: boolean, env: X87Env): Ext {
  const shift = 96 - bitLength(mantissa);
  const m = shift >= 0 ? mantissa << BigInt(shift) : mantissa >> BigInt(-shift);
  const rest = sticky || (shift < 0 && m << BigInt(-shift) !== mantissa);
  const word = (n: bigint): number => Number(BigInt.asIntN(32, n));
  const ext = word(m) | (rest ? 1 : 0);
  return roundPack(r, sign, exponent - shift + 95 + BIAS, word(m >> 64n), word(m >> 32n), ext, env);
}
