/**
 * The x87 as natives see it. They do the common case: masked exceptions of which none but the inexact result arises, normal
 * numbers and zeros (infinities and quiet NaNs where numbers are only moved or compared), registers that
 * are neither empty nor in the way. All else is left to the helpers.
 */
import type { Expr, Local, NativeBuilder } from '../../../ir/native.ts';
import { Sys, x87Offset } from '../registers.ts';

type I32 = Expr<'i32'>;
type I64 = Expr<'i64'>;

/** Bits of control and status word (SDM vol. 1, 8.1.3 and 8.1.5). */
const PE = 0x20;
export const ES = 0x80;
export const C1 = 0x200;
const C2 = 0x400;
const CODES = 0x4500;
const TOP = 0x3800;
const PRECISION = 0x300;
const DOUBLE = 0x200;
const REGISTERS = x87Offset(0);
export const SIGN = 0x8000;
/** Exponent of infinities and NaNs. */
export const SPECIAL = 0x7fff;
export const INTEGER_BIT: bigint = 1n << 63n;
/** Least significand of a quiet NaN. */
const QUIET: bigint = 3n << 62n;
/** Bias of the exponent, and what it is more than that of doubles and singles. */
export const BIAS = 0x3fff;
export const F64_BIAS: number = BIAS - 1023;
export const F32_BIAS: number = BIAS - 127;

/** In units of 2^-64 of a result's last place: more than what transcendental functions are off, here and in the helpers. */
const DOUBT = 2 ** 32;

/** A number in parts: sign (0x8000 or 0), biased exponent, significand. A zero has the exponent 0. */
export interface Parts {
  readonly s: Local<'i32'>;
  readonly e: Local<'i32'>;
  readonly m: Local<'i64'>;
}

/** How an instruction begins and ends. */
export class FpuNative {
  readonly n: NativeBuilder;
  private readonly sw: Local<'i32'>;
  private readonly cw: Local<'i32'>;
  private readonly tags: Local<'i32'>;
  readonly top: Local<'i32'>;
  private kept = 0;

  constructor(n: NativeBuilder) {
    this.n = n;
    this.sw = n.let(n.load('i32.load', n.state, Sys.FSW));
    this.cw = n.let(n.load('i32.load', n.state, Sys.FCW));
    this.tags = n.let(n.load('i32.load', n.state, Sys.FTW));
    this.top = n.let(n.i32.and(n.i32.shr_u(this.sw, 11), 7));
  }

  /** Leave it to the helper. */
  slowWhen(condition: I32): void {
    this.n.if(condition, () => this.n.return(1));
  }

  /** An unmasked exception pending, or these registers (bits of the tag word) empty. */
  begin(registers: I32): void {
    const { i32 } = this.n;
    this.slowWhen(i32.or(i32.and(this.sw, ES), i32.and(i32.xor(this.tags, -1), registers)));
  }
  /** The same, and an inexact result not masked. */
  beginInexact(registers: I32): void {
    const { i32 } = this.n;
    const bad = i32.or(i32.and(this.sw, ES), i32.and(i32.xor(this.tags, -1), registers));
    this.slowWhen(i32.or(bad, i32.xor(i32.and(this.cw, PE), PE)));
  }
  /** Room for a push is there if st(-1) is empty; returns its number. */
  beginPush(registers: I32 | null): Local<'i32'> {
    const { n } = this;
    const { i32 } = n;
    const to = n.let(i32.and(i32.sub(this.top, 1), 7));
    const used = i32.and(this.tags, this.bit(to));
    const bad = i32.or(i32.and(this.sw, ES), used);
    this.slowWhen(registers ? i32.or(bad, i32.and(i32.xor(this.tags, -1), registers)) : bad);
    return to;
  }

