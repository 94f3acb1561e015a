import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import { PAIR_LOCK, State } from '../../../memory/layout.ts';
import type { HelperContext } from '../../helper.ts';
import type { Row } from '../../row.ts';
import { defineHelper, readX, writeX } from '../helpers.ts';
import type { Translator } from '../translator.ts';
import { insn } from './row.ts';

type F = Readonly<Record<string, number>>;
type I32 = Value<'i32'>;
type I64 = Value<'i64'>;

type Rmw = 'add' | 'and' | 'or' | 'xor' | 'xchg';

const OPEN = -1;

/** Atomic operations of 1, 2, 4 or 8 bytes (`size` is the log2); values and results as zero-extended i64. */
const rmw = (t: Translator, op: Rmw, size: number, addr: I64, v: I64): I64 => {
  if (size === 3) return t.b.atomic(`i64.atomic.rmw.${op}`, addr, v);
  const name = (['i32.atomic.rmw8.', 'i32.atomic.rmw16.', 'i32.atomic.rmw.'] as const)[size] ?? 'i32.atomic.rmw.';
  const full = `${name}${op}${size < 2 ? '_u' : ''}` as OpName;
  return t.b.i64.extend_i32_u(t.b.emit(full, addr, t.b.i32.wrap_i64(v)) as I32);
};

/** Compare-exchange; `expected` may have bits above the operand size, which do not count. */
const cmpxchg = (t: Translator, size: number, addr: I64, expected: I64, v: I64): I64 => {
  if (size === 3) return t.b.atomic('i64.atomic.rmw.cmpxchg', addr, expected, v);
  const name = (['i32.atomic.rmw8.cmpxchg_u', 'i32.atomic.rmw16.cmpxchg_u', 'i32.atomic.rmw.cmpxchg'] as const)[size];
  let e = t.b.i32.wrap_i64(expected);
  if (size < 2) e = t.b.i32.and(e, t.b.const32(size === 0 ? 0xff : 0xffff));
  return t.b.i64.extend_i32_u(t.b.atomic(name as 'i32.atomic.rmw.cmpxchg', addr, e, t.b.i32.wrap_i64(v)));
};

const atomicLoad = (t: Translator, size: number, addr: I64): I64 => {
  if (size === 3) return t.b.atomic('i64.atomic.load', addr);
  const name = (['i32.atomic.load8_u', 'i32.atomic.load16_u', 'i32.atomic.load'] as const)[size];
  return t.b.i64.extend_i32_u(t.b.atomic(name as 'i32.atomic.load', addr));
};

const atomicStore = (t: Translator, size: number, addr: I64, v: I64): void => {
  if (size === 3) return void t.b.emit('i64.atomic.store', addr, v);
  const name = (['i32.atomic.store8', 'i32.atomic.store16', 'i32.atomic.store'] as const)[size] as OpName;
  t.b.emit(name, addr, t.b.i32.wrap_i64(v));
};

/** The exclusive monitor keeps address and value; a store succeeds while memory still holds the value. */
const loadExclusive = (t: Translator, { size, rn, rt }: F): void => {
  const addr = t.xsp(rn as number);
  const v = atomicLoad(t, size as number, addr);
  t.b.set(State.EXCL_ADDR, addr);
  t.b.set(State.EXCL_VAL, v);
  t.setX(rt as number, v);
};

/**
 * One compare-exchange without a branch: when the monitor is not ours, the value expected is written
 * over itself, which changes nothing, and the status says failure.
 */
const storeExclusive = (t: Translator, { size, rs, rn, rt }: F): void => {
  const addr = t.xsp(rn as number);
  const ours = t.b.i64.eq(t.b.get('i64', State.EXCL_ADDR), addr);
  const expected = t.b.get('i64', State.EXCL_VAL);
  const old = cmpxchg(t, size as number, addr, expected, t.b.i64.select(t.x(rt as number), expected, ours));
  const done = t.b.i32.and(ours, t.b.i64.eq(old, expected));
  t.b.set(State.EXCL_ADDR, t.b.const64(OPEN));
  t.setW(rs as number, t.b.i32.eqz(done));
};

