/** Repeated MOVS and STOS, forwards, where all pages are plain. */
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
  n.if(i64.ne(i64.shr_u(end, 32), 0), () => n.return(1));
  const page = n.let(i32.wrap_i64(i64.shr_u(start, PAGE_SHIFT)));
  const last = n.let(i32.wrap_i64(i64.shr_u(end, PAGE_SHIFT)));
  n.while(i32.le_u(page, last), () => {
    n.if(i32.ne(n.load('i32.load8_u', page, table), PageByte.PLAIN), () => n.return(1));
    n.set(page, i32.add(page, 1));
  });
};

const repeat =
  (size: Size, moves: boolean): Native =>
  (n) => {
    const { i32, i64 } = n;
    const field = (at: number): Local<'i64'> => n.let(n.load('i64.load', n.state, at));
    const count = field(REPEAT_OPERAND.COUNT);
    n.if(i64.eqz(count), () => n.return(0));
    const to = field(REPEAT_OPERAND.TO);
    const from = moves ? field(REPEAT_OPERAND.FROM) : to;
    const high = i64.or(i64.shr_u(i64.or(count, i64.or(to, from)), 32), n.load('i64.load32_u', n.state, REPEAT_OPERAND.DIRECTION)); // biome-ignore format: one condition
    n.if(i64.ne(high, 0), () => n.return(1));
    const length = n.let(i64.shl(count, Math.log2(size)));
    checkPlain(n, WRITE_BYTES, to, length);
    if (moves) checkPlain(n, READ_BYTES, from, length);
    const at = n.let(i32.wrap_i64(to));
    const end = n.let(i32.add(at, i32.wrap_i64(length)));
    const source = moves ? n.let(i32.wrap_i64(from)) : at;
    const each = (): void => {
      const value = moves ? null : n.let(n.load('i64.load', n.state, REPEAT_OPERAND.VALUE));
      n.while(i32.ne(at, end), () => {
        n.store(STORES[size], at, GUEST_BASE, value ?? n.load(LOADS[size], source, GUEST_BASE));
        n.set(at, i32.add(at, size));
        if (moves) n.set(source, i32.add(source, size));
      });
    };
    const place = (address: Expr<'i32'>): Expr<'i32'> => i32.add(address, GUEST_BASE);
    if (moves) {
      // going forwards, what was written is read again where the ranges overlap
      const overlap = i64.lt_u(i64.sub(to, from), length);
      const bulk = i32.and(i64.ge_u(length, BULK), i32.or(i32.eqz(overlap), i64.eq(to, from)));
      n.if(bulk, () => n.copy(place(at), place(source), i32.wrap_i64(length)), each);
    } else if (size === 1) {
      n.fill(place(at), i32.wrap_i64(n.load('i64.load', n.state, REPEAT_OPERAND.VALUE)), i32.wrap_i64(length));
    } else each();
    const put = (field: number, value: Expr<'i64'>): void => n.store('i64.store', n.state, field, value);
    put(REPEAT_OPERAND.COUNT, n.value('i64', 0));
    put(REPEAT_OPERAND.TO, i64.add(to, length));
    if (moves) put(REPEAT_OPERAND.FROM, i64.add(from, length));
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
