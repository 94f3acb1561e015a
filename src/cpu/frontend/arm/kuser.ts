import type { Value } from '../../ir/value.ts';
import { LR, Sys } from './registers.ts';
import type { Translator } from './translator.ts';

/**
 * The kernel's user helpers (Documentation/arm/kernel_user_helpers.rst): functions at fixed addresses in the page of the
 * exception vectors. Our guest space ends below it, so what they do is lifted from here, and reads go to a copy.
 */
export const VECTORS = 0xffff_0000;

/** Compare and exchange a word: r0 is 0 and C set where it was done. */
const compareExchange = (t: Translator): void => {
  const { i32 } = t.b;
  const [old, now, at] = [t.r(0), t.r(1), t.r(2)];
  const was = t.atomic('i32.atomic.rmw.cmpxchg', at, old, now) as Value<'i32'>;
  finish(t, i32.eq(was, old));
};

/** log2 of the bytes that have an order: what is 64 bits wide are two words, as for LDREXD. */
const WORDS = 2;

/** The same for 64 bits: r0 and r1 point at the values. */
const compareExchange64 = (t: Translator): void => {
  const at = t.r(2);
  const old = t.load('i64.load', t.r(0), 0, 0, WORDS) as Value<'i64'>;
  const now = t.load('i64.load', t.r(1), 0, 0, WORDS) as Value<'i64'>;
  const was = t.atomic('i64.atomic.rmw.cmpxchg', at, old, now) as Value<'i64'>;
  finish(t, t.b.i64.eq(was, old));
};

const finish = (t: Translator, done: Value<'i32'>): void => {
  const failed = t.b.i32.eqz(done);
  t.setNzcv(t.b.i32.or(t.b.i32.shl(done, t.imm(1)), t.b.i32.shl(done, t.imm(2))));
  t.setR(0, failed);
};

const FUNCTIONS: Readonly<Record<number, (t: Translator) => void>> = {
  [VECTORS + 0xf60]: compareExchange64,
  [VECTORS + 0xfa0]: (t) => void t.b.emit('atomic.fence'),
  [VECTORS + 0xfc0]: compareExchange,
  [VECTORS + 0xfe0]: (t) => t.setR(0, t.b.get('i32', Sys.TPIDRURO)),
};

/** Append what the helper at an address does, and the return; false: there is none. */
export const liftKuser = (t: Translator, pc: number): boolean => {
  const body = FUNCTIONS[pc];
  if (!body) return false;
  body(t);
  t.branchTo(t.r(LR), true);
  return true;
};

/** The page as programs read it: the number of helpers, in units of 32 bytes, at its end. */
export const vectorsPage = (): Uint8Array => {
  const page = new Uint8Array(4096);
  new DataView(page.buffer).setUint32(0xffc, 5, true);
  return page;
};