/** Pairs: 2 × 4 bytes are one 64-bit access, 2 × 8 bytes go to a helper. */
const loadExclusivePair = (t: Translator, { sz, rn, rt, rt2 }: F): void => {
  const addr = t.xsp(rn as number);
  if (sz === 0) {
    const v = atomicLoad(t, 3, addr);
    t.b.set(State.EXCL_ADDR, addr);
    t.b.set(State.EXCL_VAL, v);
    t.setW(rt as number, t.b.i32.wrap_i64(v));
    t.setX(rt2 as number, t.b.i64.shr_u(v, t.b.const64(32)));
    return;
  }
  t.helper(pairHelper, PAIR_LOAD | ((rn as number) << 5) | ((rt as number) << 10) | ((rt2 as number) << 15));
};

const storeExclusivePair = (t: Translator, { sz, rs, rn, rt, rt2 }: F): void => {
  if (sz === 1) {
    t.helper(
      pairHelper,
      PAIR_STORE | (rs as number) | ((rn as number) << 5) | ((rt as number) << 10) | ((rt2 as number) << 15),
    );
    return;
  }
  const { i64 } = t.b;
  const addr = t.xsp(rn as number);
  const ours = i64.eq(t.b.get('i64', State.EXCL_ADDR), addr);
  const expected = t.b.get('i64', State.EXCL_VAL);
  const low = i64.extend_i32_u(t.w(rt as number));
  const v = i64.or(low, i64.shl(t.x(rt2 as number), t.b.const64(32)));
  const old = cmpxchg(t, 3, addr, expected, i64.select(v, expected, ours));
  const done = t.b.i32.and(ours, i64.eq(old, expected));
  t.b.set(State.EXCL_ADDR, t.b.const64(OPEN));
  t.setW(rs as number, t.b.i32.eqz(done));
};

const PAIR_LOAD = 0;
const PAIR_STORE = 1 << 20;
const PAIR_CAS = 2 << 20;
const KINDS = 3 << 20;
const CAS_32 = 1 << 22;

/** A helper's access of two registers' width, done while no other thread does one: wasm and JavaScript have no such atomics. */
const locked = (c: HelperContext, access: () => void): void => {
  const words = new Int32Array(c.u8.buffer, PAIR_LOCK, 1);
  // held for less than a microsecond, unless the holder's thread is not being run
  while (Atomics.compareExchange(words, 0, 0, 1) !== 0) Atomics.wait(words, 0, 1, 1);
  access();
  Atomics.store(words, 0, 0);
};

/** 128-bit exclusive pairs and CASP. aux: rs | rn << 5 | rt << 10 | rt2 << 15 | kind. */
const pairHelper: number = defineHelper((c, state, aux) => {
  const rn = (aux >> 5) & 31;
  const addr = c.view.getBigUint64(state + State.REGS + 8 * rn, true);
  const half = (aux & CAS_32) !== 0 ? 4 : 8;
  const at = c.access(state, addr, 2 * half, (aux & KINDS) !== PAIR_LOAD, true);
  if (at < 0) return 1;
  locked(c, () => pairAccess(c, state, aux, addr, at));
  return 0;
});

