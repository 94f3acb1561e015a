import type { Args, ArgType, OpName, ResultOf } from './opcodes.ts';
import type { Type } from './types.ts';

/** An expression of a native: evaluated wherever it is put, each time. */
export interface Expr<T extends Type = Type> {
  readonly type: T;
  /** Append the instructions that push its value. */
  emit(): void;
}
/** A variable. */
export interface Local<T extends Type = Type> extends Expr<T> {
  readonly local: number;
}

/** An operand: numbers are constants of the type that is due. */
export type Operand<T extends Type> =
  | Expr<T>
  | (T extends 'v128' ? never : number | (T extends 'i64' ? bigint : never));
type OperandOf<A> = A extends Type ? Operand<A> : Operand<'i32'>;
type Operands<A extends readonly ArgType[]> = { [K in keyof A]: OperandOf<A[K]> };
/** The operations of a type that have values for operands only, as the IR's builder has them. */
export type Operations<P extends string> = {
  readonly [O in OpName as O extends `${P}.${infer M}` ? M : never]: (
    ...args: Operands<Args<O>>
  ) => Expr<ResultOf<O> & Type>;
};

/** Numbers that natives look up, u64s; made when natives are generated. The same function is the same table. */
export type NativeTable = () => readonly bigint[];

/**
 * What natives are written in: functions (state, aux) → i32 in WebAssembly, for what is too long to stand in line and too
 * frequent for a helper. They work on the CPU state alone. Returning 0 they have done the instruction; anything else
 * says that they have changed nothing and that the helper is to do it.
 */
export interface NativeBuilder {
  /** Wasm offset of the CPU state, and the second argument. */
  readonly state: Expr<'i32'>;
  readonly aux: Expr<'i32'>;
  readonly i32: Operations<'i32'>;
  readonly i64: Operations<'i64'>;
  readonly f64: Operations<'f64'>;
  readonly v128: Operations<'v128'>;
  readonly i8x16: Operations<'i8x16'>;
  readonly i16x8: Operations<'i16x8'>;
  readonly i64x2: Operations<'i64x2'>;
  value<T extends Type>(type: T, value: Operand<T>): Expr<T>;
  /** A new variable with a value. */
  let<T extends Type>(value: Expr<T>): Local<T>;
  set<T extends Type>(variable: Local<T>, value: Operand<T>): void;
  /** Memory of the emulator's: at `base` + `offset`. */
  load<O extends OpName>(name: O, base: Expr<'i32'>, offset: number): Expr<ResultOf<O> & Type>;
  store(name: OpName, base: Expr<'i32'>, offset: number, value: Expr): void;
  /** Where a table lies, for {@link load}. */
  table(table: NativeTable): number;
  /** memory.copy and memory.fill on the emulator's memory. */
  copy(to: Expr<'i32'>, from: Expr<'i32'>, length: Expr<'i32'>): void;
  fill(to: Expr<'i32'>, byte: Expr<'i32'>, length: Expr<'i32'>): void;
  if(condition: Expr<'i32'>, then: () => void, otherwise?: () => void): void;
  /** Do the body as long as the condition holds. */
  while(condition: Expr<'i32'>, body: () => void): void;
  return(value: Operand<'i32'>): void;
}

/** In place of a helper's number: the native does all, and changes nothing but what is peeked behind it. */
export const PURE_NATIVE = 0xfffe;
export const isPure = (call: { readonly imm: number }): boolean => (call.imm & 0xffff) === PURE_NATIVE;

/** Writes a native's body; falling off its end returns 0. */
export type Native = (n: NativeBuilder) => void;