  /** Number of st(i), the instruction's second argument having i in its lowest bits. */
  sti(): Local<'i32'> {
    const { n } = this;
    return n.let(n.i32.and(n.i32.add(this.top, n.aux), 7));
  }
  bit(register: I32): I32 {
    return this.n.i32.shl(1, register);
  }
  /** Where it lies, for {@link load} and {@link store}. */
  at(register: I32): Local<'i32'> {
    const { n } = this;
    return n.let(n.i32.add(n.state, n.i32.shl(register, 4)));
  }
  significand(at: I32): I64 {
    return this.n.load('i64.load', at, REGISTERS);
  }
  signAndExponent(at: I32): I32 {
    return this.n.load('i32.load16_u', at, REGISTERS + 8);
  }
  put(at: I32, signAndExponent: I32, significand: I64): void {
    this.n.store('i32.store', at, REGISTERS + 8, signAndExponent);
    this.n.store('i64.store', at, REGISTERS, significand);
  }

  /** A register's number. */
  read(register: I32): Parts {
    const { n } = this;
    const at = this.at(register);
    const se = n.let(this.signAndExponent(at));
    return { s: n.let(n.i32.and(se, SIGN)), e: n.let(n.i32.and(se, 0x7fff)), m: n.let(this.significand(at)) };
  }
  isNormal({ e, m }: Parts): I32 {
    const { i32, i64 } = this.n;
    return i32.and(i32.lt_u(i32.sub(e, 1), 0x7ffe), i64.lt_s(m, 0));
  }
  isZero({ e, m }: Parts): I32 {
    const { i64 } = this.n;
    return i64.eqz(i64.or(m, i64.extend_i32_u(e)));
  }
  isInfinity({ e, m }: Parts): I32 {
    const { i32, i64 } = this.n;
    return i32.and(i32.eq(e, SPECIAL), i64.eq(m, INTEGER_BIT));
  }
  isQuietNan({ e, m }: Parts): I32 {
    const { i32, i64 } = this.n;
    return i32.and(i32.eq(e, SPECIAL), i64.ge_u(m, QUIET));
  }
  slowUnlessFinite(x: Parts): void {
    const { i32 } = this.n;
    this.slowWhen(i32.eqz(i32.or(this.isNormal(x), this.isZero(x))));
  }

  get roundingControl(): I32 {
    const { i32 } = this.n;
    return i32.and(i32.shr_u(this.cw, 10), 3);
  }
  get isDouble(): I32 {
    const { i32 } = this.n;
    return i32.eq(i32.and(this.cw, PRECISION), DOUBLE);
  }
  slowIfSingle(): void {
    const { i32 } = this.n;
    this.slowWhen(i32.eqz(i32.and(this.cw, PRECISION)));
  }
  /** Whether a magnitude grows, `ext` being what is cut off of it (its highest bit is half a unit), not 0. */
  grows(rounding: I32, sign: I32, ext: I64, odd: I32): I32 {
    const { i32, i64 } = this.n;
    const nearest = i32.and(i64.lt_s(ext, 0), i32.or(i64.ne(i64.shl(ext, 1), 0), odd));
    return i32.select(i32.eq(rounding, i32.select(1, 2, sign)), nearest, rounding);
  }
  /** Status bits of an inexact result. */
  inexact(grew: I32): I32 {
    const { i32 } = this.n;
    return i32.or(i32.mul(grew, C1), PE);
  }

  /**
   * Write a result whose significand goes on in `ext` to the register at `at`, rounded to the precision that is due; to the
   * helper if it is too large or too small. Ends the instruction.
   */
  finish(at: I32, { s, e, m }: Parts, ext: Local<'i64'>, pops: boolean): void {
    const { n } = this;
    const { i32, i64 } = n;
    const flags = n.let(n.value('i32', 0));
    const step = n.let(n.value('i64', 1));
    n.if(this.isDouble, () => {
      n.set(ext, i64.or(i64.shl(m, 53), i64.extend_i32_u(i64.ne(ext, 0))));
      n.set(m, i64.and(m, -0x800));
      n.set(step, 0x800);
    });
    n.if(i64.ne(ext, 0), () => {
      const grew = n.let(this.grows(this.roundingControl, s, ext, i64.ne(i64.and(m, step), 0)));
      n.set(flags, this.inexact(grew));
      n.set(m, i64.add(m, i64.mul(step, i64.extend_i32_u(grew))));
      n.if(i64.ge_s(m, 0), () => {
        n.set(m, INTEGER_BIT);
        n.set(e, i32.add(e, 1));
      });
    });
    this.slowWhen(i32.and(i32.ge_u(i32.sub(e, 1), 0x7ffe), i64.ne(m, 0)));
    this.put(at, i32.or(s, e), m);
    this.end(flags, pops);
  }

