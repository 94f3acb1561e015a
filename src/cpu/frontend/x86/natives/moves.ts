/** Repeated MOVS and STOS where all pages are plain. */
import type { Expr, Local, Native, NativeBuilder } from '../../../ir/native.ts';
import { GUEST_BASE, PAGE_SHIFT, PageByte, READ_BYTES, WRITE_BYTES } from '../../../memory/layout.ts';
import { NATIVE_OPERAND, Sys } from '../registers.ts';

/** Where rows put rcx, rsi, rdi and rax (i64), and DF (i32), and find the first three when it is done. */
export const REPEAT_OPERAND = {
  COUNT: NATIVE_OPERAND,
  FROM: NATIVE_OPERAND + 8,
  TO: NATIVE_OPERAND + 16,
  VALUE: NATIVE_OPERAND + 24,
  DIRECTION: Sys.NUMBER,
} as const;

type Size = 1 | 2 | 4 | 8;
const LOADS = { 1: 'i64.load8_u', 2: 'i64.load16_u', 4: 'i64.load32_u', 8: 'i64.load' } as const;
const STORES = { 1: 'i64.store8', 2: 'i64.store16', 4: 'i64.store32', 8: 'i64.store' } as const;
/** Bytes from which on a bulk instruction of wasm is worth its call. */
const BULK = 128;

/** Leave it to the helper unless all pages of [start, start + length) are plain. */
const checkPlain = (n: NativeBuilder, table: number, start: Expr<'i64'>, length: Expr<'i64'>): void => {
  const { i32, i64 } = n;
  const end = n.let(i64.sub(i64.add(start, length), 1));
  n.if(i64.ne(i64.shr_u(i64.or(start, end), 32), 0), () => n.return(1));
  const page = n.let(i32.wrap_i64(i64.shr_u(start, PAGE_SHIFT)));
  const last = n.let(i32.wrap_i64(i64.shr_u(end, PAGE_SHIFT)));
  n.while(i32.le_u(page, last), () => {
    n.if(i32.ne(n.load('i32.load8_u', page, table), PageByte.PLAIN), () => n.return(1));
    n.set(page, i32.add(page, 1));
  });
};

/** Bytes that a vector holds. */
const VECTOR = 16;

/** 1 in the lowest bit of each element of 64 bits. */
const ONES = { 1: 0x0101_0101_0101_0101n, 2: 0x0001_0001_0001_0001n, 4: 0x0000_0001_0000_0001n, 8: 1n } as const;
/** The low 8 · size bits of a value, over and over. */
const spread = ({ i64 }: NativeBuilder, size: Size, value: Expr<'i64'>): Expr<'i64'> =>
  size === 8 ? value : i64.mul(i64.and(value, (1n << BigInt(8 * size)) - 1n), ONES[size]);

const repeat =
  (size: Size, moves: boolean): Native =>
  (n) => {
    const { i32, i64 } = n;
    const field = (at: number): Local<'i64'> => n.let(n.load('i64.load', n.state, at));
    const count = field(REPEAT_OPERAND.COUNT);
    n.if(i64.eqz(count), () => n.return(0));
    const to = field(REPEAT_OPERAND.TO);
    const from = moves ? field(REPEAT_OPERAND.FROM) : to;
    const high = i64.shr_u(i64.or(count, i64.or(to, from)), 32);
    n.if(i64.ne(high, 0), () => n.return(1));
    const length = n.let(i64.shl(count, Math.log2(size)));
    const down = n.let(n.load('i32.load', n.state, REPEAT_OPERAND.DIRECTION));
    // the lowest bytes: going down, those of the last element
    const below = n.let(n.value('i64', 0));
    n.if(down, () => n.set(below, i64.sub(length, size)));
    const lowTo = n.let(i64.sub(to, below));
    const lowFrom = moves ? n.let(i64.sub(from, below)) : lowTo;
    checkPlain(n, WRITE_BYTES, lowTo, length);
    if (moves) checkPlain(n, READ_BYTES, lowFrom, length);
    const place = (address: Expr<'i64'>): Expr<'i32'> => i32.add(i32.wrap_i64(address), GUEST_BASE);
    if (moves) {
      // what was written is read again where the ranges overlap, unless it lies behind
      const distance = i64.select(i64.sub(from, to), i64.sub(to, from), down);
      const bulk = i32.and(i64.ge_u(length, BULK), i64.ge_u(i64.sub(distance, 1), i64.sub(length, 1)));
      const each = (): void => {
        const at = n.let(i32.wrap_i64(to));
        const source = n.let(i32.wrap_i64(from));
        const step = n.let(i32.select(n.value('i32', -size), n.value('i32', size), down));
        const end = n.let(i32.add(at, i32.mul(step, i32.wrap_i64(count))));
        n.while(i32.ne(at, end), () => {
          n.store(STORES[size], at, GUEST_BASE, n.load(LOADS[size], source, GUEST_BASE));
          n.set(at, i32.add(at, step));
          n.set(source, i32.add(source, step));
        });
      };
      n.if(bulk, () => n.copy(place(lowTo), place(lowFrom), i32.wrap_i64(length)), each);
    } else {
      const value = n.let(spread(n, size, n.load('i64.load', n.state, REPEAT_OPERAND.VALUE)));
      const each = (): void => {
        const at = n.let(i32.wrap_i64(lowTo));
        const end = n.let(i32.add(at, i32.wrap_i64(length)));
        const vector = n.let(n.i64x2.splat(value));
        n.while(i32.ge_u(i32.sub(end, at), VECTOR), () => {
          n.store('v128.store', at, GUEST_BASE, vector);
          n.set(at, i32.add(at, VECTOR));
        });
        n.while(i32.ne(at, end), () => {
          n.store(STORES[size], at, GUEST_BASE, value);
          n.set(at, i32.add(at, size));
        });
      };
      const bulk = i32.and(i64.ge_u(length, BULK), i64.eq(spread(n, 1, value), value));
      n.if(bulk, () => n.fill(place(lowTo), i32.wrap_i64(value), i32.wrap_i64(length)), each);
    }
    // going up it ends behind the last element, going down below it
    const put = (field: number, value: Expr<'i64'>): void => n.store('i64.store', n.state, field, value);
    const by = n.let(i64.select(i64.sub(n.value('i64', 0), length), length, down));
    put(REPEAT_OPERAND.COUNT, n.value('i64', 0));
    put(REPEAT_OPERAND.TO, i64.add(to, by));
    if (moves) put(REPEAT_OPERAND.FROM, i64.add(from, by));
  };

const bySize = (moves: boolean): Record<Size, Native> => ({
  1: repeat(1, moves),
  2: repeat(2, moves),
  4: repeat(4, moves),
  8: repeat(8, moves),
});
export const repeatMoves: Record<Size, Native> = bySize(true);
export const repeatStores: Record<Size, Native> = bySize(false);
export const moveNatives: readonly Native[] = [repeatMoves, repeatStores].flatMap((family) => Object.values(family));
