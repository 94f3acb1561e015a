import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import { State } from '../../../memory/layout.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { a32, type F, t32 } from './row.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;

/** log2 of the bytes: 0, 1, 2, or 3 for a pair of registers. */
type Size = 0 | 1 | 2 | 3;
const LOADS = ['i32.atomic.load8_u', 'i32.atomic.load16_u', 'i32.atomic.load'] as const;
const STORES = ['i32.atomic.store8', 'i32.atomic.store16', 'i32.atomic.store'] as const;
const EXCHANGES = ['i32.atomic.rmw8.cmpxchg_u', 'i32.atomic.rmw16.cmpxchg_u', 'i32.atomic.rmw.cmpxchg'] as const;

const wide = (t: Translator, v: I32): I64 => t.b.i64.extend_i32_u(v);

const pairValue = (t: Translator, low: number, high: number): I64 =>
  t.b.i64.or(wide(t, t.r(low)), t.b.i64.shl(wide(t, t.r(high)), t.b.const64(32)));

/** The exclusive monitor keeps address and value; a store succeeds while memory still holds the value. */
export const loadExclusive = (t: Translator, size: Size, rt: number, rt2: number, addr: I32): void => {
  const { i32, i64 } = t.b;
  if (size === 3) {
    const v = t.atomic('i64.atomic.load', addr);
    t.set(State.EXCL_ADDR, wide(t, addr));
    t.set(State.EXCL_VAL, v);
    t.setR(rt, i32.wrap_i64(v));
    t.setR(rt2, i32.wrap_i64(i64.shr_u(v, t.b.const64(32))));
    return;
  }
  const v = t.atomic(LOADS[size] as 'i32.atomic.load', addr);
  t.set(State.EXCL_ADDR, wide(t, addr));
  t.set(State.EXCL_VAL, wide(t, v));
  t.setR(rt, v);
};

/** One compare-exchange: where the monitor is not ours, the value expected is written over itself. */
export const storeExclusive = (t: Translator, size: Size, rd: number, rt: number, rt2: number, addr: I32): void => {
  const { i32, i64 } = t.b;
  t.open();
  const ours = i64.eq(t.b.get('i64', State.EXCL_ADDR), wide(t, addr));
  const expected = t.b.get('i64', State.EXCL_VAL);
  let same: I32;
  if (size === 3) {
    const old = t.atomic('i64.atomic.rmw.cmpxchg', addr, expected, i64.select(pairValue(t, rt, rt2), expected, ours));
    same = i64.eq(old, expected);
  } else {
    const low = i32.wrap_i64(expected);
    // what an exclusive load of another size left has more bits than the access
    const cut = size === 2 ? low : i32.and(low, t.imm(size === 0 ? 0xff : 0xffff));
    const old = t.atomic(EXCHANGES[size] as 'i32.atomic.rmw.cmpxchg', addr, cut, i32.select(t.r(rt), cut, ours));
    same = i64.eq(wide(t, old), expected);
  }
  t.set(State.EXCL_ADDR, t.b.const64(-1));
  t.setR(rd, i32.eqz(i32.and(ours, same)));
};

const acquire = (t: Translator, size: 0 | 1 | 2, rt: number, addr: I32): void =>
  t.setR(rt, t.atomic(LOADS[size] as 'i32.atomic.load', addr));
const release = (t: Translator, size: 0 | 1 | 2, rt: number, addr: I32): void =>
  void t.atomic(STORES[size] as OpName, addr, t.r(rt));

/** SWP, SWPB: old, but Linux still does them. */
const swap = (t: Translator, f: F): void => {
  const op = f.byte === 1 ? 'i32.atomic.rmw8.xchg_u' : 'i32.atomic.rmw.xchg';
  t.setR(f.rt as number, t.atomic(op, t.r(f.rn as number), t.r(f.rt2 as number)) as I32);
};

/** A32 pairs begin at an even register. */
const even = (t: Translator, rt: number): boolean => {
  if ((rt & 1) === 0 && rt !== 14) return true;
  t.undefined();
  return false;
};

const SUFFIXES: readonly (readonly [suffix: string, code: string, size: Size])[] = [['', '00', 2], ['d', '01', 3], ['b', '10', 0], ['h', '11', 1]]; // biome-ignore format: a table