const pairAccess = (c: HelperContext, state: number, aux: number, addr: bigint, at: number): void => {
  const rt = (aux >> 10) & 31;
  const rt2 = (aux >> 15) & 31;
  const rs = aux & 31;
  const kind = aux & KINDS;
  const half = (aux & CAS_32) !== 0 ? 4 : 8;
  const read = (o: number): bigint => (half === 8 ? c.view.getBigUint64(o, true) : BigInt(c.view.getUint32(o, true)));
  const write = (o: number, v: bigint): void => {
    if (half === 8) c.view.setBigUint64(o, v, true);
    else c.view.setUint32(o, Number(v & 0xffffffffn), true);
  };
  const lo = read(at);
  const hi = read(at + half);
  if (kind === PAIR_LOAD) {
    c.view.setBigUint64(state + State.EXCL_ADDR, addr, true);
    c.view.setBigUint64(state + State.EXCL_VAL, lo, true);
    c.view.setBigUint64(state + State.EXCL_VAL + 8, hi, true);
    writeX(c, state, rt, lo);
    writeX(c, state, rt2, hi);
  } else if (kind === PAIR_STORE) {
    const ok =
      c.view.getBigUint64(state + State.EXCL_ADDR, true) === addr &&
      c.view.getBigUint64(state + State.EXCL_VAL, true) === lo &&
      c.view.getBigUint64(state + State.EXCL_VAL + 8, true) === hi;
    if (ok) {
      write(at, readX(c, state, rt));
      write(at + 8, readX(c, state, rt2));
    }
    c.view.setBigInt64(state + State.EXCL_ADDR, BigInt(OPEN), true);
    writeX(c, state, rs, ok ? 0n : 1n);
  } else {
    const mask = half === 8 ? 0xffffffffffffffffn : 0xffffffffn;
    if ((readX(c, state, rs) & mask) === lo && (readX(c, state, rs + 1) & mask) === hi) {
      write(at, readX(c, state, rt));
      write(at + half, readX(c, state, rt + 1));
    }
    writeX(c, state, rs, lo);
    writeX(c, state, rs + 1, hi);
  }
};

const casp = (t: Translator, { sz, rs, rn, rt }: F): void => {
  if (((rs as number) & 1) === 1 || ((rt as number) & 1) === 1) return t.undefined();
  t.helper(
    pairHelper,
    PAIR_CAS | (rs as number) | ((rn as number) << 5) | ((rt as number) << 10) | (sz === 0 ? CAS_32 : 0),
  );
};

const compareAndSwap = (t: Translator, { size, rs, rn, rt }: F): void => {
  t.setX(rs as number, cmpxchg(t, size as number, t.xsp(rn as number), t.x(rs as number), t.x(rt as number)));
};

/** LDSMAX, LDSMIN, LDUMAX, LDUMIN: no wasm atomic. aux: rs | rn << 5 | rt << 10 | size << 15 | opc << 17 */
const minMaxHelper: number = defineHelper((c, state, aux) => {
  const size = (aux >> 15) & 3;
  const addr = c.view.getBigUint64(state + State.REGS + 8 * ((aux >> 5) & 31), true);
  const at = c.access(state, addr, 1 << size, true, true);
  if (at < 0) return 1;
  const [rs, rt, opc] = [aux & 31, (aux >> 10) & 31, (aux >> 17) & 3];
  const bits = 8 << size;
  const cast = (v: bigint): bigint => (opc < 2 ? BigInt.asIntN(bits, v) : BigInt.asUintN(bits, v));
  const b = cast(readX(c, state, rs));
  const { load, exchange } = cells(c, size, at);
  let old = load();
  for (;;) {
    const a = cast(old);
    // SMAX and UMAX have an even opc
    const seen = exchange(old, b > a === ((opc & 1) === 0) ? b : a);
    if (seen === old) break;
    old = seen;
  }
  writeX(c, state, rt, old);
  return 0;
});

/** An aligned place of 1, 2, 4 or 8 bytes (log2 `size`) by JavaScript's atomics; values are zero-extended. */
const cells = (
  c: HelperContext,
  size: number,
  at: number,
): { load: () => bigint; exchange: (old: bigint, value: bigint) => bigint } => {
  const { buffer } = c.u8;
  if (size === 3) {
    const longs = new BigUint64Array(buffer, at, 1);
    return {
      load: () => Atomics.load(longs, 0),
      exchange: (old, value) => Atomics.compareExchange(longs, 0, old, value),
    };
  }
  const parts = new ([Uint8Array, Uint16Array, Uint32Array][size] as typeof Uint32Array)(buffer, at, 1);
  return {
    load: () => BigInt(Atomics.load(parts, 0)),
    exchange: (old, value) => BigInt(Atomics.compareExchange(parts, 0, Number(old), Number(BigInt.asUintN(32, value)))),
  };
};