  /**
   * The flags of a result whose significand goes on in `ext`, which is rounded to 64 bits and said to be inexact. To the helper
   * if what is wrong with `ext`, up to {@link DOUBT} unless it is `exact`, could change that, or if it is too large or too small.
   */
  roundInexact({ s, e, m }: Parts, ext: Local<'i64'>, exact?: I32): Local<'i32'> {
    const { n } = this;
    const { i32, i64 } = n;
    const near = i64.lt_u(i64.shl(i64.add(ext, DOUBT), 1), 4 * DOUBT);
    this.slowWhen(exact ? i32.and(near, i32.eqz(exact)) : near);
    n.set(ext, i64.or(ext, 1));
    const grew = n.let(this.grows(this.roundingControl, s, ext, i32.wrap_i64(i64.and(m, 1))));
    n.set(m, i64.add(m, i64.extend_i32_u(grew)));
    n.if(i64.ge_s(m, 0), () => {
      n.set(m, INTEGER_BIT);
      n.set(e, i32.add(e, 1));
    });
    this.slowWhen(i32.ge_u(i32.sub(e, 1), 0x7ffe));
    return n.let(this.inexact(grew));
  }

  isUsed(register: I32): I32 {
    return this.n.i32.and(this.tags, this.bit(register));
  }
  clearC2(): void {
    this.n.set(this.sw, this.n.i32.and(this.sw, ~C2));
  }
  /** C1 stays what it was. */
  keepC1(): void {
    this.kept = C1;
  }
  /** The status word, C1 and condition codes (if given) anew; as many pops as the second argument says. */
  end(flags: I32 | null = null, pops = false, codes: I32 | null = null): void {
    const { n } = this;
    const { i32 } = n;
    n.set(this.sw, i32.and(this.sw, ~((codes ? C1 | CODES : C1) & ~this.kept)));
    if (flags) n.set(this.sw, i32.or(this.sw, flags));
    if (codes) n.set(this.sw, i32.or(this.sw, codes));
    if (pops) {
      n.if(i32.and(n.aux, 0x3000), () => {
        this.pop();
        n.if(i32.and(n.aux, 0x2000), () => this.pop());
        n.store('i32.store', n.state, Sys.FTW, this.tags);
      });
    }
    n.store('i32.store', n.state, Sys.FSW, this.sw);
  }
  private pop(): void {
    const { n } = this;
    const { i32 } = n;
    n.set(this.tags, i32.and(this.tags, i32.xor(this.bit(this.top), -1)));
    n.set(this.top, i32.and(i32.add(this.top, 1), 7));
    this.turnTo(this.top);
  }
  private turnTo(register: I32): void {
    const { n } = this;
    const { i32 } = n;
    n.set(this.sw, i32.or(i32.and(this.sw, ~TOP), i32.shl(register, 11)));
  }
  /** End a push onto the register of that number, which has been put. */
  endPush(to: I32): void {
    this.pushed(to);
    this.end();
  }
  /** The same, and the instruction goes on. */
  pushed(to: I32): void {
    this.turnTo(to);
    this.fill(to);
  }
  /** Set a register's tag. */
  fill(register: I32): void {
    const { n } = this;
    n.set(this.tags, n.i32.or(this.tags, this.bit(register)));
    n.store('i32.store', n.state, Sys.FTW, this.tags);
  }
}