/** F4.1.3: synchronization primitives; LDAEX and STLEX order more, which atomic accesses do anyway */
// biome-ignore format: one instruction per line
export const a32Synchronize: readonly Row<Translator>[] = [
  a32('swp{b}<c> <Rt>, <Rt2>, [<Rn>]', '0001 0 byte:1 00 rn:4 rt:4 0000 1001 rt2:4', swap),
  ...SUFFIXES.flatMap(([suffix, code, size]) =>
    (['', 'a'] as const).flatMap((order) => {
      const head = `0001 1 ${code}`;
      const bits = order === '' ? '11' : '10';
      const d = size === 3 ? ', <Rt2>' : '';
      return [
        a32(`${order === '' ? 'strex' : 'stlex'}${suffix}<c> <Rd>, <Rt>${d}, [<Rn>]`, `${head} 0 rn:4 rd:4 11 ${bits} 1001 rt:4` as string, (t, f) => {
          if (size !== 3 || even(t, f.rt as number)) storeExclusive(t, size, f.rd as number, f.rt as number, (f.rt as number) + 1, t.r(f.rn as number));
        }),
        a32(`${order === '' ? 'ldrex' : 'ldaex'}${suffix}<c> <Rt>${d}, [<Rn>]`, `${head} 1 rn:4 rt:4 11 ${bits} 1001 1111` as string, (t, f) => {
          if (size !== 3 || even(t, f.rt as number)) loadExclusive(t, size, f.rt as number, (f.rt as number) + 1, t.r(f.rn as number));
        }),
      ];
    }),
  ),
  ...SUFFIXES.flatMap(([suffix, code, size]) => size === 3 ? [] : [
    a32(`stl${suffix}<c> <Rt>, [<Rn>]`, `0001 1 ${code} 0 rn:4 1111 11 00 1001 rt:4` as string, (t, f) => release(t, size, f.rt as number, t.r(f.rn as number))),
    a32(`lda${suffix}<c> <Rt>, [<Rn>]`, `0001 1 ${code} 1 rn:4 rt:4 11 00 1001 1111` as string, (t, f) => acquire(t, size, f.rt as number, t.r(f.rn as number))),
  ]),
];

const T32_SIZES: readonly (readonly [suffix: string, code: string, size: 0 | 1 | 2])[] = [['b', '00', 0], ['h', '01', 1], ['', '10', 2]]; // biome-ignore format: a table

/** F3.1.5: load/store exclusive, load-acquire/store-release */
// biome-ignore format: one instruction per line
export const t32Synchronize: readonly Row<Translator>[] = [
  t32('strex<c> <Rd>, <Rt>, [<Rn>, #<imm8:00>]', '1110100 00100 rn:4 rt:4 rd:4 imm8:8', (t, f) => storeExclusive(t, 2, f.rd, f.rt, 0, t.b.i32.add(t.r(f.rn), t.imm(f.imm8 * 4)))),
  t32('ldrex<c> <Rt>, [<Rn>, #<imm8:00>]', '1110100 00101 rn:4 rt:4 1111 imm8:8', (t, f) => loadExclusive(t, 2, f.rt, 0, t.b.i32.add(t.r(f.rn), t.imm(f.imm8 * 4)))),
  ...T32_SIZES.flatMap(([suffix, code, size]) => [
    ...(size === 2 ? [] : [
      t32(`strex${suffix}<c> <Rd>, <Rt>, [<Rn>]`, `1110100 01100 rn:4 rt:4 1111 01 ${code} rd:4` as string, (t, f) => storeExclusive(t, size, f.rd as number, f.rt as number, 0, t.r(f.rn as number))),
      t32(`ldrex${suffix}<c> <Rt>, [<Rn>]`, `1110100 01101 rn:4 rt:4 1111 01 ${code} 1111` as string, (t, f) => loadExclusive(t, size, f.rt as number, 0, t.r(f.rn as number))),
    ]),
    t32(`stl${suffix}<c> <Rt>, [<Rn>]`, `1110100 01100 rn:4 rt:4 1111 10 ${code} 1111` as string, (t, f) => release(t, size, f.rt as number, t.r(f.rn as number))),
    t32(`lda${suffix}<c> <Rt>, [<Rn>]`, `1110100 01101 rn:4 rt:4 1111 10 ${code} 1111` as string, (t, f) => acquire(t, size, f.rt as number, t.r(f.rn as number))),
    t32(`stlex${suffix}<c> <Rd>, <Rt>, [<Rn>]`, `1110100 01100 rn:4 rt:4 1111 11 ${code} rd:4` as string, (t, f) => storeExclusive(t, size, f.rd as number, f.rt as number, 0, t.r(f.rn as number))),
    t32(`ldaex${suffix}<c> <Rt>, [<Rn>]`, `1110100 01101 rn:4 rt:4 1111 11 ${code} 1111` as string, (t, f) => loadExclusive(t, size, f.rt as number, 0, t.r(f.rn as number))),
  ]),
  ...(['', 'a'] as const).flatMap((order) => {
    const bits = order === '' ? '01' : '11';
    return [
      t32(`${order === '' ? 'strexd' : 'stlexd'}<c> <Rd>, <Rt>, <Rt2>, [<Rn>]`, `1110100 01100 rn:4 rt:4 rt2:4 ${bits} 11 rd:4` as string, (t, f) => storeExclusive(t, 3, f.rd as number, f.rt as number, f.rt2 as number, t.r(f.rn as number))),
      t32(`${order === '' ? 'ldrexd' : 'ldaexd'}<c> <Rt>, <Rt2>, [<Rn>]`, `1110100 01101 rn:4 rt:4 rt2:4 ${bits} 11 1111` as string, (t, f) => loadExclusive(t, 3, f.rt as number, f.rt2 as number, t.r(f.rn as number))),
    ];
  }),
];