const ALL = -1;
/** Atomic memory operations by opc (C4.1.91): ADD CLR EOR SET SMAX SMIN UMAX UMIN. */
const atomicOp = (t: Translator, { size, rs, opc, rn, rt }: F): void => {
  const op = opc as number;
  if (op >= 4) {
    t.helper(
      minMaxHelper,
      (rs as number) | ((rn as number) << 5) | ((rt as number) << 10) | ((size as number) << 15) | ((op - 4) << 17),
    );
    return;
  }
  let v = t.x(rs as number);
  if (op === 1) v = t.b.i64.xor(v, t.b.const64(ALL));
  const name = (['add', 'and', 'xor', 'or'] as const)[op] as Rmw;
  t.setX(rt as number, rmw(t, name, size as number, t.xsp(rn as number), v));
};

/** C4.1.91 Loads and Stores: exclusive, ordered, and atomic memory operations (FEAT_LSE, FEAT_LRCPC) */
// biome-ignore format: one instruction per line
export const atomics: readonly Row<Translator>[] = [
  insn('st{l}xr<size> <Ws>, <Rt>, [<Xn|SP>]', 'size:2 001000 000 rs:5 x xxxxx rn:5 rt:5', storeExclusive),
  insn('ld{a}xr<size> <Rt>, [<Xn|SP>]', 'size:2 001000 010 xxxxx x xxxxx rn:5 rt:5', loadExclusive),
  insn('st{l}xp <Ws>, <Rt>, <Rt2>, [<Xn|SP>]', '1 sz:1 001000 001 rs:5 x rt2:5 rn:5 rt:5', storeExclusivePair),
  insn('ld{a}xp <Rt>, <Rt2>, [<Xn|SP>]', '1 sz:1 001000 011 xxxxx x rt2:5 rn:5 rt:5', loadExclusivePair),
  insn('stlr<size> <Rt>, [<Xn|SP>]', 'size:2 001000 100 xxxxx x xxxxx rn:5 rt:5', (t, { size, rn, rt }) => atomicStore(t, size, t.xsp(rn), t.x(rt))),
  insn('ldar<size> <Rt>, [<Xn|SP>]', 'size:2 001000 110 xxxxx x xxxxx rn:5 rt:5', (t, { size, rn, rt }) => t.setX(rt, atomicLoad(t, size, t.xsp(rn)))),
  insn('ldapr<size> <Rt>, [<Xn|SP>]', 'size:2 111 0 00 101 11111 1 100 00 rn:5 rt:5', (t, { size, rn, rt }) => t.setX(rt, atomicLoad(t, size, t.xsp(rn)))),
  insn('casp{a}{l} <Rs>, <Rs+1>, <Rt>, <Rt+1>, [<Xn|SP>]', '0 sz:1 001000 0 x 1 rs:5 x 11111 rn:5 rt:5', casp),
  insn('cas{a}{l}<size> <Rs>, <Rt>, [<Xn|SP>]', 'size:2 001000 1 x 1 rs:5 x 11111 rn:5 rt:5', compareAndSwap),
  insn('ld<atomic>{a}{l}<size> <Rs>, <Rt>, [<Xn|SP>]', 'size:2 111 0 00 x x 1 rs:5 0 opc:3 00 rn:5 rt:5', atomicOp),
  insn('swp{a}{l}<size> <Rs>, <Rt>, [<Xn|SP>]', 'size:2 111 0 00 x x 1 rs:5 1 000 00 rn:5 rt:5', (t, { size, rs, rn, rt }) => t.setX(rt, rmw(t, 'xchg', size, t.xsp(rn), t.x(rs)))),
];
