import type { Value } from '../../../ir/value.ts';
import { Exit } from '../../../memory/layout.ts';
import type { Int, Size } from '../flags.ts';
import { divideSigned, divideUnsigned } from '../helpers/divide.ts';
import { RAX, RDX, Sys } from '../registers.ts';
import type { Translator } from '../translator.ts';

type I32 = Value<'i32'>;

/** Numbers of 128 bits go to a helper, unless RDX extends RAX, as compilers have it. */
const divide64 = (t: Translator, signed: boolean): void => {
  const { b } = t;
  const { i32, i64 } = b;
  const [d, low, high] = [t.rm(8), t.reg(RAX, 8), t.reg(RDX, 8)];
  let plain = i64.eq(high, signed ? i64.shr_s(low, b.const64(63)) : b.const64(0));
  plain = i32.and(plain, i64.ne(d, b.const64(0)));
  if (signed) {
    const overflows = i32.and(i64.eq(d, b.const64(-1)), i64.eq(low, b.const64(-(2n ** 63n))));
    plain = i32.and(plain, i32.eqz(overflows));
  }
  const safe = i64.select(d, b.const64(1), plain);
  const quotient = signed ? i64.div_s(low, safe) : i64.div_u(low, safe);
  const remainder = i64.sub(low, i64.mul(quotient, safe));
  b.beginWhen(i32.eqz(plain));
  b.set(Sys.OPERAND, d);
  b.helper(signed ? divideSigned : divideUnsigned);
  b.endWhen();
  const [q, r] = [t.reg(RAX, 8), t.reg(RDX, 8)];
  t.setReg(RAX, i64.select(quotient, q, plain), 8);
  t.setReg(RDX, i64.select(remainder, r, plain), 8);
};

/** DIV, IDIV; the flags, which are undefined, stay. */
export const divide = (t: Translator, size: Size, signed: boolean): void => {
  if (size === 8) return divide64(t, signed);
  const { b } = t;
  const { i32 } = b;
  // the dividend has twice the operand's size
  const wide: Size = size === 4 ? 8 : 4;
  const ns = t.ns(wide);
  const given = t.rm(size);
  const d = size === 4 ? t.convert(given, 4, 8, signed) : signed ? t.sx(given, size) : t.zx(given, size);
  let n: Int;
  if (size === 1) n = signed ? t.sx(t.reg(RAX, 2), 2) : t.zx(t.reg(RAX, 2), 2);
  else {
    const low = size === 4 ? t.convert(t.reg(RAX, 4), 4, 8, false) : t.zx(t.reg(RAX, 2), 2);
    const high = size === 4 ? t.convert(t.reg(RDX, 4), 4, 8, false) : t.reg(RDX, 2);
    n = ns.or(ns.shl(high, t.k(8 * size, wide)), low);
  }
  const zero = ns.eqz(d);
  let unsafe = zero;
  if (signed) {
    const lowest = wide === 8 ? (b.const64(-(2n ** 63n)) as Int) : t.k(-0x8000_0000, 4);
    unsafe = i32.or(zero, i32.and(ns.eq(d, t.k(-1, wide)), ns.eq(n, lowest)));
  }
  const safe = b.emit(wide === 8 ? 'i64.select' : 'i32.select', t.k(1, wide), d, unsafe) as Int;
  const q = signed ? ns.div_s(n, safe) : ns.div_u(n, safe);
  const r = ns.sub(n, ns.mul(q, safe));
  let bad: I32;
  if (size === 4) {
    const low = b.i32.wrap_i64(q) as Value as Int;
    bad = i32.or(unsafe, b.i64.ne(q, t.convert(low, 4, 8, signed)));
  } else bad = i32.or(unsafe, ns.ne(q, signed ? t.sx(q, size) : t.zx(q, size)));
  t.exitWhen(bad, Exit.DIVIDE);
  const cut = (v: Int): Int => (size === 4 ? (b.i32.wrap_i64(v) as Value as Int) : v);
  if (size === 1) {
    const both = t.ns(4).or(t.zx(q, 1), t.ns(4).shl(r, t.k(8, 4)));
    return t.setReg(RAX, both, 2);
  }
  t.setReg(RAX, cut(q), size);
  t.setReg(RDX, cut(r), size);
};
